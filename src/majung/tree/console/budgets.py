"""Budgets of a month: what each unit may spend, has spent and set aside; and setting one."""

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from majung.core import clock, money
from majung.core.errors import Forbidden, Refusal
from majung.tree import services
from majung.tree.console.units import answer, crumbs
from majung.tree.enums import Act
from majung.tree.forms import BudgetForm
from majung.tree.middleware import ActorRequest
from majung.tree.models import Budget
from majung.tree.services.budgets import budgets_upwards, left_centiwon, month_of
from majung.ui.values import Column, Part

PAGE = 50
COLUMNS = (
    Column(key="unit", label="조직"),
    Column(key="share", label="쓰고 예약한 몫", kind="bar", wide=True),
    Column(key="limit", label="한도", kind="won"),
    Column(key="spent", label="쓴 돈", kind="won"),
    Column(key="reserved", label="예약", kind="won", hide=True),
    Column(key="left", label="남은 돈", kind="won"),
)


def _month(raw: str) -> date:
    try:
        return date.fromisoformat(f"{raw}-01")
    except ValueError:
        return month_of(clock.today())


def _row(budget: Budget) -> dict[str, Any]:
    used = budget.reserved_centiwon + budget.spent_centiwon
    share = used / budget.limit_centiwon if budget.limit_centiwon else 1.0
    tone = "danger" if share >= 1 else "warn" if share >= 0.9 else "acc"
    return {
        "url": reverse("tree:budget", args=[budget.unit.public_id]),
        "unit": budget.unit.name,
        "share": Part(value=share, tone=tone),
        "limit": budget.limit_centiwon,
        "spent": budget.spent_centiwon,
        "reserved": budget.reserved_centiwon,
        "left": left_centiwon(budget),
    }


@require_safe
def budgets(request: ActorRequest) -> HttpResponse:
    """The month's budgets in sight, in tree order."""
    month = _month(request.GET.get("month", ""))
    rows = Budget.objects.filter(month=month, unit__in=request.actor.units().values("pk"))
    page = Paginator(rows.select_related("unit").order_by("unit__path"), PAGE).get_page(request.GET.get("page"))
    context = {
        "month": month,
        "page": page,
        "cols": COLUMNS,
        "rows": [_row(budget) for budget in page.object_list],
        "units": [
            (unit.name, reverse("tree:budget", args=[unit.public_id]))
            for unit in request.actor.units(Act.TREE_MANAGE).filter(depth__lte=2)[:100]
        ],
    }
    return render(request, "tree/budgets.html", context)


@require_http_methods(["GET", "POST"])
def budget(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """One unit's budgets, what remains above it, and setting a month's. Blind senders see sums too: they spend them."""
    actor = request.actor
    unit = actor.unit(public_id)
    month = _month(request.POST.get("month", "") or request.GET.get("month", ""))
    form = BudgetForm(request.POST or None, initial={"month": month})
    if request.method == "POST":
        if not actor.may(Act.TREE_MANAGE, unit):
            raise Forbidden()
        if form.is_valid():
            try:
                services.set_budget(actor, unit, form.cleaned_data["month"], money.centiwon(form.cleaned_data["won"]))
            except Forbidden:
                raise
            except Refusal as refusal:
                form.add_error("won", str(refusal))
            else:
                messages.success(request, "예산을 정했습니다.")
                return redirect("tree:budget", unit.public_id)
    above = [b for b in budgets_upwards(unit, month) if actor.sees(b.unit)]
    context = {
        "unit": unit,
        "month": month,
        "cols": COLUMNS,
        "rows": [_row(b) for b in above],
        "may_set": actor.may(Act.TREE_MANAGE, unit),
        "crumbs": crumbs(unit, "예산"),
    }
    return answer(request, "tree/budget.html", context, form=form)
