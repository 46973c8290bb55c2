"""Where each goes next is known from the freeze, and "not a friend" is noted before a dispatch is finished. (F1, M4)"""

from datetime import timedelta
from typing import Any

import pytest

from majung.channels import friends
from majung.channels.friends import FriendState, How
from majung.core import clock
from majung.core.db import raw
from majung.delivery import observations, planner, waves
from majung.delivery.engine import Slot
from tests.delivery.conftest import Sandbox, register, start, until
from tests.delivery.test_engine import a_campaign, a_number, assert_both_sides_agree, is_finished
from tests.delivery.test_planner import a_party, denial, route_of
from tests.make import delivery as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("F1", "M4")]


def waiting(campaign: int) -> int:
    """Chunks whose answers are not noted yet."""
    [(found,)] = raw().execute(
        "SELECT count(*) FROM campaign_chunk WHERE campaign_id = %s AND told_at IS NOT NULL", [campaign]
    )
    return int(found)


def unfriended() -> set[tuple[int, int]]:
    return set(raw().execute("SELECT person_id, channel_id FROM friendship WHERE state = 3 AND how = 2").fetchall())


def test_a_bit_says_which_channels_ahead_are_free_for_each_person() -> None:
    party = a_party(160)
    order = make.order(party)
    planner.freeze(raw(), order)
    homes = {unit.pk: unit.path for unit in party.made.units}
    units = {channel.pk: unit for unit, channel in party.channels.items()}
    looked_at = set()
    added = set(raw().execute("SELECT person_id, channel_id FROM friendship WHERE state = 1").fetchall())

    for channel, off_route, people, ahead, bits in raw().execute(
        "SELECT channel_id, off_route, people, ahead, open_ahead FROM campaign_chunk"
    ):
        near, _ = route_of(party, homes[units[channel]])
        at = near.index(channel) if channel in near else 0
        assert ahead == ([] if off_route else near[near.index(channel) + 1 :])
        for person, byte in zip(people, bits or bytes(len(people)), strict=True):
            unsure = [not any((person, before) in added for before in near[at : at + k + 1]) for k in range(len(ahead))]
            free = [
                is_unsure and denial(order, one, person) is None for one, is_unsure in zip(ahead, unsure, strict=True)
            ]
            assert byte == sum(1 << place for place, is_free in enumerate(free) if is_free)
            looked_at.add((len(ahead), byte))

    assert {(2, 3), (1, 1), (0, 0)} <= looked_at and len(looked_at) > 4


def test_the_route_goes_on_without_being_asked_for(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    honest = waves._route

    def counted(hands: Any, found: Any, moving: list[tuple[Any, Any]]) -> Any:
        asked.extend(chunk.ahead for chunk, _ in moving)
        return honest(hands, found, moving)

    monkeypatch.setattr(waves, "_route", counted)
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: is_finished(campaign))

    assert assert_both_sides_agree(sandbox, campaign).moved_on > 5
    assert set(asked) == {()}, "only those at the end of their route"


def test_who_was_a_friend_once_is_not_led_back_to_the_same_channel(sandbox: Sandbox, slot: Slot) -> None:
    party = make.party(people=300, base_url=sandbox.base_url)
    register(sandbox, party)
    long_ago = clock.now() - timedelta(days=90)
    for channel in party.channels.values():
        friends.observe(raw(), party.root_id, channel.pk, party.people, FriendState.ADDED, long_ago, How.WEBHOOK)
    campaign = a_number()
    planner.freeze(raw(), make.order(party, campaign=campaign, at=clock.now()))
    start(campaign)

    until(slot, lambda: is_finished(campaign), 60)

    assert_both_sides_agree(sandbox, campaign)
    tries = raw().execute(
        "SELECT person, channel_id, count(*) FROM campaign_chunk, unnest(people) AS person WHERE campaign_id = %s"
        " GROUP BY 1, 2",
        [campaign],
    )
    assert {n for *_, n in tries.fetchall()} == {1}


def test_what_was_told_is_noted_before_the_dispatch_is_finished(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = held_back(sandbox, slot, monkeypatch)
    for _ in range(3):
        slot.keep()
    assert not is_finished(campaign)

    monkeypatch.undo()
    until(slot, lambda: is_finished(campaign))

    told = raw().execute(
        "SELECT p.person, c.channel_id FROM campaign_chunk c, unnest(c.people) WITH ORDINALITY AS p(person, seq)"
        " WHERE c.campaign_id = %s AND get_byte(c.outcome, (p.seq - 1)::int) IN (%s, %s)",
        [campaign, waves.MOVED_ON, waves.NOT_A_FRIEND],
    )
    assert waiting(campaign) == 0 and unfriended() == set(told.fetchall()) != set()


def test_news_that_came_meanwhile_are_not_overwritten(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, campaign = held_back(sandbox, slot, monkeypatch)
    [(person, channel)] = raw().execute(
        "SELECT c.people[position('m'::bytea IN c.outcome)], c.channel_id FROM campaign_chunk c WHERE c.campaign_id = %s"
        " AND c.told_at IS NOT NULL AND position('m'::bytea IN c.outcome) > 0 LIMIT 1",
        [campaign],
    )
    at = clock.now() + timedelta(seconds=1)
    friends.observe(raw(), party.root_id, channel, [person], FriendState.ADDED, at, How.WEBHOOK)

    monkeypatch.undo()
    until(slot, lambda: is_finished(campaign))

    seen = raw().execute(
        "SELECT state, how FROM friendship WHERE person_id = %s AND channel_id = %s", [person, channel]
    )
    assert seen.fetchall() == [(int(FriendState.ADDED), int(How.WEBHOOK))]


def test_what_has_waited_long_is_noted_while_a_dispatch_goes_on(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = held_back(sandbox, slot, monkeypatch)
    observations.note_late(slot.hands)
    assert waiting(campaign) > 0
    raw().execute("UPDATE campaign_chunk SET told_at = told_at - interval '1 minute' WHERE told_at IS NOT NULL")

    observations.note_late(slot.hands)

    assert waiting(campaign) == 0 and unfriended()


def test_a_dispatch_does_not_wait_until_a_clock_that_was_ahead_is_right(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = held_back(sandbox, slot, monkeypatch)
    monkeypatch.undo()
    ahead = clock.now() + timedelta(hours=1)
    raw().execute("UPDATE campaign_chunk SET told_at = %s WHERE told_at IS NOT NULL", [ahead])

    until(slot, lambda: is_finished(campaign))

    [(latest,)] = raw().execute("SELECT max(seen_at) FROM friendship WHERE how = 2").fetchall()
    assert unfriended() and latest <= clock.now()


def settled(campaign: int) -> bool:
    """Whether everybody has an answer."""
    return raw().execute(
        "SELECT bool_and(state = 3) FROM campaign_chunk WHERE campaign_id = %s", [campaign]
    ).fetchone() == (True,)


def held_back(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> tuple[make.Party, int]:
    """A campaign of which everybody has an answer and nothing is noted."""
    monkeypatch.setattr(observations, "note_all", lambda *_: None)
    party, campaign = a_campaign(sandbox)
    until(slot, lambda: waiting(campaign) > 0 and settled(campaign))
    return party, campaign
