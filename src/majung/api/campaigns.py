"""Campaigns over the API: written, checked, confirmed, followed and held, under the same rules as on the screen."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Router, Schema
from pydantic import AwareDatetime

from majung.api.app import ApiRequest, Said
from majung.api.idempotency import once
from majung.audience import services as audience
from majung.campaigns import queries, report, services
from majung.campaigns.fallback import Instead
from majung.campaigns.models import Campaign
from majung.campaigns.services import Check, Texting, Wording
from majung.tree.actor import Actor
from majung.tree.enums import Act

router = Router(tags=["campaigns"])


class Button(Said):
    """``WL`` opens ``link``; ``AC`` adds the channel."""

    type: Literal["WL", "AC"]
    name: str = Field(max_length=30)
    link: str = Field("", max_length=1000)


class Text(Said):
    """The text that goes instead to whom KakaoTalk does not reach, for these reasons; of a brand message or an AlimTalk.

    It is an SMS up to 90 bytes (CP949) at its longest, else an LMS; ``subject`` stands on an LMS only. ``sender`` is one of the
    account's registered numbers; empty, the usual one.
    """

    text: str = Field(max_length=4000)
    subject: str = Field("", max_length=40)
    sender: str = Field("", max_length=12)
    reasons: list[Literal["NOT_A_FRIEND", "NO_TALK", "TALK_BLOCKED"]] = Field(min_length=1, max_length=3)


class NewCampaign(Said):
    """A message of one unit. ``criteria`` as for segments; without them everyone in ``scope`` (default: the unit)."""

    unit: UUID
    scope: UUID | None = None
    title: str = Field(max_length=80)
    kind: Literal["brand", "alim", "sms", "lms", "email", "hand"] = "brand"
    purpose: Literal["ADVERTISING", "PARTY_NOTICE", "INFORMATIONAL", "ELECTION_CAMPAIGN"] = "PARTY_NOTICE"
    text: str = Field(max_length=4000)
    subject: str = Field("", max_length=40)
    buttons: list[Button] = Field(default_factory=list, max_length=5)
    fallbacks: dict[str, str] = Field(default_factory=dict)
    fallback: Text | None = None
    criteria: dict[str, Any] | None = None
    send_at: AwareDatetime | None = None
    recall_seconds: int = Field(15, ge=0, le=3600)


class CampaignOut(Schema):
    """Where a campaign stands."""

    id: UUID
    title: str
    state: str
    unit: UUID
    kind: str
    purpose: str
    send_at: datetime | None
    confirmed_at: datetime | None
    ended_at: datetime | None
    problem: str


class Reason(Schema):
    """Why somebody is left out; ``number`` is null when it is hidden."""

    code: str
    sentence: str
    article: str
    number: int | None


class TextOut(Schema):
    """The text instead, as it would be sent: its kind, its bytes at its longest, what one costs."""

    kind: Literal["SMS", "LMS"]
    bytes: int
    sender: str
    reasons: list[str]
    unit_krw: float


class CheckOut(Schema):
    """What the check found. ``cost_krw``: KakaoTalk reaches all. ``worst_krw``: all get the dearer of message and text."""

    may_send: bool
    audience: int | None
    planned: int | None
    left_out: list[Reason]
    cost_krw: float | None
    worst_krw: float | None
    fallback: TextOut | None
    problems: list[str]


class CostOut(Schema):
    """Money of one kind of message (BRAND, ALIM, SMS, LMS): handed over, given back as undelivered, paid for."""

    kind: str
    unit_krw: float
    charged: int
    returned: int
    paid: int
    cost_krw: float


class BooksOut(Schema):
    """audience = left_out + accepted + refused + in_doubt + not_yet; null before the list is written.

    ``fell_back``: to whom a text went instead; they are counted by what became of the text.
    """

    audience: int
    left_out: int
    accepted: int
    delivered: int
    refused: int
    in_doubt: int
    not_yet: int
    fell_back: int
    cost_krw: float
    costs: list[CostOut]
    is_balanced: bool
    is_rounded: bool


def _out(campaign: Campaign) -> dict[str, Any]:
    def text(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    return {
        "id": str(campaign.public_id),
        "title": campaign.title,
        "state": str(campaign.state),
        "unit": str(campaign.unit.public_id),
        "kind": str(campaign.kind),
        "purpose": campaign.purpose,
        "send_at": text(campaign.send_at),
        "confirmed_at": text(campaign.confirmed_at),
        "ended_at": text(campaign.ended_at),
        "problem": campaign.problem,
    }


@router.get("", response=list[CampaignOut])
def campaigns(request: ApiRequest, search: str = "", phase: str = "") -> list[dict[str, Any]]:
    """The campaigns in sight, the latest changed first; at most 200."""
    return [_out(campaign) for campaign in queries.campaigns(request.actor, search=search[:80], phase=phase)[:200]]


@router.post("", response={201: CampaignOut})
def write(request: ApiRequest, new: NewCampaign) -> tuple[int, dict[str, Any]]:
    """A draft. Nothing is checked or sent yet."""
    return once(request, 201, lambda: _out(_draft(request.actor, new)))


def _draft(actor: Actor, new: NewCampaign) -> Campaign:
    unit = actor.unit(new.unit, Act.CAMPAIGNS_WRITE)
    scope = actor.unit(new.scope, Act.CAMPAIGNS_WRITE) if new.scope else unit
    campaign = services.draft(actor, unit, title=new.title, scope=scope)
    words = Wording(
        title=new.title,
        kind=new.kind,
        purpose=new.purpose,
        text=new.text,
        subject=new.subject,
        buttons=[button.dict() for button in new.buttons],
        fallbacks=new.fallbacks,
        account=str(campaign.account.public_id) if campaign.account else "",
    )
    campaign = services.edit_words(actor, campaign, words)
    if new.fallback is not None:
        campaign = services.edit_fallback(actor, campaign, Texting(**new.fallback.dict()))
    if new.criteria is not None:
        campaign = services.edit_audience(actor, campaign, scope=scope, group=audience.parse(new.criteria))
    return services.edit_hour(actor, campaign, send_at=new.send_at, recall_seconds=new.recall_seconds)


@router.get("/{uuid:public_id}", response=CampaignOut)
def campaign(request: ApiRequest, public_id: UUID) -> dict[str, Any]:
    """One campaign in sight."""
    return _out(queries.campaign(request.actor, public_id))


@router.post("/{uuid:public_id}/check", response=CheckOut)
def check(request: ApiRequest, public_id: UUID) -> dict[str, Any]:
    """What would happen now: people, reasons, cost, and what stands in the way."""
    found = services.check(request.actor, queries.campaign(request.actor, public_id, Act.CAMPAIGNS_WRITE))
    return _checked(request.actor, found)


def _checked(actor: Actor, found: Check) -> dict[str, Any]:
    reasons = report.left_out(actor, found.campaign)
    blind = actor.is_blind
    return {
        "may_send": found.may_send,
        "audience": None if blind else found.estimate.audience,
        "planned": None if blind else found.estimate.planned,
        "left_out": [
            {"code": row.code, "sentence": row.sentence, "article": row.law, "number": row.people.number}
            for row in reasons
        ],
        "cost_krw": None if blind else found.estimate.cost_centiwon / 100,
        "worst_krw": None if blind else found.money.worst_centiwon / 100,
        "fallback": _text(found.plan.instead),
        "problems": [problem.sentence for problem in found.problems],
    }


def _text(instead: Instead | None) -> dict[str, Any] | None:
    if instead is None:
        return None
    return {
        "kind": str(instead.template.kind), "bytes": instead.size.used, "sender": instead.template.sender,
        "reasons": [reason.name for reason in instead.reasons], "unit_krw": instead.unit_centiwon / 100,
    }  # fmt: skip


@router.post("/{uuid:public_id}/confirm", response=CampaignOut)
def confirm(request: ApiRequest, public_id: UUID, again: bool = False) -> dict[str, Any]:
    """It will be sent. A second call changes nothing; the same words within a day need ``again=true``."""
    found = queries.campaign(request.actor, public_id, Act.CAMPAIGNS_SEND)
    return _out(services.confirm(request.actor, found, again=again))


@router.get("/{uuid:public_id}/books", response=BooksOut | None)
def books(request: ApiRequest, public_id: UUID) -> dict[str, Any] | None:
    """The books as they stand."""
    asked = queries.campaign(request.actor, public_id)
    found = report.progress(request.actor, asked)
    if found is None:
        return None
    terms = (
        "audience",
        "left_out",
        "accepted",
        "delivered",
        "refused",
        "in_doubt",
        "not_yet",
        "fell_back",
        "is_balanced",
        "is_rounded",
    )
    costs = [
        {
            "kind": row.kind, "unit_krw": row.unit_centiwon / 100, "charged": row.charged, "returned": row.returned,
            "paid": row.paid, "cost_krw": row.cost_centiwon / 100,
        }
        for row in report.money(request.actor, asked).kinds
    ]  # fmt: skip
    return {name: getattr(found, name) for name in terms} | {"cost_krw": found.cost_centiwon / 100, "costs": costs}


@router.post("/{uuid:public_id}/{verb}", response=CampaignOut)
def act(request: ApiRequest, public_id: UUID, verb: Literal["recall", "pause", "resume", "stop"]) -> dict[str, Any]:
    """Called back, held, sent on or given up, at once."""
    found = queries.campaign(request.actor, public_id, Act.CAMPAIGNS_SEND)
    verbs = {"recall": services.recall, "pause": services.pause, "resume": services.resume, "stop": services.stop}
    return _out(verbs[verb](request.actor, found))
