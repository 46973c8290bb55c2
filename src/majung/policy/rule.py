"""What a rule is: one of gate, set or turn, with id, code, article, Korean sentence, order and dates; and the case it sees."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from majung.core.clock import SEOUL
from majung.crowd.expression import Expression, Leaf
from majung.policy import lint
from majung.policy.enums import Kind, Purpose
from majung.policy.occasion import Occasion
from majung.policy.switches import SWITCHES

STAGES: Final = ("신원과 근거", "거부", "역할과 내용", "동의", "시간", "등록과 한도", "표시")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One occasion as the rules see it: under the purpose that holds after the turns, with what the text says."""

    occasion: Occasion
    purpose: Purpose
    asked: Purpose
    facts: lint.Facts

    @property
    def on(self) -> date:
        """The Seoul date of the moment."""
        return self.occasion.at.astimezone(SEOUL).date()

    def leaf(self, family: str, *args: int | str) -> Leaf:
        """A base set whose first argument is the legal entity."""
        return Leaf(family, (self.occasion.entity_id, *args))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A deferral: until when, and whom it does not hold."""

    until: datetime
    unless: Expression | None = None


Look = Callable[[Case], bool]
Set = Callable[[Case], Expression | None]
Wait = Callable[[Case], Hold | None]
Turn = Callable[[Case], Purpose | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. ``per_channel``: its set depends on the channel; ``by_entity``: on the legal entity that answers;
    ``is_reserved``: whom it lets pass at the freeze has a place from then on, and is not asked again.
    """

    id: str
    code: str
    article: str
    sentence: str
    kind: Kind
    order: int
    since: date | None = None
    until: date | None = None
    per_channel: bool = False
    by_entity: bool = False
    is_reserved: bool = False
    denies: Look | None = field(default=None, compare=False, repr=False)
    denied: Set | None = field(default=None, compare=False, repr=False)
    waits: Wait | None = field(default=None, compare=False, repr=False)
    turns: Turn | None = field(default=None, compare=False, repr=False)

    @property
    def stage(self) -> str:
        """The stage of G.2, in Korean."""
        return STAGES[self.order // 100 - 1]

    def is_in_force(self, on: date) -> bool:
        """Whether the rule applies on the Seoul date ``on``; ``until`` is the last day."""
        return (self.since is None or self.since <= on) and (self.until is None or on <= self.until)


def gate(order: int, rule_id: str, code: str, article: str, sentence: str, denies: Look, *, since: str = "") -> Rule:
    """A rule about the message, the account or the moment: it denies all or nobody."""
    day = SWITCHES[since] if since else None
    return Rule(
        id=rule_id, code=code, article=article, sentence=sentence, kind=Kind.GATE, order=order, denies=denies, since=day
    )


def wait(order: int, rule_id: str, code: str, article: str, sentence: str, waits: Wait) -> Rule:
    """A rule about the moment: it makes people wait."""
    return Rule(id=rule_id, code=code, article=article, sentence=sentence, kind=Kind.GATE, order=order, waits=waits)


def turn(order: int, rule_id: str, code: str, article: str, sentence: str, turns: Turn) -> Rule:
    """A rule about the purpose."""
    return Rule(id=rule_id, code=code, article=article, sentence=sentence, kind=Kind.TURN, order=order, turns=turns)


def set_of(
    order: int, rule_id: str, code: str, article: str, sentence: str, denied: Set, *, by_entity: bool = True
) -> Rule:
    """A rule about people."""
    return Rule(
        id=rule_id,
        code=code,
        article=article,
        sentence=sentence,
        kind=Kind.SET,
        order=order,
        denied=denied,
        by_entity=by_entity,
    )


def channel(order: int, rule_id: str, code: str, article: str, sentence: str, denied: Set) -> Rule:
    """A rule about people on one channel."""
    return replace(set_of(order, rule_id, code, article, sentence, denied, by_entity=False), per_channel=True)


def reserved(order: int, rule_id: str, code: str, article: str, sentence: str, denied: Set) -> Rule:
    """A rule about people that is decided once, when the list is frozen, and holds what it gave."""
    return replace(set_of(order, rule_id, code, article, sentence, denied, by_entity=False), is_reserved=True)
