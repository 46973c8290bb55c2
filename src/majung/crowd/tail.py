"""What this process has read of a root's change log so far, as a list that only grows at its end. Plain.

A position is the length of the list at some moment: whoever has taken in all before it knows every change that was visible
then. A change may be listed twice; it says who *may* have changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import psycopg
from pyroaring import BitMap

from majung.core import sql
from majung.crowd import registry

MOST: Final = 4096
"""Changes listed; a set that has been away for longer is read from the database again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the log. ``people`` None: too many to name."""

    seq: int
    xid: int
    family: str
    subject: int | None
    people: BitMap | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the log: of transactions from ``since`` on (None: at none), and the moment it was taken at.

    ``is_common``: the statement saw what was committed when it began, and nothing of its own transaction.
    """

    since: int | None
    watermark: int
    horizon: int
    epoch: str
    is_common: bool
    changes: Sequence[Change]


class Tail:
    """The latest changes of one root."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._listed: list[Change] = []
        self._first = 0
        self.since: int | None = None
        """Every change of a transaction below it has been listed, or came before the list began."""
        self._seen: dict[int, int] = {}

    def read(self, connection: psycopg.Connection[Any], root: int) -> Reading:
        """What the log says now."""
        with self._lock:
            since, seen = self.since, list(self._seen)
        done = sql.prepared(
            connection,
            sql.load("majung.crowd", "tail", "read"),
            {
                "root": root, "families": f"{{{','.join(registry.families())}}}", "seen": f"{{{','.join(map(str, seen))}}}",
                "since": None if since is None else str(since),
            },
        )  # fmt: skip
        now, *rows = done.fetchall()
        horizon, epoch = now[2].split(" ", 1)
        changes = [
            Change(seq, int(xid), family, subject, None if people is None else BitMap(people))
            for xid, seq, family, subject, people in rows
        ]
        return Reading(since, int(now[0]), int(horizon), epoch, now[3] == 1, changes)

    def take(self, reading: Reading) -> int | None:
        """The list has the reading's changes; answers the position after it. None: read again, the list began meanwhile.

        Changes that were forgotten before they were read make every earlier position worthless: ``after`` says so.
        """
        with self._lock:
            if self.since is None:
                self.since = reading.watermark
            elif reading.since is None:
                return None
            elif reading.horizon > self.since:
                self._first += len(self._listed) + 1
                self._listed, self._seen, self.since = [], {}, max(self.since, reading.watermark)
            since = self.since
            # What lies below has been listed by another thread, whose reading was younger.
            new = [one for one in reading.changes if one.xid >= since and one.seq not in self._seen]
            self._listed += new
            self.since = since = max(since, reading.watermark)
            # An older transaction is still running, so that these will be asked for again.
            self._seen |= {one.seq: one.xid for one in new}
            self._seen = {seq: xid for seq, xid in self._seen.items() if xid >= since} if self._seen else {}
            if len(self._listed) > MOST:
                self._first += len(self._listed) - MOST // 2
                self._listed = self._listed[-MOST // 2 :]
            return self._first + len(self._listed)

    def after(self, position: int) -> Iterable[Change] | None:
        """The changes since; None when some of them are no longer listed."""
        with self._lock:
            return self._listed[position - self._first :] if position >= self._first else None
