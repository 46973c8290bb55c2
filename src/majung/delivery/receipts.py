"""Folding reports that are to be believed into the ledger: by the same functions as what a look tells (M9, decision 0029).

A report moves a cell only while it is open, so that any order and any number of times come to the same. One that comes before
its chunk is written down as handed waits a little; one that names a basket in which its chunk is not moves nothing.
"""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np

from majung.channels import inbox
from majung.channels.inbox import Kind, Row, Told
from majung.delivery import settle
from majung.delivery.handover import Hands
from majung.delivery.ledger import run
from majung.delivery.outcomes import DELIVERED, LEDGER, ChunkState, is_refused

EARLY_SECONDS = 0.5
TOO_LATE = timedelta(hours=72)
"""For so long may a chunk be about to be handed over; then what was told of it is no report of this hand-over."""
LOOK_SECONDS = 10.0
"""What has not been reported by so long after the last report is looked at."""

_LEDGER = np.frombuffer(LEDGER, np.uint8)
_IS_FINAL = np.array([is_refused(byte) or byte == DELIVERED for byte in LEDGER])
"""A report of anything else (taken, not yet, unknown) moves nothing."""


def fold(hands: Hands, rows: list[Row]) -> None:
    """What these rows tell stands in the ledger when the caller's transaction commits."""
    by_target: dict[tuple[int, int], list[Told]] = {}
    for row in rows:
        for told in _read(row):
            by_target.setdefault((told.campaign, row.source), []).append(told)
    young = _young(rows)
    for (campaign, account), parts in sorted(by_target.items()):
        _fold_campaign(hands, campaign, account, parts, young=young)


def _young(rows: Iterable[Row]) -> bool:
    """Whether what came too early may still wait."""
    return all(row.age_seconds < TOO_LATE.total_seconds() for row in rows)


def _read(row: Row) -> list[Told]:
    return [told.only(_IS_FINAL[told.outcomes]) for told in inbox.told(row.body)]


def _fold_campaign(hands: Hands, campaign: int, account: int, parts: list[Told], *, young: bool) -> None:
    """What was told of one campaign over one account."""
    chunk_nos = np.unique(np.concatenate([part.chunks for part in parts]))
    facts = {"campaign": campaign, "account": account, "chunks": chunk_nos.astype(np.int32)}
    found = run(hands.connection, "reported_chunks", **facts).fetchall()
    refs = {row[2]: row[1] for row in found}
    handed = {row[2] for row in found if row[0] == ChunkState.HANDED}
    mine: list[Told] = []
    for part in parts:
        of_group = np.array(sorted(number for number, ref in refs.items() if ref == part.group), np.int64)
        is_there = np.isin(part.chunks, of_group)
        is_handed = is_there & np.isin(part.chunks, np.array(sorted(handed), np.int64))
        mine.append(part.only(is_handed))
        early = part.only(is_there & ~is_handed)
        if len(early) and young:
            inbox.put_back(hands.connection, Kind.REPORTS, account, len(early), inbox.pack_told([early]), EARLY_SECONDS)
    if not sum(map(len, mine)):
        return
    told = _first_word(mine)
    named = set(np.unique(told.chunks).tolist())
    chunks = settle.chunks_of(row[2:] for row in found if row[2] in named)
    by_medium = [[chunk for chunk in chunks if (chunk.parent_chunk is None) == is_first] for is_first in (True, False)]
    for some in filter(None, by_medium):
        settle.write_chunks(hands, hands.dispatch(campaign), some, told, is_last=False, look_seconds=LOOK_SECONDS)


def _first_word(parts: list[Told]) -> settle.Told:
    """What was told, by chunk and position; of several words about one message the first."""
    chunks = np.concatenate([part.chunks for part in parts])
    seqs = np.concatenate([part.seqs for part in parts])
    _, first = np.unique(chunks << 16 | seqs, return_index=True)
    outcomes = np.concatenate([part.outcomes for part in parts])[first]
    return settle.Told(chunks=chunks[first], seqs=seqs[first], bytes=_LEDGER[outcomes])
