"""The stream without Django: one statement to write an entry, one to read those after a cursor."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from majung.core import sql


class Cursor(NamedTuple):
    """A place in the stream, in the order in which transactions began; compares as it reads."""

    xid: int
    seq: int


START = Cursor(0, 0)
LAST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened, as readers get it."""

    cursor: Cursor
    root_id: int
    at: datetime
    actor_kind: str
    actor_id: int | None
    kind: str
    unit_id: int | None
    person_id: int | None
    object_kind: str
    object_id: int | None
    facts: Mapping[str, Any]
    people: Sequence[int] | None


def append(
    connection: psycopg.Connection[Any],
    *,
    root_id: int,
    at: datetime,
    actor_kind: str,
    actor_id: int | None,
    kind: str,
    unit_id: int | None = None,
    person_id: int | None = None,
    object_kind: str = "",
    object_id: int | None = None,
    facts: Mapping[str, Any] | None = None,
    people: Sequence[int] | None = None,
) -> int:
    """The entry is part of the connection's transaction. Returns its number. ``facts``: ids and plain values only."""
    [(seq,)] = connection.execute(
        sql.load("majung.activity", "stream", "append"),
        {
            "root": root_id,
            "at": at,
            "actor_kind": actor_kind,
            "actor_id": actor_id,
            "kind": kind,
            "unit": unit_id,
            "person": person_id,
            "object_kind": object_kind,
            "object": object_id,
            "facts": json.dumps(facts or {}, ensure_ascii=False, default=str),
            "people": None if people is None else list(people),
        },
    ).fetchall()
    return int(seq)


def horizon(connection: psycopg.Connection[Any]) -> Cursor:
    """The place up to which the stream is complete now: no later commit can still write before it."""
    [(xid,)] = connection.execute(sql.load("majung.activity", "stream", "horizon")).fetchall()
    return Cursor(xid - 1, LAST)


def read_since(
    connection: psycopg.Connection[Any], cursor: Cursor, *, limit: int = 1000, kinds: Sequence[str] | None = None
) -> list[Entry]:
    """At most ``limit`` entries after ``cursor`` in order, none of which a later commit can still precede."""
    rows = connection.execute(
        sql.load("majung.activity", "stream", "read_since"),
        {"xid": str(cursor.xid), "seq": cursor.seq, "limit": limit, "kinds": None if kinds is None else list(kinds)},
    ).fetchall()
    return [
        Entry(
            cursor=Cursor(row[0], row[1]),
            root_id=row[2],
            at=row[3],
            actor_kind=row[4],
            actor_id=row[5],
            kind=row[6],
            unit_id=row[7],
            person_id=row[8],
            object_kind=row[9],
            object_id=row[10],
            facts=json.loads(row[11]),
            people=row[12],
        )
        for row in rows
    ]
