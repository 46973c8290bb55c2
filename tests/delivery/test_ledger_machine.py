"""The chunk ledger under random interleavings: slots that die anywhere, lost answers, late reports, verbs, refusals in between.

Real PostgreSQL, the real engine, the real sandbox over HTTP. Beside them stands a small model of what may never happen: books
that do not balance, a person in two places, an outcome that moves against its arrows, a chunk that was handed and is ready again,
somebody who refused before the hand-over and gets the message all the same (M4, M5, M9, O6).
"""

import secrets
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from majung.channels import line
from majung.consent import ledger as consent
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Conflict
from majung.delivery import engine, handover, ledger, planner, services
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.outcomes import ACCEPTED, DELIVERED, IN_DOUBT, LEFT_OUT, MOVED_ON, NOT_YET, ChunkState, is_refused
from majung.people.vault import sealer
from tests.delivery.conftest import Sandbox, register
from tests.delivery.test_engine import assert_both_sides_agree, is_finished, sent_ids
from tests.make import delivery as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M4", "M5", "M9", "O6")]

# Where an outcome byte may go to from each that is not final; refusals ("r") are final like the others that are missing here.
ARROWS = {NOT_YET: "nadqlmr", ACCEPTED: "adqmr", IN_DOUBT: "nadqmr"}
VERBS: dict[str, tuple[Callable[[int], object], set[str]]] = {
    "pause": (services.pause, {"sending", "paused"}),
    "resume": (services.resume, {"paused"}),
    "stop": (services.stop, {"frozen", "sending", "paused", "stopped"}),
}
PATIENCE_SECONDS = 60.0
"""Within this everything comes to an end once nothing is in the way; a machine with much else to do may need some of it."""
POINTS = ("after_claim", "after_hand_over", "during_settle")


class Dies(BaseException):
    """The worker's process is gone: whatever it held open is rolled back, whatever it committed stands."""


def letter(byte: int) -> str:
    """An outcome byte as the arrows name it."""
    return "r" if is_refused(byte) else chr(byte)


class LedgerMachine(RuleBasedStateMachine):
    """Two slots, up to two campaigns to the same party."""

    sandbox: ClassVar[Sandbox]
    url: ClassVar[str]
    patch: ClassVar[pytest.MonkeyPatch]

    @initialize()
    def begin(self) -> None:
        self.party = make.party(depth=2, people=40, base_url=self.sandbox.base_url)
        register(self.sandbox, self.party)
        self.sandbox.faults()
        self.late(0.0)
        self.campaigns: list[int] = []
        self.chunks: dict[tuple[int, int], tuple[int, int, bytes]] = {}
        self.spared: dict[int, set[int]] = {}
        self.born = 0
        self.slots = [self.slot(), self.slot()]

    def slot(self) -> Slot:
        self.born += 1
        return Slot(self.url, sealer(), name=f"machine/{self.born}", look_seconds=0.01)

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: len(self.campaigns) < 2)
    @rule()
    def freeze(self) -> None:
        campaign = 1_000 + secrets.randbelow(10**9)  # not from random, which hypothesis begins anew each time
        planner.freeze(raw(), make.order(self.party, campaign=campaign, at=clock.now()))
        services.start(campaign)
        self.campaigns.append(campaign)
        self.spared[campaign] = set()

    @rule(which=st.integers(0, 1), times=st.integers(1, 3))
    def step(self, which: int, times: int) -> None:
        for _ in range(times):
            self.slots[which].step()

    @rule(which=st.integers(0, 1))
    def keep(self, which: int) -> None:
        self.slots[which].keep()

    @rule(which=st.integers(0, 1), point=st.sampled_from(POINTS))
    def step_until_it_dies_at_a_named_point(self, which: int, point: str) -> None:
        def crash(here: str) -> None:
            if here == point:
                raise Dies

        self.dying(which, [(handover, "crash", crash), (engine.recovery.settle, "crash", crash)])

    @rule(which=st.integers(0, 1), at=st.integers(1, 9), is_after=st.booleans())
    def step_until_it_dies_at_a_request(self, which: int, at: int, is_after: bool) -> None:
        """Before the request, or when it was answered and nobody reads the answer any more."""
        exchange, made = line.Line._exchange, Counter[str]()

        def fatal(self: line.Line, wire: Any) -> Any:
            made["requests"] += 1
            if made["requests"] < at:
                return exchange(self, wire)
            if is_after:
                exchange(self, wire)
            raise Dies

        self.dying(which, [(line.Line, "_exchange", fatal)])

    def dying(self, which: int, instead: list[tuple[Any, str, Any]]) -> None:
        with self.patch.context() as patched:
            for owner, name, deadly in instead:
                patched.setattr(owner, name, deadly)
            try:
                self.slots[which].step()
            except Dies:
                pass
            else:
                return
        self.slots[which].close()
        self.slots[which] = self.slot()

    @rule()
    def leases_end(self) -> None:
        raw().execute("UPDATE campaign_chunk SET lease_until = clock_timestamp() WHERE state IN (1, 2)")
        raw().execute("UPDATE dispatch SET rest_until = clock_timestamp()")

    @rule(endpoint=st.sampled_from(["groups.create", "groups.put", "groups.send"]), answers=st.integers(1, 2))
    def answers_get_lost(self, endpoint: str, answers: int) -> None:
        self.sandbox.faults(drop_next=answers, drop_endpoints=[endpoint])

    @rule(errors=st.integers(1, 3), status=st.sampled_from([500, 503]))
    def the_dealer_stumbles(self, errors: int, status: int) -> None:
        self.sandbox.faults(error_next=errors, error_status=status)

    @rule()
    def the_dealer_recovers(self) -> None:
        self.sandbox.faults()

    @rule(seconds=st.sampled_from([0.0, 0.05, 0.6]))
    def late(self, seconds: float) -> None:
        """So long do results of what is sent from now on take."""
        self.sandbox.ask("/_control/settings", {"report_delay_seconds": seconds})

    @precondition(lambda self: self.campaigns)
    @rule(which=st.integers(0, 1), verb=st.sampled_from(["pause", "resume", "resume", "stop"]))
    def say(self, which: int, verb: str) -> None:
        campaign = self.campaigns[which % len(self.campaigns)]
        act, allowed = VERBS[verb]
        state, is_over = (
            raw()
            .execute("SELECT state, finished_at IS NOT NULL FROM dispatch WHERE campaign_id = %s", [campaign])
            .fetchone()
        )  # type: ignore[misc]
        if state in allowed and not is_over:
            act(campaign)
        else:
            with pytest.raises(Conflict):
                act(campaign)

    @rule(some=st.sets(st.integers(0, 39), min_size=1, max_size=4))
    def refuse(self, some: set[int]) -> None:
        people = sorted(self.party.people[number] for number in some)
        consent.refuse(raw(), self.party.root_id, people, self.party.made.entity.pk, ["*"], "link", at=clock.now())
        for campaign, _, members, outcome in self.rows("state = 0"):
            self.spared[campaign] |= {
                person for person, byte in zip(members, outcome, strict=True) if byte == NOT_YET and person in people
            }

    # ── what must hold ───────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, where: str = "true") -> list[tuple[int, int, list[int], bytes]]:
        return (
            raw()
            .execute(
                f"SELECT campaign_id, chunk_no, people, outcome FROM campaign_chunk WHERE campaign_id = ANY(%s) AND {where}"
                " ORDER BY campaign_id, chunk_no",
                [self.campaigns],
            )
            .fetchall()
        )

    @invariant()
    def books_balance(self) -> None:
        for campaign in getattr(self, "campaigns", ()):
            told = books(raw(), campaign)
            assert told.is_balanced, told

    @invariant()
    def nobody_stands_twice(self) -> None:
        """Everybody of a campaign has one place at most: who stands in a later chunk has moved on from all before."""
        places: Counter[tuple[int, int]] = Counter()
        for campaign, _, people, outcome in self.rows() if getattr(self, "campaigns", ()) else ():
            assert len(people) == len(outcome) == len(set(people))
            places.update((campaign, person) for person, byte in zip(people, outcome, strict=True) if byte != MOVED_ON)
        assert not [place for place, times in places.items() if times > 1]

    @invariant()
    def outcomes_follow_their_arrows(self) -> None:
        for campaign, chunk, _, outcome in self.rows() if getattr(self, "campaigns", ()) else ():
            state, attempt = (
                raw()
                .execute(
                    "SELECT state, attempt FROM campaign_chunk WHERE campaign_id = %s AND chunk_no = %s",
                    [campaign, chunk],
                )
                .fetchone()
            )  # type: ignore[misc]
            before = self.chunks.get((campaign, chunk))
            self.chunks[campaign, chunk] = (state, attempt, bytes(outcome))
            if before is None:
                continue
            assert attempt >= before[1]
            assert state >= before[0] or before[0] == ChunkState.CLAIMED, f"{before} → {state}"
            for old, new in zip(before[2], outcome, strict=True):
                assert letter(new) in ARROWS.get(old, letter(old)), f"{chr(old)} → {chr(new)}"

    def teardown(self) -> None:
        """Whatever happened, it comes to an end: nobody lost, nobody twice, and both sides say the same."""
        if not getattr(self, "slots", ()):
            return
        try:
            self.the_dealer_recovers()
            self.late(0.0)
            for campaign in self.campaigns:
                if (
                    raw()
                    .execute(
                        "SELECT FROM dispatch WHERE campaign_id = %s AND state = 'paused' AND finished_at IS NULL",
                        [campaign],
                    )
                    .fetchone()
                ):
                    services.resume(campaign)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not all(map(is_finished, self.campaigns)) and time.monotonic() < deadline:
                self.leases_end()
                self.slots[0].keep()
                if not self.slots[0].step():
                    time.sleep(0.02)  # the pace that was learned from errors lets nothing leave for a while
            for campaign in self.campaigns:
                self.ended_well(campaign)
        finally:
            for slot in self.slots:
                slot.close()

    def ended_well(self, campaign: int) -> None:
        assert is_finished(campaign), books(raw(), campaign)
        told = assert_both_sides_agree(self.sandbox, campaign)
        assert told.repeats == 0
        assert sum(told.left_out.values()) + told.accepted + told.refused == told.audience == 40
        for _, _, people, outcome in self.rows(f"campaign_id = {campaign}"):
            for person, byte in zip(people, outcome, strict=True):
                assert byte in (DELIVERED, LEFT_OUT, MOVED_ON) or is_refused(byte)
                assert person not in self.spared[campaign] or byte in (LEFT_OUT, MOVED_ON), (
                    "refused before the hand-over"
                )
        assert len(sent_ids(campaign)) >= told.accepted


def test_the_ledger_holds_whatever_comes_between(sandbox: Sandbox, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "CHUNK", 5)
    monkeypatch.setattr(ledger, "MOST_CHUNKS", 3)
    LedgerMachine.sandbox, LedgerMachine.url, LedgerMachine.patch = sandbox, url, monkeypatch
    try:
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=6, stateful_step_count=20, deadline=None,
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )  # fmt: skip
    finally:
        sandbox.ask("/_control/settings", {"report_delay_seconds": 0.05})
