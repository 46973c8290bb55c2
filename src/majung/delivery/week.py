"""The weekly cap: how many messages of one purpose a person gets in any seven Seoul days, over the whole tree (M5). Plain.

A campaign *holds* a place in the week of everybody it is planned to, from the freeze on: a bit a person on the day on which
it is to leave (``week_hold``). Whoever has no place left is left out with ``WEEKLY_CAP``. One list is written at a time in
an organisation (``turn``), and the list that follows sees the places of the one before, so that two campaigns frozen at
once never promise more than the cap. Places of people who got nothing are given back when the dispatch ends. A message
that leaves on another day than was planned moves its place first, under the same turn.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from pyroaring import BitMap

from majung.core import clock, copying, sql
from majung.crowd import registry
from majung.crowd.bitmaps import numbers
from majung.crowd.bits import bitmap
from majung.crowd.expression import Range
from majung.delivery.lookup import Asked, Reader
from majung.delivery.outcomes import ACCEPTED, DELIVERED, IN_DOUBT
from majung.policy import judge
from majung.policy.enums import Purpose
from majung.policy.looks import WEEK_DAYS, WEEK_FULL
from majung.policy.occasion import Occasion

BLOCK: Final = 4096
"""People of one row; ``delivery.sets`` and sql/week.sql say the same."""
DEFAULTS: Final = {Purpose.ADVERTISING: 3}
"""Where an organisation has said nothing: three advertising messages a week; other purposes have no limit."""
MOST: Final = 100
KEEP_DAYS: Final = 14
KEPT: Final = timedelta(days=KEEP_DAYS - 1)
"""For so long at least after its day a campaign's places can be counted."""
PAGE: Final = 100
"""Chunks read at a time when places are given back."""

Bits = NDArray[np.uint8]
"""Shape (blocks, 512): a bit a person, the lowest bit first, as PostgreSQL's get_bit counts."""

_HAS_A_PLACE = np.array([byte in (ACCEPTED, DELIVERED, IN_DOUBT) for byte in range(256)])


class NotYourTurn(Exception):
    """A list was to be written without ``turn``: a bug, which would let two campaigns promise the same place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The places one campaign holds on one day: ``rows`` are the blocks' positions in some order, ``bits`` theirs."""

    day: int
    rows: NDArray[np.intp]
    bits: Bits


def full(layers: Sequence[Layer], day: int, most: int, blocks: int) -> Bits:
    """Who may not get one more message on ``day``: some seven days with it have ``most`` already. Shape (blocks, 512).

    Seven days that end later count too, because messages may be promised for days to come.
    """
    found = np.zeros((blocks, BLOCK // 8), np.uint8)
    ends = {day} | {layer.day for layer in layers if day < layer.day < day + WEEK_DAYS}
    for end in ends:
        inside = [layer for layer in layers if end - WEEK_DAYS < layer.day <= end]
        if len(inside) >= most:
            found |= _at_least(inside, most, blocks)
    return found


def _at_least(layers: Sequence[Layer], most: int, blocks: int) -> Bits:
    """Who stands in at least ``most`` of the layers (perf.md b: running counts, one bit map a level)."""
    levels = np.zeros((most, blocks, BLOCK // 8), np.uint8)
    for layer in layers:
        for level in range(most - 1, 0, -1):
            levels[level, layer.rows] |= levels[level - 1, layer.rows] & layer.bits
        levels[0, layer.rows] |= layer.bits
    found: Bits = levels[most - 1]
    return found


def bits_of(people: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], Bits]:
    """The blocks in which these people stand, ascending, and their bits."""
    people = np.sort(people)
    of = people // BLOCK
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    blocks, counts = of[starts].astype(np.int64), np.diff(starts, append=len(people))
    cells = np.zeros(len(blocks) * BLOCK, np.uint8)
    cells[np.repeat(np.arange(len(blocks)) * BLOCK, counts) + people % BLOCK] = 1
    return blocks, np.packbits(cells, bitorder="little").reshape(len(blocks), BLOCK // 8)


def people_of(blocks: NDArray[np.int64], bits: Bits) -> BitMap:
    """The people whose bits are set."""
    cells = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
    return bitmap((blocks[cells // BLOCK] * BLOCK + cells % BLOCK).astype(np.uint32))


def limits(connection: psycopg.Connection[Any], root: int) -> tuple[tuple[str, int], ...]:
    """The organisation's caps by purpose, as an occasion carries them; 0 is without limit."""
    said = dict(_run(connection, "limits", root=root))
    return tuple((str(purpose), said.get(str(purpose), DEFAULTS.get(purpose, 0))) for purpose in Purpose)


def set_limit(connection: psycopg.Connection[Any], root: int, purpose: Purpose, most: int) -> None:
    """From the next list on, ``most`` messages of the purpose in seven days. Raises ValueError outside 0 to 100."""
    if not 0 <= most <= MOST:
        raise ValueError(f"a weekly cap of {most}")
    _run(connection, "set_limit", root=root, purpose=str(purpose), most=most)


@contextmanager
def turn(connection: psycopg.Connection[Any], root: int) -> Iterator[None]:
    """Nobody else writes a list in this organisation meanwhile. To be entered before the transaction that writes it
    begins: its snapshot must be younger than the list before.
    """
    _run(connection, "begin_turn", root=root)
    try:
        yield
    finally:
        if not connection.closed:
            _run(connection, "end_turn", root=root)


def reader(read_others: Reader, connection: psycopg.Connection[Any], root: int) -> Reader:
    """As ``read_others``, but who has had the week's messages is counted from the places held, all at once."""

    def read(asked: list[Asked]) -> dict[Asked, BitMap]:
        mine = [leaf for leaf in asked if leaf.family == WEEK_FULL and isinstance(leaf, Range)]
        others = [leaf for leaf in asked if leaf not in mine]
        found = read_others(others) if others else {}
        for leaf in mine:
            purpose, most, besides = leaf.args
            if not isinstance(leaf.first, int) or leaf.first != leaf.last:
                raise ValueError(f"a full week is asked of one day: {leaf}")
            blocks, bits = _full(connection, root, str(purpose), leaf.first, int(most), int(besides))
            found[leaf] = people_of(blocks, bits)
        return found

    return read


def hold(connection: psycopg.Connection[Any], occasion: Occasion, people: NDArray[np.int32]) -> None:
    """Everybody planned has a place held on the day of ``occasion``. Raises NotYourTurn."""
    if (purpose := _counted(occasion)) is None or not len(people):
        return
    if not _run(connection, "has_turn", root=occasion.root_id)[0][0]:
        raise NotYourTurn(f"root {occasion.root_id}")
    day, campaign = _day_of(occasion), occasion.campaign_id or 0
    blocks, bits = bits_of(people)
    rows = [
        copying.row(
            copying.int4(occasion.root_id), copying.int4(day), copying.int8(campaign), copying.int4(block),
            copying.text(purpose), copying.blob(line.tobytes()),
        )
        for block, line in zip(blocks.tolist(), bits, strict=True)
    ]  # fmt: skip
    copying.copy_rows(connection, "week_hold", ("root_id", "day", "campaign_id", "block", "purpose", "bits"), rows)


def counts(occasion: Occasion) -> bool:
    """Whether messages of this occasion hold places."""
    return _counted(occasion) is not None


def has_moved(occasion: Occasion, now: datetime) -> bool:
    """Whether messages of a frozen list leave on another day than their places are held on."""
    return _counted(occasion) is not None and registry.day(clock.seoul(now).date()) != _day_of(occasion)


def carry_over(
    connection: psycopg.Connection[Any], occasion: Occasion, people: NDArray[np.int32], now: datetime
) -> BitMap:
    """The places of these people are moved to the day of ``now``. Returns those whose week has no place on it: theirs are
    given back. In the transaction that writes down what becomes of them, in READ COMMITTED. Called again, it does nothing.
    """
    purpose, campaign, root = _counted(occasion), occasion.campaign_id or 0, occasion.root_id
    if purpose is None or not len(people):
        return BitMap()
    today = registry.day(clock.seoul(now).date())
    _run(connection, "take_turn", root=root)
    blocks, moving = bits_of(people)
    over = np.zeros_like(moving)
    if most := dict(limits(connection, root)).get(purpose, 0):
        taken, bits = _full(connection, root, purpose, today, most, campaign, blocks)
        at = np.searchsorted(blocks, taken)
        over[at] = bits & moving[at]
    after: dict[tuple[int, int], Bits] = {}
    for day, block, held in _run(connection, "own", campaign=campaign, blocks=blocks.tolist()):
        row = int(np.searchsorted(blocks, block))
        kept = np.frombuffer(held, np.uint8) & ~(over[row] if day == today else moving[row])
        after[day, block] = kept
    for row, block in enumerate(blocks.tolist()):
        after[today, block] = after.get((today, block), np.zeros(BLOCK // 8, np.uint8)) | (moving[row] & ~over[row])
    _write(connection, root, campaign, purpose, after)
    return people_of(blocks, over)


def give_back(connection: psycopg.Connection[Any], campaign: int) -> None:
    """The dispatch has ended: places are kept for whom a message was left, or may have been, and no one else."""
    whose = _run(connection, "whose", campaign=campaign)
    if not whose:
        return
    [(root, purpose)] = whose
    held = {
        (day, block): np.frombuffer(bits, np.uint8)
        for day, block, bits in _run(connection, "own", campaign=campaign, blocks=None)
    }
    blocks = np.unique(np.array([block for _, block in held], np.int64))
    got = np.zeros(len(blocks) * (BLOCK // 8), np.uint8)
    for people in _got(connection, campaign):
        inside = people[np.isin(people // BLOCK, blocks)]
        rows = np.searchsorted(blocks, inside // BLOCK)
        np.bitwise_or.at(got, rows * (BLOCK // 8) + inside % BLOCK // 8, (1 << inside % 8).astype(np.uint8))
    lines = got.reshape(len(blocks), BLOCK // 8)
    after = {key: bits & lines[int(np.searchsorted(blocks, key[1]))] for key, bits in held.items()}
    changed = {key: bits for key, bits in after.items() if not np.array_equal(bits, held[key])}
    _write(connection, root, campaign, purpose, changed)


def forget(connection: psycopg.Connection[Any], today: date) -> None:
    """Places of weeks that are over are dropped."""
    _run(connection, "forget", before=registry.day(today - timedelta(days=KEEP_DAYS)))


def _counted(occasion: Occasion) -> str | None:
    """The purpose under which a message counts; None for what does not: what nobody can turn off is neither capped nor counted."""
    return None if occasion.essential or occasion.campaign_id is None else str(judge.case_of(occasion)[0].purpose)


def _day_of(occasion: Occasion) -> int:
    return registry.day(occasion.leaves_on or clock.seoul(occasion.at).date())


def _full(
    connection: psycopg.Connection[Any], root: int, purpose: str, day: int, most: int, besides: int,
    among: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], Bits]:  # fmt: skip
    """Blocks, and in them who may not get one more on ``day``, without what the campaign ``besides`` holds."""
    facts = {"root": root, "purpose": purpose, "besides": besides, "blocks": None if among is None else among.tolist()}
    rows = _run(connection, "held", **facts, first=day - WEEK_DAYS + 1, last=day + WEEK_DAYS - 1)
    blocks = np.unique(np.array([block for _, _, block, _ in rows], np.int64))
    by_layer: dict[tuple[int, int], list[tuple[int, bytes]]] = {}
    for of, campaign, block, bits in rows:
        by_layer.setdefault((of, campaign), []).append((block, bits))
    layers = [
        Layer(
            day=of,
            rows=np.searchsorted(blocks, [block for block, _ in lines]),
            bits=np.frombuffer(b"".join([bits for _, bits in lines]), np.uint8).reshape(-1, BLOCK // 8),
        )
        for (of, _), lines in by_layer.items()
    ]
    return blocks, full(layers, day, most, len(blocks))


def _got(connection: psycopg.Connection[Any], campaign: int) -> Iterator[NDArray[np.int64]]:
    after = 0
    while rows := _run(connection, "chunks", campaign=campaign, after=after, most=PAGE):
        after = rows[-1][0]
        for _, people, outcome in rows:
            yield numbers(people)[_HAS_A_PLACE[np.frombuffer(outcome, np.uint8)]].astype(np.int64)


def _write(
    connection: psycopg.Connection[Any], root: int, campaign: int, purpose: str, after: dict[tuple[int, int], Bits]
) -> None:
    """The rows of some days and blocks are now these; those without anybody are gone."""
    kept = {key: bits for key, bits in after.items() if bits.any()}
    if kept:
        facts = {**_keys(kept), "bits": [bits.tobytes() for bits in kept.values()]}
        _run(connection, "keep", root=root, campaign=campaign, purpose=purpose, **facts)
    if gone := after.keys() - kept.keys():
        _run(connection, "clear", campaign=campaign, **_keys(gone))


def _keys(of: Iterable[tuple[int, int]]) -> dict[str, list[int]]:
    keys = list(of)
    return {"days": [day for day, _ in keys], "blocks": [block for _, block in keys]}


def _run(connection: psycopg.Connection[Any], name: str, **facts: Any) -> list[tuple[Any, ...]]:
    # A plain cursor: Django's would take the marks of the statement for its own.
    done = psycopg.Cursor(connection).execute(sql.load("majung.delivery", "week", name).encode(), facts, binary=True)
    return done.fetchall() if done.description else []
