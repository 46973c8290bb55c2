"""Writing to the stream, reading on from it, and owing duties."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from django.db import connection, transaction

from majung.activity import stream
from majung.activity.models import Duty, Reader
from majung.activity.stream import Cursor, Entry
from majung.core import clock, db, sql


class Acting(Protocol):
    """Whoever acts: the actor, which lies above this room."""

    @property
    def root_id(self) -> int:
        """The organisation."""

    @property
    def kind(self) -> str:
        """One of ActorKind."""

    @property
    def number(self) -> int | None:
        """The user, key or person; None for the system."""


def write(
    actor: Acting,
    kind: str,
    *,
    unit_id: int | None = None,
    person_id: int | None = None,
    object_kind: str = "",
    object_id: int | None = None,
    facts: Mapping[str, Any] | None = None,
    people: Sequence[int] | None = None,
) -> int:
    """The entry ``kind`` (``room.happened``) commits with the surrounding transaction. Returns its number."""
    return stream.append(
        db.raw(),
        root_id=actor.root_id,
        at=clock.now(),
        actor_kind=actor.kind,
        actor_id=actor.number,
        kind=kind,
        unit_id=unit_id,
        person_id=person_id,
        object_kind=object_kind,
        object_id=object_id,
        facts=facts,
        people=people,
    )


@transaction.atomic
def take(reader: str, *, limit: int = 1000, kinds: Sequence[str] | None = None) -> list[Entry]:
    """What ``reader`` has not had yet; its cursor moves with the transaction, so a crash repeats the batch.

    ``kinds`` other than those are passed over for good, also in what comes before the next of them.
    """
    Reader.objects.bulk_create([Reader(name=reader)], ignore_conflicts=True)
    place = Reader.objects.select_for_update(no_key=True).get(name=reader)
    horizon = stream.horizon(db.raw())
    entries = stream.read_since(db.raw(), Cursor(place.xid, place.seq), limit=limit, kinds=kinds)
    reached = entries[-1].cursor if entries else Cursor(place.xid, place.seq)
    if len(entries) < limit:
        # Everything before the horizon has been looked at: it need not be read again to be passed over again.
        reached = max(reached, horizon)
    if reached != (place.xid, place.seq):
        place.xid, place.seq = reached
        place.save(update_fields=["xid", "seq"])
    return entries


def owe(
    *,
    root_id: int,
    unit_id: int,
    kind: str,
    due_at: datetime,
    title: str,
    people: Sequence[int] | None = None,
    object_kind: str = "",
    object_id: int | None = None,
) -> int:
    """The unit owes the duty; owed again while open, it keeps the earlier moment and joins the people. Its number."""
    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("majung.activity", "duties", "owe"),
            {
                "root": root_id,
                "unit": unit_id,
                "kind": kind,
                "due_at": due_at,
                "now": clock.now(),
                "title": title,
                "people": None if people is None else sorted(set(people)),
                "object_kind": object_kind,
                "object": object_id,
            },
        )
        [(number,)] = cursor.fetchall()
    return int(number)


def fulfil(actor: Acting, duty_id: int) -> bool:
    """The duty of the actor's organisation is done. False when it was done before, or is not there."""
    return bool(
        Duty.objects.filter(root_id=actor.root_id, pk=duty_id, done_at__isnull=True).update(
            done_at=clock.now(), done_by_kind=actor.kind, done_by_id=actor.number
        )
    )
