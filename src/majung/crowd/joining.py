"""Resolved expressions over sets as bits. Plain.

Every step is about each person alone, so that whoever is not alive may stand anywhere until the end, where all that is
counted is cut to everyone.
"""

from collections.abc import Callable, Sequence

import numpy as np

from majung.crowd import bits
from majung.crowd.bits import Words
from majung.crowd.expression import Ago, And, AtLeast, Expression, Leaf, Not, Or, Range
from majung.crowd.registry import EVERYONE_FAMILY

Lookup = Callable[[Leaf | Range], bits.Set]


class Joining:
    """Joins sets of one root, as arrays of one length."""

    def __init__(self, length: int, lookup: Lookup) -> None:
        self._length = length
        self._lookup = lookup
        self._everyone, _ = self._set(Leaf(EVERYONE_FAMILY))

    def people(self, expression: Expression) -> Words:
        """Everyone alive who is in ``expression``: a new array."""
        found, is_new = self._join(expression)
        if is_new:
            found &= self._everyone
            return found
        return found & self._everyone

    def _join(self, expression: Expression) -> tuple[Words, bool]:
        """Who is in it, and whether the array is a new one, which may be written to."""
        match expression:
            case Leaf() | Range():
                return self._set(expression)
            case Not(part):
                inside, is_new = self._join(part)
                return np.invert(inside, out=inside if is_new else None), True
            case And(parts):
                return self._all(parts)
            case Or(parts):
                return self._any(parts)
            case AtLeast(k, parts):
                return self._at_least(k, parts), True
        raise TypeError(type(expression))

    def _set(self, leaf: Leaf | Range) -> tuple[Words, bool]:
        found = self._lookup(leaf)
        if isinstance(found, bits.Plain | bits.Few):
            return found.everyone(self._length)
        if not isinstance(leaf, Range) or isinstance(leaf.first, Ago) or isinstance(leaf.last, Ago):
            raise TypeError("a leaf of buckets, or a moving bound, must be resolved first")
        return bits.fitted(found.between(leaf.first, leaf.last), self._length), True

    def _all(self, parts: Sequence[Expression]) -> tuple[Words, bool]:
        found, is_new = self._everyone, False
        for number, part in enumerate(sorted(parts, key=lambda part: isinstance(part, Not))):
            if isinstance(part, Not):
                outside, _ = self._join(part.part)
                found = np.bitwise_or(found, outside, out=found if is_new else None)
                found ^= outside
                is_new = True
            elif number == 0:
                found, is_new = self._join(part)
            else:
                found = np.bitwise_and(found, self._join(part)[0], out=found if is_new else None)
                is_new = True
        return found, is_new

    def _any(self, parts: Sequence[Expression]) -> tuple[Words, bool]:
        if not parts:
            return np.zeros(self._length, np.uint64), True
        found, is_new = self._join(parts[0])
        for part in parts[1:]:
            found = np.bitwise_or(found, self._join(part)[0], out=found if is_new else None)
            is_new = True
        return found, is_new

    def _at_least(self, k: int, parts: Sequence[Expression]) -> Words:
        """Running sets "in at least 1, 2 … k so far"."""
        so_far = [np.zeros(self._length, np.uint64) for _ in range(k)]
        for part in parts:
            inside, _ = self._join(part)
            for level in range(k - 1, 0, -1):
                so_far[level] |= so_far[level - 1] & inside
            so_far[0] |= inside
        return so_far[-1]
