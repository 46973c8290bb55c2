"""Table of the room: how often one address knocked."""

from django.db import models


class Knock(models.Model):
    """Forms sent from one address in one hour. The address is a keyed hash, and rows live for a day."""

    address = models.BinaryField(max_length=16)
    hour = models.DateTimeField()
    times = models.PositiveIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("address", "hour"), name="knocks_once_an_hour"),)
