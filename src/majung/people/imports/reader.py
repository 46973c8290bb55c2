"""An uploaded list: whether it begins with a header, how it looks, and its rows (``core.sheets`` reads the file). Plain."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from majung.core import sheets
from majung.core.sheets import Body, Bounds, Unreadable, Written
from majung.people import addresses, phones

__all__ = ["BOUNDS", "Sheet", "Unreadable", "inspect", "rows"]

# A million rows of thirty columns.
BOUNDS: Final = Bounds(columns=200, letters=2_000, unpacked_bytes=2 * 2**30, cells=32_000_000)
SAMPLE_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A list that can be read: how it was written, and its first rows.

    ``header`` is made up (열 1, 열 2 …) when the first row is a person already. ``formula_rows`` are row numbers.
    """

    written: Written
    has_header: bool
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    formula_rows: frozenset[int]


def inspect(body: Body) -> Sheet:
    """What ``body`` is and how it begins. Raises Unreadable."""
    written = sheets.recognise(body, BOUNDS)
    lines = sheets.rows(body, written, BOUNDS)
    _, first = next(lines, (0, None))
    if first is None:
        raise Unreadable(problem="줄이 하나도 없습니다.")
    if len(first) >= BOUNDS.columns:
        raise Unreadable(problem=f"열이 너무 많습니다. {BOUNDS.columns - 1}개까지 읽습니다.")
    has_header = not any(phones.normalise(cell) or addresses.normalise(cell) for cell in first)
    sample = [] if has_header else [tuple(first)]
    sample += [tuple(cells) for _, (_, cells) in zip(range(SAMPLE_ROWS), lines, strict=False)]
    width = max(len(cells) for cells in (first, *sample))
    header = [*first, *[""] * (width - len(first))] if has_header else [f"열 {i + 1}" for i in range(width)]
    return Sheet(
        written=written,
        has_header=has_header,
        header=tuple(header),
        sample=tuple(sample),
        formula_rows=frozenset(row for row, _ in written.formulas),
    )


def rows(body: Body, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """(row number from 1, cells) of every row that is not blank, without the header. Raises Unreadable on the way."""
    return islice(sheets.rows(body, sheet.written, BOUNDS), int(sheet.has_header), None)
