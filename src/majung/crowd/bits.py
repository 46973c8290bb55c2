"""Sets of people as plain bits in memory, in which a million are joined in microseconds. Plain.

A bit stands for a person by the place of his block of 1,024 numbers among the blocks in which the root has anybody, so that
a small root's sets are small however large its numbers are. Blocks are only ever added at the end: a shorter array means
that nobody further on is in the set. Arrays are never changed once they are in a set.
"""

from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import numpy as np
from pyroaring import BitMap

BLOCK: Final = 1024
WORDS: Final = BLOCK // 64
LARGE: Final = 2**15
"""Words from which on an array (256 kB, of two million people) is worth being spared where few are in the set."""
HANDFUL: Final = 100
ROOM: Final = 16
"""Buckets that may be added to a set before it needs another digit."""

Words = np.ndarray[Any, np.dtype[np.uint64]]
Numbers = np.ndarray[Any, np.dtype[np.uint32]]
Marks = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.int64]]
Buckets = dict[int | None, BitMap]


class Ground:
    """The blocks of one root, in the order in which they were met."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._of_block = np.full(0, -1, np.int64)
        self._blocks = np.empty(0, np.int64)

    @property
    def words(self) -> int:
        """How long an array for everybody is."""
        return len(self._blocks) * WORDS

    def places(self, people: Numbers) -> Places:
        """Which bits stand for these people; blocks not met before are added."""
        blocks = (people >> 10).astype(np.int64)
        top = int(blocks.max(initial=-1))
        of_block = self._of_block
        if top >= len(of_block) or (len(blocks) and of_block[blocks].min() < 0):
            of_block = self._add(np.unique(blocks))
        return of_block[blocks] * BLOCK + (people & (BLOCK - 1))

    def _add(self, blocks: Places) -> Places:
        with self._lock:
            known = self._of_block
            longer = np.full(max(len(known), int(blocks[-1]) + 1), -1, np.int64)
            longer[: len(known)] = known
            new = blocks[longer[blocks] < 0]
            longer[new] = np.arange(len(self._blocks), len(self._blocks) + len(new))
            # The list of blocks first: who finds a place in the table must find its block.
            self._blocks = np.concatenate([self._blocks, new])
            self._of_block = longer
            return longer

    def pack(self, places: Places, length: int = 0) -> Words:
        """An array of that length (default: for everybody) in which these bits are set."""
        marks = np.zeros((length or self.words) * 64, np.bool_)
        marks[places] = True
        return np.packbits(marks, bitorder="little").view(np.uint64)

    def people(self, words: Words) -> BitMap:
        """Who is in the array."""
        places = np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
        return bitmap((self._blocks[places >> 10] * BLOCK + (places & (BLOCK - 1))).astype(np.uint32))


def bitmap(people: Numbers) -> BitMap:
    """The roaring bitmap of these numbers. Given as an array of the standard library they are taken eight times as fast."""
    return BitMap(array("I", people.tobytes()))


def numbers(people: BitMap) -> Numbers:
    """The numbers of a roaring bitmap, ascending."""
    return np.frombuffer(people.to_array(), np.uint32)


def fitted(words: Words, length: int) -> Words:
    """The same set in an array of that length; whom it is too short for is nobody to those who ask."""
    if len(words) >= length:
        return words[:length]
    longer = np.zeros(length, np.uint64)
    longer[: len(words)] = words
    return longer


def count(words: Words) -> int:
    """How many are in the array."""
    return int(np.bitwise_count(words).sum(dtype=np.int64))


def _told(words: Words, places: Places) -> Marks:
    """Which of the places are set."""
    if len(words) == 0:
        return np.zeros(len(places), np.bool_)
    word = places >> 6
    inside = word < len(words)
    bits = words[np.where(inside, word, 0)] >> (places & 63).astype(np.uint64)
    told: Marks = (bits & np.uint64(1)) == 1
    return told & inside


def _written(words: Words, length: int, places: Places, told: Marks) -> Words:
    """The same set, but for what is told of these places: the very array when nothing differs."""
    if np.array_equal(_told(words, places), told):
        return words
    longer = np.zeros(max(length, len(words)), np.uint64)
    longer[: len(words)] = words
    masks = np.left_shift(np.uint64(1), (places & 63).astype(np.uint64))
    np.bitwise_or.at(longer, places[told] >> 6, masks[told])
    np.bitwise_and.at(longer, places[~told] >> 6, ~masks[~told])
    return longer


@dataclass(frozen=True, slots=True)
class Plain:
    """A set without buckets."""

    words: Words

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes."""
        return self.words.nbytes

    def everyone(self, length: int) -> tuple[Words, bool]:
        """Everyone in an array of that length, and whether it is a new one."""
        return fitted(self.words, length), False

    def mended(self, ground: Ground, changed: BitMap, fresh: Buckets) -> "Plain":
        """The set with what is ``fresh`` about the changed people; the very same when that is nothing new."""
        places, told = _news(ground, changed, fresh)
        words = _written(self.words, ground.words, places, told)
        return self if words is self.words else Plain(words)


@dataclass(frozen=True, slots=True)
class Few:
    """A set without buckets of so few people that their places, ascending, take less than an array."""

    places: Numbers

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes."""
        return self.places.nbytes

    def everyone(self, length: int) -> tuple[Words, bool]:
        """Everyone in an array of that length, and whether it is a new one."""
        words = np.zeros(length, np.uint64)
        inside = self.places[: np.searchsorted(self.places, length * 64)].astype(np.int64)
        np.bitwise_or.at(words, inside >> 6, np.left_shift(np.uint64(1), (inside & 63).astype(np.uint64)))
        return words, True

    def mended(self, ground: Ground, changed: BitMap, fresh: Buckets) -> "Few | Plain":
        """The set with what is ``fresh`` about the changed people; the very same when that is nothing new."""
        places, told = _news(ground, changed, fresh)
        at = np.searchsorted(self.places, places)
        before = np.zeros(len(places), np.bool_)
        inside = at < len(self.places)
        before[inside] = self.places[at[inside]] == places[inside]
        if np.array_equal(before, told):
            return self
        left = np.delete(self.places, at[before & ~told])
        new = np.sort(places[told & ~before])
        return plain(ground, np.insert(left, np.searchsorted(left, new), new))


def plain(ground: Ground, places: Places) -> Plain | Few:
    """The set of the people at these places, in the form that takes less."""
    if ground.words >= LARGE and len(places) * 2 < ground.words:
        return Few(np.sort(places).astype(np.uint32))
    return Plain(ground.pack(places))


def _news(ground: Ground, changed: BitMap, fresh: Buckets) -> tuple[Places, Marks]:
    """Where the changed people are, and who of them is in a set without buckets now."""
    people = numbers(changed)
    return ground.places(people), _among(people, fresh.get(None) or BitMap())


def _among(people: Numbers, members: BitMap) -> Marks:
    """Who of the people is a member; for a handful numpy takes longer to begin than it takes to look."""
    if len(people) <= HANDFUL:
        return np.fromiter((person in members for person in people.tolist()), np.bool_, len(people))
    return np.isin(people, numbers(members))


@dataclass(frozen=True, slots=True)
class Sliced:
    """A set in buckets of which each person is in one: binary digits of the bucket's rank among all, ascending.

    ``zeros[k]`` are those whose k-th digit is 0, so that comparing with a bound takes one step a digit.
    """

    order: tuple[int, ...]
    zeros: tuple[Words, ...]
    present: Words

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes."""
        return self.present.nbytes * (1 + len(self.zeros))

    @classmethod
    def of(cls, ground: Ground, buckets: Buckets) -> "Sliced | None":
        """The set as the database keeps it; None when somebody is in two buckets."""
        held = {bucket: numbers(people) for bucket, people in buckets.items() if bucket is not None and people}
        order = tuple(sorted(held))
        sizes = [len(held[bucket]) for bucket in order]
        places = ground.places(np.concatenate([held[bucket] for bucket in order] or [np.empty(0, np.uint32)]))
        ranks, length = np.repeat(np.arange(len(order)), sizes), ground.words
        present = ground.pack(places, length)
        if count(present) != len(places):
            return None
        zeros = (
            ground.pack(places[(ranks >> digit) & 1 == 0], length) for digit in range((len(order) + ROOM).bit_length())
        )
        return cls(order, tuple(zeros), present)

    def between(self, first: int | None, last: int | None) -> Words:
        """Everyone of the buckets from ``first`` to ``last``, both included; None is without bound. A new array."""
        end = len(self.order) if last is None else bisect_right(self.order, last)
        begin = 0 if first is None else bisect_left(self.order, first)
        found = self._below(end)
        if begin > 0:
            low = self._below(begin)
            found |= low
            found ^= low
        return found

    def _below(self, rank: int) -> Words:
        if rank >= len(self.order):
            return self.present.copy()
        found = np.zeros_like(self.present)
        is_empty = True
        for digit, zeros in enumerate(self.zeros):
            if rank >> digit & 1:
                found |= zeros
                is_empty = False
            elif not is_empty:
                found &= zeros
        return found

    def mended(self, ground: Ground, changed: BitMap, fresh: Buckets) -> "Sliced | None":
        """The set with what is ``fresh`` about the changed people; None when it cannot be said in these digits."""
        order = self._longer([bucket for bucket, members in fresh.items() if bucket is not None and members])
        if order is None:
            return None
        people = numbers(changed)
        places, ranks, told = ground.places(people), np.zeros(len(people), np.int64), np.zeros(len(people), np.bool_)
        for bucket, members in fresh.items():
            inside = _among(people, members)
            if (told & inside).any():
                return None
            if bucket is not None:
                ranks[inside], told[inside] = bisect_left(order, bucket), True
        length = ground.words
        present = _written(self.present, length, places, told)
        zeros = tuple(
            _written(zeros, length, places, told & ((ranks >> digit) & 1 == 0))
            for digit, zeros in enumerate(self.zeros)
        )
        if present is self.present and all(one is before for one, before in zip(zeros, self.zeros, strict=True)):
            return self
        length = max(len(present), *map(len, zeros))
        return Sliced(order, tuple(fitted(one, length) for one in zeros), fitted(present, length))

    def _longer(self, buckets: list[int]) -> tuple[int, ...] | None:
        """The order with these buckets too, as long as new ones come last: a new day does."""
        new = sorted(set(buckets) - set(self.order))
        order = (*self.order, *new)
        if (new and self.order and new[0] < self.order[-1]) or len(order) >= 1 << len(self.zeros):
            return None
        return order


@dataclass(frozen=True, slots=True)
class Listed:
    """A set in buckets of which a person may be in several, as the database keeps it."""

    buckets: Buckets
    ground: Ground

    @property
    def size_bytes(self) -> int:
        """Bytes that it takes."""
        return sum(map(size_of, self.buckets.values()))

    def between(self, first: int | None, last: int | None) -> Words:
        """Everyone of the buckets from ``first`` to ``last``, both included; None is without bound. A new array."""
        inside = [
            people for bucket, people in self.buckets.items()
            if bucket is not None and (first is None or bucket >= first) and (last is None or bucket <= last)
        ]  # fmt: skip
        return self.ground.pack(self.ground.places(numbers(BitMap.union(BitMap(), *inside))))

    def mended(self, ground: Ground, changed: BitMap, fresh: Buckets) -> "Listed":
        """The set with what is ``fresh`` about the changed people."""
        return Listed(mended(self.buckets, changed, fresh), ground)


Set = Plain | Few | Sliced | Listed


def mended(stored: Buckets, changed: BitMap, fresh: Buckets) -> Buckets:
    """``stored`` with what is ``fresh`` about the changed people; the sets themselves stay as they are."""
    found = {bucket: members - changed if members.intersect(changed) else members for bucket, members in stored.items()}
    for bucket, members in fresh.items():
        if members:
            found[bucket] = found.get(bucket, BitMap()) | members
    return found


def size_of(people: BitMap) -> int:
    """Bytes that a roaring bitmap takes."""
    told = people.get_statistics()
    return 64 + told["n_bytes_array_containers"] + told["n_bytes_run_containers"] + told["n_bytes_bitset_containers"]
