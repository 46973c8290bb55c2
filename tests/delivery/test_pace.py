"""Pace and shares: limits hold over any history, a bad day slows only its own account, and nobody waits for a big unit."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from majung.core import clock
from majung.core.db import raw
from majung.delivery import installation, ledger, pace, planner
from majung.delivery.engine import Slot
from majung.delivery.handover import SLOW
from majung.delivery.ledger import Connection
from majung.delivery.pace import Learned, Pace
from tests.delivery.conftest import Sandbox, until
from tests.delivery.test_engine import a_campaign, assert_both_sides_agree, is_finished
from tests.delivery.test_results import WAYS
from tests.make import delivery as make

pytestmark = pytest.mark.product("M5")
ROOT = 77

rates = st.floats(1, 1e6)
seconds = st.floats(0, 2_000)


# ── learning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(
    observed=rates,
    troubles=st.lists(st.tuples(seconds, st.sampled_from((pace.HALF, pace.SLOWER))), min_size=1),
    later=seconds,
)
def test_what_is_learned_falls_by_trouble_and_rises_by_time(
    observed: float, troubles: list[tuple[float, float]], later: float
) -> None:
    known, at = None, 0.0
    for wait, factor in troubles:
        at += wait
        before = known.now(at) if known else None
        known = pace.slowed(known, at, observed=observed, factor=factor)
        assert known is not None
        after = known.now(at)
        assert pace.SLOWEST <= known.rate <= known.before
        assert after is None or before is None or after <= max(before, pace.SLOWEST)
    assert known is not None
    now, then = known.now(at), known.now(at + later)
    assert then is None or (now is not None and now <= then)
    assert known.now(at + pace.RECOVERY_SECONDS) is None


def test_what_was_halved_is_back_in_half_the_time() -> None:
    known = pace.slowed(None, 0.0, observed=60_000, factor=pace.HALF)
    assert known is not None

    assert [known.now(at) for at in (0.0, 150.0, 300.0)] == [30_000, 45_000, None]


def test_troubles_of_one_moment_are_one() -> None:
    known = pace.slowed(None, 0.0, observed=60_000, factor=pace.HALF)

    assert pace.slowed(known, 0.5, observed=0, factor=pace.HALF) == known
    later = pace.slowed(known, 1.5, observed=0, factor=pace.HALF)
    assert later is not None and later.rate < 16_000


def test_where_nothing_has_left_there_is_nothing_to_halve() -> None:
    assert pace.slowed(None, 0.0, observed=0, factor=pace.HALF) is None


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Gates(RuleBasedStateMachine):
    """Claims at any times, of chunks of any sizes, on two channels of a limited account of an entity."""

    def __init__(self) -> None:
        super().__init__()
        self.at, self.number = 1_000.0, 0
        limits = {("account", 1): 600, ("entity", 2): 900, ("channel", 3): 120, ("channel", 4): None}
        self.paces = {
            key: Pace(kind=key[0], ref=key[1], per_minute=limit, declared=None, learned=None, free_at=0.0)
            for key, limit in limits.items()
        }
        self.left: dict[tuple[str, int], list[tuple[float, int]]] = {key: [] for key in limits}

    @rule(seconds=st.floats(0, 90))
    def wait(self, seconds: float) -> None:
        self.at += seconds

    @rule(ready=st.lists(st.tuples(st.integers(1, 100), st.sampled_from((3, 4))), max_size=8))
    def claim(self, ready: list[tuple[int, int]]) -> None:
        chunks = [(number, n, channel) for number, (n, channel) in enumerate(ready)]
        everywhere = (("account", 1), ("entity", 2))
        taken = pace.fitting(chunks, everywhere, self.paces, self.at)
        is_free = {key: one.free_at <= self.at for key, one in self.paces.items()}
        spent = pace.costs(taken, everywhere, self.paces, self.at)
        if chunks and all(is_free.values()):
            assert taken, "whoever is free gets a chunk"
        for _, n, channel in taken:
            for key in (*everywhere, ("channel", channel)):
                assert is_free[key]
                self.left[key].append((self.at, n))
        for key, lasts in spent.items():
            one = self.paces[key]
            free_at = max(one.free_at, self.at) + lasts
            self.paces[key] = Pace(
                kind=key[0], ref=key[1], per_minute=one.per_minute, declared=None, learned=None, free_at=free_at
            )

    @invariant()
    def no_span_of_time_holds_more_than_its_pace_and_one_claim(self) -> None:
        for key, left in self.left.items():
            if (limit := self.paces[key].per_minute) is None:
                continue
            claims = Counter[float]()
            for at, n in left:
                claims[at] += n
            times = sorted(claims)
            for i, start in enumerate(times):
                for end in times[i:]:
                    between = sum(claims[t] for t in times if start <= t < end)
                    assert between <= limit / 60 * (end - start) + 1e-6


TestGates = Gates.TestCase


def test_the_smallest_of_what_binds_holds() -> None:
    learned = Learned(rate=100, before=1_000, at=0.0)
    every = Pace(kind="account", ref=1, per_minute=500, declared=300, learned=learned, free_at=0.0)

    assert (every.rate(0.0), every.rate(pace.RECOVERY_SECONDS)) == (100, 300)


# ── the claim ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def connection(transactional_db: None, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """A slot's connection; a claim takes one chunk of seven."""
    monkeypatch.setattr(ledger, "MOST_MESSAGES", make.CHUNK)
    raw().execute("DELETE FROM reached_open WHERE root_id = %s", [ROOT])
    made = ledger.connect(url, "test")
    installation.present(made, None)
    yield made
    made.close()


def waiting(campaign: int, *, unit: int, chunks: int = 1, account: int = 1, entity: int = 1, channel: int = 1) -> int:
    """A dispatch that sends, with so many chunks ready."""
    people = range(campaign * 1_000, campaign * 1_000 + chunks * make.CHUNK)
    make.handed(ROOT, campaign, dict.fromkeys(people, "n"), clock.now(), unit=unit, account=account, channel=channel)
    raw().execute(
        "INSERT INTO dispatch_turn (campaign_id, unit_id, entity_id) VALUES (%s, %s, %s)", [campaign, unit, entity]
    )
    return campaign


def claimed(connection: Connection, times: int) -> list[int]:
    """The campaigns of the next claims, in order; fewer when nothing may leave."""
    found = []
    for _ in range(times):
        if one := ledger.claim(connection, worker="test", now=clock.now(), lease_seconds=30):
            found += [one.campaign_id] * len(one.chunks)
    return found


def test_small_units_are_all_served_before_a_big_one_is_again(connection: Connection) -> None:
    big = waiting(1, unit=1, chunks=50)
    small = [waiting(number, unit=number) for number in range(2, 22)]
    first = claimed(connection, 5)

    rest = claimed(connection, 16)

    assert sorted([*first, *rest]) == sorted([big, *small])


def test_many_campaigns_are_no_more_than_one(connection: Connection) -> None:
    waiting(1, unit=1, chunks=40)
    many = [waiting(number, unit=2, chunks=4) for number in range(2, 12)]

    shares = Counter("one" if campaign == 1 else "many" for campaign in claimed(connection, 40))

    assert shares == {"one": 20, "many": 20} and len(many) == 10


def test_shares_go_by_weight(connection: Connection) -> None:
    for unit in (1, 2):
        waiting(unit, unit=unit, chunks=60)
    pace.set_pace(raw(), ROOT, ("unit", 1), per_minute=None, weight=3)

    assert Counter(claimed(connection, 40)) == {1: 30, 2: 10}


def test_who_comes_later_begins_where_the_others_are(connection: Connection) -> None:
    """A unit that has waited for nothing has nothing to make up for: it does not shut the others out."""
    for unit in (1, 2):
        waiting(unit, unit=unit, chunks=60)
    claimed(connection, 40)
    waiting(3, unit=3, chunks=60)

    assert Counter(claimed(connection, 30)) == {1: 10, 2: 10, 3: 10}


def test_a_limited_account_waits_and_nobody_else(connection: Connection) -> None:
    waiting(1, unit=1, chunks=5, account=1)
    waiting(2, unit=2, chunks=5, account=2)
    pace.set_pace(raw(), ROOT, ("account", 1), per_minute=make.CHUNK)

    assert Counter(claimed(connection, 10)) == {1: 1, 2: 5}


@pytest.mark.parametrize("kind", ["channel", "entity"])
def test_channels_and_entities_are_limited_alike(connection: Connection, kind: str) -> None:
    waiting(1, unit=1, chunks=5)
    waiting(2, unit=2, chunks=5, entity=2, channel=2)
    pace.set_pace(raw(), ROOT, (kind, 1), per_minute=make.CHUNK)

    assert Counter(claimed(connection, 10)) == {1: 1, 2: 5}


def test_more_waiting_channels_than_are_tried_shut_nobody_out(connection: Connection) -> None:
    for number in range(1, 15):
        waiting(number, unit=number, chunks=2, channel=9)
    waiting(20, unit=20)
    pace.set_pace(raw(), ROOT, ("channel", 9), per_minute=make.CHUNK)

    assert sorted(claimed(connection, 5)) == [1, 20]


def test_a_trouble_is_known_to_all_and_binds_one_account(connection: Connection) -> None:
    waiting(1, unit=1, chunks=3, account=1)
    waiting(2, unit=2, chunks=3, account=2)
    pace.trouble(connection, ROOT, 1, "대행사가 바쁘다고 답했습니다.", now=clock.now(), rest=30.0)

    assert Counter(claimed(connection, 6)) == {2: 3}
    known, at = pace.of_root(raw(), ROOT)
    one = known["account", 1]
    assert one.rate(at) is None and one.free_at > at and one.trouble


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_chunks_hold_no_more_than_a_minutes_pace() -> None:
    party = make.party(people=200)
    pace.set_pace(raw(), party.root_id, ("account", party.account.pk), per_minute=9)
    planner.freeze(raw(), make.order(party))

    rows: Any = raw().execute("SELECT max(n), sum(n) FROM campaign_chunk").fetchone()
    assert rows[0] == 9 and rows[1] > 50


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_a_busy_dealer_is_sent_less_and_loses_nothing(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox, people=60)
    sandbox.faults(error_next=1000, error_status=503)
    until(slot, lambda: bool(pace.of_root(raw(), party.root_id)[0]))
    sandbox.faults()
    raw().execute("UPDATE pace SET free_at = now()")
    raw().execute("UPDATE dispatch SET rest_until = now()")
    until(slot, lambda: is_finished(campaign))

    assert_both_sides_agree(sandbox, campaign)
    [known] = pace.of_root(raw(), party.root_id)[0].values()
    assert known.key == ("account", party.account.pk) and known.trouble


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_too_many_requests_halve_what_leaves_and_bind_the_next_claim(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SLOWEST", 60.0)
    monkeypatch.setattr(planner, "CHUNK", 10)
    monkeypatch.setattr(ledger, "MOST_MESSAGES", 10)
    party, _ = a_campaign(sandbox, people=300)
    account = ("account", party.account.pk)

    def left() -> int:
        rows = raw().execute("SELECT coalesce(sum(n), 0) FROM campaign_chunk WHERE handed_at IS NOT NULL").fetchall()
        return int(rows[0][0])

    until(slot, lambda: left() >= 50)
    sandbox.faults(error_next=1, error_status=429, error_endpoints=["groups.create"])
    until(slot, lambda: account in pace.of_root(raw(), party.root_id)[0])
    before = left()

    known = pace.of_root(raw(), party.root_id)[0][account].learned
    assert known is not None and known.before == before * 6 and known.rate == known.before / 2
    raw().execute("UPDATE pace SET free_at = now()")
    raw().execute("UPDATE dispatch SET rest_until = now()")
    until(slot, lambda: left() > before)
    found, at = pace.of_root(raw(), party.root_id)
    n = left() - before
    assert (
        found[account].free_at - at > n * 60 / known.before
    )  # as long as so many take at no more than the old pace, and more
    assert ledger.claim(slot.hands.connection, worker="other", now=clock.now(), lease_seconds=5) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_slow_answers_slow_down(way: str, sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SLOW_SECONDS", 0.02)
    monkeypatch.setattr(pace, "SLOWEST", 60.0)
    monkeypatch.setattr(planner, "CHUNK", 10)
    sandbox.faults(delay_after_ms={"*": 300})
    party, campaign = WAYS[way](sandbox)

    until(slot, lambda: bool(pace.of_root(raw(), party.root_id)[0]))
    sandbox.faults()
    raw().execute("UPDATE pace SET free_at = 'epoch', learned = NULL, before = NULL, changed_at = NULL")
    until(slot, lambda: is_finished(campaign), 40)

    [known] = pace.of_root(raw(), party.root_id)[0].values()
    assert known.key == ("account", party.account.pk) and known.trouble == SLOW
    assert_both_sides_agree(sandbox, campaign)
