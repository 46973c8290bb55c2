"""The dispatcher's question, asked from a connection of its own: does what was lent still hold? (T3, in flight)"""

from datetime import timedelta

import pytest

from majung.core import clock, db
from majung.tree import live, queries, services
from majung.tree.enums import Role
from majung.tree.models import Grant
from majung.tree.services import Offer
from tests.make import tree as make
from tests.make.database import second_connection
from tests.make.tree import Organised

pytestmark = pytest.mark.product("T3")


@pytest.fixture
def party(db: None) -> Organised:
    return make.organisation(depth=3)


def chain(party: Organised) -> list[Grant]:
    province = make.grant(make.user(), party.units[1], parent=party.owner_grant)
    return [party.owner_grant, province, make.grant(make.user(), party.units[3], parent=province)]


def holds(grant: Grant, *, after: timedelta = timedelta(0)) -> bool:
    return live.chain_in_force(db.raw(), grant.pk, clock.now() + after)


def test_whole_chain_holds_until_any_link_is_taken_back(party: Organised) -> None:
    owner, province, local = chain(party)
    assert [holds(g) for g in (owner, province, local)] == [True, True, True]
    assert live.chain(db.raw(), local.pk) == [local.pk, province.pk, owner.pk]

    services.revoke(party.actor, province)

    assert [holds(g) for g in (owner, province, local)] == [True, False, False]
    assert queries.chain_in_force(local.pk) is False


def test_unknown_grant_does_not_hold(party: Organised) -> None:
    assert live.chain_in_force(db.raw(), 2**40, clock.now()) is False
    assert live.chain(db.raw(), 2**40) == []
    assert live.unit_works(db.raw(), 2**40) is False


def test_period_is_half_open(party: Organised) -> None:
    now = clock.now()
    grant = make.grant(
        make.user(),
        party.units[1],
        parent=party.owner_grant,
        starts_at=now + timedelta(hours=1),
        ends_at=now + timedelta(hours=2),
    )

    moments = [
        now,
        now + timedelta(hours=1),
        now + timedelta(hours=2) - timedelta(microseconds=1),
        now + timedelta(hours=2),
    ]
    assert [live.chain_in_force(db.raw(), grant.pk, at) for at in moments] == [False, True, True, False]


@pytest.mark.parametrize("stopped", [1, 3])
def test_a_stopped_unit_at_or_above_stops_the_grant(party: Organised, stopped: int) -> None:
    _, province, local = chain(party)

    services.suspend_unit(party.actor, party.units[stopped])
    during = (holds(local), live.unit_works(db.raw(), party.units[3].pk))
    services.resume_unit(party.actor, party.units[stopped])

    assert during == (False, False)
    assert (holds(local), live.unit_works(db.raw(), party.units[3].pk)) == (True, True)
    assert holds(province)


def test_a_grant_waiting_for_its_holder_does_not_hold(party: Organised) -> None:
    services.invite(party.actor, Offer(unit=party.units[1], role=Role.VIEWER))

    assert holds(Grant.objects.get(user=None)) is False


def test_a_keys_grant_ends_with_the_key(party: Organised) -> None:
    offer = Offer(unit=party.units[1], role=Role.VIEWER)
    key, _ = services.make_key(party.actor, offer, "명부 연동", clock.now() + timedelta(days=5))
    grant = Grant.objects.get(api_key=key)

    before = holds(grant), holds(grant, after=timedelta(days=6))
    services.revoke_key(party.actor, grant)

    assert (before, holds(grant)) == ((True, False), False)


def obstacle(party: Organised, grant: Grant, *, after: timedelta = timedelta(0)) -> tuple[live.Obstacle, str] | None:
    """What stands in the way of sending from the grant's unit; asked only of what may not be sent."""
    facts = {"grant_id": grant.pk, "scope_id": grant.unit_id, "at": clock.now() + after}
    found = live.stands_in_the_way(db.raw(), grant.unit_id, **facts)
    assert (found is None) == live.may_send(db.raw(), grant.unit_id, **facts)
    return found


def test_what_stands_in_the_way_is_told_with_its_name(party: Organised) -> None:
    _, province, local = chain(party)
    names = {unit.pk: unit.name for unit in party.units}
    above, own = names[province.unit_id], names[local.unit_id]
    later = make.grant(make.user(), party.units[3], parent=province, starts_at=clock.now() + timedelta(hours=1))
    ending = make.grant(make.user(), party.units[3], parent=province, ends_at=clock.now() + timedelta(hours=1))
    services.invite(party.actor, Offer(unit=party.units[2], role=Role.VIEWER))
    nobodys = Grant.objects.get(user=None)
    key, _ = services.make_key(
        party.actor, Offer(unit=party.units[2], role=Role.VIEWER), "명부 연동", clock.now() + timedelta(days=5)
    )
    keys = Grant.objects.get(api_key=key)

    assert obstacle(party, local) is None
    assert obstacle(party, later) == (live.Obstacle.NOT_BEGUN, own)
    assert obstacle(party, ending, after=timedelta(hours=2)) == (live.Obstacle.ENDED, own)
    assert obstacle(party, nobodys) == (live.Obstacle.NOBODY, names[nobodys.unit_id])
    services.revoke_key(party.actor, keys)
    assert obstacle(party, Grant.objects.get(pk=keys.pk)) in (
        (live.Obstacle.REVOKED, names[keys.unit_id]), (live.Obstacle.KEY, "명부 연동"),
    )  # fmt: skip
    services.move_unit(party.actor, party.units[3], party.units[2])
    moved = {"grant_id": province.pk, "scope_id": party.units[3].pk, "at": clock.now()}
    assert live.stands_in_the_way(db.raw(), party.units[3].pk, **moved) == (live.Obstacle.MOVED, own)
    services.revoke(party.actor, province)
    assert obstacle(party, province) == (live.Obstacle.REVOKED, above)
    services.suspend_unit(party.actor, party.units[1])
    assert obstacle(party, province) == (live.Obstacle.RESTS, above), "the nearest to mend comes first"


@pytest.mark.django_db(transaction=True)
def test_another_session_sees_the_revocation_when_it_commits(transactional_db: None) -> None:
    party = make.organisation(depth=2)
    grant = make.grant(make.user(), party.units[1], parent=party.owner_grant)

    with second_connection(autocommit=True) as dispatcher:
        before = live.chain_in_force(dispatcher, grant.pk, clock.now())
        services.revoke(party.actor, grant)
        after = live.chain_in_force(dispatcher, grant.pk, clock.now())

    assert (before, after) == (True, False)
