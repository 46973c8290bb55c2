"""The verbs on a frozen dispatch: start, pause, resume, stop (M5). Callers hold the actor's leave already (campaigns)."""

from django.db import transaction

from majung.core import db, jobs
from majung.core.errors import Conflict, NotYours
from majung.delivery import ledger
from majung.delivery.models import Dispatch
from majung.delivery.outcomes import DispatchState, PauseReason

AHEAD = 128
"""Partitions are made for so many campaigns to come."""


@transaction.atomic
def start(campaign_id: int) -> Dispatch:
    """The frozen dispatch begins to leave, as soon as its hour and the rules allow."""
    found = _move(campaign_id, {DispatchState.FROZEN}, DispatchState.SENDING)
    jobs.defer("delivery.make_room", upto=campaign_id + AHEAD)
    return found


@transaction.atomic
def pause(campaign_id: int, reason: str = PauseReason.ASKED, problem: str = "") -> Dispatch:
    """No further group leaves; what has left is settled. Pausing what stands still changes its reason."""
    standing = {DispatchState.SENDING, DispatchState.PAUSED}
    return _move(campaign_id, standing, DispatchState.PAUSED, pause_reason=str(reason), problem=problem)


@transaction.atomic
def resume(campaign_id: int) -> Dispatch:
    """The rest goes on."""
    return _move(campaign_id, {DispatchState.PAUSED}, DispatchState.SENDING)


@transaction.atomic
def stop(campaign_id: int) -> Dispatch:
    """What has not left never will: everybody without an answer is left out as STOPPED, the first hundred thousand at once, the
    others within seconds or when a group in hand comes back. What has left is settled.
    """
    every = {DispatchState.FROZEN, DispatchState.SENDING, DispatchState.PAUSED, DispatchState.STOPPED}
    found = _move(campaign_id, every, DispatchState.STOPPED)
    ledger.sweep(db.raw(), campaign_id)
    return found


def _move(
    campaign_id: int, allowed: set[DispatchState], to: DispatchState, *, pause_reason: str = "", problem: str = ""
) -> Dispatch:
    """The dispatch in its new state, locked. Raises NotYours for none, Conflict for one that has moved on."""
    found = Dispatch.objects.select_for_update(no_key=True).filter(pk=campaign_id).first()
    if found is None:
        raise NotYours()
    if found.state not in allowed or found.finished_at is not None:
        raise Conflict(problem="그 사이에 발송의 상태가 바뀌었습니다.")
    found.state, found.pause_reason, found.problem = str(to), pause_reason, problem
    found.save(update_fields=["state", "pause_reason", "problem"])
    return found
