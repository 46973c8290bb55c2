"""*By hand*: per channel a task for the partner centre, a tick when it is done, results typed in or read from a file."""

from dataclasses import dataclass

from django.db import transaction

from majung.campaigns import message, plan
from majung.campaigns.enums import Move, State, TaskState
from majung.campaigns.errors import CannotWrite, DeniedAtFreeze, WrongMoment
from majung.campaigns.models import Campaign, HandTask
from majung.campaigns.services.sending import locked, moved, record
from majung.channels.models import Channel
from majung.core import clock, db, text
from majung.delivery import planner
from majung.tree import services as tree
from majung.tree.actor import Actor, covers, system_actor
from majung.tree.enums import Act

MOST = 100_000_000
MAX_NOTE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the partner centre shows after sending: people sent to, and, where known, who pressed and who blocked."""

    sent: int
    clicked: int | None = None
    blocked: int | None = None
    note: str = ""


@transaction.atomic
def write_tasks(campaign: Campaign) -> int:
    """One open task for each channel that reaches somebody; the campaign waits for its hour. How many tasks."""
    current = locked(campaign.pk)
    if current.state != State.FREEZING or current.grant is None or current.not_before is None:
        return 0
    grant = current.grant
    found = plan.look_up(current, lambda unit: covers(grant, unit), clock.now())
    order = found.order(plan.system_criteria(current), grant_id=grant.pk, not_before=current.not_before)
    guess = planner.estimate(db.raw(), order, lms_centiwon=0)
    channels = Channel.objects.select_related("unit").in_bulk(list(guess.by_channel))
    people = {number: _reached(current, channels[number], n) for number, n in guess.by_channel.items()}
    if not people:
        raise DeniedAtFreeze(problem="받을 사람이 없어졌습니다. 제외한 까닭을 살펴보세요.")
    worst = sum(people.values()) * found.unit_centiwon
    tree.reserve(
        system_actor(current.root_id), current.unit, campaign_id=current.pk, messages=sum(people.values()),
        centiwon=worst, grant=grant,
    )  # fmt: skip
    HandTask.objects.bulk_create(
        HandTask(
            root_id=current.root_id,
            campaign=current,
            unit=channels[number].unit,
            channel=channels[number],
            text=message.seen_by(found.template, number, "").text,
            friend_group=current.friend_group,
            send_at=current.not_before,
            unit_price_centiwon=found.unit_centiwon,
            people=reached,
        )
        for number, reached in people.items()
    )
    current.state, current.worst_centiwon = moved(current, Move.HOLD), worst
    current.audience, current.planned = guess.audience, guess.planned
    current.frozen_at = current.changed_at = clock.now()
    current.save(update_fields=["state", "worst_centiwon", "audience", "planned", "frozen_at", "changed_at"])
    record(system_actor(current.root_id), current, "frozen", {"tasks": len(people)})
    return len(people)


def _reached(campaign: Campaign, channel: Channel, planned: int) -> int:
    """A message to all friends reaches as many as the partner centre counted; a friend group, whom we planned."""
    return channel.counted_friends or planned if not campaign.friend_group else planned


@transaction.atomic
def tick(actor: Actor, task: HandTask, *, sent: bool) -> HandTask:
    """The task was done in the partner centre, or will not be."""
    current = _held(actor, task)
    if current.state != TaskState.OPEN or current.campaign.state not in (State.SENDING, State.PAUSED):
        raise WrongMoment(state=TaskState(current.state).label, move="표시하기")
    current.state = TaskState.DONE if sent else TaskState.SKIPPED
    current.done_at, current.done_by = clock.now(), actor.user
    current.save(update_fields=["state", "done_at", "done_by"])
    record(actor, current.campaign, "task_done", {"task": current.pk, "state": current.state})
    _close(actor, current.campaign_id)
    return current


@transaction.atomic
def untick(actor: Actor, task: HandTask) -> HandTask:
    """A tick made in error is taken back, while the campaign is open."""
    current = _held(actor, task)
    if current.state not in (TaskState.DONE, TaskState.SKIPPED) or current.campaign.ended_at is not None:
        raise WrongMoment(state=TaskState(current.state).label, move="되돌리기")
    current.state, current.done_at, current.done_by = TaskState.OPEN, None, None
    current.save(update_fields=["state", "done_at", "done_by"])
    return current


@transaction.atomic
def report(actor: Actor, task: HandTask, result: Result) -> HandTask:
    """What came of a done task; reported again, the newer figures count. Raises CannotWrite, WrongMoment."""
    current = _held(actor, task)
    if current.state not in (TaskState.DONE, TaskState.REPORTED):
        raise WrongMoment(state=TaskState(current.state).label, move="결과 적기")
    for figure in (result.sent, result.clicked, result.blocked):
        if figure is not None and not 0 <= figure <= MOST:
            raise CannotWrite(problem="결과는 0 이상의 수로 적어 주세요.")
    if max(result.clicked or 0, result.blocked or 0) > result.sent:
        raise CannotWrite(problem="누른 사람과 차단한 사람은 보낸 사람보다 많을 수 없습니다.")
    note = text.nfc(result.note)
    if len(note) > MAX_NOTE:
        raise CannotWrite(problem=f"메모는 {MAX_NOTE}자까지 적을 수 있습니다.")
    current.state, current.note = TaskState.REPORTED, note
    current.sent, current.clicked, current.blocked = result.sent, result.clicked, result.blocked
    current.save(update_fields=["state", "sent", "clicked", "blocked", "note"])
    record(actor, current.campaign, "task_reported", {"task": current.pk, "sent": result.sent})
    _close(actor, current.campaign_id)
    return current


def _held(actor: Actor, task: HandTask) -> HandTask:
    current = (
        HandTask.objects.select_for_update(no_key=True, of=("self",)).select_related("unit", "campaign").get(pk=task.pk)
    )
    actor.require(Act.CAMPAIGNS_SEND, current.unit)
    return current


def _close(actor: Actor, campaign_id: int) -> None:
    """The campaign is finished when no task is open; money is charged by what was reported, else by what was planned."""
    campaign = locked(campaign_id)
    tasks = list(campaign.tasks.all())
    if any(task.state == TaskState.OPEN for task in tasks):
        return
    done = [
        (task, task.people if task.sent is None else task.sent) for task in tasks if task.state != TaskState.SKIPPED
    ]
    worst = sum(task.people for task in tasks)
    messages = min(sum(people for _, people in done), worst)
    centiwon = min(sum(task.unit_price_centiwon * people for task, people in done), campaign.worst_centiwon or 0)
    tree.settle(campaign_id, messages=messages, centiwon=centiwon)
    campaign.spent_centiwon, campaign.changed_at = centiwon, clock.now()
    if campaign.state in (State.SENDING, State.PAUSED):
        campaign.state, campaign.pause_reason = moved(campaign, Move.FINISH), ""
        campaign.ended_at = clock.now()
        record(actor, campaign, "finished", {"messages": messages, "centiwon": centiwon})
    campaign.save(update_fields=["state", "pause_reason", "spent_centiwon", "ended_at", "changed_at"])
