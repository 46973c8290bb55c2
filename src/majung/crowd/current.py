"""Base sets as they are now, from what this process keeps: one look at the change log, and only what it names is asked anew.

Kept sets are used and made only in a transaction that sees what is committed and has written nothing itself, so that they
are everybody's. A cold set comes from ``bitmaps.load``, whose snapshot is younger than the look at the log.
"""

from collections.abc import Iterable
from typing import Any

import psycopg
from pyroaring import BitMap

from majung.crowd import bitmaps, bits, kept, registry
from majung.crowd.bitmaps import REBUILD_FROM, Key
from majung.crowd.kept import Kept, Store
from majung.crowd.tail import Change

Sets = dict[Key, bits.Set]


def load(connection: psycopg.Connection[Any], root: int, keys: Iterable[Key]) -> tuple[Store, Sets] | None:
    """These base sets as of now. None where nothing kept may be used: with uncommitted rows, or an older snapshot."""
    store = kept.of(connection)
    position = None
    while position is None:
        reading = store.tail(root).read(connection, root)
        if not reading.is_common:
            return None
        if reading.epoch == store.epoch:
            position = store.tail(root).take(reading)
        else:
            store = kept.of(connection, reading.epoch)
    found: Sets = {}
    cold: list[Key] = []
    stale: list[tuple[Key, Kept, BitMap]] = []
    for key in keys:
        held: Kept | None = store.get((root, key))
        changes = store.tail(root).after(held.position) if held is not None else None
        if held is None or changes is None or (changed := _touched(key, changes)) is None:
            cold.append(key)
        elif changed:
            stale.append((key, held, changed))
        else:
            held.position = max(held.position, position)
            found[key] = held.set
    mended = _mended(connection, root, store.ground(root), stale)
    for (key, _, _), one in zip(stale, mended, strict=True):
        if one is None:
            cold.append(key)
        else:
            found[key] = one
            store.put((root, key), Kept(one, position))
    if cold:
        for key, buckets in bitmaps.load(connection, root, cold).items():
            found[key] = _of(store.ground(root), key, buckets)
            store.put((root, key), Kept(found[key], position))
    return store, found


def _touched(key: Key, changes: Iterable[Change]) -> BitMap | None:
    """Who may have come into the set or left it; None when that cannot be named, or are too many to be asked one by one."""
    declared, changed = registry.get(key[0]), BitMap()
    for one in changes:
        if declared.is_touched(key[1], one.family, one.subject):
            if one.people is None:
                return None
            changed |= one.people
    return changed if len(changed) <= REBUILD_FROM else None


def _mended(
    connection: psycopg.Connection[Any], root: int, ground: bits.Ground, stale: list[tuple[Key, Kept, BitMap]]
) -> Iterable[bits.Set | None]:
    """The stale sets with what is true now of the changed people."""
    fresh = bitmaps.ask_each(connection, root, [(bitmaps.leaf_of(key), changed) for key, _, changed in stale])
    for (_, held, changed), buckets in zip(stale, fresh, strict=True):
        yield held.set.mended(ground, changed, buckets)


def _of(ground: bits.Ground, key: Key, buckets: bits.Buckets) -> bits.Set:
    if not registry.get(key[0]).buckets:
        return bits.plain(ground, ground.places(bits.numbers(buckets.get(None) or BitMap())))
    return bits.Sliced.of(ground, buckets) or bits.Listed(buckets, ground)
