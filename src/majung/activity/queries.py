"""Questions to the stream and to the list of duties."""

from collections.abc import Sequence
from typing import Any, Protocol

from django.db.models import QuerySet

from majung.activity import stream
from majung.activity.models import Duty
from majung.activity.stream import START, Cursor, Entry
from majung.core import db

__all__ = ["START", "Cursor", "Entry", "Seeing", "duties", "read_since"]


class Seeing(Protocol):
    """Whoever may look: the actor, which lies above this room."""

    @property
    def root_id(self) -> int:
        """The organisation."""

    def units(self) -> QuerySet[Any]:
        """The units in sight."""


def read_since(cursor: Cursor, *, limit: int = 1000, kinds: Sequence[str] | None = None) -> list[Entry]:
    """Entries after ``cursor`` that no running transaction can still precede, in the order (xid, seq)."""
    return stream.read_since(db.raw(), cursor, limit=limit, kinds=kinds)


def duties(actor: Seeing) -> QuerySet[Duty]:
    """What the units in sight still owe, the most pressing first."""
    return Duty.objects.filter(
        root_id=actor.root_id, unit_id__in=actor.units().values("pk"), done_at__isnull=True
    ).order_by("due_at", "pk")
