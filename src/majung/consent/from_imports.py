"""What an imported list means for consent: the notices an operator may name, and the entries its people get (F2, C2)."""

from collections.abc import Sequence
from datetime import UTC, datetime, time

from majung.consent import services
from majung.consent.enums import BY_MEDIUM, ConsentMedium, ConsentPurpose, How, NoticeState
from majung.consent.models import Notice
from majung.core import clock
from majung.people.imports import basis
from majung.people.imports.basis import Ground
from majung.people.imports.models import ImportFile
from majung.tree.actor import Actor
from majung.tree.models import Unit


def listen() -> None:
    """Imports tell consent of their people from now on (called once, when the app is ready)."""
    basis.listen(applied=_applied, undone=_undone, grounds=_grounds)


def _grounds(actor: Actor, unit: Unit) -> Sequence[Ground]:
    """Published notices of the unit's legal entity."""
    notices = Notice.objects.filter(root_id=actor.root_id, entity_id=unit.entity_id, state=NoticeState.PUBLISHED)
    return [
        Ground(notice_id=notice.pk, title=notice.title, media=tuple(notice.media))
        for notice in notices.order_by("-required", "title")
    ]


def _applied(actor: Actor, source: ImportFile, people: Sequence[int]) -> None:
    at = _obtained_at(source)
    proof = {"import": source.pk, "evidence": source.evidence}
    for notice in Notice.objects.filter(root_id=source.root_id, pk__in=source.notice_ids):
        media = [ConsentMedium(medium) for medium in source.media if medium in notice.media]
        if notice.purpose in BY_MEDIUM and not media:
            continue
        services.grant_consents(
            actor, sorted(set(people)), notice, media, How.IMPORT, proof, unit_id=source.unit_id, at=at
        )


def _undone(actor: Actor, source: ImportFile, people: Sequence[int]) -> None:
    for notice in Notice.objects.filter(root_id=source.root_id, pk__in=source.notice_ids):
        purpose = ConsentPurpose(notice.purpose)
        media = [ConsentMedium(medium) for medium in source.media if medium in notice.media]
        if purpose not in BY_MEDIUM:
            media = [ConsentMedium.EVERY]
        if media:
            proof = {"import": source.pk}
            services.withdraw(actor, sorted(set(people)), notice.entity_id, purpose, media, How.STAFF, proof)


def _obtained_at(source: ImportFile) -> datetime:
    """Noon of the day on which consent was obtained, never later than now."""
    if source.obtained_on is None:
        return clock.now()
    return min(datetime.combine(source.obtained_on, time(12), clock.SEOUL).astimezone(UTC), clock.now())
