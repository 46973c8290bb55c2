"""Bodies from a mould: built once a batch with a mark where each value stands, then one ``bytes %`` a person.

JSON, or the fields of a form with the person's place in their names (``receiver_1=…&message_1=…``). Values are escaped a
column at a time, and only when a column needs it (perf.md section c).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote_plus

import numpy as np
import orjson

from majung.channels.adapters.terms import VARIABLE, Batch

Column = Sequence[bytes]
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
    return _each(batch, orjson.dumps(shape), {"v": _in_json})


def fields(batch: Batch, shape: Mapping[str, str], in_json: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    """``shape`` as form fields ``name_1``, ``name_2`` …, a set a person; ``in_json`` are fields whose text is JSON.

    Raises ValueError as ``people``.
    """
    texts = dict(shape)
    for name, value in in_json.items():
        texts[name] = orjson.dumps(value).decode().replace(f"{_OPEN}v", f"{_OPEN}q")
    names = {name: quote_plus(name) for name in texts}
    pattern = "&".join(f"{names[name]}_{_OPEN}n{_CLOSE}={_quoted(text)}" for name, text in texts.items())
    return b"&".join(_each(batch, pattern.encode(), {"v": _in_form, "q": lambda column: _in_form(_in_json(column))}))


def _quoted(text: str) -> str:
    """Form text between the marks, which stay as they are."""
    return "".join(part if at % 2 else quote_plus(part) for at, part in enumerate(_MARKED.split(text)))


def _each(batch: Batch, shape: bytes, escapes: Mapping[str, Callable[[Column], Column]]) -> list[bytes]:
    """The shape for each person. A mark's first letter says how its column is escaped."""
    count = len(batch.recipients)
    names: list[str] = []

    def place(found: re.Match[bytes]) -> bytes:
        names.append(found[1].decode())
        if names[-1] == "id":
            return b"%d-%d-%%d" % (batch.campaign, batch.chunk)
        return b"%d" if names[-1] == "n" else b"%b"

    pattern = _MARK.sub(place, shape.replace(b"%", b"%%"))
    columns: dict[str, Sequence[Any]] = {"to": batch.recipients, "id": batch.positions, "n": range(1, count + 1)}
    for name in dict.fromkeys(names):
        if name not in columns:
            if (column := batch.columns.get(name[1:])) is None:
                raise ValueError(f"no values for {name[1:]}")
            if len(column) != count:
                raise ValueError(f"column {name[1:]!r} has {len(column)} values for {count} people")
            columns[name] = escapes[name[0]](column)
    return [pattern % row for row in zip(*(columns[name] for name in names), strict=True)]


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
