"""One person a request, against the sandbox's Solapi: whatever is lost on the way, nothing is lost and nothing doubled unknown.

The worker that dies is the real process; its heir is a slot of this process. A person who is sent again stands in a further
chunk, under another id, so doubles are looked for among numbers.
"""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from majung.channels.adapters.base import Abilities, Finds
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.solapi import SolapiSingle
from majung.channels.adapters.terms import Batch, Kind, Message
from majung.channels.services import store_keys
from majung.channels.stream import Stream
from majung.core import clock
from majung.core.db import raw
from majung.delivery import direct, planner, singles
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.outcomes import WAITED
from majung.delivery.render import Template
from majung.policy.enums import Medium
from tests.delivery.conftest import Sandbox, register, start, until
from tests.delivery.test_crash import worker
from tests.delivery.test_direct import cells, noted
from tests.delivery.test_engine import a_number, assert_both_sides_agree, is_finished, sent_ids, state
from tests.make import delivery as make

TEXT = "(광고)가람당 소식\n무료수신거부 080-123-4567"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M10", "O6")]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks a campaign, and a dealer that lists at once what it took."""
    monkeypatch.setattr(planner, "CHUNK", 40)
    monkeypatch.setattr(direct, "ASK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(SolapiSingle, "in_flight", 4)
    able(monkeypatch, find_seconds=0.2)


def able(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    """The dealer's abilities are others."""
    changed_of: dict[Kind, Abilities] = {kind: replace(one, **changed) for kind, one in SolapiSingle.abilities.items()}
    monkeypatch.setattr(SolapiSingle, "abilities", changed_of)


@pytest.fixture
def heir(url: str, slot: Slot) -> Iterator[Slot]:
    """Another slot of this process."""
    made = Slot(url, slot.hands.sealer, name="test/heir", look_seconds=0.05)
    yield made
    made.close()


def a_campaign(sandbox: Sandbox, *, kind: Kind = Kind.SMS, people: int = 150) -> tuple[make.Party, int]:
    """A frozen and started campaign, one person a request; of texts, so that a person has one try."""
    party = make.party(people=people, base_url=sandbox.base_url, adapter="solapi_single")
    register(sandbox, party)
    number = a_number()
    template, stops = make.template(party), make.stops(party)
    order = make.order(party, campaign=number, at=clock.now())
    if kind is Kind.SMS:
        template, stops = Template(kind=kind, message=Message(text=TEXT), sender="0212345678"), ()
        account = replace(order.occasion.account, sender_number="0212345678", sender_number_registered=True)
        order = replace(order, occasion=replace(order.occasion, medium=Medium.SMS, account=account))
    planner.freeze(raw(), replace(order, template=template, stops=stops))
    start(number)
    return party, number


def doubled(sandbox: Sandbox, campaign: int) -> int:
    """How many people got a campaign's text more than once."""
    times = Counter(number for _, number, _, code in sandbox.messages(campaign) if code == "4000")
    return sum(n > 1 for n in times.values())


def agree(sandbox: Sandbox, campaign: int) -> None:
    """Both sides name the same people as reached, nobody twice, and the money fits."""
    told, seen = books(raw(), campaign), sandbox.books(campaign)
    assert told.is_balanced and told.not_yet == 0 and told.in_doubt == 0
    assert told.delivered == seen["delivered"] and doubled(sandbox, campaign) == 0
    assert told.cost_centiwon == told.accepted * 2500
    rows = raw().execute("SELECT chunk_no, outcome FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    put_off = {f"{campaign}-{chunk}-{seq}" for chunk, row in rows for seq, byte in enumerate(row) if byte == WAITED}
    assert sent_ids(campaign) - put_off == sandbox.ids(campaign, "taken")


@pytest.mark.parametrize("kind", [Kind.SMS, Kind.BRAND])
def test_a_campaign_goes_out_and_both_sides_agree(kind: Kind, sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox, kind=kind)

    until(slot, lambda: is_finished(campaign), 40)

    told = assert_both_sides_agree(sandbox, campaign)
    assert told.delivered > 50 and state(campaign) == ("finished", "")
    assert sandbox.books(campaign)["requests"] == sandbox.books(campaign)["messages"]
    assert told.cost_centiwon == told.accepted * 2500 and (told.moved_on > 0) == (kind is Kind.BRAND)
    assert raw().execute("SELECT count(*) FROM campaign_chunk WHERE sealed IS NOT NULL").fetchone() == (0,)
    sizes = raw().execute("SELECT max(n) FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchone()
    assert sizes is not None and sizes[0] >= 20, "a chunk is the ledger's, not the dealer's"


@pytest.mark.parametrize(
    "point", ["after_claim", "before_hand_over", "during_hand_over", "after_hand_over", "during_settle"]
)
def test_killed_at_a_named_point(
    point: str, sandbox: Sandbox, url: str, home: Path, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had left is found by number; who had not is sent on the dealer's word, and that is written down."""
    many = point == "during_hand_over"
    if many:
        monkeypatch.setattr(planner, "CHUNK", 400)  # far more than are on their way at once
    _, campaign = a_campaign(sandbox, people=400 if many else 150)
    assert worker(url, home, crash_at=point, slots=1).wait(40) == -signal.SIGKILL
    had_left = sandbox.books(campaign)["gateway_saw"]
    claimed = (
        raw()
        .execute(
            "SELECT count(*) FROM campaign_chunk WHERE campaign_id = %s AND state = 1 AND group_ref IS NOT NULL",
            [campaign],
        )
        .fetchone()
    )

    until(slot, lambda: is_finished(campaign), 60)

    agree(sandbox, campaign)
    again = len(noted(campaign, "AGAIN"))
    assert (had_left > 0) == (point in ("during_hand_over", "after_hand_over", "during_settle"))
    assert claimed == ((1,) if "hand_over" in point else (0,))
    assert {"before_hand_over": again > 20, "during_hand_over": 0 < again < 300}.get(point, again <= 2)


def test_lost_answers_are_found_and_the_rest_goes_on(sandbox: Sandbox, slot: Slot) -> None:
    sandbox.faults(drop_next=7)
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: is_finished(campaign), 60)

    agree(sandbox, campaign)
    assert "w" in cells(campaign), "after three lost answers nothing more was begun"
    behind = SolapiSingle.in_flight - 1
    assert len(noted(campaign, "AGAIN")) <= behind + 2, (
        "those who stood behind the first, and whom the dealer had refused"
    )


def test_one_lost_answer_in_doubt_is_paid_for_until_it_is_known(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dealer cannot be asked: the person stays in doubt, is not sent again, and the deadline ends it."""
    able(monkeypatch, finds=Finds.NEVER)
    sandbox.faults(drop_next=1)
    _, campaign = a_campaign(sandbox, people=40)

    until(slot, lambda: "q" in cells(campaign), 20)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        slot.step()
    waiting = cells(campaign).count("q")
    older = "UPDATE campaign_chunk SET handed_at = handed_at - interval '73 hours', lease_until = now()"
    raw().execute(f"{older} WHERE campaign_id = %s AND state = 2", [campaign])
    until(slot, lambda: is_finished(campaign))

    told = books(raw(), campaign)
    assert waiting >= 1 and told.in_doubt >= 1 and told.is_balanced and doubled(sandbox, campaign) == 0
    assert told.cost_centiwon == (told.accepted + told.in_doubt) * 2500 and noted(campaign, "AGAIN") == set()


def test_errors_of_the_gateway_are_waited_out(sandbox: Sandbox, slot: Slot) -> None:
    """Each is doubt about one person; while the dealer is not well nobody else is put at risk."""
    sandbox.faults(error_next=6, error_status=503)
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: is_finished(campaign), 60)

    agree(sandbox, campaign)
    assert len(noted(campaign, "AGAIN")) <= SolapiSingle.in_flight + 2


def test_a_hidden_record_is_sent_again_knowingly(sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    sandbox.faults(hide_next=5)
    _, campaign = a_campaign(sandbox)
    assert worker(url, home, crash_at="after_hand_over", slots=1).wait(40) == -signal.SIGKILL

    until(slot, lambda: is_finished(campaign), 60)

    told = books(raw(), campaign)
    assert 0 < doubled(sandbox, campaign) <= len(noted(campaign, "AGAIN")) <= 5 + 2 and told.is_balanced


def test_nobody_answers(sandbox: Sandbox, slot: Slot) -> None:
    """A dealer whom no connection reaches has taken nobody: all go back, and are not in doubt."""
    party, campaign = a_campaign(sandbox, people=40)
    type(party.account).objects.filter(pk=party.account.pk).update(base_url="http://127.0.0.1:9")

    slot.step()

    assert set(cells(campaign)) <= set("nl") and noted(campaign, "AGAIN") == set()


@pytest.mark.parametrize(("fault", "why"), [({"no_balance": True}, "no_balance"), ({}, "account")])
def test_refused_as_a_whole_nobody_fails(fault: dict[str, Any], why: str, sandbox: Sandbox, slot: Slot) -> None:
    sandbox.faults(**fault)
    party, campaign = a_campaign(sandbox)
    if not fault:
        store_keys(party.account, key=sandbox.key, secret="another-secret")

    until(slot, lambda: state(campaign)[0] == "paused")

    assert state(campaign) == ("paused", why) and sandbox.books(campaign)["accepted"] == 0
    assert books(raw(), campaign).is_balanced and "a" not in cells(campaign)


def interrupting(monkeypatch: pytest.MonkeyPatch, after: int, what: Callable[[], None]) -> None:
    """``what`` happens once, when so many people have been answered."""
    honest = SolapiSingle.decode_one
    heard = 0

    def counting(self: SolapiSingle, status: int, body: bytes, number: bytes) -> int:
        nonlocal heard
        heard += 1
        told = honest(self, status, body, number)
        if heard == after:
            what()
        return told

    monkeypatch.setattr(SolapiSingle, "decode_one", counting)


def test_refused_in_the_middle_the_rest_stands_in_a_further_chunk(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Money runs out after fifteen: they are paid for and settled, the others wait, each once."""
    interrupting(monkeypatch, 15, lambda: sandbox.faults(no_balance=True))
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: state(campaign)[0] == "paused")
    then = books(raw(), campaign)
    sandbox.faults()
    raw().execute("UPDATE dispatch SET state = 'sending', pause_reason = '' WHERE campaign_id = %s", [campaign])
    until(slot, lambda: is_finished(campaign), 40)

    assert 12 <= then.accepted <= 20 and then.is_balanced and then.moved_on > 0 and state(campaign)[0] == "finished"
    agree(sandbox, campaign)
    assert noted(campaign, "AGAIN") == set(), "of these it was certain"


@pytest.mark.parametrize("what", ["paused", "stopped"])
def test_paused_or_stopped_in_the_middle_nobody_further_leaves(
    what: str, sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(singles, "LAST_MOMENT", singles.LAST_MOMENT * 0)
    reason = "'asked'" if what == "paused" else "''"
    _, campaign = a_campaign(sandbox)
    state_of = f"UPDATE dispatch SET state = '{what}', pause_reason = {reason} WHERE campaign_id = %s"
    interrupting(monkeypatch, 15, lambda: raw().execute(state_of, [campaign]) and None)

    slot.step()
    left = sandbox.books(campaign)["gateway_saw"]
    until(slot, lambda: is_finished(campaign) or (what == "paused" and "a" not in cells(campaign)), 20)

    told = books(raw(), campaign)
    assert 12 <= left <= 25 and sandbox.books(campaign)["gateway_saw"] == left and told.is_balanced
    assert (told.not_yet > 0) == (what == "paused") and (told.left_out.get("STOPPED", 0) > 0) == (what == "stopped")


@pytest.mark.parametrize("hidden", [0, 9])
def test_answers_that_come_late_change_nothing_or_are_written_down(
    hidden: int, sandbox: Sandbox, slot: Slot, heir: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that only stood still: its heir asks, and sends again whom the dealer denies; the late answers say whom."""
    sandbox.faults(hide_next=hidden)
    _, campaign = a_campaign(sandbox)
    slot.hands.lease_seconds = 0.4

    heard: list[int] = []
    honest = singles._Crossing._may_go_on

    def stands_still(self: Any) -> bool:
        if heard:
            heard.clear()
            time.sleep(0.6)
            until(heir, lambda: is_finished(campaign), 40)
        return honest(self)

    interrupting(monkeypatch, 12, lambda: heard.append(1))
    monkeypatch.setattr(singles._Crossing, "_may_go_on", stands_still)
    slot.step()
    until(slot, lambda: is_finished(campaign), 40)

    told = books(raw(), campaign)
    assert told.is_balanced and told.not_yet == 0
    assert doubled(sandbox, campaign) <= told.repeats <= hidden and (doubled(sandbox, campaign) > 0) == (hidden > 0)
    if not hidden:
        agree(sandbox, campaign)


def test_a_dealer_whose_clock_is_off_is_asked_by_number(sandbox: Sandbox, slot: Slot) -> None:
    """Ten minutes: a listing by our time names nobody of ours, and the results come all the same."""
    _, campaign = a_campaign(sandbox, people=40)
    sandbox.ask("/_control/clock", {"offset_seconds": clock.offset_seconds() + 600})

    until(slot, lambda: "a" in cells(campaign))
    time.sleep(0.7)  # the sandbox knows every result
    older = (
        "UPDATE campaign_chunk SET keyed_at = keyed_at - interval '70 seconds',"
        " left_at = left_at - interval '70 seconds', lease_until = now()"
    )
    raw().execute(f"{older} WHERE campaign_id = %s AND state = 2", [campaign])
    until(slot, lambda: is_finished(campaign), 40)

    agree(sandbox, campaign)


@pytest.mark.parametrize("error", [300, -300])
def test_how_long_a_dealer_has_had_is_not_a_question_of_this_hosts_clock(
    error: int, sandbox: Sandbox, url: str, home: Path, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heir's clock is off by five minutes: a "no" is believed after ``find_seconds``, neither before nor minutes later."""
    able(monkeypatch, find_seconds=2.0)
    _, campaign = a_campaign(sandbox, people=40)
    assert worker(url, home, crash_at="before_hand_over", slots=1).wait(40) == -signal.SIGKILL
    raw().execute("UPDATE dispatch SET not_before = not_before - interval '1 hour' WHERE campaign_id = %s", [campaign])
    monkeypatch.setenv(clock.ERROR, str(error))

    until(slot, lambda: is_finished(campaign), 40)

    rows = raw().execute(
        "SELECT extract(epoch FROM min(e.at) - min(c.left_at)) FROM chunk_exception e"
        " JOIN campaign_chunk c USING (campaign_id, chunk_no) WHERE campaign_id = %s AND code = 'AGAIN'", [campaign],
    ).fetchall()  # fmt: skip
    assert 2 <= rows[0][0] < 40
    assert doubled(sandbox, campaign) == 0 and books(raw(), campaign).is_balanced


def test_opened_numbers_are_written_down(sandbox: Sandbox, slot: Slot) -> None:
    sandbox.faults(drop_next=1)
    _, campaign = a_campaign(sandbox, people=40)

    until(slot, lambda: is_finished(campaign), 40)

    whys = (
        raw()
        .execute("SELECT why, n FROM access_log WHERE why LIKE %s ORDER BY at", [f"메시지 {campaign}번%"])
        .fetchall()
    )
    assert [why.split()[2] for why, _ in whys][:2] == ["보내려고", "결과를"] and whys[0][1] > 1


def test_what_cannot_be_said_says_nothing_to_anybody(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(self: SolapiSingle, batch: Batch) -> list[bytes]:
        raise ValueError("no values for 이름")

    monkeypatch.setattr(SolapiSingle, "encode_each", cannot)
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: state(campaign)[0] == "paused")

    assert set(cells(campaign)) <= set("nl") and sandbox.books(campaign)["gateway_saw"] == 0


@pytest.mark.parametrize("lie", ["says it was sent", "sends twice"])
def test_the_comparison_finds_a_worker_that_lies(
    lie: str, sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Stream.run

    def lies(self: Stream, requests: list[bytes], heard: Any, *rest: Any) -> Any:
        if not requests[0].startswith(b"POST"):
            return honest(self, requests, heard, *rest)
        if lie == "says it was sent":
            for place in range(len(requests)):
                heard(place, 200, b'{"statusCode":"4000"}')
            return np.full(len(requests), 2, np.uint8)
        made = slot.hands.account(party.account.pk).adapter
        assert isinstance(made, SolapiSingle)
        bodies = [request.partition(b"\r\n\r\n")[2] for request in requests]
        proofs = made.proofs(clock.now(), [b"once-more-%08d" % place for place in range(len(bodies))])
        honest(self, self.requests(made.send_request(), proofs, bodies), lambda *_: True)
        return honest(self, requests, heard, *rest)

    party, campaign = a_campaign(sandbox)
    monkeypatch.setattr(Stream, "run", lies)
    with pytest.raises(AssertionError):
        until(slot, lambda: is_finished(campaign), 10)
        agree(sandbox, campaign)


def test_outcomes_of_people_are_the_dealers(sandbox: Sandbox, slot: Slot) -> None:
    """Refused at registration, refused later, delivered: each as the dealer has it."""
    _, campaign = a_campaign(sandbox, kind=Kind.BRAND)

    until(slot, lambda: is_finished(campaign), 40)

    refused = sandbox.books(campaign)["refused_by_code"]
    assert cells(campaign).count(chr(Outcome.OPTED_OUT)) == refused.get("1061", 0) > 0
