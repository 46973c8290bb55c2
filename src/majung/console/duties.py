"""One duty: what the law wants, how it is done by hand, whom it is about, and the tick that says it was done (C3, O7)."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from majung.activity import services as activity
from majung.activity.models import Duty
from majung.campaigns.models import Campaign
from majung.channels.models import DealerAccount
from majung.consent import services as consent
from majung.consent.enums import ConsentMedium, ConsentPurpose
from majung.core import clock
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.core.text import nfc, shown
from majung.people import queries as people
from majung.people import vault
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import LegalEntity, Unit
from majung.ui import text
from majung.ui.values import Crumb

LONGEST_NUMBER = 10
SHOWN = 20
FILE_ROWS = 300  # numbers in one file; each of them has its own line in the access log
LONGEST_HOW = 200
CHECK = "consent.check."


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """How a kind of duty is done by hand. ``words``: what to say, with {entity} and {day}; ``asks``: how it was done is asked."""

    steps: tuple[str, ...]
    law: str = ""
    words: str = ""
    asks: bool = False


_TELL = "아래 글을 복사해, 아래 사람들에게 문자나 채널 채팅, 전자우편으로 보냅니다. 광고가 될 말은 한마디도 더하지 않습니다."
_TICK = "다 보냈으면 어떻게 보냈는지 적고 ‘마쳤다고 적기’를 누릅니다. 누가 언제 적었는지 증빙으로 남습니다."
_NOT_SENT = "마중은 이 알림을 저절로 보내지 않습니다. 사람이 보내야 합니다."
_RESULT_LAW = "정보통신망법 제50조 제7항"
GUIDES: Mapping[str, Guide] = {
    "consent.result.granted": Guide(
        law=_RESULT_LAW, asks=True, steps=(_NOT_SENT, _TELL, _TICK),
        words="[{entity}] {day} 광고성 정보 수신에 동의하셨으며 처리가 끝났습니다. 철회: 받은 메시지의 ‘수신 설정’",
    ),
    "consent.result.withdrawn": Guide(
        law=_RESULT_LAW, asks=True, steps=(_NOT_SENT, _TELL, _TICK),
        words="[{entity}] {day} 광고성 정보 수신동의 철회를 접수해 처리를 마쳤습니다.",
    ),
    "consent.result.refused": Guide(
        law=_RESULT_LAW, asks=True, steps=(_NOT_SENT, _TELL, _TICK),
        words="[{entity}] {day} 수신거부를 접수해 처리를 마쳤습니다.",
    ),
    CHECK: Guide(
        law="정보통신망법 제50조 제8항", asks=True,
        steps=(_NOT_SENT, _TELL, _TICK, "적고 나면 이 사람들에게 다시 광고를 보낼 수 있습니다. 답이 없어도 동의는 그대로입니다."),
        words="[{entity}] 광고성 정보 수신에 동의하신 사실을 알려드립니다(동의한 날: 아래 사람 화면). "
        "유지하시려면 따로 하실 일이 없고, 철회하시려면 받은 메시지의 ‘수신 설정’에서 알려 주세요.",
    ),
    "consent.left": Guide(
        law="정당법 제25조", asks=True,
        steps=("당원명부에서 아래 사람을 지우고 지운 날을 적어 둡니다.", "탈당증명서를 내어 줍니다.",
               "마쳤으면 어떻게 했는지 적고 ‘마쳤다고 적기’를 누릅니다."),
    ),
    "consent.erase": Guide(
        law="개인정보 보호법 제37조", asks=True,
        steps=("아래 사람의 화면을 하나씩 열어 ‘지우기’를 누릅니다. 법에 따라 남겨야 하는 것이 있으면 까닭을 적어 둡니다.",
               "다 지웠으면 ‘마쳤다고 적기’를 누릅니다."),
    ),
    "tree.copy_key": Guide(
        steps=("서버의 마중 폴더에서 금고 열쇠 파일(vault.key)을 찾아, 서버 밖의 안전한 곳에 복사해 둡니다.",
               "잃으면 이름과 번호를 아무도 다시 열 수 없습니다. 복사했으면 ‘마쳤다고 적기’를 누릅니다."),
    ),
    "channels.low_balance": Guide(
        steps=("대행사에서 잔액을 충전합니다.", "대행사 화면에서 ‘연결 확인’을 눌러 잔액이 늘었는지 봅니다.",
               "멈춘 메시지가 있으면 그 화면에서 ‘다시 보내기’를 누릅니다."),
    ),
    "campaigns.late": Guide(steps=("메시지 화면을 열어 지금 보낼지, 그만둘지 정합니다.",)),
}  # fmt: skip
PLAIN = Guide(steps=("일을 마쳤으면 ‘마쳤다고 적기’를 누릅니다.",))


def guide_of(duty: Duty) -> Guide:
    """How that duty is done."""
    return GUIDES[CHECK] if duty.kind.startswith(CHECK) else GUIDES.get(duty.kind, PLAIN)


def _found(request: HttpRequest, number: int) -> tuple[Actor, Duty, Unit]:
    """The open or done duty of a unit in sight. Raises NotYours."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    duty = Duty.objects.filter(pk=number, root_id=actor.root_id).first() if actor else None
    unit = Unit.objects.filter(pk=duty.unit_id).select_related("entity").first() if duty else None
    if actor is None or duty is None or unit is None or not actor.sees(unit):
        raise NotYours()
    return actor, duty, unit


@login_required
@require_GET
def duty(request: HttpRequest, number: int) -> HttpResponse:
    """The duty with its steps, its words and, for those who may see people, whom it is about."""
    actor, owed, unit = _found(request, number)
    guide = guide_of(owed)
    entity = (
        LegalEntity.objects.filter(pk=owed.object_id or 0, root_id=actor.root_id).first() if _is_entity(owed) else None
    )
    page = None
    if owed.people and Act.PEOPLE_VIEW in actor.acts:
        before = request.GET.get("before", "")
        page = people.people_page(
            actor,
            only=owed.people,
            before=int(before) if before.isdecimal() and len(before) < LONGEST_NUMBER else None,
            size=SHOWN,
            address=request.META.get("REMOTE_ADDR", ""),
        )
    context: dict[str, Any] = {
        "duty": owed, "unit": unit, "guide": guide, "page": page, "count": _count(actor, owed),
        "seen": len(owed.people or ()), "where": _where(actor, owed),
        "words": guide.words.format(entity=(entity or unit.entity).name, day=_day(owed).isoformat()),
        "may_tick": actor.may(Act.TREE_MANAGE, unit) and owed.done_at is None,
        "parts": _parts(owed) if Act.PEOPLE_REVEAL in actor.acts else [], "file_rows": FILE_ROWS,
        "crumbs": [Crumb(label="정원", url=reverse("console:home")), Crumb(label="할 일")],
    }  # fmt: skip
    return render(request, "console/duty.html", context)


def _parts(owed: Duty) -> list[tuple[int, int, int]]:
    """The files in which the numbers can be taken while the duty is open: where each begins, its first and last place."""
    count = 0 if owed.done_at else len(owed.people or ())
    return [(start, start + 1, min(start + FILE_ROWS, count)) for start in range(0, count, FILE_ROWS)]


def _is_entity(owed: Duty) -> bool:
    return owed.object_kind.partition("/")[0] == "entity"


def _day(owed: Duty) -> date:
    """The day on which the people said it: written in what the duty is about, else the day it was owed."""
    try:
        return date.fromisoformat(owed.object_kind.partition("/")[2])
    except ValueError:
        return clock.seoul(owed.owed_at).date()


def _count(actor: Actor, owed: Duty) -> str:
    """How many people it is about, as the actor may know it."""
    if owed.people is None:
        return ""
    if actor.is_blind:
        return f"약 {len(owed.people) // 10 * 10:,}명"
    return f"{len(owed.people):,}명"


def _where(actor: Actor, owed: Duty) -> Crumb | None:
    """The page on which the thing is done, if the actor sees it."""
    if owed.kind == "campaigns.late" and Act.CAMPAIGNS_VIEW in actor.acts:
        campaign = Campaign.objects.filter(pk=owed.object_id or 0, root_id=actor.root_id).first()
        if campaign is not None:
            return Crumb(label="메시지 열기", url=reverse("campaigns:campaign", args=[campaign.public_id]))
    if owed.kind == "channels.low_balance":
        account = (
            DealerAccount.objects.filter(pk=owed.object_id or 0, root_id=actor.root_id).select_related("unit").first()
        )
        if account is not None and actor.may(Act.CHANNELS_MANAGE, account.unit):
            return Crumb(label="대행사 열기", url=reverse("channels:dealer", args=[account.public_id]))
    return None


@login_required
@require_POST
def duty_done(request: HttpRequest, number: int) -> HttpResponse:
    """The duty is done, says somebody who manages the unit that owes it."""
    actor, owed, unit = _found(request, number)
    actor.require(Act.TREE_MANAGE, unit)
    try:
        _fulfil(actor, owed, how=request.POST.get("how", ""), seen=request.POST.get("seen", ""))
    except (Invalid, Conflict) as refusal:
        messages.error(request, str(refusal))
        return redirect("console:duty", owed.pk)
    messages.success(
        request, f"‘{owed.title}’을(를) 마쳤다고 적었습니다.".replace("을(를)", text.particle(owed.title, "을를"))
    )
    return redirect("console:home")


@transaction.atomic
def _fulfil(actor: Actor, owed: Duty, *, how: str, seen: str) -> None:
    """Ticked, with how it was done kept; a two-year check is noted with each consent. Raises Invalid, Conflict."""
    said = nfc(how)
    if guide_of(owed).asks:
        locked = Duty.objects.select_for_update().get(pk=owed.pk)
        if not 2 <= len(said) <= LONGEST_HOW:
            raise Invalid(problem=f"어떻게 알렸는지 2–{LONGEST_HOW}자로 적어 주세요. 예: 대행사 화면에서 문자로")
        vault.checked_reason(said)
        if seen != str(len(locked.people or ())):
            raise Conflict(problem="그사이 알릴 사람이 늘었습니다. 아래 명단을 다시 보고 마저 알린 뒤 적어 주세요.")
        owed = locked
    if not activity.fulfil(actor, owed.pk):
        return
    if owed.kind.startswith(CHECK) and owed.people and owed.object_id:
        purpose, _, medium = owed.kind.removeprefix(CHECK).partition(".")
        consent.confirm_checked(
            actor, owed.people, owed.object_id, ConsentPurpose(purpose), [ConsentMedium(medium)],
            {"duty": owed.pk, "how": said},
        )  # fmt: skip
    activity.write(
        actor, "console.duty_done", unit_id=owed.unit_id, object_kind="duty", object_id=owed.pk,
        facts={"kind": owed.kind, "how": said},
    )  # fmt: skip


@login_required
@require_POST
def duty_people(request: HttpRequest, number: int) -> HttpResponse:
    """Names and numbers of the people to tell, as a file: those at whom revealing was lent, each with a line in the log."""
    actor, owed, _ = _found(request, number)
    if Act.PEOPLE_REVEAL not in actor.acts:
        raise Forbidden()
    wanted = request.POST.get("from", "0")
    start = int(wanted) if wanted.isdecimal() and len(wanted) < LONGEST_NUMBER else 0
    asked = sorted(owed.people or ())[start : start + FILE_ROWS]
    if owed.done_at is not None:
        asked = []
    address = request.META.get("REMOTE_ADDR", "")
    opened = vault.reveal_many(actor, asked, fields=("name", "mobile"), why=f"할 일: {owed.title}", address=address)
    if not opened:
        messages.error(request, "파일에 담을 사람이 없습니다.")
        return redirect("console:duty", owed.pk)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["사람 번호", "이름", "휴대전화"])
    for person, said in opened.items():
        writer.writerow([str(person), shown(said["name"]), shown(said["mobile"])])
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="duty-{owed.pk}-{min(opened)}.csv"'
    response["Cache-Control"] = "no-store"
    return response
