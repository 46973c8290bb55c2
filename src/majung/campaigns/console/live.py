"""The list of campaigns and the page of one: live progress, books, recall, pause, resume, stop, receipt, why not."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from majung.accounts.models import ApiKey, User
from majung.audience import counts
from majung.campaigns import exports, lines, queries, report, services, trouble, why
from majung.campaigns.console.base import actor_of, crumbs, live_mode, seen, status
from majung.campaigns.enums import OPEN, WRITABLE, Kind, State
from majung.campaigns.models import Campaign
from majung.campaigns.services import freezing, nudging, pacing
from majung.core import clock
from majung.core.errors import Forbidden, Refusal
from majung.people.queries import person_in_scope
from majung.tree.actor import Actor
from majung.tree.enums import Act, Role
from majung.tree.models import Grant
from majung.ui.text import table_moment
from majung.ui.values import Column, Crumb, Link, Quota, Tab

PAGE = 50
SLOW_FROM = 200_000
"""From so many people on, a live page looks every three seconds instead of every second."""


@login_required
@require_GET
def campaigns(request: HttpRequest) -> HttpResponse:
    """Campaigns in sight, with search and phases."""
    actor = actor_of(request)
    search, phase = request.GET.get("q", "").strip()[:60], request.GET.get("phase", "")
    page = Paginator(queries.campaigns(actor, search=search, phase=phase), PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "title": one.title, "url": reverse("campaigns:campaign", args=[one.public_id]), "unit": one.unit.name,
            "kind": Kind(one.kind).label, "state": status(one), "people": _told(actor, one), "at": one.changed_at,
        }
        for one in page.object_list
    ]  # fmt: skip
    chips = [Tab(label="모두", url="?", active=not phase)] + [
        Tab(label=label, url=f"?phase={code}", active=phase == code) for code, (label, _) in queries.PHASES.items()
    ]
    context = {
        "page": page, "rows": rows, "cols": COLUMNS, "search": search, "chips": chips, "phase": phase,
        "may_write": Act.CAMPAIGNS_WRITE in actor.acts, "crumbs": crumbs(),
    }  # fmt: skip
    template = "campaigns/list.html#rows" if request.headers.get("HX-Target") == "list" else "campaigns/list.html"
    return render(request, template, context)


COLUMNS = (
    Column(key="title", label="메시지"),
    Column(key="state", label="상태", kind="status"),
    Column(key="unit", label="보내는 조직"),
    Column(key="kind", label="종류", hide=True),
    Column(key="people", label="받을 사람"),
    Column(key="at", label="바뀐 때", kind="moment", hide=True),
)


def _told(actor: Actor, campaign: Campaign) -> str:
    planned = campaign.planned if campaign.planned is not None else campaign.estimate.get("planned")
    return "–" if planned is None else counts.told(planned, counts.sight(actor, campaign.scope)).shown


@login_required
@require_GET
def campaign(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The page of one campaign; while it is written, the wizard."""
    actor, found = seen(request, public_id)
    if found.state in WRITABLE and actor.may(Act.CAMPAIGNS_WRITE, found.unit):
        return redirect("campaigns:check" if found.checked_at else "campaigns:audience", found.public_id)
    context = {
        **_live(actor, found),
        "tables": _tables(actor, found),
        "crumbs": crumbs(None, Crumb(label=found.title)),
        "live_mode": live_mode(found),
        "may_export": actor.may(Act.REPORTS_EXPORT, found.unit),
        "may_ask": not actor.is_blind and actor.may(Act.PEOPLE_VIEW, found.unit),
        "may_write": actor.may(Act.CAMPAIGNS_WRITE, found.unit),
    }
    return render(request, "campaigns/campaign.html", context)


@login_required
@require_GET
def live(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The moving part of the page, at most once a second."""
    actor, found = seen(request, public_id)
    response = render(request, "campaigns/campaign.html#live", _live(actor, found))
    if request.GET.get("state", found.state) != found.state:
        # The badge and the tables stand outside the moving part, and would go on telling of the state before.
        response["HX-Refresh"] = "true"
    return response


def _live(actor: Actor, found: Campaign) -> dict[str, Any]:
    moving = found.state in OPEN or (found.state == State.STOPPED and found.spent_centiwon is None)
    if moving:
        freezing.advance(found.pk)
        found.refresh_from_db()
        moving = found.state in OPEN or (found.state == State.STOPPED and found.spent_centiwon is None)
    may_send = actor.may(Act.CAMPAIGNS_SEND, found.unit)
    now = clock.now()
    waiting = found.state in (State.CONFIRMED, State.FREEZING, State.FROZEN)
    return {
        "campaign": found,
        "state": status(found),
        "kind": Kind(found.kind).label,
        "books": report.progress(actor, found),
        "estimated": counts.told(found.estimate.get("planned", 0), counts.sight(actor, found.scope)),
        "tasks": list(found.tasks.select_related("unit", "channel")) if found.kind == Kind.HAND else [],
        "is_moving": moving,
        "every": "3s" if (found.planned or 0) > SLOW_FROM else "1s",
        "now": now,
        "may_recall": may_send and waiting,
        "is_scheduled": found.send_at is not None,
        "may_pause": may_send and found.state in (State.FROZEN, State.SENDING),
        "may_resume": may_send and found.state == State.PAUSED,
        "may_stop": may_send and found.state in (State.SENDING, State.PAUSED),
        "slow": pacing.slow_words(found) if found.state == State.SENDING else [],
        "troubles": (troubles := trouble.of(found)),
        "may_nudge": may_send and any(one.can_be_nudged for one in troubles),
    }


def _tables(actor: Actor, found: Campaign) -> dict[str, Any]:
    units = report.by_unit(actor, found)
    chapters = lines.explained(actor, found)
    return {
        "units": units,
        "chapters": chapters,
        "left_out": [] if chapters else report.left_out(actor, found),
        "money": report.money(actor, found) if found.frozen_at else None,
    }


@login_required
@require_GET
def tables(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Tables by unit and by reason, asked for again when the reader wants: rows never move under the pointer."""
    actor, found = seen(request, public_id)
    context = {
        "campaign": found,
        "tables": _tables(actor, found),
        "now": clock.now(),
        "may_export": actor.may(Act.REPORTS_EXPORT, found.unit),
    }
    return render(request, "campaigns/campaign.html#tables", context)


@login_required
@require_GET
def line(request: HttpRequest, public_id: uuid.UUID, key: str) -> HttpResponse:
    """One line of the books: on which channels and at which hours."""
    actor, found = seen(request, public_id)
    inside = lines.inside(actor, found, key)
    context = {"campaign": found, "inside": inside, "crumbs": crumbs(found, Crumb(label=inside.name))}
    return render(request, "campaigns/line.html", context)


ACTS: dict[str, tuple[Callable[[Actor, Campaign], object], str]] = {
    "recall": (services.recall, "거두었습니다. 아무에게도 가지 않았습니다."),
    "pause": (services.pause, "멈추었습니다. 이미 대행사에 넘긴 것은 되돌릴 수 없습니다."),
    "resume": (services.resume, "다시 보냅니다."),
    "stop": (services.stop, "그만두었습니다. 남은 사람에게는 가지 않습니다."),
}


@login_required
@require_POST
def act(request: HttpRequest, public_id: uuid.UUID, what: str) -> HttpResponse:
    """Recall, pause, resume or stop, at once."""
    actor, found = seen(request, public_id, Act.CAMPAIGNS_SEND)
    do, sentence = ACTS[what]
    try:
        do(actor, found)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, sentence)
    return redirect("campaigns:campaign", found.public_id)


@login_required
@require_POST
def nudge(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What does not move is made due again, at once."""
    actor, found = seen(request, public_id, Act.CAMPAIGNS_SEND)
    messages.success(request, nudging.nudge(actor, found))
    return redirect("campaigns:campaign", found.public_id)


@login_required
@require_POST
def copy(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A new draft with the same words and audience."""
    actor, found = seen(request, public_id, Act.CAMPAIGNS_WRITE)
    copied = services.copy(actor, found)
    messages.success(request, "복사했습니다. 대상부터 살펴보세요.")
    return redirect("campaigns:audience", copied.public_id)


@login_required
@require_POST
def discard(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A draft is thrown away."""
    actor, found = seen(request, public_id, Act.CAMPAIGNS_WRITE)
    services.discard(actor, found)
    messages.success(request, f"‘{found.title}’ 초안을 버렸습니다.")
    return redirect("campaigns:list")


@login_required
@require_GET
def receipt(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """By whose leave it was sent: the chain of grants as it stood at the press (T3)."""
    actor, found = seen(request, public_id)
    context = {
        "campaign": found, "links": _links(actor, found), "receipt": found.receipt,
        "crumbs": crumbs(found, Crumb(label="권한 영수증")),
        "pressed_at": datetime.fromisoformat(found.receipt["at"]) if found.receipt else None,
    }  # fmt: skip
    return render(request, "campaigns/receipt.html", context)


def _links(actor: Actor, found: Campaign) -> list[Link]:
    chain = found.receipt.get("chain", [])
    users = User.objects.in_bulk([link["user"] for link in chain if link["user"]])
    keys = ApiKey.objects.in_bulk([link["api_key"] for link in chain if link["api_key"]])
    labels = dict(Grant.objects.filter(pk__in=[link["grant"] for link in chain]).values_list("pk", "label"))
    may_name = Act.GRANTS_VIEW in actor.acts

    def holder(link: dict[str, Any]) -> str:
        known = users.get(link["user"]) or keys.get(link["api_key"])
        mine = actor.user is not None and link["user"] == actor.user.pk
        if known is None or not (may_name or mine):
            return str(link["unit"])
        return labels.get(link["grant"]) or (known.email if isinstance(known, User) else known.label)

    return [
        Link(
            holder=holder(link),
            what=f"{link['unit']}{' 아래 모두' if link['subtree'] else '만'} · {Role(link['role']).label}",
            until=f"{table_moment(datetime.fromisoformat(link['ends_at']))}까지"
            if link["ends_at"]
            else "끝나는 날 없음",
            owner=i == 0,
            quotas=[
                Quota(label=label, used=0, limit=link[key], unit="통")
                for label, key in (("하루", "messages_per_day"), ("모두", "messages_total"))
                if link[key] is not None
            ],
        )
        for i, link in enumerate(chain)
    ]


@login_required
@require_GET
def why_not(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Why one person did or did not get it: every rule in order. For who may see people only (C3, T5)."""
    actor, found = seen(request, public_id)
    actor.require(Act.PEOPLE_VIEW, found.unit)
    if actor.is_blind:
        raise Forbidden()
    context: dict[str, Any] = {"campaign": found, "crumbs": crumbs(found, Crumb(label="왜 안 갔나요"))}
    asked = request.GET.get("person", "").strip()
    if asked.isascii() and asked.isdecimal() and len(asked) <= 10:
        person = person_in_scope(actor, int(asked))
        context |= {"number": asked, "answer": why.why(actor, found, person)}
    elif asked:
        context["problem"] = "사람 번호를 숫자로 적어 주세요."
    return render(request, "campaigns/why.html", context, status=422 if "problem" in context else 200)


@login_required
@require_POST
def export(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A table as a file, with the reason for taking it out."""
    actor, found = seen(request, public_id, Act.REPORTS_EXPORT)
    try:
        made = exports.make(
            actor, found, table=request.POST.get("table", ""), form=request.POST.get("form", ""),
            why=request.POST.get("why", ""),
        )  # fmt: skip
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("campaigns:campaign", found.public_id)
    return redirect("campaigns:file", made.public_id)


@login_required
@require_GET
def file(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A file made before."""
    made = queries.export(actor_of(request), public_id)
    response = HttpResponse(bytes(made.content), content_type=exports.TYPES[made.form])
    response["Content-Disposition"] = f'attachment; filename="{exports.file_name(made)}"'
    return response
