"""Questions to the list of duties. The stream is read by ``services.take``, or by ``stream.read_since`` without Django."""

from typing import Any, Protocol

from django.db.models import QuerySet

from majung.activity.models import Duty


class Seeing(Protocol):
    """Whoever may look: the actor, which lies above this room."""

    @property
    def root_id(self) -> int:
        """The organisation."""

    def units(self) -> QuerySet[Any]:
        """The units in sight."""


def duties(actor: Seeing) -> QuerySet[Duty]:
    """What the units in sight still owe, the most pressing first."""
    return Duty.objects.filter(
        root_id=actor.root_id, unit_id__in=actor.units().values("pk"), done_at__isnull=True
    ).order_by("due_at", "pk")
