"""Whether what was lent still holds, without Django: the dispatcher asks before every hand-over (T3, in flight)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import psycopg

from majung.core import sql


def chain(connection: psycopg.Connection[Any], grant_id: int) -> list[int]:
    """The grant and those it was lent from, the nearest first, the owner's last. Empty for an unknown number."""
    rows = connection.execute(sql.load("majung.tree", "live", "chain"), {"grant": grant_id}).fetchall()
    return [row[0] for row in rows]


def chain_in_force(connection: psycopg.Connection[Any], grant_id: int, at: datetime) -> bool:
    """Whether the grant holds at ``at`` all the way up to an owner's, at a unit that works, for a key that lives."""
    [(holds,)] = connection.execute(
        sql.load("majung.tree", "live", "chain_in_force"), {"grant": grant_id, "at": at}
    ).fetchall()
    return bool(holds)


def may_send(
    connection: psycopg.Connection[Any], unit_id: int, *, grant_id: int | None, scope_id: int, at: datetime
) -> bool:
    """``unit_works``, and ``chain_in_force`` where there is a grant, in one question."""
    chain, works = (sql.load("majung.tree", "live", name).rstrip("; \n") for name in ("chain_in_force", "unit_works"))
    facts = {"unit": unit_id, "grant": grant_id, "scope": scope_id, "at": at}
    asked = f"SELECT (%(grant)s::bigint IS NULL OR ({chain})) AND ({works})"
    [(may,)] = connection.execute(asked.encode(), facts).fetchall()
    return bool(may)


class Obstacle(StrEnum):
    """What keeps somebody from sending."""

    RESTS = "rests"
    MOVED = "moved"
    REVOKED = "revoked"
    ENDED = "ended"
    NOT_BEGUN = "not_begun"
    NOBODY = "nobody"
    """A grant was given, and nobody holds it yet."""
    KEY = "key"


def stands_in_the_way(
    connection: psycopg.Connection[Any], unit_id: int, *, grant_id: int | None, scope_id: int, at: datetime
) -> tuple[Obstacle, str] | None:
    """The first thing for which ``may_send`` is false, and the name of its unit (of a key: its label); None when it is true."""
    facts = {"unit": unit_id, "grant": grant_id, "scope": scope_id, "at": at}
    rows = connection.execute(sql.load("majung.tree", "live", "stands_in_the_way"), facts).fetchall()
    return (Obstacle(rows[0][0]), rows[0][1]) if rows else None


def unit_works(
    connection: psycopg.Connection[Any], unit_id: int, *, grant_id: int | None = None, scope_id: int | None = None
) -> bool:
    """Whether the unit and every unit above it is active; with a grant, whether unit and scope still lie where it reaches."""
    facts = {"unit": unit_id, "grant": grant_id, "scope": unit_id if scope_id is None else scope_id}
    [(works,)] = connection.execute(sql.load("majung.tree", "live", "unit_works"), facts).fetchall()
    return bool(works)
