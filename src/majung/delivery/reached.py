"""Folding: when a campaign has ended, the days of its people go into ``reached_day``, 512 people a row (M2). Plain."""

from typing import Any

import numpy as np
import psycopg

from majung.core import sql
from majung.crowd.bitmaps import numbers
from majung.delivery.outcomes import ACCEPTED, DELIVERED

BLOCK = 512
"""People of one row; ``delivery.sets`` and sql/reached.sql say the same."""
MOST = 20
"""Campaigns of one round."""

_REACHED = np.array([byte in (ACCEPTED, DELIVERED) for byte in range(256)])


def _run(connection: psycopg.Connection[Any], name: str, **facts: Any) -> list[tuple[Any, ...]]:
    cursor = psycopg.Cursor(connection).execute(
        sql.load("majung.delivery", "reached", name).encode(), facts, binary=True
    )
    return cursor.fetchall() if cursor.description else []


def fold_ended(connection: psycopg.Connection[Any]) -> int:
    """Fold campaigns that have ended, some at a time, each in a transaction of its own. Returns how many were folded."""
    ended = [campaign for (campaign,) in _run(connection, "ended", most=MOST)]
    return sum(fold(connection, campaign) for campaign in ended)


def fold(connection: psycopg.Connection[Any], campaign: int) -> bool:
    """The days of an ended campaign stand in ``reached_day`` and it is no longer read from its chunks.

    Nobody's membership changes, so nothing is noted. False: not ended, or folded before.
    """
    with connection.transaction():
        _run(connection, "one_at_a_time", campaign=campaign)
        taken = _run(connection, "take", campaign=campaign)
        if not taken:
            return False
        [(root,)] = taken
        people, days = _last_days(_run(connection, "chunks", campaign=campaign))
        blocks, rows = np.unique(people // BLOCK, return_inverse=True)
        kept = np.zeros((len(blocks), BLOCK), ">u2")
        position = {int(block): row for row, block in enumerate(blocks)}
        for block, before in _run(connection, "days", root=root, blocks=list(position)):
            kept[position[block]] = np.frombuffer(before, ">u2")
        np.maximum.at(kept, (rows, people % BLOCK), days)
        facts = {"blocks": list(position), "days": [row.tobytes() for row in kept]}
        _run(connection, "keep", root=root, **facts)
    return True


def _last_days(chunks: list[tuple[Any, ...]]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Everyone whom these chunks reached, and the day of each."""
    people, days = [np.empty(0, np.int64)], [np.empty(0, np.uint16)]
    for day, packed, outcome in chunks:
        reached = numbers(packed)[_REACHED[np.frombuffer(outcome, np.uint8)]]
        people.append(reached.astype(np.int64))
        days.append(np.full(len(reached), day, np.uint16))
    return np.concatenate(people), np.concatenate(days)
