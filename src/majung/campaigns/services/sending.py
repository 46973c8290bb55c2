"""Sending a campaign: confirm, recall, pause, resume, stop. The written list and what leaves are ``freezing``'s."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction

from majung.activity import services as activity
from majung.audience import counts
from majung.campaigns.enums import Kind, Move, PauseReason, State, TaskState, after
from majung.campaigns.errors import CannotSend, Forbids, SaidAlready, TooFew, TooLate, WrongMoment
from majung.campaigns.models import Campaign, HandTask
from majung.campaigns.services import checking
from majung.campaigns.services.checking import Check
from majung.core import clock, jobs
from majung.delivery import services as delivery
from majung.delivery.models import Dispatch
from majung.policy import rules
from majung.tree import services as tree
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Grant
from majung.tree.queries import grant_chain
from majung.ui.text import ago

SAME_WITHIN = timedelta(minutes=10)
"""The same words to the same audience within this are taken for a second press, and asked about."""


NEVER_SENT = frozenset({State.RECALLED, State.STOPPED, State.REFUSED})
"""Ended without having been sent as it was meant: pressing "send" again must not look like success."""


def locked(campaign_id: int) -> Campaign:
    """The campaign, held until the transaction ends."""
    return (
        Campaign.objects.select_for_update(no_key=True, of=("self",))
        .select_related("unit__entity", "scope", "root", "account", "template", "picture", "grant")
        .get(pk=campaign_id)
    )


def moved(campaign: Campaign, move: Move) -> str:
    """The state after ``move``. Raises WrongMoment."""
    new = after(campaign.state, move)
    if new is None:
        raise WrongMoment(state=State(campaign.state).label, move=move.label)
    return new


def record(actor: Actor, campaign: Campaign, happened: str, facts: Mapping[str, Any] | None = None) -> None:
    """One entry of the stream."""
    activity.write(
        actor, f"campaigns.{happened}", unit_id=campaign.unit_id, object_kind="campaign", object_id=campaign.pk,
        facts=facts,
    )  # fmt: skip


@transaction.atomic
def confirm(actor: Actor, campaign: Campaign, *, again: bool = False) -> Campaign:
    """The campaign will be sent: worst case reserved, receipt kept, list frozen by a job right after (M2, M7).

    A second press on a confirmed campaign changes nothing; one on a campaign that was called back, stopped or refused is
    told so (WrongMoment). Raises CannotSend, Forbids, TooFew, SaidAlready (unless
    ``again``), WrongMoment, and what ``tree.reserve`` raises.
    """
    current = locked(campaign.pk)
    actor.require(Act.CAMPAIGNS_SEND, current.unit)
    actor.require(Act.CAMPAIGNS_SEND, current.scope)
    if current.confirmed_at is not None and current.state not in NEVER_SENT:
        return current
    new = moved(current, Move.CONFIRM)
    now = clock.now()
    if current.send_at is not None and current.send_at <= now:
        raise CannotSend(problem="정한 시각이 지났습니다. 시각을 다시 정해 주세요.", problems=())
    content = checking.content_hash(current)
    if content != current.checked_hash or current.checked_at is None or now - current.checked_at > checking.FRESH:
        raise CannotSend(problem="점검한 뒤에 바뀌었거나 30분이 지났습니다. 다시 점검해 주세요.", problems=())
    found = checking.look(actor, current)
    _refuse(actor, found)
    if not again:
        _ask_when_said(current, content)
    reservation = tree.reserve(
        actor, current.unit, campaign_id=current.pk, messages=found.estimate.planned,
        centiwon=found.money.worst_centiwon,
    )  # fmt: skip
    current.state, current.confirmed_at, current.confirmed_by = new, now, actor.user
    current.grant, current.content_hash = reservation.grant, content
    current.estimate, current.worst_centiwon = checking.stored(found), found.money.worst_centiwon
    current.not_before = max(now + timedelta(seconds=current.recall_seconds), current.send_at or now)
    current.receipt = _receipt(actor, current, reservation.grant, found)
    current.changed_at = now
    current.save()
    record(
        actor, current, "confirmed", {"planned": found.estimate.planned, "not_before": current.not_before.isoformat()}
    )
    jobs.defer("campaigns.freeze", campaign=current.pk)
    return current


def _refuse(actor: Actor, found: Check) -> None:
    if found.gate.denials:
        rule = found.gate.denials[0]
        raise Forbids(problem=rule.sentence, article=rule.article, reason=rule.code)
    if actor.is_blind and 0 < found.estimate.planned < counts.FLOOR:
        raise TooFew()
    hard = [p for p in found.problems if p.code not in ("OVER_LENT", "OUT_OF_BUDGET")]
    if hard:
        sentences = tuple(p.sentence for p in hard)
        raise CannotSend(problem=" ".join(sentences), problems=sentences)


def _ask_when_said(campaign: Campaign, content: str) -> None:
    now = clock.now()
    same = (
        Campaign.objects.filter(root_id=campaign.root_id, content_hash=content, confirmed_at__gt=now - SAME_WITHIN)
        .exclude(pk=campaign.pk)
        .exclude(state__in=(State.RECALLED, State.REFUSED))
        .order_by("-confirmed_at")
        .first()
    )
    if same is not None and same.confirmed_at is not None:
        raise SaidAlready(ago=ago(same.confirmed_at, now), campaign=str(same.public_id))


def _receipt(actor: Actor, campaign: Campaign, grant: Grant, found: Check) -> dict[str, Any]:
    """By whose leave: the chain of grants as it stood, the check, the rules. Numbers of people, never their data."""
    return {
        "at": clock.now().isoformat(),
        "actor": {"kind": actor.kind, "number": actor.number, "blind": actor.is_blind},
        "chain": [
            {
                "grant": link.pk, "user": link.user_id, "api_key": link.api_key_id, "unit": link.unit.name,
                "unit_id": link.unit_id, "role": link.role, "subtree": link.covers_subtree,
                "starts_at": link.starts_at.isoformat(), "ends_at": link.ends_at.isoformat() if link.ends_at else None,
                "messages_per_day": link.messages_per_day, "messages_total": link.messages_total,
                "centiwon_per_day": link.centiwon_per_day, "centiwon_total": link.centiwon_total,
            }
            for link in grant_chain(grant)
        ],
        "content": campaign.content_hash,
        "rule_set": rules.RULE_SET_VERSION,
        "planned": found.estimate.planned,
        "worst_centiwon": found.money.worst_centiwon,
        "mode": campaign.account.mode if campaign.account else "",
    }  # fmt: skip


@transaction.atomic
def recall(actor: Actor, campaign: Campaign) -> Campaign:
    """Nothing of the campaign leaves: called back before its window (or its hour) is over. Raises TooLate, WrongMoment."""
    current = locked(campaign.pk)
    actor.require(Act.CAMPAIGNS_SEND, current.unit)
    if current.state in (State.SENDING, State.PAUSED):
        raise TooLate()
    current.state = moved(current, Move.RECALL)
    current.ended_at = current.changed_at = clock.now()
    current.save(update_fields=["state", "ended_at", "changed_at"])
    if Dispatch.objects.filter(campaign_id=current.pk).exists():
        delivery.stop(current.pk)
    tree.release(current.pk)
    record(actor, current, "recalled")
    return current


@transaction.atomic
def pause(actor: Actor, campaign: Campaign) -> Campaign:
    """No further chunk is claimed; what was handed over stays handed over."""
    current = locked(campaign.pk)
    actor.require(Act.CAMPAIGNS_SEND, current.unit)
    current.state, current.pause_reason = moved(current, Move.PAUSE), PauseReason.ASKED
    current.changed_at = clock.now()
    current.save(update_fields=["state", "pause_reason", "changed_at"])
    if current.started_at is not None and current.kind != Kind.HAND:
        delivery.pause(current.pk, PauseReason.ASKED)
    record(actor, current, "paused")
    return current


@transaction.atomic
def resume(actor: Actor, campaign: Campaign) -> Campaign:
    """The rest goes on: also the answer to a late schedule's question, and after money or leave was mended."""
    current = locked(campaign.pk)
    actor.require(Act.CAMPAIGNS_SEND, current.unit)
    current.state, current.pause_reason, current.problem = moved(current, Move.RESUME), "", ""
    has_begun, current.changed_at = current.started_at is not None, clock.now()
    current.started_at = current.started_at or current.changed_at
    current.save(update_fields=["state", "pause_reason", "problem", "changed_at", "started_at"])
    if current.kind != Kind.HAND:
        (delivery.resume if has_begun else delivery.start)(current.pk)
    record(actor, current, "resumed")
    return current


@transaction.atomic
def stop(actor: Actor, campaign: Campaign) -> Campaign:
    """What has not left never will; what is in doubt is still settled. The reservation is settled when it is."""
    current = locked(campaign.pk)
    actor.require(Act.CAMPAIGNS_SEND, current.unit)
    current.state, current.pause_reason = moved(current, Move.STOP), ""
    current.ended_at = current.changed_at = clock.now()
    current.save(update_fields=["state", "pause_reason", "ended_at", "changed_at"])
    if current.kind == Kind.HAND:
        HandTask.objects.filter(campaign=current, state=TaskState.OPEN).update(
            state=TaskState.SKIPPED, done_at=clock.now(), done_by=actor.user
        )
    else:
        delivery.stop(current.pk)
    record(actor, current, "stopped")
    jobs.defer("campaigns.finish", campaign=current.pk)
    return current
