"""The inbox, plain: what came in over webhooks, stored before it is answered, folded afterwards, gone when it is folded.

A row holds many: a group commit of channel events, or the reports of one call. Nothing in it names anybody: Kakao's ids
stand in it as blind indexes, messages by campaign, chunk and position. How rows come and go: docs/developers/receiving.md.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.channels.adapters.base import Reported
from majung.core import sql


class Kind(IntEnum):
    """What a row of the inbox holds."""

    FRIENDS = 1  # channel events, ``FRIEND`` records; source 0
    REPORTS = 2  # what a dealer told of messages, ``Told``; source: the account
    WAKES = 3  # what a dealer spoke of, one a line; source: the account


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, taken by this transaction."""

    seq: int
    kind: Kind
    source: int
    n: int
    body: bytes
    age_seconds: float


PUT: Final = sql.load("majung.channels", "inbox", "put")
"""Stores one row; parameters kind, source, n, body. The inlet runs it over its asynchronous connection."""

FRIEND = np.dtype(
    [("app", "<i8"), ("channel", "<i8"), ("at", "<i8"), ("state", "u1"), ("is_open_id", "?"), ("blind", "V16")]
)
"""One channel event; ``at`` in microseconds since 1970, ``state`` a FriendState, ``blind`` the id's blind index."""
pack_friend = struct.Struct("<qqqB?16s").pack

Friends = NDArray[np.void]


def friends(body: bytes) -> Friends:
    """The events of a row. Raises ValueError when it holds anything else."""
    return np.frombuffer(body, FRIEND)


_GROUP = struct.Struct("<qHII")  # campaign, bytes of the ref, runs, messages
_RUN = np.dtype([("chunk", "<i4"), ("n", "<i4")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told of messages of one group: chunk, position and outcome byte of each (``adapters.outcomes``)."""

    campaign: int
    group: str
    chunks: NDArray[np.int64]
    seqs: NDArray[np.int64]
    outcomes: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.chunks)

    def only(self, which: NDArray[np.bool_]) -> "Told":
        """Those messages alone."""
        return Told(
            campaign=self.campaign, group=self.group, chunks=self.chunks[which], seqs=self.seqs[which],
            outcomes=self.outcomes[which],
        )  # fmt: skip


def pack_told(told: Iterable[Told]) -> bytes:
    """Reports of one call: three bytes a message and eight more for each chunk that is spoken of."""
    parts = []
    for one in told:
        order = np.argsort(one.chunks, kind="stable")
        chunks = one.chunks[order]
        starts = np.flatnonzero(np.diff(chunks, prepend=-1))
        runs = np.empty(len(starts), _RUN)
        runs["chunk"], runs["n"] = chunks[starts], np.diff(starts, append=len(chunks))
        ref = one.group.encode()
        parts += [
            _GROUP.pack(one.campaign, len(ref), len(runs), len(chunks)), ref, runs.tobytes(),
            one.seqs[order].astype("<u2").tobytes(), one.outcomes[order].tobytes(),
        ]  # fmt: skip
    return b"".join(parts)


def told(body: bytes) -> list[Told]:
    """The reports of a row. Raises ValueError or struct.error when it holds anything else."""
    found, at = [], 0
    while at < len(body):
        campaign, size, n_runs, n = _GROUP.unpack_from(body, at)
        at += _GROUP.size
        group = body[at : at + size].decode()
        at += size
        runs = np.frombuffer(body, _RUN, n_runs, at)
        at += runs.nbytes
        seqs = np.frombuffer(body, "<u2", n, at)
        at += seqs.nbytes
        outcomes = np.frombuffer(body, np.uint8, n, at)
        at += n
        chunks = np.repeat(runs["chunk"].astype(np.int64), runs["n"])
        found.append(Told(campaign=campaign, group=group, chunks=chunks, seqs=seqs.astype(np.int64), outcomes=outcomes))
    return found


def halves(row: Row) -> list[tuple[int, bytes]]:
    """The items of a row as two rows, (n, body) each; nothing when there is but one."""
    if row.n < 2:
        return []
    if row.kind is Kind.FRIENDS:
        events = friends(row.body)
        parts = [events[: row.n // 2], events[row.n // 2 :]]
        return [(len(part), part.tobytes()) for part in parts]
    if row.kind is Kind.WAKES:
        groups = row.body.split(b"\n")
        cut = [groups[: row.n // 2], groups[row.n // 2 :]]
        return [(len(part), b"\n".join(part)) for part in cut]
    of = [
        (one, np.arange(len(one)) + sum(map(len, told(row.body)[:place]))) for place, one in enumerate(told(row.body))
    ]
    split = [[one.only(at < row.n // 2) for one, at in of], [one.only(at >= row.n // 2) for one, at in of]]
    return [(sum(map(len, part)), pack_told(one for one in part if len(one))) for part in split]


def pack_about(about: Sequence[Reported]) -> bytes:
    """What a dealer spoke of: reference and our key, printable both, a line each."""
    return "\n".join(f"{one.ref}\t{one.key}" for one in about).encode()


def about(body: bytes) -> list[Reported]:
    """What ``pack_about`` packed."""
    return [Reported(*line.split("\t")) for line in body.decode().split("\n") if line]


def take(connection: psycopg.Connection[Any], kind: Kind, most: int) -> list[Row]:
    """Up to ``most`` rows that nobody else has taken, oldest first; they are this transaction's."""
    rows = connection.execute(_sql("take"), {"kind": int(kind), "most": most}, binary=True)
    return [
        Row(seq=seq, kind=Kind(kind), source=source, n=n, body=body, age_seconds=age)
        for seq, kind, source, n, body, age in rows
    ]


def done(connection: psycopg.Connection[Any], rows: Sequence[Row]) -> None:
    """The rows are folded: gone when this transaction commits."""
    if rows:
        connection.execute(_sql("done"), {"seqs": [row.seq for row in rows]})


def put_back(connection: psycopg.Connection[Any], kind: Kind, source: int, n: int, body: bytes, seconds: float) -> None:
    """What came too early stands in the inbox again, due in ``seconds``."""
    facts = {"kind": int(kind), "source": source, "n": n, "body": body, "seconds": seconds}
    connection.execute(_sql("put_back"), facts)


def set_aside(connection: psycopg.Connection[Any], row: Row, problem: str) -> None:
    """A row that cannot be folded is kept, for somebody to look at, and stops nobody else."""
    connection.execute(_sql("set_aside"), {"seq": row.seq, "problem": problem[:300]})


def try_again(connection: psycopg.Connection[Any]) -> int:
    """What was set aside is due once more, as if it had just come; how many items that are."""
    return sum(n for (n,) in connection.execute(_sql("try_again")).fetchall())


def waiting(connection: psycopg.Connection[Any]) -> tuple[int, int, float]:
    """Items not folded yet, items set aside, and seconds since the oldest of the former came."""
    [(now, aside, seconds)] = connection.execute(_sql("waiting")).fetchall()
    return now, aside, seconds


def _sql(name: str) -> str:
    return sql.load("majung.channels", "inbox", name)
