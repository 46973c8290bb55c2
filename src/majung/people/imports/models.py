"""Table of imports; their staged rows are in ``import_row`` (sql/imports.sql), sealed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from majung.accounts.models import User
from majung.core import clock, ids
from majung.people.enums import Basis
from majung.people.imports.mapping import Column
from majung.tree.models import Organisation, Unit

MAIL = "EMAIL"
"""The medium of letters, as notices name it."""


class ImportState(models.TextChoices):
    """Where an import stands."""

    UPLOADED = "uploaded", "열 맞추기"
    READING = "reading", "읽는 중"
    READY = "ready", "확인 기다림"
    APPLYING = "applying", "넣는 중"
    DONE = "done", "끝남"
    UNDOING = "undoing", "되돌리는 중"
    UNDONE = "undone", "되돌림"
    FAILED = "failed", "멈춤"
    DISCARDED = "discarded", "버림"


MOVES: dict[str, frozenset[str]] = {
    ImportState.UPLOADED: frozenset({ImportState.READING, ImportState.DISCARDED}),
    ImportState.READING: frozenset({ImportState.READY, ImportState.FAILED}),
    ImportState.READY: frozenset({ImportState.APPLYING, ImportState.READING, ImportState.DISCARDED}),
    ImportState.APPLYING: frozenset({ImportState.DONE}),
    ImportState.DONE: frozenset({ImportState.UNDOING}),
    ImportState.UNDOING: frozenset({ImportState.UNDONE}),
    ImportState.FAILED: frozenset({ImportState.READING, ImportState.DISCARDED}),
    ImportState.UNDONE: frozenset(),
    ImportState.DISCARDED: frozenset(),
}


class ImportFile(models.Model):
    """One uploaded list and how far it has come. ``next_row`` is where a step that was cut off goes on."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(default=clock.now)
    file_name = models.CharField(max_length=120)
    size_bytes = models.PositiveBigIntegerField()
    stored_as = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=12, choices=ImportState, default=ImportState.UPLOADED)
    problem = models.CharField(max_length=200, blank=True)

    header = ArrayField(models.CharField(max_length=200))
    fingerprint = models.CharField(max_length=32)
    columns = ArrayField(models.CharField(max_length=20), default=list)

    basis = models.PositiveSmallIntegerField(choices=Basis, default=Basis.NONE)
    notice_ids = ArrayField(models.BigIntegerField(), default=list)
    media = ArrayField(models.CharField(max_length=12), default=list)
    are_members = models.BooleanField(default=False)
    evidence = models.CharField(max_length=200, blank=True)
    obtained_on = models.DateField(null=True)

    next_row = models.PositiveIntegerField(default=0)
    total_rows = models.PositiveIntegerField(null=True)
    new_rows = models.PositiveIntegerField(default=0)
    merged_rows = models.PositiveIntegerField(default=0)
    duplicate_rows = models.PositiveIntegerField(default=0)
    problem_rows = models.PositiveIntegerField(default=0)
    applied_rows = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-uploaded_at", "-id")
        indexes = (models.Index(fields=("root", "fingerprint"), name="import_by_header"),)

    @property
    def is_busy(self) -> bool:
        """Whether a job works on it now."""
        return self.state in {ImportState.READING, ImportState.APPLYING, ImportState.UNDOING}

    @property
    def brings_unagreed_addresses(self) -> bool:
        """Whether it has mail addresses and does not say that people agreed to letters."""
        return Column.EMAIL in self.columns and MAIL not in self.media

    @property
    def readable_rows(self) -> int:
        """Rows that will be, or were, made people."""
        return self.new_rows + self.merged_rows
