"""What the list of people can be narrowed by: this room's own filters, and those that rooms above add (friend state …)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from majung.core import clock
from majung.core.errors import NotYours
from majung.crowd.expression import And, Expression, Leaf, Not, Range
from majung.people.enums import Gender
from majung.people.models import Tag
from majung.tree.actor import Actor
from majung.tree.enums import Act

MOST_CHOICES = 1000
ELSEWHERE, NO_HOME = "다른 조직", "정해지지 않음"

Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One select above the list: what the actor may pick, and the set that a picked value means."""

    key: str
    label: str
    choices: Callable[[Actor], Choices]
    meaning: Callable[[Actor, str], Expression]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A filter as the page draws it."""

    key: str
    label: str
    choices: Choices
    value: str


_filters: dict[str, Filter] = {}


def register(one: Filter) -> Filter:
    """The list can be narrowed by ``one``; called once, when the room above starts."""
    _filters[one.key] = one
    return one


def read(actor: Actor, query: Mapping[str, str]) -> tuple[list[Shown], Expression]:
    """The filters as asked for, and what they mean together. Raises NotYours for a value the actor cannot pick."""
    shown: list[Shown] = []
    meanings: list[Expression] = []
    for one in _filters.values():
        choices, value = one.choices(actor), query.get(one.key, "")
        if value:
            if value not in {code for code, _ in choices}:
                raise NotYours()
            meanings.append(one.meaning(actor, value))
        if choices:
            shown.append(Shown(key=one.key, label=one.label, choices=choices, value=value))
    return shown, And(tuple(meanings))


def _units(actor: Actor) -> Choices:
    rows = actor.units(Act.PEOPLE_VIEW).values_list("public_id", "name", "depth")[:MOST_CHOICES]
    return [(str(public_id), f"{'　' * (depth - 1)}{name}") for public_id, name, depth in rows]


def _in_unit(actor: Actor, value: str) -> Expression:
    unit = actor.unit(value, Act.PEOPLE_VIEW)
    whole = any(
        Act.PEOPLE_VIEW in grant.acts and grant.covers_subtree and unit.path.startswith(grant.unit.path)
        for grant in actor.grants
    )
    return Leaf("scope" if whole or actor.is_system else "here", (unit.pk,))


def _districts(actor: Actor) -> Choices:
    rows = actor.units(Act.PEOPLE_VIEW).exclude(district_code="").values_list("district_code", "name", "depth")
    named: dict[str, str] = {}
    for code, name, _ in sorted(rows, key=lambda row: row[2]):
        named.setdefault(code, name)
    return sorted(named.items(), key=lambda item: item[0])[:MOST_CHOICES]


AGES: Choices = (
    ("0", "14세 미만"),
    ("14", "10대"),
    *((str(age), f"{age}대") for age in range(20, 90, 10)),
    ("90", "90세 이상"),
)


def _born_by(age: int) -> int:
    """The last month of birth that is surely ``age`` years old; who may still be under 14 counts as under 14."""
    today = clock.today()
    return (today.year - age) * 100 + today.month - (age == 14)


def _aged(_actor: Actor, value: str) -> Expression:
    age = int(value)
    older = next((int(code) for code, _ in AGES if int(code) > age), None)
    return Range("born", (), None if older is None else _born_by(older) + 1, None if age == 0 else _born_by(age))


def age_band(birth_ym: int | None) -> str:
    """The filter's word for who was born in that month, as of today; empty when unknown."""
    if birth_ym is None:
        return ""
    return next((word for code, word in reversed(AGES) if birth_ym <= _born_by(int(code))), AGES[0][1])


def _tags(actor: Actor) -> Choices:
    return [(str(tag.pk), tag.name) for tag in Tag.objects.filter(root_id=actor.root_id)[:MOST_CHOICES]]


STATES: dict[str, tuple[str, Expression]] = {
    "active": ("이용 중", Not(Leaf("stopped"))),
    "stopped": ("처리정지", Leaf("stopped")),
    "no_basis": ("근거 없음", Leaf("no_basis")),
    "no_mobile": ("휴대전화 없음", Not(Leaf("has_mobile"))),
    "shared": ("같은 번호", Leaf("shared_contact")),
}


def home_names(actor: Actor, homes: Iterable[int | None]) -> dict[int | None, str]:
    """What to call each home: a unit out of the actor's sight is another one (somebody may be seen by a channel alone)."""
    units = {home for home in homes if home is not None}
    names: dict[int | None, str] = dict(actor.units().filter(pk__in=units).values_list("pk", "name"))
    return dict.fromkeys(units, ELSEWHERE) | names | {None: NO_HOME}


register(Filter(key="unit", label="조직", choices=_units, meaning=_in_unit))
register(
    Filter(key="district", label="선거구", choices=_districts, meaning=lambda _actor, code: Leaf("district", (code,)))
)
register(
    Filter(
        key="gender",
        label="성별",
        choices=lambda _actor: [(str(gender.value), str(gender.label)) for gender in Gender],
        meaning=lambda _actor, value: Leaf("gender", (int(value),)),
    )
)
register(Filter(key="age", label="나이", choices=lambda _actor: AGES, meaning=_aged))
register(Filter(key="tag", label="꼬리표", choices=_tags, meaning=lambda _actor, pk: Leaf("tag", (int(pk),))))
register(
    Filter(
        key="state",
        label="상태",
        choices=lambda _actor: [(code, word) for code, (word, _) in STATES.items()],
        meaning=lambda _actor, code: STATES[code][1],
    )
)
