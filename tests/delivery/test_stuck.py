"""Work that is stuck, made for real: found with its reason, made due again by a nudge, and never doubled by it (M5, O6)."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.channels import inbox, services
from majung.core import clock
from majung.core.db import raw
from majung.core.sealing import Unreadable
from majung.crowd import catalogue
from majung.delivery import installation, metrics, planner, stuck
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.stuck import Kind, Stuck
from majung.ingest.folder import Folder
from majung.people.vault import sealer
from tests.delivery.conftest import Sandbox, until
from tests.delivery.test_crash import worker
from tests.delivery.test_engine import a_campaign, assert_both_sides_agree, is_finished, sent_ids

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M5", "O6")]
NUMBERS = count(10**9 + time.time_ns() % 10**9)
"""Campaigns that this sandbox has not seen: hypothesis makes ``random`` begin anew with each example."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks of a few people, and no worker of an earlier test."""
    monkeypatch.setattr(planner, "CHUNK", 20)
    raw().execute("DELETE FROM worker_beat")


def alive() -> None:
    """A sender lives."""
    installation.beat(raw(), "test/alive", "awake", installation.Tally())


def hours_pass(campaign: int, hours: float = 1, *, chunks: bool = True) -> None:
    """All that stands written of the campaign happened so much earlier; leases that were over are over for longer."""
    facts = {"by": timedelta(hours=hours), "campaign": campaign}
    raw().execute(
        "UPDATE dispatch SET not_before = not_before - %(by)s, first_claim_at = first_claim_at - %(by)s,"
        " last_settled_at = last_settled_at - %(by)s WHERE campaign_id = %(campaign)s",
        facts,
    )
    if chunks:
        raw().execute(
            "UPDATE campaign_chunk SET handed_at = handed_at - %(by)s, judged_at = judged_at - %(by)s,"
            " lease_until = lease_until - %(by)s WHERE campaign_id = %(campaign)s",
            facts,
        )


def kinds(campaign: int) -> set[Kind]:
    return {one.kind for one in stuck.look(raw(), campaign)}


def metric(kind: Kind) -> float:
    """What the scrape says of it."""
    [found] = [metric for metric in metrics.measure(raw()) if metric.name == "majung_stuck"]
    return {dict(sample.labels)["kind"]: float(sample.value) for sample in found.samples}[str(kind)]


def test_nothing_is_stuck_while_all_is_well(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox)
    seen: list[Stuck] = []

    def is_over() -> bool:
        seen.extend(stuck.look(raw(), campaign))
        return is_finished(campaign)

    until(slot, is_over)
    assert seen == [] == stuck.look(raw())


def test_without_a_sender_that_alone_is_said(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox)
    hours_pass(campaign)
    assert kinds(campaign) == {Kind.NO_SENDER}
    installation.beat(raw(), "test/muted", "strange", installation.Tally())
    assert kinds(campaign) == {Kind.MUTED} and metric(Kind.MUTED) == 1

    until(slot, lambda: is_finished(campaign), 120)
    assert_both_sides_agree(sandbox, campaign)
    assert kinds(campaign) == set()


def test_what_nobody_takes_although_somebody_lives(sandbox: Sandbox, slot: Slot) -> None:
    """A sender that lives and takes nothing: its beat comes from a thread that is well, its claims do not come."""
    _, campaign = a_campaign(sandbox)
    hours_pass(campaign)
    alive()
    [found] = stuck.look(raw(), campaign)
    assert (found.kind, found.can_be_nudged) == (Kind.NOT_LEAVING, True) and found.seconds > 3500
    assert metric(Kind.NOT_LEAVING) == 1

    assert stuck.nudge(raw(), campaign) == stuck.Nudged(asked=0, woke=False), "nothing is out and nothing rests"
    until(slot, lambda: is_finished(campaign), 120)
    assert_both_sides_agree(sandbox, campaign)


def test_a_long_rest_is_said_and_ended(sandbox: Sandbox, slot: Slot) -> None:
    """The dealer asks for a day of patience."""
    _, campaign = a_campaign(sandbox)
    alive()
    raw().execute(
        "UPDATE dispatch SET rest_until = clock_timestamp() + interval '1 day', problem = '대행사가 잠시 받지 않습니다.'"
        " WHERE campaign_id = %s", [campaign],
    )  # fmt: skip
    [found] = stuck.look(raw(), campaign)
    assert (found.kind, found.detail) == (Kind.RESTING, "대행사가 잠시 받지 않습니다.")
    for _ in range(5):
        assert not slot.step()

    assert stuck.nudge(raw(), campaign).woke
    until(slot, lambda: is_finished(campaign), 120)
    assert_both_sides_agree(sandbox, campaign)


def test_claims_of_a_dead_worker_that_nobody_takes_over(sandbox: Sandbox, slot: Slot, url: str, home: Path) -> None:
    _, campaign = a_campaign(sandbox)
    worker(url, home, crash_at="after_hand_over", slots=1).wait(120)
    held = (
        raw().execute("SELECT count(*) FROM campaign_chunk WHERE campaign_id = %s AND state = 1", [campaign]).fetchone()
    )
    before = stuck.nudge(raw(), campaign)
    assert before.asked == 0, "while the lease holds, a claim is left alone"
    hours_pass(campaign)
    alive()
    [found] = [one for one in stuck.look(raw(), campaign) if one.kind is Kind.DROPPED]
    assert held == (found.number,) and found.number > 0 and metric(Kind.DROPPED) == 1

    stuck.nudge(raw(), campaign)
    until(slot, lambda: is_finished(campaign), 120)
    assert_both_sides_agree(sandbox, campaign)


def test_a_group_that_nobody_looks_at(sandbox: Sandbox, slot: Slot, url: str, home: Path) -> None:
    _, campaign = a_campaign(sandbox)
    worker(url, home, crash_at="during_settle", slots=1).wait(120)
    hours_pass(campaign)
    alive()
    assert Kind.UNLOOKED in kinds(campaign) and metric(Kind.UNLOOKED) == 1

    def is_over() -> bool:
        """Of a group this old, results that are late are asked for ten minutes later: or when somebody nudges."""
        stuck.nudge(raw(), campaign)
        return is_finished(campaign)

    until(slot, is_over, 120)
    assert_both_sides_agree(sandbox, campaign)


def test_a_chunk_that_fails_whoever_takes_it(sandbox: Sandbox, slot: Slot) -> None:
    """Its sealed values are damaged: everybody else is sent to, and this is said instead of being tried in silence."""
    _, campaign = a_campaign(sandbox)
    kept = (
        raw()
        .execute("SELECT sealed FROM campaign_chunk WHERE campaign_id = %s AND chunk_no = 1", [campaign])
        .fetchone()
    )
    raw().execute("UPDATE campaign_chunk SET sealed = '\\x00' WHERE campaign_id = %s AND chunk_no = 1", [campaign])
    slot.hands.lease_seconds = 0.2
    alive()
    for _ in range(2 * stuck.TRIES):
        with suppress(Unreadable):
            while slot.step():
                pass
        time.sleep(0.25)
    hours_pass(campaign, chunks=False)
    raw().execute(
        "UPDATE campaign_chunk SET handed_at = handed_at - interval '1 hour' WHERE campaign_id = %s", [campaign]
    )
    found = {one.kind: one for one in stuck.look(raw(), campaign)}
    assert Kind.FAILING in found and not found[Kind.FAILING].can_be_nudged

    assert kept is not None
    raw().execute("UPDATE campaign_chunk SET sealed = %s WHERE campaign_id = %s AND chunk_no = 1", [kept[0], campaign])
    slot.hands.lease_seconds = 30.0
    until(slot, lambda: is_finished(campaign), 120)
    assert_both_sides_agree(sandbox, campaign)


def test_doubt_that_the_dealer_cannot_end_is_asked_again(sandbox: Sandbox, slot: Slot, url: str, home: Path) -> None:
    """The worker dies as the group has left, and the dealer cannot be asked for an hour; then a nudge asks at once."""
    party, campaign = a_campaign(sandbox)
    worker(url, home, crash_at="after_hand_over", slots=1).wait(120)
    hours_pass(campaign)
    services.store_keys(party.account, key=sandbox.key, secret="WRONG")
    until(slot, lambda: books(raw(), campaign).in_doubt > 0)
    for _ in range(3):
        slot.step()
    alive()
    doubt = books(raw(), campaign).in_doubt
    found = {one.kind: one for one in stuck.look(raw(), campaign)}
    assert Kind.DOUBTED in found and found[Kind.DOUBTED].can_be_nudged and metric(Kind.DOUBTED) == 1
    raw().execute(
        "UPDATE campaign_chunk SET lease_until = now() + interval '1 hour' WHERE campaign_id = %s AND state = 1",
        [campaign],
    )
    services.store_keys(party.account, key=sandbox.key, secret="SANDBOX-SECRET")
    slot.hands.accounts.clear()

    assert stuck.nudge(raw(), campaign).asked > 0
    raw().execute("UPDATE dispatch SET state = 'sending', pause_reason = '' WHERE campaign_id = %s", [campaign])
    until(slot, lambda: is_finished(campaign), 120)
    told = assert_both_sides_agree(sandbox, campaign)
    assert doubt > 0 and told.repeats == 0


def test_a_dealer_that_tells_no_result(sandbox: Sandbox, slot: Slot) -> None:
    sandbox.faults(never_probability=1.0)
    _, campaign = a_campaign(sandbox)
    until(
        slot,
        lambda: (
            not raw()
            .execute("SELECT 1 FROM campaign_chunk WHERE campaign_id = %s AND state < 2", [campaign])
            .fetchall()
        ),
    )
    alive()
    assert kinds(campaign) == set(), "a moment of silence is nothing"
    hours_pass(campaign)
    assert Kind.SILENT in kinds(campaign) and metric(Kind.SILENT) == 1

    raw().execute(
        "UPDATE campaign_chunk SET lease_until = now() + interval '10 minutes' WHERE campaign_id = %s AND state = 2",
        [campaign],
    )
    open_before = sandbox.books(campaign)
    assert stuck.nudge(raw(), campaign).asked > 0
    while slot.step():
        pass
    after = sandbox.books(campaign)
    assert after["ids_taken_more_than_once"] == 0 and after["messages"] == open_before["messages"]


def test_books_that_do_not_close(sandbox: Sandbox, slot: Slot) -> None:
    _, campaign = a_campaign(sandbox)
    raw().execute(
        "INSERT INTO campaign_left_out (campaign_id, root_id, stage, reason, n, people)"
        " SELECT campaign_id, root_id, 'freeze', 'X', 1, '{1}' FROM dispatch WHERE campaign_id = %s", [campaign]
    )  # fmt: skip
    until(
        slot,
        lambda: (
            not raw()
            .execute("SELECT 1 FROM campaign_chunk WHERE campaign_id = %s AND state < 3", [campaign])
            .fetchall()
        ),
    )
    slot.keep()
    hours_pass(campaign)
    alive()
    [found] = stuck.look(raw(), campaign)
    assert found.kind is Kind.NOT_CLOSED and "합이 맞지 않습니다" in found.detail and not found.can_be_nudged


# ── the installation ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(url: str) -> Iterator[Folder]:
    catalogue.load()
    made = Folder(url, sealer())
    yield made
    made.hands.connection.close()


def test_an_inbox_that_nobody_folds(folder: Folder) -> None:
    assert stuck.shared(raw()) == []
    inbox.put_back(raw(), inbox.Kind.WAKES, 1, 2, b"G1\t\nG2\t", 0)
    raw().execute("UPDATE inbox SET at = at - interval '2 minutes'")
    [found] = stuck.shared(raw())
    assert (found.kind, found.number) == (Kind.INBOX, 2) and found.seconds > 100
    measured = {one.name: one.samples[0].value for one in metrics.measure(raw()) if one.name.startswith("majung_inbox")}
    assert measured["majung_inbox_waiting"] == 2 and measured["majung_inbox_oldest_seconds"] > 100

    while folder.step():
        pass
    assert [one.kind for one in stuck.shared(raw())] == []
    raw().execute("UPDATE dealer_wake SET at = at - interval '2 minutes'")
    assert [one.kind for one in stuck.shared(raw())] == [Kind.WAKES]


def test_what_was_set_aside_is_tried_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that could not be folded is not lost, stops nobody, and is folded when the cause is mended."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken for now")

    inbox.put_back(raw(), inbox.Kind.WAKES, 1, 1, b"G1\t", 0)
    with monkeypatch.context() as patched:
        patched.setattr("majung.ingest.folder.wakes.note", broken)
        while folder.step():
            pass
    [found] = stuck.shared(raw())
    assert (found.kind, found.number) == (Kind.ASIDE, 1)

    assert inbox.try_again(raw()) == 1
    while folder.step():
        pass
    assert stuck.shared(raw()) == []
    assert raw().execute("SELECT group_ref FROM dealer_wake").fetchall() == [("G1",)]


# ── it never doubles ─────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drops=st.integers(0, 3), errors=st.integers(0, 3), pause=st.floats(0.0, 0.05))
def test_a_nudge_at_any_moment_sends_nothing_twice(
    drops: int, errors: int, pause: float, sandbox: Sandbox, url: str
) -> None:
    """Two slots send through lost answers and errors, while a third party nudges without end."""
    sandbox.faults(
        drop_next=drops, drop_endpoints=["groups.put", "groups.send"], error_next=errors, error_status=503,
        delay_after_ms={"groups.put": 5, "groups.send": 5},
    )  # fmt: skip
    _, campaign = a_campaign(sandbox, campaign=next(NUMBERS))
    stop = threading.Event()
    slots = [Slot(url, sealer(), name=f"test/{number}", look_seconds=0.05, lease_seconds=2.0) for number in (1, 2)]
    threads = [threading.Thread(target=slot.work, args=(stop,)) for slot in slots]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 120
    try:
        while not is_finished(campaign) and time.monotonic() < deadline:
            stuck.nudge(raw(), campaign)
            time.sleep(pause)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert_both_sides_agree(sandbox, campaign)
    assert sent_ids(campaign) and clock.now()
