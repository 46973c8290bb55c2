"""Lending and taking back through the services (T3): what fits is lent, what does not is refused with its reason."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from majung.activity.models import Activity
from majung.core import clock
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree import queries, services
from majung.tree.actor import actor_of_user
from majung.tree.enums import ACTS, Act, Role
from majung.tree.errors import GrantTooWide, UnitStopped
from majung.tree.models import AuthorityRecord, Grant
from majung.tree.rules import Quotas, Width
from majung.tree.services import Offer
from tests.make import tree as make
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("T3"), pytest.mark.django_db]


@pytest.fixture
def party() -> Organised:
    return make.organisation(depth=3)


def test_lent_grant_holds_and_is_recorded(party: Organised) -> None:
    holder = make.user()
    until = clock.now() + timedelta(days=10)

    offer = Offer(unit=party.units[1], role=Role.WRITER, user=holder, ends_at=until, quotas=Quotas(messages_per_day=5))
    grant = services.lend(party.actor, offer)

    assert (grant.parent, grant.user, grant.unit, grant.ends_at) == (party.owner_grant, holder, party.units[1], until)
    assert (frozenset(grant.acts), grant.messages_per_day, grant.lent_by) == (ACTS[Role.WRITER], 5, party.owner)
    record = AuthorityRecord.objects.get(kind="tree.grant_lent", object_id=grant.pk)
    assert (record.actor_kind, record.actor_id, record.facts["messages_per_day"]) == ("user", party.owner.pk, 5)
    assert Activity.objects.filter(kind="tree.grant_lent", object_id=grant.pk, unit_id=party.units[1].pk).count() == 1
    actor = make.actor(holder)
    assert list(actor.units(Act.CAMPAIGNS_WRITE)) == [u for u in party.units if u.path.startswith(party.units[1].path)]


def test_what_is_left_open_is_lent_as_the_lender_holds_it(party: Organised) -> None:
    until = clock.now() + timedelta(days=3)
    lender = make.lent(party, party.units[1], ends_at=until, messages_total=7, centiwon_per_day=900)

    grant = services.lend(lender, Offer(unit=party.units[3], role=Role.VIEWER, user=make.user()))

    assert (grant.ends_at, grant.messages_total, grant.centiwon_per_day, grant.messages_per_day) == (
        until,
        7,
        900,
        None,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"role": Role.PRIVACY_OFFICER}, Width.MORE_ACTS),
        ({"role": Role.OWNER}, Width.MORE_ACTS),
        ({"ends_at": timedelta(days=4)}, Width.LONGER),
        ({"quotas": Quotas(messages_total=8)}, Width.MORE_QUOTA),
        ({"quotas": Quotas(centiwon_per_day=901)}, Width.MORE_QUOTA),
    ],
)
def test_wider_offers_are_refused_with_their_reason(party: Organised, change: dict[str, Any], reason: Width) -> None:
    until = clock.now() + timedelta(days=3)
    lender = make.lent(party, party.units[1], ends_at=until, messages_total=7, centiwon_per_day=900)
    values: dict[str, Any] = {"role": Role.VIEWER, **change}
    if "ends_at" in values:
        values["ends_at"] = clock.now() + values["ends_at"]

    with pytest.raises(GrantTooWide) as caught:
        services.lend(lender, Offer(unit=party.units[3], user=make.user(), **values))

    assert caught.value.facts["reason"] == reason
    assert str(caught.value).endswith("없습니다.")


def test_lending_where_nothing_is_held(party: Organised) -> None:
    other = make.organisation()
    lender = make.lent(party, party.units[1])
    writer = make.lent(party, party.units[1], role=Role.WRITER)

    for place in (party.units[2], party.units[5], other.top):
        with pytest.raises(NotYours):
            services.lend(lender, Offer(unit=place, role=Role.VIEWER, user=make.user()))
    with pytest.raises(NotYours):
        services.lend(lender, Offer(unit=party.top, role=Role.VIEWER, user=make.user()))
    with pytest.raises(Forbidden):
        services.lend(writer, Offer(unit=party.units[3], role=Role.VIEWER, user=make.user()))


def test_hostile_offers(party: Organised) -> None:
    now = clock.now()
    bad: list[dict[str, Any]] = [
        {"user": None},
        {"ends_at": now - timedelta(days=1)},
        {"acts": frozenset({"people.reveal"})},
        {"starts_at": now + timedelta(days=2), "ends_at": now + timedelta(days=1)},
    ]
    for change in bad:
        with pytest.raises(Invalid):
            services.lend(
                party.actor, Offer(**{"unit": party.units[1], "role": Role.VIEWER, "user": make.user(), **change})
            )
    services.close_unit(party.actor, party.units[3])
    with pytest.raises(UnitStopped):
        services.lend(party.actor, Offer(unit=party.units[3], role=Role.VIEWER, user=make.user()))


def test_a_start_in_the_past_is_now(party: Organised) -> None:
    past = clock.now() - timedelta(days=400)

    grant = services.lend(party.actor, Offer(unit=party.top, role=Role.VIEWER, user=make.user(), starts_at=past))

    assert grant.starts_at > past + timedelta(days=399)


def test_a_wide_grant_is_chosen_over_a_narrow_one(party: Organised) -> None:
    """Somebody with two grants lends out of the one that is wide enough."""
    holder = make.user()
    make.grant(holder, party.units[1], parent=party.owner_grant, messages_total=1)
    wide = make.grant(holder, party.units[1], parent=party.owner_grant, messages_total=100)

    offer = Offer(unit=party.units[3], role=Role.VIEWER, user=make.user(), quotas=Quotas(messages_total=50))
    grant = services.lend(make.actor(holder), offer)

    assert grant.parent == wide


def chain(party: Organised) -> tuple[Grant, Grant, Grant]:
    top = make.grant(make.user(), party.top, parent=party.owner_grant)
    middle = make.grant(make.user(), party.units[1], parent=top)
    low = make.grant(make.user(), party.units[3], parent=middle)
    return top, middle, low


def test_revoking_reaches_everything_lent_on_at_once(party: Organised) -> None:
    top, middle, low = chain(party)
    side = make.grant(make.user(), party.units[2], parent=top)
    other = make.grant(make.user(), party.units[2], parent=party.owner_grant)

    seen = services.preview_revoke(party.actor, top)
    count = services.revoke(party.actor, top)
    again = services.revoke(party.actor, top)

    assert (count, again, len(seen.grants), seen.holders, seen.units) == (4, 0, 4, 4, 4)
    assert seen.grants[0] == top
    dead = set(Grant.objects.exclude(revoked_at=None).values_list("pk", flat=True))
    assert dead == {top.pk, middle.pk, low.pk, side.pk}
    assert low.user is not None
    assert actor_of_user(low.user) is None
    assert other.user is not None
    assert actor_of_user(other.user) is not None
    assert AuthorityRecord.objects.filter(kind="tree.grant_revoked").count() == 4


def test_who_may_take_back(party: Organised) -> None:
    top, middle, low = chain(party)
    assert top.user is not None
    assert middle.user is not None
    peer = make.lent(party, party.units[1])
    below = make.lent(party, party.units[3])

    for actor, grant in ((peer, middle), (make.actor(middle.user), middle)):
        with pytest.raises(Forbidden):
            services.revoke(actor, grant)
    with pytest.raises(NotYours):
        services.revoke(below, middle)
    with pytest.raises(NotYours):
        services.revoke(make.organisation().actor, middle)
    assert services.revoke(peer, low) == 1
    assert services.revoke(make.actor(top.user), middle) == 1


def test_nobody_takes_back_the_grant_above_their_own(party: Organised) -> None:
    lent_owner = make.lent(party, party.top, role=Role.OWNER)

    with pytest.raises(Forbidden):
        services.revoke(lent_owner, party.owner_grant)


def test_chain_reads_from_the_owner_down(party: Organised) -> None:
    top, middle, low = chain(party)

    assert queries.grant_chain(low) == [party.owner_grant, top, middle, low]


def test_grants_in_sight_are_those_of_own_units(party: Organised) -> None:
    top, middle, low = chain(party)
    sister = make.grant(make.user(), party.units[2], parent=top)
    make.organisation()
    assert middle.user is not None
    actor = make.actor(middle.user)

    assert list(queries.grants_in_sight(actor)) == [middle, low]
    assert queries.grant_in_sight(actor, low.public_id) == low
    for hidden in (sister, top, party.owner_grant):
        with pytest.raises(NotYours):
            queries.grant_in_sight(actor, hidden.public_id)


def test_a_grant_begins_and_ends_at_its_moments(party: Organised) -> None:
    holder = make.user()
    now = clock.now()
    make.grant(
        holder,
        party.units[1],
        parent=party.owner_grant,
        starts_at=now + timedelta(hours=1),
        ends_at=now + timedelta(hours=2),
    )

    def holds(at: datetime) -> bool:
        with clock.frozen(at):
            return actor_of_user(holder) is not None

    hours = [timedelta(0), timedelta(hours=1), timedelta(hours=2) - timedelta(seconds=1), timedelta(hours=2)]
    assert [holds(now + after) for after in hours] == [False, True, True, False]
