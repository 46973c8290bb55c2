"""Questions about campaigns and by-hand tasks, always in the sight of an actor."""

import uuid
from collections.abc import Collection, Mapping
from typing import Final

from django.db.models import QuerySet

from majung.audience import references
from majung.campaigns.enums import ENDED, OPEN, WRITABLE, Kind, TaskState
from majung.campaigns.models import Campaign, Export, HandTask
from majung.core import clock, sql
from majung.core.errors import NotYours
from majung.tree.actor import Actor
from majung.tree.enums import Act

PHASES: Mapping[str, tuple[str, frozenset[str]]] = {
    "writing": ("쓰는 중", frozenset(WRITABLE)),
    "open": ("보내는 중", frozenset(OPEN)),
    "ended": ("끝남", frozenset(ENDED)),
}
MOST_CHOICES = 100
"""Campaigns that are offered when one asks who received one."""


def campaigns(actor: Actor, *, search: str = "", phase: str = "") -> QuerySet[Campaign]:
    """Campaigns spoken by units in sight, the latest changed first."""
    found = Campaign.objects.filter(root_id=actor.root_id, unit__in=actor.units(Act.CAMPAIGNS_VIEW))
    if search:
        found = found.filter(title__icontains=search)
    if phase in PHASES:
        found = found.filter(state__in=PHASES[phase][1])
    return found.select_related("unit", "scope", "account", "created_by").order_by("-changed_at", "-pk")


def campaign(actor: Actor, public_id: uuid.UUID, act: Act = Act.CAMPAIGNS_VIEW) -> Campaign:
    """The campaign with that id. Raises NotYours for what is out of sight, Forbidden where only ``act`` is missing."""
    found = (
        Campaign.objects.filter(root_id=actor.root_id, public_id=public_id)
        .select_related("unit__entity", "scope", "root", "account", "template", "picture", "segment", "grant")
        .first()
    )
    if found is None or not actor.may(Act.CAMPAIGNS_VIEW, found.unit):
        raise NotYours()
    actor.require(act, found.unit)
    return found


def tasks(actor: Actor, *, done: bool = False) -> QuerySet[HandTask]:
    """By-hand tasks of the units in sight, the most pressing first."""
    states = [TaskState.OPEN, TaskState.DONE] if not done else [TaskState.REPORTED, TaskState.SKIPPED]
    return (
        HandTask.objects.filter(root_id=actor.root_id, unit__in=actor.units(Act.CAMPAIGNS_VIEW), state__in=states)
        .select_related("unit", "channel", "campaign")
        .order_by("-done_at" if done else "state", "send_at", "pk")
    )


def task(actor: Actor, public_id: uuid.UUID) -> HandTask:
    """The task with that id. Raises NotYours."""
    found = (
        HandTask.objects.filter(root_id=actor.root_id, public_id=public_id)
        .select_related("unit", "channel", "campaign__picture", "done_by")
        .first()
    )
    if found is None or not actor.may(Act.CAMPAIGNS_VIEW, found.unit):
        raise NotYours()
    return found


def export(actor: Actor, public_id: uuid.UUID) -> Export:
    """A file taken out before, by whom it was made. Raises NotYours, Forbidden."""
    found = Export.objects.filter(root_id=actor.root_id, public_id=public_id).select_related("campaign__unit").first()
    if found is None or not actor.may(Act.CAMPAIGNS_VIEW, found.campaign.unit):
        raise NotYours()
    actor.require(Act.REPORTS_EXPORT, found.campaign.unit)
    return found


# ── what audience asks of this room ──────────────────────────────────────────────────────────────────────────────────


def _sent(actor: Actor) -> QuerySet[Campaign]:
    """Campaigns whose receivers can be asked for: those that began to leave through a dealer."""
    return campaigns(actor).filter(started_at__isnull=False).exclude(kind=Kind.HAND)


FINDER: Final = references.Finder(
    sql=sql.load("majung.campaigns", "references", "campaign"), ids=references.uuids, act=Act.CAMPAIGNS_VIEW
)
"""Those in sight with given public ids."""


def list_campaigns(actor: Actor, picked: Collection[str]) -> list[tuple[str, str]]:
    """What can be picked, the latest first, by title, unit and day; what is picked already is among them."""
    seen = _sent(actor).order_by("-started_at", "-pk").values_list("public_id", "title", "unit__name", "started_at")
    rows = references.latest_and_picked(seen, picked, MOST_CHOICES)
    return [(str(public), f"{title} ({unit}, {clock.seoul(at):%Y.%m.%d})") for public, title, unit, at in rows]
