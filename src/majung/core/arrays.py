"""Long arrays in statements and rows: packed for PostgreSQL at once, where psycopg would go through them value by value."""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import AdaptersMap, Buffer, Dumper, Loader
from psycopg.pq import Format

_NULL: Final = b"\xff\xff\xff\xff"
_HEAD_BYTES: Final = 20
_EPOCH: Final = 946_684_800_000_000
"""2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since 1970."""

Numbers = Sequence[int] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Packed:
    """An array in PostgreSQL's binary form; the class says its type."""

    packed: bytes


class _Int8s(Packed): ...


class _Int4s(Packed): ...


class _Int2s(Packed): ...


class _Byteas(Packed): ...


class _Uuids(Packed): ...


class _Instants(Packed): ...


def int8s(values: Numbers) -> Packed:
    """A ``bigint[]``."""
    return _Int8s(_numbers(values, 20, ">i8"))


def int4s(values: Numbers) -> Packed:
    """An ``integer[]``."""
    return _Int4s(_numbers(values, 23, ">i4"))


def int2s(values: Numbers) -> Packed:
    """A ``smallint[]``."""
    return _Int2s(_numbers(values, 21, ">i2"))


def byteas(values: Sequence[bytes | None]) -> Packed:
    """A ``bytea[]``; None is NULL."""
    cells = [_NULL if value is None else pack(">i", len(value)) + value for value in values]
    return _Byteas(_head(17, len(values), has_nulls=None in values) + b"".join(cells))


def blobs(values: NDArray[np.void]) -> Packed:
    """A ``bytea[]`` of values of one length (dtype ``V…``)."""
    return _Byteas(_cells(values, 17))


def uuids(values: Sequence[bytes]) -> Packed:
    """A ``uuid[]`` of values of 16 bytes."""
    return _Uuids(_cells(np.frombuffer(b"".join(values), "V16"), 2950))


def instants(microseconds: NDArray[np.int64]) -> Packed:
    """A ``timestamptz[]`` of microseconds since 1970."""
    return _Instants(_numbers(microseconds - _EPOCH, 1184, ">i8"))


def _cells(values: NDArray[np.void], element: int) -> bytes:
    cells = np.empty(len(values), [("size", ">i4"), ("value", values.dtype)])
    cells["size"], cells["value"] = values.dtype.itemsize, values
    return _head(element, len(values)) + cells.tobytes()


def _numbers(values: Numbers, element: int, written: str) -> bytes:
    cells = np.empty(len(values), [("size", ">i4"), ("value", written)])
    cells["size"], cells["value"] = np.dtype(written).itemsize, values
    return _head(element, len(values)) + cells.tobytes()


def _head(element: int, count: int, *, has_nulls: bool = False) -> bytes:
    return pack(">iiiii", 1, has_nulls, element, count, 1) if count else pack(">iii", 0, 0, element)


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> Buffer:
        return obj.packed


for kind, number in (
    (_Int8s, 1016),
    (_Int4s, 1007),
    (_Int2s, 1005),
    (_Byteas, 1001),
    (_Uuids, 2951),
    (_Instants, 1185),
):
    psycopg.adapters.register_dumper(kind, type(f"{kind.__name__}Dumper", (_Dumper,), {"oid": number}))


class _Int8sLoader(Loader):
    format = Format.BINARY
    width = ">i8"

    def load(self, data: Buffer) -> NDArray[Any]:
        native = np.dtype(self.width).newbyteorder("=")
        if len(data) < _HEAD_BYTES:
            return np.empty(0, native)
        cells = np.frombuffer(bytes(data), [("size", ">i4"), ("value", self.width)], offset=_HEAD_BYTES)
        return cells["value"].astype(native)


class _Int4sLoader(_Int8sLoader):
    width = ">i4"


def load_numbers(adapters: AdaptersMap) -> None:
    """From now on ``integer[]`` and ``bigint[]`` without NULLs come in binary as numpy arrays."""
    adapters.register_loader(1007, _Int4sLoader)
    adapters.register_loader(1016, _Int8sLoader)
