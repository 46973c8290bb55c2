"""Dealers that send at once, against the sandbox's NHN Cloud: whatever is lost, nothing is lost and nothing doubled unknown.

The worker that dies is the real process; its heir is a slot of this process, whose dealer lists what it took at once
(``find_seconds``: what the real one takes to do so is only waited for, never skipped).
"""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from majung.channels import wakes
from majung.channels.adapters.base import Finds, Handed, Reported
from majung.channels.adapters.nhn import Nhn
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.terms import Account, Batch, Kind, Message, Reply
from majung.channels.line import Line
from majung.channels.services import store_keys
from majung.core import clock
from majung.core.db import raw
from majung.delivery import direct, planner
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.render import Template
from majung.policy.enums import Medium
from tests.delivery.conftest import Sandbox, register, start, until
from tests.delivery.test_crash import worker
from tests.delivery.test_engine import a_number, assert_both_sides_agree, is_finished, sent_ids, state
from tests.make import delivery as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M10", "O6")]

KINDS = (Kind.ALIM, Kind.BRAND, Kind.SMS)
TEXT = "(광고)가람당 소식\n무료수신거부 080-123-4567"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several requests a campaign, and a dealer that lists at once what it took."""
    monkeypatch.setattr(planner, "CHUNK", 20)
    monkeypatch.setattr(direct, "ASK_AGAIN_SECONDS", 0.05)
    able = {kind: replace(one, find_seconds=0.2) for kind, one in Nhn.abilities.items()}
    monkeypatch.setattr(Nhn, "abilities", able)


@pytest.fixture
def heir(url: str, slot: Slot) -> Iterator[Slot]:
    """Another slot of this process."""
    made = Slot(url, slot.hands.sealer, name="test/heir", look_seconds=0.05)
    yield made
    made.close()


def a_campaign(sandbox: Sandbox, kind: Kind, *, people: int = 150) -> tuple[make.Party, int]:
    """A frozen and started campaign of a kind through NHN."""
    party = make.party(people=people, base_url=sandbox.base_url, adapter="nhn")
    register(sandbox, party)
    number = a_number()
    template, stops = make.template(party), make.stops(party)
    order = make.order(party, campaign=number, at=clock.now())
    if kind is Kind.ALIM:
        code = f"T{number}"
        message = Message(text="#{이름} 님, #{조직} 소식입니다.", template_id=code)
        template = replace(template, kind=kind, message=message)
        sandbox.ask(
            "/_control/templates",
            [{"account": sandbox.key, "templateId": code, "name": "소식", "content": message.text}],
        )
    elif kind is Kind.BRAND:
        template = replace(template, kind=kind, message=Message(text="#{조직} 소식입니다."))
    else:
        template, stops = Template(kind=kind, message=Message(text=TEXT), sender="0212345678"), ()
        account = replace(order.occasion.account, sender_number="0212345678", sender_number_registered=True)
        order = replace(order, occasion=replace(order.occasion, medium=Medium.SMS, account=account))
    planner.freeze(raw(), replace(order, template=template, stops=stops))
    start(number)
    return party, number


def cells(campaign: int) -> str:
    """Every outcome byte of a campaign."""
    rows = raw().execute("SELECT outcome FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    return b"".join(bytes(outcome) for (outcome,) in rows).decode("latin-1")


def noted(campaign: int, code: str) -> set[str]:
    """Ids that have an exception of this code."""
    rows = raw().execute(
        "SELECT chunk_no, seq FROM chunk_exception WHERE campaign_id = %s AND code = %s", [campaign, code]
    )
    return {f"{campaign}-{chunk}-{seq}" for chunk, seq in rows.fetchall()}


def taken_twice(sandbox: Sandbox, campaign: int) -> set[str]:
    times: dict[str, int] = {}
    for id_, *_ in sandbox.messages(campaign):
        times[id_] = times.get(id_, 0) + 1
    return {id_ for id_, n in times.items() if n > 1}


def dies(url: str, home: Path, point: str) -> None:
    """A worker of one slot, so that nothing else of it is under way when it dies."""
    assert worker(url, home, crash_at=point, slots=1).wait(40) == -signal.SIGKILL


@pytest.mark.parametrize("kind", KINDS)
def test_a_campaign_goes_out_and_both_sides_agree(kind: Kind, sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, kind)

    until(slot, lambda: is_finished(campaign))

    told = assert_both_sides_agree(sandbox, campaign)
    assert told.delivered > 50 and told.audience == 150 and state(campaign) == ("finished", "")
    assert told.cost_centiwon == told.accepted * 2500
    assert (told.moved_on > 0) == (kind is Kind.BRAND)
    assert raw().execute("SELECT count(*) FROM campaign_chunk WHERE sealed IS NOT NULL").fetchone() == (0,)


def test_each_person_gets_their_own_words(sandbox: Sandbox, slot: Slot) -> None:
    sandbox.ask("/_control/phones", [{"name": "폰", "number": "01000000000"}])
    party, campaign = a_campaign(sandbox, Kind.ALIM, people=40)

    until(slot, lambda: is_finished(campaign))

    shown = [number for _, number, *_ in sandbox.messages(campaign)]
    if "01000000000" in shown:
        bubbles = sandbox.ask("/_control/phones/01000000000")
        assert any(bubbles[-1]["text"].endswith(f"{unit.name} 소식입니다.") for unit in party.made.units)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", ["after_claim", "after_hand_over", "during_settle"])
def test_killed_at_a_named_point(point: str, kind: Kind, sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, kind)
    dies(url, home, point)
    at_death = books(raw(), campaign)

    until(slot, lambda: is_finished(campaign), 40)

    told = assert_both_sides_agree(sandbox, campaign)
    assert at_death.not_yet + at_death.accepted > 0 and told.delivered > 50
    assert noted(campaign, "AGAIN") == set() and told.cost_centiwon == told.accepted * 2500
    attempts = raw().execute("SELECT max(attempt) FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchone()
    assert attempts == ((1,) if point == "during_settle" else (2,))  # what waited for its turn was put back


def test_killed_before_the_request_left_it_leaves_once(sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    """A dealer that can say "no" is believed after three denials; who is sent on its word is written down."""
    _, campaign = a_campaign(sandbox, Kind.ALIM)
    dies(url, home, "before_hand_over")

    until(slot, lambda: is_finished(campaign), 40)

    told = assert_both_sides_agree(sandbox, campaign)
    assert len(noted(campaign, "AGAIN")) > 0 and told.delivered > 50 and not taken_twice(sandbox, campaign)


@pytest.mark.parametrize("kind", [Kind.BRAND, Kind.SMS])
def test_killed_before_the_request_left_nobody_guesses(
    kind: Kind, sandbox: Sandbox, url: str, home: Path, slot: Slot
) -> None:
    """Where "no" proves nothing these people stay in doubt, paid for, until the deadline; the rest goes on."""
    _, campaign = a_campaign(sandbox, kind)
    dies(url, home, "before_hand_over")

    until(slot, lambda: "q" in cells(campaign) and not set("na") & set(cells(campaign)), 40)
    waiting = books(raw(), campaign)
    older = "UPDATE campaign_chunk SET handed_at = handed_at - interval '73 hours', lease_until = now()"
    raw().execute(f"{older} WHERE campaign_id = %s AND state = 2", [campaign])
    until(slot, lambda: is_finished(campaign))

    told = books(raw(), campaign)
    assert told.in_doubt == waiting.in_doubt > 0 and told.is_balanced
    assert told.cost_centiwon == (told.accepted + told.in_doubt) * 2500
    assert sent_ids(campaign) == sandbox.ids(campaign, "taken") and not taken_twice(sandbox, campaign)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_answer_is_found_by_its_key(kind: Kind, sandbox: Sandbox, slot: Slot) -> None:
    """Whoever was refused in a lost answer is not on the dealer's list, and so was not taken."""
    sandbox.faults(drop_next=2)
    _, campaign = a_campaign(sandbox, kind)

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
    assert len(lost) == 2 and cells(campaign).count(chr(Outcome.NOT_TAKEN)) == len(refused)


def test_errors_of_the_gateway_are_waited_out(sandbox: Sandbox, slot: Slot) -> None:
    """While the dealer is not well nobody else is put at risk: the next request is a harmless one."""
    sandbox.faults(error_next=6, error_status=503)
    _, campaign = a_campaign(sandbox, Kind.ALIM)

    until(slot, lambda: is_finished(campaign), 60)

    assert_both_sides_agree(sandbox, campaign)
    assert len(noted(campaign, "AGAIN")) <= 20, "one chunk"


def test_a_hidden_record_is_sent_again_knowingly(sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    sandbox.faults(hide_next=1)
    _, campaign = a_campaign(sandbox, Kind.ALIM)
    dies(url, home, "after_hand_over")

    until(slot, lambda: is_finished(campaign), 40)

    assert taken_twice(sandbox, campaign) == noted(campaign, "AGAIN") != set()
    assert sent_ids(campaign) == sandbox.ids(campaign, "taken") and books(raw(), campaign).is_balanced


def test_a_report_with_our_key_ends_the_doubt(
    sandbox: Sandbox, url: str, home: Path, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dealer that cannot be asked: the report names the request, and what it became is fetched."""
    party, campaign = a_campaign(sandbox, Kind.BRAND)
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
    _, campaign = a_campaign(sandbox, Kind.ALIM)
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
    _, campaign = a_campaign(sandbox, Kind.ALIM)
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
    _, campaign = a_campaign(sandbox, Kind.ALIM, people=20)
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
    party, campaign = a_campaign(sandbox, Kind.ALIM)
    store_keys(party.account, key=sandbox.key, secret="another-secret")

    until(slot, lambda: state(campaign)[0] == "paused")

    told = books(raw(), campaign)
    assert state(campaign) == ("paused", "account") and told.not_yet == 150 - sum(told.left_out.values())
    assert sandbox.books(campaign)["gateway_saw"] == 0


def test_no_keys_for_the_kind_pause(sandbox: Sandbox, slot: Slot) -> None:
    party, campaign = a_campaign(sandbox, Kind.SMS)
    store_keys(party.account, key=sandbox.key, secret="SANDBOX-SECRET")

    until(slot, lambda: state(campaign)[0] == "paused")

    assert state(campaign) == ("paused", "account") and set(cells(campaign)) <= set("nl")


def test_a_refused_request_pauses_with_the_dealers_code(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, Kind.ALIM)
    raw().execute(
        "UPDATE dispatch SET template = jsonb_set(template, '{message,template_id}', '\"NOPE\"') WHERE campaign_id = %s",
        [campaign],
    )

    until(slot, lambda: state(campaign)[0] == "paused")

    problem = raw().execute("SELECT problem FROM dispatch WHERE campaign_id = %s", [campaign]).fetchone()
    assert problem is not None and "-3003" in problem[0] and set(cells(campaign)) <= set("nl")


def test_what_cannot_be_said_to_all_pauses_and_says_nothing_to_anybody(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, Kind.BRAND)
    raw().execute(
        "UPDATE dispatch SET template = jsonb_set(template, '{message,text}', '\"#{수신설정}\"') WHERE campaign_id = %s",
        [campaign],
    )

    until(slot, lambda: state(campaign)[0] == "paused")

    assert set(cells(campaign)) <= set("nl") and sandbox.books(campaign)["gateway_saw"] == 0


def test_a_chunk_is_no_larger_than_a_request(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Nhn, "people_per_request", 7)
    _, campaign = a_campaign(sandbox, Kind.BRAND, people=100)

    until(slot, lambda: is_finished(campaign), 40)

    sizes = raw().execute("SELECT max(n), max(wave) FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchone()
    assert sizes is not None and sizes[0] == 7 and sizes[1] > 1
    assert_both_sides_agree(sandbox, campaign)


def test_paused_between_two_requests_the_rest_stays(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = a_campaign(sandbox, Kind.ALIM)
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
    _, campaign = a_campaign(sandbox, Kind.ALIM)
    until(slot, lambda: is_finished(campaign))

    with pytest.raises(AssertionError):
        assert_both_sides_agree(sandbox, campaign)
