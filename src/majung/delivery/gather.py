"""Sealed values of the planned people, read once in order and packed by chunk: nothing is joined at sending (perf.md e)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.core import sql
from majung.crowd.bitmaps import numbers
from majung.delivery import packing
from majung.delivery.packing import People

SLICE = 250_000
"""People asked for in one statement: bounds the memory of server and planner."""


class Sealed:
    """Sealed values of many people, ready to be packed for any of them."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._size = np.zeros(len(people), np.int32)
        self._start = np.zeros(len(people), np.int64)
        self._blobs: list[bytes] = []
        self._end = 0
        self.found = 0
        self._all: bytes | None = None

    def add(self, people: NDArray[Any], values: bytes, size: int) -> None:
        """Take in people with one value of ``size`` bytes each, in the same order."""
        at = np.searchsorted(self._people, people)
        if len(values) != size * len(people) or (self._people[at] != people).any():
            raise ValueError("sealed values do not line up with their people")
        self._size[at] = size
        self._start[at] = self._end + np.arange(len(people), dtype=np.int64) * size
        self._blobs.append(values)
        self._end += len(values)
        self.found += len(people)

    def pack(self, people: People) -> bytes:
        """``packing.pack`` of the values of ``people``; a person without a value gets an empty one."""
        if self._all is None:
            self._all = b"".join(self._blobs)
            self._blobs.clear()
        at = np.searchsorted(self._people, people)
        sizes, starts = self._size[at], self._start[at]
        size = int(sizes[0]) if len(sizes) else 0
        if size and (sizes == size).all():
            # Every stretch of this size, overlapping, as one element each: taking elements copies whole stretches.
            stretches = np.ndarray(len(self._all) - size + 1, np.dtype((np.void, size)), self._all, strides=(1,))
            cells = np.empty(len(people), np.dtype([("size", ">u2"), ("value", np.void, size)]))
            cells["size"], cells["value"] = size, stretches[starts]
            return cells.tobytes()
        heads = {size: size.to_bytes(2) for size in set(sizes.tolist())}
        stretch = zip(sizes.tolist(), starts.tolist(), strict=True)
        return b"".join([part for size, at in stretch for part in (heads[size], self._all[at : at + size])])


def contacts(connection: psycopg.Connection[Any], root: int, people: People) -> Sealed:
    """Sealed mobile numbers of ``people`` (ascending)."""
    return _read(connection, "contacts", root, people)


def names(connection: psycopg.Connection[Any], root: int, people: People) -> Sealed:
    """Sealed names of ``people`` (ascending)."""
    return _read(connection, "names", root, people)


def _read(connection: psycopg.Connection[Any], statement: str, root: int, people: People) -> Sealed:
    sealed, cursor = Sealed(people), psycopg.Cursor(connection)
    packing.adapt_people(cursor.adapters)
    for some in _slices(people):
        facts = {"root": root, "people": some, "first": int(some[0]), "last": int(some[-1])}
        done = cursor.execute(sql.load("majung.delivery", "plan", statement), facts, binary=True)
        if (result := done.pgresult) is not None:
            for row in range(result.ntuples):
                size, owners, values = (result.get_value(row, column) or b"" for column in range(3))
                sealed.add(numbers(owners), values, int.from_bytes(size, "big"))
    return sealed


def _slices(people: People) -> Iterator[People]:
    for start in range(0, len(people), SLICE):
        yield people[start : start + SLICE]
