"""Whether what was lent still holds, without Django: the dispatcher asks before every hand-over (T3, in flight)."""

from datetime import datetime
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


def unit_works(connection: psycopg.Connection[Any], unit_id: int) -> bool:
    """Whether the unit and every unit above it is active."""
    [(works,)] = connection.execute(sql.load("majung.tree", "live", "unit_works"), {"unit": unit_id}).fetchall()
    return bool(works)
