"""Which request was handed over: kept as a keyed hash, and a copy held against it (M9, docs/decisions/0046). Plain."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import psycopg

from majung.core import sql
from majung.core.sealing import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A chunk whose request was the one asked for: its people, the dealer's (or our) name of the request, and when it left."""

    chunk_no: int
    people: int
    group_ref: str
    handed_at: datetime


def request_hash(sealer: Sealer, root: int, body: bytes) -> bytes:
    """What is kept of a request's body, as it went over the wire: 16 bytes that only this installation's key can make."""
    return sealer.blind(root, "request", sha256(body).hexdigest())


def handed_with(connection: psycopg.Connection[Any], sealer: Sealer, campaign: int, body: bytes) -> list[Handed]:
    """The chunks of a campaign that were handed over with exactly this body; none when it is not one of its requests.

    Raises LookupError for a campaign without a dispatch.
    """
    [(root,)] = _asked(connection, "root_of", campaign=campaign) or [(None,)]
    if root is None:
        raise LookupError(f"campaign {campaign} has no dispatch")
    rows = _asked(connection, "with_hash", campaign=campaign, hash=request_hash(sealer, root, body))
    return [
        Handed(chunk_no=chunk, people=people, group_ref=ref, handed_at=at.astimezone())
        for chunk, people, ref, at in rows
    ]


def hashed(connection: psycopg.Connection[Any], campaign: int) -> tuple[int, int]:
    """Of the chunks that have left: how many carry a hash, and how many there are. Whose answer got lost has none."""
    [(with_hash, left)] = _asked(connection, "hashed", campaign=campaign)
    return with_hash, left


def _asked(connection: psycopg.Connection[Any], name: str, **values: object) -> list[tuple[Any, ...]]:
    return psycopg.Cursor(connection).execute(sql.load("majung.delivery", "evidence", name).encode(), values).fetchall()
