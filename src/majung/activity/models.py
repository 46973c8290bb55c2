"""Tables of the stream: what happened (append-only, written in SQL), readers' cursors, and what is owed."""

from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from majung.activity.enums import ActorKind
from majung.core import clock

if TYPE_CHECKING:
    _IntField = models.Field[int | None, int | None]
else:
    _IntField = models.Field


class Xid8Field(_IntField):
    """PostgreSQL's 64-bit transaction number; filled by the database."""

    def db_type(self, connection: Any) -> str:
        """The column's type."""
        return "xid8"

    def from_db_value(self, value: str | int | None, *_: object) -> int | None:
        """The number; psycopg hands it over as text."""
        return None if value is None else int(value)


class Activity(models.Model):
    """One thing that happened. Plain numbers, no foreign keys: the stream lies under every room that writes to it.

    The table is made by ``sql/activity.sql``; a trigger refuses UPDATE and DELETE, privileges TRUNCATE.
    """

    seq = models.BigIntegerField(primary_key=True)
    xid = Xid8Field()
    root_id = models.IntegerField()
    at = models.DateTimeField()
    actor_kind = models.TextField(choices=ActorKind)
    actor_id = models.BigIntegerField(null=True)
    kind = models.TextField()
    unit_id = models.BigIntegerField(null=True)
    person_id = models.BigIntegerField(null=True)
    object_kind = models.TextField(default="")
    object_id = models.BigIntegerField(null=True)
    facts = models.JSONField(default=dict)
    people = ArrayField(models.IntegerField(), null=True)

    class Meta:
        db_table = "activity"


class Reader(models.Model):
    """How far one reader of the stream has come."""

    name = models.CharField(max_length=60, primary_key=True)
    xid = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)

    class Meta:
        db_table = "activity_reader"


class Duty(models.Model):
    """Something a unit must do by a moment: a result notice, a two-year check, a key to copy. Kept when done.

    Lower rooms that must speak write duties; campaigns turns those that are due into messages.
    """

    root_id = models.IntegerField()
    unit_id = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    owed_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    people = ArrayField(models.IntegerField(), null=True)
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.BigIntegerField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by_kind = models.CharField(max_length=10, blank=True)
    done_by_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = (
            # Home's list of duties, and campaigns' search for those that are due.
            models.Index(fields=("root_id", "due_at"), condition=models.Q(done_at__isnull=True), name="duties_open"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("root_id", "unit_id", "kind", "object_kind", "object_id"),
                condition=models.Q(done_at__isnull=True),
                nulls_distinct=False,
                name="duty_open_once",
            ),
        )

    def __str__(self) -> str:
        return self.title
