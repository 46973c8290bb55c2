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


@dataclass(frozen=True, slots=True)
class Packed:
    """An array in PostgreSQL's binary form; the class says its type."""

    packed: bytes


class _Int8s(Packed): ...


class _Int4s(Packed): ...


class _Int2s(Packed): ...


class _Byteas(Packed): ...


def int8s(values: Sequence[int]) -> Packed:
    """A ``bigint[]``."""
    return _Int8s(_numbers(values, 20, ">i8"))


def int4s(values: Sequence[int]) -> Packed:
    """An ``integer[]``."""
    return _Int4s(_numbers(values, 23, ">i4"))


def int2s(values: Sequence[int]) -> Packed:
    """A ``smallint[]``."""
    return _Int2s(_numbers(values, 21, ">i2"))


def byteas(values: Sequence[bytes | None]) -> Packed:
    """A ``bytea[]``; None is NULL."""
    cells = [_NULL if value is None else pack(">i", len(value)) + value for value in values]
    return _Byteas(_head(17, len(values), has_nulls=None in values) + b"".join(cells))


def _numbers(values: Sequence[int], element: int, written: str) -> bytes:
    cells = np.empty(len(values), [("size", ">i4"), ("value", written)])
    cells["size"], cells["value"] = np.dtype(written).itemsize, values
    return _head(element, len(values)) + cells.tobytes()


def _head(element: int, count: int, *, has_nulls: bool = False) -> bytes:
    return pack(">iiiii", 1, has_nulls, element, count, 1) if count else pack(">iii", 0, 0, element)


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> Buffer:
        return obj.packed


for kind, number in ((_Int8s, 1016), (_Int4s, 1007), (_Int2s, 1005), (_Byteas, 1001)):
    psycopg.adapters.register_dumper(kind, type(f"{kind.__name__}Dumper", (_Dumper,), {"oid": number}))
