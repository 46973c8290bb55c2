"""The weekly cap: nobody is promised more than the organisation allows, whoever sends, and what was not sent is free again."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from psycopg import Connection

from majung.core import clock
from majung.core.db import raw
from majung.crowd import registry
from majung.crowd.expression import Range
from majung.delivery import lookup, planner, services, week
from majung.delivery.engine import Slot
from majung.delivery.order import Order
from majung.policy.enums import Purpose
from majung.policy.looks import WEEK_DAYS, WEEK_FULL
from tests.delivery.conftest import Sandbox, register, start, until
from tests.delivery.test_engine import a_number, assert_both_sides_agree, is_finished
from tests.make import delivery as make
from tests.make.database import second_connection

pytestmark = pytest.mark.product("M5")
NOTICE = str(Purpose.PARTY_NOTICE)
FIRST_DAY = registry.day(make.NOON.date())


def capped(order: Order, most: int) -> Order:
    """The order under a cap on its purpose."""
    return replace(order, occasion=replace(order.occasion, weekly=((NOTICE, most),)))


def held_by(campaign: int) -> dict[int, list[int]]:
    """The days on which a campaign holds places, by person."""
    rows = raw().execute("SELECT day, block, bits FROM week_hold WHERE campaign_id = %s", [campaign]).fetchall()
    found: dict[int, list[int]] = {}
    for day, block, bits in rows:
        for person in week.people_of(np.array([block]), np.frombuffer(bits, np.uint8)[None]):
            found.setdefault(person, []).append(day)
    return found


def left_out(campaign: int, reason: str = "WEEKLY_CAP") -> set[int]:
    rows = raw().execute(
        "SELECT people FROM campaign_left_out WHERE campaign_id = %s AND reason = %s", [campaign, reason]
    )
    return {person for (people,) in rows.fetchall() for person in people}


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

people_numbers = st.sets(st.integers(1, 20_000), max_size=30)


@given(people_numbers)
def test_bits_come_back(people: set[int]) -> None:
    assert set(week.people_of(*week.bits_of(np.array(sorted(people), np.int32)))) == people


@given(
    st.lists(st.tuples(st.integers(-8, 8), st.sets(st.integers(0, 40), min_size=1)), max_size=8),
    st.integers(1, 4),
)
def test_a_week_is_full_when_some_seven_days_around_it_are(held: list[tuple[int, set[int]]], most: int) -> None:
    layers = []
    for day, people in held:
        _, bits = week.bits_of(np.array(sorted(people), np.int32))
        layers.append(week.Layer(day=day, rows=np.array([0]), bits=bits))

    found = set(week.people_of(np.array([0]), week.full(layers, 0, most, 1)))

    def is_full(person: int) -> bool:
        days = [day for day, people in held if person in people]
        return any(sum(end - WEEK_DAYS < day <= end for day in days) >= most for end in range(WEEK_DAYS))

    assert found == {person for person in range(41) if is_full(person)}


# ── places in the database ───────────────────────────────────────────────────────────────────────────────────────────


def occasion_of(root: int, campaign: int, day: int) -> Any:
    noon = make.NOON + timedelta(days=day - FIRST_DAY)
    base = make.Occasion(
        root_id=root, organisation_kind="political", purpose=Purpose.PARTY_NOTICE, medium=make.Medium.KAKAO_AD, entity_id=1,
        unit_id=1, unit_path="0001", at=noon, content=make.Content(text="알립니다."),
    )  # fmt: skip
    return replace(base, campaign_id=campaign, leaves_on=noon.date())


class Weeks(RuleBasedStateMachine):
    """Lists are frozen, carried over midnight and ended in any order; a model of days by person stands beside them."""

    root: int
    people: list[int]
    most = 2

    def __init__(self) -> None:
        super().__init__()
        raw().execute("DELETE FROM week_hold")
        week.set_limit(raw(), self.root, Purpose.PARTY_NOTICE, self.most)
        self.campaigns: dict[int, dict[int, int]] = {}
        self.number = Weeks.start = getattr(Weeks, "start", 500) + 50

    def full_on(self, day: int, besides: int) -> set[int]:
        def full(person: int) -> bool:
            days = [held[person] for c, held in self.campaigns.items() if c != besides and person in held]
            return any(
                sum(end - WEEK_DAYS < one <= end for one in days) >= self.most for end in range(day, day + WEEK_DAYS)
            )

        return {person for person in self.people if full(person)}

    @rule(day=st.integers(0, 12), wanted=st.sets(st.integers(0, 11), min_size=1))
    def freeze(self, day: int, wanted: set[int]) -> None:
        self.number += 1
        on, asked = FIRST_DAY + day, {self.people[at] for at in wanted}
        occasion = occasion_of(self.root, self.number, on)
        with week.turn(raw(), self.root):
            leaf = Range(WEEK_FULL, (NOTICE, self.most, self.number), first=on, last=on)
            quick = week.reader(lambda _: {}, raw(), self.root)([leaf])[leaf]
            told = lookup.by_sql(raw(), self.root, self.people)([leaf])[leaf]
            assert set(quick) == set(told) == self.full_on(on, self.number)
            going = sorted(asked - set(quick))
            week.hold(raw(), occasion, np.array(going, np.int32))
        if going:
            make.handed(self.root, self.number, dict.fromkeys(going, "n"), occasion.at)
        self.campaigns[self.number] = dict.fromkeys(going, on)

    @rule(which=st.integers(0, 50), day=st.integers(0, 12), wanted=st.sets(st.integers(0, 11)))
    def leave_on_another_day(self, which: int, day: int, wanted: set[int]) -> None:
        open_ones = [c for c, held in self.campaigns.items() if held]
        if not open_ones:
            return
        campaign = open_ones[which % len(open_ones)]
        held = self.campaigns[campaign]
        going = sorted({self.people[at] for at in wanted} & held.keys())
        now = occasion_of(self.root, campaign, FIRST_DAY + day).at
        full = self.full_on(FIRST_DAY + day, campaign)
        for _ in range(2):
            over = week.carry_over(raw(), occasion_of(self.root, campaign, 0), np.array(going, np.int32), now)
            assert set(over) == set(going) & full
        for person in going:
            if person in full:
                del held[person]
            else:
                held[person] = FIRST_DAY + day

    @rule(which=st.integers(0, 50), bytes_=st.lists(st.sampled_from("adq\x0al"), min_size=12, max_size=12))
    def end(self, which: int, bytes_: list[str]) -> None:
        open_ones = [c for c, held in self.campaigns.items() if held]
        if not open_ones:
            return
        campaign = open_ones[which % len(open_ones)]
        outcome = dict(zip(self.people, bytes_, strict=True))
        raw().execute(
            "UPDATE campaign_chunk SET state = 2, worker = 't', group_ref = 'G', lease_until = now() WHERE campaign_id = %s",
            [campaign],
        )
        make.told(campaign, outcome)
        week.give_back(raw(), campaign)
        self.campaigns[campaign] = {p: day for p, day in self.campaigns[campaign].items() if outcome[p] in "adq"}

    @invariant()
    def places_are_the_models_and_nobodys_week_is_over_full(self) -> None:
        for campaign, held in self.campaigns.items():
            assert held_by(campaign) == {person: [day] for person, day in held.items()}
        for person in self.people:
            days = [held[person] for held in self.campaigns.values() if person in held]
            assert all(
                sum(end - WEEK_DAYS < day <= end for day in days) <= self.most
                for end in range(FIRST_DAY, FIRST_DAY + 20)
            )


@pytest.mark.django_db
@pytest.mark.slow
def test_any_history_of_places_keeps_the_cap() -> None:
    made = make.party(people=12)

    class Here(Weeks):
        root, people = made.root_id, made.people

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Here,
        settings=settings(
            max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


# ── lists ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
def test_whoever_had_the_weeks_messages_is_left_out_with_the_reason() -> None:
    party = make.party(people=100)
    first, second, third = (capped(make.order(party, campaign=number), 2) for number in (1, 2, 3))
    next_week = capped(make.order(party, campaign=4, not_before=make.NOON + timedelta(days=WEEK_DAYS)), 2)
    planned = [planner.freeze(raw(), one).planned for one in (first, second)]
    guess = planner.estimate(raw(), third, lms_centiwon=0)
    frozen = planner.freeze(raw(), third)

    assert planned[0] == planned[1] == frozen.left_out["WEEKLY_CAP"] > 0 and frozen.planned == 0
    assert dict(guess.left_out) == dict(frozen.left_out)
    assert planner.freeze(raw(), next_week).planned == planned[0]
    # What is promised for next week does not fill this one, and no cap counts without being asked for.
    assert planner.freeze(raw(), make.order(party, campaign=5)).planned == planned[0]


@pytest.mark.django_db(transaction=True)
def test_what_nobody_can_turn_off_is_neither_stopped_nor_counted() -> None:
    party = make.party(people=40)
    usual, other = (capped(make.order(party, campaign=number), 1) for number in (1, 3))
    essential = capped(make.order(party, campaign=2), 1)
    essential = replace(essential, occasion=replace(essential.occasion, essential=True))

    planned = [planner.freeze(raw(), one).planned for one in (essential, usual, other)]

    assert planned[0] == planned[1] > 0 == planned[2] and not held_by(2)


@pytest.mark.django_db(transaction=True)
def test_a_list_out_of_turn_is_a_bug_and_is_not_written() -> None:
    party = make.party(people=10)

    with pytest.raises(week.NotYourTurn), raw().transaction():
        planner.freeze(raw(), make.order(party, campaign=1))

    assert raw().execute("SELECT count(*) FROM dispatch").fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_ten_lists_at_once_never_promise_more_than_the_cap() -> None:
    """Ten sessions at a barrier freeze one campaign each to the same people, three a week."""
    party = make.party(people=120)
    orders = [capped(make.order(party, campaign=number), 3) for number in range(1, 11)]
    barrier = threading.Barrier(10)
    planned: dict[int, int] = {}

    def freeze(order: Order, session: Connection[Any]) -> None:
        barrier.wait(20)
        planned[order.campaign_id] = planner.freeze(session, order).planned

    sessions = [second_connection(autocommit=True) for _ in orders]
    opened = [session.__enter__() for session in sessions]
    threads = [threading.Thread(target=freeze, args=pair) for pair in zip(orders, opened, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for session in sessions:
        session.__exit__(None, None, None)
    connection.close()

    assert len(planned) == 10 and sorted(n > 0 for n in planned.values()) == [False] * 7 + [True] * 3
    counts: dict[int, int] = {}
    for number in planned:
        for person in held_by(number):
            counts[person] = counts.get(person, 0) + 1
    assert counts and set(counts.values()) == {3}


# ── in flight ────────────────────────────────────────────────────────────────────────────────────────────────────────


def at(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, moment: datetime) -> None:
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(moment)))
    sandbox.clock(moment)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_who_got_nothing_has_the_place_back(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "CHUNK", 10)
    monkeypatch.setattr("majung.delivery.ledger.MOST_MESSAGES", 10)
    party = make.party(people=120, base_url=sandbox.base_url)
    register(sandbox, party)
    recalled, campaign = a_number(), a_number()
    planner.freeze(raw(), capped(make.order(party, campaign=recalled, at=clock.now()), 1))
    services.stop(recalled)
    until(slot, lambda: is_finished(recalled))
    assert not held_by(recalled)

    frozen = planner.freeze(raw(), capped(make.order(party, campaign=campaign, at=clock.now()), 1))
    start(campaign)
    for _ in range(4):
        slot.step()
    services.stop(campaign)
    until(slot, lambda: is_finished(campaign))

    told = assert_both_sides_agree(sandbox, campaign)
    rows = raw().execute("SELECT people, outcome FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    reached = {p for people, outcome in rows for p, byte in zip(people, outcome, strict=True) if chr(byte) in "adq"}
    assert frozen.planned > told.accepted == len(reached) > 0 and held_by(campaign).keys() == reached


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_a_message_that_waits_for_another_day_needs_a_place_there(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen on Friday, held over midnight; meanwhile others of these people are promised a message on Friday week."""
    week.set_limit(raw(), (party := make.party(people=90, base_url=sandbox.base_url)).root_id, Purpose.PARTY_NOTICE, 1)
    register(sandbox, party)
    late, other = a_number(), a_number()
    friday = clock.now()
    planned = planner.freeze(raw(), capped(make.order(party, campaign=late, at=friday), 1)).planned
    some = list(held_by(late))[::3]
    # Seven days after Friday there is room for one more, but not seven days after Saturday.
    next_friday = registry.day(friday.date()) + WEEK_DAYS
    with week.turn(raw(), party.root_id):
        week.hold(raw(), occasion_of(party.root_id, other, next_friday), np.array(some, np.int32))
    at(monkeypatch, sandbox, friday + timedelta(days=1))
    start(late)
    until(slot, lambda: is_finished(late))

    assert_both_sides_agree(sandbox, late)
    assert left_out(late) == set(some)
    saturday = registry.day(friday.date()) + 1
    assert {day for days in held_by(late).values() for day in days} == {saturday}
    assert len(held_by(late)) + len(some) <= planned


def test_the_defaults_are_said_once() -> None:
    shown: Mapping[Purpose, int] = week.DEFAULTS

    assert shown == {Purpose.ADVERTISING: 3}


@pytest.mark.django_db
@pytest.mark.parametrize("most", [-1, 101])
def test_a_cap_out_of_bounds_is_refused(most: int) -> None:
    with pytest.raises(ValueError, match="weekly cap"):
        week.set_limit(raw(), 1, Purpose.ADVERTISING, most)
