"""Pages of saved segments: list, builder with a count as one edits, copy, delete with undo."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from majung.audience import builder, criteria, forms, queries, services
from majung.audience.criteria import Group, Unreadable
from majung.audience.errors import CannotAsk, NameTaken
from majung.audience.models import Segment
from majung.core.errors import Forbidden, Invalid
from majung.policy.occasion import Occasion
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit
from majung.ui.values import Crumb

PAGE = 50


def actor_of(request: HttpRequest) -> Actor:
    """Who acts. Raises Forbidden when no act of this room was lent anywhere."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None or Act.SEGMENTS_WRITE not in actor.acts:
        raise Forbidden()
    return actor


@login_required
@require_GET
def segments(request: HttpRequest) -> HttpResponse:
    """The saved segments in sight."""
    actor = actor_of(request)
    search = request.GET.get("q", "").strip()[:60]
    page = Paginator(queries.segments(actor, search=search), PAGE).get_page(request.GET.get("page"))
    rows = [{"segment": one, "says": _says(actor, one)} for one in page.object_list]
    template = "audience/list.html#rows" if request.headers.get("HX-Target") == "list" else "audience/list.html"
    gone = _uuid(request.GET.get("deleted", ""))
    context = {
        "page": page, "rows": rows, "search": search, "deleted": queries.deleted(actor, gone) if gone else None,
        "crumbs": [Crumb(label="대상")],
    }  # fmt: skip
    return render(request, template, context)


def _says(actor: Actor, segment: Segment) -> str:
    try:
        group = criteria.from_json(segment.criteria)
    except Unreadable:
        return "읽을 수 없는 조건입니다."
    return "읽을 수 없는 조건입니다." if forms.unknown(group) else forms.sentence(actor, group)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new segment: the empty builder; a POST keeps it."""
    actor = actor_of(request)
    return _edit(request, actor, _unit(actor, request.POST or request.GET), None)


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One segment in the builder; a POST keeps it."""
    actor = actor_of(request)
    segment = queries.segment(actor, public_id)
    return _edit(request, actor, segment.unit, segment)


def _unit(actor: Actor, said: QueryDict) -> Unit:
    """The unit that was picked, else the topmost one where segments may be made."""
    if picked := said.get("unit"):
        return actor.unit(_uuid(picked), Act.SEGMENTS_WRITE)
    first = actor.units(Act.SEGMENTS_WRITE).select_related("entity").first()
    if first is None:
        raise Forbidden()
    return first


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _edit(request: HttpRequest, actor: Actor, unit: Unit, segment: Segment | None) -> HttpResponse:
    if request.method == "GET":
        group = services.parse(segment.criteria) if segment else criteria.EVERYONE
        return _page(request, actor, unit, segment, group, name=segment.name if segment else "")
    name = request.POST.get("name", "")
    group = read(request.POST)
    if "do" in request.POST:
        return _page(request, actor, unit, segment, pressed(request.POST, group), name=name)
    try:
        kept = services.save_segment(actor, unit, name=name, group=group, segment=segment)
    except (NameTaken, CannotAsk, Invalid) as refusal:
        return _page(request, actor, unit, segment, group, name=name, problem=str(refusal), status=422)
    messages.success(request, f"‘{kept.name}’ 대상을 저장했습니다.")
    return redirect("audience:segments")


def read(sent: QueryDict) -> Group:
    """The criteria of a sent form. Raises CannotAsk."""
    try:
        group = builder.read(sent.lists())
        services.missing(group)
    except Unreadable as refused:
        raise CannotAsk(problem=str(refused)) from None
    return group


def pressed(sent: QueryDict, group: Group) -> Group:
    """``group`` after the pressed button of the form. Raises CannotAsk."""
    button = sent.get("do", "")
    picked = sent.get(f"add.{button.removeprefix('add:')}", "") if button.startswith("add:") else ""
    try:
        return builder.press(group, button, forms.blank(picked))
    except Unreadable as refused:
        raise CannotAsk(problem=str(refused)) from None


def _page(
    request: HttpRequest,
    actor: Actor,
    unit: Unit,
    segment: Segment | None,
    group: Group,
    *,
    name: str,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    target = request.headers.get("HX-Target")
    here = reverse("audience:segment", args=[segment.public_id]) if segment else reverse("audience:new")
    context = {
        "unit": unit,
        "units": actor.units(Act.SEGMENTS_WRITE),
        "segment": segment,
        "name": name,
        "problem": problem,
        "here": here,
        "crumbs": [Crumb(label="대상", url=reverse("audience:segments")), Crumb(label=name or "새 대상")],
        **builder_context(actor, unit, group, url=here),
    }
    if target == "count":
        return render(request, "audience/builder.html#count", context, status=status)
    if target == "builder":
        return render(request, "audience/builder.html", context, status=status)
    return render(request, "audience/edit.html", context, status=status)


def builder_context(
    actor: Actor,
    unit: Unit,
    group: Group,
    *,
    url: str,
    act: Act = Act.SEGMENTS_WRITE,
    speaker: Unit | None = None,
    occasion: Occasion | None = None,
) -> dict[str, object]:
    """What ``audience/builder.html`` draws: the criteria, what can be asked, and the count of now."""
    return {
        "top": forms.shown(actor, group),
        "sections": forms.sections(),
        "joins": forms.JOIN_WORDS,
        "counted": services.count(actor, unit, group, act=act, speaker=speaker, occasion=occasion),
        "is_blind": actor.is_blind,
        "builder_url": url,
    }


@login_required
@require_POST
def copy(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A copy of a segment."""
    actor = actor_of(request)
    copied = services.copy_segment(actor, queries.segment(actor, public_id))
    messages.success(request, f"‘{copied.name}’으로 복사했습니다.")
    return redirect("audience:segments")


@login_required
@require_POST
def delete(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A segment goes; the message offers to bring it back."""
    actor = actor_of(request)
    segment = queries.segment(actor, public_id)
    services.delete_segment(actor, segment)
    return redirect(f"{reverse('audience:segments')}?deleted={segment.public_id}")


@login_required
@require_POST
def restore(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A deleted segment is back."""
    actor = actor_of(request)
    segment = queries.segment(actor, public_id, deleted=True)
    services.restore_segment(actor, segment)
    messages.success(request, f"‘{segment.name}’ 대상을 되살렸습니다.")
    return redirect("audience:segments")
