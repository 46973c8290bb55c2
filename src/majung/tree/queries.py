"""Questions about who may: chains of grants, what holds now, what held on a past day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from majung.core import clock, db
from majung.core.errors import NotYours
from majung.tree import live
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Grant, Unit, UnitSpan
from majung.tree.services.grants import chain_numbers


def grant_chain(grant: Grant) -> list[Grant]:
    """The grant and those it was lent from: the owner's first, the grant itself last."""
    numbers = chain_numbers(grant)
    rows = Grant.objects.select_related("unit", "user", "api_key", "invitation", "lent_by").in_bulk(numbers)
    return [rows[number] for number in reversed(numbers)]


def chain_in_force(grant_id: int) -> bool:
    """Whether the grant holds now all the way up, at a unit that works."""
    return live.chain_in_force(db.raw(), grant_id, clock.now())


def grants_in_sight(actor: Actor) -> QuerySet[Grant]:
    """Living grants at the units where the actor may see grants, and the actor's own; by place, then age."""
    mine = Q(pk__in=[grant.pk for grant in actor.grants])
    return (
        Grant.objects.filter(Q(unit__in=actor.units(Act.GRANTS_VIEW).values("pk")) | mine)
        .filter(root_id=actor.root_id, revoked_at=None)
        .filter(Q(ends_at=None) | Q(ends_at__gt=clock.now()))
        .select_related("unit", "unit__kind", "user", "api_key", "invitation", "lent_by", "parent")
        .order_by("unit__path", "pk")
    )


def grant_in_sight(actor: Actor, public_id: UUID | str) -> Grant:
    """The grant with that public id, ended ones too, where the actor may see grants. Raises NotYours."""
    rows = Grant.objects.filter(root_id=actor.root_id, public_id=public_id)
    grant = rows.select_related("unit", "unit__kind", "user", "api_key", "invitation", "lent_by", "root").first()
    if grant is None or not (actor.may(Act.GRANTS_VIEW, grant.unit) or grant.pk in {g.pk for g in actor.grants}):
        raise NotYours()
    return grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A grant as it stood on a past day: the unit's name, parent and state are those of that day."""

    grant: Grant
    unit_name: str
    unit_path: str
    unit_state: str
    from_at: datetime
    until_at: datetime | None


def held_on(root_id: int, day: date) -> list[Held]:
    """Every grant that held at some moment of the Seoul ``day``, by place (T3). Invited holders count from acceptance."""
    begin = datetime.combine(day, time(), clock.SEOUL)
    end = begin + timedelta(days=1)
    grants = (
        Grant.objects.filter(root_id=root_id, starts_at__lt=end, lent_at__lt=end)
        .exclude(user=None, api_key=None)
        .filter(Q(ends_at=None) | Q(ends_at__gt=begin), Q(revoked_at=None) | Q(revoked_at__gt=begin))
        .filter(Q(invitation=None) | Q(invitation__accepted_at__lt=end))
        .select_related("user", "api_key", "invitation", "unit", "lent_by")
    )
    spans = _spans_on(root_id, begin, end)
    held = [_held(grant, spans.get(grant.unit_id)) for grant in grants]
    return sorted(held, key=lambda h: (h.unit_path, h.grant.pk))


def _spans_on(root_id: int, begin: datetime, end: datetime) -> dict[int, UnitSpan]:
    """The last span of each unit that touched the time from ``begin`` to ``end``."""
    rows = UnitSpan.objects.filter(unit__root_id=root_id, from_at__lt=end).filter(
        Q(until_at=None) | Q(until_at__gt=begin)
    )
    return {span.unit_id: span for span in rows.order_by("unit_id", "from_at", "pk")}


def _held(grant: Grant, span: UnitSpan | None) -> Held:
    ends = [moment for moment in (grant.ends_at, grant.revoked_at) if moment is not None]
    accepted = grant.invitation.accepted_at if grant.invitation else None
    unit = grant.unit
    return Held(
        grant=grant,
        unit_name=span.name if span else unit.name,
        unit_path=span.path if span else unit.path,
        unit_state=span.state if span else unit.state,
        from_at=max(grant.starts_at, accepted or grant.lent_at),
        until_at=min(ends) if ends else None,
    )


def history(unit: Unit) -> Sequence[UnitSpan]:
    """The spans of a unit, the newest first. The caller has judged that the unit may be seen."""
    return list(unit.spans.select_related("kind", "entity", "parent").order_by("-from_at", "-pk"))
