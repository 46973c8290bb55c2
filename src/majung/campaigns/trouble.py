"""What is the matter with a campaign, and what to do: paused, waiting, slow, stuck, each in plain words (M5, M9)."""

from dataclasses import dataclass
from datetime import timedelta

from majung.campaigns import meanings
from majung.campaigns.enums import Kind, PauseReason, State
from majung.campaigns.models import Campaign
from majung.core import clock, db
from majung.delivery import stuck
from majung.delivery.models import Dispatch
from majung.ui.text import moment
from majung.ui.values import Tone

LATE = timedelta(minutes=2)
"""So long after the press, or after its hour, may a campaign wait for its job."""
CALM = "기다리면 저절로 이어집니다. 할 일은 없습니다."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is the matter: its name, what it means, what to do. ``can_be_nudged``: a re-trigger can help."""

    name: str
    means: str
    todo: str
    tone: Tone = "warn"
    can_be_nudged: bool = False


def of(campaign: Campaign) -> list[Trouble]:
    """Everything that is the matter now; empty when all is well."""
    found = [*_standing(campaign), *_not_begun(campaign)]
    if campaign.kind == Kind.HAND or campaign.frozen_at is None:
        return found
    if campaign.state == State.SENDING:
        found += _waiting(campaign)
    for one in stuck.look(db.raw(), campaign.pk):
        words, minutes = one.words, one.seconds // 60
        told = f" 묶음 {one.number:,}개." if one.number else ""
        since = f" {minutes:,.0f}분째 그대로입니다." if minutes >= 1 else ""
        means = f"{words.means}{told}{since} {one.detail}".strip()
        found.append(Trouble(name=words.name, means=means, todo=words.todo, can_be_nudged=one.can_be_nudged))
    return found


def _standing(campaign: Campaign) -> list[Trouble]:
    """Paused, or refused."""
    if campaign.state == State.PAUSED:
        means, todo = meanings.PAUSED[campaign.pause_reason]
        if campaign.pause_reason == PauseReason.LATE:
            means = f"{means} 정한 시각은 {moment(campaign.not_before)}이었습니다."
        return [
            Trouble(
                name=f"멈춰 있습니다 · {PauseReason(campaign.pause_reason).label}", means=f"{means} {campaign.problem}".strip(),
                todo=todo,
            )
        ]  # fmt: skip
    if campaign.problem:
        todo = "까닭을 고치고 베껴 써서 다시 보낼 수 있습니다. 예약한 돈과 한도는 돌아왔습니다."
        is_over = campaign.state == State.REFUSED
        return [
            Trouble(name="보내지 못했습니다", means=campaign.problem, todo=todo if is_over else "", tone="danger"),
        ]
    return []


def _not_begun(campaign: Campaign) -> list[Trouble]:
    """Its job has not run: the list is not written, or its hour is over and nothing has begun."""
    now = clock.now()
    since = None
    if campaign.state in (State.CONFIRMED, State.FREEZING):
        since = campaign.confirmed_at
    elif campaign.state == State.FROZEN:
        since = campaign.not_before
    if since is None or now - since < LATE:
        return []
    waits = "명단을 굳히는 일" if campaign.state != State.FROZEN else "내보내기를 시작하는 일"
    return [
        Trouble(
            name="예약된 일이 돌지 않음", can_be_nudged=True,
            means=f"{waits}이 {(now - since).total_seconds() // 60:,.0f}분째 차례를 기다립니다. 아무에게도 나가지 않았습니다.",
            todo="‘다시 해 보기’를 누르고, 그래도 그대로면 관리자가 일꾼(majung worker)이 켜져 있는지 봐 주세요.",
        )
    ]  # fmt: skip


def _waiting(campaign: Campaign) -> list[Trouble]:
    """Nothing is wrong, but nothing leaves just now."""
    dispatch = Dispatch.objects.filter(campaign_id=campaign.pk).only("problem", "not_before", "rest_until").first()
    if dispatch is None:
        return []
    if dispatch.not_before > clock.now():
        means = f"{dispatch.problem} 남은 사람에게는 {moment(dispatch.not_before)}부터 나갑니다.".strip()
        return [Trouble(name="시각을 기다립니다", means=means, todo=CALM, tone="")]
    [(left,)] = db.raw().execute(
        "SELECT extract(epoch FROM rest_until - clock_timestamp())::float8 FROM dispatch WHERE campaign_id = %s", [campaign.pk]
    ).fetchall()  # fmt: skip
    if 0 < left <= stuck.REST_SECONDS:
        means = f"{dispatch.problem} {-(-left // 60):.0f}분 안에 다시 해 봅니다.".strip()
        return [Trouble(name="대행사를 기다립니다", means=means, todo=CALM, tone="")]
    return []
