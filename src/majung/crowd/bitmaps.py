"""Stored bitmaps: read with the change log of the same moment, mended for the people named there, and stored back."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import psycopg
from pyroaring import BitMap

from majung.core import sql
from majung.crowd import catalogue, registry
from majung.crowd.compiler import Compiler
from majung.crowd.expression import Leaf, Range
from majung.crowd.registry import Argument

Key = tuple[str, tuple[Argument, ...]]
Buckets = dict[int | None, BitMap]
Sets = dict[Key, Buckets]
Numbers = np.ndarray[Any, np.dtype[np.uint32]]

# From about here on, asking for the people one by one costs more than reading the whole set (bench/crowd.py).
REBUILD_FROM: Final = 20_000
# Fewer mended people than this are not worth a write; the next evaluation mends them again.
STORE_FROM: Final = 200
KEEP_CHANGES: Final = 100_000

_HEAD = struct.Struct("<qI")
_NO_BUCKET: Final = -(2**63)


@dataclass(slots=True)
class _Set:
    """One base set on its way from what is stored to what is true now."""

    key: Key
    stored: Buckets | None = None
    watermark: int = 0
    changed: BitMap = field(default_factory=BitMap)
    changes: int = 0
    rebuild: bool = False

    @property
    def leaf(self) -> Leaf | Range:
        family, args = self.key
        return Range(family, args) if registry.get(family).buckets else Leaf(family, args)


def load(connection: psycopg.Connection[Any], root: int, keys: Iterable[Key], *, may_store: bool = True) -> Sets:
    """The base sets as of now, by bucket (one bucket, None, for sets without): stored bitmaps plus all visible changes.

    Off, ``may_store`` leaves what was mended unstored: two that store the same set would wait for each other.
    """
    wanted = {registry.get(family).key(args): _Set((family, args)) for family, args in keys}
    families = {change for one in wanted.values() for change in registry.get(one.key[0]).changes}
    now, is_writable = _read(connection, root, wanted, sorted(families))
    may_store = may_store and is_writable
    stale = [one for one in wanted.values() if one.rebuild or one.changed]
    for one, (at, fresh) in zip(stale, _evaluate(connection, root, stale), strict=True):
        if one.rebuild or one.stored is None:
            one.stored, one.watermark = fresh, at
        else:
            _mend(one.stored, one.changed, fresh)
            one.watermark = now
        if may_store and (one.rebuild or len(one.changed) >= STORE_FROM or one.changes >= STORE_FROM):
            _store(connection, root, one)
    return {one.key: one.stored or {} for one in wanted.values()}


def _read(
    connection: psycopg.Connection[Any], root: int, wanted: Mapping[str, _Set], families: list[str]
) -> tuple[int, bool]:
    """Fill ``wanted`` with what is stored and what changed; answers the moment's watermark and whether to store."""
    now, may_store = 0, False
    log: list[tuple[str, int | None, BitMap | None, int]] = []
    rows = psycopg.Cursor(connection).execute(
        sql.load("majung.crowd", "bitmaps", "read"),
        {"root": root, "keys": list(wanted), "families": families},
        binary=True,
    )
    for what, name, packed, subject, people, xid, may in _cells(rows):
        number = int(xid or 0)
        if what == b"now":
            now, may_store = number, may == b"\x01"
        elif what == b"bitmap" and name is not None:
            one = wanted[name.decode()]
            one.stored, one.watermark = unpack(packed or b""), number
        elif name is not None:
            about = None if subject is None else int.from_bytes(subject, "big", signed=True)
            log.append((name.decode(), about, None if people is None else BitMap(numbers(people)), number))
    for one in wanted.values():
        if one.stored is None:
            one.rebuild = True
            continue
        declared = registry.get(one.key[0])
        for family, about, named, number in log:
            if number >= one.watermark and declared.is_touched(one.key[1], family, about):
                one.changes += 1
                one.rebuild = one.rebuild or named is None
                one.changed |= named or BitMap()
        one.rebuild = one.rebuild or len(one.changed) > REBUILD_FROM
    return now, may_store


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


def _mend(stored: Buckets, changed: BitMap, fresh: Buckets) -> None:
    for members in stored.values():
        members -= changed
    for bucket, members in fresh.items():
        stored[bucket] = stored.get(bucket, BitMap()) | members


def _store(connection: psycopg.Connection[Any], root: int, one: _Set) -> None:
    buckets = one.stored or {}
    psycopg.Cursor(connection).execute(
        sql.load("majung.crowd", "bitmaps", "store"),
        {
            "root": root,
            "key": registry.get(one.key[0]).key(one.key[1]),
            "bitmap": pack(buckets),
            "watermark": str(one.watermark),
            "n": sum(len(members) for members in buckets.values()),
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
    kept = "".join(f" UNION ALL {rows}" for rows in registry.holders())
    text = sql.load("majung.crowd", "bitmaps", "forget").replace("/*holders*/", kept)
    return psycopg.Cursor(connection).execute(text.encode(), {"keep": keep}).rowcount
