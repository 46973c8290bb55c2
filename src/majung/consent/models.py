"""Tables of consent: notices (Django); the ledgers and what holds now (SQL, ``sql/tables.sql``)."""

import hashlib
import json

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from majung.accounts.models import User
from majung.consent.enums import (
    ConsentAct,
    ConsentMedium,
    ConsentPurpose,
    GuardianMethod,
    How,
    NoticeState,
    RefusalPath,
)
from majung.core import clock, ids
from majung.tree.models import LegalEntity, Organisation, Unit

FOUR_ITEMS = ("purpose_text", "items_text", "retention_text", "refusal_text")
# What a published notice says: none of it changes afterwards, and the hash in every proof covers all of it.
SAID = ("code", "version", "purpose", "media", "required", "title", *FOUR_ITEMS, "retention_months", "recipients_text")


class Notice(models.Model):
    """One version of the text people consent to (C1). Published, it never changes; a change is a new version."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40)
    version = models.PositiveIntegerField()
    purpose = models.CharField(max_length=20, choices=ConsentPurpose)
    media = ArrayField(models.CharField(max_length=12, choices=ConsentMedium), default=list, blank=True)
    required = models.BooleanField(default=False)
    title = models.CharField(max_length=100)
    purpose_text = models.TextField(blank=True)
    items_text = models.TextField(blank=True)
    retention_text = models.TextField(blank=True)
    retention_months = models.PositiveSmallIntegerField(null=True, blank=True)
    refusal_text = models.TextField(blank=True)
    recipients_text = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=NoticeState, default=NoticeState.DRAFT)
    written_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    published_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)
    text_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("code", "-version")
        constraints = (
            models.UniqueConstraint(fields=("unit", "code", "version"), name="notice_version_of_unit"),
            models.UniqueConstraint(
                fields=("unit", "code"), condition=Q(state=NoticeState.DRAFT), name="notice_draft_of_unit"
            ),
            models.UniqueConstraint(
                fields=("unit", "code"), condition=Q(state=NoticeState.PUBLISHED), name="notice_published_of_unit"
            ),
            models.CheckConstraint(
                condition=Q(state=NoticeState.DRAFT)
                | (
                    Q(published_at__isnull=False)
                    & ~Q(text_hash="")
                    & ~Q(title="")
                    & ~Q(purpose_text="")
                    & ~Q(items_text="")
                    & ~Q(retention_text="")
                    & ~Q(refusal_text="")
                ),
                name="notice_published_whole",
            ),
            models.CheckConstraint(
                condition=~Q(required=True)
                | ~Q(purpose__in=(ConsentPurpose.ADVERTISING, ConsentPurpose.NIGHT, ConsentPurpose.PARTY_NOTICE)),
                name="notice_ads_never_required",
            ),
        )
        triggers = (
            pgtrigger.Trigger(
                name="published_stands",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Condition("OLD.state <> 'draft'"),
                func="""
                IF TG_OP = 'DELETE'
                   OR to_jsonb(NEW) - ARRAY['state', 'retired_at'] <> to_jsonb(OLD) - ARRAY['state', 'retired_at']
                   OR (NEW.state <> OLD.state AND NOT (OLD.state = 'published' AND NEW.state = 'retired')) THEN
                    RAISE EXCEPTION 'a published notice stands as it is' USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
                """,
            ),
        )

    def __str__(self) -> str:
        return f"{self.title} ({self.version}판)"

    def digest(self) -> str:
        """SHA-256 of everything the notice says."""
        said = {name: getattr(self, name) for name in SAID}
        return hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class ConsentEntry(models.Model):
    """One word of one person in the ledger; a trigger refuses UPDATE and DELETE."""

    pk = models.CompositePrimaryKey("person_id", "id")
    person_id = models.BigIntegerField()
    id = models.BigIntegerField()
    root_id = models.IntegerField()
    entity_id = models.BigIntegerField()
    purpose = models.TextField(choices=ConsentPurpose)
    medium = models.TextField(choices=ConsentMedium)
    act = models.TextField(choices=ConsentAct)
    notice_id = models.BigIntegerField(null=True)
    unit_id = models.BigIntegerField(null=True)
    how = models.TextField(choices=How)
    at = models.DateTimeField()
    proof = models.JSONField(default=dict)
    actor_kind = models.TextField()
    actor_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "consent_entry"


class ConsentState(models.Model):
    """What holds now for one person, entity, purpose and medium; kept by trigger."""

    pk = models.CompositePrimaryKey("person_id", "entity_id", "purpose", "medium")
    person_id = models.BigIntegerField()
    entity_id = models.BigIntegerField()
    purpose = models.TextField(choices=ConsentPurpose)
    medium = models.TextField(choices=ConsentMedium)
    root_id = models.IntegerField()
    granted_on = models.DateField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    checked_on = models.DateField(null=True)
    due_on = models.DateField(null=True)
    kept_until = models.DateField(null=True)
    notice_id = models.BigIntegerField(null=True)
    unit_id = models.BigIntegerField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "consent_state"

    @property
    def is_in_force(self) -> bool:
        """Granted, and not withdrawn since."""
        return self.granted_on is not None and self.withdrawn_at is None


class RefusalEntry(models.Model):
    """One refusal, or its being taken back, in the ledger; a trigger refuses UPDATE and DELETE."""

    class Act(models.TextChoices):
        """Stop, and go on again."""

        REFUSED = "refused", "거부"
        CLEARED = "cleared", "거부 거둠"

    pk = models.CompositePrimaryKey("person_id", "id")
    person_id = models.BigIntegerField()
    id = models.BigIntegerField()
    root_id = models.IntegerField()
    entity_id = models.BigIntegerField()
    medium = models.TextField(choices=ConsentMedium)
    act = models.TextField(choices=Act)
    path = models.TextField(choices=RefusalPath)
    at = models.DateTimeField()
    proof = models.JSONField(default=dict)
    actor_kind = models.TextField()
    actor_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "refusal_entry"


class Refusal(models.Model):
    """A refusal that holds; kept by trigger."""

    pk = models.CompositePrimaryKey("person_id", "entity_id", "medium")
    person_id = models.BigIntegerField()
    entity_id = models.BigIntegerField()
    medium = models.TextField(choices=ConsentMedium)
    root_id = models.IntegerField()
    since = models.DateTimeField()
    path = models.TextField(choices=RefusalPath)

    class Meta:
        db_table = "refusal"


class Deal(models.Model):
    """A paid dealing in one kind of goods, and the day it ended (ADV-06)."""

    pk = models.CompositePrimaryKey("person_id", "entity_id", "goods_class")
    person_id = models.BigIntegerField()
    entity_id = models.BigIntegerField()
    goods_class = models.TextField()
    root_id = models.IntegerField()
    ended_on = models.DateField()
    is_direct = models.BooleanField()

    class Meta:
        db_table = "deal"


class Provision(models.Model):
    """Data of a person given by one legal entity to another, while not ended (PIP-20)."""

    pk = models.CompositePrimaryKey("person_id", "from_entity", "to_entity")
    person_id = models.BigIntegerField()
    from_entity = models.BigIntegerField()
    to_entity = models.BigIntegerField()
    root_id = models.IntegerField()
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "provision"


class GuardianConsent(models.Model):
    """A legal guardian's verified consent for somebody under 14 (PIP-07)."""

    pk = models.CompositePrimaryKey("person_id", "entity_id")
    person_id = models.BigIntegerField()
    entity_id = models.BigIntegerField()
    root_id = models.IntegerField()
    method = models.TextField(choices=GuardianMethod)
    notice_id = models.BigIntegerField()
    at = models.DateTimeField()
    proof = models.JSONField(default=dict)

    class Meta:
        db_table = "guardian_consent"
