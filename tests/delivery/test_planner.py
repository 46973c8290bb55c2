"""Freezing: each person exactly once, on the nearest lawful channel, and the books compare in the same transaction."""

import numpy as np
import psycopg
import pytest
from pyroaring import BitMap

from majung.channels.friends import FriendState
from majung.core.db import raw
from majung.core.sealing import Unreadable
from majung.crowd import evaluate
from majung.delivery import lookup, planner, sealed
from majung.delivery.order import Order, on_channel
from majung.delivery.outcomes import NOT_YET, Reason
from majung.people.vault import sealer
from majung.policy import judge
from tests.make import channels as make_channels
from tests.make import delivery as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.product("M4")]


def a_party(people: int = 400) -> make.Party:
    """Seven units, two of them without a channel; friendships of every state; some people share numbers."""
    party = make.party(people=people, without=2, shared=0.1)
    random = np.random.default_rng(7)
    for channel in party.channels.values():
        for state in FriendState:
            some = [p for p in party.people if random.random() < 0.15]
            make_channels.friends_of(channel=channel, people=some, state=state, at=make.NOON)
    return party


def where(campaign: int) -> dict[int, int]:
    rows = raw().execute("SELECT channel_id, people FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    return {person: channel for channel, people in rows for person in people}


def reasons(campaign: int) -> dict[int, str]:
    rows = raw().execute("SELECT reason, people FROM campaign_left_out WHERE campaign_id = %s", [campaign]).fetchall()
    return {person: reason for reason, people in rows for person in people}


def route_of(party: make.Party, home: str) -> tuple[list[int], list[int]]:
    """The route by the words of the architecture, written anew: own and ancestors', then others by distance and code."""

    def steps(path: str) -> int:
        common = max(n for n in range(0, min(len(path), len(home)) + 1, 4) if path[:n] == home[:n])
        return (len(path) + len(home) - 2 * common) // 4

    units = {unit.pk: unit for unit in party.made.units}
    all_of = sorted(
        (steps(units[u].path), units[u].code, channel.pk, home.startswith(units[u].path))
        for u, channel in party.channels.items()
    )
    return [c for *_, c, near in all_of if near], [c for *_, c, near in all_of if not near]


def denial(order: Order, channel: int, person: int) -> str | None:
    stop = next(s for s in order.stops if s.channel_id == channel)
    occasion = on_channel(order.occasion, stop)
    steps = sorted([*judge.person_denials(occasion), *judge.channel_denials(occasion)], key=lambda step: step[0].order)
    return next((r.code for r, e in steps if evaluate.holds(raw(), order.root_id, e, person)), None)


def test_everyone_is_on_the_nearest_lawful_channel_or_left_out_with_the_nearest_reason() -> None:
    party = a_party(160)
    order = make.order(party)
    frozen = planner.freeze(raw(), order)
    planned, left = where(1), reasons(1)
    units = {unit.pk: unit for unit in party.made.units}
    added = {
        (p, c) for p, c in raw().execute("SELECT person_id, channel_id FROM friendship WHERE state = 1").fetchall()
    }
    homes = dict(raw().execute("SELECT id, home_unit_id FROM person").fetchall())
    blinds = dict(raw().execute("SELECT person_id, blind FROM contact_point WHERE kind = 1").fetchall())
    numbers_used = {blinds[p]: p for p in planned}

    assert planned.keys() | left.keys() == set(party.people) and not planned.keys() & left.keys()
    assert (frozen.audience, frozen.planned) == (160, len(planned)) and len(numbers_used) == len(planned)
    for person in party.people:
        near, far = route_of(party, units[homes[person]].path)
        tried = near + [c for c in far if (person, c) in added]
        denials = {c: denial(order, c, person) for c in tried}
        first = next((c for c in tried if denials[c] is None), None)
        if person in planned:
            assert planned[person] == first
        elif left[person] == Reason.SAME_CONTACT:
            assert first is not None and numbers_used[blinds[person]] < person
        else:
            assert first is None and left[person] == (denials[tried[0]] if tried else Reason.NO_CHANNEL)


def test_reasons_and_channels_are_all_exercised() -> None:
    party = a_party(600)
    planner.freeze(raw(), make.order(party))

    assert set(reasons(1).values()) >= {"NOT_MEMBER", "UNDER14", "CHANNEL_BLOCKED", "NOT_FRIEND", "SAME_CONTACT"}
    assert set(where(1).values()) == {channel.pk for channel in party.channels.values()}


def test_one_person_is_decided_as_in_the_crowd() -> None:
    party = a_party(120)
    order = make.order(party)
    frozen_left, frozen_where = None, None
    planner.freeze(raw(), order)
    frozen_left, frozen_where = reasons(1), where(1)

    for person in party.people:
        one = BitMap([person])
        sets = lookup.Sets(lookup.by_sql(raw(), order.root_id, one), make.NOON.date())
        alone = planner.decide(raw(), order, sets, among=one)
        if frozen_left.get(person) == Reason.SAME_CONTACT:
            continue
        assert {c for c, p in alone.by_channel.items() if person in p} == (
            {frozen_where[person]} if person in frozen_where else set()
        )
        assert list(alone.left_out) == ([frozen_left[person]] if person in frozen_left else [])


@pytest.mark.product("M7")
def test_estimate_agrees_with_the_freeze() -> None:
    party = a_party()
    order = make.order(party, scope=party.made.units[1])

    estimate = planner.estimate(raw(), order, lms_centiwon=3900)
    frozen = planner.freeze(raw(), order)

    assert (estimate.audience, dict(estimate.left_out), estimate.planned) == (
        frozen.audience,
        dict(frozen.left_out),
        frozen.planned,
    )
    assert estimate.saving_centiwon == frozen.planned * 1400 and estimate.worst_centiwon == frozen.worst_centiwon
    assert frozen.audience and set(where(1).values()) <= {
        c.pk
        for u, c in party.channels.items()
        if any(x.pk == u and x.path.startswith(party.made.units[1].path) for x in party.made.units)
    }


def test_sealed_values_line_up_with_their_people() -> None:
    party = a_party(60)
    raw().execute("UPDATE person SET name_sealed = NULL, name_blind = NULL WHERE id = ANY(%s)", [party.people[::7]])
    planner.freeze(raw(), make.order(party))
    rows = (
        raw()
        .execute("SELECT chunk_no, people, sealed, outcome, n FROM campaign_chunk WHERE campaign_id = 1")
        .fetchall()
    )
    blinds = dict(raw().execute("SELECT person_id, blind FROM contact_point WHERE kind = 1").fetchall())

    for chunk, people, values, outcome, n in rows:
        numbers, names = sealed.opened(sealer(), party.root_id, 1, chunk, bytes(values), n)
        assert [sealer().blind(party.root_id, "mobile", number.decode()) for number in numbers] == [
            blinds[p] for p in people
        ]
        assert [bool(name) for name in names] == [person not in party.people[::7] for person in people]
        assert people == sorted(people) and outcome == bytes((NOT_YET,)) * n
        with pytest.raises(Unreadable):
            sealed.opened(sealer(), party.root_id, 1, chunk + 1, bytes(values), n)


def test_chunks_hold_at_most_a_thousand_of_one_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "CHUNK", 7)
    party = a_party(200)
    frozen = planner.freeze(raw(), make.order(party))
    rows = (
        raw()
        .execute("SELECT chunk_no, n, first_person, last_person, people, wave FROM campaign_chunk ORDER BY 1")
        .fetchall()
    )

    assert [row[0] for row in rows] == list(range(1, frozen.chunks + 1)) and max(row[1] for row in rows) == 7
    assert all((p[0], p[-1], len(p), wave) == (first, last, n, 1) for _, n, first, last, p, wave in rows)


def test_a_refused_reservation_leaves_nothing_behind() -> None:
    party = a_party(60)
    asked: list[tuple[int, int]] = []

    def refuse(messages: int, centiwon: int) -> None:
        asked.append((messages, centiwon))
        raise RuntimeError("over quota")

    with pytest.raises(RuntimeError):
        planner.freeze(raw(), make.order(party), reserve=refuse)
    tables = ("dispatch", "campaign_chunk", "campaign_left_out")

    assert asked[0][1] == asked[0][0] * 2500 > 0
    assert [raw().execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables] == [(0,), (0,), (0,)]


def test_a_campaign_is_frozen_once() -> None:
    party = a_party(30)
    planner.freeze(raw(), make.order(party))

    with pytest.raises(psycopg.errors.UniqueViolation):
        planner.freeze(raw(), make.order(party))


def test_what_is_written_wrongly_is_not_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    party = a_party(60)
    honest = planner.chunk_row

    def loses_one(**given: object) -> bytes:
        people, open_ahead = given["people"], given["open_ahead"]
        assert isinstance(people, np.ndarray) and isinstance(open_ahead, bytes)
        if len(people) > 1:
            given |= {"people": people[1:], "open_ahead": open_ahead[1:]}
        return honest(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(planner, "chunk_row", loses_one)
    with pytest.raises(planner.BooksDoNotBalance):
        planner.freeze(raw(), make.order(party))
    assert raw().execute("SELECT count(*) FROM campaign_chunk").fetchone() == (0,)
