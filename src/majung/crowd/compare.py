"""Stored bitmaps held against their SQL by night: what differs is mended for everybody, recorded and told. Plain."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from pyroaring import BitMap

from majung.core import clock, sql
from majung.crowd import bitmaps, catalogue, registry
from majung.crowd.bits import Buckets

log = logging.getLogger(__name__)

MOST_SECONDS: Final = 1800.0
"""How long a night's comparing goes on; what is left comes first the night after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Whom a stored bitmap lacked, and whom it had too many of."""

    root: int
    key: str
    lacking: BitMap
    surplus: BitMap


def compare(connection: psycopg.Connection[Any], *, most_seconds: float = MOST_SECONDS) -> list[Difference]:
    """Every stored bitmap is what its SQL says, the longest not compared first, as far as the time goes. What differed.

    For a connection that is in no transaction.
    """
    catalogue.load()
    end = time.monotonic() + most_seconds
    found: list[Difference] = []
    for root, name in psycopg.Cursor(connection).execute(_sql("due")).fetchall():
        if time.monotonic() > end:
            break
        key = registry.of_key(name)
        if key is not None:
            found += _compare(connection, root, name, key)
    return found


def _compare(connection: psycopg.Connection[Any], root: int, name: str, key: bitmaps.Key) -> Iterator[Difference]:
    with connection.transaction():
        # Both sides as of one moment.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        stored = bitmaps.load(connection, root, [key], may_store=False)[key]
        [(watermark, truth)] = bitmaps.ask(connection, root, [(bitmaps.leaf_of(key), None)])
    lacking, surplus = _beyond(truth, stored), _beyond(stored, truth)
    facts = {"root": root, "key": name, "at": clock.now()}
    cursor = psycopg.Cursor(connection)
    with connection.transaction():
        if lacking or surplus:
            people = f"{{{','.join(map(str, lacking | surplus))}}}"
            told = {"lacking": len(lacking), "surplus": len(surplus)}
            cursor.execute(_sql("discard"), facts)
            cursor.execute(
                _sql("record"), {**facts, **told, "people": people, "families": [registry.get(key[0]).changes[0]]}
            )
            log.warning("a stored bitmap differed from its tables", extra={"root": root, "set": name, **told})
        bitmaps.store(connection, root, key, truth, watermark)
        cursor.execute(_sql("compared"), facts)
    if lacking or surplus:
        yield Difference(root=root, key=name, lacking=lacking, surplus=surplus)


def _beyond(one: Buckets, other: Buckets) -> BitMap:
    """Who is in some bucket of ``one`` and not in the same of ``other``."""
    return BitMap.union(BitMap(), *(people - other.get(bucket, BitMap()) for bucket, people in one.items()))


def _sql(name: str) -> str:
    return sql.load("majung.crowd", "compare", name)
