"""Adding and changing channels and Kakao apps, and ticking the checklist (T2, T6)."""

from dataclasses import dataclass
from datetime import date

from django.db import IntegrityError, transaction

from majung.activity import services as activity
from majung.channels.enums import ChannelKind, ChannelState, Reach, Step
from majung.channels.keys import admin_key_place
from majung.channels.models import Channel, ChannelStep, KakaoApp
from majung.core import clock
from majung.core.errors import Conflict, Invalid
from majung.core.text import nfc
from majung.people.vault import sealer
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

LONGEST_KEY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFacts:
    """What an operator says of a channel."""

    name: str
    profile_id: str
    search_id: str
    kind: ChannelKind
    reach: Reach
    state: ChannelState = ChannelState.ACTIVE
    kakao_app: KakaoApp | None = None
    counted_friends: int | None = None
    counted_on: date | None = None


@transaction.atomic
def add_channel(actor: Actor, unit: Unit, facts: ChannelFacts) -> Channel:
    """The unit has a channel more. Raises Invalid, or Conflict when one of its ids is taken."""
    actor.require(Act.CHANNELS_MANAGE, unit)
    channel = Channel(root_id=actor.root_id, unit=unit)
    _fill(channel, facts)
    _save(channel)
    activity.write(actor, "channels.channel_added", unit_id=unit.pk, object_kind="channel", object_id=channel.pk)
    return channel


@transaction.atomic
def change_channel(actor: Actor, channel: Channel, facts: ChannelFacts) -> None:
    """The channel is as said. A search id that is set never changes (kakao.md §7)."""
    actor.require(Act.CHANNELS_MANAGE, channel.unit)
    if channel.search_id and facts.search_id != channel.search_id:
        raise Conflict(problem="검색용 아이디는 한 번 정하면 바꿀 수 없습니다. 다른 채널이면 새로 더해 주세요.")
    _fill(channel, facts)
    _save(channel)
    activity.write(
        actor, "channels.channel_changed", unit_id=channel.unit_id, object_kind="channel", object_id=channel.pk
    )


def _fill(channel: Channel, facts: ChannelFacts) -> None:
    channel.name = nfc(facts.name)
    channel.profile_id, channel.search_id = facts.profile_id.strip(), facts.search_id.strip()
    channel.kind, channel.reach, channel.state = facts.kind, facts.reach, facts.state
    channel.counted_friends, channel.counted_on = facts.counted_friends, facts.counted_on
    app = facts.kakao_app
    if app is not None and (app.root_id != channel.root_id or app.entity_id != channel.unit.entity_id):
        raise Invalid(problem="앱과 채널의 법인이 다릅니다. 같은 사업자번호의 앱만 연결됩니다.")
    channel.kakao_app = app


def _save(channel: Channel) -> None:
    if not channel.name:
        raise Invalid(problem="채널 이름을 적어 주세요.")
    if channel.profile_id and not channel.profile_id.startswith("_"):
        raise Invalid(problem="프로필 ID는 밑줄(_)로 시작합니다. 채널 주소의 끝부분입니다.")
    if channel.search_id and not channel.search_id.startswith("@"):
        raise Invalid(problem="검색용 아이디는 @로 시작합니다.")
    try:
        with transaction.atomic():
            channel.save()
    except IntegrityError:
        raise Conflict(problem="이 프로필 ID나 검색용 아이디를 쓰는 채널이 이미 있습니다.") from None


@transaction.atomic
def add_app(actor: Actor, unit: Unit, name: str, admin_key: str) -> KakaoApp:
    """The unit's legal entity has a Kakao app, its primary admin key sealed."""
    actor.require(Act.CHANNELS_MANAGE, unit)
    name = nfc(name)
    if not name:
        raise Invalid(problem="앱 이름을 적어 주세요.")
    try:
        with transaction.atomic():
            app = KakaoApp.objects.create(root_id=actor.root_id, unit=unit, entity=unit.entity, name=name)
    except IntegrityError:
        raise Conflict(problem="같은 이름의 앱이 이미 있습니다.") from None
    store_admin_key(app, admin_key)
    activity.write(actor, "channels.app_added", unit_id=unit.pk, object_kind="kakao_app", object_id=app.pk)
    return app


@transaction.atomic
def change_key(actor: Actor, app: KakaoApp, admin_key: str) -> None:
    """The app's admin key is the given one; the old one opens nothing any more."""
    actor.require(Act.CHANNELS_MANAGE, app.unit)
    store_admin_key(app, admin_key)
    activity.write(actor, "channels.app_key_changed", unit_id=app.unit_id, object_kind="kakao_app", object_id=app.pk)


def store_admin_key(app: KakaoApp, admin_key: str) -> None:
    """The key is sealed on the app. Raises Invalid for what cannot be a key."""
    key = admin_key.strip()
    if not 8 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise Invalid(problem="어드민 키가 아닙니다. 앱 설정의 ‘앱 키’에서 그대로 옮겨 주세요.")
    app.admin_key_sealed = sealer().seal(admin_key_place(app.root_id), app.pk, key)
    app.key_set_at = clock.now()
    app.save(update_fields=["admin_key_sealed", "key_set_at"])


@transaction.atomic
def tick(actor: Actor, channel: Channel, step: Step, note: str) -> ChannelStep:
    """The step is done, by the actor, now. The answer about political use must be written down."""
    actor.require(Act.CHANNELS_MANAGE, channel.unit)
    note = nfc(note)[:500]
    if step == Step.POLITICS and len(note) < 5:
        raise Invalid(problem="카카오에서 받은 답을 적어 주세요. 언제 누구에게 물었는지도 함께 적습니다.")
    found, _ = ChannelStep.objects.update_or_create(
        channel=channel, step=step, defaults={"done_at": clock.now(), "done_by": actor.user, "note": note}
    )
    activity.write(
        actor, "channels.step_done", unit_id=channel.unit_id, object_kind="channel", object_id=channel.pk,
        facts={"step": str(step)},
    )  # fmt: skip
    return found


@transaction.atomic
def untick(actor: Actor, channel: Channel, step: Step) -> None:
    """The step is open again."""
    actor.require(Act.CHANNELS_MANAGE, channel.unit)
    if ChannelStep.objects.filter(channel=channel, step=step).delete()[0]:
        activity.write(
            actor, "channels.step_undone", unit_id=channel.unit_id, object_kind="channel", object_id=channel.pk,
            facts={"step": str(step)},
        )  # fmt: skip
