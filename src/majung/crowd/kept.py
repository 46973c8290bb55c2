"""What this process keeps of base sets between counts, so that the next one only reads what has changed since. Plain.

Whatever is kept is committed and of this database: ``current.load`` sees to it. Sets are never changed, only replaced, so
that threads need not wait for each other.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import psycopg

from majung import settings
from majung.crowd import bits
from majung.crowd.tail import Tail


@dataclass(slots=True)
class Kept:
    """A base set that has taken in every change listed before ``position``, which only grows."""

    set: bits.Set
    position: int

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes."""
        return self.set.size_bytes


@dataclass(frozen=True, slots=True)
class Combined:
    """A set made of others, good as long as those are the very ones."""

    made_of: tuple[bits.Set, ...]
    words: bits.Words

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes."""
        return self.words.nbytes


class Store:
    """The sets of one database. The least used go when there are more than ``settings.CROWD_CACHE_BYTES``."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self._lock = Lock()
        self._held: OrderedDict[Any, Kept | Combined] = OrderedDict()
        self._tails: dict[int, Tail] = {}
        self._grounds: dict[int, bits.Ground] = {}
        self.size_bytes = 0

    def tail(self, root: int) -> Tail:
        """What has been read of the root's change log."""
        return self._tails.setdefault(root, Tail())

    def ground(self, root: int) -> bits.Ground:
        """Which bits stand for the root's people."""
        return self._grounds.setdefault(root, bits.Ground())

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


_stores: dict[tuple[str, int, str], Store] = {}


def of(connection: psycopg.Connection[Any], epoch: str | None = None) -> Store:
    """What is kept of the connection's database: nothing of what it was in another ``epoch``, before a restart or a restore."""
    info = connection.info
    place = (info.host, info.port, info.dbname)
    store = _stores.get(place)
    if store is None or epoch not in (None, store.epoch):
        store = _stores[place] = Store(epoch or "")
    return store


def forget() -> None:
    """This process keeps nothing any more."""
    _stores.clear()
