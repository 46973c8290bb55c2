"""Pages of imports: list, upload, columns and basis, dry run, progress, result, undo, file of problems."""

import csv
import io
from collections.abc import Iterator, Sequence
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from majung.core.errors import Forbidden, Invalid, NotYours
from majung.core.text import shown
from majung.people import vault
from majung.people.imports import basis, reader, services, staging, store
from majung.people.imports.clean import PROBLEMS
from majung.people.imports.forms import MappingForm, UploadForm
from majung.people.imports.models import ImportFile, ImportState
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.values import Crumb

TITLE = "명단 가져오기"
PROBLEM_BATCH = 2_000


def actor_of(request: HttpRequest) -> Actor:
    """The actor. Raises Forbidden for somebody to whom nothing is lent."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None or Act.PEOPLE_IMPORT not in actor.acts:
        raise Forbidden()
    return actor


def own(actor: Actor, public_id: UUID) -> ImportFile:
    """The import with that id at a unit where importing was lent. Raises NotYours."""
    found = ImportFile.objects.filter(root_id=actor.root_id, public_id=public_id).select_related("unit").first()
    if found is None or not actor.may(Act.PEOPLE_IMPORT, found.unit):
        raise NotYours()
    return found


@login_required
@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """Earlier imports, and the form for a new one."""
    actor = actor_of(request)
    units = actor.units(Act.PEOPLE_IMPORT)
    form = UploadForm(units, request.POST or None, request.FILES or None, initial={"unit": units.first()})
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            source = services.upload(actor, form.cleaned_data["unit"], file.name, file.chunks())
        except (reader.Unreadable, store.FileTooLarge) as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("imports:import", source.public_id)
    past = ImportFile.objects.filter(unit__in=units).select_related("unit")[:50]
    context = {"form": form, "past": past, "crumbs": [Crumb(label=TITLE)]}
    return render(request, "people/imports/list.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One import, whatever its state: columns, dry run, progress or result."""
    actor = actor_of(request)
    source = own(actor, public_id)
    form = None
    if source.state in {ImportState.UPLOADED, ImportState.READY, ImportState.FAILED} and source.stored_as:
        form = MappingForm(source, basis.grounds(actor, source.unit), request.POST or None, initial=_initial(source))
        if request.method == "POST" and form.is_valid():
            try:
                _begin(actor, source, form)
            except Invalid as refusal:
                form.add_error(None, str(refusal))
            else:
                return redirect("imports:import", source.public_id)
    context = {
        "source": source,
        "form": form,
        "sample": _sample(request, actor, source) if source.state == ImportState.UPLOADED else (),
        "problems": services.problem_counts(source) if source.total_rows is not None else (),
        "states": ImportState,
        "crumbs": [Crumb(label=TITLE, url=reverse("imports:list")), Crumb(label=source.file_name)],
    }
    template = (
        "people/imports/one.html#progress"
        if request.headers.get("HX-Target") == "progress"
        else "people/imports/one.html"
    )
    response = render(request, template, context, status=422 if form is not None and form.errors else 200)
    if template.endswith("#progress") and not source.is_busy:
        response["HX-Refresh"] = "true"
    return response


def _sample(request: HttpRequest, actor: Actor, source: ImportFile) -> Sequence[Sequence[str]]:
    """The first rows in plain, for who chooses the columns; the access log gets a line."""
    shown = services.sample(source)
    vault.log(
        actor, "people.import_sample", why="명단의 열을 맞춤", address=request.META.get("REMOTE_ADDR", ""),
        unit_id=source.unit_id, n=len(shown),
    )  # fmt: skip
    return shown


def _initial(source: ImportFile) -> dict[str, object]:
    return {
        "basis": source.basis or None,
        "notices": source.notice_ids,
        "agreed_media": source.media,
        "obtained_on": source.obtained_on,
        "evidence": source.evidence,
        "are_members": source.are_members,
    }


def _begin(actor: Actor, source: ImportFile, form: MappingForm) -> None:
    chosen = form.cleaned_data
    services.begin(
        actor,
        source,
        columns=form.columns(),
        ground=chosen["basis"],
        notice_ids=chosen["notices"],
        media=chosen["agreed_media"],
        are_members=chosen["are_members"],
        evidence=chosen["evidence"],
        obtained_on=chosen["obtained_on"],
    )


@login_required
@require_POST
def act(request: HttpRequest, public_id: UUID, verb: str) -> HttpResponse:
    """Confirm, undo or discard."""
    actor = actor_of(request)
    source = own(actor, public_id)
    {"confirm": services.confirm, "undo": services.undo, "discard": services.discard}[verb](actor, source)
    if verb == "discard":
        messages.success(request, f"‘{source.file_name}’을 버렸습니다. 사람은 바뀌지 않았습니다.")
        return redirect("imports:list")
    return redirect("imports:import", source.public_id)


@login_required
@require_GET
def problems(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The rows that were left out, with the reason of each, as CSV for a spreadsheet; formula-safe and logged."""
    actor = actor_of(request)
    source = own(actor, public_id)
    vault.log(
        actor, "people.import_problems", why="명단의 문제 줄을 내려받음", address=request.META.get("REMOTE_ADDR", ""),
        unit_id=source.unit_id, n=source.problem_rows + source.duplicate_rows,
    )  # fmt: skip
    body = "\ufeff" + "".join(_lines(source))
    response = HttpResponse(body, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="problems-{source.pk}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(source: ImportFile) -> Iterator[str]:
    yield _line(["줄", "까닭", *source.header])
    after = 0
    while rows := list(staging.problem_rows(source, after=after, limit=PROBLEM_BATCH)):
        for number, problems, cells in rows:
            yield _line([str(number), " ".join(PROBLEMS[code] for code in problems), *cells])
        after = rows[-1][0]


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(map(shown, cells))
    return out.getvalue()
