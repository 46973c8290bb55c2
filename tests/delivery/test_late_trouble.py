"""Answers later than a lease, refusals told beside another campaign's wave, closed accounts, stops of much: to the won (M7, O6)."""

from collections.abc import Callable

import pytest

from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.solapi import Solapi
from majung.channels.adapters.terms import Batch, Reply, Wire
from majung.channels.line import Line, Lost
from majung.consent import ledger as consent
from majung.core import clock
from majung.core.db import raw
from majung.delivery import handover, ledger, planner, services, settle
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.handover import rest_seconds
from majung.delivery.ledger import Claim
from tests.delivery.conftest import Sandbox, until
from tests.delivery.test_engine import a_campaign, assert_both_sides_agree, in_flight, is_finished, numbers_of, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("O6", "M7")]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks a campaign, and an account that is read anew each time."""
    monkeypatch.setattr(planner, "CHUNK", 20)
    monkeypatch.setattr(handover, "ACCOUNT_SECONDS", 0.0)


@pytest.fixture
def heir(url: str, slot: Slot) -> Slot:
    """Another slot, which takes over what the first one does not hold any more."""
    return Slot(url, slot.hands.sealer, name="test/heir", look_seconds=0.05)


def of_chunks(campaign: int, what: str) -> list[tuple[object, ...]]:
    return (
        raw()
        .execute(f"SELECT {what} FROM campaign_chunk WHERE campaign_id = %s ORDER BY chunk_no", [campaign])
        .fetchall()
    )


def test_what_was_taken_over_before_the_dealer_answered_is_charged_once(
    sandbox: Sandbox, slot: Slot, heir: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group leaves at once, the answer comes after the lease: by then the heir has asked and written that it left."""
    _, campaign = a_campaign(sandbox)
    honest = Solapi.decode_sent

    def comes_late(self: Solapi, reply: Reply) -> object:
        monkeypatch.setattr(Solapi, "decode_sent", honest)
        raw().execute("UPDATE campaign_chunk SET lease_until = clock_timestamp() WHERE state = 1")
        until(heir, lambda: is_finished(campaign))
        return honest(self, reply)

    monkeypatch.setattr(Solapi, "decode_sent", comes_late)
    slot.step()
    heir.close()

    assert_both_sides_agree(sandbox, campaign)


def test_whom_registration_does_not_name_is_paid_for_like_everybody_who_left(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Solapi.decode_added

    def forgets(self: Solapi, reply: Reply, batch: Batch) -> bytes:
        told = honest(self, reply, batch)
        # All of every second chunk that it took, and of the others the first one.
        most = len(told) if batch.chunk % 2 else 1
        return told.replace(bytes((Outcome.ACCEPTED,)), bytes((Outcome.IN_DOUBT,)), most)

    monkeypatch.setattr(Solapi, "decode_added", forgets)
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: is_finished(campaign))

    assert assert_both_sides_agree(sandbox, campaign).delivered > 50


@pytest.mark.product("C3")
def test_a_refusal_told_together_with_this_campaigns_next_wave_is_seen(sandbox: Sandbox, slot: Slot) -> None:
    """One transaction folds what many campaigns were told: "not a friend" of this one, and of another that somebody refused."""
    party, campaign = a_campaign(sandbox)
    [(first, person), *_, (last, _)] = of_chunks(campaign, "chunk_no, people[1]")
    assert first != last
    with raw().transaction():
        raw().execute(
            "UPDATE campaign_chunk SET wave = 2, made_by = pg_current_xact_id() WHERE campaign_id = %s AND chunk_no = %s",
            [campaign, last],
        )
        consent.refuse(raw(), party.root_id, [person], party.made.entity.pk, ["*"], "080", at=clock.now())

    until(slot, lambda: all(found == 3 for (found,) in of_chunks(campaign, "state")))

    dropped = "SELECT people FROM campaign_left_out WHERE campaign_id = %s AND stage = 'hand_over'"
    assert raw().execute(dropped, [campaign]).fetchall() == [([person],)]
    assert {line[1] for line in sandbox.messages(campaign)}.isdisjoint(numbers_of(party, [person]))


class Stops:
    """A dealer's line on which the first "send" never arrives; meanwhile ``then`` happens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, then: Callable[[], object]) -> None:
        self.honest, self.then, self.sends = Line.call, then, 0
        monkeypatch.setattr(Line, "call", lambda line, wire: self.call(line, wire))

    def call(self, line: Line, wire: Wire) -> Reply:
        if wire.url.endswith("/send"):
            self.sends += 1
            if self.sends == 1:
                self.then()
                raise Lost(TimeoutError())
        return self.honest(line, wire)


@pytest.mark.product("M5")
def test_a_group_whose_send_was_lost_does_not_leave_after_a_stop(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = a_campaign(sandbox)
    lost = Stops(monkeypatch, lambda: services.stop(campaign))

    until(slot, lambda: is_finished(campaign))

    assert lost.sends == 1 and sandbox.books(campaign)["accepted"] == 0
    told = assert_both_sides_agree(sandbox, campaign)
    assert told.accepted == 0 and told.left_out["STOPPED"] > 50


@pytest.mark.product("M5", "C3")
def test_who_refuses_while_a_send_is_lost_is_judged_anew(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    party, campaign = a_campaign(sandbox)
    [(person,), *_] = of_chunks(campaign, "people[1]")
    root, entity = party.root_id, party.made.entity.pk
    Stops(monkeypatch, lambda: consent.refuse(raw(), root, [person], entity, ["*"], "link", at=clock.now()))

    until(slot, lambda: is_finished(campaign))

    assert assert_both_sides_agree(sandbox, campaign).dropped == 1
    reached = {line[1] for line in sandbox.messages(campaign) if line[3] == "4000"}
    assert reached and reached.isdisjoint(numbers_of(party, [person]))


@pytest.mark.product("M5")
def test_a_stop_of_much_is_swept_in_parts(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "SWEPT", 2)
    _, campaign = a_campaign(sandbox)
    chunks = len(of_chunks(campaign, "1"))

    services.stop(campaign)
    assert sum(found == 3 for (found,) in of_chunks(campaign, "state")) == 2 < chunks - 2
    until(slot, lambda: is_finished(campaign))

    told = assert_both_sides_agree(sandbox, campaign)
    assert told.left_out["STOPPED"] == told.audience - sum(n for why, n in told.left_out.items() if why != "STOPPED")
    assert state(campaign) == ("stopped", "")


def test_a_closed_account_holds_up_nobody_and_what_left_through_it_comes_to_an_end(
    sandbox: Sandbox, slot: Slot
) -> None:
    """Of one campaign some has left, and of one group it is unknown, when the keys of its account go."""
    sandbox.ask("/_control/settings", {"report_delay_seconds": 3600})
    try:
        _, campaign = a_campaign(sandbox)
        until(slot, lambda: all(found == 2 for (found,) in of_chunks(campaign, "state")))
    finally:
        sandbox.ask("/_control/settings", {"report_delay_seconds": 0.05})
    account = raw().execute("SELECT account_id FROM dispatch WHERE campaign_id = %s", [campaign]).fetchone()
    raw().execute(
        "UPDATE channels_dealeraccount SET state = 'closed', key_sealed = '', secret_sealed = '' WHERE id = %s", account
    )
    raw().execute("UPDATE campaign_chunk SET lease_until = clock_timestamp() WHERE campaign_id = %s", [campaign])
    _, other = a_campaign(sandbox)

    until(slot, lambda: is_finished(other))
    assert not is_finished(campaign) and in_flight() > 0
    assert_both_sides_agree(sandbox, other)

    patience = settle.PATIENCE.total_seconds() + 3600
    raw().execute(
        "UPDATE campaign_chunk SET handed_at = handed_at - make_interval(secs => %s), lease_until = clock_timestamp()"
        " WHERE campaign_id = %s", [patience, campaign],
    )  # fmt: skip
    until(slot, lambda: is_finished(campaign))
    told = books(raw(), campaign)
    assert (
        told.is_balanced
        and told.in_doubt == told.not_yet == 0
        and told.accepted == sandbox.books(campaign)["accepted"] > 0
    )


def test_a_group_in_doubt_of_a_closed_account_waits_for_its_keys_and_then_ends_in_doubt(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = a_campaign(sandbox)
    Stops(monkeypatch, lambda: raw().execute("UPDATE channels_dealeraccount SET state = 'closed', key_sealed = ''"))
    slot.step()
    for _ in range(4):
        slot.step()
    doubted = [found for (found,) in of_chunks(campaign, "state") if found == 1]
    assert doubted and sandbox.books(campaign)["accepted"] == 0

    raw().execute(
        "UPDATE campaign_chunk SET judged_at = judged_at - interval '73 hours', lease_until = clock_timestamp() WHERE state = 1"
    )
    slot.step()
    told = books(raw(), campaign)
    assert in_flight() == 0 and told.in_doubt > 0 and told.is_balanced


@pytest.mark.parametrize(
    ("attempt", "asked", "seconds"), [(1, 0, 2), (2, 0, 3), (3, 30, 30), (9, 0, 51.26), (10, 0, 60), (32_000, 0, 60)]
)
def test_rests_grow_with_the_tries(attempt: int, asked: float, seconds: float) -> None:
    """Without end they would be half a million in a long outage, and ``attempt`` counts to 32,767."""

    class Held:
        chunks = [type("Tried", (), {"attempt": attempt})]

    held: Claim = Held()  # type: ignore[assignment]
    assert rest_seconds(held, asked) == pytest.approx(seconds, abs=0.01)
