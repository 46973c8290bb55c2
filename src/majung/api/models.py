"""Answers that were given under an idempotency key, so that a repeated call does nothing twice (O4)."""

from django.db import models

from majung.accounts.models import ApiKey
from majung.core import clock


class Answer(models.Model):
    """What a key was answered under an ``Idempotency-Key``; kept for a day. Holds ids and counts, never personal data."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    call = models.CharField(max_length=200)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("api_key", "key"), name="one_answer_a_key"),)
