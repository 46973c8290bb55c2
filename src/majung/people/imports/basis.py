"""What else happens with the people of an import: rooms above (consent) listen here, so that this room needs not know them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from majung.tree.actor import Actor
from majung.tree.models import Unit

if TYPE_CHECKING:
    from majung.people.imports.models import ImportFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A published notice on which consent may have been asked: its number, title, media and what the media are called."""

    notice_id: int
    title: str
    media: tuple[str, ...]
    media_words: tuple[str, ...]


Listener = Callable[[Actor, "ImportFile", Sequence[int]], None]

_applied: list[Listener] = []
_undone: list[Listener] = []
_grounds: list[Callable[[Actor, Unit], Sequence[Ground]]] = []


def listen(*, applied: Listener, undone: Listener, grounds: Callable[[Actor, Unit], Sequence[Ground]]) -> None:
    """``applied`` is called in the transaction of each batch with its people, ``undone`` when they are taken back.

    ``grounds`` says which notices an import at a unit may name.
    """
    if applied not in _applied:
        _applied.append(applied)
        _undone.append(undone)
        _grounds.append(grounds)


def grounds(actor: Actor, unit: Unit) -> list[Ground]:
    """Every notice that an import at ``unit`` may name."""
    return [ground for ask in _grounds for ground in ask(actor, unit)]


def tell_applied(actor: Actor, source: "ImportFile", people: Sequence[int]) -> None:
    """Everybody listening hears of the people of one batch."""
    for listener in _applied:
        listener(actor, source, people)


def tell_undone(actor: Actor, source: "ImportFile", people: Sequence[int]) -> None:
    """Everybody listening hears of the people that are taken back."""
    for listener in _undone:
        listener(actor, source, people)
