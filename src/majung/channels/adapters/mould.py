"""JSON bodies from a mould: built once a batch with a mark where each value stands, then one ``bytes %`` a person.

Values are escaped a column at a time, and only when a column needs it (perf.md section c).
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from majung.channels.adapters.terms import VARIABLE, Batch

_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: cannot be typed, and never leaves this module
_MARK = re.compile(f"{_OPEN}(.+?){_CLOSE}".encode())
TO, ID = f"{_OPEN}to{_CLOSE}", f"{_OPEN}id{_CLOSE}"
"""Stand in a shape for the person's number, and for our id of the message."""


def opened(batch: Batch, text: str) -> str:
    """The text with constants filled in, and a mark for every other variable."""

    def fill(found: re.Match[str]) -> str:
        constant = batch.constants.get(found[1])
        return f"{_OPEN}v{found[1]}{_CLOSE}" if constant is None else constant.replace(_OPEN, "")

    return VARIABLE.sub(fill, text.replace(_OPEN, ""))


def same_for_all(batch: Batch, text: str) -> str:
    """The text with constants filled in. Raises ValueError when a variable differs from person to person."""
    filled = opened(batch, text)
    if _OPEN in filled:
        raise ValueError("this kind says the same to everybody of a request")
    return filled


def people(batch: Batch, shape: Any) -> list[bytes]:
    """``shape`` as JSON for each person. Raises ValueError when a column is missing or has the wrong length."""
    count = len(batch.recipients)
    names: list[str] = []

    def place(found: re.Match[bytes]) -> bytes:
        names.append(found[1].decode())
        return b"%d-%d-%%d" % (batch.campaign, batch.chunk) if names[-1] == "id" else b"%b"

    pattern = _MARK.sub(place, orjson.dumps(shape).replace(b"%", b"%%"))
    columns: dict[str, Sequence[Any]] = {"to": batch.recipients, "id": batch.positions}
    for name in dict.fromkeys(names):
        if name not in columns:
            if (column := batch.columns.get(name[1:])) is None:
                raise ValueError(f"no values for {name[1:]}")
            columns[name] = _escaped(column, name[1:], count)
    return [pattern % row for row in zip(*(columns[name] for name in names), strict=True)]


def laid(before: bytes, between: Sequence[bytes], columns: Sequence[Sequence[bytes]], after: bytes) -> bytes:
    """Everybody's values with the same words before, between and behind them, and a comma between people.

    ``between`` has one more than there are columns. One ``join`` of all pieces costs a ninth of a ``bytes %`` a person, and
    nothing of this size is copied twice: that alone would cost as much again.
    """
    count, step = len(columns[0]), 2 * len(columns)
    pieces = [b""] * (count * step)
    for place, column in enumerate(columns):
        pieces[2 * place :: step] = column
        pieces[2 * place + 1 :: step] = [between[place + 1]] * count
    pieces[step - 1 :: step] = [b"%b,%b" % (between[-1], between[0])] * count
    if count:
        before, pieces[-1] = before + between[0], between[-1]
    return b"".join([before, *pieces, after])


_DIGITS = [b"%d" % number for number in range(1_000)]


def digits(positions: Sequence[int]) -> list[bytes]:
    """Positions in a chunk as they are written."""
    if positions == range(len(positions)) and len(positions) <= len(_DIGITS):
        return _DIGITS[: len(positions)]
    return [_DIGITS[at] if at < len(_DIGITS) else b"%d" % at for at in positions]


def _escaped(column: Sequence[bytes], name: str, count: int) -> Sequence[bytes]:
    """The column as JSON text without its quotes; what is no UTF-8 is replaced by U+FFFD."""
    if len(column) != count:
        raise ValueError(f"column {name!r} has {len(column)} values for {count} people")
    joined = b" ".join(column)
    is_plain = (
        b'"' not in joined and b"\\" not in joined and np.frombuffer(joined, np.uint8).min(initial=32) >= ord(" ")
    )
    try:
        joined.decode()
    except UnicodeDecodeError:
        is_plain = False
    return column if is_plain else [orjson.dumps(value.decode(errors="replace"))[1:-1] for value in column]
