"""What every change of authority leaves behind: a record for ever, and an entry in the stream; and the lock it works under."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from majung.activity.services import write
from majung.core import clock
from majung.tree.actor import Actor
from majung.tree.models import AuthorityRecord, Organisation


def lock_root(root_id: int) -> Organisation:
    """The organisation's row, held until the transaction ends: one change of tree, grants or budgets at a time."""
    return Organisation.objects.select_for_update(no_key=True).get(pk=root_id)


def row(thing: models.Model) -> dict[str, Any]:
    """Every column of ``thing`` as plain values."""
    return plain({f.attname: getattr(thing, f.attname) for f in thing._meta.concrete_fields})


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """``facts`` as JSON holds them."""
    kept: dict[str, Any] = json.loads(json.dumps(dict(facts), cls=DjangoJSONEncoder, ensure_ascii=False))
    return kept


def record(actor: Actor, kind: str, thing: models.Model, *, unit_id: int | None = None, **more: Any) -> None:
    """The change ``kind`` of ``thing`` is recorded with its whole row, and told to the stream with ``more`` alone."""
    record_all(actor, kind, [thing], **more)
    write(actor, kind, unit_id=unit_id, object_kind=thing._meta.model_name or "", object_id=thing.pk, facts=plain(more))


def record_all(actor: Actor, kind: str, things: Iterable[models.Model], **more: Any) -> None:
    """As ``record``, one record a thing, without the entry in the stream."""
    now = clock.now()
    AuthorityRecord.objects.bulk_create(
        AuthorityRecord(
            root_id=actor.root_id,
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.number,
            kind=kind,
            object_id=thing.pk,
            facts={**row(thing), **plain(more)},
        )
        for thing in things
    )
