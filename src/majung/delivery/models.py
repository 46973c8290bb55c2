"""Django's view of the delivery tables, which are made in SQL (``sql/tables.sql``): for reading and for tests.

The planner and the engine move rows in sets with SQL of their own; nothing here has a ``save`` that anyone calls.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from majung.activity.models import Xid8Field


class Dispatch(models.Model):
    """What one campaign sends, under which leave, and how it stands."""

    campaign_id = models.BigIntegerField(primary_key=True)
    root_id = models.IntegerField()
    account_id = models.BigIntegerField()
    unit_id = models.BigIntegerField()
    scope_unit_id = models.BigIntegerField()
    grant_id = models.BigIntegerField(null=True)
    purpose = models.TextField()
    medium = models.TextField()
    occasion = models.JSONField()
    template = models.JSONField()
    segment = models.JSONField()
    fallback = models.JSONField(null=True)
    state = models.TextField()
    pause_reason = models.TextField(default="")
    problem = models.TextField(default="")
    not_before = models.DateTimeField()
    rest_until = models.DateTimeField()
    watermark = Xid8Field()
    rule_set = models.TextField()
    unit_centiwon = models.IntegerField()
    worst_centiwon = models.BigIntegerField()
    audience = models.IntegerField()
    left_out = models.IntegerField()
    planned = models.IntegerField()
    chunks = models.IntegerField()
    next_chunk = models.IntegerField()
    frozen_at = models.DateTimeField()
    first_claim_at = models.DateTimeField(null=True)
    last_settled_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "dispatch"


class LeftOut(models.Model):
    """A set of people with one reason (append-only)."""

    pk = models.CompositePrimaryKey("campaign_id", "seq")
    campaign_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    root_id = models.IntegerField()
    stage = models.TextField()
    reason = models.TextField()
    n = models.IntegerField()
    people = ArrayField(models.IntegerField())
    at = models.DateTimeField()

    class Meta:
        db_table = "campaign_left_out"


class Chunk(models.Model):
    """At most 1,000 people of one channel, with one outcome byte each."""

    pk = models.CompositePrimaryKey("campaign_id", "chunk_no")
    campaign_id = models.BigIntegerField()
    chunk_no = models.IntegerField()
    wave = models.SmallIntegerField()
    root_id = models.IntegerField()
    channel_id = models.BigIntegerField()
    message_kind = models.TextField()
    unit_centiwon = models.IntegerField()
    parent_chunk = models.IntegerField(null=True)
    off_route = models.BooleanField(default=False)
    state = models.SmallIntegerField()
    attempt = models.SmallIntegerField()
    lease_until = models.DateTimeField(null=True)
    worker = models.TextField(null=True)
    group_ref = models.TextField(null=True)
    n = models.IntegerField()
    first_person = models.IntegerField()
    last_person = models.IntegerField()
    people = ArrayField(models.IntegerField())
    sealed = models.BinaryField(null=True)
    outcome = models.BinaryField()
    ahead = ArrayField(models.BigIntegerField(), default=list)
    open_ahead = models.BinaryField(null=True)
    told_at = models.DateTimeField(null=True)
    noted_by = Xid8Field(null=True)
    request_hash = models.BinaryField(null=True)
    watermark = Xid8Field()
    made_by = Xid8Field()
    rule_set = models.TextField(null=True)
    judged_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    keyed_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "campaign_chunk"


class ChunkException(models.Model):
    """One person of one chunk who did not simply get the message (append-only)."""

    pk = models.CompositePrimaryKey("campaign_id", "chunk_no", "seq", "attempt", "code")
    campaign_id = models.BigIntegerField()
    chunk_no = models.IntegerField()
    seq = models.SmallIntegerField()
    attempt = models.SmallIntegerField()
    code = models.TextField()
    person_id = models.IntegerField()
    detail = models.TextField(default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "chunk_exception"


class CostEntry(models.Model):
    """Money of one chunk, charged or given back (append-only)."""

    pk = models.CompositePrimaryKey("campaign_id", "seq")
    campaign_id = models.BigIntegerField()
    chunk_no = models.IntegerField()
    attempt = models.SmallIntegerField()
    kind = models.TextField()
    message_kind = models.TextField()
    root_id = models.IntegerField()
    account_id = models.BigIntegerField()
    unit_id = models.BigIntegerField()
    n = models.IntegerField()
    centiwon = models.BigIntegerField()
    at = models.DateTimeField()
    seq = models.BigIntegerField()

    class Meta:
        db_table = "cost_entry"


class WeekHold(models.Model):
    """The places that one campaign holds on one day in the weeks of 4,096 people (``delivery.week``)."""

    pk = models.CompositePrimaryKey("root_id", "day", "campaign_id", "block")
    root_id = models.IntegerField()
    day = models.IntegerField()
    campaign_id = models.BigIntegerField()
    block = models.IntegerField()
    purpose = models.TextField()
    bits = models.BinaryField()

    class Meta:
        db_table = "week_hold"


class WeekLimit(models.Model):
    """How many messages of a purpose a person may get in seven days, where an organisation has said so."""

    pk = models.CompositePrimaryKey("root_id", "purpose")
    root_id = models.IntegerField()
    purpose = models.TextField()
    most = models.SmallIntegerField()

    class Meta:
        db_table = "week_limit"


class Pace(models.Model):
    """Limits, learned pace and shares of an account, a channel, a legal entity or a unit (``delivery.pace``)."""

    pk = models.CompositePrimaryKey("kind", "ref")
    kind = models.TextField()
    ref = models.BigIntegerField()
    root_id = models.IntegerField()
    per_minute = models.IntegerField(null=True)
    declared = models.IntegerField(null=True)
    learned = models.FloatField(null=True)
    before = models.FloatField(null=True)
    changed_at = models.DateTimeField(null=True)
    trouble = models.TextField(default="")
    free_at = models.DateTimeField()
    weight = models.SmallIntegerField(default=1)

    class Meta:
        db_table = "pace"


class DispatchTurn(models.Model):
    """When a dispatch was served last, in the measure of fair shares (``delivery.pace``)."""

    campaign_id = models.BigIntegerField(primary_key=True)
    unit_id = models.BigIntegerField()
    entity_id = models.BigIntegerField()
    began = models.BigIntegerField()
    turn = models.BigIntegerField()

    class Meta:
        db_table = "dispatch_turn"
