"""Tables of the room: endpoints, what is to be told to each, and every try."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from majung.core import clock, ids
from majung.tree.models import Grant, Organisation, Unit
from majung.webhooks.enums import Course, Event, State, Why


class Endpoint(models.Model):
    """An address of an organisation's own system, told what happens at a unit (and all below it) by leave of a grant.

    The secret is sealed; ``old_secret_sealed`` signs beside it until ``old_until``, after a new one was made.
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    covers_subtree = models.BooleanField()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=60)
    url = models.CharField(max_length=500)
    events = ArrayField(models.CharField(max_length=30, choices=Event))
    secret_sealed = models.BinaryField(default=b"")
    old_secret_sealed = models.BinaryField(default=b"")
    old_until = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    why = models.CharField(max_length=12, choices=Why, blank=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("unit", "url"), condition=~Q(state=State.REMOVED), name="endpoint_once"),
            models.CheckConstraint(condition=Q(events__len__gt=0), name="endpoint_told_something"),
            models.CheckConstraint(condition=Q(state=State.HELD) ^ Q(why=""), name="endpoint_held_for_a_reason"),
            models.CheckConstraint(
                condition=~Q(state=State.REMOVED) | Q(secret_sealed=b"", old_secret_sealed=b""),
                name="endpoint_removed_without_secret",
            ),
        )

    def __str__(self) -> str:
        return self.label


class Delivery(models.Model):
    """One body for one endpoint. Its public id is the ``webhook-id`` of every try; ``caused_by`` the entry of the stream."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=30)
    caused_by = models.BigIntegerField(null=True)
    body = models.BinaryField()
    course = models.CharField(max_length=10, choices=Course, default=Course.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, default=clock.now)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = (
            # What an endpoint is to be told now.
            models.Index(fields=("endpoint", "next_at"), condition=Q(course=Course.WAITING), name="deliveries_due"),
            # The log of an endpoint, and what is forgotten.
            models.Index(fields=("endpoint", "-id"), name="deliveries_of_endpoint"),
        )
        constraints = (
            models.UniqueConstraint(fields=("endpoint", "event", "caused_by"), name="told_once"),
            models.CheckConstraint(
                condition=Q(course=Course.WAITING) ^ Q(next_at__isnull=True), name="delivery_waits_for_a_moment"
            ),
        )

    def __str__(self) -> str:
        return self.event


class Attempt(models.Model):
    """One try: the status answered, or why there was no answer. Answers themselves are not kept."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    problem = models.CharField(max_length=20, blank=True)
    milliseconds = models.PositiveIntegerField()

    class Meta:
        indexes = (models.Index(fields=("delivery", "id"), name="attempts_in_order"),)
