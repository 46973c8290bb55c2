"""A tree file from its upload over the job to the result, and what may come between (T6)."""

import importlib
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from majung.tree import services, sheets
from majung.tree.models import LegalEntity, SheetDraft, Unit, UnitKind
from majung.tree.tasks import apply_sheet
from tests.make import tree as make
from tests.make.database import second_connection
from tests.make.sheets import HEAD, code, compared, line, shape
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("T6"), pytest.mark.django_db]
applying = importlib.import_module("majung.tree.sheets.apply")  # the package has a function of that name


@pytest.fixture
def party() -> Organised:
    """Seven units: 0 the top; 1, 2 below it; 3, 4 below 1; 5, 6 below 2."""
    return make.organisation(depth=3)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def upload(text: str | bytes, name: str = "tree.csv") -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())}


def begun(party: Organised, *lines: str) -> tuple[Client, str, SheetDraft]:
    """A file that was uploaded and pressed; its job waits."""
    client = client_of(party.owner)
    url = client.post("/tree/sheet/", upload("\n".join((HEAD, *lines)))).headers["Location"]
    assert client.post(url).headers["Location"] == url
    return client, url, SheetDraft.objects.get()


def waiting_jobs() -> list[dict[str, Any]]:
    rows = ProcrastinateJob.objects.filter(task_name="tree.apply_sheet").order_by("pk")
    return [row.args for row in rows]


def test_from_upload_over_the_press_to_the_result(party: Organised) -> None:
    lines = (line(party, 1, name="서울특별시당"), f"NEW,{code(party, 1)},,새 동,,,,,")
    client = client_of(party.owner)
    url = client.post("/tree/sheet/", upload("\n".join((HEAD, *lines)))).headers["Location"]
    assert "2군데 적용하기" in client.get(url).content.decode()

    client.post(url)
    client.post(url)  # pressed again, it is queued once
    waits = client.get(url).content.decode()
    piece = client.get(url, headers={"HX-Request": "true", "HX-Target": "progress"})
    draft = SheetDraft.objects.get()
    assert waiting_jobs() == [{"draft_id": draft.pk}]
    assert "2줄을 적용하고 있습니다" in waits
    assert "HX-Refresh" not in piece.headers
    assert not Unit.objects.filter(code="NEW").exists()

    apply_sheet(draft.pk)
    apply_sheet(draft.pk)  # a second worker finds it done
    result = client.get(url).content.decode()
    assert {("NEW", code(party, 1), "새 동", "active")} <= shape(party)
    draft.refresh_from_db()
    assert (draft.state, draft.done, draft.result) == ("done", 2, {"새로 생김": 1, "이름 바뀜": 1})
    assert "적용했습니다" in result
    assert "이름 바뀜" in result
    assert "적용함" in client.get("/tree/sheet/").content.decode()
    assert client.get(url, headers={"HX-Request": "true", "HX-Target": "progress"})["HX-Refresh"] == "true"
    client.post(url)
    assert len(waiting_jobs()) == 1


def test_a_tree_that_moved_on_before_the_job_is_left_as_it_is(party: Organised) -> None:
    client, url, draft = begun(party, line(party, 1, name="서울특별시당"))
    services.rename_unit(party.actor, party.units[6], "다른 이름")

    apply_sheet(draft.pk)

    page = client.get(url).content.decode()
    assert "적용하지 못했습니다. 그사이 조직이 바뀌었습니다." in page
    assert not Unit.objects.filter(name="서울특별시당").exists()


def test_a_file_of_somebody_who_lost_the_grant_is_not_applied(party: Organised) -> None:
    made = make.lent(party, party.units[1])
    assert made.user is not None
    client = client_of(made.user)
    url = client.post("/tree/sheet/", upload("\n".join((HEAD, line(party, 3, name="새 이름"))))).headers["Location"]
    client.post(url)
    services.revoke(party.actor, made.grants[0])

    apply_sheet(SheetDraft.objects.get().pk)

    assert "권한이 그사이 끝나" in SheetDraft.objects.get().problem
    assert not Unit.objects.filter(name="새 이름").exists()


def test_a_fault_in_the_midst_undoes_all_and_may_be_pressed_again(
    party: Organised, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, url, draft = begun(
        party, line(party, 1, name="서울특별시당"), line(party, 2, name="부산광역시당"), line(party, 3, name="셋")
    )
    real, calls = services.edit_unit, []

    def breaks(*given: Any) -> Unit:
        calls.append(given)
        if len(calls) == 2:
            raise ZeroDivisionError
        return real(*given)

    before = shape(party)
    monkeypatch.setattr(services, "edit_unit", breaks)
    with pytest.raises(ZeroDivisionError):
        apply_sheet(draft.pk)
    page = client.get(url).content.decode()

    assert shape(party) == before
    assert "뜻밖의 일로 멈추었습니다" in page
    assert "3군데 적용하기" in page
    client.post(url)
    apply_sheet(draft.pk)
    assert "적용했습니다" in client.get(url).content.decode()


@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_from_outside_while_nothing_is_changed_yet(
    party: Organised, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, draft = begun(party, *(line(party, n, name=f"이름 {n}") for n in range(1, 7)))
    monkeypatch.setattr(applying, "EVERY_SECONDS", 0.0)
    real, seen = services.edit_unit, []

    def looks(*given: Any) -> Unit:
        with second_connection() as other:
            seen.append(
                other.execute(
                    "SELECT done, total, (SELECT count(*) FROM tree_unit WHERE name LIKE '이름%%')"
                    " FROM tree_sheetdraft WHERE id = %s", [draft.pk],
                ).fetchone()
            )  # fmt: skip
        return real(*given)

    monkeypatch.setattr(services, "edit_unit", looks)
    apply_sheet(draft.pk)

    assert seen == [(n, 6, 0) for n in range(6)]
    assert Unit.objects.filter(name__startswith="이름").count() == 6


def test_page_refuses_when_the_tree_moved_on(party: Organised) -> None:
    client = client_of(party.owner)
    url = client.post("/tree/sheet/", upload("\n".join((HEAD, line(party, 1, name="서울특별시당"))))).headers[
        "Location"
    ]
    services.rename_unit(party.actor, party.units[6], "다른 이름")

    page = client.get(url).content.decode()
    client.post(url)

    assert "조직이 바뀌었습니다" in page
    assert "적용하기" not in page
    assert not Unit.objects.filter(name="서울특별시당").exists()


def test_page_shows_errors_and_offers_no_press(party: Organised) -> None:
    client = client_of(party.owner)
    url = client.post("/tree/sheet/", upload("\n".join((HEAD, line(party, 1, name="<b>x", parent="없음"))))).headers[
        "Location"
    ]

    before = shape(party)
    page = client.get(url).content.decode()
    client.post(url)

    assert "윗조직 ‘없음’이 없습니다." in page
    assert "적용하기" not in page
    assert "<b>x" not in page
    assert shape(party) == before


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"\x80\x81\xff\xff" * 20])
def test_bad_uploads_come_back_with_422(party: Organised, raw: bytes) -> None:
    client = client_of(party.owner)

    assert client.post("/tree/sheet/", upload(raw)).status_code == 422
    assert client.post("/tree/sheet/", {}).status_code in (200, 422)
    assert SheetDraft.objects.count() == 0


def test_new_words_are_made_once_and_only_when_applied(party: Organised) -> None:
    lines = [f"N{n},{code(party, 1)},읍면동,동 {n},새 법인,,,," for n in range(3)]
    found = compared(party, *lines)
    assert not UnitKind.objects.filter(name="읍면동").exists()

    sheets.apply(party.actor, found)

    assert UnitKind.objects.filter(root=party.root, name="읍면동").count() == 1
    assert LegalEntity.objects.filter(root=party.root, name="새 법인").count() == 1
    assert compared(party, *lines).changes == 0
    assert replace(found, errors=()).is_applicable
