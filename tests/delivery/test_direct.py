"""Dealers that send at once, each against its side of the sandbox: whatever is lost, nothing is lost and nothing doubled unknown.

The worker that dies is the real process; its heir is a slot of this process, whose dealer lists what it took at once
(``find_seconds``: what the real one takes to do so is only waited for, never skipped).
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from majung.channels import wakes
from majung.channels.adapters.aligo import Aligo
from majung.channels.adapters.base import Finds, Handed, Reported
from majung.channels.adapters.nhn import Nhn
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.popbill import Popbill
from majung.channels.adapters.terms import Account, Batch, Kind, Message, Reply
from majung.channels.line import Line
from majung.channels.services import store_keys
from majung.core import clock
from majung.core.db import raw
from majung.delivery import direct, planner
from majung.delivery.books import books
from majung.delivery.engine import Slot
from tests.delivery.conftest import Sandbox, until
from tests.delivery.dealing import (
    ALIM,
    DEALERS,
    Case,
    a_campaign,
    assert_nobody_noticed,
    cases,
    cells,
    dies,
    end_of_patience,
    in_doubt_ids,
    noted,
    taken_twice,
)
from tests.delivery.test_engine import assert_both_sides_agree, is_finished, sent_ids, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M10", "O6")]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several requests a campaign, and dealers that list at once what they took."""
    monkeypatch.setattr(planner, "CHUNK", 20)
    monkeypatch.setattr(direct, "ASK_AGAIN_SECONDS", 0.05)
    for one in DEALERS:
        able = {kind: replace(ability, find_seconds=0.2) for kind, ability in one.abilities.items()}
        monkeypatch.setattr(one, "abilities", able)


@pytest.fixture
def heir(url: str, slot: Slot) -> Iterator[Slot]:
    """Another slot of this process."""
    made = Slot(url, slot.hands.sealer, name="test/heir", look_seconds=0.05)
    yield made
    made.close()


@cases(*Finds)
def test_a_campaign_goes_out_and_both_sides_agree(case: Case, sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, case)

    until(slot, lambda: is_finished(campaign))

    told = assert_both_sides_agree(sandbox, campaign)
    assert told.delivered > 50 and told.audience == 150 and state(campaign) == ("finished", "")
    assert told.cost_centiwon == told.accepted * 2500
    assert (told.moved_on > 0) == (case == Case(Nhn, Kind.BRAND)), "Popbill gives no reasons"
    assert raw().execute("SELECT count(*) FROM campaign_chunk WHERE sealed IS NOT NULL").fetchone() == (0,)


def test_numbers_are_opened_again_where_results_are_told_by_number_and_it_is_written_down(
    sandbox: Sandbox, slot: Slot
) -> None:
    party, campaign = a_campaign(sandbox, Case(Aligo, Kind.SMS), people=40)

    until(slot, lambda: is_finished(campaign))

    rows = raw().execute("SELECT n, why FROM access_log WHERE root_id = %s AND what = 'delivery'", [party.root_id])
    opened = [(n, why) for n, why in rows.fetchall() if f"{campaign}번의 결과를 확인하려고" in why]
    assert opened and all(n > 0 for n, _ in opened)


def test_each_person_gets_their_own_words(sandbox: Sandbox, slot: Slot) -> None:
    sandbox.ask("/_control/phones", [{"name": "폰", "number": "01000000000"}])
    party, campaign = a_campaign(sandbox, ALIM, people=40)

    until(slot, lambda: is_finished(campaign))

    shown = [number for _, number, *_ in sandbox.messages(campaign)]
    if "01000000000" in shown:
        bubbles = sandbox.ask("/_control/phones/01000000000")
        assert any(bubbles[-1]["text"].endswith(f"{unit.name} 소식입니다.") for unit in party.made.units)


@cases(*Finds)
@pytest.mark.parametrize("point", ["after_claim", "during_settle"])
def test_killed_before_or_after_a_request(
    point: str, case: Case, sandbox: Sandbox, url: str, home: Path, slot: Slot
) -> None:
    assert_nobody_noticed(point, case, sandbox, url, home, slot)


@cases(Finds.SURELY, Finds.PERHAPS)
def test_killed_while_the_answer_came(case: Case, sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    assert_nobody_noticed("after_hand_over", case, sandbox, url, home, slot)


@cases(Finds.NEVER)
@pytest.mark.parametrize("lost", [0, 2])
def test_a_dealer_that_cannot_be_asked_leaves_doubt_and_never_a_double(
    lost: int, case: Case, sandbox: Sandbox, url: str, home: Path, slot: Slot
) -> None:
    """A worker dies with the answer, or two answers are lost: these people have it, and nobody can know."""
    sandbox.faults(drop_next=lost)
    _, campaign = a_campaign(sandbox, case)
    if not lost:
        dies(url, home, "after_hand_over")

    waiting = end_of_patience(campaign, slot)

    told = books(raw(), campaign)
    doubted = in_doubt_ids(campaign)
    assert told.in_doubt == waiting.in_doubt == len(doubted) > 0 and told.is_balanced
    assert told.cost_centiwon == (told.accepted + told.in_doubt) * 2500
    assert sent_ids(campaign) | doubted == sandbox.ids(campaign, "taken") and sent_ids(campaign)
    assert not taken_twice(sandbox, campaign) and noted(campaign, "AGAIN") == set()


def test_killed_before_the_request_left_it_leaves_once(sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    """A dealer that can say "no" is believed after three denials; who is sent on its word is written down."""
    _, campaign = a_campaign(sandbox, ALIM)
    dies(url, home, "before_hand_over")

    until(slot, lambda: is_finished(campaign), 40)

    told = assert_both_sides_agree(sandbox, campaign)
    assert len(noted(campaign, "AGAIN")) > 0 and told.delivered > 50 and not taken_twice(sandbox, campaign)


@cases(Finds.PERHAPS, Finds.NEVER)
def test_killed_before_the_request_left_nobody_guesses(
    case: Case, sandbox: Sandbox, url: str, home: Path, slot: Slot
) -> None:
    """Where "no" proves nothing these people stay in doubt, paid for, until the deadline; the rest goes on."""
    _, campaign = a_campaign(sandbox, case)
    dies(url, home, "before_hand_over")

    waiting = end_of_patience(campaign, slot)

    told = books(raw(), campaign)
    assert told.in_doubt == waiting.in_doubt > 0 and told.is_balanced
    assert told.cost_centiwon == (told.accepted + told.in_doubt) * 2500
    assert sent_ids(campaign) == sandbox.ids(campaign, "taken") and not taken_twice(sandbox, campaign)


@cases(Finds.SURELY, Finds.PERHAPS)
def test_a_lost_answer_is_found_by_its_key(case: Case, sandbox: Sandbox, slot: Slot) -> None:
    """Whoever was refused in a lost answer is not on the dealer's list, and so was not taken."""
    sandbox.faults(drop_next=2)
    _, campaign = a_campaign(sandbox, case)

    until(slot, lambda: is_finished(campaign), 60)

    told = assert_both_sides_agree(sandbox, campaign)
    assert told.cost_centiwon == told.accepted * 2500
    lost = {
        f"{campaign}-{chunk}"
        for (chunk,) in raw()
        .execute("SELECT chunk_no FROM campaign_chunk WHERE campaign_id = %s AND request_hash IS NULL", [campaign])
        .fetchall()
    }
    refused = [id_ for id_, *_, code in sandbox.messages(campaign) if code == "1061" and id_.rpartition("-")[0] in lost]
    untold = 0 if case.dealer is Popbill else len(refused)  # whose list has them too
    assert len(lost) == 2 and cells(campaign).count(chr(Outcome.NOT_TAKEN)) == untold


def test_errors_of_the_gateway_are_waited_out(sandbox: Sandbox, slot: Slot) -> None:
    """While the dealer is not well nobody else is put at risk: the next request is a harmless one."""
    sandbox.faults(error_next=6, error_status=503)
    _, campaign = a_campaign(sandbox, ALIM)

    until(slot, lambda: is_finished(campaign), 60)

    assert_both_sides_agree(sandbox, campaign)
    assert len(noted(campaign, "AGAIN")) <= 20, "one chunk"


def test_a_hidden_record_is_sent_again_knowingly(sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    sandbox.faults(hide_next=1)
    _, campaign = a_campaign(sandbox, ALIM)
    dies(url, home, "after_hand_over")

    until(slot, lambda: is_finished(campaign), 40)

    assert taken_twice(sandbox, campaign) == noted(campaign, "AGAIN") != set()
    assert sent_ids(campaign) == sandbox.ids(campaign, "taken") and books(raw(), campaign).is_balanced


@pytest.mark.parametrize("error", [300, -300])
def test_how_long_a_dealer_has_had_is_not_a_question_of_this_hosts_clock(
    error: int, sandbox: Sandbox, url: str, home: Path, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heir's clock is off by five minutes: its "no" is believed after ``find_seconds``, neither before nor minutes later."""
    able = {kind: replace(one, find_seconds=2.0) for kind, one in Nhn.abilities.items()}
    monkeypatch.setattr(Nhn, "abilities", able)
    sandbox.faults(hide_next=1)
    _, campaign = a_campaign(sandbox, ALIM)
    dies(url, home, "after_hand_over")
    keyed = raw().execute("SELECT keyed_at FROM campaign_chunk WHERE campaign_id = %s AND state = 1", [campaign])
    asked = keyed.fetchone()
    raw().execute("UPDATE dispatch SET not_before = not_before - interval '1 hour' WHERE campaign_id = %s", [campaign])
    monkeypatch.setenv(clock.ERROR, str(error))

    until(slot, lambda: is_finished(campaign), 40)

    again = raw().execute("SELECT min(at) FROM chunk_exception WHERE campaign_id = %s AND code = 'AGAIN'", [campaign])
    believed = again.fetchone()
    assert asked is not None and believed is not None
    assert 2 <= (believed[0] - asked[0]).total_seconds() < 40
    assert taken_twice(sandbox, campaign) == noted(campaign, "AGAIN") != set()


def test_a_report_with_our_key_ends_the_doubt(
    sandbox: Sandbox, url: str, home: Path, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dealer that cannot be asked: the report names the request, and what it became is fetched."""
    party, campaign = a_campaign(sandbox, Case(Nhn, Kind.BRAND))
    dies(url, home, "after_hand_over")
    able = {kind: replace(one, finds=Finds.NEVER) for kind, one in Nhn.abilities.items()}
    monkeypatch.setattr(Nhn, "abilities", able)
    until(slot, lambda: "q" in cells(campaign) and not set("na") & set(cells(campaign)), 40)
    [(key,)] = (
        raw()
        .execute("SELECT group_ref FROM campaign_chunk WHERE campaign_id = %s AND state = 2", [campaign])
        .fetchall()
    )
    made = Nhn(Account(base_url=sandbox.base_url, key=sandbox.key, secret="SANDBOX-SECRET"))
    ref = made.decode_found(Line(made).call(made.find_request(Kind.BRAND, key, clock.now())), Kind.BRAND, key)

    wakes.note(
        raw(),
        [(party.account.pk + 1, Reported(ref, key)), (party.account.pk, Reported("x", f"{campaign}-999-1"))],
        clock.now(),
    )
    slot.keep()
    unmoved = cells(campaign)
    wakes.note(raw(), [(party.account.pk, Reported(ref, key))], clock.now())
    slot.keep()
    until(slot, lambda: is_finished(campaign), 40)

    assert "q" in unmoved, "another account's report, or of another request, moves nothing"
    told = assert_both_sides_agree(sandbox, campaign)
    assert told.cost_centiwon == told.accepted * 2500


def test_an_overtaken_worker_sends_nothing(
    sandbox: Sandbox, slot: Slot, heir: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease ends while the request is being made: the heir sends the chunk, and the slow one does not."""
    _, campaign = a_campaign(sandbox, ALIM)
    slot.hands.lease_seconds = 0.5
    honest = Nhn.encode

    def slowly(self: Nhn, batch: Batch) -> bytes:
        monkeypatch.setattr(Nhn, "encode", honest)
        time.sleep(0.8)
        until(heir, lambda: is_finished(campaign), 30)
        return honest(self, batch)

    monkeypatch.setattr(Nhn, "encode", slowly)
    slot.step()

    assert_both_sides_agree(sandbox, campaign)


@pytest.mark.parametrize("hidden", [0, 1])
def test_an_answer_that_comes_late_changes_nothing_or_is_written_down(
    hidden: int, sandbox: Sandbox, slot: Slot, heir: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heir finds the request, so nothing is sent again; denied it, it sends again, and the late answer says whom."""
    sandbox.faults(hide_next=hidden)
    _, campaign = a_campaign(sandbox, ALIM)
    slot.hands.lease_seconds = 0.5
    honest = Nhn.decode_handed

    def late(self: Nhn, reply: Reply, batch: Batch) -> Handed:
        monkeypatch.setattr(Nhn, "decode_handed", honest)
        time.sleep(0.8)
        until(heir, lambda: is_finished(campaign), 30)
        return honest(self, reply, batch)

    monkeypatch.setattr(Nhn, "decode_handed", late)
    slot.step()

    told = books(raw(), campaign)
    assert taken_twice(sandbox, campaign) == noted(campaign, "REPEAT") == noted(campaign, "AGAIN")
    assert (told.repeats > 0) == bool(hidden) and told.is_balanced
    assert sent_ids(campaign) == sandbox.ids(campaign, "taken")


def test_an_answer_that_comes_before_it_was_sent_again_stops_that(
    sandbox: Sandbox, slot: Slot, heir: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denied and put back, but not yet sent again: the late answer takes the chunk back."""
    sandbox.faults(hide_next=1)
    _, campaign = a_campaign(sandbox, ALIM, people=20)
    slot.hands.lease_seconds = 0.3
    honest = Nhn.decode_handed

    def late(self: Nhn, reply: Reply, batch: Batch) -> Handed:
        monkeypatch.setattr(Nhn, "decode_handed", honest)
        raw().execute("UPDATE dispatch SET rest_until = now() + interval '1 hour' WHERE campaign_id = %s", [campaign])
        time.sleep(0.5)
        until(heir, lambda: noted(campaign, "AGAIN") != set(), 10)
        return honest(self, reply, batch)

    monkeypatch.setattr(Nhn, "decode_handed", late)
    slot.step()
    ready = (
        raw().execute("SELECT count(*) FROM campaign_chunk WHERE campaign_id = %s AND state = 0", [campaign]).fetchone()
    )

    assert ready is not None and not taken_twice(sandbox, campaign)
    assert set(cells(campaign)) <= set("anl")
    refs = (
        raw()
        .execute("SELECT group_ref FROM campaign_chunk WHERE campaign_id = %s AND state = 2", [campaign])
        .fetchall()
    )
    assert refs and not any(ref.startswith(f"{campaign}-") for (ref,) in refs)


def test_a_wrong_key_pauses_and_nobody_fails(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox, ALIM)
    store_keys(party.account, key=sandbox.key, secret="another-secret")

    until(slot, lambda: state(campaign)[0] == "paused")

    told = books(raw(), campaign)
    assert state(campaign) == ("paused", "account") and told.not_yet == 150 - sum(told.left_out.values())
    assert sandbox.books(campaign)["gateway_saw"] == 0


def test_no_keys_for_the_kind_pause(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox, Case(Nhn, Kind.SMS))
    store_keys(party.account, key=sandbox.key, secret="SANDBOX-SECRET")

    until(slot, lambda: state(campaign)[0] == "paused")

    assert state(campaign) == ("paused", "account") and set(cells(campaign)) <= set("nl")


def test_a_refused_request_pauses_with_the_dealers_code(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, ALIM, message=Message(text="#{이름} 님, #{조직} 소식입니다.", template_id="NOPE"))

    until(slot, lambda: state(campaign)[0] == "paused")

    problem = raw().execute("SELECT problem FROM dispatch WHERE campaign_id = %s", [campaign]).fetchone()
    assert problem is not None and "-3003" in problem[0] and set(cells(campaign)) <= set("nl")


def test_what_cannot_be_said_to_all_pauses_and_says_nothing_to_anybody(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, Case(Nhn, Kind.BRAND), message=Message(text="#{수신설정}"))

    until(slot, lambda: state(campaign)[0] == "paused")

    assert set(cells(campaign)) <= set("nl") and sandbox.books(campaign)["gateway_saw"] == 0


def test_a_chunk_is_no_larger_than_a_request(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Nhn, "people_per_request", 7)
    _, campaign = a_campaign(sandbox, Case(Nhn, Kind.BRAND), people=100)

    until(slot, lambda: is_finished(campaign), 40)

    sizes = raw().execute("SELECT max(n), max(wave) FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchone()
    assert sizes is not None and sizes[0] == 7 and sizes[1] > 1
    assert_both_sides_agree(sandbox, campaign)


def test_paused_between_two_requests_the_rest_stays(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = a_campaign(sandbox, ALIM)
    honest = Nhn.encode
    made: list[int] = []

    def pauses(self: Nhn, batch: Batch) -> bytes:
        made.append(batch.chunk)
        if len(made) == 3:
            raw().execute(
                "UPDATE dispatch SET state = 'paused', pause_reason = 'person' WHERE campaign_id = %s", [campaign]
            )
        return honest(self, batch)

    monkeypatch.setattr(Nhn, "encode", pauses)
    slot.step()

    rows = raw().execute("SELECT state, count(*) FROM campaign_chunk WHERE campaign_id = %s GROUP BY state", [campaign])
    by_state: dict[int, int] = dict(rows.fetchall())
    assert by_state[2] == 2 and by_state[0] == sum(by_state.values()) - 2


def test_the_comparison_finds_a_worker_that_lies(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretends(self: Nhn, reply: Any, batch: Batch) -> Handed:
        return Handed("R", bytes((Outcome.DELIVERED,)) * len(batch.recipients))

    monkeypatch.setattr(Nhn, "decode_handed", pretends)
    monkeypatch.setattr(Nhn, "encode", lambda self, batch: b'{"recipientList":[]}')
    _, campaign = a_campaign(sandbox, ALIM)
    until(slot, lambda: is_finished(campaign))

    with pytest.raises(AssertionError):
        assert_both_sides_agree(sandbox, campaign)
