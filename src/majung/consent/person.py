"""What a person's page shows of consent: the entries of both ledgers as events, and what holds now as a panel."""

from collections.abc import Iterable

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from majung.consent import queries
from majung.consent.enums import ConsentAct, ConsentMedium, ConsentPurpose, How, RefusalPath
from majung.consent.models import RefusalEntry
from majung.people import timeline
from majung.people.models import Person
from majung.tree.actor import Actor
from majung.tree.middleware import ActorRequest
from majung.tree.models import LegalEntity
from majung.ui.values import Event, Tone

_LOOKS: dict[str, tuple[str, Tone]] = {
    ConsentAct.GRANTED: ("circle-check", "ok"),
    ConsentAct.WITHDRAWN: ("circle-x", "warn"),
    ConsentAct.CONFIRMED: ("mail-check", ""),
}


def events(actor: Actor, person: Person, limit: int) -> Iterable[Event]:
    """The newest entries of the ledgers about the person."""
    consents, refused = queries.history(actor.root_id, person.pk, limit)
    names = dict(LegalEntity.objects.filter(root_id=actor.root_id).values_list("pk", "name"))
    for entry in consents:
        icon, tone = _LOOKS[entry.act]
        purpose, medium = ConsentPurpose(entry.purpose).label, medium_words(entry.medium)
        title = f"{purpose}{f' · {medium}' if medium else ''} · {ConsentAct(entry.act).label}"
        note = f"{names.get(entry.entity_id, '')} · {How(entry.how).label if entry.how in How else entry.how}"
        yield Event(at=entry.at, title=title, note=note, icon=icon, tone=tone)
    for word in refused:
        stops = word.act == RefusalEntry.Act.REFUSED
        title = f"{ConsentMedium(word.medium).label} · {RefusalEntry.Act(word.act).label}"
        path = RefusalPath(word.path).label if word.path in RefusalPath else word.path
        note = f"{names.get(word.entity_id, '')} · {path}"
        yield Event(
            at=word.at,
            title=title,
            note=note,
            icon="hand-stop" if stops else "hand-click",
            tone="warn" if stops else "ok",
        )


def panel(request: ActorRequest, person: Person) -> SafeString:
    """What the person allows and refuses now."""
    root = request.actor.root_id
    agreed = queries.agreements(root, person.pk)
    names = dict(LegalEntity.objects.filter(root_id=root).values_list("pk", "name"))
    refused = [
        {"what": ConsentMedium(medium).label, "entity": names.get(entity, ""), "since": refusal.since}
        for (entity, medium), refusal in sorted(queries.refusals(root, person.pk).items())
    ]
    return render_to_string("consent/_person.html", {"agreed": agreed, "refused": refused}, request=request)


def medium_words(medium: str) -> str:
    """The medium as a word; nothing where the purpose has none."""
    return "" if medium == ConsentMedium.EVERY else ConsentMedium(medium).label


def join() -> None:
    """The person's page knows consent from now on."""
    timeline.add_source("consent", events)
    timeline.add_panel("consent", panel, order=20)
