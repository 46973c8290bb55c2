"""The organisation page: the tree beside one unit, and the acts on a unit with what they will touch."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from majung.core.errors import Invalid, Refusal
from majung.tree import queries, rules, services, slots
from majung.tree.actor import Actor
from majung.tree.enums import Act, OrganisationKind, UnitState
from majung.tree.forms import MoveForm, PapersForm, UnitForm, WordForm
from majung.tree.middleware import ActorRequest
from majung.tree.models import Grant, LegalEntity, Unit, UnitKind, UnitSpan
from majung.tree.services.units import by_name, columns_of, parent_of
from majung.ui.values import Column, Crumb, Status

COLUMNS = (
    Column(key="leader", label="대표자", hide=True),
    Column(key="grants", label="권한", kind="number", unit="개", hide=True),
)
STATES = {
    UnitState.ACTIVE: Status(word="활동", tone="ok"),
    UnitState.SUSPENDED: Status(word="정지", tone="warn"),
    UnitState.CLOSED: Status(word="닫힘", tone="idle"),
}
FOUND = 50
LONGEST_NUMBER = 10


def columns() -> list[Column]:
    """Columns of rooms above, then the page's own."""
    return [*(column for slot in slots.SLOTS.values() for column in slot.columns), *COLUMNS]


def rows_of(
    actor: Actor, units: Sequence[Unit], *, chosen: Unit | None = None, loaded: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Rows of the treegrid. ``loaded``: paths whose children are among the rows; others fetch theirs when opened."""
    held = dict(Grant.objects.filter(unit__in=units, revoked_at=None).values_list("unit").annotate(n=Count("pk")))
    more: dict[int, dict[str, Any]] = {unit.pk: {} for unit in units}
    for slot in slots.SLOTS.values():
        for number, cells in (slot.cells(actor, units) if slot.cells else {}).items():
            more[number].update(cells)
    open_paths = set(loaded)
    tops = min((unit.depth for unit in units), default=1)
    sees_children = Counter(u.path[: -rules.STEP] for u in actor.units().filter(depth__gt=1).only("path"))
    found = []
    for unit in units:
        children = sees_children.get(unit.path, 0)
        found.append(
            {
                "level": unit.depth - tops + 1,
                "name": unit.name,
                "url": reverse("tree:unit", args=[unit.public_id]),
                "note": f"{children}곳" if children else "",
                "open": None if not children else unit.path in open_paths,
                "children": reverse("tree:rows", args=[unit.public_id])
                if children and unit.path not in open_paths
                else "",
                "selected": chosen is not None and unit.pk == chosen.pk,
                "leader": unit.leader or "–",
                "tag": None if unit.state == UnitState.ACTIVE else STATES[UnitState(unit.state)],
                "grants": held.get(unit.pk, 0),
                **more[unit.pk],
            }
        )
    return found


def _visible(actor: Actor, chosen: Unit | None, search: str) -> tuple[list[Unit], set[str]]:
    """Units to draw at first, and the paths that stand open: two tiers, and the way down to the chosen one."""
    reach = actor.units().select_related("kind")
    if search:
        hits = list(
            reach.filter(Q(name__icontains=search) | Q(code__icontains=search) | Q(leader__icontains=search))[:FOUND]
        )
        wanted = {path for unit in hits for path in rules.ancestors(unit.path)}
        units = list(reach.filter(path__in=wanted))
        paths = {unit.path for unit in units}
        return units, {path[: -rules.STEP] for path in paths}
    top = reach.first()
    if top is None:
        return [], set()
    opened = {unit.path for unit in reach.filter(depth=top.depth)}
    if chosen is not None:
        opened |= set(rules.ancestors(chosen.path))
    below = Q(depth=top.depth)
    for path in opened:
        below |= Q(path__startswith=path, depth=len(path) // rules.STEP + 1)
    return list(reach.filter(below)), opened


@require_safe
def tree(request: ActorRequest) -> HttpResponse:
    """The tree, with the topmost unit in sight beside it."""
    return _page(request, None)


@require_safe
def unit(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """The tree opened at one unit, which stands beside it."""
    return _page(request, request.actor.unit(public_id))


def _page(request: ActorRequest, chosen: Unit | None) -> HttpResponse:
    actor = request.actor
    search = request.GET.get("q", "").strip()[:80]
    units, opened = _visible(actor, chosen, search)
    shown = chosen or (units[0] if units and not search else None)
    context: dict[str, Any] = {
        "cols": columns(),
        "rows": rows_of(actor, units, chosen=chosen, loaded=opened),
        "search": search,
        "lead": _lead(actor),
        "may_sheet": any(Act.TREE_MANAGE in g.acts for g in actor.grants),
    }
    if shown is not None:
        context |= panel(actor, shown)
    return render(request, "tree/tree.html", context)


def _lead(actor: Actor) -> str:
    tiers = (
        actor.units()
        .exclude(state=UnitState.CLOSED)
        .order_by("kind__rank")
        .values_list("kind__name")
        .annotate(n=Count("pk"))
    )
    return " · ".join(f"{name} {n:,}" for name, n in tiers)


def panel(actor: Actor, unit: Unit) -> dict[str, Any]:
    """What stands beside the tree: facts of the unit, who may act there, its past, and the acts at hand."""
    above = parent_of(unit)
    manages = actor.may(Act.TREE_MANAGE, unit)
    manages_above = above is not None and actor.may(Act.TREE_MANAGE, above)
    facts = [("코드", unit.code), ("갈래", unit.kind.name), ("법인", unit.entity.name)]
    facts += [("대표자", unit.leader or "–"), ("전화", unit.phone or "–")]
    facts += [("선거구", unit.district_code)] * bool(unit.district_code)
    for slot in slots.SLOTS.values():
        facts += slot.facts(actor, unit) if slot.facts else []
    return {
        "unit": unit,
        "unit_state": STATES[UnitState(unit.state)],
        "facts": facts,
        "grants": queries.grants_in_sight(actor).filter(unit=unit)[:20] if actor.may(Act.GRANTS_VIEW, unit) else (),
        "history": queries.history(unit)[:10],
        "may_manage": manages and unit.state != UnitState.CLOSED,
        "may_manage_above": manages_above and unit.state != UnitState.CLOSED,
        "may_lend": actor.may(Act.GRANTS_LEND, unit) and unit.state != UnitState.CLOSED,
    }


@require_safe
def rows(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """The rows right below one unit, fetched when it is opened."""
    above = request.actor.unit(public_id)
    units = list(
        request.actor.units().filter(path__startswith=above.path, depth=above.depth + 1).select_related("kind")
    )
    drawn = rows_of(request.actor, units)
    tops = min((u.depth for u in request.actor.units().only("depth", "path")), default=1)
    for row, each in zip(drawn, units, strict=True):
        row["level"] = each.depth - tops + 1
    return render(request, "tree/rows.html", {"cols": columns(), "rows": drawn})


def crumbs(unit: Unit, page: str) -> list[Crumb]:
    """The way to an act on a unit."""
    return [
        Crumb(label="조직", url=reverse("tree:tree")),
        Crumb(label=unit.name, url=reverse("tree:unit", args=[unit.public_id])),
        Crumb(label=page),
    ]


def answer(request: HttpRequest, template: str, context: dict[str, Any], *, form: Any = None) -> HttpResponse:
    """The page; 422 when its form has errors."""
    return render(request, template, {**context, "form": form}, status=422 if form is not None and form.errors else 200)


@require_http_methods(["GET", "POST"])
def add(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """A new unit below this one."""
    above = request.actor.unit(public_id, Act.TREE_MANAGE)
    first = {"entity": above.entity_id, "kind": _kind_below(above)}
    form = UnitForm(request.actor.root_id, request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        try:
            new = services.add_unit(request.actor, above, form.columns())
        except Invalid as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "조직을 만들었습니다.")
            return redirect("tree:unit", new.public_id)
    context = {"title": "아래에 새 조직", "lead": f"{above.name} 아래에 만듭니다.", "submit": "만들기", "unit": above}
    return answer(request, "tree/form.html", {**context, "crumbs": crumbs(above, "새 조직")}, form=form)


def _kind_below(unit: Unit) -> int | None:
    below = UnitKind.objects.filter(root_id=unit.root_id, rank__gt=unit.kind.rank).first()
    return below.pk if below else unit.kind_id


@require_http_methods(["GET", "POST"])
def edit(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """Name, leader, phone and the rest of a unit."""
    unit = request.actor.unit(public_id, Act.TREE_MANAGE)
    form = UnitForm(request.actor.root_id, request.POST or None, initial=by_name(columns_of(unit)))
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_unit(request.actor, unit, form.columns())
        except Invalid as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "고쳤습니다. 이전 이름은 내력에 남습니다.")
            return redirect("tree:unit", unit.public_id)
    context = {"title": f"{unit.name} 고치기", "lead": "", "submit": "고치기", "unit": unit}
    return answer(request, "tree/form.html", {**context, "crumbs": crumbs(unit, "고치기")}, form=form)


@require_http_methods(["GET", "POST"])
def move(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """Where a unit is to hang: first what that would touch, then the move."""
    actor = request.actor
    unit = actor.unit(public_id, Act.TREE_MANAGE)
    form = MoveForm(actor, request.POST or None)
    context: dict[str, Any] = {"unit": unit, "crumbs": crumbs(unit, "옮기기"), "above": parent_of(unit)}
    if request.method == "POST" and form.is_valid():
        target = form.cleaned_data["target"]
        try:
            if request.POST.get("confirmed"):
                services.move_unit(actor, unit, target)
                messages.success(request, "옮겼습니다. 사람과 채널, 지난 일은 그대로입니다.")
                return redirect("tree:unit", unit.public_id)
            context |= {"effect": services.preview_move(actor, unit, target), "target": target}
        except Refusal as refusal:
            form.add_error("target", str(refusal))
    return answer(request, "tree/move.html", context, form=form)


def _stop(
    request: ActorRequest, public_id: UUID, *, act: Callable[[Actor, Unit], Unit], is_close: bool
) -> HttpResponse:
    unit = request.actor.unit(public_id, Act.TREE_MANAGE)
    effect = services.preview_stop(request.actor, unit, close=is_close)
    if request.method == "POST":
        act(request.actor, unit)
        messages.success(request, "닫았습니다." if is_close else "멈추었습니다. 언제든 다시 열 수 있습니다.")
        return redirect("tree:unit", unit.public_id)
    below = Unit.objects.filter(root_id=unit.root_id, path__startswith=unit.path).exclude(pk=unit.pk)
    context = {
        "unit": unit,
        "effect": effect,
        "close": is_close,
        "in_the_way": below.exclude(state=UnitState.CLOSED).count() if is_close else 0,
        "crumbs": crumbs(unit, "닫기" if is_close else "정지"),
    }
    return render(request, "tree/stop.html", context)


@require_http_methods(["GET", "POST"])
def suspend(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """Suspend a unit and all below it, after showing whom that stops."""
    return _stop(request, public_id, act=services.suspend_unit, is_close=False)


@require_http_methods(["GET", "POST"])
def close(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """Close a unit for good, after showing which grants end."""
    return _stop(request, public_id, act=services.close_unit, is_close=True)


@require_POST
def resume(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """The unit works again."""
    unit = services.resume_unit(request.actor, request.actor.unit(public_id, Act.TREE_MANAGE))
    messages.success(request, "다시 열었습니다.")
    return redirect("tree:unit", unit.public_id)


@require_http_methods(["GET", "POST"])
def words(request: ActorRequest) -> HttpResponse:
    """The organisation's tiers and legal entities."""
    actor = request.actor
    services.require_top(actor)
    dropping = request.POST.get("drop", "")
    if dropping.isdecimal() and len(dropping) < LONGEST_NUMBER:
        try:
            services.drop_kind(actor, int(dropping))
        except Invalid as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "지웠습니다.")
        return redirect("tree:words")
    changing = request.POST.get("what") == "papers"
    form: WordForm | PapersForm = (PapersForm if changing else WordForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            if isinstance(form, PapersForm):
                services.change_entity(actor, said.pop("entity"), **said)
            elif request.POST.get("what") == "entity":
                services.add_entity(actor, said["name"])
            else:
                services.add_kind(actor, said["name"])
        except Invalid as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "고쳤습니다." if changing else "더했습니다.")
            return redirect("tree:words")
    context = {
        "kinds": UnitKind.objects.filter(root_id=actor.root_id),
        "used_kinds": set(
            UnitSpan.objects.filter(unit__root_id=actor.root_id).values_list("kind_id", flat=True).distinct()
        ),
        "entities": LegalEntity.objects.filter(root_id=actor.root_id).order_by("pk"),
        "is_party": actor.grants[0].root.kind == OrganisationKind.POLITICAL,
        "typed": request.POST if changing else None,
        "crumbs": [Crumb(label="조직", url=reverse("tree:tree")), Crumb(label="갈래와 법인")],
    }
    return answer(request, "tree/words.html", context, form=form)
