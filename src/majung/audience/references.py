"""Numbers and names behind the ids that criteria mention; what the actor does not see is not there."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from majung.audience import criteria
from majung.audience.criteria import Group
from majung.audience.errors import CannotAsk
from majung.audience.fields import FIELDS, Place, Reference
from majung.channels.models import Channel
from majung.core import db, sql
from majung.people.imports.models import ImportFile, ImportState
from majung.people.models import Tag
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """How ids of one kind are looked up: a SELECT as in ``sql/references.sql``, what an id looks like, and which act shows them.

    Without ``act`` they are everybody's in the organisation.
    """

    sql: str
    ids: Callable[[Iterable[str]], Iterable[object]]
    act: Act | None


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


def _numbers(values: Iterable[str]) -> list[int]:
    return [int(value) for value in values if value.isascii() and value.isdecimal() and len(value) < 16]


def _seen_channels(actor: Actor) -> QuerySet[Channel]:
    return Channel.objects.filter(root_id=actor.root_id, unit__in=actor.units(Act.CHANNELS_VIEW))


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


def _finder(kind: Reference, act: Act | None, ids: Callable[[Iterable[str]], Iterable[object]] = uuids) -> Finder:
    return Finder(sql=sql.load("majung.audience", "references", kind), ids=ids, act=act)


FINDERS: dict[Reference, Finder] = {
    "unit": _finder("unit", Act.TREE_VIEW), "channel": _finder("channel", Act.CHANNELS_VIEW),
    "tag": _finder("tag", None, _numbers), "import": _finder("import", Act.PEOPLE_VIEW),
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
    numbers = _found(actor, wanted) if wanted else {}
    if any((reference, value) not in numbers for reference, values in wanted.items() for value in values):
        raise CannotAsk(problem="고른 조직·채널·태그·명단·메시지 가운데 찾을 수 없는 것이 있습니다.")
    return Place(entity_id=unit.entity_id, numbers=numbers)


def _found(actor: Actor, wanted: Mapping[Reference, Iterable[str]]) -> dict[tuple[Reference, str], int]:
    """The numbers of what is in the actor's sight: all kinds in one statement."""
    asked = [(kind, FINDERS[kind], values) for kind, values in sorted(wanted.items()) if kind in FINDERS]
    text = " UNION ALL ".join(f"SELECT '{kind}', k.* FROM ({finder.sql}) AS k" for kind, finder, _ in asked)
    params: dict[str, object] = {"root": actor.root_id}
    params |= {kind: f"{{{','.join(map(str, finder.ids(values)))}}}" for kind, finder, values in asked}
    rows = sql.prepared(db.raw(), text, params) if asked else ()
    found: dict[tuple[Reference, str], int] = {}
    for kind, value, number, unit_id, path in rows:
        act = FINDERS[kind].act
        if act is None or actor.reaches(act, unit_id, path):
            found[kind, value] = number
    return found
