"""The safe re-trigger of a campaign on which nothing moves: asked for again, begun again, never sent again (M5, O6)."""

from django.db import transaction

from majung.activity import services as activity
from majung.campaigns.enums import Kind, Move, State, after
from majung.campaigns.models import Campaign
from majung.campaigns.services import freezing
from majung.campaigns.services.sending import locked
from majung.core import clock, db, jobs
from majung.delivery import stuck
from majung.tree.actor import Actor
from majung.tree.enums import Act


@transaction.atomic
def nudge(actor: Actor, campaign: Campaign) -> str:
    """Whatever of the campaign may go on is due now; a sentence on what that was. Raises Forbidden.

    A job that was lost is put into the queue again, what is out is asked for, a rest is over. Everything that follows goes
    by its own state, so that pressing twice, or while all is well, sends nothing twice.
    """
    current = locked(campaign.pk)
    actor.require(Act.CAMPAIGNS_SEND, current.unit)
    said, facts = _do(current)
    activity.write(
        actor, "campaigns.nudged", unit_id=current.unit_id, object_kind="campaign", object_id=current.pk, facts=facts
    )
    return said


def _do(campaign: Campaign) -> tuple[str, dict[str, object]]:
    if after(campaign.state, Move.FREEZE) is not None:
        jobs.defer("campaigns.freeze", campaign=campaign.pk)
        return "명단을 굳히는 일을 다시 맡겼습니다.", {"job": "campaigns.freeze"}
    if campaign.state == State.FROZEN:
        if campaign.not_before is not None and campaign.not_before <= clock.now():
            jobs.defer("campaigns.start", campaign=campaign.pk)
            return "내보내기를 시작하는 일을 다시 맡겼습니다.", {"job": "campaigns.start"}
        return "아직 나갈 때가 아니라서 한 일이 없습니다.", {}
    if campaign.kind == Kind.HAND or campaign.frozen_at is None:
        return "다시 해 볼 것이 없습니다.", {}
    done = stuck.nudge(db.raw(), campaign.pk)
    freezing.follow(campaign.pk)
    facts: dict[str, object] = {"asked": done.asked, "woke": done.woke}
    if not done.asked and not done.woke:
        return "지금 다시 물을 것도, 쉬고 있는 것도 없습니다. 보낼 것이 남았으면 일꾼이 차례대로 집습니다.", facts
    asked = f"묶음 {done.asked:,}개의 결과를 지금 다시 묻습니다." if done.asked else ""
    woke = "쉬던 것을 지금 다시 시작합니다." if done.woke else ""
    return f"{asked} {woke} 이미 나간 것을 다시 보내지는 않습니다.".strip(), facts
