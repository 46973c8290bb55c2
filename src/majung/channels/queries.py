"""Questions about channels and accounts, always inside one organisation."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from majung.channels.enums import (
    BY_PROFILE,
    BY_WEBHOOK,
    AccountState,
    ChannelKind,
    ChannelState,
    MessageKind,
    Mode,
    Step,
)
from majung.channels.models import (
    AccountJob,
    Channel,
    ChannelStep,
    DealerAccount,
    DealerProfile,
    KakaoApp,
    Picture,
    Price,
    Template,
)
from majung.core import clock, sql
from majung.core.db import raw
from majung.core.errors import NotYours
from majung.tree.actor import Actor
from majung.tree.enums import Act, UnitState
from majung.tree.models import Unit
from majung.ui.values import Tone

T = TypeVar("T", Channel, DealerAccount, KakaoApp)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChannel:
    """A channel as routing needs it. ``usable``: it is in use, at a working unit, and registered with some dealer."""

    channel_id: int
    unit_id: int
    unit_path: str
    unit_code: str
    entity_id: int
    usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How far a channel has come, in the order in which things happen (T6)."""

    linked: bool
    heard: bool
    profile: bool
    priced: bool
    steps_done: int
    steps: int

    @property
    def word(self) -> str:
        """The state in a word: the first thing that is missing."""
        if not self.linked:
            return "연결 안 됨"
        if not self.profile:
            return "발신 프로필 없음"
        if not self.priced:
            return "값 없음"
        return "보낼 수 있음" if self.heard else "알림 기다림"

    @property
    def tone(self) -> Tone:
        """The tone of that word."""
        return "ok" if self.profile and self.priced and self.linked and self.heard else "warn" if self.linked else ""

    @property
    def pips(self) -> list[str]:
        """Linked, webhook seen, profile, price, checklist: for ``c-pips``."""
        done = [self.linked, self.heard, self.profile, self.priced]
        share = "on" if self.steps_done >= self.steps else "wait" if self.steps_done else ""
        return [*("on" if step else "" for step in done), share]


def mode_of(account: DealerAccount | None) -> bool | None:
    """What ``live_mode`` of a page should be: True for live, False for sandbox, None without an account."""
    return None if account is None else account.mode == Mode.LIVE


def route_channels(root: int, account_id: int | None = None) -> list[RouteChannel]:
    """Every channel of the organisation in order of unit path; with an account, usable means registered there."""
    profiles = DealerProfile.objects.filter(account__root_id=root).exclude(account__state=AccountState.CLOSED)
    if account_id is not None:
        profiles = profiles.filter(account_id=account_id)
    registered = set(profiles.values_list("channel_id", flat=True))
    rows = (
        Channel.objects.filter(root_id=root)
        .order_by("unit__path", "pk")
        .values_list("pk", "state", "unit_id", "unit__path", "unit__code", "unit__entity_id", "unit__state")
    )
    return [
        RouteChannel(
            channel_id=channel, unit_id=unit, unit_path=path, unit_code=code, entity_id=entity,
            usable=state == ChannelState.ACTIVE and unit_state == UnitState.ACTIVE and channel in registered,
        )
        for channel, state, unit, path, code, entity, unit_state in rows
    ]  # fmt: skip


def channels_of(actor: Actor, act: Act = Act.CHANNELS_VIEW) -> QuerySet[Channel]:
    """The channels at whose unit ``act`` was lent, in tree order."""
    return (
        Channel.objects.filter(root_id=actor.root_id, unit__in=actor.units(act))
        .select_related("unit", "unit__entity", "kakao_app")
        .order_by("unit__path", "pk")
    )


def channel_of(actor: Actor, public_id: UUID | str, act: Act = Act.CHANNELS_VIEW) -> Channel:
    """One channel. Raises NotYours or Forbidden."""
    found = Channel.objects.filter(root_id=actor.root_id, public_id=public_id).select_related(
        "unit", "unit__entity", "kakao_app", "root"
    )
    return _mine(actor, found.first(), act)


def accounts_of(actor: Actor, act: Act = Act.CHANNELS_VIEW) -> QuerySet[DealerAccount]:
    """The accounts at whose unit ``act`` was lent."""
    return (
        DealerAccount.objects.filter(root_id=actor.root_id, unit__in=actor.units(act))
        .select_related("unit", "entity")
        .order_by("unit__path", "pk")
    )


def account_of(actor: Actor, public_id: UUID | str, act: Act = Act.CHANNELS_VIEW) -> DealerAccount:
    """One account. Raises NotYours or Forbidden."""
    found = DealerAccount.objects.filter(root_id=actor.root_id, public_id=public_id).select_related(
        "unit", "entity", "root"
    )
    return _mine(actor, found.first(), act)


def accounts_for(actor: Actor, unit: Unit) -> QuerySet[DealerAccount]:
    """Accounts through which a message of ``unit`` may leave: held by the unit or one above it, and working.

    Whoever may write messages of the unit may choose one, without seeing the account itself.
    """
    actor.require(Act.CAMPAIGNS_WRITE, unit)
    steps = type(unit).steplen
    above = [unit.path[:end] for end in range(steps, len(unit.path) + 1, steps)]
    return (
        DealerAccount.objects.filter(root_id=actor.root_id, unit__path__in=above, state=AccountState.READY)
        .select_related("unit")
        .order_by("-unit__path", "pk")
    )


def apps_of(actor: Actor, act: Act = Act.CHANNELS_VIEW) -> QuerySet[KakaoApp]:
    """The Kakao apps at whose unit ``act`` was lent, with the number of their channels."""
    apps = KakaoApp.objects.filter(root_id=actor.root_id, unit__in=actor.units(act)).select_related("unit", "entity")
    return apps.order_by("unit__path", "pk")


def app_of(actor: Actor, public_id: UUID | str, act: Act = Act.CHANNELS_VIEW) -> KakaoApp:
    """One Kakao app. Raises NotYours or Forbidden."""
    found = KakaoApp.objects.filter(root_id=actor.root_id, public_id=public_id).select_related("unit", "entity")
    return _mine(actor, found.first(), act)


def _mine(actor: Actor, found: T | None, act: Act) -> T:
    if found is None:
        raise NotYours()
    actor.require(act, found.unit)
    return found


def health_of(channels: Iterable[Channel], on: date | None = None) -> dict[int, Health]:
    """The health of each channel, in four queries however many there are."""
    channels = list(channels)
    day = on or clock.today()
    numbers = [channel.pk for channel in channels]
    profiles: dict[int, set[int]] = {}
    held = DealerProfile.objects.filter(channel_id__in=numbers).exclude(account__state=AccountState.CLOSED)
    for channel_id, account_id in held.values_list("channel_id", "account_id"):
        profiles.setdefault(channel_id, set()).add(account_id)
    roots = {channel.root_id for channel in channels}
    priced = set(
        Price.objects.filter(account__root_id__in=roots, kind=MessageKind.BRAND, valid_from__lte=day)
        .filter(Q(valid_until__isnull=True) | Q(valid_until__gt=day))
        .values_list("account_id", flat=True)
    )
    done = {channel.pk: seen_done(channel.heard_at is not None, channel.pk in profiles) for channel in channels}
    for channel_id, step in ChannelStep.objects.filter(channel_id__in=numbers).values_list("channel_id", "step"):
        done[channel_id] |= {Step(step)}
    return {
        channel.pk: Health(
            linked=channel.kind == ChannelKind.BUSINESS
            and bool(channel.profile_id)
            and channel.kakao_app_id is not None,
            heard=channel.heard_at is not None,
            profile=channel.pk in profiles,
            priced=bool(profiles.get(channel.pk, set()) & priced),
            steps_done=len(done[channel.pk]),
            steps=len(Step),
        )
        for channel in channels
    }


def seen_done(heard: bool, has_profile: bool) -> frozenset[Step]:
    """Steps that need nobody's word because what they bring about has been seen."""
    return (BY_WEBHOOK if heard else frozenset()) | (BY_PROFILE if has_profile else frozenset())


def jobs_of(account: DealerAccount, count: int = 8) -> list[AccountJob]:
    """The latest questions to the dealer, newest first."""
    return list(AccountJob.objects.filter(account=account).select_related("asked_by")[:count])


def pictures_of(account: DealerAccount) -> QuerySet[Picture]:
    """Pictures the dealer has, newest first."""
    return Picture.objects.filter(account=account).exclude(dealer_id="").defer("content", "preview")


def templates_of(account: DealerAccount) -> QuerySet[Template]:
    """Templates as last told, by name."""
    return Template.objects.filter(account=account).select_related("channel")


def picture_of(actor: Actor, public_id: UUID | str) -> Picture:
    """One picture: for those who see the account, and for those below it who may write messages. Raises NotYours."""
    found = (
        Picture.objects.filter(account__root_id=actor.root_id, public_id=public_id)
        .select_related("account__unit")
        .first()
    )
    if found is None:
        raise NotYours()
    holder = found.account.unit
    below = any(Act.CAMPAIGNS_WRITE in g.acts and g.unit.path.startswith(holder.path) for g in actor.grants)
    if not below and not actor.may(Act.CHANNELS_VIEW, holder):
        raise NotYours()
    return found


def friends_of(channels: Iterable[Channel]) -> dict[int, tuple[int, int]]:
    """(friends, blocked) seen so far, by channel; one query, meant for a page of channels."""
    numbers = [channel.pk for channel in channels]
    rows = raw().execute(sql.load("majung.channels", "friends", "counts"), {"channels": numbers})
    return {channel: (added, blocked) for channel, added, blocked in rows}
