"""The whole tree out and in: round trip, comparison, all or nothing, and every way a file can be bad (T6)."""

import csv
import importlib
import io
import re
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from procrastinate.contrib.django.models import ProcrastinateJob

from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree import services, sheets
from majung.tree.enums import UnitState
from majung.tree.errors import TreeMoved
from majung.tree.models import Grant, LegalEntity, SheetDraft, Unit, UnitKind, UnitSpan
from majung.tree.sheets import Diff, Row
from majung.tree.sheets.read import MOST_BYTES
from majung.tree.tasks import apply_sheet
from tests.make import tree as make
from tests.make.database import second_connection
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("T6"), pytest.mark.django_db]
applying = importlib.import_module("majung.tree.sheets.apply")  # the package has a function of that name
HEAD = "코드,윗조직 코드,갈래,이름,법인,대표자,전화,선거구 코드,상태"


@pytest.fixture
def party() -> Organised:
    """Seven units: 0 the top; 1, 2 below it; 3, 4 below 1; 5, 6 below 2."""
    return make.organisation(depth=3)


def read(text: str | bytes, name: str = "tree.csv") -> list[Row]:
    return sheets.read(io.BytesIO(text if isinstance(text, bytes) else text.encode()), name)


def code(party: Organised, number: int) -> str:
    return party.units[number].code


def line(party: Organised, number: int, **change: str) -> str:
    """The row that says what unit ``number`` is, but for ``change``."""
    unit = party.units[number]
    above = next((u.code for u in party.units if u.path == unit.path[:-4]), "")
    values = {
        "code": unit.code, "parent": above, "kind": unit.kind.name, "name": unit.name, "entity": unit.entity.name,
        "leader": unit.leader, "phone": unit.phone, "district": unit.district_code, "state": "활동", **change,
    }  # fmt: skip
    out = io.StringIO()
    csv.writer(out).writerow(values.values())
    return out.getvalue().strip()


def compared(party: Organised, *lines: str) -> Diff:
    return sheets.diff(party.actor, read("\n".join((HEAD, *lines))))


def problems(found: Diff) -> list[tuple[int, str]]:
    return [(error.line, error.problem) for error in found.errors]


def shape(party: Organised) -> set[tuple[str, str, str, str]]:
    """Every unit as (code, parent's code, name, state)."""
    units = {u.path: u for u in Unit.objects.filter(root=party.root)}
    return {(u.code, getattr(units.get(u.path[:-4]), "code", ""), u.name, u.state) for u in units.values()}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_was_written_reads_back_as_no_change(party: Organised, form: str) -> None:
    Unit.objects.filter(pk=party.units[3].pk).update(
        name='=HYPERLINK("x"), "가"', leader="@사람", phone="+82 2-700-0000", district_code="SEO-01"
    )
    services.suspend_unit(party.actor, party.units[4])
    write = {"csv": sheets.to_csv, "xlsx": sheets.to_xlsx}[form]

    found = sheets.diff(party.actor, read(write(party.actor), f"tree.{form}"))

    assert (problems(found), found.changes, found.unchanged, found.absent) == ([], 0, 7, 0)
    assert found.is_applicable is False


def test_written_cells_are_texts_that_no_spreadsheet_computes(party: Organised) -> None:
    Unit.objects.filter(pk=party.units[3].pk).update(name="=1+1", leader="-x")

    cells = next(
        r for r in csv.reader(io.StringIO(sheets.to_csv(party.actor).decode("utf-8-sig"))) if r[0] == code(party, 3)
    )

    assert (cells[3], cells[5]) == ("'=1+1", "'-x")


def test_export_holds_what_is_in_sight_only(party: Organised) -> None:
    local = make.lent(party, party.units[1])

    rows = list(csv.reader(io.StringIO(sheets.to_csv(local).decode("utf-8-sig"))))

    assert [row[0] for row in rows[1:]] == [code(party, n) for n in (1, 3, 4)]
    assert rows[1][1] == ""


def test_comparison_tells_every_kind_of_change_apart(party: Organised) -> None:
    services.suspend_unit(party.actor, party.units[6])
    found = compared(
        party,
        line(party, 1, name="서울특별시당"),
        line(party, 2),
        line(party, 3, parent=code(party, 2)),
        line(party, 4, leader="가나다", state="정지"),
        line(party, 5, state="닫힘"),
        line(party, 6),
        f"NEW,{code(party, 1)},읍면동,새 동,새 법인,,,,",
    )

    def codes(part: Any) -> list[str]:
        return [plan.code for plan in part]

    assert problems(found) == []
    assert codes(found.renamed) == [code(party, 1)]
    assert codes(found.moved) == [code(party, 3)]
    assert codes(found.changed) == codes(found.stopped) == [code(party, 4)]
    assert codes(found.closed) == [code(party, 5)]
    assert codes(found.resumed) == [code(party, 6)]
    assert codes(found.added) == ["NEW"]
    assert (found.unchanged, found.absent, found.changes) == (1, 1, 7)
    assert (found.new_kinds, found.new_entities) == (["읍면동"], ["새 법인"])
    assert found.moved[0].unit == party.units[3]


def test_applied_file_is_the_tree(party: Organised) -> None:
    found = compared(
        party,
        line(party, 1, name="서울특별시당"),
        line(party, 3, parent=code(party, 2)),
        line(party, 4, leader="가나다", state="정지"),
        line(party, 5, state="닫힘"),
        "NEW2,NEW,,새 반,,,,,",
        f"NEW,{code(party, 1)},읍면동,새 동,새 법인,홍,02-700-0000,SEO-1,",
    )  # fmt: skip

    count = sheets.apply(party.actor, found)

    assert count == 7
    names = {code(party, 1): "서울특별시당"}
    expected = {
        ("NEW", code(party, 1), "새 동", "active"),
        ("NEW2", "NEW", "새 반", "active"),
        (code(party, 3), code(party, 2), party.units[3].name, "active"),
        (code(party, 4), code(party, 1), party.units[4].name, "suspended"),
        (code(party, 5), code(party, 2), party.units[5].name, "closed"),
        (code(party, 1), code(party, 0), names[code(party, 1)], "active"),
    }
    assert expected <= shape(party)
    assert len(shape(party)) == 9
    new = Unit.objects.get(code="NEW2")
    assert (new.kind.name, new.entity.name) == ("읍면동", "새 법인")


def test_an_applied_file_leaves_the_past_as_single_acts_would(party: Organised) -> None:
    moved = line(party, 3, parent=code(party, 2), name="옮긴 곳")
    added = moved.replace(code(party, 3), "new-1", 1).replace("옮긴 곳", "새 곳")
    sheets.apply(party.actor, compared(party, moved, added))

    units = Unit.objects.filter(root_id=party.root.pk)
    now = UnitSpan.objects.filter(unit__root_id=party.root.pk, until_at=None)
    looks = ("unit__code", "path", "name", "kind_id", "entity_id", "leader", "state")
    assert set(now.values_list(*looks)) == set(units.values_list(*(name.removeprefix("unit__") for name in looks)))
    assert UnitSpan.objects.filter(unit=party.units[3]).count() == 2


def test_two_units_that_change_places_do_so_without_a_knot(party: Organised) -> None:
    """1 goes below what was its grandchild's sister, 3 goes up: no order of moves is given by the file."""
    found = compared(party, line(party, 1, parent=code(party, 3)), line(party, 3, parent=code(party, 0)))

    assert problems(found) == []
    sheets.apply(party.actor, found)

    assert {(code(party, 1), code(party, 3), party.units[1].name, "active")} <= shape(party)
    assert {(code(party, 3), code(party, 0), party.units[3].name, "active")} <= shape(party)
    assert Unit.objects.find_problems() == ([], [], [], [], [])


def test_nothing_is_applied_when_the_tree_has_moved_on(party: Organised) -> None:
    found = compared(party, line(party, 1, name="서울특별시당"))
    services.rename_unit(party.actor, party.units[6], "다른 이름")

    with pytest.raises(TreeMoved):
        sheets.apply(party.actor, found)

    assert not Unit.objects.filter(name="서울특별시당").exists()


def test_one_bad_row_stops_all(party: Organised) -> None:
    found = compared(party, line(party, 1, name="서울특별시당"), line(party, 2, parent="없음"))

    with pytest.raises(Invalid):
        sheets.apply(party.actor, found)

    assert problems(found) == [(3, "윗조직 ‘없음’이 없습니다.")]
    assert not Unit.objects.filter(name="서울특별시당").exists()


def bad_lines(party: Organised) -> list[tuple[list[str], list[int], str]]:
    """Lines, the numbers of those that are wrong, and a piece of what is said."""
    one, two, three = code(party, 1), code(party, 2), code(party, 3)
    deep = [f"D{n},{f'D{n - 1}' if n else three},,깊은 곳,,,,," for n in range(61)]
    return [
        ([line(party, 1, parent=three), line(party, 3, parent=one)], [2, 3], "자기에게 돌아옵니다"),
        ([line(party, 1, parent=one)], [2], "자기에게 돌아옵니다"),
        (["A,B,,가,,,,,", "B,A,,나,,,,,"], [2, 3], "자기에게 돌아옵니다"),
        ([line(party, 1), line(party, 1, name="다시")], [3], "2줄에도"),
        ([line(party, 1, code="")], [2], "코드가 비었습니다"),
        ([line(party, 1, name="")], [2], "이름을 1–80자"),
        ([line(party, 1, parent="")], [2], "윗조직 코드가 비었습니다"),
        (["N,,,새 꼭대기,,,,,"], [2], "윗조직 코드가 비었습니다"),
        ([line(party, 1, name="=1+1")], [2], "수식"),
        ([line(party, 1, leader="@SUM(A1)")], [2], "수식"),
        ([line(party, 1, phone="=cmd|' /C calc'!A0")], [2], "수식"),
        ([line(party, 1, state="휴업")], [2], "휴업"),
        ([line(party, 1, phone="전화 없음")], [2], "전화번호"),
        ([line(party, 1, name="가" * 81)], [2], "1–80자"),
        ([line(party, 1, kind="가" * 31)], [2], "갈래 이름"),
        ([line(party, 1, entity="가" * 81)], [2], "법인 이름"),
        (["N W," + one + ",,이름,,,,,"], [2], "코드"),
        (["N," + one + ",,이름,,,,,닫힘"], [2], "활동으로 시작"),
        ([line(party, 2, state="닫힘")], [2], "열린 조직"),
        ([line(party, 2, state="닫힘"), line(party, 5)], [2, 3], "닫"),
        ([line(party, 0, state="정지")], [2], "윗조직이 합니다"),
        ([line(party, 0, parent=one)], [2], "윗조직이 합니다"),
        (["N," + two + ",,이름,,전화,,,"], [], ""),
        (deep, [62], "63단계"),
    ]


@pytest.mark.parametrize("number", range(24))
def test_bad_rows_are_named_by_line_with_what_to_mend(party: Organised, number: int) -> None:
    lines, wrong, said = bad_lines(party)[number]

    found = compared(party, *lines)

    assert sorted({error.line for error in found.errors}) == wrong
    assert all(said in error.problem for error in found.errors)
    assert found.is_applicable is not bool(wrong)


def test_a_unit_below_an_open_one_may_close_with_it(party: Organised) -> None:
    found = compared(party, *(line(party, n, state="닫힘") for n in (2, 5, 6)))

    assert problems(found) == []
    sheets.apply(party.actor, found)
    assert Unit.objects.filter(state=UnitState.CLOSED).count() == 3


def test_a_closed_unit_neither_opens_nor_moves(party: Organised) -> None:
    services.close_unit(party.actor, party.units[3])

    opened = compared(party, line(party, 3))
    moved = compared(party, line(party, 3, parent=code(party, 2), state="닫힘"))

    assert problems(opened) == [(2, "닫은 조직은 다시 열 수 없습니다.")]
    assert problems(moved) == [(2, "닫은 조직은 옮길 수 없습니다.")]


def test_columns_that_are_not_there_change_nothing(party: Organised) -> None:
    Unit.objects.filter(pk=party.units[1].pk).update(leader="가나다", phone="02-700-0000")

    bare = f"코드,윗조직 코드,이름\n{code(party, 1)},{code(party, 0)},{party.units[1].name}"
    emptied = f"코드,윗조직 코드,이름,대표자\n{code(party, 1)},{code(party, 0)},{party.units[1].name},"

    assert sheets.diff(party.actor, read(bare)).changes == 0
    assert [p.changes for p in sheets.diff(party.actor, read(emptied)).changed] == [(("대표자", "가나다", ""),)]


def test_local_operators_touch_their_own_units_only(party: Organised) -> None:
    local = make.lent(party, party.units[1])
    other = make.organisation()

    def found(*lines: str) -> Diff:
        return sheets.diff(local, read("\n".join((HEAD, *lines))))

    assert found(line(party, 3, name="새 이름")).is_applicable
    hidden = found(line(party, 5, name="새 이름"))
    upward = found(line(party, 3, parent=code(party, 2)))
    missing = found(line(party, 3, parent="없는코드"))
    own_top = found(line(party, 1, state="정지"))
    words = found(line(party, 3, kind="새 갈래"))
    foreign = found(line(other, 0, parent=code(party, 1), kind="지역구", entity=party.entity.name))
    assert [bool(d.errors) for d in (hidden, upward, own_top, words, foreign)] == [True] * 4 + [False]
    assert upward.errors[0].problem.replace(code(party, 2), "X") == missing.errors[0].problem.replace("없는코드", "X")
    assert [p.code for p in foreign.added] == [other.top.code]
    sheets.apply(local, found(line(party, 3, name="새 이름")))
    assert Unit.objects.get(pk=party.units[3].pk).name == "새 이름"


def test_a_diff_made_by_hand_still_meets_the_services(party: Organised) -> None:
    """Somebody who forges the plan for units that are not theirs is stopped by the acts themselves."""
    viewer = make.lent(party, party.units[1])
    found = compared(party, line(party, 2, name="남의 이름"))

    with pytest.raises(NotYours):
        sheets.apply(viewer, found)
    with pytest.raises(Forbidden):
        sheets.draft(make.lent(party, party.top, role=make.Role.VIEWER), [], "x.csv")
    assert not Unit.objects.filter(name="남의 이름").exists()


def test_moves_of_a_file_end_grants_out_of_reach_too(party: Organised) -> None:
    province = make.grant(make.user(), party.units[1], parent=party.owner_grant)
    grant = make.grant(make.user(), party.units[3], parent=province)

    sheets.apply(party.actor, compared(party, line(party, 3, parent=code(party, 2))))

    assert Grant.objects.get(pk=grant.pk).revoked_at is not None


TEXT = "코드,윗조직 코드,이름\nA,B,가나다라\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_and_delimiters_are_recognised(encoding: str, delimiter: str) -> None:
    rows = read(TEXT.replace(",", delimiter).encode(encoding))

    assert [row.values for row in rows] == [{"code": "A", "parent": "B", "name": "가나다라"}]


def test_headers_have_synonyms_in_any_order_and_width() -> None:
    rows = read("조직명,상위 코드,Ｃｏｄｅ,메모\n가,B,A,x\n,,,\n 나 ,B,C,y")

    assert [(row.line, row.values) for row in rows] == [
        (2, {"name": "가", "parent": "B", "code": "A"}),
        (4, {"name": "나", "parent": "B", "code": "C"}),
    ]


def book(*lines: list[Any]) -> bytes:
    made = Workbook()
    for values in lines:
        made.active.append(values)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_spreadsheets_with_numbers_and_formulas() -> None:
    head = ["코드", "윗조직 코드", "이름", "전화"]
    rows = read(book(head, [11, 1.0, "가", None], ["B", "=A2", '=HYPERLINK("http://x")', "02-1"]), "t.xlsx")

    assert rows[0].values == {"code": "11", "parent": "1", "name": "가", "phone": ""}
    assert (rows[0].formulas, rows[1].formulas) == ((), ("윗조직 코드", "이름"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   \n\n",
        b"\x00\x01\x02\x03" * 50,
        b"\xff\xfe\x00",
        b"\x80\x81\xff\xff" * 20,
        b"PK\x03\x04 not a zip",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old",
        "코드,이름\nA,가".encode(),
        "코드,윗조직 코드,이름,이름\nA,B,가,나".encode(),
        "코드,윗조직 코드,이름".encode(),
        '코드,윗조직 코드,이름\nA,B,"닫히지 않은'.encode(),
        ("코드,윗조직 코드,이름\nA,B," + "가" * 200_000).encode(),
        "<html><body>표</body></html>".encode(),
        book(),
        book(["코드", "윗조직 코드"]),
        book(["코드", "윗조직 코드", "이름"], ["A", "B", "가"])[:600],
    ],
)
def test_unreadable_files_are_refused_with_a_sentence(raw: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read(raw)
    assert re.search(r"(니다|세요)\.", str(caught.value))


def test_size_is_looked_at_before_a_byte_is_read() -> None:
    class Untouchable(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("read")

    with pytest.raises(Invalid, match="300MB"):
        sheets.read(Untouchable(), "big.csv", size=300 * 2**20)
    with pytest.raises(Invalid):
        sheets.read(io.BytesIO(b"x" * (MOST_BYTES + 1)), "big.csv")


def test_a_small_zip_that_unpacks_to_much_is_refused() -> None:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"xl/{number}.xml", b"0" * 90 * 2**20)
    assert len(out.getvalue()) < 2 * 2**20

    with pytest.raises(Invalid, match="풀면"):
        read(out.getvalue(), "bomb.xlsx")


def spreadsheet(*far: str) -> bytes:
    book = Workbook()
    for cells in (HEAD.split(","), ["A", "", "중앙당", "가"], ["B", "A", "시도당", "나"]):
        book.active.append(cells)
    for cell in far:
        book.active[cell] = "x"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("far", ["XFD1048576", "A1048576"])
def test_a_cell_at_the_far_end_of_the_sheet_is_no_work_of_hours(far: str) -> None:
    with pytest.raises(Invalid, match="너무 큽니다"):
        read(spreadsheet(far), "tree.xlsx")


@given(at=st.integers(60, 4_000), byte=st.integers(0, 255))
def test_a_torn_spreadsheet_is_read_or_refused(at: int, byte: int) -> None:
    raw = bytearray(spreadsheet())
    raw[at] = byte
    try:
        read(bytes(raw), "tree.xlsx")
    except Invalid as refused:
        assert re.search(r"(니다|세요)\.", str(refused))


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(Invalid, match="20,000줄"):
        read("코드,윗조직 코드,이름\n" + "A,B,가\n" * 20_001)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: (TEXT + text).encode("utf-8", "ignore")))
def test_any_bytes_end_in_rows_or_a_refusal(raw: bytes) -> None:
    try:
        rows = read(raw)
    except Invalid:
        return
    assert all({"code", "parent", "name"} <= row.values.keys() for row in rows)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parents=st.lists(st.integers(0, 6), min_size=6, max_size=6))
def test_any_wish_for_parents_is_refused_or_becomes_the_tree(party: Organised, parents: list[int]) -> None:
    """Whatever six units ask to hang under: either a cycle is named, or the tree is exactly that afterwards."""
    from django.db import transaction

    wishes = {code(party, n + 1): code(party, parent) for n, parent in enumerate(parents)}
    with transaction.atomic():
        found = compared(party, *(line(party, n, parent=wishes[code(party, n)]) for n in range(1, 7)))
        if found.errors:

            def reaches_top(start: str) -> bool:
                at, steps = start, 0
                while at in wishes and steps < 10:
                    at, steps = wishes[at], steps + 1
                return at == code(party, 0)

            assert not all(reaches_top(start) for start in wishes)
        else:
            sheets.apply(party.actor, found)
            assert {c: above for c, above, _, _ in shape(party) if above} == wishes
            assert Unit.objects.find_problems() == ([], [], [], [], [])
        transaction.set_rollback(True)


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
