"""What this process keeps of base sets between evaluations, so that the next one only reads what has changed since. Plain.

Whatever is kept is committed: nothing is put in by a transaction that has written, nor by one that reads an old snapshot
(``bitmaps.load`` sees to it). Sets are never changed, only replaced, so that threads need not wait for each other.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import psycopg
from pyroaring import BitMap

from majung import settings

Buckets = dict[int | None, BitMap]

GROUP: Final = 16
"""Neighbouring buckets whose union is kept too: a range of forty years is made of some thirty sets instead of 480."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A base set as it stood for every transaction below the watermark. ``order``: its buckets, ascending.

    ``unions`` are of whole groups of neighbours in that order, by the first one's place; they are made when first asked for.
    """

    buckets: Buckets
    watermark: int
    order: tuple[int, ...]
    size_bytes: int
    unions: dict[int, BitMap] = field(default_factory=dict)

    @classmethod
    def of(cls, buckets: Buckets, watermark: int) -> "Kept":
        """These buckets, which nobody changes from now on."""
        order = tuple(sorted(bucket for bucket in buckets if bucket is not None))
        size = sum(map(size_of, buckets.values())) * (2 if len(order) > GROUP else 1)
        return cls(buckets, watermark, order, size)

    @property
    def people(self) -> BitMap:
        """Everyone of a set without buckets."""
        return self.buckets.get(None) or BitMap()

    def between(self, first: int | None, last: int | None) -> BitMap:
        """Everyone of the buckets from ``first`` to ``last``, both included; None is without bound."""
        at = 0 if first is None else bisect_left(self.order, first)
        end = len(self.order) if last is None else bisect_right(self.order, last)
        parts: list[BitMap] = []
        while at < end:
            if at % GROUP == 0 and at + GROUP <= end:
                if at not in self.unions:
                    self.unions[at] = BitMap.union(*(self.buckets[one] for one in self.order[at : at + GROUP]))
                parts.append(self.unions[at])
                at += GROUP
            else:
                parts.append(self.buckets[self.order[at]])
                at += 1
        return BitMap.union(*parts) if parts else BitMap()


@dataclass(frozen=True, slots=True)
class Combined:
    """A set made of others, good as long as those are the very ones."""

    made_of: tuple[Buckets, ...]
    people: BitMap
    size_bytes: int


class Store:
    """The sets of one database. The least used go when there are more than ``settings.CROWD_CACHE_BYTES``."""

    def __init__(self) -> None:
        self.epoch = ""
        self._lock = Lock()
        self._held: OrderedDict[Any, Kept | Combined] = OrderedDict()
        self.size_bytes = 0

    def get(self, key: Any) -> Any:
        """What is kept under ``key``, or None."""
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
            return found

    def put(self, key: Any, value: Kept | Combined) -> None:
        """``value`` is kept under ``key``, unless it is too large to be kept at all."""
        with self._lock:
            before = self._held.pop(key, None)
            self.size_bytes += value.size_bytes - (before.size_bytes if before else 0)
            self._held[key] = value
            while self.size_bytes > settings.CROWD_CACHE_BYTES:
                _, gone = self._held.popitem(last=False)
                self.size_bytes -= gone.size_bytes

    def begin(self, epoch: str) -> None:
        """Nothing is kept of what this database was in another ``epoch``: before a restart, or a restore."""
        with self._lock:
            if epoch != self.epoch:
                self.epoch, self.size_bytes = epoch, 0
                self._held.clear()


_stores: dict[tuple[str, int, str], Store] = {}


def of(connection: psycopg.Connection[Any]) -> Store:
    """What is kept of the connection's database."""
    info = connection.info
    return _stores.setdefault((info.host, info.port, info.dbname), Store())


def size_of(people: BitMap) -> int:
    """Bytes that a set takes."""
    told = people.get_statistics()
    return 64 + told["n_bytes_array_containers"] + told["n_bytes_run_containers"] + told["n_bytes_bitset_containers"]
