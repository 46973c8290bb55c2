"""Judging again at the moment of hand-over: gates for all, and sets for those who changed since they were judged (C3, T3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from pyroaring import BitMap

from majung.core import clock
from majung.crowd import catalogue, registry
from majung.crowd.bits import bitmap
from majung.crowd.expression import Expression, Leaf, Range, leaves, resolve
from majung.delivery import lookup
from majung.delivery.ledger import Chunk, Connection, Dispatch, run
from majung.delivery.order import on_channel
from majung.policy import judge
from majung.policy.enums import Verdict
from majung.policy.judge import Gate
from majung.policy.occasion import Occasion
from majung.policy.rule import Rule

Step = tuple[Rule, Expression]
MOST_LOGS = 16
MOST_GATES = 256
SECOND = timedelta(seconds=1)
MOST_RULES = 2_000
"""Channels whose rules one process keeps worked out."""


def gate(found: Dispatch, channels: Iterable[int], now: datetime) -> Gate:
    """What holds for everybody now, on these channels: the first denial, else the deferral that ends last, else allowed."""
    stops = {stop.channel_id: stop for stop in found.stops}
    entities = {stops[c].entity_id: stops[c] for c in channels if c in stops}
    occasions = [on_channel(replace(found.occasion, at=now), stop) for stop in entities.values()]
    gates = [judge.gates(one) for one in occasions or [replace(found.occasion, at=now)]]
    closed = [one for one in gates if one.verdict is Verdict.DENY]
    waits = [one for one in gates if one.verdict is Verdict.DEFER]
    return closed[0] if closed else max(waits, key=lambda one: one.until or now, default=gates[0])


@dataclass(slots=True)
class Changed:
    """People changed since some watermark, by the family and subject of the change; None as people is everybody.

    ``is_lost``: a part of what changed is forgotten already, so anybody may have.
    """

    by_family: dict[str, dict[int | None, BitMap | None]] = field(default_factory=dict)
    is_lost: bool = False

    def __bool__(self) -> bool:
        """Whether anybody may have changed."""
        return self.is_lost or bool(self.by_family)

    def note(self, family: str, subject: int | None, people: Any) -> None:
        """One row of the change log."""
        of = self.by_family.setdefault(family, {})
        known = of.get(subject, BitMap())
        if people is None or known is None:
            of[subject] = None
        else:
            known.update(bitmap(np.asarray(people, np.uint32)))
            of[subject] = known

    def among(self, people: BitMap, rules: "Rules") -> BitMap:
        """Those of ``people`` whose membership in some set of ``rules`` may have changed."""
        if self.is_lost:
            return BitMap(people)
        hit = BitMap()
        for family in rules.families & self.by_family.keys():
            for subject, changed in self.by_family[family].items():
                if any(registry.get(leaf.family).is_touched(leaf.args, family, subject) for leaf in rules.leaves):
                    if changed is None:
                        return BitMap(people)
                    hit |= changed & people
        return hit


@dataclass(slots=True, kw_only=True)
class Log:
    """The change log since one watermark, read on from where it was read last: rows below ``cursor`` are all in."""

    cursor: int
    changed: Changed = field(default_factory=Changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The set rules of one channel on one Seoul date, in order; ``moving``: those that depend on the date."""

    steps: tuple[Step, ...]
    on_channel: tuple[Step, ...]
    leaves: frozenset[Leaf | Range]
    families: frozenset[str]
    moving: tuple[Step, ...]


class Bench:
    """The judge's bench of a process: rules are worked out once for a campaign (or its text), channel and date."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, bool, date], Rules] = {}
        self._everywhere: dict[tuple[int, date], list[_Worked]] = {}
        self._gates: dict[tuple[int, bool, frozenset[int], datetime], Gate] = {}

    def gate(self, found: Dispatch, channels: set[int], at: datetime) -> Gate:
        """``gate`` at both ends of the second that ``at`` is in; windows open and close with a second, so it holds in between."""
        second = at.replace(microsecond=0)
        entities = frozenset(stop.entity_id for stop in found.stops if stop.channel_id in channels)
        key = found.campaign_id, found.is_text_instead, entities, second
        if (known := self._gates.get(key)) is None:
            if len(self._gates) >= MOST_GATES:
                self._gates.clear()
            known = gate(found, channels, second)
            known = self._gates[key] = gate(found, channels, second + SECOND) if known.is_open else known
        return known

    def rules(self, found: Dispatch, channel_id: int, now: datetime) -> Rules:
        """The rules that hold for people on a channel now."""
        key = found.campaign_id, channel_id, found.is_text_instead, clock.seoul(now).date()
        if key not in self._known:
            if len(self._known) >= MOST_RULES:
                self._known.clear()
                self._everywhere.clear()
            self._known[key] = self._work_out(found, channel_id, now)
        return self._known[key]

    def _work_out(self, found: Dispatch, channel_id: int, now: datetime) -> Rules:
        catalogue.load()
        today = clock.seoul(now).date()
        occasion = replace(found.occasion, at=now, fallback_of=channel_id if found.is_text_instead else None)
        stop = next((stop for stop in found.stops if stop.channel_id == channel_id), None)
        here = [] if stop is None else _worked(judge.channel_denials(on_channel(occasion, stop)), today)
        if found.is_text_instead:
            everywhere = _of_everybody(occasion, today)
        else:
            # The same for all channels, of which a campaign may have hundreds.
            key = found.campaign_id, today
            if key not in self._everywhere:
                self._everywhere[key] = _of_everybody(occasion, today)
            everywhere = self._everywhere[key]
        all_of = sorted([*everywhere, *here], key=lambda worked: worked.step[0].order)
        return Rules(
            steps=tuple(worked.step for worked in all_of),
            on_channel=tuple(worked.step for worked in sorted(here, key=lambda worked: worked.step[0].order)),
            leaves=frozenset().union(*(worked.leaves for worked in all_of)),
            families=frozenset().union(*(worked.families for worked in all_of)),
            moving=tuple(worked.step for worked in all_of if any(isinstance(leaf, Range) for leaf in worked.leaves)),
        )


@dataclass(frozen=True, slots=True)
class _Worked:
    """A rule with the base sets it asks for, and the families of changes that can touch them."""

    step: Step
    leaves: frozenset[Leaf | Range]
    families: frozenset[str]


def _of_everybody(occasion: Occasion, today: date) -> list[_Worked]:
    return _worked([step for step in judge.person_denials(occasion) if not step[0].is_reserved], today)


def _worked(steps: Iterable[Step], today: date) -> list[_Worked]:
    found = []
    for step in steps:
        asked = frozenset(leaves(resolve(step[1], today)))
        families = frozenset(family for leaf in asked for family in registry.get(leaf.family).changes)
        found.append(_Worked(step, asked, families))
    return found


Logs = dict[tuple[int, int], Log]


def drops(
    connection: Connection, bench: Bench, logs: Logs, found: Dispatch, chunks: list[Chunk], now: datetime
) -> dict[int, dict[str, BitMap]]:
    """By chunk number: whom a rule denies now who was allowed when the chunk was made, each with the first reason.

    Looked at are those whom the change log names, and, when another Seoul day has begun, everyone under rules that
    depend on the day. ``logs`` keeps what was read of the change log for the next call.
    """
    today = clock.seoul(now).date()
    is_other_day = today != clock.seoul(found.occasion.at).date()
    changed = {mark: _changed(connection, logs, found, mark) for mark in {chunk.watermark for chunk in chunks}}
    dropped: dict[int, dict[str, BitMap]] = {}
    if not is_other_day and not any(changed.values()):
        return dropped
    rules = {chunk.channel_id: bench.rules(found, chunk.channel_id, now) for chunk in chunks}
    for chunk in chunks:
        here, waiting = rules[chunk.channel_id], BitMap(chunk.people[chunk.waiting])
        asked = changed[chunk.watermark].among(waiting, here)
        if is_other_day:
            asked |= BitMap.union(BitMap(), *_denied(connection, found, here.moving, waiting, today).values())
        if asked:
            dropped[chunk.chunk_no] = _denied(connection, found, here.steps, asked, today)
    return dropped


def closed_to_texts(found: Dispatch, chunks: list[Chunk], now: datetime) -> dict[int, Gate]:
    """By chunk number, why no text of it may go any more: denied now, or for certain when the present wait is over (as on the
    next day); chunks that are open or only have to wait are not in it.
    """
    closed: dict[date, Gate] = {}
    days = {chunk.chunk_no: clock.seoul(chunk.parent_at or now).date() for chunk in chunks}
    for chunk in chunks:
        if (day := days[chunk.chunk_no]) not in closed:
            occasion = replace(found.occasion, at=now, fallback_of=chunk.channel_id, fallback_since=chunk.parent_at)
            gate = judge.gates(occasion)
            if gate.verdict is Verdict.DEFER and gate.until is not None:
                gate = judge.gates(replace(occasion, at=gate.until))
            closed[day] = gate
    return {number: closed[day] for number, day in days.items() if closed[day].verdict is Verdict.DENY}


def drops_of_texts(
    connection: Connection, bench: Bench, found: Dispatch, chunks: list[Chunk], now: datetime
) -> dict[int, dict[str, BitMap]]:
    """As ``drops``, of texts in the stead of messages. Nobody of them was judged for a text before, so everybody is asked for;
    where a gate is closed, all are left out with its reason instead of holding up the campaign.
    """
    waiting = {chunk.chunk_no: BitMap(chunk.people[chunk.waiting]) for chunk in chunks}
    everybody = BitMap.union(BitMap(), *waiting.values())
    sets = lookup.Sets(lookup.by_sql(connection, found.root_id, everybody), clock.seoul(now).date())
    closed = closed_to_texts(found, chunks, now)
    rules = {chunk.channel_id: bench.rules(found, chunk.channel_id, now) for chunk in chunks}
    sets.prefetch(dict.fromkeys(expression for known in rules.values() for _, expression in known.steps))
    return {
        chunk.chunk_no: {closed[chunk.chunk_no].code: waiting[chunk.chunk_no]}
        if chunk.chunk_no in closed
        else _reasons(sets, rules[chunk.channel_id].steps, waiting[chunk.chunk_no])
        for chunk in chunks
    }


def _changed(connection: Connection, logs: Logs, found: Dispatch, watermark: int) -> Changed:
    """Everything that changed since the watermark, read on from where the log ends."""
    if len(logs) > MOST_LOGS:
        logs.clear()
    log = logs.setdefault((found.campaign_id, watermark), Log(cursor=watermark))
    facts = {
        "root": found.root_id,
        "watermark": str(log.cursor),
        "first": str(watermark),
        "campaign": found.campaign_id,
    }
    first, *rows = run(connection, "changes", **facts).fetchall()
    for *_, family, subject, people in rows:
        log.changed.note(family, subject, people)
    log.cursor, log.changed.is_lost = int(first[0]), first[1]
    return log.changed


def _denied(
    connection: Connection, found: Dispatch, steps: Iterable[Step], asked: BitMap, today: date
) -> dict[str, BitMap]:
    sets = lookup.Sets(lookup.by_sql(connection, found.root_id, asked), today)
    sets.prefetch(expression for _, expression in steps)
    return _reasons(sets, steps, asked)


def _reasons(sets: lookup.Sets, steps: Iterable[Step], asked: BitMap) -> dict[str, BitMap]:
    """Of ``asked``, whom a rule denies, each with the first."""
    rest = BitMap(asked)
    by_reason: dict[str, BitMap] = {}
    for rule, expression in steps:
        if hit := sets.within(expression, rest):
            by_reason[rule.code] = by_reason.get(rule.code, BitMap()) | hit
            rest -= hit
    return by_reason
