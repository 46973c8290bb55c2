"""Baskets and requests to look at because a dealer reported about them, plain. A report is a hint: only the look moves anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from majung.channels.adapters.base import Reported
from majung.core import sql


class Wake(NamedTuple):
    """Something to look at. ``ref``: what the dealer calls it, where ``group`` is our own request key."""

    account_id: int
    group: str
    ref: str


def note(connection: psycopg.Connection[Any], told: Sequence[tuple[int, Reported]], at: datetime) -> None:
    """What these (account, report) speak of waits to be looked at; ``LISTEN majung_wake`` hears of it after the commit."""
    rows = [Wake(account, one.ref, "") for account, one in told]
    rows += [Wake(account, one.key, one.ref) for account, one in told if one.key]
    if rows:
        accounts, groups, refs = map(list, zip(*rows, strict=True))
        facts = {"accounts": accounts, "groups": groups, "refs": refs, "at": at}
        connection.execute(sql.load("majung.channels", "wakes", "note"), facts)


def take(connection: psycopg.Connection[Any], limit: int = 1000) -> list[Wake]:
    """Up to ``limit`` waiting, oldest first; they are gone when this transaction commits."""
    rows = connection.execute(sql.load("majung.channels", "wakes", "take"), {"limit": limit}).fetchall()
    return [Wake(*row) for row in rows]
