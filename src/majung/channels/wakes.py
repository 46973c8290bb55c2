"""Baskets to look at because a dealer reported about them, plain. A report is a hint: only the look moves anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from majung.core import sql


def note(connection: psycopg.Connection[Any], baskets: Sequence[tuple[int, str]], at: datetime) -> None:
    """These (account, group) wait to be looked at; ``LISTEN majung_wake`` hears of it after the commit."""
    if not baskets:
        return
    facts = {"accounts": [account for account, _ in baskets], "groups": [group for _, group in baskets], "at": at}
    connection.execute(sql.load("majung.channels", "wakes", "note"), facts)


def take(connection: psycopg.Connection[Any], limit: int = 1000) -> list[tuple[int, str]]:
    """Up to ``limit`` waiting (account, group), oldest first; they are gone when this transaction commits."""
    return connection.execute(sql.load("majung.channels", "wakes", "take"), {"limit": limit}).fetchall()
