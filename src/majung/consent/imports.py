"""What an import says about consent: the people of each batch agreed to the notices that were named, on the day named."""

from collections.abc import Sequence
from datetime import datetime, time

from majung.consent import ledger, services
from majung.consent.enums import BY_MEDIUM, ConsentMedium, How, NoticeState
from majung.consent.models import Notice
from majung.consent.queries import above
from majung.core import clock, db, sql
from majung.people.imports.basis import Ground
from majung.people.imports.models import ImportFile
from majung.tree.actor import Actor
from majung.tree.models import Unit


def grounds(actor: Actor, unit: Unit) -> list[Ground]:
    """The published notices of the unit's legal entity, of the unit or above it."""
    rows = Notice.objects.filter(
        root_id=actor.root_id, entity_id=unit.entity_id, state=NoticeState.PUBLISHED, unit__path__in=above(unit)
    )
    return [
        Ground(
            notice_id=notice.pk,
            title=f"{notice} · {notice.get_purpose_display()}",
            media=tuple(notice.media),
            media_words=tuple(ConsentMedium(medium).label for medium in notice.media),
        )
        for notice in rows.order_by("code")
    ]


def applied(actor: Actor, source: ImportFile, people: Sequence[int]) -> None:
    """Consents of one batch, in the transaction that adds its people."""
    at = datetime.combine(source.obtained_on, time(12), clock.SEOUL) if source.obtained_on else clock.now()
    proof = {"import": source.pk, "evidence": source.evidence}
    for notice in Notice.objects.filter(root_id=source.root_id, pk__in=source.notice_ids).order_by("pk"):
        media = [ConsentMedium(medium) for medium in notice.media if medium in source.media]
        if media or notice.purpose not in BY_MEDIUM:
            services.grant_consents(
                actor, people, notice, media, How.IMPORT, proof, unit_id=source.unit_id, at=min(at, clock.now())
            )


def undone(actor: Actor, source: ImportFile, people: Sequence[int]) -> None:
    """What only this import said is withdrawn; what people had agreed to otherwise stands."""
    said = ledger.Said(how=How.SYSTEM, at=clock.now(), by=ledger.By(kind=actor.kind, number=actor.number))
    params = said.params() | {"root": source.root_id, "people": list(people), "import": str(source.pk)}
    db.raw().execute(sql.load("majung.consent", "ledger", "undo_import"), params)
