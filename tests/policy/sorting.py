"""A crowd sorted by the rules as the planner does it, from the judge's own pieces: what one person's answer must agree with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pyroaring import BitMap

from majung.core.db import raw
from majung.crowd import evaluate
from majung.crowd.expression import Expression
from majung.policy import judge
from majung.policy.enums import Outcome, Verdict
from majung.policy.judge import Finding
from majung.policy.occasion import Occasion
from majung.policy.rule import Rule

Among = Callable[[BitMap, Expression], BitMap]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """A crowd after the rules: disjoint left-out sets by rule, those who wait and until when, those who may have it now."""

    left_out: list[tuple[Rule, BitMap]]
    waiting: BitMap
    until: datetime | None
    allowed: BitMap


def by_sql(occasion: Occasion) -> Among:
    """Each rule's set by its SQL, narrowed to those still in question."""
    return lambda rest, expression: BitMap(evaluate.holds_many(raw(), occasion.root_id, expression, rest))


def by_bitmap(occasion: Occasion) -> Among:
    """Each rule's set from stored bitmaps."""
    return lambda rest, expression: rest & evaluate.bitmap(raw(), occasion.root_id, expression)


def sort_people(occasion: Occasion, people: BitMap, among: Among) -> Sorted:
    """Everybody with the first rule that stops them; a closed gate stops all who are left."""
    gate, rest, left_out = judge.gates(occasion), people, []
    steps: list[tuple[Rule, Expression | None]] = [*judge.person_denials(occasion), *((r, None) for r in gate.denials)]
    steps += judge.channel_denials(occasion) if occasion.channel_id is not None else []
    for rule, expression in sorted(steps, key=lambda step: step[0].order):
        denied = rest if expression is None else among(rest, expression)
        left_out.append((rule, denied))
        rest = rest - denied
    if gate.verdict is not Verdict.DEFER:
        return Sorted(left_out=left_out, waiting=BitMap(), until=None, allowed=rest)
    allowed = BitMap() if gate.unless is None else among(rest, gate.unless)
    return Sorted(left_out=left_out, waiting=rest - allowed, until=gate.until, allowed=allowed)


def verdict_of(findings: list[Finding]) -> Finding | None:
    """The finding that decides: the stop, else the deferral that ends last, else None (may have it now)."""
    stop = next((one for one in findings if one.outcome is Outcome.STOPPED), None)
    waits = [one for one in findings if one.outcome is Outcome.DEFERRED]
    return stop or max(waits, key=lambda one: (one.until is not None, one.until), default=None)
