"""Names and numbers in sealed pages of 1,024 people: an index of the vault for whoever needs a million of them at once.

Reading a million rows and opening each costs seconds; a thousand pages cost milliseconds (decision 0014). Pages are made from
``person`` and ``contact_point``, stay sealed under the same keys, and a change of anybody on a page takes the page out of
use in the same transaction. Nothing depends on a page being there: what is missing is read from the rows. Plain.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.core import sql
from majung.core.sealing import Place, Sealer, Unreadable
from majung.crowd.bitmaps import numbers

BLOCK: Final = 1024
_SLICE: Final = 256
"""Pages made in one go: bounds the memory of server and maker."""
_SIZES: Final = np.dtype("<u2")


class Field(IntEnum):
    """What a page holds of its people; the number of a contact's kind, or 0 for the name."""

    NAME = 0
    MOBILE = 1
    EMAIL = 3


_COLUMNS: Final = {
    Field.NAME: ("person", "name"),
    Field.MOBILE: ("contact_point", "mobile"),
    Field.EMAIL: ("contact_point", "email"),
}


class Values:
    """Plain values of many people, page by page."""

    def __init__(self, blocks: NDArray[np.int64], pages: Sequence[bytes]) -> None:
        """``pages`` (plain) are those of ``blocks``, ascending. Raises Unreadable for one that is not whole."""
        cut = [_cut(page) for page in pages]
        self._first = int(blocks[0]) if len(blocks) else 0
        self._row = np.full(int(blocks[-1]) - self._first + 1 if len(blocks) else 0, -1, np.int64)
        self._row[blocks - self._first] = np.arange(len(blocks))
        self._sizes = np.concatenate([sizes for sizes, _ in cut] or [np.empty(0, _SIZES)]).astype(np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._data = np.frombuffer(b"".join([data for _, data in cut]), np.uint8)

    def of(self, people: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], bytes]:
        """Of each of ``people`` the size of the value in bytes (0: none), and all values one after the other."""
        block, rest = np.divmod(people.astype(np.int64), BLOCK)
        at = self._row[block - self._first] * BLOCK + rest
        sizes, starts = self._sizes[at], self._starts[at]
        if len(sizes) and (size := int(sizes[0])) and (sizes == size).all():
            # Every stretch of this size, overlapping, as one element each: taking elements copies whole stretches.
            stretches = np.ndarray(len(self._data) - size + 1, np.dtype((np.void, size)), self._data, strides=(1,))
            return sizes, stretches[starts].tobytes()
        ends = np.cumsum(sizes)
        where = np.repeat(starts - ends + sizes, sizes) + np.arange(ends[-1] if len(ends) else 0)
        return sizes, self._data[where].tobytes()


def read(
    connection: psycopg.Connection[Any], sealer: Sealer, root: int, people: NDArray[np.integer[Any]], field: Field
) -> Values:
    """The ``field`` of ``people`` (ascending, all of ``root``), as of the transaction's snapshot or newer. Raises Unreadable."""
    each = people.astype(np.int64) // BLOCK
    blocks = each[np.flatnonzero(np.diff(each, prepend=-1))]
    asked: list[int] = blocks.tolist()
    pages = dict(_stored(connection, sealer, root, asked, field))
    pages.update(_made(connection, sealer, root, [block for block in asked if block not in pages], field))
    return Values(blocks, [pages[block] for block in asked])


def freshen(connection: psycopg.Connection[Any], sealer: Sealer, root: int) -> int:
    """Make the pages of ``root`` that are missing or out of date, in short transactions of its own. Returns how many."""
    made = 0
    for field in Field:
        rows = psycopg.Cursor(connection).execute(_sql("stale"), {"root": root, "field": int(field)})
        blocks = [block for (block,) in rows]
        for start in range(0, len(blocks), _SLICE):
            made += _renew(connection, sealer, root, blocks[start : start + _SLICE], field)
    return made


def _renew(connection: psycopg.Connection[Any], sealer: Sealer, root: int, blocks: list[int], field: Field) -> int:
    """The watermark is taken before the rows are read: what changes in between takes the page out of use."""
    cursor = psycopg.Cursor(connection)
    [(watermark,)] = cursor.execute(_sql("watermark")).fetchall()
    plain = dict(_made(connection, sealer, root, blocks, field))
    sealed = [sealer.seal(_place(root, field), block, page) for block, page in plain.items()]
    facts = {"root": root, "field": int(field), "watermark": watermark, "blocks": list(plain), "sealed": sealed}
    cursor.execute(_sql("keep"), facts, binary=True)
    return len(plain)


def _stored(
    connection: psycopg.Connection[Any], sealer: Sealer, root: int, blocks: list[int], field: Field
) -> Iterator[tuple[int, bytes]]:
    """Pages that nobody on them has outdated."""
    facts = {"root": root, "field": int(field), "blocks": blocks}
    place = _place(root, field)
    for block, sealed in psycopg.Cursor(connection).execute(_sql("read"), facts, binary=True):
        yield block, sealer.open_bytes(place, block, bytes(sealed))


def _made(
    connection: psycopg.Connection[Any], sealer: Sealer, root: int, blocks: Sequence[int], field: Field
) -> Iterator[tuple[int, bytes]]:
    """Pages from the rows: read by length, so that a whole column opens at once."""
    table, column = _COLUMNS[field]
    place = Place(root=root, table=table, column=column)
    for start in range(0, len(blocks), _SLICE):
        some = np.array(blocks[start : start + _SLICE])
        sizes = np.zeros(len(some) * BLOCK, _SIZES)
        parts = []
        for size, owners, values in _rows(connection, root, some.tolist(), field):
            people = numbers(owners).astype(np.int64)
            plain = sealer.open_cells(place, people, np.frombuffer(values, np.uint8).reshape(-1, size))
            at = np.searchsorted(some, people // BLOCK) * BLOCK + people % BLOCK
            sizes[at] = plain.shape[1]
            parts.append((at, plain))
        ends = np.cumsum(sizes, dtype=np.int64)
        data = np.empty(ends[-1], np.uint8)
        for at, plain in parts:
            data[(ends[at] - plain.shape[1])[:, None] + np.arange(plain.shape[1])] = plain
        edges = [0, *ends[BLOCK - 1 :: BLOCK].tolist()]
        for number, block in enumerate(some.tolist()):
            heads = sizes[number * BLOCK : (number + 1) * BLOCK]
            yield block, heads.tobytes() + data[edges[number] : edges[number + 1]].tobytes()


def _rows(
    connection: psycopg.Connection[Any], root: int, blocks: list[int], field: Field
) -> Iterator[tuple[int, bytes, bytes]]:
    statement = _sql("names" if field is Field.NAME else "contacts")
    facts = {"root": root, "blocks": blocks, "kind": int(field)}
    result = psycopg.Cursor(connection).execute(statement, facts, binary=True).pgresult
    for row in range(result.ntuples if result is not None else 0):
        size, owners, values = (result.get_value(row, column) or b"" for column in range(3))  # type: ignore[union-attr]
        yield int.from_bytes(size), owners, values


def _cut(page: bytes) -> tuple[NDArray[np.uint16], bytes]:
    head = BLOCK * _SIZES.itemsize
    sizes = np.frombuffer(page[:head], _SIZES)
    if len(page) != head + int(sizes.sum()):
        raise Unreadable("a page is not as long as its values")
    return sizes, page[head:]


def _place(root: int, field: Field) -> Place:
    return Place(root=root, table="sealed_page", column=field.name.lower())


def _sql(name: str) -> str:
    return sql.load("majung.people", "pages", name)
