"""The whole tree out and in: round trip, comparison, all or nothing (T6)."""

import csv
import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree import services, sheets
from majung.tree.enums import UnitState
from majung.tree.errors import TreeMoved
from majung.tree.models import Grant, Unit, UnitSpan
from majung.tree.sheets import Diff
from tests.make import tree as make
from tests.make.sheets import HEAD, code, compared, line, read, shape
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("T6"), pytest.mark.django_db]


@pytest.fixture
def party() -> Organised:
    """Seven units: 0 the top; 1, 2 below it; 3, 4 below 1; 5, 6 below 2."""
    return make.organisation(depth=3)


def problems(found: Diff) -> list[tuple[int, str]]:
    return [(error.line, error.problem) for error in found.errors]


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
