"""Workers killed at every named point, answers lost, records hidden, workers that lie: nothing is lost, nothing doubled (O6).

The worker is the real process, killed by SIGKILL; the sandbox is real; both sides are compared as sets of message ids.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from majung.channels.adapters.solapi import Solapi
from majung.channels.adapters.terms import Batch
from majung.core.db import raw
from majung.delivery import handover, ledger, planner
from majung.delivery.books import books
from majung.delivery.engine import Slot
from tests.delivery.conftest import ROOT, Sandbox, until
from tests.delivery.test_engine import a_campaign, assert_both_sides_agree, is_finished, sent_ids

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("O6")]

POINTS = ("after_claim", "after_hand_over", "during_settle")


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks, so that a kill hits in the middle."""
    monkeypatch.setattr(planner, "CHUNK", 20)


def worker(url: str, home: Path, *, crash_at: str = "", slots: int = 2) -> "subprocess.Popen[bytes]":
    """A dispatcher process with short leases."""
    environment = os.environ | {
        "MAJUNG_DISPATCH_URL": url,
        "MAJUNG_CRASH_AT": crash_at,
        "PYTHONPATH": str(ROOT / "src"),
        "MAJUNG_HOME": str(home),
        "MAJUNG_VAULT_KEY": str(settings.VAULT_KEY),
    }
    command = [
        sys.executable,
        "-m",
        "majung.delivery.worker",
        "--slots",
        str(slots),
        "--lease-seconds",
        "3",
        "--look-seconds",
        "0.1",
    ]
    return subprocess.Popen(command, env=environment, cwd=ROOT)


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "the dispatcher did not come to an end"
        time.sleep(0.05)


def finish_with_a_new_worker(url: str, home: Path, campaign: int) -> None:
    heir = worker(url, home)
    try:
        wait_for(lambda: is_finished(campaign))
    finally:
        heir.terminate()
        heir.wait(20)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point(point: str, sandbox: Sandbox, url: str, home: Path) -> None:
    sandbox.faults(delay_after_ms={"groups.put": 10, "groups.send": 10})
    _, campaign = a_campaign(sandbox)
    victim = worker(url, home, crash_at=point)
    assert victim.wait(40) == -signal.SIGKILL
    at_death = books(raw(), campaign)

    finish_with_a_new_worker(url, home, campaign)

    told = assert_both_sides_agree(sandbox, campaign)
    assert at_death.not_yet + at_death.accepted > 0 and told.delivered > 50
    attempts = raw().execute("SELECT max(attempt) FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchone()
    assert attempts == (2,) if point == "after_claim" else (1,)


def test_killed_again_and_again_at_any_moment(sandbox: Sandbox, url: str, home: Path) -> None:
    sandbox.faults(delay_before_ms={"*": 15}, delay_after_ms={"groups.put": 20, "groups.send": 20})
    _, campaign = a_campaign(sandbox, people=500)
    for lived in (0.7, 0.9, 1.1, 0.8, 1.0):
        victim = worker(url, home)
        time.sleep(lived)
        victim.kill()
        victim.wait(10)
    sandbox.faults()

    finish_with_a_new_worker(url, home, campaign)

    assert_both_sides_agree(sandbox, campaign)


@pytest.mark.parametrize("endpoint", ["groups.create", "groups.put", "groups.send"])
def test_a_lost_answer_is_settled_by_asking(endpoint: str, sandbox: Sandbox, slot: Slot) -> None:
    sandbox.faults(drop_next=2, drop_endpoints=[endpoint])
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: is_finished(campaign), 40)

    assert_both_sides_agree(sandbox, campaign)


def test_errors_of_the_gateway_are_waited_out(sandbox: Sandbox, slot: Slot) -> None:
    sandbox.faults(error_next=6, error_status=503)
    _, campaign = a_campaign(sandbox)

    until(slot, lambda: is_finished(campaign), 60)

    assert_both_sides_agree(sandbox, campaign)


def test_a_repeat_happens_only_where_the_record_is_hidden_and_is_known(sandbox: Sandbox, url: str, home: Path) -> None:
    sandbox.faults(hide_next=1)
    _, campaign = a_campaign(sandbox)
    victim = worker(url, home, crash_at="after_hand_over")
    assert victim.wait(40) == -signal.SIGKILL
    hidden = sandbox.books(campaign)["accepted"]

    finish_with_a_new_worker(url, home, campaign)

    told = assert_both_sides_agree(sandbox, campaign, repeats=hidden)
    rows = raw().execute(
        "SELECT chunk_no, seq, attempt FROM chunk_exception WHERE code = 'REPEAT' AND campaign_id = %s", [campaign]
    )
    repeated = [f"{campaign}-{chunk}-{seq}" for chunk, seq, attempt in rows.fetchall() if attempt == 2]
    times: dict[str, int] = {}
    for id_, *_, code in sandbox.messages(campaign):
        times[id_] = times.get(id_, 0) + (code not in ("1026", "1061"))
    assert told.repeats == hidden > 0 and {id_ for id_, n in times.items() if n > 1} == set(repeated)


def test_a_worker_that_is_only_slow_cannot_send_what_was_taken_over(
    sandbox: Sandbox, url: str, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease ends while the group is being filled: the heir throws the group away, and the slow one sends nothing."""
    _, campaign = a_campaign(sandbox)
    heir = Slot(url, slot.hands.sealer, name="test/heir", look_seconds=0.05)
    slot.hands.lease_seconds = 1.0
    honest = Solapi.encode

    def slowly(self: Solapi, batch: Batch) -> bytes:
        monkeypatch.setattr(Solapi, "encode", honest)
        time.sleep(1.5)
        until(heir, lambda: is_finished(campaign), 30)
        return honest(self, batch)

    monkeypatch.setattr(Solapi, "encode", slowly)
    slot.step()
    heir.close()

    assert_both_sides_agree(sandbox, campaign)


class Caught(Exception):
    """The comparison found the lie."""


def lies_are_caught(sandbox: Sandbox, slot: Slot, campaign: int) -> None:
    """The same check as everywhere; a lying worker must not pass it, nor finish without trouble."""
    deadline = time.monotonic() + 6
    while not is_finished(campaign) and time.monotonic() < deadline:
        if not slot.step():
            time.sleep(0.01)
    try:
        assert_both_sides_agree(sandbox, campaign)
    except AssertionError as error:
        raise Caught from error


def test_a_worker_that_drops_a_chunk_is_caught(sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Solapi.encode

    def drops(self: Solapi, batch: Batch) -> bytes:
        return b'{"messages":[]}' if batch.chunk == 2 else honest(self, batch)

    def believes(self: Solapi, reply: Any, batch: Batch) -> bytes:
        return bytes((1,)) * len(batch.recipients)

    monkeypatch.setattr(Solapi, "encode", drops)
    monkeypatch.setattr(Solapi, "decode_added", believes)
    _, campaign = a_campaign(sandbox)
    with pytest.raises(Caught):
        lies_are_caught(sandbox, slot, campaign)


def test_a_worker_that_sends_again_under_new_ids_is_caught(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = handover._fill_and_send

    def twice(hands: Any, found: Any, account: Any, held: ledger.Claim, group: str) -> Any:
        sent = honest(hands, found, account, held, group)
        again = account.adapter.decode_created(hands.line(account).call(account.adapter.create_group_request()))
        for chunk in held.chunks:
            chunk.outcome = bytearray(b"n" * len(chunk.people))
            batch = replace(handover.render(hands.sealer, found, account, chunk), chunk=chunk.chunk_no + 500_000)
            body = account.adapter.encode(batch)
            hands.line(account).call(account.adapter.add_messages_request(again, body))
        hands.line(account).call(account.adapter.send_request(again))
        return sent

    monkeypatch.setattr(handover, "_fill_and_send", twice)
    _, campaign = a_campaign(sandbox)
    with pytest.raises(Caught):
        lies_are_caught(sandbox, slot, campaign)
    assert sandbox.ids(campaign, "taken") - sent_ids(campaign)


def test_a_worker_that_marks_unsent_as_accepted_is_caught(
    sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretends(hands: Any, found: Any, account: Any, held: ledger.Claim, group: str) -> handover.Sent:
        outcomes = {chunk.chunk_no: b"d" * len(chunk.people) for chunk in held.chunks}
        return handover.Sent(outcomes=outcomes, hashes=dict.fromkeys(outcomes, b""))

    monkeypatch.setattr(handover, "_fill_and_send", pretends)
    _, campaign = a_campaign(sandbox)
    with pytest.raises(Caught):
        lies_are_caught(sandbox, slot, campaign)
    assert sent_ids(campaign) - sandbox.ids(campaign, "taken")
