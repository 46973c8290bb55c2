"""Tables of the room: channels, their checklist, keys of Kakao apps, dealer accounts and what is known of them."""

from django.db import models
from django.db.models import F, Q

from majung.accounts.models import User
from majung.channels.enums import (
    AccountState,
    ChannelKind,
    ChannelState,
    JobKind,
    JobState,
    MessageKind,
    Mode,
    Reach,
    Step,
    TemplateState,
)
from majung.core import clock, ids
from majung.tree.models import LegalEntity, Organisation, Unit


class KakaoApp(models.Model):
    """The Kakao app of one legal entity: an app connects only to channels of its own business number (kakao.md §1.2).

    The admin key is sealed at Place(root, "channels_kakaoapp", "admin_key"), subject = this row.
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    admin_key_sealed = models.BinaryField(default=b"")
    path_token = models.CharField(max_length=64, unique=True, default=ids.token, editable=False)
    key_set_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("root", "name"), name="kakao_app_name_once"),)

    def __str__(self) -> str:
        return self.name


class Channel(models.Model):
    """A channel of the messenger: it belongs to a unit and for ever to the root; operating it is lent (T2)."""

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    profile_id = models.CharField(max_length=40, blank=True)
    search_id = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=10, choices=ChannelKind, default=ChannelKind.GENERAL)
    reach = models.CharField(max_length=6, choices=Reach, default=Reach.NEAR)
    state = models.CharField(max_length=8, choices=ChannelState, default=ChannelState.ACTIVE)
    kakao_app = models.ForeignKey(KakaoApp, null=True, on_delete=models.PROTECT, related_name="+")
    heard_at = models.DateTimeField(null=True)
    counted_friends = models.PositiveIntegerField(null=True)
    counted_on = models.DateField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = (models.Index(fields=("root", "unit"), name="channels_of_unit"),)
        constraints = (
            models.UniqueConstraint(fields=("root", "profile_id"), condition=~Q(profile_id=""), name="profile_id_once"),
            models.UniqueConstraint(fields=("root", "search_id"), condition=~Q(search_id=""), name="search_id_once"),
            models.CheckConstraint(condition=Q(profile_id="") | Q(profile_id__startswith="_"), name="profile_id_form"),
            models.CheckConstraint(condition=Q(search_id="") | Q(search_id__startswith="@"), name="search_id_form"),
            models.CheckConstraint(
                condition=Q(counted_friends__isnull=True, counted_on__isnull=True)
                | Q(counted_friends__isnull=False, counted_on__isnull=False),
                name="count_has_day",
            ),
        )

    def __str__(self) -> str:
        return self.name


class ChannelStep(models.Model):
    """One step of a channel's checklist, ticked by somebody with a note (T6)."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="steps")
    step = models.CharField(max_length=12, choices=Step)
    done_at = models.DateTimeField(default=clock.now)
    done_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("channel", "step"), name="step_once"),)


class DealerAccount(models.Model):
    """An account with a dealer gateway, held by a unit; units below it may send through it.

    Key and secret, and what else a dealer wants (``more``: JSON), are sealed at Place(root, "channels_dealeraccount", "key" |
    "secret" | "more"), subject = this row.
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    adapter = models.CharField(max_length=20, default="solapi")
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.SANDBOX)
    base_url = models.CharField(max_length=200)
    key_sealed = models.BinaryField(default=b"")
    secret_sealed = models.BinaryField(default=b"")
    more_sealed = models.BinaryField(default=b"")
    report_token = models.CharField(max_length=64, unique=True, default=ids.token, editable=False)
    state = models.CharField(max_length=8, choices=AccountState, default=AccountState.NEW)
    problem = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True)
    balance_centiwon = models.BigIntegerField(null=True)
    balance_at = models.DateTimeField(null=True)
    low_balance_centiwon = models.BigIntegerField(default=0)
    refusal_number = models.CharField(max_length=20, blank=True)
    sender_certificate = models.CharField(max_length=60, blank=True)
    reported_at = models.DateTimeField(null=True)
    blocks_pulled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("root", "name"), name="account_name_once"),
            models.CheckConstraint(
                condition=Q(balance_centiwon__isnull=True, balance_at__isnull=True)
                | Q(balance_centiwon__isnull=False, balance_at__isnull=False),
                name="balance_has_time",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def has_keys(self) -> bool:
        """Whether anything is stored to prove oneself with."""
        return bool(self.key_sealed or self.more_sealed)


class DealerProfile(models.Model):
    """The id under which one dealer account knows a channel (``pfId``, kakao.md §4.1)."""

    account = models.ForeignKey(DealerAccount, on_delete=models.CASCADE, related_name="profiles")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="profiles")
    pf_id = models.CharField(max_length=80)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("account", "channel"), name="profile_of_channel_once"),
            models.UniqueConstraint(fields=("account", "pf_id"), name="pf_id_once"),
        )


class SenderNumber(models.Model):
    """A caller's number registered beforehand with the dealer (전기통신사업법 제84조의2, kakao.md §5)."""

    account = models.ForeignKey(DealerAccount, on_delete=models.CASCADE, related_name="senders")
    number = models.CharField(max_length=12)
    is_default = models.BooleanField(default=False)
    seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("account", "number"), name="sender_once"),
            models.UniqueConstraint(fields=("account",), condition=Q(is_default=True), name="one_default_sender"),
        )


class Price(models.Model):
    """What one message of a kind costs, excluding VAT, from a day on; the latest begun price holds (M7)."""

    account = models.ForeignKey(DealerAccount, on_delete=models.CASCADE, related_name="prices")
    kind = models.CharField(max_length=8, choices=MessageKind)
    centiwon = models.PositiveIntegerField()
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)

    class Meta:
        ordering = ("kind", "-valid_from")
        constraints = (
            models.UniqueConstraint(fields=("account", "kind", "valid_from"), name="price_once_a_day"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")), name="price_days_in_order"
            ),
        )


class Template(models.Model):
    """A reviewed text (알림톡) as the dealer last told it."""

    account = models.ForeignKey(DealerAccount, on_delete=models.CASCADE, related_name="templates")
    channel = models.ForeignKey(Channel, null=True, on_delete=models.PROTECT, related_name="+")
    dealer_id = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    content = models.TextField()
    buttons = models.JSONField(default=list)
    state = models.CharField(max_length=12, choices=TemplateState)
    comment = models.TextField(blank=True)
    synced_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ("name", "pk")
        constraints = (models.UniqueConstraint(fields=("account", "dealer_id"), name="template_once"),)


class Picture(models.Model):
    """A picture for messages; ``preview`` is a small JPEG for our own screens.

    ``content`` waits here until the dealer has it; then it is emptied and ``dealer_id`` set.
    """

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    account = models.ForeignKey(DealerAccount, on_delete=models.CASCADE, related_name="pictures")
    kind = models.CharField(max_length=8, choices=MessageKind)
    name = models.CharField(max_length=120)
    dealer_id = models.CharField(max_length=500, blank=True)
    content = models.BinaryField(null=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32)
    preview = models.BinaryField()
    uploaded_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ("-uploaded_at",)
        constraints = (models.UniqueConstraint(fields=("account", "kind", "digest"), name="picture_once"),)


class AccountJob(models.Model):
    """Something asked of a dealer in the background: who asked, what came of it."""

    account = models.ForeignKey(DealerAccount, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=10, choices=JobKind)
    state = models.CharField(max_length=8, choices=JobState, default=JobState.ASKED)
    asked_at = models.DateTimeField(default=clock.now)
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    object_id = models.BigIntegerField(null=True)
    done_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-asked_at", "-pk")
        indexes = (models.Index(fields=("account", "-asked_at"), name="jobs_of_account"),)


class TestSend(models.Model):
    """One message somebody sent to a number of their own to see it: its own ledger, outside every campaign.

    The number is sealed at Place(root, "channels_testsend", "number"); its blind index limits how many are tried.
    """

    __test__ = False  # pytest would collect the class by its name

    public_id = models.UUIDField(default=ids.uuid7, unique=True, editable=False)
    account = models.ForeignKey(DealerAccount, on_delete=models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=MessageKind)
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    number_sealed = models.BinaryField(default=b"")
    number_blind = models.BinaryField(max_length=16)
    number_hint = models.CharField(max_length=16)
    message = models.JSONField()
    group_ref = models.CharField(max_length=64, blank=True)
    outcome = models.PositiveSmallIntegerField(default=0)
    dealer_code = models.CharField(max_length=8, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("by", "at"), name="test_sends_of_user"),)


class TestNumber(models.Model):
    """The one number of their own that an operator sends tests to; confirmed by the code that was sent there.

    The number is sealed at Place(root, "channels_testnumber", "number"). The code is kept nowhere: it follows from the
    row and ``code_at`` (``services.numbers``).
    """

    __test__ = False  # pytest would collect the class by its name

    root = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    number_sealed = models.BinaryField(default=b"")
    number_hint = models.CharField(max_length=16)
    code_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("root", "user"), name="one_test_number"),)


class Friendship(models.Model):
    """What was last seen of one person and one channel. Made and written in SQL (``sql/``); never through the ORM."""

    pk = models.CompositePrimaryKey("person_id", "channel_id")
    person_id = models.BigIntegerField()
    channel_id = models.BigIntegerField()
    root_id = models.IntegerField()
    state = models.SmallIntegerField()
    seen_at = models.DateTimeField()
    how = models.SmallIntegerField()

    class Meta:
        db_table = "friendship"


class Inbox(models.Model):
    """What came in and is not folded yet; ``channels.inbox`` packs and takes it."""

    seq = models.BigIntegerField(primary_key=True)
    kind = models.SmallIntegerField()
    source = models.BigIntegerField()
    n = models.IntegerField()
    at = models.DateTimeField()
    due_at = models.DateTimeField()
    body = models.BinaryField()
    problem = models.TextField(null=True)

    class Meta:
        db_table = "inbox"


class DealerWake(models.Model):
    """Baskets about which a dealer has reported; ``wakes.take`` empties it."""

    pk = models.CompositePrimaryKey("account_id", "group_ref")
    account_id = models.BigIntegerField()
    group_ref = models.TextField()
    ref = models.TextField(default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "dealer_wake"
