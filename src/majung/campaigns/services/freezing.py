"""What the jobs do: freeze the audience, start at the hour, follow the dispatch, settle the money. Safe to repeat.

Every step is one transaction that begins by looking at the state, so a job that is killed or runs twice harms nothing.
"""

import logging
from datetime import timedelta

from django.db import DatabaseError, OperationalError, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from majung.activity import services as activity
from majung.audience import counts
from majung.campaigns import plan
from majung.campaigns.enums import Kind, Move, PauseReason, State
from majung.campaigns.errors import DeniedAtFreeze, TooFew
from majung.campaigns.models import Campaign
from majung.campaigns.services import hand
from majung.campaigns.services.sending import locked, moved, record
from majung.core import clock, db, jobs, sql
from majung.core.errors import Refusal
from majung.crowd import catalogue
from majung.delivery import planner, week
from majung.delivery import services as delivery
from majung.delivery.models import Dispatch
from majung.delivery.order import Order
from majung.people import pages, vault
from majung.policy import judge
from majung.tree import services as tree
from majung.tree.actor import Actor, covers, system_actor

log = logging.getLogger(__name__)

LATE = timedelta(minutes=10)
"""A schedule that is missed by more than this asks before it sends (M5)."""
TRIES = 5


class CalledBack(Exception):
    """The campaign was recalled while its list was being written: the list is rolled back."""


def freeze(campaign_id: int) -> bool:
    """The list is written down and the campaign waits for its hour, or it is refused with its problem. True when frozen."""
    catalogue.load()
    with transaction.atomic():
        campaign = locked(campaign_id)
        if campaign.state not in (State.CONFIRMED, State.FREEZING):
            return False
        campaign.state = moved(campaign, Move.FREEZE)
        campaign.save(update_fields=["state"])
    try:
        if campaign.kind == Kind.HAND:
            hand.write_tasks(campaign)
        else:
            _write_list(campaign)
    except CalledBack:
        return False
    except Refusal as refusal:
        refuse(campaign_id, str(refusal))
        return False
    campaign.refresh_from_db()
    if campaign.not_before is not None and campaign.not_before <= clock.now():
        start(campaign_id)
    elif campaign.not_before is not None:
        machine = campaign.not_before - timedelta(seconds=clock.offset_seconds())
        jobs.defer_at("campaigns.start", machine, campaign=campaign_id)
    return True


def _write_list(campaign: Campaign) -> None:
    """One transaction with ``planner.freeze``; again when another one got in between (a recall, a changed budget)."""
    order = _order(campaign)
    # What was changed since the night is put into pages before the transaction: others may use it, too.
    pages.freshen(db.raw(), vault.sealer(), campaign.root_id)
    for attempt in range(1, TRIES + 1):
        try:
            with week.turn(db.raw(), campaign.root_id), transaction.atomic():
                _freeze(campaign, order)
            return
        except (OperationalError, DatabaseError) as error:
            if not isinstance(error.__cause__, SerializationFailure | DeadlockDetected) or attempt == TRIES:
                raise
            log.info("freezing again", extra={"campaign": campaign.pk, "attempt": attempt})


def _order(campaign: Campaign) -> Order:
    grant = campaign.grant
    if grant is None or campaign.not_before is None:
        raise ValueError(f"campaign {campaign.pk} was never confirmed")
    found = plan.look_up(campaign, lambda unit: covers(grant, unit), clock.now())
    occasions = [found.occasion, found.instead.occasion] if found.instead else [found.occasion]
    if denials := [rule for occasion in occasions for rule in judge.gates(occasion).denials]:
        raise DeniedAtFreeze(problem=denials[0].sentence)
    return found.order(plan.system_criteria(campaign), grant_id=grant.pk, not_before=campaign.not_before)


def _freeze(campaign: Campaign, order: Order) -> None:
    actor, grant = system_actor(campaign.root_id), campaign.grant

    def reserve(messages: int, centiwon: int) -> None:
        if campaign.receipt.get("actor", {}).get("blind") and messages < counts.FLOOR:
            raise TooFew()
        tree.reserve(actor, campaign.unit, campaign_id=campaign.pk, messages=messages, centiwon=centiwon, grant=grant)

    frozen = planner.freeze(db.raw(), order, reserve=reserve)
    if not frozen.planned:
        raise DeniedAtFreeze(problem="받을 사람이 없어졌습니다. 제외한 까닭을 살펴보세요.")
    waiting = Campaign.objects.filter(pk=campaign.pk, state=State.FREEZING).update(
        state=State.FROZEN, audience=frozen.audience, planned=frozen.planned, worst_centiwon=frozen.worst_centiwon,
        frozen_at=clock.now(), changed_at=clock.now(),
    )  # fmt: skip
    if not waiting:
        raise CalledBack
    record(actor, campaign, "frozen", {"audience": frozen.audience, "planned": frozen.planned, "chunks": frozen.chunks})


@transaction.atomic
def refuse(campaign_id: int, problem: str) -> None:
    """The campaign is not sent, with the reason in words; what was reserved is free again."""
    campaign = locked(campaign_id)
    if campaign.state not in (State.CONFIRMED, State.FREEZING):
        return
    campaign.state, campaign.problem = moved(campaign, Move.REFUSE), problem
    campaign.ended_at = campaign.changed_at = clock.now()
    campaign.save(update_fields=["state", "problem", "ended_at", "changed_at"])
    tree.release(campaign_id)
    record(system_actor(campaign.root_id), campaign, "refused", {"problem": problem})


@transaction.atomic
def start(campaign_id: int) -> bool:
    """A frozen campaign whose hour has come begins to leave; one that missed it asks first. True when it began."""
    campaign = locked(campaign_id)
    now = clock.now()
    if campaign.state != State.FROZEN or campaign.not_before is None or campaign.not_before > now:
        return False
    actor = system_actor(campaign.root_id)
    if campaign.send_at is not None and now - campaign.not_before > LATE:
        campaign.state, campaign.pause_reason = moved(campaign, Move.PAUSE), PauseReason.LATE
        campaign.save(update_fields=["state", "pause_reason"])
        activity.owe(
            root_id=campaign.root_id, unit_id=campaign.unit_id, kind="campaigns.late", due_at=now,
            title=f"‘{campaign.title}’: 정한 시각을 놓쳤습니다. 지금 보낼지 정해 주세요.", object_kind="campaign",
            object_id=campaign.pk,
        )  # fmt: skip
        record(actor, campaign, "late")
        return False
    campaign.state, campaign.started_at, campaign.changed_at = moved(campaign, Move.START), now, now
    campaign.save(update_fields=["state", "started_at", "changed_at"])
    if campaign.kind != Kind.HAND:
        delivery.start(campaign_id)
    record(actor, campaign, "started")
    return True


def start_due() -> int:
    """Whatever waits and is due begins, and what a killed job left lying is taken up again. How many began."""
    now = clock.now()
    due = Campaign.objects.filter(state=State.FROZEN, not_before__lte=now).values_list("pk", flat=True)
    begun = sum(start(pk) for pk in due)
    left = Campaign.objects.filter(
        state__in=(State.CONFIRMED, State.FREEZING), confirmed_at__lt=now - timedelta(minutes=1)
    )
    for pk in left.values_list("pk", flat=True):
        jobs.defer("campaigns.freeze", campaign=pk)
    for pk in _followed():
        try:
            follow(pk)
        except Exception:
            # What is wrong with one campaign's books keeps no other campaign from being followed.
            log.exception("a campaign could not be followed", extra={"campaign": pk})
    return begun


def _followed() -> list[int]:
    open_ones = Campaign.objects.filter(state__in=(State.SENDING, State.PAUSED)).exclude(kind=Kind.HAND)
    unsettled = Campaign.objects.filter(state=State.STOPPED, spent_centiwon__isnull=True).exclude(kind=Kind.HAND)
    return [*open_ones.values_list("pk", flat=True), *unsettled.values_list("pk", flat=True)]


def advance(campaign_id: int) -> None:
    """The campaign is taken on if there is anything to do: for pages that look at it, which ask often."""
    campaign = Campaign.objects.only("state", "not_before", "kind").get(pk=campaign_id)
    if campaign.state == State.FROZEN and campaign.not_before is not None and campaign.not_before <= clock.now():
        start(campaign_id)
        return
    dispatch = Dispatch.objects.filter(campaign_id=campaign_id).only("state", "finished_at").first()
    if dispatch is not None and (dispatch.finished_at is not None or dispatch.state != campaign.state):
        follow(campaign_id)


@transaction.atomic
def follow(campaign_id: int) -> str:
    """The campaign says what its dispatch came to: paused by the engine, finished, settled. The state after it."""
    campaign = locked(campaign_id)
    dispatch = (
        Dispatch.objects.filter(campaign_id=campaign_id).only("state", "pause_reason", "problem", "finished_at").first()
    )
    if campaign.kind == Kind.HAND or dispatch is None:
        return campaign.state
    actor = system_actor(campaign.root_id)
    if dispatch.finished_at is None:
        _free_what_is_not_needed(campaign)
    if dispatch.finished_at is not None and campaign.state in (State.SENDING, State.PAUSED, State.STOPPED):
        _finish(actor, campaign)
    elif dispatch.state == "paused" and campaign.state == State.SENDING:
        campaign.state = moved(campaign, Move.PAUSE)
        campaign.pause_reason = dispatch.pause_reason
        campaign.problem = dispatch.problem
        campaign.save(update_fields=["state", "pause_reason", "problem"])
        record(actor, campaign, "paused", {"reason": dispatch.pause_reason})
    elif dispatch.state == "sending" and campaign.state == State.PAUSED and campaign.pause_reason != PauseReason.LATE:
        campaign.state, campaign.pause_reason = moved(campaign, Move.RESUME), ""
        campaign.save(update_fields=["state", "pause_reason"])
        record(actor, campaign, "resumed")
    return campaign.state


def _free_what_is_not_needed(campaign: Campaign) -> None:
    """As reports arrive, the worst case shrinks: what nobody can cost any more goes back to budgets and quotas (M7)."""
    if campaign.state in (State.SENDING, State.PAUSED, State.STOPPED) and campaign.spent_centiwon is None:
        [(messages, centiwon)] = db.raw().execute(_sql("still_needed"), {"campaign": campaign.pk}).fetchall()
        tree.keep(campaign.pk, messages=messages, centiwon=centiwon)


def _finish(actor: Actor, campaign: Campaign) -> None:
    """Everybody has an answer: what was paid is charged, the rest of the reservation is free."""
    [(messages, centiwon)] = db.raw().execute(_sql("spent"), {"campaign": campaign.pk}).fetchall()
    tree.settle(campaign.pk, messages=messages, centiwon=centiwon)
    campaign.spent_centiwon = centiwon
    if campaign.state != State.STOPPED:
        campaign.state, campaign.pause_reason = moved(campaign, Move.FINISH), ""
        campaign.ended_at = campaign.changed_at = clock.now()
    campaign.save(update_fields=["state", "pause_reason", "spent_centiwon", "ended_at", "changed_at"])
    record(actor, campaign, "finished", {"messages": messages, "centiwon": centiwon})


def _sql(name: str) -> str:
    return sql.load("majung.campaigns", "report", name)
