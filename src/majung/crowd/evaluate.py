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
from majung.crowd import bitmaps, bits, current, kept
from majung.crowd.compiler import Compiler
from majung.crowd.expression import And, AtLeast, Expression, Leaf, Not, Or, Range, leaves, resolve
from majung.crowd.joining import Joining
from majung.crowd.registry import EVERYONE_FAMILY

Lookup = Callable[[Leaf | Range], BitMap]


def bitmap(
    connection: psycopg.Connection[Any], root: int, expression: Expression, *, today: date | None = None
) -> BitMap:
    """Who is in ``expression`` now, from stored bitmaps and the change log: never older than the request.

    Base sets that must be built anew may be a few milliseconds newer than the others; ``members`` is one snapshot.
    """
    whole = resolve(expression, today or clock.today())
    known = current.load(connection, root, _keys(whole))
    if known is None:
        return _apart(connection, root, whole)[0]
    store, sets = known
    ground = store.ground(root)
    return ground.people(_joining(ground, sets).people(whole))


def count(connection: psycopg.Connection[Any], root: int, expression: Expression, *, today: date | None = None) -> int:
    """How many people are in ``expression`` now."""
    whole = resolve(expression, today or clock.today())
    known = current.load(connection, root, _keys(whole))
    if known is None:
        return len(_apart(connection, root, whole)[0])
    store, sets = known
    return bits.count(_joining(store.ground(root), sets).people(whole))


def count_both(
    connection: psycopg.Connection[Any],
    root: int,
    expression: Expression,
    denied: Expression,
    *,
    today: date | None = None,
) -> tuple[int, int]:
    """How many people are in ``expression`` now, and how many of these are not in ``denied``.

    What is asked of changes as one types, what is denied hardly: it is kept as one set while its base sets are the same.
    """
    today = today or clock.today()
    whole, others = resolve(expression, today), resolve(denied, today)
    known = current.load(connection, root, _keys(whole, others))
    if known is None:
        found, left_out = _apart(connection, root, whole, others)
        return len(found), len(found) - found.intersection_cardinality(left_out)
    store, sets = known
    joining = _joining(store.ground(root), sets)
    words = joining.people(whole)
    people = bits.count(words)
    words &= bits.fitted(_combined(store, root, others, joining, sets), len(words))
    return people, people - bits.count(words)


def _combined(store: kept.Store, root: int, others: Expression, joining: Joining, sets: current.Sets) -> bits.Words:
    """Everyone of ``others``, joined anew only when one of its base sets is another one than before."""
    made_of = tuple(sets[key] for key in _keys(others))
    before: kept.Combined | None = store.get((root, others))
    if before is None or any(one is not other for one, other in zip(before.made_of, made_of, strict=True)):
        before = kept.Combined(made_of, joining.people(others))
        store.put((root, others), before)
    return before.words


def _joining(ground: bits.Ground, sets: current.Sets) -> Joining:
    return Joining(ground.words, lambda leaf: sets[leaf.family, leaf.args])


def _keys(*expressions: Expression) -> Iterable[bitmaps.Key]:
    """The base sets of resolved expressions, and everyone."""
    asked = [Leaf(EVERYONE_FAMILY), *(leaf for one in expressions for leaf in leaves(one))]
    return dict.fromkeys((leaf.family, leaf.args) for leaf in asked)


def _apart(connection: psycopg.Connection[Any], root: int, *expressions: Expression) -> list[BitMap]:
    """Who is in resolved expressions, from stored bitmaps and nothing that this process keeps."""
    sets = bitmaps.load(connection, root, _keys(*expressions))
    return [combined(one, lambda leaf: bitmaps.of_leaf(sets[leaf.family, leaf.args], leaf)) for one in expressions]


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
    return combined(whole, sets.__getitem__)


def combined(whole: Expression, lookup: Lookup) -> BitMap:
    """Everyone alive who is in a resolved expression, with its base sets from ``lookup``."""
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
