"""The import pages: a list goes from upload to people, hostile files get a sentence, foreign imports do not exist (F2)."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from majung.consent.enums import ConsentMedium, ConsentPurpose
from majung.core import db
from majung.people.imports import services
from majung.people.imports.models import ImportFile
from majung.people.models import Person
from majung.tree.enums import Role
from tests.make import consent as make_consent
from tests.make import tree as make

pytestmark = pytest.mark.django_db
LIST = "이름,전화\n홍길동,010-0123-4567\n=HYPERLINK(1),없음\n".encode("cp949")


@pytest.fixture(autouse=True)
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MEDIA_ROOT", tmp_path)


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def upload(client: Client, unit: object, body: bytes = LIST) -> ImportFile:
    answer = client.post("/imports/", {"unit": str(unit.public_id), "file": SimpleUploadedFile("명단.csv", body)})
    assert answer.status_code == 302, answer.content.decode()
    return ImportFile.objects.latest("pk")


@pytest.mark.product("F2")
def test_list_goes_from_upload_to_people_and_back() -> None:
    o = make.organisation(depth=2)
    client = signed_in(o.owner)
    source = upload(client, o.top)
    page = f"/imports/{source.public_id}/"
    assert "홍길동" in client.get(page).content.decode()

    assert client.post(page, {"column-0": "name", "column-1": "mobile", "basis": "4"}).status_code == 302
    services.read(source.pk)
    shown = client.get(page).content.decode()
    assert "1명 넣기" in shown
    assert "홍길동" not in shown

    assert client.post(f"{page}confirm/").status_code == 302
    services.apply(source.pk)
    assert Person.objects.count() == 1
    assert "되돌리기" in client.get(page).content.decode()
    assert client.post(f"{page}undo/").status_code == 302


@pytest.mark.product("F2", "C1")
def test_addresses_without_consent_to_letters_are_told() -> None:
    o = make.organisation()
    client = signed_in(o.owner)
    source = upload(client, o.top, "이름,이메일\n홍길동,hong@mail.example\n".encode())
    page = f"/imports/{source.public_id}/"
    told = "전자우편으로 받겠다는 동의는 고르지 않았습니다"
    assert told not in client.get(page).content.decode()

    client.post(page, {"column-0": "name", "column-1": "email", "basis": "4"})
    services.read(source.pk)
    assert told in client.get(page).content.decode()

    notice = make_consent.notice(o.actor, o.top, ConsentPurpose.ADVERTISING, media=[ConsentMedium.EMAIL])
    agreed = {
        "basis": "1",
        "notices": str(notice.pk),
        "agreed_media": "EMAIL",
        "obtained_on": "2026-01-02",
        "evidence": "원서",
    }
    assert client.post(page, {"column-0": "name", "column-1": "email", **agreed}).status_code == 302
    services.read(source.pk)
    assert told not in client.get(page).content.decode()
    client.post(f"{page}confirm/")
    services.apply(source.pk)
    given = db.raw().execute("SELECT medium, how FROM consent_entry").fetchall()
    assert given == [("EMAIL", "import")]


def test_file_of_problems_is_formula_safe() -> None:
    o = make.organisation()
    client = signed_in(o.owner)
    source = upload(client, o.top)
    client.post(f"/imports/{source.public_id}/", {"column-0": "name", "column-1": "mobile", "basis": "4"})
    services.read(source.pk)
    body = client.get(f"/imports/{source.public_id}/problems.csv").content.decode("utf-8-sig")
    assert body.splitlines()[1].startswith("3,")
    assert "'=HYPERLINK(1)" in body
    assert ",=HYPERLINK" not in body


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04x", "이름\n".encode() + b"\xff" * 9])
def test_hostile_file_gets_a_sentence(body: bytes) -> None:
    o = make.organisation()
    answer = signed_in(o.owner).post(
        "/imports/", {"unit": str(o.top.public_id), "file": SimpleUploadedFile("x.csv", body)}
    )
    assert answer.status_code == 422
    assert not ImportFile.objects.exists()


def test_unit_of_another_organisation_cannot_be_chosen() -> None:
    o, other = make.organisation(), make.organisation()
    answer = signed_in(o.owner).post(
        "/imports/", {"unit": str(other.top.public_id), "file": SimpleUploadedFile("x.csv", LIST)}
    )
    assert answer.status_code == 422


@pytest.mark.product("X7")
def test_foreign_import_answers_like_a_missing_one() -> None:
    o, other = make.organisation(depth=2), make.organisation()
    source = upload(signed_in(other.owner), other.top)
    first, sister = o.children(o.top)[:2]
    sisters = services.upload(o.actor, sister, "자매.csv", [LIST])
    client = signed_in(make.lent(o, first).user)
    missing = client.get("/imports/01900000-0000-7000-8000-000000000000/")
    assert missing.status_code == 404
    for foreign in (source, sisters):
        for tail in ("", "problems.csv"):
            answer = client.get(f"/imports/{foreign.public_id}/{tail}")
            assert (answer.status_code, _plain(answer.content)) == (404, _plain(missing.content))
        assert client.post(f"/imports/{foreign.public_id}/confirm/").status_code == 404


def _plain(body: bytes) -> str:
    """Without what differs in any two answers: the CSRF token."""
    import re

    return re.sub(r'(csrf-token" content|csrfmiddlewaretoken" value)="[^"]*"', "", body.decode())


def test_viewer_may_not_import() -> None:
    o = make.organisation(depth=2)
    viewer = make.lent(o, o.top, role=Role.VIEWER)
    assert signed_in(viewer.user).get("/imports/").status_code == 403
