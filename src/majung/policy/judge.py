"""The judge: one list of rules asked for all (gates), for a million people (denials) and for one (why). Plain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import psycopg

from majung.crowd import evaluate
from majung.crowd.expression import EVERYONE, Expression, Or
from majung.policy import lint, marks
from majung.policy.enums import Outcome, Purpose, Verdict
from majung.policy.occasion import Occasion
from majung.policy.rule import Case, Hold, Rule
from majung.policy.rules import ALLOWED, TABLES

# A deferral ends where all rules let go; more rounds than rules that wait cannot be needed.
ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """The message is really of another purpose; ``rule`` says why."""

    rule: Rule
    before: Purpose
    after: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What holds for everybody. ``code`` is the reason (or ``OK_AD``, ``OK_PARTY``); ``until`` the instant a deferral
    ends; ``unless`` those whom the deferral does not hold (night consent). ``labels``: texts that must lead the message
    and that the messenger does not print. ``warnings`` are for the writer and change nothing.
    """

    verdict: Verdict
    code: str
    rule: Rule | None
    purpose: Purpose
    until: datetime | None = None
    unless: Expression | None = None
    labels: tuple[str, ...] = ()
    turns: tuple[Turned, ...] = ()
    denials: tuple[Rule, ...] = ()
    missing: tuple[marks.Missing, ...] = ()
    warnings: tuple[lint.Sign, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the message may be handed over now, to those whom no set denies."""
        return self.verdict is Verdict.ALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one rule did in one person's case, in the order in which the rules stand."""

    rule: Rule
    outcome: Outcome
    until: datetime | None = None


def case_of(occasion: Occasion) -> tuple[Case, tuple[Turned, ...]]:
    """The occasion under the purpose that holds after the turns, and the turns. A purpose is never visited twice."""
    case = Case(occasion=occasion, purpose=occasion.purpose, asked=occasion.purpose, facts=lint.read(occasion.content))
    turns: list[Turned] = []
    while (found := _turn_of(case, {turned.before for turned in turns})) is not None:
        turns.append(found)
        case = replace(case, purpose=found.after)
    return case, tuple(turns)


def _turn_of(case: Case, visited: set[Purpose]) -> Turned | None:
    for rule in _table(case):
        if rule.turns is None:
            continue
        after = rule.turns(case)
        if after is not None and after is not case.purpose and after not in visited:
            return Turned(rule=rule, before=case.purpose, after=after)
    return None


def _table(case: Case) -> tuple[Rule, ...]:
    return _in_force(case.purpose, case.on)


@lru_cache(maxsize=256)
def _in_force(purpose: Purpose, on: date) -> tuple[Rule, ...]:
    return tuple(rule for rule in TABLES[purpose] if rule.is_in_force(on))


def gates(occasion: Occasion) -> Gate:
    """What the message, the account and the moment say, the same for all. The first denial; a deferral only without one."""
    case, turns = case_of(occasion)
    table = _table(case)
    denials = tuple(rule for rule in table if rule.denies is not None and rule.denies(case))
    hold = next(((rule, held) for rule in table if (held := _held(rule, case))), None)
    shared: dict[str, Any] = {
        "purpose": case.purpose,
        "turns": turns,
        "denials": denials,
        "missing": marks.missing(occasion, case.facts) if case.purpose is Purpose.ADVERTISING else (),
        "labels": (lint.LABEL,) if case.purpose is Purpose.ADVERTISING and not occasion.prints.label else (),
        "warnings": case.facts.signs,
    }
    if denials:
        return Gate(verdict=Verdict.DENY, code=denials[0].code, rule=denials[0], **shared)
    if hold is not None:
        rule, first = hold
        until = _until(occasion, first.until)
        return Gate(
            verdict=Verdict.DEFER, code=rule.code, rule=rule, until=until, unless=_unless(case, table), **shared
        )
    return Gate(verdict=Verdict.ALLOW, code=ALLOWED[case.purpose], rule=None, **shared)


def _held(rule: Rule, case: Case) -> Hold | None:
    return rule.waits(case) if rule.waits is not None else None


def _until(occasion: Occasion, first: datetime) -> datetime:
    """The instant from which no rule waits any more."""
    at = first
    for _ in range(ROUNDS):
        case, _turns = case_of(replace(occasion, at=at))
        later = [held.until for rule in _table(case) if (held := _held(rule, case))]
        if not later:
            return at
        at = max(later)
    raise ValueError("the windows of this account never open together")


def _unless(case: Case, table: Sequence[Rule]) -> Expression | None:
    """Those whom no waiting rule holds: everyone's exemptions together; None when one rule holds all."""
    exempt: Expression = EVERYONE
    for rule in table:
        held = _held(rule, case)
        if held is not None and held.unless is None:
            return None
        if held is not None and held.unless is not None:
            exempt = exempt & held.unless
    return exempt


def person_denials(occasion: Occasion) -> list[tuple[Rule, Expression]]:
    """The rules that leave people out whatever the channel, in order, each with the set of those it leaves out."""
    return _denials(case_of(occasion)[0], lambda rule: not rule.per_channel)


def channel_denials(occasion: Occasion) -> list[tuple[Rule, Expression]]:
    """The rules that leave people out on the occasion's channel, in order.

    On a channel of another legal entity everything that hangs on the entity is asked of that entity too (GEN-06).
    """
    found = []
    other = occasion.channel_entity_id
    if other is not None and other != occasion.entity_id:
        found = _denials(case_of(replace(occasion, entity_id=other))[0], lambda rule: rule.by_entity)
    found += _denials(case_of(occasion)[0], lambda rule: rule.per_channel)
    return sorted(found, key=lambda step: step[0].order)


def denied(occasion: Occasion) -> Expression:
    """Everybody whom a rule leaves out, whatever the reason; of the rules about a channel, those of the occasion's."""
    steps = person_denials(occasion)
    if occasion.channel_id is not None:
        steps += channel_denials(occasion)
    return Or(tuple(expression for _, expression in steps))


def _denials(case: Case, wanted: Callable[[Rule], bool]) -> list[tuple[Rule, Expression]]:
    found = []
    for rule in _table(case):
        if rule.denied is not None and wanted(rule):
            expression = rule.denied(case)
            if expression is not None:
                found.append((rule, expression))
    return found


def why(
    connection: psycopg.Connection[Any], occasion: Occasion, person_id: int, *, further: bool = False
) -> list[Finding]:
    """Each rule in order for one person: passed, stopped here, not looked at. ``further``: looks at the rest too.

    A deferral is told where it stands and stops only when nothing denies. Turns come first: they chose the table.
    """
    case, turns = case_of(occasion)
    found = [Finding(rule=turned.rule, outcome=Outcome.TURNED) for turned in turns]
    stopped = False
    for rule, what in _steps(occasion, case):
        if stopped and not further:
            found.append(Finding(rule=rule, outcome=Outcome.NOT_LOOKED_AT))
            continue
        if isinstance(what, Hold):
            free = what.unless is not None and evaluate.holds(connection, occasion.root_id, what.unless, person_id)
            outcome = Outcome.PASSED if free else Outcome.DEFERRED
            found.append(
                Finding(rule=rule, outcome=outcome, until=None if free else gates(occasion).until or what.until)
            )
            continue
        hit = what if isinstance(what, bool) else evaluate.holds(connection, occasion.root_id, what, person_id)
        outcome = Outcome.PASSED if not hit else Outcome.ALSO if stopped else Outcome.STOPPED
        found.append(Finding(rule=rule, outcome=outcome))
        stopped = stopped or hit
    return found


def _steps(occasion: Occasion, case: Case) -> list[tuple[Rule, Expression | bool | Hold]]:
    """Every rule that looks at this case, in order: a gate with whether it stops, a wait with its hold, a set with whom."""
    table = _table(case)
    steps: list[tuple[Rule, Expression | bool | Hold]] = [*person_denials(occasion)]
    if occasion.channel_id is not None:
        steps += channel_denials(occasion)
    steps += [(rule, rule.denies(case)) for rule in table if rule.denies is not None]
    steps += [(rule, rule.waits(case) or False) for rule in table if rule.waits is not None]
    # Stable: on a channel of another entity its rules follow those of the sender in each place of the order.
    return sorted(steps, key=lambda step: step[0].order)
