"""Tables of audience: saved segments."""

from django.db import models
from django.db.models import Q

from majung.accounts.models import User
from majung.core import clock, ids
from majung.tree.models import Organisation, Unit


class Segment(models.Model):
    """A named question about people, kept by a unit (M2).

    ``criteria`` is the form's own language (``audience.criteria``), with ages and days counted from when it is asked;
    the crowd expression is made from it anew each time, so a saved segment never grows old.
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    criteria = models.JSONField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("root", "unit", "-changed_at"), name="segments_of_unit"),)
        constraints = (
            models.CheckConstraint(condition=~Q(name=""), name="segment_has_name"),
            models.UniqueConstraint(
                fields=("unit", "name"), condition=Q(deleted_at__isnull=True), name="segment_name_once"
            ),
        )

    def __str__(self) -> str:
        return self.name
