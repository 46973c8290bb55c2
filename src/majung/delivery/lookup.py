"""Where the planner's sets come from: base sets by SQL, from stored bitmaps, or narrowed to some people; one algebra.

``crowd.catalogue.load`` names ``<room>/sets.py`` for declared base sets, so this module, which only reads, has another name.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import psycopg
from pyroaring import BitMap

from majung.crowd import bitmaps, catalogue
from majung.crowd.compiler import Compiler
from majung.crowd.expression import And, AtLeast, Expression, Leaf, Not, Or, Range, leaves, resolve

STATEMENT_LEAVES = 64
"""Base sets asked for in one statement."""


Asked = Leaf | Range
Reader = Callable[[list[Asked]], dict[Asked, BitMap]]
"""Fetches base sets (of bucketed ones, ranges), each with its people."""


def by_sql(connection: psycopg.Connection[Any], root: int, people: Iterable[int] | None = None) -> Reader:
    """The truth: each base set by its SQL, for all or narrowed to ``people``."""
    narrowed = None if people is None else list(people)

    def read(asked: list[Asked]) -> dict[Asked, BitMap]:
        found: dict[Asked, BitMap] = {}
        for start in range(0, len(asked), STATEMENT_LEAVES):
            some = asked[start : start + STATEMENT_LEAVES]
            compiler = Compiler(root, narrowed)
            answer = bitmaps.select(connection, [(compiler.rows(leaf), False) for leaf in some], compiler.params)
            found.update((leaf, sets.get(None) or BitMap()) for leaf, (_, sets) in zip(some, answer, strict=True))
        return found

    return read


def by_friendships(read_others: Reader, rows: Iterable[tuple[int, int, BitMap]]) -> Reader:
    """As ``read_others``, but states of friendship come from ``rows`` (channel, state, people), all read at once."""
    known = {(channel, state): people for channel, state, people in rows}

    def read(asked: list[Asked]) -> dict[Asked, BitMap]:
        found: dict[Asked, BitMap] = {}
        others: list[Asked] = []
        for leaf in asked:
            if leaf.family == "friend":
                found[leaf] = known.get((int(leaf.args[0]), int(leaf.args[1])), BitMap())
            else:
                others.append(leaf)
        return found | read_others(others) if others else found

    return read


def by_bitmap(connection: psycopg.Connection[Any], root: int, *, may_store: bool = True) -> Reader:
    """The index: stored bitmaps with the change log up to now. What had to be mended is stored, unless ``may_store`` is off."""

    def read(asked: list[Asked]) -> dict[Asked, BitMap]:
        sets = bitmaps.load(
            connection, root, dict.fromkeys((leaf.family, leaf.args) for leaf in asked), may_store=may_store
        )
        return {leaf: bitmaps.of_leaf(sets[leaf.family, leaf.args], leaf) for leaf in asked}

    return read


class Sets:
    """Expressions evaluated within some people, each base set read once. Moving bounds count from ``today``."""

    def __init__(self, reader: Reader, today: date) -> None:
        catalogue.load()
        self._read, self._today = reader, today
        self._known: dict[Asked, BitMap] = {}
        self._resolved: dict[Expression, Expression] = {}

    def prefetch(self, expressions: Iterable[Expression]) -> None:
        """Read every base set of these that is not known yet, together."""
        fresh = [expression for expression in expressions if expression not in self._resolved]
        self._resolved.update((expression, resolve(expression, self._today)) for expression in fresh)
        every = (leaf for expression in fresh for leaf in leaves(self._resolved[expression]))
        if asked := dict.fromkeys(leaf for leaf in every if leaf not in self._known):
            self._known.update(self._read(list(asked)))

    def within(self, expression: Expression, asked: BitMap) -> BitMap:
        """Who of ``asked`` is in the expression. ``asked`` must be people alive in the root."""
        self.prefetch([expression])
        return BitMap(self._combine(self._resolved[expression], asked))

    def of(self, expression: Expression) -> BitMap:
        """Everyone alive who is in the expression."""
        everyone = Leaf("person")
        self.prefetch([everyone, expression])
        return self.within(expression, self._known[everyone])

    def _combine(self, expression: Expression, asked: BitMap) -> BitMap:
        match expression:
            case Leaf() | Range():
                return asked & self._known[expression]
            case And(parts):
                for part in parts:
                    asked = self._combine(part, asked)
                return asked
            case Or(parts):
                return BitMap.union(BitMap(), *(self._combine(part, asked) for part in parts))
            case Not(part):
                return asked - self._combine(part, asked)
            case AtLeast(k, parts):
                levels = [asked] + [BitMap() for _ in range(k)]
                for part in parts:
                    hit = self._combine(part, asked)
                    for level in range(k, 0, -1):
                        levels[level] |= levels[level - 1] & hit
                return levels[k]
        raise TypeError(type(expression))
