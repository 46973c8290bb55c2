"""What rooms above add to the tree page: columns of its rows and lines of a unit's panel (channels, friends, budgets)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from majung.tree.actor import Actor
from majung.tree.models import Unit
from majung.ui.values import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """``cells`` gives, for many units at once, more keys of each row (of ``columns``, and ``pips``); ``facts`` panel lines."""

    name: str
    columns: tuple[Column, ...] = ()
    cells: Callable[[Actor, Sequence[Unit]], Mapping[int, Mapping[str, Any]]] | None = None
    facts: Callable[[Actor, Unit], Sequence[tuple[str, str]]] | None = None


SLOTS: dict[str, Slot] = {}


def add(slot: Slot) -> None:
    """The tree page shows ``slot``; called from an app's ``ready``. Added again, the newer stands."""
    SLOTS[slot.name] = slot
