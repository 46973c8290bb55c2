"""Counting and keeping audiences: the crowd expression of criteria inside a unit's reach, counts, saved segments."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from majung.activity import services as activity
from majung.audience import counts, criteria, fields, references
from majung.audience.counts import Count
from majung.audience.criteria import Group, Unreadable
from majung.audience.errors import CannotAsk, NameTaken
from majung.audience.models import Segment
from majung.core import clock, db, text
from majung.core.errors import Invalid, NotYours
from majung.crowd import evaluate
from majung.crowd.expression import And, Expression, Leaf, check
from majung.policy import judge
from majung.policy.occasion import Occasion
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

MAX_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A count of criteria as they stand, and what they still lack (Korean sentences).

    ``allowed``: how many of them the rules let be written to, when it was asked for what.
    """

    count: Count
    missing: tuple[str, ...]
    allowed: Count | None = None


def reach(actor: Actor, act: Act, unit: Unit) -> Leaf:
    """Whom ``actor`` may address at ``unit``: with everything below it, or it alone. Raises NotYours or Forbidden."""
    actor.require(act, unit)
    grant = actor.grant_for(act, unit)
    is_alone = grant is not None and not grant.covers_subtree
    return Leaf("here" if is_alone else "scope", (unit.pk,))


def parse(stored: object) -> Group:
    """The criteria that parsed JSON says. Raises CannotAsk."""
    try:
        group = criteria.from_json(stored)
        for asked in criteria.conditions(group):
            fields.problem(asked)
    except Unreadable as refused:
        raise CannotAsk(problem=str(refused)) from None
    return group


def asks_for_opinions(group: Group) -> bool:
    """Whether these criteria choose people by what tells, in a party, whom they side with (law.md PIP-12)."""
    return any(asked.field in fields.OPINIONS for asked in criteria.conditions(group))


def missing(group: Group) -> tuple[str, ...]:
    """What the criteria still lack before they can be kept or sent to. Raises CannotAsk for nonsense."""
    try:
        found = [fields.problem(asked) for asked in criteria.conditions(group)]
    except Unreadable as refused:
        raise CannotAsk(problem=str(refused)) from None
    return tuple(dict.fromkeys(problem for problem in found if problem))


def expression_of(actor: Actor, unit: Unit, group: Group, *, within: Leaf) -> Expression:
    """The people ``within`` a reach whom ``group`` asks for, in the words of ``unit``. Raises CannotAsk.

    What comes out always travels: the dispatcher reads it back from JSON, which the crowd's own limits allow.
    """
    try:
        return check(And((within, fields.expression(group, references.place(actor, unit, group)))))
    except Unreadable as refused:
        raise CannotAsk(problem=str(refused)) from None
    except ValueError:
        raise CannotAsk(
            problem="고른 것이 너무 많습니다. 여러 조직은 윗조직 하나로, 여러 값은 나누어 물어보세요."
        ) from None


def count(
    actor: Actor,
    unit: Unit,
    group: Group,
    *,
    act: Act = Act.SEGMENTS_WRITE,
    speaker: Unit | None = None,
    occasion: Occasion | None = None,
) -> Counted:
    """How many people of ``unit`` and below ``group`` finds now, as ``actor`` may know it (M2, T5). Bitmaps.

    ``speaker`` is the unit whose legal entity consents and memberships are asked of (default: ``unit``). With an ``occasion``
    also how many of them its rules leave.
    """
    within = reach(actor, act, unit)
    meant = expression_of(actor, speaker or unit, group, within=within)
    sight, lacking = counts.sight(actor, unit), missing(group)
    if occasion is None:
        people = evaluate.count(db.raw(), actor.root_id, meant)
        return Counted(count=counts.told(people, sight), missing=lacking)
    today = clock.seoul(occasion.at).date()
    people, allowed = evaluate.count_both(db.raw(), actor.root_id, meant, judge.denied(occasion), today=today)
    told = counts.told(people, sight)
    # Of an audience that is hidden no part is told; of others none from which the rest would follow.
    part = None if told.number is None else counts.parts([allowed, people - allowed], sight)[0]
    return Counted(count=told, missing=lacking, allowed=part)


# ── saved segments ───────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def save_segment(actor: Actor, unit: Unit, *, name: str, group: Group, segment: Segment | None = None) -> Segment:
    """The segment is kept at ``unit`` under ``name``; a given one is changed. Raises CannotAsk, Invalid, NameTaken."""
    actor.require(Act.SEGMENTS_WRITE, unit)
    if segment is not None:
        actor.require(Act.SEGMENTS_WRITE, segment.unit)
        if segment.unit_id != unit.pk or segment.deleted_at is not None:
            raise NotYours()
    if lacking := missing(group):
        raise CannotAsk(problem=" ".join(lacking))
    references.place(actor, unit, group)
    kept = segment or Segment(root_id=actor.root_id, unit=unit, created_by=actor.user)
    kept.name, kept.criteria, kept.changed_at = _name(name), criteria.to_json(group), clock.now()
    _save(kept)
    activity.write(actor, "audience.segment_saved", unit_id=unit.pk, object_kind="segment", object_id=kept.pk)
    return kept


@transaction.atomic
def copy_segment(actor: Actor, segment: Segment) -> Segment:
    """A copy under a free name, in the same unit."""
    actor.require(Act.SEGMENTS_WRITE, segment.unit)
    taken = set(Segment.objects.filter(unit=segment.unit, deleted_at__isnull=True).values_list("name", flat=True))
    base = segment.name[: MAX_NAME - 8]
    name = next(n for n in (f"{base} 사본", *(f"{base} 사본 {i}" for i in range(2, 1000))) if n not in taken)
    copied = Segment(
        root_id=actor.root_id, unit=segment.unit, name=name, criteria=segment.criteria, created_by=actor.user
    )
    _save(copied)
    activity.write(actor, "audience.segment_saved", unit_id=segment.unit_id, object_kind="segment", object_id=copied.pk)
    return copied


@transaction.atomic
def delete_segment(actor: Actor, segment: Segment) -> None:
    """The segment is gone from lists; campaigns that used it keep their own criteria. ``restore_segment`` undoes it."""
    actor.require(Act.SEGMENTS_WRITE, segment.unit)
    segment.deleted_at = clock.now()
    segment.save(update_fields=["deleted_at"])
    activity.write(
        actor, "audience.segment_deleted", unit_id=segment.unit_id, object_kind="segment", object_id=segment.pk
    )


@transaction.atomic
def restore_segment(actor: Actor, segment: Segment) -> None:
    """A deleted segment is back. Raises NameTaken when another one has taken its name since."""
    actor.require(Act.SEGMENTS_WRITE, segment.unit)
    segment.deleted_at = None
    _save(segment)
    activity.write(
        actor, "audience.segment_restored", unit_id=segment.unit_id, object_kind="segment", object_id=segment.pk
    )


def _name(name: str) -> str:
    clean = text.nfc(name)
    if not 0 < len(clean) <= MAX_NAME:
        raise Invalid(problem=f"대상의 이름을 1자부터 {MAX_NAME}자까지 적어 주세요.")
    return clean


def _save(segment: Segment) -> None:
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError as error:
        if "segment_name_once" in str(error):
            raise NameTaken(name=segment.name) from None
        raise
