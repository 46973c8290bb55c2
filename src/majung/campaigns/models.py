"""Tables of campaigns: the campaign with its message and receipt, by-hand tasks, and the files that were taken out."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from majung.accounts.models import User
from majung.audience.models import Segment
from majung.campaigns.enums import (
    ENDED,
    FALLING_BACK,
    MEDIUM,
    MOVES,
    OPEN,
    WRITABLE,
    Kind,
    PauseReason,
    State,
    TaskState,
)
from majung.channels.models import Channel, DealerAccount, Picture, Template
from majung.core import clock, ids
from majung.tree.models import Grant, Organisation, Unit

_TRANSITIONS = sorted({(str(old), str(new)) for (old, _), new in MOVES.items()})
_SAID = (
    "root_id", "unit_id", "scope_id", "purpose", "kind", "is_essential", "subject", "text", "buttons", "fallbacks",
    "picture_id", "template_id", "account_id", "friend_group", "fallback_text", "fallback_subject", "fallback_sender",
    "fallback_reasons", "criteria", "declared", "confirmed_at", "confirmed_by_id", "grant_id", "receipt",
)  # fmt: skip
_CHANGED = "ROW({}) IS DISTINCT FROM ROW({})".format(
    *(", ".join(f"{side}.{name}" for name in _SAID) for side in ("OLD", "NEW"))
)


class Campaign(models.Model):
    """One message from one unit to a scope of the tree, from the first word to the last receipt (M1–M5, M9).

    ``fallback_*``: the text that goes instead where the messenger does not reach somebody, for reasons that are names of
    outcomes; without a text there is none. The audience is ``criteria`` inside ``scope``; the list itself is written down
    by ``delivery`` when the campaign is frozen. After confirmation nothing of the message changes any more (a trigger sees
    to it).
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    scope = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    purpose = models.CharField(max_length=20)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.BRAND)
    is_essential = models.BooleanField(default=False)

    title = models.CharField(max_length=80)
    subject = models.CharField(max_length=40, blank=True)
    text = models.TextField(blank=True)
    buttons = models.JSONField(default=list)
    fallbacks = models.JSONField(default=dict)
    picture = models.ForeignKey(Picture, null=True, on_delete=models.PROTECT, related_name="+")
    template = models.ForeignKey(Template, null=True, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(DealerAccount, null=True, on_delete=models.PROTECT, related_name="+")
    friend_group = models.CharField(max_length=60, blank=True)

    fallback_text = models.TextField(blank=True)
    fallback_subject = models.CharField(max_length=40, blank=True)
    fallback_sender = models.CharField(max_length=12, blank=True)
    fallback_reasons = models.JSONField(default=list)

    segment = models.ForeignKey(Segment, null=True, on_delete=models.PROTECT, related_name="+")
    criteria = models.JSONField(default=dict)
    declared = models.JSONField(default=dict)

    send_at = models.DateTimeField(null=True)
    recall_seconds = models.PositiveIntegerField(default=15)
    checked_at = models.DateTimeField(null=True)
    estimate = models.JSONField(default=dict)
    checked_hash = models.CharField(max_length=64, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    grant = models.ForeignKey(Grant, null=True, on_delete=models.PROTECT, related_name="+")
    receipt = models.JSONField(default=dict)

    audience = models.PositiveIntegerField(null=True)
    planned = models.PositiveIntegerField(null=True)
    worst_centiwon = models.PositiveBigIntegerField(null=True)
    spent_centiwon = models.PositiveBigIntegerField(null=True)
    not_before = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    pause_reason = models.CharField(max_length=12, choices=PauseReason, blank=True)
    problem = models.TextField(blank=True)

    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = (
            models.Index(fields=("root", "-changed_at"), name="campaigns_by_time"),
            models.Index(fields=("state", "not_before"), condition=Q(state__in=sorted(OPEN)), name="campaigns_open"),
            models.Index(
                fields=("root", "content_hash"), condition=Q(confirmed_at__isnull=False), name="campaigns_same"
            ),
        )
        constraints = (
            models.CheckConstraint(condition=Q(state__in=sorted(State.values)), name="campaign_state_known"),
            models.CheckConstraint(condition=Q(kind__in=sorted(Kind.values)), name="campaign_kind_known"),
            models.CheckConstraint(condition=Q(recall_seconds__lte=3600), name="campaign_recall_an_hour"),
            models.CheckConstraint(
                condition=Q(state__in=sorted(WRITABLE), confirmed_at__isnull=True)
                | (~Q(state__in=sorted(WRITABLE)) & Q(confirmed_at__isnull=False)),
                name="campaign_confirmed_whole",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(ENDED), ended_at__isnull=False)
                | (~Q(state__in=sorted(ENDED)) & Q(ended_at__isnull=True)),
                name="campaign_end_has_instant",
            ),
            models.CheckConstraint(
                condition=Q(state=State.PAUSED) | Q(pause_reason=""), name="campaign_pause_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(audience__isnull=True) | Q(audience__gte=F("planned")), name="campaign_plan_in_audience"
            ),
        )
        triggers = (
            pgtrigger.FSM(name="state_moves", field="state", transitions=_TRANSITIONS),
            pgtrigger.Protect(
                name="kept_once_said",
                operation=pgtrigger.Delete,
                condition=~pgtrigger.Q(old__state__in=sorted(WRITABLE)),
            ),
            pgtrigger.Protect(
                name="said_is_said",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(f"OLD.confirmed_at IS NOT NULL AND {_CHANGED}"),
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def medium(self) -> str:
        """The medium whose consent and refusal count."""
        return MEDIUM[self.kind]

    @property
    def may_fall_back(self) -> bool:
        """Whether a text can go instead of this kind of message."""
        return self.kind in FALLING_BACK

    @property
    def falls_back(self) -> bool:
        """Whether a text goes instead where the messenger does not reach somebody."""
        return self.may_fall_back and bool(self.fallback_text.strip())


class HandTask(models.Model):
    """What is typed into the partner centre for one channel, what it costs, what came of it (M10, *by hand*)."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="tasks")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=8, choices=TaskState, default=TaskState.OPEN)
    text = models.TextField()
    friend_group = models.CharField(max_length=60, blank=True)
    send_at = models.DateTimeField(null=True)
    unit_price_centiwon = models.PositiveIntegerField()
    people = models.PositiveIntegerField()
    sent = models.PositiveIntegerField(null=True)
    clicked = models.PositiveIntegerField(null=True)
    blocked = models.PositiveIntegerField(null=True)
    note = models.CharField(max_length=300, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = (models.Index(fields=("root", "state", "send_at"), name="tasks_to_do"),)
        constraints = (
            models.UniqueConstraint(fields=("campaign", "channel"), name="one_task_a_channel"),
            models.CheckConstraint(
                condition=Q(state=TaskState.OPEN, done_at__isnull=True)
                | (~Q(state=TaskState.OPEN) & Q(done_at__isnull=False)),
                name="task_done_has_instant",
            ),
            models.CheckConstraint(
                condition=Q(state=TaskState.REPORTED) | Q(sent__isnull=True), name="task_result_when_reported"
            ),
        )


class Export(models.Model):
    """A table that was taken out as a file: by whom, why, and the file itself (counts only, never a person; M9)."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+")
    table = models.CharField(max_length=12)
    form = models.CharField(max_length=4)
    why = models.CharField(max_length=200)
    rows = models.PositiveIntegerField()
    content = models.BinaryField()
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (models.CheckConstraint(condition=~Q(why=""), name="export_has_reason"),)
        triggers = (pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),)
