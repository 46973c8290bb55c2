"""Looks up what a campaign needs to be judged and planned: account, channels, words of the units, template, occasion."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.conf import settings

from majung.audience import services as audience
from majung.campaigns import fallback, message
from majung.campaigns.enums import MEDIUM, Kind
from majung.campaigns.fallback import Instead
from majung.campaigns.models import Campaign
from majung.channels import accounts
from majung.channels.adapters import limits
from majung.channels.adapters.registry import ADAPTERS, adapter
from majung.channels.adapters.terms import Kind as WireKind
from majung.channels.adapters.terms import KindFacts, Message
from majung.channels.enums import ChannelState, MessageKind, TemplateState
from majung.channels.models import Channel, DealerAccount, DealerProfile, SenderNumber
from majung.core import clock, db
from majung.crowd.expression import Expression, Leaf
from majung.delivery import week
from majung.delivery.order import Order
from majung.delivery.planner import NO_CHANNEL
from majung.delivery.render import Local, Template
from majung.delivery.route import Stop
from majung.policy.enums import Medium, OrganisationKind, Purpose
from majung.policy.lint import LABEL
from majung.policy.occasion import AccountFacts, Content, Occasion
from majung.tree.actor import Actor, system_actor
from majung.tree.enums import UnitState
from majung.tree.models import Unit

HAND_UNTARGETED_CENTIWON, HAND_TARGETED_CENTIWON = 1500, 2000
"""A channel message of the partner centre, to all friends or to a friend group (kakao.md §3.5)."""

WITHOUT_CHANNEL = frozenset({Medium.SMS, Medium.EMAIL})
"""Media in which the sender itself speaks, and no channel."""
MaySpeak = Callable[[Unit], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything about one campaign but its people. ``lacking`` are sentences about what is missing around it."""

    campaign: Campaign
    account: DealerAccount | None
    facts: KindFacts
    template: Template
    stops: tuple[Stop, ...]
    occasion: Occasion
    unit_centiwon: int
    lms_centiwon: int
    lacking: tuple[str, ...]
    instead: Instead | None = None

    def order(self, criteria: Expression, *, grant_id: int | None, not_before: datetime) -> Order:
        """What delivery is asked to plan."""
        return Order(
            campaign_id=self.campaign.pk,
            account_id=self.account.pk if self.account else 0,
            scope_unit_id=self.campaign.scope_id,
            grant_id=grant_id,
            occasion=self.occasion,
            criteria=criteria,
            template=self.template,
            stops=self.stops,
            unit_centiwon=self.unit_centiwon,
            not_before=not_before,
            fallback=self.instead.order() if self.instead else None,
        )


def look_up(campaign: Campaign, may_speak: MaySpeak, at: datetime) -> Plan:
    """The plan of ``campaign`` at ``at``, over the channels of its scope at whose units the sender ``may_speak``."""
    account = campaign.account
    kind = message.WIRE[campaign.kind]
    facts = message.HAND_FACTS if campaign.kind == Kind.HAND else _facts(account, kind)
    spoken = _channels(campaign, may_speak)
    sender = _sender(account)
    words = _message(campaign, facts, account)
    if facts.medium in WITHOUT_CHANNEL:
        words = _spoken_by(campaign, words)
    prices = accounts.prices_on(db.raw(), account.pk, clock.seoul(at).date()) if account else {}
    template = Template(
        kind=kind,
        message=words,
        sender=sender if facts.needs_sender else "",
        fallbacks=dict(campaign.fallbacks),
        locals=_locals(campaign, facts, spoken),
        link_base=link_base(),
    )
    occasion = _occasion(campaign, words, account, sender, spoken, at)
    instead = fallback.look_up(campaign, account, template, occasion, prices)
    lacking = _lacking(campaign, facts, prices, sender, spoken)
    if campaign.falls_back and instead is None:
        lacking.append("고른 대행사로는 문자를 보낼 수 없어 대체 문자를 쓸 수 없습니다. 대체 문자를 비워 주세요.")
    return Plan(
        campaign=campaign,
        account=account,
        facts=facts,
        template=template,
        stops=() if facts.medium in WITHOUT_CHANNEL else tuple(_stop(channel) for channel, _ in spoken),
        occasion=occasion,
        unit_centiwon=_unit_price(campaign, prices),
        lms_centiwon=prices.get(MessageKind.LMS, 0),
        lacking=tuple(lacking),
        instead=instead,
    )


def criteria_of(actor: Actor, campaign: Campaign, *, alone: bool) -> Expression:
    """Whom the campaign asks for, inside what its sender reaches: the unit alone, or everything below it."""
    within = Leaf("here" if alone else "scope", (campaign.scope_id,))
    return audience.expression_of(actor, campaign.unit, audience.parse(campaign.criteria), within=within)


def system_criteria(campaign: Campaign) -> Expression:
    """The same for the job that freezes: who confirmed was asked then; the grant says how far it reaches."""
    alone = campaign.grant is not None and not campaign.grant.covers_subtree
    return criteria_of(system_actor(campaign.root_id), campaign, alone=alone)


def link_base() -> str:
    """Where preference links begin."""
    return f"{settings.BASE_URL.rstrip('/')}/p/"


def usable_accounts(unit: Unit) -> list[DealerAccount]:
    """Accounts held by the unit or by one above it, the nearest first."""
    paths = [unit.path[:end] for end in range(Unit.steplen, len(unit.path) + 1, Unit.steplen)]
    found = DealerAccount.objects.filter(root_id=unit.root_id, unit__path__in=paths).select_related("unit", "entity")
    return sorted(found, key=lambda account: (-len(account.unit.path), account.name))


def _facts(account: DealerAccount | None, kind: WireKind) -> KindFacts:
    """What the account's dealer says of the kind; of one it does not send, the first dealer that does, so that it can be told."""
    own = adapter(account.adapter).kinds if account else {}
    return own.get(kind) or next(one.kinds[kind] for one in ADAPTERS.values() if kind in one.kinds)


def _channels(campaign: Campaign, may_speak: MaySpeak) -> list[tuple[Channel, str]]:
    """Channels of the scope with their ids at the account; by hand, all of them without."""
    inside: dict[str, Any] = {
        "root_id": campaign.root_id, "state": ChannelState.ACTIVE, "unit__state": UnitState.ACTIVE,
        "unit__path__startswith": campaign.scope.path,
    }  # fmt: skip
    if campaign.kind == Kind.HAND:
        channels = Channel.objects.filter(**inside).select_related("unit__entity").order_by("unit__path", "pk")
        return [(channel, "") for channel in channels if may_speak(channel.unit)]
    if campaign.kind == Kind.ALIM and campaign.template and campaign.template.channel_id:
        inside["pk"] = campaign.template.channel_id
    profiles = (
        DealerProfile.objects.filter(
            account_id=campaign.account_id, **{f"channel__{name}": value for name, value in inside.items()}
        )
        .select_related("channel__unit__entity")
        .order_by("channel__unit__path", "channel_id")
    )
    return [(profile.channel, profile.pf_id) for profile in profiles if may_speak(profile.channel.unit)]


def _spoken_by(campaign: Campaign, words: Message) -> Message:
    """A text or letter has no channel: its words of the unit are the sender's own, put in here; what is missing is told."""
    unit, fallbacks = campaign.unit, campaign.fallbacks
    own = {"조직": unit.name, "채널": unit.name, "대표": unit.leader, "전화": unit.phone}
    values = {name: value or fallbacks.get(name, "") for name, value in own.items()}
    known = {name: value for name, value in values.items() if value}
    return replace(words, text=limits.fill(words.text, known), subject=limits.fill(words.subject, known))


def _locals(campaign: Campaign, facts: KindFacts, spoken: list[tuple[Channel, str]]) -> tuple[Local, ...]:
    """Words of each channel; of a text or letter, which has none (and of a preview before there is any), the sender's own."""
    if spoken and facts.medium not in WITHOUT_CHANNEL:
        return tuple(_local(channel, pf_id) for channel, pf_id in spoken)
    unit = campaign.unit
    own = Local(
        channel_id=NO_CHANNEL, pf_id="", unit=unit.name, leader=unit.leader, phone=unit.phone, channel=unit.name
    )
    return (own,)


def _local(channel: Channel, pf_id: str) -> Local:
    unit = channel.unit
    return Local(
        channel_id=channel.pk, pf_id=pf_id, unit=unit.name, leader=unit.leader, phone=unit.phone, channel=channel.name
    )


def _stop(channel: Channel) -> Stop:
    unit = channel.unit
    return Stop(
        channel_id=channel.pk, unit_id=unit.pk, unit_path=unit.path, unit_code=unit.code, entity_id=unit.entity_id
    )


def _sender(account: DealerAccount | None) -> str:
    if account is None:
        return ""
    found = SenderNumber.objects.filter(account=account, is_default=True).values_list("number", flat=True).first()
    return found or ""


def _message(campaign: Campaign, facts: KindFacts, account: DealerAccount | None) -> Message:
    """What is said, with the marks that the law wants in our own text."""
    template = campaign.template if campaign.kind == Kind.ALIM else None
    said = message.Said(
        kind=campaign.kind,
        text=template.content if template else campaign.text,
        subject=campaign.subject,
        buttons=template.buttons if template else campaign.buttons,
        image_id=campaign.picture.dealer_id if campaign.picture else "",
        template_id=template.dealer_id if template else "",
    ).message()
    if facts.medium == Medium.EMAIL and said.text.strip():
        said = limits.as_letter(
            said, campaign.unit.entity.name, campaign.unit.entity.phone, campaign.unit.entity.address
        )
        label = campaign.purpose == Purpose.ADVERTISING and not said.subject.startswith(LABEL)
        return replace(said, subject=f"{LABEL} {said.subject}") if label else said
    if campaign.purpose != Purpose.ADVERTISING or not said.text.strip():
        return said
    marked = limits.as_advertising(facts, said, campaign.unit.entity.name, account.refusal_number if account else "")
    if marked.subject and not marked.subject.startswith(LABEL):
        marked = replace(marked, subject=f"{LABEL} {marked.subject}")
    return marked


def _occasion(
    campaign: Campaign,
    words: Message,
    account: DealerAccount | None,
    sender: str,
    spoken: list[tuple[Channel, str]],
    at: datetime,
) -> Occasion:
    unit, declared = campaign.unit, campaign.declared
    medium = Medium(MEDIUM[campaign.kind])
    template = campaign.template
    return Occasion(
        root_id=campaign.root_id,
        organisation_kind=campaign.root.kind,
        purpose=Purpose(campaign.purpose),
        medium=medium,
        entity_id=unit.entity_id,
        unit_id=unit.pk,
        unit_path=unit.path,
        at=at,
        content=Content(
            text=words.text,
            title=words.subject,
            buttons=tuple(button.name for button in words.buttons),
            names=tuple(sorted({channel.unit.leader for channel, _ in spoken if channel.unit.leader})),
            is_commercial=bool(declared.get("is_commercial")),
            favours_contender=bool(declared.get("favours_contender")),
            illegal_goods=bool(declared.get("illegal_goods")),
            goods_class=str(declared.get("goods_class", "")),
            cleared=tuple(declared.get("cleared", ())),
        ),
        account=AccountFacts(
            sender_name=unit.entity.name,
            contact=sender if medium is Medium.SMS else unit.entity.phone,
            sender_number=sender,
            sender_number_registered=bool(sender),
            refusal_number=account.refusal_number if account else "",
            certificate_until=_day(account.sender_certificate) if account else None,
            template_approved=template is not None and template.state == TemplateState.APPROVED,
            # Each legal entity whose members hear needs the basis itself; one without it means consent for all (P2).
            roll_by_law=bool(unit.entity.roll_basis) and all(channel.unit.entity.roll_basis for channel, _ in spoken),
        ),
        essential=campaign.is_essential,
        weekly=week.limits(db.raw(), campaign.root_id),
        targets_sensitive=campaign.root.kind == OrganisationKind.POLITICAL
        and audience.asks_for_opinions(audience.parse(campaign.criteria)),
    )


def _day(text: str) -> date | None:
    """The day in a certificate's field, which is written as ``2027-06-30``; None for anything else."""
    try:
        return date.fromisoformat(text.strip()[-10:])
    except ValueError:
        return None


def _unit_price(campaign: Campaign, prices: dict[str, int]) -> int:
    if campaign.kind == Kind.HAND:
        return HAND_TARGETED_CENTIWON if campaign.friend_group else HAND_UNTARGETED_CENTIWON
    return prices.get(MessageKind(message.WIRE[campaign.kind]), 0)


def _lacking(
    campaign: Campaign, facts: KindFacts, prices: dict[str, int], sender: str, spoken: list[tuple[Channel, str]]
) -> list[str]:
    """What is missing around the message: account, price, sender, channels, template."""
    found = []
    if campaign.kind != Kind.HAND:
        if campaign.account is None:
            return ["보낼 대행사 계정을 골라 주세요."]
        if campaign.account.state != "ready":
            found.append(f"대행사 계정 ‘{campaign.account.name}’의 연결을 먼저 확인해 주세요.")
        if message.WIRE[campaign.kind] not in adapter(campaign.account.adapter).kinds:
            return [f"‘{campaign.account.name}’ 계정은 이 종류를 보내지 않습니다. 다른 계정이나 종류를 골라 주세요."]
        if facts.medium != Medium.EMAIL and MessageKind(message.WIRE[campaign.kind]) not in prices:
            found.append("이 종류의 오늘 단가가 가격표에 없습니다. 대행사 화면에서 단가를 적어 주세요.")
    if facts.medium == Medium.EMAIL and not campaign.subject.strip():
        found.append("편지의 제목을 적어 주세요.")
    if facts.needs_sender and not sender:
        found.append("등록한 발신번호가 없습니다. 대행사 화면에서 발신번호를 가져와 주세요.")
    if facts.medium not in WITHOUT_CHANNEL and not spoken:
        found.append("이 범위 안에 보낼 수 있는 채널이 없습니다.")
    if campaign.kind == Kind.ALIM and (campaign.template is None or campaign.template.state != TemplateState.APPROVED):
        found.append("승인된 알림톡 템플릿을 골라 주세요.")
    return found
