"""Whom an actor may see: the grants as a set of people, and one person out of it."""

from majung.core import db
from majung.core.errors import Forbidden, NotYours
from majung.crowd import catalogue, evaluate
from majung.crowd.expression import EVERYONE, Expression, Leaf, Or
from majung.people.enums import PersonState
from majung.people.models import Person
from majung.tree.actor import Actor
from majung.tree.enums import Act

LARGEST_NUMBER = 2**31 - 1


def reach(actor: Actor, act: Act = Act.PEOPLE_VIEW) -> Expression:
    """The people at whom ``act`` was lent: the scopes of the grants' units. The system reaches everyone of its root."""
    catalogue.load()
    if actor.is_system:
        return EVERYONE
    scopes = {
        ("scope" if grant.covers_subtree else "here", grant.unit_id) for grant in actor.grants if act in grant.acts
    }
    return Or(tuple(Leaf(family, (unit,)) for family, unit in sorted(scopes)))


def reachable(actor: Actor, people: list[int], act: Act = Act.PEOPLE_VIEW) -> set[int]:
    """Those of ``people`` at whom ``act`` was lent, asked of the tables themselves."""
    return evaluate.holds_many(db.raw(), actor.root_id, reach(actor, act), people)


def person_in_scope(actor: Actor, number: int, act: Act = Act.PEOPLE_VIEW) -> Person:
    """The living person with that number, if ``act`` was lent at them.

    Raises NotYours for a person out of sight, of another root, erased or never there; Forbidden for one in sight at whom
    ``act`` was not lent.
    """
    if 0 < number <= LARGEST_NUMBER and act in actor.acts and reachable(actor, [number], act):
        found = Person.objects.filter(root_id=actor.root_id, pk=number).exclude(state=PersonState.ERASED).first()
        if found is not None:
            return found
    is_seen = act != Act.PEOPLE_VIEW and 0 < number <= LARGEST_NUMBER and reachable(actor, [number], Act.PEOPLE_VIEW)
    raise Forbidden() if is_seen else NotYours()
