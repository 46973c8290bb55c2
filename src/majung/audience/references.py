"""Numbers and names behind the ids that criteria mention; what the actor does not see is not there."""

import uuid
from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast

from majung.audience import criteria
from majung.audience.criteria import Group
from majung.audience.errors import CannotAsk
from majung.audience.fields import FIELDS, Place, Reference
from majung.channels.models import Channel
from majung.people.imports.models import ImportFile, ImportState
from majung.people.models import Tag
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

Finder = Callable[[Actor, Iterable[str]], QuerySet[Any, Any]]
"""The things in sight whose ids are meant; ``place`` asks for those of all kinds in one statement."""
Lister = Callable[[Actor, Collection[str]], list[tuple[str, str]]]
"""What an actor may pick, and of what is picked already whatever is in sight, however old it is."""

MOST_IMPORTS = 200


def uuids(values: Iterable[str]) -> list[uuid.UUID]:
    """The values that are ids at all; the others are as unknown as any id that does not exist."""
    found = []
    for value in values:
        try:
            found.append(uuid.UUID(value))
        except ValueError:
            continue
    return found


def _units(actor: Actor, values: Iterable[str]) -> QuerySet[Any, Any]:
    return actor.units().filter(public_id__in=uuids(values))


def _channels(actor: Actor, values: Iterable[str]) -> QuerySet[Any, Any]:
    return _seen_channels(actor).filter(public_id__in=uuids(values))


def _seen_channels(actor: Actor) -> QuerySet[Channel]:
    return Channel.objects.filter(root_id=actor.root_id, unit__in=actor.units(Act.CHANNELS_VIEW))


def _tags(actor: Actor, values: Iterable[str]) -> QuerySet[Any, Any]:
    numbers = [int(value) for value in values if value.isascii() and value.isdecimal() and len(value) < 16]
    return Tag.objects.filter(root_id=actor.root_id, pk__in=numbers)


def _imports(actor: Actor, values: Iterable[str]) -> QuerySet[Any, Any]:
    return _seen_imports(actor).filter(public_id__in=uuids(values))


def _seen_imports(actor: Actor) -> QuerySet[ImportFile]:
    """Lists are told by file names, which may name people: not for blind senders."""
    return ImportFile._default_manager.filter(
        root_id=actor.root_id, unit__in=actor.units(Act.PEOPLE_VIEW), state=ImportState.DONE
    )


def _list_units(actor: Actor, _picked: Collection[str]) -> list[tuple[str, str]]:
    rows: Iterable[Unit] = actor.units().only("public_id", "name", "depth", "path")
    return [(str(unit.public_id), f"{'· ' * (unit.depth - 1)}{unit.name}") for unit in rows]


def _list_channels(actor: Actor, _picked: Collection[str]) -> list[tuple[str, str]]:
    rows = _seen_channels(actor).order_by("unit__path", "name").values_list("public_id", "name")
    return [(str(public), name) for public, name in rows]


def _list_tags(actor: Actor, _picked: Collection[str]) -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Tag.objects.filter(root_id=actor.root_id).values_list("pk", "name")]


def _list_imports(actor: Actor, picked: Collection[str]) -> list[tuple[str, str]]:
    seen = _seen_imports(actor).order_by("-uploaded_at").values_list("public_id", "file_name", "uploaded_at")
    rows = latest_and_picked(seen, picked, MOST_IMPORTS)
    return [(str(public), f"{name} · {at:%Y.%m.%d}") for public, name, at in rows]


def latest_and_picked(
    seen: QuerySet[Any, tuple[Any, ...]], picked: Collection[str], most: int
) -> list[tuple[Any, ...]]:
    """The first ``most`` rows of ``seen``, whose first column is the public id, and the picked ones among the others."""
    rows = list(seen[:most])
    older = set(picked) - {str(row[0]) for row in rows}
    return rows + list(seen.filter(public_id__in=uuids(older))) if older else rows


def _none(_actor: Actor, _values: Iterable[str]) -> QuerySet[Any, Any]:
    nobody: QuerySet[Any, Any] = Unit.objects.none()
    return nobody


FINDERS: dict[Reference, Finder] = {
    "unit": _units, "channel": _channels, "tag": _tags, "import": _imports, "campaign": _none,
}  # fmt: skip
LISTERS: dict[Reference, Lister] = {
    "unit": _list_units, "channel": _list_channels, "tag": _list_tags, "import": _list_imports,
    "campaign": lambda _actor, _picked: [],
}  # fmt: skip
"""Campaigns lie above this room: it puts its own finder and lister in (``campaigns.apps``)."""


def place(actor: Actor, unit: Unit, group: Group) -> Place:
    """Where ``group`` is asked. Raises CannotAsk, with one and the same sentence, for ids missing or out of sight."""
    wanted: dict[Reference, set[str]] = {}
    for asked in criteria.conditions(group):
        found = FIELDS.get(asked.field)
        if found is not None and found.refers is not None:
            wanted.setdefault(found.refers, set()).update(asked.values)
    parts = [
        FINDERS[reference](actor, values)
        .order_by()
        .values_list(
            Value(reference, TextField()), Cast("pk" if reference == "tag" else "public_id", TextField()), "pk"
        )
        for reference, values in wanted.items()
    ]
    rows = parts[0].union(*parts[1:], all=True) if parts else ()
    numbers: dict[tuple[Reference, str], int] = {(kind, text): number for kind, text, number in rows}
    if any((reference, value) not in numbers for reference, values in wanted.items() for value in values):
        raise CannotAsk(problem="고른 조직·채널·태그·명단·메시지 가운데 찾을 수 없는 것이 있습니다.")
    return Place(entity_id=unit.entity_id, numbers=numbers)
