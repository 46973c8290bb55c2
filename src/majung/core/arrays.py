"""Long arrays as parameters of statements: packed for PostgreSQL at once, where psycopg would go through them value by value."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack
from typing import Final

import numpy as np
import psycopg
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_NULL: Final = b"\xff\xff\xff\xff"
# Of an element: its type, the type of its arrays, and how numpy writes one.
_INT8, _INT4, _INT2, _BYTEA = (20, 1016, ">i8"), (23, 1007, ">i4"), (21, 1005, ">i2"), (17, 1001, "")


@dataclass(frozen=True, slots=True)
class Packed:
    """An array in PostgreSQL's binary form, and its type."""

    oid: int
    packed: bytes


def int8s(values: Sequence[int]) -> Packed:
    """A ``bigint[]``."""
    return _numbers(values, *_INT8)


def int4s(values: Sequence[int]) -> Packed:
    """An ``integer[]``."""
    return _numbers(values, *_INT4)


def int2s(values: Sequence[int]) -> Packed:
    """A ``smallint[]``."""
    return _numbers(values, *_INT2)


def byteas(values: Sequence[bytes | None]) -> Packed:
    """A ``bytea[]``; None is NULL."""
    element, array, _ = _BYTEA
    cells = [_NULL if value is None else pack(">i", len(value)) + value for value in values]
    return Packed(array, _head(element, len(values), has_nulls=None in values) + b"".join(cells))


def _numbers(values: Sequence[int], element: int, array: int, written: str) -> Packed:
    cells = np.empty(len(values), [("size", ">i4"), ("value", written)])
    cells["size"], cells["value"] = cells.dtype["value"].itemsize, values
    return Packed(array, _head(element, len(values)) + cells.tobytes())


def _head(element: int, count: int, *, has_nulls: bool = False) -> bytes:
    return pack(">iiiii", 1, has_nulls, element, count, 1) if count else pack(">iii", 0, 0, element)


class _Dumper(Dumper):
    """``Packed`` as it is. The type differs from array to array, so that each has a dumper of its own."""

    format = Format.BINARY

    def get_key(self, obj: Packed, format: psycopg.adapt.PyFormat) -> tuple[type, int]:  # noqa: A002  psycopg's name
        return Packed, obj.oid

    def upgrade(self, obj: Packed, format: psycopg.adapt.PyFormat) -> Dumper:  # noqa: A002  as above
        found = _Dumper(self.cls)
        found.oid = obj.oid
        return found

    def dump(self, obj: Packed) -> Buffer:
        return obj.packed


psycopg.adapters.register_dumper(Packed, _Dumper)
