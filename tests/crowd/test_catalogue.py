"""Every base set that any room declares runs, keeps to its root, and means the same narrowed to some people as whole."""

from typing import Any

import pytest
from django.db import connection

from majung.core import clock, db
from majung.crowd import bitmaps, catalogue, registry
from majung.crowd.compiler import Compiler
from majung.crowd.expression import Leaf, Range
from majung.crowd.registry import BaseSet
from tests.make import delivery, people, tree

catalogue.load()
SETS = {one.family: one for one in registry.everything()}
TEXTS = ("SMS", "KAKAO_AD", "advertising", "*", "")


@pytest.fixture
def made(db: None) -> tree.Organised:
    return tree.organisation(depth=2)


def choices(made: tree.Organised, one: BaseSet) -> list[tuple[Any, ...]]:
    """Some arguments that fit: numbers of units and entities that exist, and words that may."""
    numbers = [made.top.pk, made.entity.pk, 1]
    return [tuple(number if kind is int else text for kind in one.types) for number in numbers for text in TEXTS]


def found(root: int, leaf: Leaf | Range, some: list[int] | None = None) -> bitmaps.Buckets:
    compiler = Compiler(root)
    text = compiler.base(leaf, some)
    [(_, buckets)] = bitmaps.select(db.raw(), [(text, isinstance(leaf, Range))], compiler.params)
    return buckets


@pytest.mark.product("M2")
@pytest.mark.parametrize("family", SETS)
def test_declared_set_runs_and_narrows(made: tree.Organised, family: str) -> None:
    one = SETS[family]
    ours = people.crowd(40, units=made.units, shared=0.3)
    other = tree.organisation(depth=2)
    strangers = people.crowd(10, units=other.units)
    some = [*ours[::2], *strangers]
    for number, root, of in ((made.top.pk, made.root.pk, ours), (other.top.pk, other.root.pk, strangers)):
        delivery.handed(root, number, {person: "adq\x0al"[person % 5] for person in of}, clock.now())
    for args in choices(made, one):
        leaf = Range(family, args) if one.buckets else Leaf(family, args)
        whole = found(made.root.pk, leaf)
        narrow = found(made.root.pk, leaf, some)
        for bucket, members in whole.items():
            assert set(members) <= set(ours)
            assert set(narrow.get(bucket, ())) == set(members) & set(some)
        assert {bucket for bucket, members in narrow.items() if members} <= whole.keys()


@pytest.mark.parametrize("family", SETS)
def test_what_feeds_a_set_is_written_by_a_trigger(made: tree.Organised, family: str) -> None:
    """Each family of changes a set names stands in the text of some trigger function, or among a trigger's arguments."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(prosrc, ' ') FROM pg_proc WHERE prorettype = 'trigger'::regtype")
        [(text,)] = cursor.fetchall()
        cursor.execute("SELECT tgargs FROM pg_trigger WHERE tgnargs > 0")
        text += " ".join(f"'{arg.decode()}'" for (args,) in cursor.fetchall() for arg in bytes(args).split(b"\0"))
    for change in SETS[family].changes:
        assert f"'{change}'" in text, change


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"sql": "SELECT 1"}, "marker"),
        ({"sql": "SELECT 1 WHERE %(root)s = %(x)s /*people*/"}, "declares"),
        ({"sql": "SELECT 1 WHERE true /*people*/"}, "declares"),
        ({"params": ("unused",)}, "declares"),
        ({"changes": ()}, "feeds"),
    ],
)
def test_a_set_badly_declared_is_refused(columns: dict[str, Any], problem: str) -> None:
    values = {
        "family": "x",
        "label": "x",
        "sql": "SELECT 1 WHERE %(root)s = 1 /*people*/",
        "changes": ("x",),
        **columns,
    }
    with pytest.raises(ValueError, match=problem):
        BaseSet(**values)


def test_two_sets_of_one_name_are_refused() -> None:
    one = SETS["person"]
    assert registry.register(one) is one
    with pytest.raises(ValueError, match="two base sets"):
        registry.register(BaseSet(family="person", label="x", sql=one.sql + " ", changes=("x",)))
    with pytest.raises(ValueError, match="two base sets"):
        registry.register(BaseSet(family="scope", label="x", sql=one.sql, changes=("x",)))
