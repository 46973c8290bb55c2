"""How a number of people is told: exactly in one's own unit, never pointing at somebody elsewhere, and coarsely to the blind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from majung.tree.actor import Actor
from majung.tree.models import Unit
from majung.ui.text import FEW, UNKNOWN, number

FLOOR = 30
"""A blind sender addresses no audience below this (T5)."""
STEP = 10

Sight = Literal["exact", "few", "blind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A number as somebody may know it: ``number`` is None when it is hidden; ``enough`` whether it may be sent to."""

    number: int | None
    shown: str
    enough: bool


def sight(actor: Actor, unit: Unit) -> Sight:
    """How ``actor`` sees numbers of people at ``unit``: its own units are those at which a grant sits."""
    if actor.is_blind:
        return "blind"
    return "exact" if actor.is_system or any(grant.unit_id == unit.pk for grant in actor.grants) else "few"


def told(people: int, sight: Sight, unit: str = "명") -> Count:
    """``people`` as told under ``sight``; a whole audience."""
    if sight == "blind":
        if people < FLOOR:
            return Count(number=None, shown=f"{FLOOR}{unit} 미만", enough=False)
        rounded = round_to_ten(people)
        return Count(number=rounded, shown=f"약 {number(rounded)}{unit}", enough=True)
    if sight == "few" and 0 < people < FEW:
        return Count(number=None, shown=f"{FEW}{unit} 미만", enough=True)
    return Count(number=people, shown=f"{number(people)}{unit}", enough=people > 0)


def part(people: int | None, sight: Sight, unit: str = "명") -> Count:
    """A part of an audience (one reason, one unit, one outcome): hidden below ten, also nobody, from the blind."""
    if people is None:
        return Count(number=None, shown=UNKNOWN, enough=False)
    if sight == "blind":
        if people < FEW:
            return Count(number=None, shown=f"{FEW}{unit} 미만", enough=False)
        rounded = round_to_ten(people)
        return Count(number=rounded, shown=f"약 {number(rounded)}{unit}", enough=True)
    return told(people, sight, unit)


def parts(numbers: Sequence[int], sight: Sight, unit: str = "명") -> list[Count]:
    """Parts of a known sum. One hidden part alone could be found by subtraction, so that the next larger is told coarsely."""
    told_ones = [part(n, sight, unit) for n in numbers]
    hidden = [i for i, one in enumerate(told_ones) if one.number is None]
    others = [i for i, n in enumerate(numbers) if n >= FEW]
    if sight == "few" and len(hidden) == 1 and others:
        nearest = min(others, key=numbers.__getitem__)
        rounded = round_to_ten(numbers[nearest])
        told_ones[nearest] = Count(number=rounded, shown=f"약 {number(rounded)}{unit}", enough=True)
    return told_ones


def round_to_ten(people: int) -> int:
    """The nearest ten, halves up."""
    return (people + STEP // 2) // STEP * STEP
