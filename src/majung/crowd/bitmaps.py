"""Stored bitmaps: read with the change log of the same moment, mended for the people named there, and stored back."""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import psycopg
from pyroaring import BitMap

from majung.core import sql
from majung.crowd import catalogue, registry
from majung.crowd.bits import Buckets, bitmap, mended
from majung.crowd.compiler import Compiler
from majung.crowd.expression import Ago, Leaf, Range
from majung.crowd.registry import Argument

Key = tuple[str, tuple[Argument, ...]]
Sets = dict[Key, Buckets]
Numbers = np.ndarray[Any, np.dtype[np.uint32]]

# From about here on, asking for the people one by one costs more than reading the whole set (measured at a million).
REBUILD_FROM: Final = 20_000
# Fewer mended people than this are not worth a write; the next evaluation mends them again.
STORE_FROM: Final = 200
# Planning a few look-ups takes longer than doing them; with many people the plan is worth being made for them.
PREPARE_UP_TO: Final = 500
KEEP_CHANGES: Final = 100_000

_HEAD = struct.Struct("<qI")
_NO_BUCKET: Final = -(2**63)


@dataclass(slots=True)
class _Set:
    """One base set on its way from what is stored to what is true now: as it stood for every transaction below the watermark."""

    key: Key
    buckets: Buckets | None = None
    watermark: int = 0
    changed: BitMap = field(default_factory=BitMap)
    changes: int = 0
    rebuild: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """When sets were read: a transaction below ``watermark`` is over. ``may_store``: in a transaction that may write without
    a conflict that would cost the caller his.
    """

    watermark: int
    may_store: bool


def load(connection: psycopg.Connection[Any], root: int, keys: Iterable[Key], *, may_store: bool = True) -> Sets:
    """The base sets as of now: what is stored, and all visible changes. Not to be changed.

    Off, ``may_store`` leaves what was mended unstored: two that store the same set would wait for each other.
    """
    wanted = {registry.get(family).key(args): _Set((family, args)) for family, args in keys}
    moment = _read(connection, root, wanted)
    stale = [one for one in wanted.values() if one.rebuild or one.changed]
    asked = [(leaf_of(one.key), None if one.rebuild else one.changed) for one in stale]
    for one, (at, fresh) in zip(stale, ask(connection, root, asked), strict=True):
        if one.rebuild or one.buckets is None:
            one.buckets, one.watermark = fresh, at
        else:
            one.buckets, one.watermark = mended(one.buckets, one.changed, fresh), moment.watermark
        if may_store and moment.may_store and (one.rebuild or max(len(one.changed), one.changes) >= STORE_FROM):
            store(connection, root, one.key, one.buckets, one.watermark)
    return {one.key: one.buckets or {} for one in wanted.values()}


def leaf_of(key: Key) -> Leaf | Range:
    """The whole of a base set."""
    family, args = key
    return Range(family, args) if registry.get(family).buckets else Leaf(family, args)


def of_leaf(buckets: Buckets, leaf: Leaf | Range) -> BitMap:
    """The people of a resolved leaf or range. Not to be changed."""
    if not isinstance(leaf, Range):
        return buckets.get(None) or BitMap()
    first, last = leaf.first, leaf.last
    if isinstance(first, Ago) or isinstance(last, Ago):
        raise TypeError("a moving bound must be resolved first")
    inside = [
        people for bucket, people in buckets.items()
        if bucket is not None and (first is None or bucket >= first) and (last is None or bucket <= last)
    ]  # fmt: skip
    return BitMap.union(*inside) if inside else BitMap()


def _read(connection: psycopg.Connection[Any], root: int, wanted: Mapping[str, _Set]) -> _Moment:
    """What is stored of the sets, and what changed since; answers the moment."""
    families = sorted({change for one in wanted.values() for change in registry.get(one.key[0]).changes})
    done = psycopg.Cursor(connection).execute(
        sql.load("majung.crowd", "bitmaps", "read"),
        {"root": root, "keys": list(wanted), "families": families},
        binary=True,
    )
    moments: list[_Moment] = []
    log: list[tuple[str, int | None, BitMap | None, int]] = []
    for what, text, packed, subject, people, xid in _cells(done):
        name, number = (text or b"").decode(), int(xid or 0)
        if what == b"now":
            moments.append(_Moment(watermark=number, may_store=name == "t"))
        elif what == b"bitmap":
            wanted[name].buckets, wanted[name].watermark = unpack(packed or b""), number
        else:
            about = None if subject is None else int.from_bytes(subject, "big", signed=True)
            log.append((name, about, None if people is None else bitmap(numbers(people)), number))
    for one in wanted.values():
        one.rebuild = one.buckets is None
        if one.rebuild or not log:
            continue
        declared = registry.get(one.key[0])
        for family, about, named, number in log:
            if number >= one.watermark and declared.is_touched(one.key[1], family, about):
                one.changes += 1
                one.rebuild = one.rebuild or named is None
                one.changed |= named or BitMap()
        one.rebuild = one.rebuild or len(one.changed) > REBUILD_FROM
    return moments[0]


def ask(
    connection: psycopg.Connection[Any], root: int, asked: Sequence[tuple[Leaf | Range, BitMap | None]]
) -> list[tuple[int, Buckets]]:
    """Each set by its SQL in one snapshot, whole or for some people, with that snapshot's watermark."""
    compiler = Compiler(root)
    texts = [(compiler.base(leaf, people), isinstance(leaf, Range)) for leaf, people in asked]
    return select(connection, texts, compiler.params)


def ask_each(
    connection: psycopg.Connection[Any], root: int, asked: Sequence[tuple[Leaf | Range, BitMap]]
) -> list[Buckets]:
    """Each set for some people, as it was at some moment since the call: a prepared statement a family, all sent at once."""
    if not asked:
        return []
    with connection.pipeline() if len(asked) > 1 else nullcontext():
        done = []
        for leaf, people in asked:
            compiler = Compiler(root)
            text = _rows(0, compiler.base(leaf, people), isinstance(leaf, Range))
            # With many people a plan is worth being made for them.
            run = sql.prepared if len(people) <= PREPARE_UP_TO else sql.planned
            done.append(run(connection, text, compiler.params, binary=True))
    found = []
    for (leaf, _), cursor in zip(asked, done, strict=True):
        [(_, _, members, buckets)] = _cells(cursor)
        found.append(_buckets(members, buckets, is_bucketed=isinstance(leaf, Range)))
    return found


def select(
    connection: psycopg.Connection[Any], asked: list[tuple[str, bool]], params: Mapping[str, Any]
) -> list[tuple[int, Buckets]]:
    """What each SELECT finds, all in one statement, hence one snapshot: its watermark, and people by bucket.

    A SELECT has the column person_id, and a second one, the bucket, when its flag says so.
    """
    if not asked:
        return []
    text = " UNION ALL ".join(_rows(index, text, is_bucketed) for index, (text, is_bucketed) in enumerate(asked))
    found: list[tuple[int, Buckets]] = [(0, {})] * len(asked)
    for position, xid, people, buckets in _cells(sql.planned(connection, text, params, binary=True)):
        index = int.from_bytes(position or b"", "big")
        found[index] = int(xid or 0), _buckets(people, buckets, is_bucketed=asked[index][1])
    return found


def _rows(index: int, text: str, is_bucketed: bool) -> str:
    """One row of what a SELECT finds: its index, the watermark, and two arrays."""
    columns, bucket = (
        ("person_id, bucket", "array_agg(b.bucket::int4)") if is_bucketed else ("person_id", "NULL::int4[]")
    )
    return (
        f"SELECT {index}::int4, pg_snapshot_xmin(pg_current_snapshot())::text, array_agg(b.person_id::int4), {bucket}"
        f" FROM ({text}) AS b({columns})"
    )


def _buckets(people: bytes | None, buckets: bytes | None, *, is_bucketed: bool) -> Buckets:
    members = numbers(people)
    return _split(members, numbers(buckets).view(np.int32)) if is_bucketed else {None: bitmap(members)}


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
    return {int(value): bitmap(part) for value, part in zip(values, np.split(members, starts[1:]), strict=True)}


def numbers(array: bytes | None) -> Numbers:
    """The values of a binary ``int4[]`` without nulls: after a head of 20 bytes, each is 4 bytes of length and 4 of value."""
    if not array or len(array) <= 12:
        return np.empty(0, np.uint32)
    return np.frombuffer(array, ">u4", offset=20)[1::2].astype(np.uint32)


def store(connection: psycopg.Connection[Any], root: int, key: Key, buckets: Buckets, watermark: int) -> None:
    """The set is stored as it stood for every transaction below the watermark, unless a younger one is, or somebody is at it."""
    psycopg.Cursor(connection).execute(
        sql.load("majung.crowd", "bitmaps", "store"),
        {
            "root": root,
            "key": registry.get(key[0]).key(key[1]),
            "bitmap": pack(buckets),
            "watermark": str(watermark),
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
    held = "".join(f" UNION ALL {rows}" for rows in registry.holders())
    text = sql.load("majung.crowd", "bitmaps", "forget").replace("/*holders*/", held)
    return psycopg.Cursor(connection).execute(text.encode(), {"keep": keep}).rowcount
