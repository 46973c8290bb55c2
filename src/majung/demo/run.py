"""Runs the demo: loads the world, sends the main campaign, and gathers every figure of it."""

import os
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from procrastinate.contrib.django.models import ProcrastinateJob

from majung.accounts.models import User
from majung.campaigns import services as campaigns
from majung.campaigns.enums import Kind, State
from majung.campaigns.models import Campaign
from majung.campaigns.report import words_of
from majung.campaigns.services import Wording
from majung.channels.enums import MessageKind, Mode
from majung.channels.models import Channel, DealerAccount, KakaoApp
from majung.core import clock, db
from majung.core.errors import Outside
from majung.delivery.books import Books, books
from majung.delivery.models import Chunk, Dispatch
from majung.delivery.outcomes import ChunkState, DispatchState
from majung.demo import evidence, population, world
from majung.demo import people as crowd
from majung.demo import tree as party
from majung.demo.evidence import Evidence
from majung.demo.gateway import Gateway
from majung.demo.world import Say
from majung.people.models import Person
from majung.policy.enums import Purpose
from majung.tree.actor import Actor, actor_of_user
from majung.tree.models import Unit

if TYPE_CHECKING:
    from majung.cli.processes import Family

TITLE = "11월 당원 모임 안내"
TEXT = (
    "#{이름}님, 안녕하세요. #{조직}입니다.\n\n"
    "이번 달 당원 모임은 11월 28일 토요일 오후 2시, 우리 지역 사무소에서 엽니다. 주제는 ‘우리 동네 겨울 돌봄’입니다.\n\n"
    "담당 #{대표} · 문의 #{전화}"
)
BUTTONS = (
    {"type": "WL", "name": "모임 보기", "link": ""},
    {"type": "WL", "name": "수신 설정", "link": "#{수신설정}"},
)
PATIENCE_SECONDS = 1_800.0
ENDED = {State.FINISHED, State.STOPPED, State.RECALLED, State.REFUSED}
PHONES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that one run is judged by."""

    campaign_id: int
    units: int
    channels: int
    people: int
    books: Books
    proof: Evidence
    cost_centiwon: int
    lms_centiwon: int
    plan_seconds: float
    send_seconds: float
    worker_rss_mb: float
    held_until: datetime | None

    @property
    def balances(self) -> bool:
        """Whether the books balance and the sandbox tells the same."""
        return self.books.is_balanced and self.proof.agrees

    def figures(self) -> dict[str, Any]:
        """The keys of ``--json``."""
        tried = self.proof.gateway_saw
        return {
            "units": self.units,
            "channels": self.channels,
            "people": self.people,
            "audience": self.books.audience,
            "left_out": dict(self.books.left_out),
            "accepted": self.books.accepted,
            "refused": self.books.refused,
            "in_doubt": self.books.in_doubt,
            "not_yet": self.books.not_yet,
            "lost": self.proof.lost + self.proof.unknown,
            "double": self.proof.double,
            "gateway_saw": tried,
            "delivered": list(self.proof.delivered),
            "tries_refused": list(self.proof.refused),
            "cost_krw": self.cost_centiwon / 100,
            "lms_cost_krw": self.lms_centiwon / 100,
            "plan_seconds": round(self.plan_seconds, 3),
            "send_seconds": round(self.send_seconds, 3),
            "gateway_seconds": round(self.proof.gateway_seconds, 3),
            "messages_per_second": round(tried / self.send_seconds) if self.send_seconds else 0,
            "peak_worker_rss_mb": round(self.worker_rss_mb, 1),
        }

    def in_words(self) -> str:
        """The books, for a person."""
        b = self.books
        reasons = "".join(
            f"\n      {n:>9,}명  {words_of(reason)[0]} ({reason})"
            for reason, n in sorted(b.left_out.items(), key=lambda x: -x[1])
        )
        held = f"\n  남은 사람에게는 {_moment(self.held_until)}부터 나갑니다." if self.held_until and b.not_yet else ""
        return (
            f"\n  대상 {b.audience:,}명 = 제외 {sum(b.left_out.values()):,} + 접수 {b.accepted:,} + 거절 {b.refused:,}"
            f" + 확인 중 {b.in_doubt:,} + 남음 {b.not_yet:,}{reasons}{held}"
            f"\n  모의 메신저가 센 메시지 {self.proof.gateway_saw:,}통 (친구가 아니면 다음 채널로 한 번 더 보냅니다)"
            f"\n  잃은 것 {self.proof.lost + self.proof.unknown} · 두 번 간 것 {self.proof.double}"
            f"\n  비용 {self.cost_centiwon // 100:,}원 (장문 문자라면 {self.lms_centiwon // 100:,}원)"
            f"\n  명단 {self.plan_seconds:.1f}초 · 발송 {self.send_seconds:.1f}초\n"
        )


def _moment(at: datetime) -> str:
    there = clock.seoul(at)
    return f"{there.month}월 {there.day}일 {there:%H:%M}"


def load(count: int, *, say: Say) -> None:
    """The party and its people exist."""
    gateway = Gateway(settings.SANDBOX_URL)
    say("가람당(꾸며 낸 정당)을 세웁니다.")
    built = world.build(gateway, say)
    say(f"사람 {count:,}명을 꾸며 냅니다.")
    crowd.load(built, count, say)
    # Autovacuum looks at a table within a minute; who sends at once would plan without any statistics, ten times slower.
    db.raw().execute("ANALYZE")
    sample = population.invent(count, year=clock.today().year).part(slice(0, PHONES))
    gateway.post("phones", [{"name": n, "number": m} for n, m in zip(sample.names(), sample.mobiles(), strict=True)])


def put_clock(family: "Family", at: datetime) -> None:
    """Majung's processes were started anew on a clock that reads ``at``, and the sandbox, which keeps its books, follows."""

    def turn() -> None:
        os.environ[clock.VARIABLE] = f"{clock.offset_to(at):.3f}"
        Gateway(settings.SANDBOX_URL).post("clock", {"offset_seconds": clock.offset_seconds()})

    family.again(turn, but="sandbox")


def rejoin() -> None:
    """After a second start both sides, which remember the rest, learn where the other listens now."""
    DealerAccount.objects.filter(mode=Mode.SANDBOX).update(base_url=settings.SANDBOX_URL)
    world.address(Gateway(settings.SANDBOX_URL), DealerAccount.objects.earliest("pk"), KakaoApp.objects.earliest("pk"))


def send(family: "Family", *, say: Say) -> Outcome:
    """The main campaign is written, checked, confirmed and followed until it ends or must wait for its hour."""
    campaign, planned = begin(say=say)
    return outcome(campaign, planned=planned, peak=follow(campaign, family, say=say))


def begin(*, say: Say) -> tuple[Campaign, float]:
    """The main campaign was written, checked and confirmed, and its list is frozen; and how many seconds that took."""
    actor, campaign = written(say=say)
    begun = time.monotonic()
    campaigns.confirm(actor, campaign)
    planned = _await_plan(campaign) - begun
    say(f"명단을 {planned:.1f}초에 굳혔습니다. 보냅니다.")
    return campaign, planned


def written(*, say: Say) -> tuple[Actor, Campaign]:
    """The main campaign was written and checked, and may be confirmed by the actor."""
    actor, centre = _operator()
    campaign = _write(actor, centre)
    found = campaigns.check(actor, campaign)
    say(f"점검: 대상 {found.estimate.audience:,}명, 보낼 사람 {found.estimate.planned:,}명.")
    return actor, campaign


def outcome(campaign: Campaign, *, planned: float, peak: float) -> Outcome:
    """Every figure of the campaign as it stands, from both sides."""
    dispatch = Dispatch.objects.get(pk=campaign.pk)
    ledger = books(db.raw(), campaign.pk)
    first, last = dispatch.first_claim_at, dispatch.last_settled_at
    return Outcome(
        campaign_id=campaign.pk,
        units=Unit.objects.count(),
        channels=Channel.objects.count(),
        people=Person.objects.count(),
        books=ledger,
        proof=evidence.gather(db.raw(), campaign.pk, Gateway(settings.SANDBOX_URL)),
        cost_centiwon=ledger.cost_centiwon,
        lms_centiwon=ledger.accepted * world.PRICES[MessageKind.LMS],
        plan_seconds=planned,
        send_seconds=(last - first).total_seconds() if first and last else 0.0,
        worker_rss_mb=peak,
        held_until=dispatch.not_before if dispatch.not_before > clock.now() else None,
    )


def _operator() -> tuple[Actor, Unit]:
    user = User.objects.get(email=world.OPERATORS[0].email)
    actor = actor_of_user(user)
    if actor is None:
        raise RuntimeError("the operator holds nothing")
    return actor, Unit.objects.select_related("root", "entity").get(root_id=actor.root_id, code=party.CENTRE_CODE)


def _write(actor: Actor, centre: Unit) -> Campaign:
    campaign = campaigns.draft(actor, centre, title=TITLE)
    buttons: list[Mapping[str, Any]] = [
        {**button, "link": button["link"] or f"{settings.BASE_URL}/p/u/{centre.public_id}/"} for button in BUTTONS
    ]
    account = str(campaign.account.public_id) if campaign.account else ""
    campaign = campaigns.edit_words(
        actor,
        campaign,
        Wording(
            title=TITLE, kind=Kind.BRAND, purpose=Purpose.PARTY_NOTICE, text=TEXT, buttons=buttons, account=account,
            fallbacks={"이름": "당원"},
        ),
    )  # fmt: skip
    return campaigns.edit_hour(actor, campaign, send_at=None, recall_seconds=0)


def _await_plan(campaign: Campaign) -> float:
    """The moment at which the frozen chunks were committed."""
    looked = time.monotonic()
    for _ in _patiently(campaign, pause=0.05):
        if Dispatch.objects.filter(pk=campaign.pk).exists():
            return time.monotonic()
        if campaign.state in ENDED:
            break
        if time.monotonic() - looked > 1:
            looked = time.monotonic()
            if _has_failed(campaign):
                raise Outside("명단을 굳히는 일이 거듭 실패했습니다. 까닭은 logs/jobs.log에 있습니다.", retryable=False)
    raise Outside(f"명단을 굳히지 못했습니다: {campaign.get_state_display()} {campaign.problem}", retryable=False)


def _has_failed(campaign: Campaign) -> bool:
    """Whether the job that freezes the campaign has given up."""
    return ProcrastinateJob.objects.filter(
        task_name="campaigns.freeze", status="failed", args__campaign=campaign.pk
    ).exists()


def follow(campaign: Campaign, family: "Family", *, say: Say) -> float:
    """Waits until the campaign ended or its rest waits for the hour; returns the peak memory of one sending process in MB."""
    peak, told = 0.0, 0.0
    for _ in _patiently(campaign, pause=0.5):
        peak = max(peak, _senders_peak_mb(family))
        dispatch = Dispatch.objects.get(pk=campaign.pk)
        if dispatch.state in {DispatchState.FINISHED, DispatchState.STOPPED} or _is_held(dispatch):
            return peak
        if dispatch.state == DispatchState.PAUSED:
            raise Outside(f"캠페인이 멈췄습니다: {dispatch.pause_reason} {dispatch.problem}", retryable=False)
        if time.monotonic() - told > 5:
            told = time.monotonic()
            now = books(db.raw(), campaign.pk)
            say(f"  접수 {now.accepted:,} · 거절 {now.refused:,} · 확인 중 {now.in_doubt:,} · 남음 {now.not_yet:,}")
    raise Outside("캠페인이 끝나지 않습니다", retryable=False)


def _is_held(dispatch: Dispatch) -> bool:
    """Whether nothing is out any more and the rest may not leave yet."""
    return (
        dispatch.not_before > clock.now()
        and not Chunk.objects.filter(
            campaign_id=dispatch.pk, state__in=(ChunkState.CLAIMED, ChunkState.HANDED)
        ).exists()
    )


def _patiently(campaign: Campaign, *, pause: float) -> Iterator[None]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        campaign.refresh_from_db()
        yield
        time.sleep(pause)


def _senders_peak_mb(family: "Family") -> float:
    """Peak resident memory of the largest sending process, as Linux counted it; 0 where it does not."""
    worker = next((c.process.pid for c in family.children if c.name == "worker" and c.process), None)
    peaks = [0.0]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if _parent(folder) == worker and b"majung.delivery.worker" in (folder / "cmdline").read_bytes():
                peaks.append(_peak_mb(folder))
        except OSError:
            continue
    return max(peaks)


def _parent(folder: Path) -> int:
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])


def _peak_mb(folder: Path) -> float:
    line = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def welcome(home: Path) -> str:
    """Where to go and how to sign in."""
    width = max(len(operator.email) for operator in world.OPERATORS)
    lines = "".join(f"\n      {o.email:<{width}}  {o.label}" for o in world.OPERATORS)
    main = Campaign.objects.filter(title=TITLE).order_by("pk").values_list("pk", flat=True).first()
    return (
        f"\n  콘솔      {settings.BASE_URL}"
        f"\n  휴대전화  {settings.SANDBOX_URL}  (친구가 되어 읽고, 거부하고, 차단해 보세요)"
        f"\n  로그인    비밀번호는 모두 {world.PASSWORD}{lines}"
        f"\n  시계      서울 {_moment(clock.now())} (데모만의 시계입니다)"
        f"\n  장부      MAJUNG_HOME={shlex.quote(str(home))} ./majung books {main}"
        f"\n  폴더      {home}  (지우면 다음에 새로 만듭니다)"
        f"\n\n  끄기: Ctrl-C. 다시 켜면 데이터가 그대로 있습니다.\n"
    )
