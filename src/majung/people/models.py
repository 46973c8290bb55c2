"""Tables of the room: tags as Django makes them; the big ones as ``sql/tables.sql`` made them, described here for reading.

The big tables are filled and changed in sets by hand-written SQL (``services``), never row by row through the ORM.
"""

from django.db import models

from majung.core import clock
from majung.people.enums import Basis, ContactKind, Gender, MemberState, PersonState
from majung.people.imports.models import ImportFile
from majung.tree.models import Organisation

__all__ = [
    "AccessEntry", "ContactClaim", "ContactPoint", "ExternalIdentity", "ImportFile", "Membership", "Person", "PersonTag", "Tag",
]  # fmt: skip


class Tag(models.Model):
    """A word that operators of one organisation put on people (F3). Never free text about a person: chosen from a list."""

    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=40)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("root", "name"), name="tag_name_once"),)

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    """A person of one root. ``id`` is the person number: dense, below 2^31, the key of every set."""

    id = models.BigIntegerField(primary_key=True)
    root_id = models.IntegerField()
    public_id = models.UUIDField(unique=True)
    entity_id = models.BigIntegerField()
    home_unit_id = models.BigIntegerField(null=True)
    name_sealed = models.BinaryField(null=True)
    name_blind = models.BinaryField(null=True)
    birth_ym = models.IntegerField(null=True)
    gender = models.SmallIntegerField(choices=Gender)
    region_code = models.TextField()
    district_code = models.TextField()
    state = models.SmallIntegerField(choices=PersonState)
    basis = models.SmallIntegerField(choices=Basis)
    import_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField()
    salt = models.BinaryField(null=True)

    class Meta:
        db_table = "person"


class ContactPoint(models.Model):
    """One sealed number or address of a person."""

    pk = models.CompositePrimaryKey("person_id", "kind")
    person_id = models.BigIntegerField()
    kind = models.SmallIntegerField(choices=ContactKind)
    root_id = models.IntegerField()
    sealed = models.BinaryField()
    blind = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "contact_point"


class ContactClaim(models.Model):
    """A value that several people hold, and the one of them it counts for. Kept by triggers."""

    pk = models.CompositePrimaryKey("root_id", "kind", "blind")
    root_id = models.IntegerField()
    kind = models.SmallIntegerField(choices=ContactKind)
    blind = models.BinaryField()
    person_id = models.BigIntegerField()
    holders = models.IntegerField()

    class Meta:
        db_table = "contact_claim"


class PersonTag(models.Model):
    """A tag on a person."""

    pk = models.CompositePrimaryKey("person_id", "tag_id")
    person_id = models.BigIntegerField()
    tag_id = models.BigIntegerField()
    root_id = models.IntegerField()

    class Meta:
        db_table = "person_tag"


class Membership(models.Model):
    """Where a person stands with a legal entity that has members."""

    pk = models.CompositePrimaryKey("person_id", "entity_id")
    person_id = models.BigIntegerField()
    entity_id = models.BigIntegerField()
    root_id = models.IntegerField()
    state = models.SmallIntegerField(choices=MemberState)
    since = models.DateField()

    class Meta:
        db_table = "membership"


class ExternalIdentity(models.Model):
    """A person as an outside app knows them, by the blind index of its id."""

    pk = models.CompositePrimaryKey("root_id", "app", "blind")
    root_id = models.IntegerField()
    app = models.TextField()
    blind = models.BinaryField()
    person_id = models.BigIntegerField()

    class Meta:
        db_table = "external_identity"


class AccessEntry(models.Model):
    """One line of the access log (X2): append-only, and linked into a hash chain at commit by a trigger."""

    id = models.BigIntegerField(primary_key=True)
    root_id = models.IntegerField()
    at = models.DateTimeField()
    actor_kind = models.TextField()
    actor_id = models.BigIntegerField(null=True)
    unit_id = models.BigIntegerField(null=True)
    person_id = models.BigIntegerField(null=True)
    n = models.IntegerField()
    what = models.TextField()
    why = models.TextField()
    address = models.TextField()

    class Meta:
        db_table = "access_log"
