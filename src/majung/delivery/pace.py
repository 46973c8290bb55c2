"""Pace: how many messages a minute may leave through an account, a channel and for a legal entity (M5). Plain.

What is known stands in ``pace`` and binds all workers on all hosts alike: the operator's own limit, the dealer's declared
one, and what was learned from its answers. A busy or broken dealer (429, 5xx, no answer, slow answers) halves the pace of
that account; it comes back by itself, evenly, in ten minutes. Nothing is written while all is well and nothing is limited.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

from majung.core import sql

Connection = psycopg.Connection[Any]
Key = tuple[str, int]
"""Kind (account, channel, entity) and number."""

SLOWEST: Final = 3_000.0
"""Messages a minute: no trouble makes it slower. What leaves of a small campaign says nothing of what the dealer can take."""
RECOVERY_SECONDS: Final = 600.0
"""From nothing back to the pace of before; what was halved once is back in half the time."""
HALF, SLOWER = 0.5, 0.75
SLOW_SECONDS: Final = 5.0
"""A dealer that takes longer for one answer is slow."""
TROUBLE_SECONDS: Final = 1.0
"""Troubles of one second are one: all slots meet the same refusal at once."""
CLAIM_SECONDS: Final = 1.0
"""A claim takes what may leave in so long, but always a chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A pace after trouble: ``rate`` at the instant ``at`` (seconds), coming back to ``before``. Messages a minute."""

    rate: float
    before: float
    at: float

    def now(self, at: float) -> float | None:
        """The pace at an instant; None when it is what it was before."""
        rate = self.rate + self.before * max(at - self.at, 0.0) / RECOVERY_SECONDS
        return rate if rate < self.before else None


def slowed(known: Learned | None, at: float, *, observed: float, factor: float) -> Learned | None:
    """What is learned from a trouble. ``observed``: messages a minute that left before it, when nothing was learned yet.

    None when nothing had left: there is no pace to be halved, and the rest that follows a trouble is enough.
    """
    current = known.now(at) if known is not None else None
    if known is None or current is None:
        if not observed:
            return None
        before = max(observed, SLOWEST)
        return Learned(rate=max(SLOWEST, before * factor), before=before, at=at)
    if at - known.at < TROUBLE_SECONDS:
        return known
    return Learned(rate=max(SLOWEST, current * factor), before=known.before, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What is known of one account, channel or entity; instants in seconds, rates in messages a minute."""

    kind: str
    ref: int
    per_minute: int | None
    declared: int | None
    learned: Learned | None
    free_at: float
    weight: int = 1
    trouble: str = ""

    @property
    def key(self) -> Key:
        """Kind and number."""
        return self.kind, self.ref

    def rate(self, at: float) -> float | None:
        """The smallest of all that binds; None is without limit."""
        learned = self.learned.now(at) if self.learned else None
        return min((one for one in (self.per_minute, self.declared, learned) if one), default=None)


Ready = tuple[int, int, int]
"""A chunk that may be claimed: its number, its people, its channel."""


def fitting(ready: Sequence[Ready], everywhere: Sequence[Key], paces: Mapping[Key, Pace], at: float) -> list[Ready]:
    """Those of ``ready`` that may leave now: of whoever is limited what a second allows, but a whole chunk at least.

    ``everywhere`` are account and entity, which every chunk needs. Nothing of whoever is not free yet.
    """
    used = dict.fromkeys(paces, 0)
    taken = []
    for number, people, channel in ready:
        keys = [key for key in (*everywhere, ("channel", channel)) if key in paces]
        if all(_has_room(paces[key], used[key], people, at) for key in keys):
            taken.append((number, people, channel))
            for key in keys:
                used[key] += people
    return taken


def _has_room(pace: Pace, used: int, more: int, at: float) -> bool:
    if pace.free_at > at:
        return False
    rate = pace.rate(at)
    return rate is None or not used or used + more <= rate * CLAIM_SECONDS / 60


def costs(taken: Iterable[Ready], everywhere: Sequence[Key], paces: Mapping[Key, Pace], at: float) -> dict[Key, float]:
    """For how many seconds each limited one has spent its pace."""
    used: dict[Key, int] = {}
    for _, people, channel in taken:
        for key in (*everywhere, ("channel", channel)):
            used[key] = used.get(key, 0) + people
    return {key: n * 60 / rate for key, n in used.items() if key in paces and (rate := paces[key].rate(at)) is not None}


def read(connection: Connection, campaign: int, channels: Iterable[int]) -> tuple[dict[Key, Pace], float]:
    """What limits a campaign, locked until the transaction ends, and the database's instant."""
    rows = _run(connection, "paced", campaign=campaign, channels=sorted(set(channels)))
    paces = [_pace(*row[:8]) for row in rows]
    return {pace.key: pace for pace in paces}, max((row[8] for row in rows), default=0.0)


def charge(connection: Connection, seconds: Mapping[Key, float]) -> None:
    """Nothing more leaves through these for so long."""
    if seconds:
        kinds, refs = [kind for kind, _ in seconds], [ref for _, ref in seconds]
        _run(connection, "charge", kinds=kinds, refs=refs, seconds=list(seconds.values()))


def trouble(
    connection: Connection, root: int, account: int, why: str, *, now: datetime, rest: float = 0.0, factor: float = HALF
) -> None:
    """The account is slower from now on, and rests for so many seconds. ``why`` is a Korean sentence for screens."""
    with connection.transaction():
        [(rate, before, changed_at, at)] = _run(connection, "known", account=account, root=root)
        known = None if rate is None else Learned(rate=rate, before=before, at=changed_at)
        [(observed,)] = _run(connection, "observed", account=account, now=now) if known is None else [(0.0,)]
        after = slowed(known, at, observed=observed, factor=factor)
        facts = {"rate": None, "before": None, "changed": None} if after is None else {
            "rate": after.rate, "before": after.before, "changed": after.at,
        }  # fmt: skip
        _run(connection, "learn", account=account, at=at, trouble=why, rest=max(rest, 0.0), **facts)


def declare(connection: Connection, root: int, account: int, per_minute: int) -> None:
    """The dealer's own limit of an account is known."""
    _run(connection, "declare", root=root, account=account, declared=per_minute)


def set_pace(connection: Connection, root: int, key: Key, *, per_minute: int | None, weight: int = 1) -> None:
    """The operator's own limit (None: none) and, of a unit, its shares."""
    _run(connection, "set", root=root, kind=key[0], ref=key[1], per_minute=per_minute, weight=weight)


def of_root(connection: Connection, root: int) -> tuple[dict[Key, Pace], float]:
    """All that is known in an organisation, and the database's instant."""
    rows = _run(connection, "of_root", root=root)
    paces = [_pace(*row[:8], weight=row[9], trouble=row[10]) for row in rows]
    return {pace.key: pace for pace in paces}, max((row[8] for row in rows), default=0.0)


def smallest(connection: Connection, account: int, entity: int, channels: Iterable[int]) -> int | None:
    """The smallest limit that binds an order; its chunks must not be larger."""
    [(found,)] = _run(connection, "smallest", account=account, entity=entity, channels=list(channels))
    return None if found is None else int(found)


def _pace(
    kind: str, ref: int, per_minute: int | None, declared: int | None, learned: float | None, before: float | None,
    changed_at: float | None, free_at: float, *, weight: int = 1, trouble: str = "",
) -> Pace:  # fmt: skip
    known = None
    if learned is not None and before is not None and changed_at is not None:
        known = Learned(rate=learned, before=before, at=changed_at)
    return Pace(
        kind=kind, ref=ref, per_minute=per_minute, declared=declared, learned=known, free_at=free_at, weight=weight,
        trouble=trouble,
    )  # fmt: skip


def _run(connection: Connection, name: str, **facts: Any) -> list[tuple[Any, ...]]:
    done = psycopg.Cursor(connection).execute(sql.load("majung.delivery", "pace", name).encode(), facts, binary=True)
    return done.fetchall() if done.description else []
