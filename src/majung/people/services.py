"""Changing people: adding, moving, tagging, stopping, erasing; each by an actor, in a set, with its record."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

import psycopg
from django.db import transaction

from majung.activity import services as activity
from majung.core import clock, db, sql
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.core.text import nfc
from majung.people import bulk, vault
from majung.people.bulk import Added, NewPeople, NewPerson
from majung.people.enums import MemberState, PersonState
from majung.people.models import Tag
from majung.people.phones import normalise
from majung.people.scope import reachable
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import LegalEntity, Unit

__all__ = ["Added", "NewPeople", "NewPerson", "add_columns", "add_people", "erase", "put_tag", "set_home", "take_tag"]

LONGEST_TAG = 40


def _run(name: str, **params: Any) -> list[Any]:
    rows = psycopg.Cursor(db.raw()).execute(sql.load("majung.people", "people", name), params).fetchall()
    return [row[0] for row in rows]


# ── adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def add_people(actor: Actor, rows: Sequence[NewPerson]) -> Added:
    """``rows`` are in the actor's organisation now (F2, F3); best some thousands at a time.

    Somebody with the same mobile number and the same name (or a row without name) is a duplicate: left out and reported; of
    rows without a number, somebody with the same mail address. Two names with one number are two people who share it. Raises
    NotYours or Forbidden for a home unit the actor may not add to, Invalid for an entity or tag of nobody here.
    """
    return add_columns(actor, NewPeople.of(rows)) if rows else Added(numbers=[], duplicates=[])


@transaction.atomic
def add_columns(actor: Actor, people: NewPeople) -> Added:
    """As ``add_people``, for at least one."""
    _check_places(actor, {*people.home_unit_id}, {*people.entity_id})
    tags = {tag for borne in {*people.tags} for tag in borne}
    if tags and Tag.objects.filter(root_id=actor.root_id, pk__in=tags).count() != len(tags):
        raise Invalid(problem="모르는 꼬리표입니다.")
    added = bulk.add_columns(db.raw(), vault.sealer(), actor.root_id, people, clock.now())
    if fresh := added.people:
        import_id = people.import_id[0]
        vault.log(actor, "people.add", n=len(fresh), why="명단 가져오기" if import_id else "")
        activity.write(
            actor,
            "people.added",
            person_id=fresh[0] if len(fresh) == 1 else None,
            object_kind="import" if import_id else "",
            object_id=import_id,
            facts={"n": len(fresh)},
            people=None if len(fresh) == 1 else fresh,
        )
    return added


def _check_places(actor: Actor, homes: Collection[int | None], entities: Collection[int]) -> None:
    if LegalEntity.objects.filter(root_id=actor.root_id, pk__in=entities).count() != len(entities):
        raise Invalid(problem="모르는 개인정보처리자입니다.")
    numbers = {home for home in homes if home is not None}
    units = list(Unit.objects.filter(root_id=actor.root_id, pk__in=numbers))
    if len(units) != len(numbers):
        raise NotYours()
    if None in homes and not actor.is_system:
        units += Unit.objects.filter(root_id=actor.root_id, depth=1)
    for unit in units:
        if not actor.may(Act.PEOPLE_IMPORT, unit):
            actor.require(Act.PEOPLE_EDIT, unit)


# ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def editable(actor: Actor, people: Iterable[int], act: Act = Act.PEOPLE_EDIT) -> list[int]:
    """``people`` in order, when ``act`` was lent at every one of them. Raises NotYours, or Forbidden for who is in sight."""
    numbers = sorted(set(people))
    missing = set(numbers) - reachable(actor, numbers, act)
    if missing:
        raise Forbidden() if missing <= reachable(actor, list(missing)) else NotYours()
    return numbers


@transaction.atomic
def set_home(actor: Actor, people: Iterable[int], unit: Unit) -> list[int]:
    """``unit`` is the home of ``people`` now; returns those who moved. Needs the right to edit at both ends."""
    actor.require(Act.PEOPLE_EDIT, unit)
    moved = _run("move_home", root=actor.root_id, people=editable(actor, people), unit=unit.pk)
    _record(actor, "people.moved", moved, unit_id=unit.pk)
    return moved


@transaction.atomic
def set_processing(actor: Actor, people: Iterable[int], *, stopped: bool) -> list[int]:
    """Processing of ``people`` is stopped (RTS-03) or goes on; returns those for whom it changed."""
    state = PersonState.STOPPED if stopped else PersonState.ACTIVE
    changed = _run("set_state", root=actor.root_id, people=editable(actor, people), state=int(state))
    _record(actor, "people.stopped" if stopped else "people.resumed", changed)
    return changed


@transaction.atomic
def set_membership(actor: Actor, people: Iterable[int], entity_id: int, state: MemberState, since: date) -> list[int]:
    """``people`` stand so with the entity since that day; returns those for whom it changed (PTY-04)."""
    if not LegalEntity.objects.filter(root_id=actor.root_id, pk=entity_id).exists():
        raise NotYours()
    changed = _run(
        "set_membership",
        root=actor.root_id,
        people=editable(actor, people),
        entity=entity_id,
        state=int(state),
        since=since,
    )
    _record(actor, "people.membership", changed, object_kind="entity", object_id=entity_id, facts={"state": state.name})
    return changed


@transaction.atomic
def erase(actor: Actor, people: Iterable[int], *, why: str, address: str = "") -> list[int]:
    """``people`` are destroyed (PIP-25): fields, contacts, tags, memberships, and the key of what was sealed elsewhere.

    Their numbers remain in sets and sums. Returns those who were there.
    """
    reason = vault.checked_reason(why)
    gone = _run("erase", root=actor.root_id, people=editable(actor, people))
    if gone:
        vault.log(
            actor,
            "people.erase",
            why=reason,
            address=address,
            n=len(gone),
            person_id=gone[0] if len(gone) == 1 else None,
        )
    _record(actor, "people.erased", gone)
    return gone


def _record(actor: Actor, kind: str, people: list[int], **more: Any) -> None:
    if not people:
        return
    facts = {"n": len(people), **more.pop("facts", {})}
    one = people[0] if len(people) == 1 else None
    activity.write(actor, kind, person_id=one, people=None if one else sorted(people), facts=facts, **more)


# ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def make_tag(actor: Actor, name: str) -> Tag:
    """The tag of that name in the organisation, made when it is new. Needs the right to edit somewhere."""
    if Act.PEOPLE_EDIT not in actor.acts:
        raise Forbidden()
    name = nfc(name)
    if not 0 < len(name) <= LONGEST_TAG:
        raise Invalid(problem=f"꼬리표는 1자부터 {LONGEST_TAG}자까지입니다.")
    if any(normalise(part) for part in (name, *name.split())):
        raise Invalid(problem="꼬리표에는 전화번호를 적지 마세요.")
    return Tag.objects.get_or_create(root_id=actor.root_id, name=name)[0]


@transaction.atomic
def put_tag(actor: Actor, people: Iterable[int], tag: Tag) -> list[int]:
    """``people`` bear the tag; returns those who did not before."""
    return _tag(actor, people, tag, "put_tag", "people.tagged")


@transaction.atomic
def take_tag(actor: Actor, people: Iterable[int], tag: Tag) -> list[int]:
    """``people`` do not bear the tag; returns those who did before."""
    return _tag(actor, people, tag, "take_tag", "people.untagged")


def _tag(actor: Actor, people: Iterable[int], tag: Tag, statement: str, kind: str) -> list[int]:
    if tag.root_id != actor.root_id:
        raise NotYours()
    changed = _run(statement, root=actor.root_id, people=editable(actor, people), tag=tag.pk)
    _record(actor, kind, changed, object_kind="tag", object_id=tag.pk)
    return changed


# ── where somebody belongs ───────────────────────────────────────────────────────────────────────────────────────────


def units_of_districts(root_id: int, on: date) -> dict[str, int]:
    """The unit that answers for each district code on that day; of several, the one nearest the top (F3)."""
    statement = sql.load("majung.people", "people", "units_of_districts")
    rows = psycopg.Cursor(db.raw()).execute(statement, {"root": root_id, "on": on})
    return dict(rows.fetchall())
