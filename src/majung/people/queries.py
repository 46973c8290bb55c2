"""Questions about people: pages of the list, one person's facts, the access log. Everything is masked and scoped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet, Sum
from pyroaring import BitMap

from majung.accounts.models import ApiKey, User
from majung.core import clock, db
from majung.core.errors import Forbidden
from majung.crowd import evaluate
from majung.crowd.expression import EVERYONE, Expression
from majung.people import filters, vault
from majung.people.enums import Gender, PersonState
from majung.people.models import AccessEntry, Person, PersonTag, Tag
from majung.people.scope import person_in_scope, reach, reachable
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

__all__ = ["PeoplePage", "access_page", "people_page", "person_in_scope", "reach", "reachable"]

PAGE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person of the list, masked."""

    number: int
    name: str
    mobile: str
    home: str
    age: str
    gender: str
    tags: Sequence[str]
    is_stopped: bool
    has_basis: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """A page of the list, newest numbers first. ``older`` and ``newer`` are keys for the neighbours, None at the ends."""

    lines: Sequence[Line]
    count: int
    first: int
    older: int | None
    newer: int | None

    @property
    def last(self) -> int:
        """The place of the last line among all."""
        return self.first + len(self.lines) - 1


def people_page(
    actor: Actor,
    chosen: Expression = EVERYONE,
    *,
    only: Sequence[int] | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE,
    address: str = "",
) -> PeoplePage:
    """People in the actor's sight and in ``chosen`` (and among ``only``): those numbered below ``before`` or above ``after``.

    Raises Forbidden for an actor to whom nobody is shown anywhere (a blind sender).
    """
    if Act.PEOPLE_VIEW not in actor.acts:
        raise Forbidden()
    found = evaluate.bitmap(db.raw(), actor.root_id, reach(actor) & chosen)
    if only is not None:
        found &= BitMap(only)
    top = len(found) if before is None else found.rank(before - 1)
    if after is not None:
        top = min(len(found), found.rank(after) + size)
    numbers = list(found[max(0, top - size) : top])
    lines = _lines(actor, numbers, address)
    return PeoplePage(
        lines=lines,
        count=len(found),
        first=len(found) - top + 1 if numbers else 0,
        older=numbers[0] if numbers and top > size else None,
        newer=numbers[-1] if numbers and top < len(found) else None,
    )


def _lines(actor: Actor, numbers: list[int], address: str) -> list[Line]:
    """The bitmap proposes, the tables decide: who is no longer in sight is left out."""
    seen = reachable(actor, numbers) if numbers else set()
    masked = vault.masked(actor, seen, address=address)
    rows = {
        person.pk: person for person in Person.objects.filter(root_id=actor.root_id, pk__in=masked).defer("name_sealed")
    }
    homes = filters.home_names(actor, (person.home_unit_id for person in rows.values()))
    tags = tags_of(actor.root_id, list(rows))
    return [
        Line(
            number=number,
            name=masked[number].name,
            mobile=masked[number].mobile,
            home=homes[person.home_unit_id],
            age=filters.age_band(person.birth_ym),
            gender="" if person.gender == Gender.UNKNOWN else str(Gender(person.gender).label),
            tags=[tag.name for tag in tags.get(number, ())],
            is_stopped=person.state == PersonState.STOPPED,
            has_basis=person.basis != 0,
        )
        for number, person in sorted(rows.items(), reverse=True)
    ]


def tags_of(root_id: int, people: Sequence[int]) -> dict[int, list[Tag]]:
    """The tags of each of ``people``, by name."""
    pairs = PersonTag.objects.filter(root_id=root_id, person_id__in=people).values_list("person_id", "tag_id")
    names = {tag.pk: tag for tag in Tag.objects.filter(root_id=root_id, pk__in={tag for _, tag in pairs})}
    found: dict[int, list[Tag]] = {}
    for person, tag in sorted(pairs, key=lambda pair: names[pair[1]].name):
        found.setdefault(person, []).append(names[tag])
    return found


# ── the access log ───────────────────────────────────────────────────────────────────────────────────────────────────

WHAT: Final[Mapping[str, str]] = {
    "people.reveal": "가린 정보 열람",
    "people.list": "목록 보기(가림)",
    "people.view": "사람 보기(가림)",
    "people.find": "번호·이름으로 찾기",
    "people.add": "사람 추가",
    "people.erase": "파기",
    "people.import_sample": "명단의 첫 줄 보기",
    "people.import_problems": "명단의 문제 줄 내려받기",
    "delivery": "발송에 번호를 씀",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLine:
    """One line of the access log, as the reviewer reads it."""

    number: int
    at: datetime
    who: str
    what: str
    fields: str
    person_id: int | None
    n: int
    why: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPage:
    """A page of the log, newest first, with what each actor did in the last thirty days."""

    lines: Sequence[AccessLine]
    count: int
    older: int | None
    busiest: Sequence[Mapping[str, Any]]


def access_entries(actor: Actor) -> QuerySet[AccessEntry]:
    """The entries the actor may review: all of the root for who reviews every unit, else those of their units.

    Raises Forbidden where reviewing was not lent at all.
    """
    if Act.ACCESS_REVIEW not in actor.acts:
        raise Forbidden()
    entries = AccessEntry.objects.filter(root_id=actor.root_id)
    units = actor.units(Act.ACCESS_REVIEW)
    if units.count() == Unit.objects.filter(root_id=actor.root_id).count():
        return entries
    return entries.filter(unit_id__in=units.values("pk"))


def access_page(
    actor: Actor, *, what: str = "", person: int | None = None, before: int | None = None, size: int = PAGE
) -> AccessPage:
    """A page of the access log, the newest below ``before`` first; narrowed to a kind of access or to one person."""
    allowed = access_entries(actor)
    entries = allowed
    if what:
        entries = entries.filter(Q(what=what) | Q(what__startswith=f"{what}:"))
    if person is not None:
        entries = entries.filter(person_id=person)
    count = entries.count()
    rows = list((entries if before is None else entries.filter(pk__lt=before)).order_by("-pk")[: size + 1])
    month = allowed.filter(at__gte=clock.now() - timedelta(days=30), actor_kind="user")
    busiest = list(
        month.values("actor_kind", "actor_id")
        .annotate(
            reveals=Count("pk", filter=Q(what__startswith="people.reveal")),
            shown=Sum("n", filter=Q(what__in=["people.list", "people.view"])),
            finds=Count("pk", filter=Q(what="people.find")),
        )
        .order_by(F("reveals").desc(), F("shown").desc(nulls_last=True))[:10]
    )
    names = _names(
        [(row.actor_kind, row.actor_id) for row in rows] + [(b["actor_kind"], b["actor_id"]) for b in busiest]
    )
    return AccessPage(
        lines=[_access_line(row, names) for row in rows[:size]],
        count=count,
        older=rows[size - 1].pk if len(rows) > size else None,
        busiest=[
            {**one, "who": names[one["actor_kind"], one["actor_id"]], "shown": one["shown"] or 0} for one in busiest
        ],
    )


def _access_line(row: AccessEntry, names: Mapping[tuple[str, int | None], str]) -> AccessLine:
    what, _, fields = row.what.partition(":")
    words = {"name": "이름", "mobile": "휴대전화", "landline": "유선전화", "email": "전자우편"}
    return AccessLine(
        number=row.pk,
        at=row.at,
        who=names[row.actor_kind, row.actor_id],
        what=WHAT.get(what, what),
        fields=" · ".join(words.get(field, field) for field in fields.split(",") if field),
        person_id=row.person_id,
        n=row.n,
        why=row.why,
        address=row.address,
    )


def _names(actors: Sequence[tuple[str, int | None]]) -> dict[tuple[str, int | None], str]:
    users = dict(User.objects.filter(pk__in={n for kind, n in actors if kind == "user"}).values_list("pk", "email"))
    keys = dict(ApiKey.objects.filter(pk__in={n for kind, n in actors if kind == "api_key"}).values_list("pk", "label"))
    known = {("user", n): email for n, email in users.items()} | {
        ("api_key", n): f"API 키 {label}" for n, label in keys.items()
    }
    words = {"system": "시스템", "person": "본인"}
    return {one: known.get((one[0], one[1] or 0), words.get(one[0], "–")) for one in actors}
