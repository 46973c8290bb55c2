"""The garden: friends by district, today's figures, duties and what is left of the budgets. And the one search."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from majung.accounts.models import User
from majung.activity.queries import duties
from majung.campaigns.models import Campaign
from majung.campaigns.queries import campaigns as find_campaigns
from majung.console import waking
from majung.core import clock, sql
from majung.core.text import nfc
from majung.people import console as people
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Budget, Unit
from majung.ui import text
from majung.ui.values import Column, Figure, Place

SECONDS_FRESH = 30
FOUND = 20
LONGEST_QUESTION = 80
DIGITS_OF_A_NUMBER = 8
OPENS, CLOSES = time(8, 0), time(20, 50)  # the messenger's own hours for brand messages (law.md KKO-07)
BUDGET_COLUMNS = (
    Column(key="name", label="조직"),
    Column(key="share", label="쓰고 예약한 몫", kind="bar", wide=True),
    Column(key="left", label="남은 돈", kind="won"),
    Column(key="reserved", label="예약해 둔 돈", kind="won"),
    Column(key="limit", label="한도", kind="won"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Friends:
    """Friends of one unit's own channels, and what changed in seven days."""

    friends: int = 0
    added: int = 0
    blocked: int = 0


def home(request: HttpRequest) -> HttpResponse:
    """The first page: of the operator who is signed in, else sign-in, else the first start."""
    if not request.user.is_authenticated:
        return redirect("tree:start") if not User.objects.exists() else redirect("account_login")
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None:
        return render(request, "console/nothing_lent.html", status=403)
    units = list(actor.units().only("pk", "path", "depth", "name", "district_code", "public_id", "root_id"))
    by_unit = friends_by_unit(actor, units)
    return render(
        request,
        "console/home.html",
        {
            "day": text.heading_day(clock.now()),
            "figures": _figures(actor, by_unit),
            "places": _places(units, by_unit),
            "growing": _movers(units, by_unit, growing=True),
            "shrinking": _movers(units, by_unit, growing=False),
            "duties": duties(actor)[:8],
            "campaigns": Campaign.objects.filter(unit__in=units).order_by("-pk")[:6]
            if Act.CAMPAIGNS_VIEW in actor.acts
            else (),
            "budgets": _budgets(units),
            "budget_columns": BUDGET_COLUMNS,
            "opens": OPENS,
            "closes": CLOSES,
            "may_see": Act.CAMPAIGNS_VIEW in actor.acts,
            "may_write": Act.CAMPAIGNS_WRITE in actor.acts,
            "now": clock.now(),
            "muted": waking.sentence(),
            "may_wake": waking.may(actor),
        },
    )


def friends_by_unit(actor: Actor, units: Sequence[Unit]) -> dict[int, Friends]:
    """Friends of each unit in reach, at most half a minute old."""
    since = clock.now() - timedelta(days=7)
    key = f"friends/{actor.root_id}/{hash(tuple(sorted((g.unit_id, g.covers_subtree) for g in actor.grants)))}"
    found: dict[int, Friends] | None = cache.get(key)
    if found is None:
        with connection.cursor() as cursor:
            cursor.execute(
                sql.load("majung.console", "home", "friends_by_unit"),
                {"root": actor.root_id, "units": [unit.pk for unit in units], "since": since},
            )
            found = {row[0]: Friends(friends=row[1], added=row[2], blocked=row[3]) for row in cursor.fetchall()}
        cache.set(key, found, SECONDS_FRESH)
    if actor.is_blind:
        # Rounded to ten, so that nobody can be singled out (T5).
        return {
            unit: Friends(friends=f.friends // 10 * 10, added=f.added // 10 * 10, blocked=f.blocked // 10 * 10)
            for unit, f in found.items()
        }
    return found


def _figures(actor: Actor, by_unit: dict[int, Friends]) -> list[Figure]:
    friends = sum(f.friends for f in by_unit.values())
    added = sum(f.added for f in by_unit.values())
    blocked = sum(f.blocked for f in by_unit.values())
    month = clock.today().replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.load("majung.console", "home", "money_of_month"),
            {"root": actor.root_id, "month": month, "units": list(actor.units().values_list("pk", flat=True))},
        )
        [(spent, messages)] = cursor.fetchall()

    def told(number: int) -> str:
        return "10 미만" if actor.is_blind and number < 10 else text.number(number)

    return [
        Figure(label="채널 친구", value=told(friends), unit="명", note="채널마다 센 친구의 합입니다"),
        Figure(label="새 친구", value=told(added), unit="명", note="지난 7일"),
        Figure(label="차단", value=told(blocked), unit="명", note="지난 7일"),
        Figure(label="이번 달 보낸 메시지", value=text.number(messages), unit="통"),
        Figure(label="이번 달 쓴 돈", value=text.number(spent // 100), unit="원"),
    ]


def _places(units: Sequence[Unit], by_unit: dict[int, Friends]) -> list[Place]:
    seen: dict[str, Place] = {}
    for unit in units:
        if unit.district_code and unit.district_code not in seen:
            seen[unit.district_code] = Place(
                nec_code=unit.district_code,
                label=unit.name,
                value=by_unit.get(unit.pk, Friends()).friends,
                url=reverse("tree:unit", args=[unit.public_id]),
            )
    return list(seen.values())


def _movers(units: Sequence[Unit], by_unit: dict[int, Friends], *, growing: bool) -> list[tuple[Unit, int]]:
    change = [(unit, by_unit[unit.pk].added - by_unit[unit.pk].blocked) for unit in units if unit.pk in by_unit]
    chosen = [pair for pair in change if (pair[1] > 0 if growing else pair[1] < 0)]
    return sorted(chosen, key=lambda pair: pair[1], reverse=growing)[:4]


def _budgets(units: Sequence[Unit]) -> list[dict[str, Any]]:
    month = clock.today().replace(day=1)
    rows = Budget.objects.filter(unit__in=units, month=month).select_related("unit").order_by("unit__path")[:8]
    return [
        {
            "name": row.unit.name,
            "share": (row.reserved_centiwon + row.spent_centiwon) / row.limit_centiwon if row.limit_centiwon else 1.0,
            "left": row.limit_centiwon - row.reserved_centiwon - row.spent_centiwon,
            "reserved": row.reserved_centiwon,
            "limit": row.limit_centiwon,
        }
        for row in rows
    ]


@login_required
def search(request: HttpRequest) -> HttpResponse:
    """Units and messages by name; what looks like a telephone number is left to the people page and its blind index.

    By POST, so that what is looked for stands in no address and no log.
    """
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None:
        return render(request, "console/nothing_lent.html", status=403)
    asked = nfc(request.POST.get("q", ""))[:LONGEST_QUESTION]
    if sum(c.isdigit() for c in asked) >= DIGITS_OF_A_NUMBER and Act.PEOPLE_VIEW in actor.acts:
        return people.find(request)
    units: QuerySet[Unit] | tuple[()] = ()
    campaigns: QuerySet[Campaign] | tuple[()] = ()
    if asked:
        named = Q(name__icontains=asked) | Q(code__iexact=asked) | Q(leader__icontains=asked)
        units = actor.units().filter(named).select_related("kind")[:FOUND]
        if Act.CAMPAIGNS_VIEW in actor.acts:
            campaigns = find_campaigns(actor, search=asked)[:FOUND]
    return render(request, "console/search.html", {"asked": asked, "units": units, "campaigns": campaigns})
