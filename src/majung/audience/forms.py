"""How criteria are shown: each placed node with its words, its choices and what it lacks. Values only, for templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from majung.audience import builder, criteria, fields, references
from majung.audience.builder import Placed
from majung.audience.criteria import JOINS, Condition, Group
from majung.audience.fields import FIELDS, Field, Reference
from majung.tree.actor import Actor

MOST_PILLS = 18
"""More choices than this become a list to pick from."""

Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of a condition, with its words and whether it is picked."""

    value: str
    word: str
    picked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A node as the template draws it. ``name`` is the prefix of its inputs, ``at`` what its buttons say."""

    at: str
    name: str
    is_group: bool
    negated: bool
    join: str = ""
    least: int = 1
    field: Field | None = None
    choices: Sequence[Choice] = ()
    as_pills: bool = True
    low: int | None = None
    high: int | None = None
    problem: str = ""
    depth: int = 1
    parts: Sequence["Shown"] = ()

    @property
    def takes_groups(self) -> bool:
        """Whether another group still fits inside."""
        return self.depth < criteria.MAX_DEPTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Fields under one heading, for the list of what can be asked."""

    label: str
    fields: Sequence[Field]


def sections() -> list[Section]:
    """Everything that can be asked, by heading, in the order of the form."""
    found: dict[str, list[Field]] = {}
    for field in FIELDS.values():
        found.setdefault(field.section, []).append(field)
    return [Section(label=label, fields=inside) for label, inside in found.items()]


def shown(actor: Actor, group: Group) -> Shown:
    """``group`` ready to be drawn for ``actor``: only what the actor sees can be picked."""
    asked = {c.field for c in criteria.conditions(group)}
    picked: dict[Reference, set[str]] = {}
    for condition in criteria.conditions(group):
        if condition.field in FIELDS and (kind := FIELDS[condition.field].refers) is not None:
            picked.setdefault(kind, set()).update(condition.values)
    lists: dict[Reference, Choices] = {kind: references.LISTERS[kind](actor, of) for kind, of in picked.items()}
    districts = _districts(actor) if "district" in asked else ()
    return _shown(builder.placed(group), lists, districts, 1)


def _shown(place: Placed, lists: Mapping[Reference, Choices], districts: Choices, depth: int) -> Shown:
    node = place.node
    if isinstance(node, Group):
        return Shown(
            at=place.at, name=place.name, is_group=True, negated=node.negated, join=node.join, least=node.least,
            depth=depth, parts=[_shown(part, lists, districts, depth + 1) for part in place.parts],
        )  # fmt: skip
    field = FIELDS[node.field]
    words = _words(field, lists, districts)
    choices = [Choice(value=value, word=word, picked=value in node.values) for value, word in words]
    return Shown(
        at=place.at, name=place.name, is_group=False, negated=node.negated, field=field, choices=choices,
        as_pills=len(choices) <= MOST_PILLS, low=node.low, high=node.high, problem=fields.problem(node), depth=depth,
    )  # fmt: skip


def _words(field: Field, lists: Mapping[Reference, Choices], districts: Choices) -> Choices:
    if field.refers is not None:
        return lists[field.refers]
    return districts if field.code == "district" else list((field.choices or {}).items())


def _districts(actor: Actor) -> Choices:
    """Districts that have a unit in sight, by the unit's name."""
    rows = actor.units().exclude(district_code="").only("district_code", "name")
    return list({unit.district_code: unit.name for unit in rows}.items())


def sentence(actor: Actor, group: Group) -> str:
    """The criteria in one line of Korean, for lists and headings."""
    if not fields.is_whole(group):
        return "모든 사람"
    return _said(shown(actor, group))


def _said(node: Shown) -> str:
    if node.is_group:
        parts = [_said(part) for part in node.parts if not part.problem]
        between = " 또는 " if node.join == criteria.ANY else " · "
        text = between.join(parts)
        if node.join == criteria.LEAST:
            text = f"{node.least}가지 이상({text})"
        elif len(parts) > 1 and node.depth > 1:
            text = f"({text})"
    else:
        text = _condition_said(node)
    return f"{text} 아님" if node.negated else text


def _condition_said(node: Shown) -> str:
    field = node.field
    if field is None:
        return ""
    picked = [choice.word.lstrip("· ") for choice in node.choices if choice.picked]
    many = f" 외 {len(picked) - 3}" if len(picked) > 3 else ""
    values = ", ".join(picked[:3]) + many
    if field.shape == "range":
        low, high = ("" if bound is None else str(bound) for bound in (node.low, node.high))
        return f"{field.label} {low}–{high}{field.suffix}"
    if field.shape == "days":
        within = f"{node.high}{field.suffix} {field.label.removeprefix('최근에 ')}"
        return f"{within} ({values})" if values else within
    return f"{field.label} {values}".strip()


def unknown(group: Group) -> bool:
    """Whether a condition asks for a field that does not exist; such criteria cannot be drawn."""
    return any(asked.field not in FIELDS for asked in criteria.conditions(group))


JOIN_WORDS = list(JOINS.items())


def blank(field: str) -> Condition | None:
    """A condition of that field with nothing said yet, or None for no such field."""
    return Condition(field=field) if field in FIELDS else None
