"""Campaigns on a person's page: what came, through which channel, and what did not come and why (F6)."""

from collections.abc import Iterable
from typing import Final

from django.urls import reverse

from majung.campaigns.fallback import KIND_WORDS
from majung.campaigns.models import Campaign
from majung.campaigns.report import words_of
from majung.channels.adapters.outcomes import UNREACHED, WORDS, Outcome
from majung.channels.models import Channel
from majung.delivery import outcomes
from majung.delivery.queries import Received, person_history
from majung.people import timeline
from majung.people.models import Person
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.values import Event, Tone

_LEDGER: Final = {
    outcomes.code(byte): outcomes.sentence(byte)
    for byte in (*outcomes.SENTENCES, *(reason + outcomes.FELL_BACK for reason in UNREACHED))
}
_LOOKS: Final[dict[str, tuple[str, Tone]]] = {
    "DELIVERED": ("message-check", "ok"),
    "ACCEPTED": ("message-check", "acc"),
}


def events(actor: Actor, person: Person, limit: int) -> Iterable[Event]:
    """The person's messages and omissions, of units whose campaigns the actor may see."""
    if Act.CAMPAIGNS_VIEW not in actor.acts:
        return
    rows = [row for row in person_history(actor, person.pk) if row.at is not None][:limit]
    campaigns = Campaign.objects.in_bulk({row.campaign_id for row in rows})
    channels = dict(Channel.objects.filter(pk__in={row.channel_id for row in rows}).values_list("pk", "name"))
    for row in rows:
        campaign = campaigns.get(row.campaign_id)
        if campaign is None or row.at is None:
            continue
        icon, tone = _LOOKS.get(row.code, ("message-off", "warn"))
        through = f"{channels[row.channel_id]} · " if row.channel_id in channels else ""
        if row.kind in KIND_WORDS:
            through = f"{KIND_WORDS[row.kind]} · "
        yield Event(
            at=row.at, title=campaign.title, note=f"{through}{sentence(row, campaign.purpose)}", icon=icon, tone=tone,
            url=reverse("campaigns:campaign", args=[campaign.public_id]),
        )  # fmt: skip


def sentence(row: Received, purpose: str = "") -> str:
    """What became of it, in words."""
    if row.channel_id is None:
        return f"보내지 않음 · {words_of(row.code, purpose)[0]}"
    return _LEDGER.get(row.code) or WORDS[Outcome[row.code]]


def join() -> None:
    """The person's page knows campaigns from now on."""
    timeline.add_source("campaigns", events)
