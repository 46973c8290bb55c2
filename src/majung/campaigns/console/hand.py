"""By-hand tasks: the list, one task with everything to copy, the tick, and results typed in or read from a file."""

import csv
import io
import re
import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from majung.campaigns import queries, services
from majung.campaigns.console.base import actor_of
from majung.campaigns.enums import TaskState
from majung.campaigns.errors import CannotWrite
from majung.core.errors import Refusal
from majung.tree.enums import Act
from majung.ui.values import Crumb, Tab

PAGE = 50
MAX_FILE_BYTES = 200_000
HEADS = {
    "sent": ("발송", "보낸", "도달", "sent"),
    "clicked": ("클릭", "누른", "click"),
    "blocked": ("차단", "block"),
}


@login_required
@require_GET
def tasks(request: HttpRequest) -> HttpResponse:
    """What is to be done by hand, the most pressing first."""
    actor = actor_of(request)
    done = request.GET.get("done") == "1"
    page = Paginator(queries.tasks(actor, done=done), PAGE).get_page(request.GET.get("page"))
    tabs = [Tab(label="할 일", url="?", active=not done), Tab(label="끝난 일", url="?done=1", active=done)]
    crumbs = [Crumb(label="손으로 보내기")]
    context = {"page": page, "tabs": tabs, "done": done, "crumbs": crumbs, "states": TaskState}
    return render(request, "campaigns/tasks.html", context)


@login_required
@require_GET
def task(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One task: what to paste where, what it costs, and afterwards what came of it."""
    actor = actor_of(request)
    found = queries.task(actor, public_id)
    context = {
        "task": found,
        "states": TaskState,
        "cost": found.unit_price_centiwon * found.people,
        "may_send": actor.may(Act.CAMPAIGNS_SEND, found.unit),
        "is_open": found.campaign.ended_at is None,
        "crumbs": [Crumb(label="손으로 보내기", url=reverse("campaigns:tasks")), Crumb(label=found.channel.name)],
    }
    return render(request, "campaigns/task.html", context)


@login_required
@require_POST
def tick(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Done, not done, or taken back."""
    actor = actor_of(request)
    found = queries.task(actor, public_id)
    actor.require(Act.CAMPAIGNS_SEND, found.unit)
    what = request.POST.get("what", "")
    try:
        if what == "undo":
            services.untick(actor, found)
        else:
            services.tick(actor, found, sent=what != "skip")
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("campaigns:task", found.public_id)


@login_required
@require_POST
def result(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Results of a done task, typed in or as the partner centre's file."""
    actor = actor_of(request)
    found = queries.task(actor, public_id)
    actor.require(Act.CAMPAIGNS_SEND, found.unit)
    try:
        upload = request.FILES.get("file")
        figures = read_file(upload.read(MAX_FILE_BYTES + 1)) if upload else _typed(request)
        services.report(actor, found, services.Result(**figures, note=request.POST.get("note", "")))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "결과를 적었습니다.")
    return redirect("campaigns:task", found.public_id)


def _typed(request: HttpRequest) -> dict[str, int]:
    sent = _figure(request.POST.get("sent", ""))
    if sent is None:
        raise CannotWrite(problem="보낸 사람 수를 적어 주세요.")
    rest = {name: _figure(request.POST.get(name, "")) for name in ("clicked", "blocked")}
    return {"sent": sent} | {name: n for name, n in rest.items() if n is not None}


def _figure(text: str) -> int | None:
    """A number with separators and a counter; None for nothing. Raises CannotWrite."""
    clean = re.sub(r"[,\s명통건]", "", text)
    if not clean:
        return None
    if not re.fullmatch(r"\d{1,9}", clean, re.ASCII):
        raise CannotWrite(problem=f"‘{text[:20]}’: 수로 적어 주세요.")
    return int(clean)


def read_file(content: bytes) -> dict[str, int]:
    """Figures of a small CSV (UTF-8 or CP949): sums of the columns whose heads say sent, pressed, blocked."""
    if len(content) > MAX_FILE_BYTES:
        raise CannotWrite(problem="파일이 너무 큽니다. 결과만 있는 CSV 파일을 올려 주세요.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp949")
        except UnicodeDecodeError:
            raise CannotWrite(problem="파일의 글자를 읽지 못했습니다. CSV로 저장해 올려 주세요.") from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    except csv.Error:
        raise CannotWrite(problem="파일을 읽지 못했습니다. CSV로 저장해 올려 주세요.") from None
    for at, head in enumerate(rows[:20]):
        columns = {
            name: place
            for name, words in HEADS.items()
            if (place := next((i for i, cell in enumerate(head) if any(w in cell.lower() for w in words)), None))
            is not None
        }
        if "sent" in columns and rows[at + 1 :]:
            return {name: sum(_cell(row, place) for row in rows[at + 1 :]) for name, place in columns.items()}
    raise CannotWrite(problem="‘발송’이라는 열을 찾지 못했습니다. 수를 직접 적어 주세요.")


def _cell(row: list[str], place: int) -> int:
    return (_figure(row[place]) or 0) if place < len(row) else 0
