"""Two organisations with people in them, for counting."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from majung.channels.friends import FriendState, How, observe
from majung.channels.models import Channel
from majung.core import clock, db, ids
from majung.people.models import Tag
from majung.tree.models import Unit
from tests.make import tree as make_tree
from tests.make.tree import Organised

# Before every moment that a test looks at, whenever it runs: what is lent in these organisations is lent from then on.
MADE_AT = datetime(2026, 11, 20, 3, tzinfo=UTC)


def person(unit: Unit, **columns: object) -> int:
    """A person at home in ``unit``; returns the number."""
    values = {
        "root_id": unit.root_id, "public_id": ids.uuid7(), "entity_id": unit.entity_id, "home_unit_id": unit.pk,
        "created_at": clock.now(), "basis": 1, **columns,
    }  # fmt: skip
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    row = db.raw().execute(f"INSERT INTO person ({names}) VALUES ({marks}) RETURNING id", values).fetchone()
    assert row is not None
    return int(row[0])


def tag(name: str, unit: Unit, people: list[int]) -> Tag:
    made = Tag.objects.create(root_id=unit.root_id, name=name)
    for number in people:
        db.raw().execute(
            "INSERT INTO person_tag (person_id, tag_id, root_id) VALUES (%s, %s, %s)", (number, made.pk, unit.root_id)
        )
    return made


def channel(unit: Unit, number: int, friends: list[int] | None = None) -> Channel:
    made = Channel.objects.create(root_id=unit.root_id, unit=unit, name=f"채널 {number}", profile_id=f"_a{number}")
    seen_at = datetime(2026, 3, 1, tzinfo=UTC)
    observe(db.raw(), unit.root_id, made.pk, friends or [], FriendState.ADDED, seen_at, How.IMPORT)
    return made


@dataclass
class World:
    """``ours``: top, two provinces, four districts; 60 people, 10 a unit below the top. ``theirs``: another root."""

    ours: Organised
    theirs: Organised
    people: dict[int, list[int]]


@pytest.fixture
def world(db: None) -> World:
    with clock.frozen(MADE_AT):
        ours, theirs = make_tree.organisation(depth=3, width=2), make_tree.organisation(depth=2, width=1)
    people = {}
    for unit in (*ours.units[1:], *theirs.units):
        people[unit.pk] = [
            person(unit, gender=1 + i % 2, birth_ym=198001 + i * 100, region_code="11", district_code="2110101")
            for i in range(10)
        ]
    return World(ours=ours, theirs=theirs, people=people)
