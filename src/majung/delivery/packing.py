"""Person numbers of the chunk ledger: numpy arrays that are ``int4[]`` on the wire."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from psycopg.adapt import AdaptersMap, Buffer, Dumper, Loader
from psycopg.pq import Format

People = NDArray[np.int32]
"""Person numbers, ascending."""

_ARRAY_HEAD = struct.pack(">iiiii", 1, 0, 23, 0, 1)
_ELEMENT = np.dtype([("size", ">i4"), ("value", ">i4")])


def int4_array(people: People) -> bytes:
    """A PostgreSQL ``int4[]`` in its binary form."""
    cells = np.empty(len(people), _ELEMENT)
    cells["size"], cells["value"] = 4, people
    return _ARRAY_HEAD[:12] + struct.pack(">ii", len(people), 1) + cells.tobytes()


def int8_array(values: Sequence[int]) -> bytes:
    """A PostgreSQL ``int8[]`` in its binary form."""
    if not values:
        return struct.pack(">iii", 0, 0, 20)
    return struct.pack(">iiiii", 1, 0, 20, len(values), 1) + b"".join(
        [struct.pack(">iq", 8, value) for value in values]
    )


def read_int4_array(raw: bytes) -> People:
    """The numbers of a binary ``int4[]`` without NULLs."""
    if len(raw) < 20:
        return np.empty(0, np.int32)
    return np.frombuffer(raw, _ELEMENT, offset=20)["value"].astype(np.int32)


class _PeopleLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> People:
        return read_int4_array(bytes(data))


class _PeopleDumper(Dumper):
    format = Format.BINARY
    oid = 1007

    def dump(self, obj: People) -> Buffer:
        return int4_array(obj)


def adapt_people(adapters: AdaptersMap) -> None:
    """From now on a numpy array is sent as ``int4[]``, and an ``int4[]`` in binary comes as a numpy array."""
    adapters.register_loader(_PeopleDumper.oid, _PeopleLoader)
    adapters.register_dumper(np.ndarray, _PeopleDumper)
