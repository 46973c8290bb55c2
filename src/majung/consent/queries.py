"""Questions about notices and about what one person allowed and refused, always inside one organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from majung.consent.enums import ConsentPurpose, NoticeState
from majung.consent.models import ConsentEntry, ConsentState, Notice, Refusal, RefusalEntry
from majung.core.errors import NotYours
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import LegalEntity, Unit


def notices_of(actor: Actor) -> QuerySet[Notice]:
    """The notices of the units at which managing them was lent, by code and unit, newest version first."""
    mine = Notice.objects.filter(root_id=actor.root_id, unit__in=actor.units(Act.CONSENT_MANAGE))
    return mine.select_related("unit", "entity").order_by("code", "unit__path", "-version")


def notice_of(actor: Actor, public_id: UUID | str) -> Notice:
    """One notice. Raises NotYours or Forbidden."""
    found = Notice.objects.filter(root_id=actor.root_id, public_id=public_id).select_related("unit", "entity").first()
    if found is None:
        raise NotYours()
    actor.require(Act.CONSENT_MANAGE, found.unit)
    return found


def versions(notice: Notice) -> QuerySet[Notice]:
    """Every version of the same notice, newest first."""
    return Notice.objects.filter(unit_id=notice.unit_id, code=notice.code).order_by("-version")


def above(unit: Unit) -> list[str]:
    """The paths of the unit and of every unit above it, from the top."""
    return [unit.path[:end] for end in range(Unit.steplen, len(unit.path) + 1, Unit.steplen)]


def published_for(unit: Unit) -> dict[ConsentPurpose, Notice]:
    """With what a form of ``unit`` may ask: for each purpose the published notice of the nearest unit on the way up.

    Only notices of the unit's own legal entity: a consent is given to whoever answers for it (GEN-06).
    """
    rows = (
        Notice.objects.filter(
            root_id=unit.root_id, entity_id=unit.entity_id, state=NoticeState.PUBLISHED, unit__path__in=above(unit)
        )
        .select_related("entity")
        .order_by("unit__path", "published_at")
    )
    return {ConsentPurpose(notice.purpose): notice for notice in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """One consent of a person with the text it was given on (None: the text is not known any more)."""

    state: ConsentState
    notice: Notice | None
    entity: LegalEntity


def agreements(root_id: int, person_id: int) -> list[Agreed]:
    """What the person agreed to and when, also what was withdrawn since; by legal entity and purpose."""
    states = list(ConsentState.objects.filter(root_id=root_id, person_id=person_id).order_by("entity_id", "purpose"))
    notices = Notice.objects.filter(root_id=root_id).in_bulk([state.notice_id for state in states if state.notice_id])
    entities = LegalEntity.objects.filter(root_id=root_id).in_bulk([state.entity_id for state in states])
    return [
        Agreed(state=state, notice=notices.get(state.notice_id or 0), entity=entities[state.entity_id])
        for state in states
        if state.entity_id in entities
    ]


def refusals(root_id: int, person_id: int) -> dict[tuple[int, str], Refusal]:
    """The refusals that hold, by (legal entity, medium)."""
    rows = Refusal.objects.filter(root_id=root_id, person_id=person_id)
    return {(refusal.entity_id, refusal.medium): refusal for refusal in rows}


def history(root_id: int, person_id: int, limit: int) -> tuple[Sequence[ConsentEntry], Sequence[RefusalEntry]]:
    """The newest entries of both ledgers about the person."""
    consents = ConsentEntry.objects.filter(root_id=root_id, person_id=person_id).order_by("-id")[:limit]
    refused = RefusalEntry.objects.filter(root_id=root_id, person_id=person_id).order_by("-id")[:limit]
    return list(consents), list(refused)
