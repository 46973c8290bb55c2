"""Questions about saved segments, always in the sight of an actor."""

import uuid

from django.db.models import QuerySet

from majung.audience.models import Segment
from majung.core.errors import NotYours
from majung.tree.actor import Actor
from majung.tree.enums import Act


def segments(actor: Actor, *, search: str = "") -> QuerySet[Segment]:
    """Segments of the units at which the actor may make them, the latest changed first."""
    found = Segment.objects.filter(
        root_id=actor.root_id, unit__in=actor.units(Act.SEGMENTS_WRITE), deleted_at__isnull=True
    )
    if search:
        found = found.filter(name__icontains=search)
    return found.select_related("unit", "created_by").order_by("-changed_at", "-pk")


def segment(actor: Actor, public_id: uuid.UUID, *, deleted: bool = False) -> Segment:
    """The segment with that id. Raises NotYours for one that is missing, foreign, or (not) deleted."""
    found = (
        Segment.objects.filter(
            root_id=actor.root_id,
            public_id=public_id,
            unit__in=actor.units(Act.SEGMENTS_WRITE),
            deleted_at__isnull=not deleted,
        )
        .select_related("unit", "unit__entity", "created_by")
        .first()
    )
    if found is None:
        raise NotYours()
    return found


def deleted(actor: Actor, public_id: uuid.UUID) -> Segment | None:
    """The deleted segment with that id, for offering to bring it back; None for anything else."""
    try:
        return segment(actor, public_id, deleted=True)
    except NotYours:
        return None
