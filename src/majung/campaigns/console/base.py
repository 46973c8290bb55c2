"""What every page of campaigns starts with: the actor, the campaign in sight, words and tones of its state."""

import uuid
from collections.abc import Mapping

from django.http import HttpRequest
from django.urls import reverse

from majung.campaigns import queries
from majung.campaigns.enums import State
from majung.campaigns.models import Campaign
from majung.channels.enums import Mode
from majung.core.errors import Forbidden
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.values import Crumb, Status, Step, Tone

TONES: Mapping[str, Tone] = {
    State.CHECKED: "acc",
    State.CONFIRMED: "live",
    State.FREEZING: "live",
    State.FROZEN: "live",
    State.SENDING: "live",
    State.PAUSED: "warn",
    State.FINISHED: "ok",
    State.REFUSED: "danger",
}
STEPS = (("audience", "대상"), ("words", "내용"), ("fallback", "대체 문자"), ("check", "점검"), ("send", "보내기"))


def actor_of(request: HttpRequest) -> Actor:
    """Who acts. Raises Forbidden when no act of this room was lent anywhere."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None or Act.CAMPAIGNS_VIEW not in actor.acts:
        raise Forbidden()
    return actor


def seen(request: HttpRequest, public_id: uuid.UUID, act: Act = Act.CAMPAIGNS_VIEW) -> tuple[Actor, Campaign]:
    """The actor and the campaign in sight. Raises NotYours or Forbidden."""
    actor = actor_of(request)
    return actor, queries.campaign(actor, public_id, act)


def status(campaign: Campaign) -> Status:
    """The state as a dot and a word."""
    return Status(word=State(campaign.state).label, tone=TONES.get(campaign.state, ""))


def crumbs(campaign: Campaign | None = None, *more: Crumb) -> list[Crumb]:
    """The way to a page."""
    found = [Crumb(label="메시지", url=reverse("campaigns:list"))]
    if campaign is not None:
        found.append(Crumb(label=campaign.title, url=reverse("campaigns:campaign", args=[campaign.public_id])))
    return [*found, *more]


def live_mode(campaign: Campaign) -> bool | None:
    """Whether messages reach real phones; None while no account is chosen."""
    return campaign.account.mode == Mode.LIVE if campaign.account else None


def steps(campaign: Campaign, now: str) -> list[Step]:
    """The wizard's steps, each leading to its page; only a KakaoTalk message has one for a text instead."""
    shown = [step for step in STEPS if step[0] != "fallback" or campaign.may_fall_back]
    order = [code for code, _ in shown]
    here = order.index(now)
    return [
        Step(
            label=label,
            state="done" if i < here else "now" if i == here else "later",
            url=reverse(f"campaigns:{code}", args=[campaign.public_id]) if i <= here or campaign.checked_at else "",
        )
        for i, (code, label) in enumerate(shown)
    ]


def uuid_of(text: str) -> uuid.UUID | None:
    """The id that a form sent, or None."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
