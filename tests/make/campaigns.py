"""Builders of campaigns: a party whose members may be written to, and campaigns written through the real services."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from majung.campaigns import services
from majung.campaigns.models import Campaign
from majung.campaigns.services import Wording
from majung.consent.enums import ConsentPurpose
from majung.core import clock
from majung.tree.actor import Actor
from majung.tree.models import Unit
from tests.make import consent as make_consent
from tests.make import delivery as make_delivery
from tests.make.delivery import Party

TEXT = "#{이름} 님, #{조직}에서 알립니다. 토요일 모임은 열 시입니다."


def party(*, people: int = 200, agree: bool = True, **given: Any) -> Party:
    """A party with channels, an account and a crowd; with ``agree`` all of it consented to sensitive data."""
    made = make_delivery.party(depth=given.pop("depth", 2), people=people, **given)
    if agree and made.people:
        sensitive(made, made.people)
    return made


def sensitive(made: Party, people: Collection[int]) -> None:
    """These people agreed to the processing of sensitive data."""
    actor = made.made.actor
    notice = make_consent.notice(actor, made.top, ConsentPurpose.SENSITIVE)
    make_consent.consent(actor, people, notice)


def draft(
    made: Party, *, actor: Actor | None = None, unit: Unit | None = None, title: str = "토요일 모임", **words: Any
) -> Campaign:
    """A campaign with words, spoken by ``unit`` (default: the top) to everyone below it; recalled for no time."""
    who, speaker = actor or made.made.actor, unit or made.top
    campaign = services.draft(who, speaker, title=title)
    account = str(campaign.account.public_id) if campaign.account else ""
    given = {"title": title, "text": TEXT, "account": account, **words}
    campaign = services.edit_words(who, campaign, Wording(**given))
    return services.edit_hour(who, campaign, send_at=None, recall_seconds=0)


def confirmed(made: Party, *, actor: Actor | None = None, recall_seconds: int = 0, **given: Any) -> Campaign:
    """A campaign that was checked and confirmed; its job waits in the queue."""
    who = actor or made.made.actor
    campaign = draft(made, actor=who, **given)
    if recall_seconds:
        services.edit_hour(who, campaign, send_at=None, recall_seconds=recall_seconds)
    services.check(who, campaign)
    return services.confirm(who, campaign)


def later(minutes: float) -> datetime:
    """An instant so many minutes from now."""
    return clock.now() + timedelta(minutes=minutes)
