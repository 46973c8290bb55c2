"""Stored bitmaps: read with the change log of the same moment, mended for the people named there, stored back, and kept."""

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import psycopg
from pyroaring import BitMap

from majung.core import sql
from majung.crowd import catalogue, kept, registry
from majung.crowd.compiler import Compiler
from majung.crowd.expression import Ago, Leaf, Range
from majung.crowd.kept import Buckets, Kept
from majung.crowd.registry import Argument

Key = tuple[str, tuple[Argument, ...]]
Sets = dict[Key, Kept]
Numbers = np.ndarray[Any, np.dtype[np.uint32]]

# From about here on, asking for the people one by one costs more than reading the whole set (measured at a million).
REBUILD_FROM: Final = 20_000
# Fewer mended people than this are not worth a write; the next evaluation mends them again.
STORE_FROM: Final = 200
KEEP_CHANGES: Final = 100_000

_HEAD = struct.Struct("<qI")
_NO_BUCKET: Final = -(2**63)


@dataclass(slots=True)
class _Set:
    """One base set on its way from what is known to what is true now."""

    key: Key
    known: Kept | None = None
    changed: BitMap = field(default_factory=BitMap)
    changes: int = 0
    rebuild: bool = False

    @property
    def leaf(self) -> Leaf | Range:
        family, args = self.key
        return Range(family, args) if registry.get(family).buckets else Leaf(family, args)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """When sets were read: a transaction below ``watermark`` is over; changes below ``horizon`` are forgotten.

    ``is_current``: the statement saw what was committed when it began. ``has_written``: its transaction changed something
    that may yet be rolled back.
    """

    watermark: int
    horizon: int
    is_current: bool
    is_writable: bool
    has_written: bool
    epoch: str


def load(connection: psycopg.Connection[Any], root: int, keys: Iterable[Key], *, may_store: bool = True) -> Sets:
    """The base sets as of now: what this process or the database keeps, and all visible changes.

    Off, ``may_store`` leaves what was mended unstored (two that store the same set would wait for each other), and nothing is
    taken from what this process keeps: all is of the transaction's own snapshot.
    """
    store = kept.of(connection) if may_store else None
    wanted = {registry.get(family).key(args): _Set((family, args)) for family, args in keys}
    families = sorted({change for one in wanted.values() for change in registry.get(one.key[0]).changes})
    if store is not None:
        for name, one in wanted.items():
            one.known = store.get((root, name))
    moment = _read(connection, root, wanted, families)
    if store is not None and not _is_good(moment, store, wanted.values()):
        store.begin(moment.epoch)
        for one in wanted.values():
            one.known = None
        moment = _read(connection, root, wanted, families)
    stale = [one for one in wanted.values() if one.rebuild or one.changed]
    for one, (at, fresh) in zip(stale, _evaluate(connection, root, stale), strict=True):
        if one.rebuild or one.known is None:
            one.known = Kept.of(fresh, at)
        else:
            one.known = Kept.of(_mended(one.known.buckets, one.changed, fresh), moment.watermark)
        if may_store and moment.is_writable and (one.rebuild or max(len(one.changed), one.changes) >= STORE_FROM):
            _store(connection, root, one.key, one.known)
    found: Sets = {}
    for name, one in wanted.items():
        known = one.known or Kept.of({}, 0)
        if not (one.rebuild or one.changed):
            known = replace(known, watermark=moment.watermark)
        if store is not None and moment.is_current and not moment.has_written:
            store.put((root, name), known)
        found[one.key] = known
    return found


def of_leaf(known: Kept, leaf: Leaf | Range) -> BitMap:
    """The people of a resolved leaf or range. Not to be changed."""
    if not isinstance(leaf, Range):
        return known.people
    if isinstance(leaf.first, Ago) or isinstance(leaf.last, Ago):
        raise TypeError("a moving bound must be resolved first")
    return known.between(leaf.first, leaf.last)


def _is_good(moment: _Moment, store: kept.Store, wanted: Collection[_Set]) -> bool:
    """Whether what this process keeps may be used: same database, a fresh snapshot, and no change forgotten since."""
    known = [one.known.watermark for one in wanted if one.known is not None]
    return moment.epoch == store.epoch and (not known or (moment.is_current and min(known) >= moment.horizon))


def _read(connection: psycopg.Connection[Any], root: int, wanted: Mapping[str, _Set], families: list[str]) -> _Moment:
    """What is stored of the sets that are not known yet, and what changed since for all of them; answers the moment."""
    known = [one.known.watermark for one in wanted.values() if one.known is not None]
    done = psycopg.Cursor(connection).execute(
        sql.load("majung.crowd", "bitmaps", "read"),
        {
            "root": root, "keys": [name for name, one in wanted.items() if one.known is None], "families": families,
            "since": str(min(known)) if known else None,
        },
        binary=True,
    )  # fmt: skip
    moments: list[_Moment] = []
    log: list[tuple[str, int | None, BitMap | None, int]] = []
    for what, text, packed, subject, people, xid, flags in _cells(done):
        name, number = (text or b"").decode(), int(xid or 0)
        if what == b"now":
            moments.append(_moment(number, name, flags or b""))
        elif what == b"bitmap":
            wanted[name].known = Kept.of(unpack(packed or b""), number)
        else:
            about = None if subject is None else int.from_bytes(subject, "big", signed=True)
            log.append((name, about, None if people is None else BitMap(numbers(people)), number))
    for one in wanted.values():
        one.rebuild = one.known is None
        if one.known is None or not log:
            continue
        declared = registry.get(one.key[0])
        for family, about, named, number in log:
            if number >= one.known.watermark and declared.is_touched(one.key[1], family, about):
                one.changes += 1
                one.rebuild = one.rebuild or named is None
                one.changed |= named or BitMap()
        one.rebuild = one.rebuild or len(one.changed) > REBUILD_FROM
    return moments[0]


def _moment(watermark: int, told: str, flags: bytes) -> _Moment:
    horizon, epoch = told.split(" ", 1)
    is_current, is_writable, has_written = (flag == ord("t") for flag in flags)
    return _Moment(
        watermark=watermark, horizon=int(horizon), is_current=is_current, is_writable=is_current and is_writable,
        has_written=has_written, epoch=epoch,
    )  # fmt: skip


def _evaluate(connection: psycopg.Connection[Any], root: int, stale: list[_Set]) -> list[tuple[int, Buckets]]:
    """Each set by its SQL in one snapshot, whole or for its changed people, with that snapshot's watermark."""
    compiler = Compiler(root)
    asked = [
        (compiler.base(one.leaf, None if one.rebuild else one.changed), isinstance(one.leaf, Range)) for one in stale
    ]
    return select(connection, asked, compiler.params)


def select(
    connection: psycopg.Connection[Any], asked: list[tuple[str, bool]], params: Mapping[str, Any]
) -> list[tuple[int, Buckets]]:
    """What each SELECT finds, all in one statement, hence one snapshot: its watermark, and people by bucket.

    A SELECT has the column person_id, and a second one, the bucket, when its flag says so.
    """
    if not asked:
        return []
    parts = []
    for index, (text, is_bucketed) in enumerate(asked):
        columns, bucket = (
            ("person_id, bucket", "array_agg(b.bucket::int4)") if is_bucketed else ("person_id", "NULL::int4[]")
        )
        parts.append(
            f"SELECT {index}::int4, pg_snapshot_xmin(pg_current_snapshot())::text, array_agg(b.person_id::int4), {bucket}"
            f" FROM ({text}) AS b({columns})"
        )
    done = psycopg.Cursor(connection).execute(" UNION ALL ".join(parts).encode(), params, binary=True)
    found: list[tuple[int, Buckets]] = [(0, {})] * len(asked)
    for position, xid, people, buckets in _cells(done):
        index, members = int.from_bytes(position or b"", "big"), numbers(people)
        whole: Buckets = {None: BitMap(members)}
        found[index] = int(xid or 0), _split(members, numbers(buckets).view(np.int32)) if asked[index][1] else whole
    return found


def _cells(cursor: psycopg.Cursor[Any]) -> Iterator[tuple[bytes | None, ...]]:
    """The rows of a binary result as they came: arrays of a million are not made into Python numbers."""
    result = cursor.pgresult
    if result is not None:
        for row in range(result.ntuples):
            yield tuple(result.get_value(row, column) for column in range(result.nfields))


def _split(members: Numbers, buckets: np.ndarray[Any, np.dtype[np.int32]]) -> Buckets:
    if not len(members):
        return {}
    order = np.argsort(buckets, kind="stable")
    members, buckets = members[order], buckets[order]
    values, starts = np.unique(buckets, return_index=True)
    return {int(value): BitMap(part) for value, part in zip(values, np.split(members, starts[1:]), strict=True)}


def numbers(array: bytes | None) -> Numbers:
    """The values of a binary ``int4[]`` without nulls: after a head of 20 bytes, each is 4 bytes of length and 4 of value."""
    if not array or len(array) <= 12:
        return np.empty(0, np.uint32)
    return np.frombuffer(array, ">u4", offset=20)[1::2].astype(np.uint32)


def _mended(stored: Buckets, changed: BitMap, fresh: Buckets) -> Buckets:
    """``stored`` with what is ``fresh`` about the changed people; the sets themselves stay as they are."""
    mended = {
        bucket: members - changed if members.intersect(changed) else members for bucket, members in stored.items()
    }
    for bucket, members in fresh.items():
        if members:
            mended[bucket] = mended.get(bucket, BitMap()) | members
    return mended


def _store(connection: psycopg.Connection[Any], root: int, key: Key, known: Kept) -> None:
    psycopg.Cursor(connection).execute(
        sql.load("majung.crowd", "bitmaps", "store"),
        {
            "root": root,
            "key": registry.get(key[0]).key(key[1]),
            "bitmap": pack(known.buckets),
            "watermark": str(known.watermark),
            "n": sum(len(members) for members in known.buckets.values()),
        },
    )


def pack(buckets: Buckets) -> bytes:
    """Buckets as bytes: for each, its number (the lowest 64-bit one for None), the length, and the roaring bitmap."""
    parts = []
    for bucket, members in sorted(buckets.items(), key=lambda item: _NO_BUCKET if item[0] is None else item[0]):
        if members or bucket is None:
            members.run_optimize()
            body = members.serialize()
            parts += [_HEAD.pack(_NO_BUCKET if bucket is None else bucket, len(body)), body]
    return b"".join(parts)


def unpack(packed: bytes) -> Buckets:
    """The buckets that ``pack`` made."""
    buckets: Buckets = {}
    at = 0
    while at < len(packed):
        bucket, length = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        buckets[None if bucket == _NO_BUCKET else bucket] = BitMap.deserialize(packed[at : at + length])
        at += length
    return buckets


def forget(connection: psycopg.Connection[Any], keep: int = KEEP_CHANGES) -> int:
    """Drop what no stored bitmap needs any more, and bitmaps more than ``keep`` changes behind. Returns the changes removed."""
    catalogue.load()
    held = "".join(f" UNION ALL {rows}" for rows in registry.holders())
    text = sql.load("majung.crowd", "bitmaps", "forget").replace("/*holders*/", held)
    return psycopg.Cursor(connection).execute(text.encode(), {"keep": keep}).rowcount
