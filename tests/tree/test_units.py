"""Units added, named, moved, stopped and closed; the past kept in spans (T1)."""

import threading
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction

from majung.core import clock
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.tree import queries, services
from majung.tree.actor import actor_of_user
from majung.tree.enums import Role, UnitState
from majung.tree.errors import UnitStopped, WouldCycle
from majung.tree.models import AuthorityRecord, Grant, LegalEntity, Unit, UnitSpan
from majung.tree.services import UnitColumns
from majung.tree.services.units import columns_of
from tests.make import tree as make
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("T1"), pytest.mark.django_db]


@pytest.fixture
def party() -> Organised:
    """Seven units: 0 the top; 1, 2 below it; 3, 4 below 1; 5, 6 below 2."""
    return make.organisation(depth=3)


def columns(party: Organised, **change: str) -> UnitColumns:
    values = {"code": "SEOUL-01", "name": "서울 종로", **change}
    return UnitColumns(kind=party.kinds[2], entity=party.entity, **values)


def fresh(unit: Unit) -> Unit:
    found: Unit = Unit.objects.get(pk=unit.pk)
    return found


def assert_spans_tell_the_present(root_id: int) -> None:
    """Each unit has one open span, which says what the unit is; closed ones do not overlap."""
    for unit in Unit.objects.filter(root_id=root_id):
        spans = list(UnitSpan.objects.filter(unit=unit).order_by("from_at", "pk"))
        last = spans[-1]
        assert (last.until_at, last.path, last.name, last.state) == (None, unit.path, unit.name, unit.state)
        parent = Unit.objects.filter(root_id=root_id, path=unit.path[:-4]).first()
        assert last.parent == parent
        for earlier, later in pairwise(spans):
            assert earlier.until_at == later.from_at


def test_added_unit_hangs_below_its_parent_with_a_span(party: Organised) -> None:
    unit = services.add_unit(party.actor, party.units[1], columns(party, name="서울　종로 "))

    assert (unit.name, unit.state, unit.root_id) == ("서울 종로", UnitState.ACTIVE, party.root.pk)
    assert fresh(unit).path.startswith(party.units[1].path)
    assert_spans_tell_the_present(party.root.pk)
    assert AuthorityRecord.objects.get(kind="tree.unit_added").facts["code"] == "SEOUL-01"


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "가" * 81},
        {"code": ""},
        {"code": "=SUM(A1)"},
        {"code": "a b"},
        {"code": "x" * 41},
        {"leader": "가" * 41},
        {"phone": "전화 없음"},
        {"phone": "0" * 21},
        {"district_code": "<script>"},
    ],
)
def test_bad_columns_are_refused(party: Organised, change: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        services.add_unit(party.actor, party.units[1], columns(party, **change))
    assert Unit.objects.filter(root=party.root).count() == 7


def test_a_code_is_taken_once_an_organisation(party: Organised) -> None:
    other = make.organisation()
    services.add_unit(party.actor, party.units[1], columns(party))

    with pytest.raises(Invalid, match="SEOUL-01"):
        services.add_unit(party.actor, party.units[2], columns(party))
    with pytest.raises(Invalid):
        services.edit_unit(party.actor, party.units[2], replace(columns_of(party.units[2]), code="SEOUL-01"))
    foreign = replace(columns(party), kind=other.kinds[0], entity=other.entity)
    assert services.add_unit(other.actor, other.top, foreign).code == "SEOUL-01"


def test_foreign_kinds_and_entities_are_not_there(party: Organised) -> None:
    other = make.organisation()

    for change in ({"kind": other.kinds[0]}, {"entity": other.entity}):
        with pytest.raises(NotYours):
            services.add_unit(party.actor, party.units[1], replace(columns(party), **change))


def test_renaming_keeps_the_old_name_in_the_past(party: Organised) -> None:
    before = party.units[1].name
    moment = clock.now() + timedelta(hours=1)

    with clock.frozen(moment):
        services.rename_unit(party.actor, party.units[1], "강원특별자치도당")

    spans = queries.history(party.units[1])
    assert [(s.name, s.until_at) for s in spans] == [("강원특별자치도당", None), (before, moment)]
    assert_spans_tell_the_present(party.root.pk)


def test_saying_the_same_again_changes_nothing(party: Organised) -> None:
    services.edit_unit(party.actor, party.units[1], columns_of(party.units[1]))

    assert UnitSpan.objects.filter(unit=party.units[1]).count() == 1
    assert not AuthorityRecord.objects.filter(kind="tree.unit_edited").exists()


def test_legal_entity_is_changed_from_above(party: Organised) -> None:
    entity = LegalEntity.objects.create(root=party.root, name="가람당 서울시당")
    local = make.lent(party, party.units[1])
    change = replace(columns_of(party.units[1]), entity=entity)

    with pytest.raises(Forbidden):
        services.edit_unit(local, party.units[1], change)
    assert services.edit_unit(party.actor, party.units[1], change).entity == entity


def test_moving_takes_the_subtree_along(party: Organised) -> None:
    effect = services.preview_move(party.actor, party.units[1], party.units[5])
    done = services.move_unit(party.actor, party.units[1], party.units[5])

    paths = {u.pk: fresh(u).path for u in party.units}
    assert effect == done
    assert effect.units == 3
    assert paths[party.units[1].pk].startswith(paths[party.units[5].pk])
    for child in (party.units[3], party.units[4]):
        assert paths[child.pk].startswith(paths[party.units[1].pk])
    assert_spans_tell_the_present(party.root.pk)
    assert UnitSpan.objects.filter(unit=party.units[3]).count() == 2


@pytest.mark.parametrize("target", [1, 3])
def test_a_unit_does_not_hang_below_itself(party: Organised, target: int) -> None:
    with pytest.raises(WouldCycle):
        services.move_unit(party.actor, party.units[1], party.units[target])
    assert fresh(party.units[1]).path == party.units[1].path


def test_moving_needs_the_right_above_and_at_the_target(party: Organised) -> None:
    local = make.lent(party, party.units[1])
    other = make.organisation()

    with pytest.raises(NotYours):
        services.move_unit(local, party.units[3], party.units[2])
    with pytest.raises(Forbidden):
        services.move_unit(local, party.units[1], party.units[4])
    with pytest.raises(NotYours):
        services.move_unit(party.actor, party.units[1], other.top)
    with pytest.raises(NotYours):
        services.move_unit(other.actor, party.units[1], party.units[2])
    with pytest.raises(Forbidden):
        services.move_unit(party.actor, party.top, party.units[2])
    assert services.move_unit(local, party.units[3], party.units[4]).units == 1


def test_grants_that_their_lender_no_longer_reaches_end_with_the_move(party: Organised) -> None:
    province = make.grant(make.user(), party.units[1], parent=party.owner_grant)
    by_province = make.grant(make.user(), party.units[3], parent=province)
    further = make.grant(make.user(), party.units[3], parent=by_province)
    by_centre = make.grant(make.user(), party.units[3], parent=party.owner_grant)
    by_local = make.grant(make.user(), party.units[3], parent=by_centre)

    seen = services.preview_move(party.actor, party.units[3], party.units[2])
    done = services.move_unit(party.actor, party.units[3], party.units[2])

    assert seen == done
    assert (seen.grants_ended, seen.operators_ended, seen.operators) == (2, 2, 4)
    living = set(Grant.objects.filter(revoked_at=None).values_list("pk", flat=True))
    assert living == {party.owner_grant.pk, province.pk, by_centre.pk, by_local.pk}
    assert further.pk not in living


def test_suspending_stops_everybody_at_and_below(party: Organised) -> None:
    above, at, below = (make.user() for _ in range(3))
    for holder, unit in ((above, party.top), (at, party.units[1]), (below, party.units[3])):
        make.grant(holder, unit, parent=party.owner_grant)

    services.suspend_unit(party.actor, party.units[1])
    stopped = [actor_of_user(u) is None for u in (above, at, below)]
    services.resume_unit(party.actor, party.units[1])
    resumed = [actor_of_user(u) is None for u in (above, at, below)]

    assert (stopped, resumed) == ([False, True, True], [False, False, False])
    assert [s.state for s in queries.history(party.units[1])] == ["active", "suspended", "active"]
    assert_spans_tell_the_present(party.root.pk)


def test_closing_ends_grants_and_is_for_good(party: Organised) -> None:
    grant = make.grant(make.user(), party.units[3], parent=party.owner_grant)
    seen = services.preview_stop(party.actor, party.units[3], close=True)

    closed = services.close_unit(party.actor, party.units[3])

    assert (closed.state, closed.closed_on, seen.grants_ended) == (UnitState.CLOSED, clock.today(), 1)
    assert Grant.objects.get(pk=grant.pk).revoked_at is not None
    assert services.close_unit(party.actor, party.units[3]).state == UnitState.CLOSED
    for act in (services.suspend_unit, services.resume_unit):
        with pytest.raises(UnitStopped):
            act(party.actor, party.units[3])
    with pytest.raises(UnitStopped):
        services.add_unit(party.actor, party.units[3], columns(party))
    with pytest.raises(UnitStopped):
        services.move_unit(party.actor, party.units[4], party.units[3])
    assert_spans_tell_the_present(party.root.pk)


def test_a_unit_with_open_units_below_is_not_closed(party: Organised) -> None:
    with pytest.raises(Conflict, match="2곳"):
        services.close_unit(party.actor, party.units[1])
    assert fresh(party.units[1]).state == UnitState.ACTIVE


def test_the_top_is_neither_moved_nor_stopped(party: Organised) -> None:
    for act in (services.suspend_unit, services.resume_unit, services.close_unit):
        with pytest.raises(Forbidden):
            act(party.actor, party.top)


def test_stopping_is_for_those_above(party: Organised) -> None:
    local = make.lent(party, party.units[1])
    viewer = make.lent(party, party.top, role=Role.VIEWER)

    for act in (services.suspend_unit, services.close_unit):
        with pytest.raises(Forbidden):
            act(local, party.units[1])
        with pytest.raises(Forbidden):
            act(viewer, party.units[1])
        with pytest.raises(NotYours):
            act(local, party.units[2])
    assert services.suspend_unit(local, party.units[3]).state == UnitState.SUSPENDED


def test_depth_is_bounded_by_the_path(party: Organised) -> None:
    parent = party.units[3]
    for level in range(parent.depth, 63):
        parent = services.add_unit(party.actor, parent, columns(party, code=f"D{level}"))
    with pytest.raises(Invalid, match="63"):
        services.add_unit(party.actor, parent, columns(party, code="TOO-DEEP"))
    with pytest.raises(Invalid, match="63"):
        services.move_unit(party.actor, party.units[3], party.units[5])


@pytest.mark.django_db(transaction=True)
def test_two_moves_that_would_knot_the_tree_end_in_one(transactional_db: None) -> None:
    """The race: 1 goes below 2 while 2 goes below 1. One lock a root lets the second see the first."""
    party = make.organisation(depth=2)
    one, two = party.units[1], party.units[2]
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def move(unit: Unit, target: Unit) -> None:
        actor = actor_of_user(party.owner)
        assert actor is not None
        barrier.wait(10)
        try:
            services.move_unit(actor, unit, target)
            outcomes.append("moved")
        except WouldCycle:
            outcomes.append("cycle")
        finally:
            connection.close()

    threads = [threading.Thread(target=move, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(outcomes) == ["cycle", "moved"]
    assert Unit.objects.find_problems() == ([], [], [], [], [])
    assert_spans_tell_the_present(party.root.pk)


@pytest.mark.django_db(transaction=True)
def test_a_move_that_fails_leaves_nothing_behind(transactional_db: None) -> None:
    party = make.organisation(depth=3)
    before = sorted(Unit.objects.filter(root=party.root).values_list("pk", "path"))

    with pytest.raises(RuntimeError), transaction.atomic():
        services.move_unit(party.actor, party.units[1], party.units[2])
        raise RuntimeError

    assert sorted(Unit.objects.filter(root=party.root).values_list("pk", "path")) == before
    assert_spans_tell_the_present(party.root.pk)
