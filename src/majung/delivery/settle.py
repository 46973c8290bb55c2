"""Settling: what became of each person of a group, as the provider tells on being asked; reports only wake (M9, M10)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from majung.channels.accounts import LiveAccount
from majung.channels.adapters.base import Adapter, Group, GroupState, Page, UnknownGroup, our_ids
from majung.channels.adapters.outcomes import Outcome
from majung.core import clock
from majung.core.errors import Outside
from majung.delivery import fallback, ledger, waves
from majung.delivery.handover import Handed, Hands, Overtaken, crash, write_handed
from majung.delivery.ledger import Chunk, Dispatch, run
from majung.delivery.outcomes import ACCEPTED, DELIVERED, IN_DOUBT, LEDGER, MOVED_ON, WAITED, is_refused
from majung.delivery.refusals import write_refusals

log = logging.getLogger(__name__)

PATIENCE = timedelta(hours=72)
"""After so long without a result, "taken by the dealer" is the last word (kakao.md §3.6: up to three days)."""
LONGEST_LOOK_SECONDS = 600.0
FORGOTTEN_SECONDS = 600.0
"""A provider that denies a group for so long after it was seen leaving has lost it."""
ENOUGH = 0.95
"""An idle slot lists a group when this share of what is open has a result; a busy one waits for the late ones."""
SLOW_LOOK_SECONDS = 60.0
"""Looks as rare as this list whatever is new."""

FEW_FAILURES = 0.3
MOST_CODES = 6

_LEDGER = np.frombuffer(LEDGER, np.uint8)
_REFUSED = np.array([is_refused(byte) for byte in range(256)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told of messages: for each chunk, position and ledger byte; ``rest`` is that of all others (0: unknown).

    In order of chunk, unless it is a part that ``joined`` has yet to join.
    """

    chunks: NDArray[np.int64]
    seqs: NDArray[np.int64]
    bytes: NDArray[np.uint8]
    rest: int = 0

    def of(self, chunk_no: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Positions and bytes of one chunk."""
        low, high = np.searchsorted(self.chunks, (chunk_no, chunk_no + 1))
        return self.seqs[low:high], self.bytes[low:high]


def next_look(hands: Hands, left_seconds: float) -> float:
    """Seconds until the next look at what left so long ago, by the database: a host whose clock is off is not more patient."""
    return min(LONGEST_LOOK_SECONDS, max(hands.look_seconds, left_seconds / 2))


def look(
    hands: Hands,
    campaign: int,
    group: str,
    *,
    left_seconds: float,
    is_overdue: bool,
    open_cells: int,
    seen: Group | None = None,
) -> None:
    """Ask for a handed group and write down what is known of it; look again later if something is open.

    ``left_seconds``: since it left, by the database; ``is_overdue``: longer ago than patience lasts, by the clock of business;
    ``seen``: what the dealer just said of the group unasked.
    """
    found = hands.dispatch(campaign)
    account = hands.account(found.account_id)
    adapter, line = account.basket, hands.line(account)
    wait = next_look(hands, left_seconds)
    later = {"campaign": campaign, "group": group, "worker": hands.worker}
    try:
        seen = seen or adapter.decode_group(line.ask(adapter.group_request(group)))
        news = open_cells - seen.waiting
        is_last = seen.state is GroupState.DONE or is_overdue
        has_left = seen.state in (GroupState.SENT, GroupState.DONE)
        if has_left and not is_last and not (news and _is_worth_it(hands, news, open_cells, wait)):
            run(hands.connection, "look_later", **later, look=wait)
            return
        told = results(hands, account, campaign, replace(seen, ref=group), open_cells) if has_left else None
    except UnknownGroup:
        # It was seen leaving, so it is not sent again, whatever the provider forgot: "taken" becomes the last word.
        if left_seconds < FORGOTTEN_SECONDS:
            run(hands.connection, "look_later", **later, look=wait)
            return
        told, is_last = None, True
    except Outside:
        run(hands.connection, "look_later", **later, look=max(wait, 1.0))
        return
    write(hands, found, group, told, is_last=is_last, look_seconds=wait)


def at_once(hands: Hands, handed: Handed) -> None:
    """A group of which every result was in as soon as it had left: hand-over and settling are written down as one.

    Where the results cannot be had now, it is a handed group like any other. Chunks that somebody else took over meanwhile,
    because the lease had ended, are settled by whoever has them.
    """
    accepted = handed.accepted
    open_cells = sum(n for _, n in accepted.values())
    if handed.sent.group is None:
        raise ValueError("a group that has not left")
    seen = replace(handed.sent.group, ref=handed.ref)
    try:
        told = results(hands, handed.account, handed.found.campaign_id, seen, open_cells)
    except Outside:
        write_handed(hands, handed)
        return
    try:
        with hands.connection.transaction():
            ledger.write_cost(hands.connection, handed.found, "charged", accepted, clock.now())
            write_chunks(
                hands, handed.found, handed.held.chunks, told, is_last=True, look_seconds=hands.look_seconds, handed=handed
            )  # fmt: skip
    except Overtaken:
        log.warning("a group was taken over while it was settled", extra={"group": handed.ref})


def _is_worth_it(hands: Hands, news: int, open_cells: int, wait: float) -> bool:
    """Whether to list an unfinished group: a second listing will follow, so only with time on one's hands."""
    return (hands.is_idle and news >= ENOUGH * open_cells) or wait >= SLOW_LOOK_SECONDS


def results(hands: Hands, account: LiveAccount, campaign: int, seen: Group, open_cells: int) -> Told:
    """What became of each person of a group.

    Where the dealer counts a result for everybody of ours and nearly all of them delivered, only the failures are asked for,
    by the codes that failures had of late. They are believed when they are as many as were counted; else all is listed.
    """
    known = hands.known.failures
    if seen.waiting == 0 and seen.delivered + seen.failed == open_cells and seen.failed <= FEW_FAILURES * open_cells:
        parts: list[Told] = []
        missing = seen.failed
        for code, _ in known.most_common(MOST_CODES):
            if missing <= 0:
                break
            parts.append(listing(hands, account, campaign, seen.ref, code))
            missing -= len(parts[-1].seqs)
        if missing == 0:
            return replace(joined(parts), rest=DELIVERED)
    return listing(hands, account, campaign, seen.ref)


def listing(hands: Hands, account: LiveAccount, campaign: int, group: str, code: int = 0) -> Told:
    """All messages of a group, or those with ``code``, page by page. What is not of this campaign is passed over."""
    adapter, line = account.basket, hands.line(account)
    parts: list[Told] = []
    key = ""
    while True:
        asked = adapter.coded_messages_request(group, code, key) if code else adapter.group_messages_request(group, key)
        page = adapter.decode_messages(line.ask(asked))
        parts.append(read_page(hands, adapter, campaign, page))
        if not page.next_key or not page.ids:
            return joined(parts)
        key = page.next_key


def joined(parts: list[Told]) -> Told:
    """All that is told, in order of chunk."""
    none = np.empty(0, np.int64)
    chunks = np.concatenate([none, *(part.chunks for part in parts)])
    order = np.argsort(chunks, kind="stable")
    return Told(
        chunks=chunks[order],
        seqs=np.concatenate([none, *(part.seqs for part in parts)])[order],
        bytes=np.concatenate([none.astype(np.uint8), *(part.bytes for part in parts)])[order],
    )


def read_page(hands: Hands, adapter: Adapter, campaign: int, page: Page) -> Told:
    """A page as arrays: ids are taken apart all at once; what is not of this campaign is passed over."""
    numbers, failures = our_ids(page.ids), hands.known.failures
    outcome_of = {code: adapter.outcome(code) for code in set(page.codes)}
    for code, outcome in outcome_of.items():
        if outcome not in (Outcome.DELIVERED, Outcome.ACCEPTED, Outcome.IN_DOUBT):
            failures[code] += 1
    outcomes = np.frombuffer(bytes(map(outcome_of.__getitem__, page.codes)), np.uint8)
    mine = numbers[:, 0] == campaign
    return Told(chunks=numbers[mine, 1], seqs=numbers[mine, 2], bytes=_LEDGER[outcomes[mine]])


def write(hands: Hands, found: Dispatch, group: str, told: Told | None, *, is_last: bool, look_seconds: float) -> None:
    """What is told of a group, in one transaction."""
    with hands.connection.transaction():
        rows = run(hands.connection, "group_chunks", campaign=found.campaign_id, group=group, worker=hands.worker)
        write_chunks(hands, found, chunks_of(rows), told, is_last=is_last, look_seconds=look_seconds)


def chunks_of(rows: Iterable[tuple[Any, ...]]) -> list[Chunk]:
    """Handed chunks, as ``group_chunks`` returns them."""
    return [
        Chunk(
            chunk_no=number, channel_id=channel, off_route=off_route, wave=wave, attempt=attempt, people=people,
            outcome=bytearray(outcome), watermark=int(watermark), ahead=tuple(ahead), open_ahead=open_ahead,
            parent_chunk=parent,
        )
        for number, channel, off_route, wave, attempt, people, outcome, watermark, ahead, open_ahead, parent in rows
    ]  # fmt: skip


def write_chunks(
    hands: Hands, found: Dispatch, chunks: list[Chunk], told: Told | None, *, is_last: bool, look_seconds: float,
    handed: Handed | None = None,
) -> None:  # fmt: skip
    """Outcomes, friendships, refusals, money and the next wave of chunks that this transaction has locked.

    They are all of the campaign's first medium, or all of the text that is sent instead. ``handed``: they are the claimed
    chunks of this group, and its hand-over is written with them; raises Overtaken when they are not this worker's any more.
    """
    now = clock.now()
    fresh = {chunk.chunk_no: _apply(chunk, told, is_last=is_last) for chunk in chunks}
    crash("during_settle")
    if (is_text := any(chunk.parent_chunk is not None for chunk in chunks)) and not found.is_text_instead:
        found = found.as_text()
    planned = waves.plan(hands, found, chunks, fresh, now)
    finals = [is_last or not (ACCEPTED in chunk.outcome or IN_DOUBT in chunk.outcome) for chunk in chunks]
    _money_back(hands, found, chunks, fresh, now)
    write_refusals(hands.connection, found, chunks, now, only=fresh)
    if not is_text:
        planned += fallback.plan(found, chunks)
    facts: dict[str, Any] = {
        "chunks": [c.chunk_no for c in chunks], "outcomes": [bytes(c.outcome) for c in chunks], "finals": finals,
        "told": [c.is_told for c in chunks],
    }  # fmt: skip
    if planned:
        [(first,)] = run(hands.connection, "numbers", campaign=found.campaign_id, fresh=len(planned)).fetchall()
        waves.write(hands, found, chunks, planned, first)
    facts |= {"campaign": found.campaign_id, "now": now, "look": look_seconds}
    if handed is None:
        run(hands.connection, "settle", **facts)
    else:
        group = {"group": handed.ref, "worker": hands.worker, "hashes": handed.hashes}
        if run(hands.connection, "handed_told", **facts, **group).rowcount != len(chunks):
            raise Overtaken
    if any(one.parent_chunk is not None for one in planned):
        crash("fallback_planned")


def _apply(chunk: Chunk, told: Told | None, *, is_last: bool) -> NDArray[np.int64]:
    """Move the open cells of a chunk to what was told; returns the positions that are newly final."""
    cells = np.frombuffer(bytes(chunk.outcome), np.uint8)
    is_open = (cells == ACCEPTED) | (cells == IN_DOUBT)
    after = cells.copy()
    if told is not None:
        seqs, bytes_told = told.of(chunk.chunk_no)
        there = seqs < len(cells)
        named = np.full(len(cells), told.rest, np.uint8)
        named[seqs[there]] = bytes_told[there]
        hit = is_open & (named != 0)
        after[hit] = named[hit]
        if is_last:
            # The provider closed the group and does not know these: they stay in doubt, for a person to look at.
            after[is_open & (named == 0)] = IN_DOUBT
    chunk.outcome[:] = after.tobytes()
    return np.nonzero((cells != after) & (after != ACCEPTED) & (after != IN_DOUBT))[0]


def _money_back(
    hands: Hands, found: Dispatch, chunks: Iterable[Chunk], fresh: dict[int, NDArray[np.int64]], now: datetime
) -> None:
    """The dealer gives back what was not delivered (kakao.md §3.5)."""
    counts = {}
    for chunk in chunks:
        bytes_now = np.frombuffer(bytes(chunk.outcome), np.uint8)[fresh[chunk.chunk_no]]
        undelivered = _REFUSED[bytes_now] | (bytes_now == MOVED_ON) | (bytes_now == WAITED)
        counts[chunk.chunk_no] = (chunk.attempt, int(undelivered.sum()))
    ledger.write_cost(hands.connection, found, "returned", counts, now)
