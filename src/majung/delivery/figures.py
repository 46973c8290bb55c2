"""What the books of a campaign are made of, in one snapshot: groups of cells, left out, sent again, money, places. Plain.

``books`` counts the same in SQL, term by term; this keeps channels, hours and all 256 outcomes apart, for screens that
explain. A line of the books is a function of a row (``Pick``): its number is the sum over all rows, and by channel or by
hour it is the sum over some.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.core import clock, sql

Bins = NDArray[np.int64]

NO_CELLS: Bins = np.zeros(256, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One group. ``what``: chunk, left_out, exception, cost, dispatch, reserved, week.

    ``stage`` says of a chunk whether it is a first try, one again on another channel or day, or a text instead; of people left
    out when that was; of whom to send again whether a rule left them out before it was done; of money whether it was charged
    or returned; of what was set aside how it stands. ``label`` is a code: a reason, a kind of message, a purpose.
    ``centiwon`` of a chunk is not 0 where its messages cost something. ``bins``: people by outcome byte, shape (256,).
    """

    what: str
    channel: int | None
    state: int | None
    stage: str
    label: str
    at: datetime | None
    n: int
    centiwon: int
    bins: Bins


Pick = Callable[[Row], int]
Key = TypeVar("Key")


def read(connection: psycopg.Connection[Any], campaign: int) -> list[Row]:
    """The groups of a campaign as they stand now; empty before its list was written."""
    facts = {"campaign": campaign, "offset": clock.offset_seconds()}
    statement = sql.load("majung.delivery", "figures", "everything").encode()
    found = psycopg.Cursor(connection).execute(statement, facts).fetchall()
    return [
        Row(
            what=what, channel=channel, state=state, stage=stage, label=label, at=at, n=int(n), centiwon=int(centiwon),
            bins=NO_CELLS if cells is None else np.bincount(np.frombuffer(cells, np.uint8), minlength=256).astype(np.int64),
        )
        for what, channel, state, stage, label, at, n, centiwon, cells in found
    ]  # fmt: skip


def collapsed(rows: Iterable[Row]) -> list[Row]:
    """The same without channels and hours: few rows, for a page that counts many lines."""
    found: dict[tuple[str, int | None, str, str], Row] = {}
    for row in rows:
        key = (row.what, row.state, row.stage, row.label)
        known = found.get(key)
        n, centiwon, bins = (
            (row.n, row.centiwon, row.bins)
            if known is None
            else (known.n + row.n, known.centiwon + row.centiwon, known.bins + row.bins)
        )
        found[key] = replace(row, channel=None, at=None, n=n, centiwon=centiwon, bins=bins)
    return list(found.values())


def total(rows: Iterable[Row], pick: Pick) -> int:
    """The number of a line."""
    return sum(map(pick, rows))


def by_channel(rows: Iterable[Row], pick: Pick) -> Mapping[int | None, int]:
    """The number of a line by channel, those without any left away."""
    return _by((row.channel, pick(row)) for row in rows)


def by_hour(rows: Iterable[Row], pick: Pick) -> Mapping[datetime | None, int]:
    """The number of a line by the hour in which it came to be, those without any left away; None: no hour is known yet."""
    return _by((row.at, pick(row)) for row in rows)


def _by(pairs: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for key, n in pairs:
        if n:
            found[key] = found.get(key, 0) + n
    return found


def cells(
    of: Iterable[int] | slice, *, states: Iterable[int] = (0, 1, 2, 3), stages: Iterable[str] = ("first", "again", "text")
) -> Pick:  # fmt: skip
    """Counts people whose outcome byte is one of these, in chunks of these states and kinds of try."""
    chosen = np.zeros(256, np.bool_)
    chosen[of if isinstance(of, slice) else list(of)] = True
    in_states, in_stages = frozenset(states), frozenset(stages)

    def pick(row: Row) -> int:
        meant = row.what == "chunk" and row.state in in_states and row.stage in in_stages
        return int(row.bins[chosen].sum()) if meant else 0

    return pick


def rows_of(what: str, *, stage: str | None = None, label: str | None = None, money: bool = False) -> Pick:
    """Counts people or messages, or 1/100 won, of rows of one sort; None stands for any."""

    def pick(row: Row) -> int:
        if row.what != what or stage not in (None, row.stage) or label not in (None, row.label):
            return 0
        return row.centiwon if money else row.n

    return pick


def added(*picks: Pick) -> Pick:
    """The sum of several."""
    return lambda row: sum(pick(row) for pick in picks)


def less(pick: Pick, *others: Pick) -> Pick:
    """The first without the others."""
    return lambda row: pick(row) - sum(other(row) for other in others)
