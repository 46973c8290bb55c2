"""What people do about addresses from which letters came back."""

from django.db import transaction

from majung.activity import services as activity
from majung.core import db, sql
from majung.mail.models import Returned
from majung.people.enums import ContactKind
from majung.people.models import ContactPoint, Person
from majung.people.scope import person_in_scope
from majung.tree.actor import Actor
from majung.tree.enums import Act


def returned(person: Person) -> Returned | None:
    """The mark of the person's address, if letters to it came back."""
    own = ContactPoint.objects.filter(person_id=person.pk, kind=ContactKind.EMAIL).values("blind")
    return Returned.objects.filter(root_id=person.root_id, blind__in=own).first()


@transaction.atomic
def clear(actor: Actor, number: int) -> bool:
    """The person's address is written to again: somebody made sure that it is right. Raises NotYours, Forbidden."""
    person = person_in_scope(actor, number, Act.PEOPLE_EDIT)
    facts = {"root": actor.root_id, "people": [person.pk]}
    found = db.raw().execute(sql.load("majung.mail", "returns", "clear"), facts).fetchall()
    if found:
        activity.write(actor, "mail.cleared", person_id=person.pk)
    return bool(found)
