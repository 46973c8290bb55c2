"""Who could do what on a past day (T3): from grants' periods, acceptance and revocation, and units' spans."""

from datetime import date, datetime, timedelta

import pytest

from majung.core import clock
from majung.tree import queries, services
from majung.tree.enums import Role
from majung.tree.services import Offer
from tests.make import tree as make

pytestmark = [pytest.mark.product("T3"), pytest.mark.django_db]

DAY = date(2031, 3, 10)
NOON = datetime(2031, 3, 10, 12, tzinfo=clock.SEOUL)


def holders(root: int, day: date) -> list[tuple[str, str]]:
    return [(h.grant.user.email, h.unit_name) for h in queries.held_on(root, day) if h.grant.user]


def test_the_past_answers_as_it_was() -> None:
    with clock.frozen(NOON):
        party = make.organisation(depth=2)
        owner, old = party.owner.email, party.units[1].name
        holder = make.user(email="kim@example.com")
        grant = services.lend(party.actor, Offer(unit=party.units[1], role=Role.VIEWER, user=holder))
    with clock.frozen(NOON + timedelta(days=2)):
        services.rename_unit(party.actor, party.units[1], "새 이름")
        services.suspend_unit(party.actor, party.units[1])
    with clock.frozen(NOON + timedelta(days=4)):
        services.revoke(party.actor, grant)

    root = party.root.pk
    assert holders(root, DAY - timedelta(days=2)) == []
    assert holders(root, DAY) == [(owner, party.top.name), ("kim@example.com", old)]
    assert holders(root, DAY + timedelta(days=1)) == [(owner, party.top.name), ("kim@example.com", old)]
    assert holders(root, DAY + timedelta(days=3)) == [(owner, party.top.name), ("kim@example.com", "새 이름")]
    assert [h.unit_state for h in queries.held_on(root, DAY + timedelta(days=3))] == ["active", "suspended"]
    assert holders(root, DAY + timedelta(days=4)) == [(owner, party.top.name), ("kim@example.com", "새 이름")]
    assert holders(root, DAY + timedelta(days=5)) == [(owner, party.top.name)]


def test_invited_people_held_nothing_before_they_came() -> None:
    with clock.frozen(NOON):
        party = make.organisation(depth=2)
        _, link = services.invite(party.actor, Offer(unit=party.units[1], role=Role.VIEWER))
    with clock.frozen(NOON + timedelta(days=3)):
        services.accept(link.rstrip("/").rsplit("/", 1)[1], "lee@example.com", "seven quiet rivers")

    days = [DAY + timedelta(days=n) for n in (0, 2, 3, 4)]
    assert [len(holders(party.root.pk, day)) for day in days] == [1, 1, 2, 2]


def test_days_are_seouls() -> None:
    with clock.frozen(NOON):
        party = make.organisation()
        first_moment = datetime(2031, 3, 12, 0, tzinfo=clock.SEOUL)
        holder = make.user(email="park@example.com")
        offer = Offer(
            unit=party.top,
            role=Role.VIEWER,
            user=holder,
            starts_at=first_moment,
            ends_at=first_moment + timedelta(days=1),
        )
        services.lend(party.actor, offer)

    days = [date(2031, 3, 11), date(2031, 3, 12), date(2031, 3, 13)]
    assert ["park@example.com" in dict(holders(party.root.pk, day)) for day in days] == [False, True, False]
    assert "park@example.com" not in dict(holders(make.organisation().root.pk, date(2031, 3, 12)))
