"""Judging again at the moment of hand-over: gates for all, and sets for those who changed since they were judged (C3, T3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
from pyroaring import BitMap

from majung.core import clock
from majung.crowd import catalogue, registry
from majung.crowd.expression import Expression, Range, leaves, resolve
from majung.delivery import lookup
from majung.delivery.ledger import Chunk, Connection, Dispatch, run
from majung.delivery.order import on_channel
from majung.delivery.route import Stop
from majung.policy import judge
from majung.policy.enums import Verdict
from majung.policy.judge import Gate
from majung.policy.rule import Rule

Step = tuple[Rule, Expression]


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
    """People changed since some watermark, by the family and subject of the change; None as people is everybody."""

    by_family: dict[str, dict[int | None, BitMap | None]] = field(default_factory=dict)

    def note(self, family: str, subject: int | None, people: Any) -> None:
        """One row of the change log."""
        of = self.by_family.setdefault(family, {})
        known = of.get(subject, BitMap())
        if people is None or known is None:
            of[subject] = None
        else:
            known.update(BitMap(np.asarray(people, dtype=np.uint32)))
            of[subject] = known

    def among(self, people: BitMap, steps: Iterable[Step], today: date) -> BitMap:
        """Those of ``people`` whose membership in some set of ``steps`` may have changed."""
        hit = BitMap()
        for leaf in {leaf for _, expression in steps for leaf in leaves(resolve(expression, today))}:
            declared = registry.get(leaf.family)
            for family in declared.changes:
                of = self.by_family.get(family)
                if not of:
                    continue
                for subject, changed in of.items():
                    if declared.is_touched(leaf.args, family, subject):
                        if changed is None:
                            return BitMap(people)
                        hit |= changed & people
        return hit


def steps_on(found: Dispatch, channel_id: int, now: datetime) -> list[Step]:
    """Every set rule that holds for people on a channel now, in the order of the rules."""
    persons = judge.person_denials(replace(found.occasion, at=now))
    stop = next((stop for stop in found.stops if stop.channel_id == channel_id), None)
    steps = persons if stop is None else [*persons, *on_stop(found, stop, now)]
    return sorted(steps, key=lambda step: step[0].order)


def on_stop(found: Dispatch, stop: Stop, now: datetime) -> list[Step]:
    """The set rules of one channel, in order."""
    occasion = on_channel(replace(found.occasion, at=now), stop)
    return sorted(judge.channel_denials(occasion), key=lambda step: step[0].order)


def drops(connection: Connection, found: Dispatch, chunks: list[Chunk], now: datetime) -> dict[int, dict[str, BitMap]]:
    """By chunk number: whom a rule denies now who was allowed when the chunk was made, each with the first reason.

    Looked at are those whom the change log names, and, when another Seoul day has begun, everyone under rules that
    depend on the day.
    """
    catalogue.load()
    today = clock.seoul(now).date()
    is_other_day = today != clock.seoul(found.occasion.at).date()
    steps = {channel: steps_on(found, channel, now) for channel in {chunk.channel_id for chunk in chunks}}
    families = _families((step for some in steps.values() for step in some), today)
    logs = {mark: _changed(connection, found, mark, families) for mark in {chunk.watermark for chunk in chunks}}
    dropped = {}
    for chunk in chunks:
        here, waiting = steps[chunk.channel_id], BitMap(chunk.people[chunk.waiting])
        asked = logs[chunk.watermark].among(waiting, here, today)
        if is_other_day:
            moving = [step for step in here if any(isinstance(leaf, Range) for leaf in leaves(resolve(step[1], today)))]
            asked |= BitMap.union(BitMap(), *_denied(connection, found, moving, waiting, today).values())
        if asked:
            dropped[chunk.chunk_no] = _denied(connection, found, here, asked, today)
    return dropped


def _families(steps: Iterable[Step], today: date) -> list[str]:
    of = (registry.get(leaf.family).changes for _, e in steps for leaf in leaves(resolve(e, today)))
    return sorted({family for changes in of for family in changes})


def _changed(connection: Connection, found: Dispatch, watermark: int, families: list[str]) -> Changed:
    changed = Changed()
    facts = {"root": found.root_id, "families": families, "watermark": str(watermark), "campaign": found.campaign_id}
    for family, subject, people in run(connection, "changes", **facts):
        changed.note(family, subject, people)
    return changed


def _denied(
    connection: Connection, found: Dispatch, steps: list[Step], asked: BitMap, today: date
) -> dict[str, BitMap]:
    sets = lookup.Sets(lookup.by_sql(connection, found.root_id, asked), today)
    sets.prefetch(expression for _, expression in steps)
    rest = BitMap(asked)
    by_reason: dict[str, BitMap] = {}
    for rule, expression in steps:
        if hit := sets.within(expression, rest):
            by_reason[rule.code] = by_reason.get(rule.code, BitMap()) | hit
            rest -= hit
    return by_reason
