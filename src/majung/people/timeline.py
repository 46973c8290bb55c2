"""One person's page: what the rooms contribute to it, as events of the timeline and as panels beside it (F6)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.safestring import SafeString

from majung.activity.models import Activity
from majung.people.models import Person
from majung.tree.actor import Actor
from majung.tree.middleware import ActorRequest
from majung.ui.values import Event, Tone

Source = Callable[[Actor, Person, int], Iterable[Event]]
Panel = Callable[[ActorRequest, Person], SafeString]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """How an activity is told on the timeline."""

    title: str
    icon: str
    tone: Tone = ""


_sources: dict[str, Source] = {}
_panels: dict[str, tuple[int, Panel]] = {}
_sentences: dict[str, Sentence] = {}

FEW: Final = 40
MANY: Final = 500


def add_source(name: str, source: Source) -> None:
    """``source(actor, person, limit)`` tells the newest ``limit`` events of a person, of what the actor may see."""
    _sources[name] = source


def add_panel(name: str, panel: Panel, *, order: int = 50) -> None:
    """``panel(request, person)`` renders a ``<c-panel>`` beside the timeline, or nothing; lower ``order`` stands higher."""
    _panels[name] = order, panel


def tell(kind: str, title: str, icon: str, tone: Tone = "") -> None:
    """Activities of ``kind`` are told so; kinds nobody tells are not shown."""
    _sentences[kind] = Sentence(title=title, icon=icon, tone=tone)


def events(actor: Actor, person: Person, limit: int = FEW) -> list[Event]:
    """What happened with the person, newest first, from every source."""
    told = [event for source in _sources.values() for event in source(actor, person, limit)]
    return sorted(told, key=lambda event: event.at, reverse=True)[:limit]


def panels(request: ActorRequest, person: Person) -> list[SafeString]:
    """Every room's panel about the person, in order; empty ones left out."""
    ordered = sorted(_panels.values(), key=lambda pair: pair[0])
    return [shown for _, panel in ordered if (shown := panel(request, person)).strip()]


def _activities(actor: Actor, person: Person, limit: int) -> Iterable[Event]:
    """The stream's entries about this person, of units in the actor's sight or of none."""
    rows = Activity.objects.filter(person_id=person.pk, root_id=actor.root_id, kind__in=_sentences).order_by("-seq")
    units = dict(actor.units().values_list("pk", "name"))
    for row in rows[:limit]:
        if row.unit_id is None or row.unit_id in units:
            said = _sentences[row.kind]
            yield Event(
                at=row.at, title=said.title, note=units.get(row.unit_id or 0, ""), icon=said.icon, tone=said.tone
            )


def _arrival(_actor: Actor, person: Person, _limit: int) -> Iterable[Event]:
    note = "명단에서 가져옴" if person.import_id else ""
    yield Event(at=person.created_at, title="처음 들어옴", note=note, icon="user-plus", tone="acc")


add_source("activity", _activities)
add_source("arrival", _arrival)
tell("people.moved", "소속이 바뀜", "home-move")
tell("people.tagged", "꼬리표를 붙임", "tag")
tell("people.untagged", "꼬리표를 뗌", "tag-off")
tell("people.stopped", "처리정지", "hand-stop", "warn")
tell("people.resumed", "처리정지를 풂", "player-play", "ok")
tell("people.membership", "회원 상태가 바뀜", "id-badge-2")
