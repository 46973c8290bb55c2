"""Tables of the tree: organisations, legal entities, units and their history, grants, budgets, reservations."""

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from treebeard.mp_tree import MP_Node

from majung.accounts.models import ApiKey, Invitation, User
from majung.core import clock, ids
from majung.tree.enums import OrganisationKind, Role, SheetState, UnitState


class Organisation(models.Model):
    """A root: one tree, one body of data, isolated from all others. ``root_id`` everywhere is its number (T1)."""

    id = models.AutoField(primary_key=True)
    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=OrganisationKind)
    created_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return self.name


class LegalEntity(models.Model):
    """Who answers in law: consent, refusal and the sender's name follow the entity (law.md GEN-06).

    ``roll_basis``: by what the entity keeps a roll of party members by law (정당법 제23조, 제24조), in the party's own
    words. It stands for the separate consent to sensitive data in party notices (law.md PIP-12, P2). Empty: no such basis.
    """

    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    registration_number = models.CharField(max_length=20, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    address = models.CharField(max_length=200, blank=True)
    refusal_number = models.CharField(max_length=20, blank=True)
    roll_basis = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("root", "name"), name="entity_name_once"),)

    def __str__(self) -> str:
        return self.name


class UnitKind(models.Model):
    """The organisation's own word for a tier (중앙당, 시도당, 지역구 · 본사, 지점)."""

    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=30)
    rank = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("rank", "id")
        constraints = (models.UniqueConstraint(fields=("root", "name"), name="unit_kind_once"),)

    def __str__(self) -> str:
        return self.name


class Unit(MP_Node):  # type: ignore[misc]  # treebeard ships no types
    """A place in the tree. ``path`` is treebeard's materialised path: a subtree is a prefix."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    kind = models.ForeignKey(UnitKind, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=80)
    leader = models.CharField(max_length=40, blank=True)
    phone = models.CharField(max_length=20, blank=True)
    district_code = models.CharField(max_length=10, blank=True, db_index=True)
    state = models.CharField(max_length=10, choices=UnitState, default=UnitState.ACTIVE)
    opened_on = models.DateField()
    closed_on = models.DateField(null=True)

    node_order_by: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("root", "code"), name="unit_code_once"),
            models.CheckConstraint(
                condition=Q(closed_on__isnull=True) | Q(closed_on__gte=F("opened_on")), name="unit_days_in_order"
            ),
            models.CheckConstraint(
                condition=Q(state=UnitState.CLOSED, closed_on__isnull=False)
                | (~Q(state=UnitState.CLOSED) & Q(closed_on__isnull=True)),
                name="unit_closed_has_day",
            ),
        )

    def __str__(self) -> str:
        return self.name


class UnitSpan(models.Model):
    """What a unit was called and where it hung, from one instant to another: the past can be answered (T1, T3)."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="spans")
    parent = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    path = models.CharField(max_length=255)
    name = models.CharField(max_length=80)
    kind = models.ForeignKey(UnitKind, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    leader = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, choices=UnitState)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("unit", "from_at"), name="span_of_unit"),)
        constraints = (
            models.UniqueConstraint(fields=("unit",), condition=Q(until_at__isnull=True), name="one_open_span"),
            models.CheckConstraint(
                condition=Q(until_at__isnull=True) | Q(until_at__gte=F("from_at")), name="span_in_order"
            ),
        )


class Grant(models.Model):
    """Who may do what where, from when until when, how much, and by whose leave (T3). A null limit is no limit.

    A trigger in the database refuses what is wider than its parent; ``acts`` are the role's acts when it was lent.
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="lent_on")
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.PROTECT, related_name="+")
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.PROTECT, related_name="+")
    label = models.CharField(max_length=60, blank=True)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    covers_subtree = models.BooleanField()
    role = models.CharField(max_length=20, choices=Role)
    acts = ArrayField(models.CharField(max_length=20))
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    messages_per_day = models.PositiveIntegerField(null=True)
    messages_total = models.PositiveIntegerField(null=True)
    centiwon_per_day = models.PositiveBigIntegerField(null=True)
    centiwon_total = models.PositiveBigIntegerField(null=True)
    lent_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    lent_at = models.DateTimeField(default=clock.now)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        indexes = (
            models.Index(fields=("user", "root"), name="grants_of_user"),
            models.Index(fields=("unit",), name="grants_at_unit"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=False, api_key__isnull=True)
                | Q(user__isnull=True, api_key__isnull=False)
                | Q(user__isnull=True, api_key__isnull=True, invitation__isnull=False),
                name="grant_has_one_holder",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")), name="grant_in_order"
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=False) | Q(role=Role.OWNER), name="only_owners_hold_unlent"
            ),
        )


class Budget(models.Model):
    """What a unit may spend in a Seoul month, out of what its parent may; money reserved and spent is charged upwards (T7)."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    month = models.DateField()
    limit_centiwon = models.PositiveBigIntegerField()
    reserved_centiwon = models.PositiveBigIntegerField(default=0)
    spent_centiwon = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("unit", "month"), name="one_budget_a_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="budget_month_starts"),
            models.CheckConstraint(
                condition=Q(limit_centiwon__gte=F("reserved_centiwon") + F("spent_centiwon")),
                name="budget_not_overspent",
            ),
        )


class Reservation(models.Model):
    """Messages and worst-case money set aside for one campaign along its chain of grants and budgets (T3, T7, M7).

    ``campaign_id`` is a plain number: campaigns lie above this room. ``grants`` and ``budgets`` are the numbers charged,
    from the nearest up: what was set aside is given back to the same ones, even after the unit has moved.
    """

    class State(models.TextChoices):
        """Held until the campaign ends, then spent as it came out, or released."""

        HELD = "held", "예약"
        SPENT = "spent", "정산"
        RELEASED = "released", "풀림"

    campaign_id = models.BigIntegerField(unique=True)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    grants = ArrayField(models.BigIntegerField())
    budgets = ArrayField(models.BigIntegerField())
    month = models.DateField()
    on = models.DateField()
    messages = models.PositiveIntegerField()
    centiwon = models.PositiveBigIntegerField()
    spent_messages = models.PositiveIntegerField(default=0)
    spent_centiwon = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.HELD)

    class Meta:
        # What a grant or a budget has used: the sums of one organisation's rows of a month, or of all.
        indexes = (models.Index(fields=("root", "month"), name="reservations_of_month"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(spent_messages__lte=F("messages"), spent_centiwon__lte=F("centiwon")),
                name="spent_within_reserved",
            ),
        )


class AuthorityRecord(models.Model):
    """Every change of the tree and its grants, for ever: who, when, what, and the whole row after it (law: kept 3 years)."""

    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=30)
    object_id = models.BigIntegerField()
    facts = models.JSONField()

    class Meta:
        indexes = (models.Index(fields=("root", "at"), name="authority_by_time"),)
        triggers = (pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),)


class SheetDraft(models.Model):
    """An uploaded tree file from its comparison to what came of its application; swept after a day (T6).

    ``fingerprint`` is the tree's when the file was compared: nothing is applied to a tree that has moved on. ``done`` of
    ``total`` rows are through; ``result`` counts what was changed, by word.
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    rows = models.JSONField()
    fingerprint = models.BinaryField(max_length=32)
    state = models.CharField(max_length=10, choices=SheetState, default=SheetState.COMPARED)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    problem = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField(default=clock.now)
