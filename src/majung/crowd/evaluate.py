"""The evaluators of an expression, which must agree: by bitmap, by SQL, and for one person.

All of them answer only with people who are alive in the root (the family ``person``), whatever the base sets say.
``today`` is the Seoul date that moving bounds count from; the default is the clock's.
"""

from collections.abc import Callable, Iterable
from datetime import date
from functools import reduce
from operator import and_, or_
from typing import Any

import psycopg
from pyroaring import BitMap

from majung.core import clock
from majung.crowd import bitmaps
from majung.crowd.compiler import Compiler
from majung.crowd.expression import Ago, And, AtLeast, Expression, Leaf, Not, Or, Range, leaves, resolve
from majung.crowd.registry import EVERYONE_FAMILY

Lookup = Callable[[Leaf | Range], BitMap]


def bitmap(
    connection: psycopg.Connection[Any], root: int, expression: Expression, *, today: date | None = None
) -> BitMap:
    """Who is in ``expression`` now, from stored bitmaps and the change log: never older than the request.

    Base sets that must be built anew may be a few milliseconds newer than the others; ``members`` is one snapshot.
    """
    whole = resolve(expression, today or clock.today())
    asked = [Leaf(EVERYONE_FAMILY), *leaves(whole)]
    sets = bitmaps.load(connection, root, dict.fromkeys((leaf.family, leaf.args) for leaf in asked))

    def lookup(leaf: Leaf | Range) -> BitMap:
        return _in_range(sets[leaf.family, leaf.args], leaf)

    return _people(whole, lookup)


def count(connection: psycopg.Connection[Any], root: int, expression: Expression, *, today: date | None = None) -> int:
    """How many people are in ``expression`` now."""
    return len(bitmap(connection, root, expression, today=today))


def members(
    connection: psycopg.Connection[Any], root: int, expression: Expression, *, today: date | None = None
) -> BitMap:
    """Who is in ``expression``: the truth, each base set by its SQL in one snapshot, combined here."""
    return _by_sql(connection, Compiler(root), expression, today)


def holds_many(
    connection: psycopg.Connection[Any],
    root: int,
    expression: Expression,
    people: Iterable[int],
    *,
    today: date | None = None,
) -> set[int]:
    """Which of ``people`` are in ``expression``: by SQL in one snapshot, each base set narrowed to them."""
    return set(_by_sql(connection, Compiler(root, sorted(set(people))), expression, today))


def holds(
    connection: psycopg.Connection[Any], root: int, expression: Expression, person: int, *, today: date | None = None
) -> bool:
    """Whether one person is in ``expression``, by SQL."""
    return person in holds_many(connection, root, expression, [person], today=today)


def _by_sql(
    connection: psycopg.Connection[Any], compiler: Compiler, expression: Expression, today: date | None
) -> BitMap:
    whole = resolve(expression, today or clock.today())
    asked = list(dict.fromkeys((Leaf(EVERYONE_FAMILY), *leaves(whole))))
    found = bitmaps.select(connection, [(compiler.rows(leaf), False) for leaf in asked], compiler.params)
    sets = {leaf: buckets.get(None) or BitMap() for leaf, (_, buckets) in zip(asked, found, strict=True)}
    return _people(whole, sets.__getitem__)


def _in_range(buckets: bitmaps.Buckets, leaf: Leaf | Range) -> BitMap:
    if not isinstance(leaf, Range):
        return buckets.get(None) or BitMap()
    inside = [members for bucket, members in buckets.items() if bucket is not None and _is_inside(bucket, leaf)]
    return BitMap.union(*inside) if inside else BitMap()


def _is_inside(bucket: int, leaf: Range) -> bool:
    """Whether ``bucket`` lies in a resolved range."""
    first, last = leaf.first, leaf.last
    if isinstance(first, Ago) or isinstance(last, Ago):
        raise TypeError("a moving bound must be resolved first")
    return (first is None or bucket >= first) and (last is None or bucket <= last)


def _people(whole: Expression, lookup: Lookup) -> BitMap:
    everyone = lookup(Leaf(EVERYONE_FAMILY))
    return _combine(whole, lookup, everyone) & everyone


def _combine(expression: Expression, lookup: Lookup, everyone: BitMap) -> BitMap:
    match expression:
        case Leaf() | Range():
            return lookup(expression)
        case And(parts):
            return reduce(and_, (_combine(part, lookup, everyone) for part in parts), everyone)
        case Or(parts):
            return reduce(or_, (_combine(part, lookup, everyone) for part in parts), BitMap())
        case Not(part):
            return everyone - _combine(part, lookup, everyone)
        case AtLeast(k, parts):
            return _at_least(k, [_combine(part, lookup, everyone) for part in parts])
    raise TypeError(type(expression))


def _at_least(k: int, sets: list[BitMap]) -> BitMap:
    """Those in ``k`` or more of ``sets``: running bitmaps "in at least 1, 2 … k so far" (perf.md b)."""
    so_far = [BitMap() for _ in range(k)]
    for members in sets:
        for level in range(k - 1, 0, -1):
            so_far[level] |= so_far[level - 1] & members
        so_far[0] |= members
    return so_far[-1]
