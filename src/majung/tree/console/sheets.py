"""The tree as a file: out, in, the comparison, applying it with one press, and what came of it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from majung.core import clock
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree import sheets
from majung.tree.actor import Actor
from majung.tree.console.units import answer
from majung.tree.enums import Act, SheetState
from majung.tree.errors import TreeMoved
from majung.tree.forms import SheetForm
from majung.tree.middleware import ActorRequest
from majung.tree.models import SheetDraft
from majung.tree.sheets.apply import compare as compared_with
from majung.tree.sheets.apply import own_draft
from majung.tree.sheets.diff import fingerprint
from majung.ui.values import Crumb

SHOWN = 200
KINDS = {"csv": ("text/csv; charset=utf-8", sheets.to_csv), "xlsx": (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", sheets.to_xlsx
)}  # fmt: skip


def _crumbs(page: str) -> list[Crumb]:
    return [Crumb(label="조직", url=reverse("tree:tree")), Crumb(label=page)]


@require_http_methods(["GET", "POST"])
def sheet(request: ActorRequest) -> HttpResponse:
    """Download links, and the upload of a file to compare."""
    actor = request.actor
    if Act.TREE_MANAGE not in actor.acts:
        raise Forbidden()
    form = SheetForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            rows = sheets.read(file, file.name, size=file.size)
        except Invalid as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("tree:compare", sheets.draft(actor, rows, file.name).public_id)
    context = {
        "columns": [header for _, header, _ in sheets.COLUMNS],
        "past": SheetDraft.objects.filter(root_id=actor.root_id, by=actor.user).defer("rows").order_by("-pk")[:5],
        "crumbs": _crumbs("파일로 한꺼번에"),
    }
    return answer(request, "tree/sheet.html", context, form=form)


@require_safe
def download(request: ActorRequest, form: str) -> HttpResponse:
    """The units in sight as ``csv`` or ``xlsx``."""
    if form not in KINDS:
        raise NotYours()
    kind, write = KINDS[form]
    name = f"tree-{clock.today():%Y%m%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(write(request.actor), content_type=kind, headers=headers)


@require_http_methods(["GET", "POST"])
def compare(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """What the file would change, row by row; one press applies all of it in the background, then what came of it."""
    actor = request.actor
    waiting = own_draft(actor, public_id)
    if request.method == "POST":
        try:
            sheets.begin(actor, waiting)
        except (TreeMoved, Invalid) as refusal:
            messages.error(request, str(refusal))
        return redirect("tree:compare", public_id)
    context: dict[str, Any] = {
        "draft": waiting,
        "states": SheetState,
        "crumbs": [*_crumbs("")[:1], Crumb(label="파일로 한꺼번에", url=reverse("tree:sheet")), Crumb(label="비교")],
    }
    if waiting.state in (SheetState.COMPARED, SheetState.FAILED):
        context |= _differences(actor, waiting)
    if request.headers.get("HX-Target") != "progress":
        return render(request, "tree/compare.html", context)
    response = render(request, "tree/compare.html#progress", context)
    if waiting.state != SheetState.APPLYING:
        response["HX-Refresh"] = "true"
    return response


def _differences(actor: Actor, waiting: SheetDraft) -> dict[str, Any]:
    found = compared_with(actor, waiting)
    return {
        "diff": found,
        "moved_on": found.fingerprint != fingerprint(actor.root_id),
        "errors": found.errors[:SHOWN],
        "shown": SHOWN,
        "parts": [
            ("새로 생김", "plus", found.added[:SHOWN], len(found.added)),
            ("이름 바뀜", "pencil", found.renamed[:SHOWN], len(found.renamed)),
            ("옮김", "arrows-move", found.moved[:SHOWN], len(found.moved)),
            ("내용 바뀜", "edit", found.changed[:SHOWN], len(found.changed)),
            ("정지", "player-pause", found.stopped[:SHOWN], len(found.stopped)),
            ("다시 엶", "player-play", found.resumed[:SHOWN], len(found.resumed)),
            ("닫힘", "x", found.closed[:SHOWN], len(found.closed)),
        ],
    }
