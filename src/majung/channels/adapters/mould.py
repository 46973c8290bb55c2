"""Bodies from a mould: built once a batch with a mark where each value stands, then laid between the people's values.

JSON, or the fields of a form with the person's place in their names (``receiver_1=…&message_1=…``). Values are escaped a
column at a time, and only when a column needs it (perf.md section c).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import orjson

from majung.channels.adapters.terms import VARIABLE, Batch

Column = Sequence[bytes]
Escapes = Mapping[str, Callable[[Column], Column]]
_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: cannot be typed, and never leaves this module
_MARK = re.compile(f"{_OPEN}(.+?){_CLOSE}".encode())
_MARKED = re.compile(f"({_OPEN}.+?{_CLOSE})")
_SAFE = re.compile(rb"[0-9A-Za-z_.~-]*")
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
    between, columns = _cut(batch, orjson.dumps(shape), _JSON)
    woven: list[Iterable[bytes]] = [repeat(between[0])]
    for words, column in zip(between[1:], columns, strict=True):
        woven += (column, repeat(words))
    return [b"".join(row) for row in zip(*woven, strict=False)]


def listed(batch: Batch, before: bytes, shape: Any, after: bytes) -> bytes:
    """``people``, with commas between them, and this before and behind the whole."""
    return _laid(before, *_cut(batch, orjson.dumps(shape), _JSON), after)


def fields(batch: Batch, shape: Mapping[str, str], in_json: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    """``shape`` as form fields ``name_1``, ``name_2`` …, a set a person; ``in_json`` are fields whose text is JSON.

    Raises ValueError as ``people``.
    """
    texts = dict(shape)
    for name, value in in_json.items():
        texts[name] = orjson.dumps(value).decode().replace(f"{_OPEN}v", f"{_OPEN}q")
    names = {name: quote_plus(name) for name in texts}
    pattern = "&".join(f"{names[name]}_{_OPEN}n{_CLOSE}={_quoted(text)}" for name, text in texts.items())
    return _laid(b"", *_cut(batch, pattern.encode(), _FORM), b"", comma=b"&")


def _quoted(text: str) -> str:
    """Form text between the marks, which stay as they are."""
    return "".join(part if at % 2 else quote_plus(part) for at, part in enumerate(_MARKED.split(text)))


def _cut(batch: Batch, shape: bytes, escapes: Escapes) -> tuple[list[bytes], list[Column]]:
    """The words of the shape before, between and behind its marks, and for each mark everybody's values.

    A mark's first letter says how its column is escaped.
    """
    count = len(batch.recipients)
    first, *rest = _MARK.split(shape)
    between, names = [first, *rest[1::2]], [name.decode() for name in rest[0::2]]
    known: dict[str, Column] = {"to": batch.recipients}
    columns = []
    for place, name in enumerate(names):
        if name == "id":
            between[place] += b"%d-%d-" % (batch.campaign, batch.chunk)
        if name not in known:
            known[name] = _column(batch, name, count, escapes)
        columns.append(known[name])
    return between, columns


def _column(batch: Batch, name: str, count: int, escapes: Escapes) -> Column:
    if name == "id":
        return _digits(batch.positions)
    if name == "n":
        return _digits(range(1, count + 1))
    if (column := batch.columns.get(name[1:])) is None:
        raise ValueError(f"no values for {name[1:]}")
    if len(column) != count:
        raise ValueError(f"column {name[1:]!r} has {len(column)} values for {count} people")
    return escapes[name[0]](column)


def _laid(
    before: bytes, between: Sequence[bytes], columns: Sequence[Column], after: bytes, comma: bytes = b","
) -> bytes:
    """Everybody's values with the words before, between and behind them, and a comma between people.

    One ``join`` of all pieces costs a ninth of a ``bytes %`` a person, and nothing of this size is copied twice: that alone
    would cost as much again.
    """
    count, step = len(columns[0]), 2 * len(columns)
    pieces = [b""] * (count * step)
    for place, column in enumerate(columns):
        pieces[2 * place :: step] = column
        pieces[2 * place + 1 :: step] = [between[place + 1]] * count
    pieces[step - 1 :: step] = [between[-1] + comma + between[0]] * count
    if count:
        before, pieces[-1] = before + between[0], between[-1]
    return b"".join([before, *pieces, after])


_NUMBERS = [b"%d" % number for number in range(1_001)]


def _digits(numbers: Sequence[int]) -> Column:
    """Small numbers as they are written."""
    return [_NUMBERS[number] if number < len(_NUMBERS) else b"%d" % number for number in numbers]


def _in_form(column: Column) -> Column:
    """The column as form text; what is no UTF-8 is replaced by U+FFFD."""
    if _SAFE.fullmatch(b"".join(column)):
        return column
    return [quote_plus(value.decode(errors="replace")).encode() for value in column]


def _in_json(column: Column) -> Column:
    """The column as JSON text without its quotes; what is no UTF-8 is replaced by U+FFFD."""
    joined = b" ".join(column)
    is_plain = (
        b'"' not in joined and b"\\" not in joined and np.frombuffer(joined, np.uint8).min(initial=32) >= ord(" ")
    )
    try:
        joined.decode()
    except UnicodeDecodeError:
        is_plain = False
    return column if is_plain else [orjson.dumps(value.decode(errors="replace"))[1:-1] for value in column]


_JSON: Escapes = MappingProxyType({"v": _in_json})
_FORM: Escapes = MappingProxyType({"v": _in_form, "q": lambda column: _in_form(_in_json(column))})
