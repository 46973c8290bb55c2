"""Writing a campaign: begin, edit its audience, words and hour, copy, throw away. Nothing here sends."""

import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from majung.activity import services as activity
from majung.audience import criteria, references
from majung.audience import services as audience
from majung.audience.models import Segment
from majung.campaigns import fallback, message, plan
from majung.campaigns.enums import MOVES, WRITABLE, Kind, Move, State
from majung.campaigns.errors import CannotWrite, WrongMoment
from majung.campaigns.models import Campaign
from majung.channels.adapters.outcomes import UNREACHED
from majung.channels.models import Picture, Template
from majung.core import clock, text
from majung.policy import lint
from majung.policy.enums import Purpose
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

FARTHEST = timedelta(days=90)
CLEARABLE = (lint.BENEFIT, lint.SALE, lint.NUDGE, lint.SUPPORT, lint.MEMBERSHIP)
DECLARABLE = ("is_commercial", "favours_contender", "illegal_goods")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Everything a writer types or picks for the message. Ids are public ones; empty ones pick nothing."""

    title: str
    kind: str = Kind.BRAND
    purpose: str = Purpose.PARTY_NOTICE
    text: str = ""
    subject: str = ""
    buttons: Sequence[Mapping[str, Any]] = ()
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    template: str = ""
    picture: str = ""
    friend_group: str = ""
    is_essential: bool = False
    declared: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def draft(actor: Actor, unit: Unit, *, title: str, scope: Unit | None = None) -> Campaign:
    """A new campaign spoken by ``unit`` to everyone in ``scope`` (default: the unit and all below it)."""
    actor.require(Act.CAMPAIGNS_WRITE, unit)
    reached = scope or unit
    actor.require(Act.CAMPAIGNS_WRITE, reached)
    usable = plan.usable_accounts(unit)
    campaign = Campaign.objects.create(
        root_id=actor.root_id,
        unit=unit,
        scope=reached,
        title=_title(title),
        purpose=Purpose.PARTY_NOTICE if unit.root.kind == "political" else Purpose.ADVERTISING,
        criteria=criteria.to_json(criteria.EVERYONE),
        account=usable[0] if usable else None,
        created_by=actor.user,
    )
    _record(actor, campaign, "drafted")
    return campaign


@transaction.atomic
def edit_audience(
    actor: Actor, campaign: Campaign, *, scope: Unit, group: criteria.Group, segment: Segment | None = None
) -> Campaign:
    """The campaign goes to ``group`` inside ``scope``; ``segment`` is the saved one it was taken from, if any."""
    current = _writable(actor, campaign)
    actor.require(Act.CAMPAIGNS_WRITE, scope)
    if lacking := audience.missing(group):
        raise CannotWrite(problem=" ".join(lacking))
    references.place(actor, current.unit, group)
    current.scope, current.criteria, current.segment = scope, criteria.to_json(group), segment
    return _edited(actor, current, "audience")


@transaction.atomic
def edit_words(actor: Actor, campaign: Campaign, words: Wording) -> Campaign:
    """The campaign says ``words``. Unfinished words are kept; only nonsense is refused (CannotWrite)."""
    current = _writable(actor, campaign)
    type_in(current, words)
    return _edited(actor, current, "words")


def type_in(current: Campaign, words: Wording) -> None:
    """``words`` stand in the columns of ``current``; nothing is saved. Raises CannotWrite for nonsense."""
    current.title = _title(words.title)
    current.kind = _one_of(words.kind, Kind.values, "메시지 종류를 골라 주세요.")
    current.purpose = _one_of(words.purpose, list(Purpose), "목적을 골라 주세요.")
    current.text = _lines(words.text)
    current.subject = _short(words.subject, message.MAX_SUBJECT, "제목")
    current.buttons = _buttons(words.buttons)
    current.fallbacks = {
        name: _short(instead, message.MAX_FALLBACK, "대신 쓸 말")
        for name, instead in words.fallbacks.items()
        if name in message.MEANINGS and instead.strip()
    }
    current.friend_group = _short(words.friend_group, 60, "친구 그룹")
    current.is_essential = bool(words.is_essential)
    current.declared = _declared(words.declared)
    current.account = _account(current, words.account)
    current.template = _template(current, words.template)
    current.picture = _picture(current, words.picture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Texting:
    """The text that goes instead where the messenger does not reach somebody. ``reasons`` are names of outcomes; an empty
    ``sender`` is the account's usual number, an empty ``text`` means that none goes.
    """

    text: str = ""
    subject: str = ""
    sender: str = ""
    reasons: Sequence[str] = ()


@transaction.atomic
def edit_fallback(actor: Actor, campaign: Campaign, texting: Texting) -> Campaign:
    """The campaign sends that text instead. Unfinished ones are kept; only nonsense is refused (CannotWrite)."""
    current = _writable(actor, campaign)
    type_text(current, texting)
    return _edited(actor, current, "fallback")


def type_text(current: Campaign, texting: Texting) -> None:
    """``texting`` stands in the columns of ``current``; nothing is saved. Raises CannotWrite for nonsense."""
    if not current.may_fall_back and texting.text.strip():
        raise CannotWrite(problem="대체 문자는 브랜드 메시지와 알림톡에만 붙일 수 있습니다.")
    known = {outcome.name for outcome in UNREACHED}
    if not all(isinstance(reason, str) for reason in texting.reasons) or not set(texting.reasons) <= known:
        raise CannotWrite(problem="대체 문자를 보낼 까닭을 다시 골라 주세요.")
    numbers = {one.number for one in fallback.senders(current.account)}
    if texting.sender and texting.sender not in numbers:
        raise CannotWrite(problem="고른 발신번호를 찾을 수 없습니다.")
    current.fallback_text = _lines(texting.text)
    current.fallback_subject = _short(texting.subject, message.MAX_SUBJECT, "대체 문자의 제목")
    current.fallback_sender = texting.sender
    current.fallback_reasons = [outcome.name for outcome in UNREACHED if outcome.name in texting.reasons]


@transaction.atomic
def edit_hour(actor: Actor, campaign: Campaign, *, send_at: datetime | None, recall_seconds: int) -> Campaign:
    """The campaign leaves at ``send_at`` (None: at once), after ``recall_seconds`` in which it can be called back."""
    current = _writable(actor, campaign)
    now = clock.now()
    if send_at is not None and not now < send_at <= now + FARTHEST:
        raise CannotWrite(problem=f"보낼 시각을 지금보다 뒤로, {FARTHEST.days}일 안으로 적어 주세요.")
    if not 0 <= recall_seconds <= 3600:
        raise CannotWrite(problem="회수 시간은 0초부터 1시간까지 적어 주세요.")
    current.send_at, current.recall_seconds = send_at, recall_seconds
    return _edited(actor, current, "hour")


@transaction.atomic
def copy(actor: Actor, campaign: Campaign) -> Campaign:
    """A new draft with the same words and audience: how an ended, stopped or refused campaign is tried again."""
    actor.require(Act.CAMPAIGNS_WRITE, campaign.unit)
    kept = ("root_id", "unit_id", "scope_id", "purpose", "kind", "is_essential", "subject", "text", "buttons",
            "fallbacks", "picture_id", "template_id", "account_id", "friend_group", "fallback_text",
            "fallback_subject", "fallback_sender", "fallback_reasons", "segment_id", "criteria", "declared",
            "recall_seconds")  # fmt: skip
    copied = Campaign.objects.create(
        title=f"{campaign.title[: message.MAX_TITLE - 3]} 사본",
        created_by=actor.user,
        **{name: getattr(campaign, name) for name in kept},
    )
    _record(actor, copied, "copied", {"from": campaign.pk})
    return copied


@transaction.atomic
def discard(actor: Actor, campaign: Campaign) -> None:
    """A draft is thrown away; what was ever confirmed stays for ever."""
    current = _writable(actor, campaign)
    _record(actor, current, "discarded")
    current.delete()


# ── reading what was typed ───────────────────────────────────────────────────────────────────────────────────────────


def _writable(actor: Actor, campaign: Campaign) -> Campaign:
    current = Campaign.objects.select_for_update(no_key=True, of=("self",)).select_related("unit", "scope").get(
        pk=campaign.pk
    )  # fmt: skip
    actor.require(Act.CAMPAIGNS_WRITE, current.unit)
    if current.state not in WRITABLE:
        raise WrongMoment(state=State(current.state).label, move=Move.EDIT.label)
    return current


def _edited(actor: Actor, campaign: Campaign, what: str) -> Campaign:
    campaign.state, campaign.changed_at = MOVES[campaign.state, Move.EDIT], clock.now()
    campaign.checked_at, campaign.checked_hash, campaign.estimate = None, "", {}
    campaign.save()
    _record(actor, campaign, "edited", {"what": what})
    return campaign


def _record(actor: Actor, campaign: Campaign, happened: str, facts: Mapping[str, Any] | None = None) -> None:
    activity.write(
        actor, f"campaigns.{happened}", unit_id=campaign.unit_id, object_kind="campaign", object_id=campaign.pk,
        facts=facts,
    )  # fmt: skip


def _title(title: str) -> str:
    clean = text.nfc(title)
    if not 0 < len(clean) <= message.MAX_TITLE:
        raise CannotWrite(problem=f"메시지의 이름을 1자부터 {message.MAX_TITLE}자까지 적어 주세요.")
    return clean


def _short(value: str, most: int, what: str) -> str:
    clean = text.nfc(value)
    if len(clean) > most:
        raise CannotWrite(problem=f"{what}: {most}자까지 적을 수 있습니다.")
    return clean


def _lines(value: str) -> str:
    """NFC with plain line breaks; control characters go, blanks inside stay as they were typed."""
    whole = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    clean = "".join(c for c in whole if c == "\n" or not unicodedata.category(c).startswith("C") or c == "\u200d")
    if len(clean) > message.MAX_TEXT:
        raise CannotWrite(problem=f"글이 너무 깁니다. {message.MAX_TEXT:,}자까지 적을 수 있습니다.")
    return clean.rstrip()


def _one_of(value: str, known: Sequence[str], problem: str) -> str:
    if value not in known:
        raise CannotWrite(problem=problem)
    return value


def _buttons(said: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if len(said) > message.MAX_BUTTONS:
        raise CannotWrite(problem=f"버튼은 {message.MAX_BUTTONS}개까지 넣을 수 있습니다.")
    kept = []
    for one in said:
        kind, name, link = (one.get(key, "") for key in ("type", "name", "link"))
        if not all(isinstance(part, str) for part in (kind, name, link)) or kind not in message.BUTTON_TYPES:
            raise CannotWrite(problem="버튼의 종류·이름·주소를 다시 적어 주세요.")
        named = _short(name, message.MAX_BUTTON_NAME, "버튼 이름")
        address = _short(link, message.MAX_LINK, "버튼 주소")
        if kind == "AC":
            kept.append({"type": kind, "name": message.ADD_CHANNEL, "link": ""})
        elif named or address:
            kept.append({"type": kind, "name": named, "link": address})
    return kept


def _declared(said: Mapping[str, Any]) -> dict[str, Any]:
    cleared = said.get("cleared", [])
    if not isinstance(cleared, list | tuple) or not set(cleared) <= set(CLEARABLE):
        raise CannotWrite(problem="살펴본 표시를 다시 골라 주세요.")
    goods = said.get("goods_class", "")
    if not isinstance(goods, str):
        raise CannotWrite(problem="상품 종류를 다시 적어 주세요.")
    return {"cleared": sorted(set(cleared)), "goods_class": _short(goods, 40, "상품 종류")} | {
        name: bool(said.get(name)) for name in DECLARABLE
    }


def _account(campaign: Campaign, public_id: str) -> Any:
    if campaign.kind == Kind.HAND or not public_id:
        return None
    found = next((a for a in plan.usable_accounts(campaign.unit) if str(a.public_id) == public_id), None)
    if found is None:
        raise CannotWrite(problem="고른 대행사 계정을 찾을 수 없습니다.")
    return found


def _template(campaign: Campaign, number: str) -> Template | None:
    if campaign.kind != Kind.ALIM or not number:
        return None
    rows = Template.objects.filter(account=campaign.account_id, account__root_id=campaign.root_id)
    found = (
        rows.filter(pk=int(number)).first() if number.isascii() and number.isdecimal() and len(number) < 16 else None
    )
    if found is None:
        raise CannotWrite(problem="고른 템플릿을 찾을 수 없습니다.")
    return found


def _picture(campaign: Campaign, public_id: str) -> Picture | None:
    if campaign.kind not in (Kind.BRAND, Kind.HAND) or not public_id:
        return None
    rows = Picture.objects.filter(account__root_id=campaign.root_id)
    if campaign.kind == Kind.BRAND:
        rows = rows.filter(account=campaign.account_id)
    else:
        rows = rows.filter(account__in=plan.usable_accounts(campaign.unit))
    try:
        found = rows.filter(public_id=uuid.UUID(public_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise CannotWrite(problem="고른 그림을 찾을 수 없습니다.")
    return found
