"""What happens in one run, drawn from its seed: kills, the named point, faults of the messenger, clocks that jump. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Way(StrEnum):
    """How a campaign is sent: by basket, so with a text instead, or by requests that send at once, of two kinds."""

    BASKET = "basket"
    INSTEAD = "instead"
    ALIM = "alim"
    BRAND = "brand"


WAYS = {Way.BASKET: 8, Way.INSTEAD: 2, Way.ALIM: 1, Way.BRAND: 1}
"""How often of twelve."""
SENDERS = 2
TARGETS = {"sender": 40, "ingest": 17, "folder": 8, "web": 10, "server": 13, "backend": 12}
"""Who is killed at random moments, and how often of a hundred: ``server`` is all of PostgreSQL, ``backend`` one connection."""
MOST_KILLS = 4
LAST_KILL_SECONDS = 3.5
LONGEST_ABSENCE_SECONDS = 0.6
JUMP, FURTHEST_JUMP_SECONDS = 0.3, 400
"""How likely a process comes back with another clock, and how far off; dealers refuse signatures that are 900 s off."""
HIDDEN = 0.12
AFTER_HAND_OVER = "after_hand_over"
"""Where a group has left and the ledger does not know it yet: the only moment at which a hidden record can hurt."""
LEASE_SECONDS = 2.0
"""A sender's hold on what it claims. Longer in an installation, where dealers and machines are slower."""
LATE_MS = 2600
"""When an answer comes that outlasts the lease."""
LOST_ENDPOINTS = ("groups.create", "groups.put", "groups.send")
SENT_AT_ONCE = "nhn.send"
AT_ONCE = frozenset({Way.ALIM, Way.BRAND})
MAY_BE_HIDDEN = frozenset({Way.BASKET, Way.ALIM})
"""Ways whose dealer is believed when it denies a record. Where a "no" proves nothing, nobody is sent to again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Somebody is killed ``at`` seconds after sending began and comes back after ``absent`` seconds, its clock off by ``jump``."""

    at: float
    target: str
    which: int
    absent: float
    jump: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run. ``faults`` are the sandbox's words; ``later`` are changes of its settings, by second."""

    seed: int
    way: Way
    point: str
    hidden: bool
    faults: Mapping[str, Any]
    report_delay: float
    later: tuple[tuple[float, Mapping[str, Any]], ...]
    sandbox_jump: tuple[float, int] | None
    kills: tuple[Kill, ...]


def drawn(seed: int, points: Mapping[Way, Sequence[str]]) -> Plan:
    """The plan of a seed; the same for the same ``points`` of each way."""
    dice = random.Random(seed)  # noqa: S311  dice, not secrets
    hidden = dice.random() < HIDDEN
    [way] = dice.choices(list(WAYS), list(WAYS.values()))
    if hidden and way not in MAY_BE_HIDDEN:
        way = Way.BASKET
    point = AFTER_HAND_OVER if hidden else dice.choice(sorted(points[way]))
    kills = sorted((_kill(dice) for _ in range(dice.randint(1, MOST_KILLS))), key=lambda kill: kill.at)
    slow = round(dice.uniform(0.03, 0.15), 2)
    later: list[tuple[float, Mapping[str, Any]]] = []
    if dice.random() < 0.5:  # what is sent later is reported earlier
        later.append((round(dice.uniform(0.3, 2.0), 2), {"report_delay_seconds": 0.02}))
    jump = (round(dice.uniform(0.2, 3.0), 2), dice.randint(-FURTHEST_JUMP_SECONDS, FURTHEST_JUMP_SECONDS))
    return Plan(
        seed=seed, way=way, point=point, hidden=hidden, faults=_faults(dice, way, hidden), report_delay=slow,
        later=tuple(later), sandbox_jump=jump if dice.random() < JUMP else None, kills=tuple(kills),
    )  # fmt: skip


def _kill(dice: random.Random) -> Kill:
    [target] = dice.choices(list(TARGETS), list(TARGETS.values()))
    jump = dice.randint(-FURTHEST_JUMP_SECONDS, FURTHEST_JUMP_SECONDS) if dice.random() < JUMP else 0
    return Kill(
        at=round(dice.uniform(0.1, LAST_KILL_SECONDS), 2), target=target, which=dice.randrange(SENDERS),
        absent=round(dice.uniform(0, LONGEST_ABSENCE_SECONDS), 2), jump=jump,
    )  # fmt: skip


def _faults(dice: random.Random, way: Way, hidden: bool) -> dict[str, Any]:
    """Answers that get lost, come when the lease is over, errors, slowness, reports that come twice. Slow enough that kills meet a
    campaign under way.
    """
    before, after = dice.randint(3, 12), dice.randint(0, 8)
    faults: dict[str, Any] = {
        "delay_before_ms": {"*": before},
        "delay_after_ms": {"groups.put": after, "groups.send": after * 3, SENT_AT_ONCE: after * 3},
        "duplicate_webhooks": dice.random() < 0.5, "seed": dice.getrandbits(32),
    }  # fmt: skip
    if dice.random() < 0.6:
        endpoints = (SENT_AT_ONCE,) if way in AT_ONCE else LOST_ENDPOINTS
        faults |= {
            "drop_next": dice.randint(1, 5),
            "drop_endpoints": dice.sample(endpoints, dice.randint(1, len(endpoints))),
        }
    if dice.random() < 0.6:
        faults |= {"error_next": dice.randint(1, 8), "error_status": dice.choice((429, 500, 502, 503))}
    if dice.random() < 0.3:
        sends = SENT_AT_ONCE if way in AT_ONCE else "groups.send"
        faults |= {"late_next": dice.randint(1, 3), "late_ms": LATE_MS, "late_endpoints": [sends]}
    return faults if not hidden else _gentle(faults) | {"hide_next": 1}


def _gentle(faults: Mapping[str, Any]) -> dict[str, Any]:
    """Without lost or late answers and errors: in a run with a hidden record every repeat must come from that record alone."""
    return {name: value for name, value in faults.items() if not name.startswith(("drop", "late", "error"))}
