"""Who holds what: the list, the chain behind one grant, lending, taking back, keys, and the past."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from majung.accounts.models import User
from majung.core import clock
from majung.core.errors import Forbidden, Invalid, Refusal
from majung.tree import queries, services
from majung.tree.actor import Actor
from majung.tree.console.units import answer
from majung.tree.enums import Act, Role
from majung.tree.forms import DayForm, KeyForm, LendForm
from majung.tree.middleware import ActorRequest
from majung.tree.models import Grant
from majung.tree.services import Offer
from majung.tree.services.budgets import use_of
from majung.tree.services.grants import may_revoke
from majung.ui import text
from majung.ui.values import Column, Crumb, Link, Quota, Status

PAGE = 50
COLUMNS = (
    Column(key="holder", label="누가"),
    Column(key="unit", label="조직"),
    Column(key="role", label="역할"),
    Column(key="until", label="언제까지"),
    Column(key="lender", label="빌려준 이", hide=True),
    Column(key="state", label="상태", kind="status"),
)
PAST_COLUMNS = (*COLUMNS[:4], Column(key="state", label="그날 조직", kind="status"))
KEY_COLUMNS = (
    Column(key="holder", label="쓰임"),
    Column(key="unit", label="조직"),
    Column(key="role", label="역할"),
    Column(key="until", label="언제까지"),
    Column(key="used", label="마지막으로 쓴 때", kind="moment"),
)


def holder_of(grant: Grant) -> str:
    """How a holder is called on these pages."""
    if grant.user is not None:
        return grant.label or grant.user.email
    if grant.api_key is not None:
        return f"키 · {grant.api_key.label}"
    return f"{grant.label or '초대한 분'} · 초대 중"


def until_of(grant: Grant) -> str:
    """The last day of a grant in words."""
    if grant.ends_at is None:
        return "기한 없음"
    return text.table_day(clock.seoul(grant.ends_at - timedelta(microseconds=1)).date())


def state_of(grant: Grant) -> Status:
    """What a grant is now."""
    now = clock.now()
    if grant.revoked_at is not None:
        return Status(word="거둠", tone="idle")
    if grant.ends_at is not None and grant.ends_at <= now:
        return Status(word="끝남", tone="idle")
    if grant.user_id is None and grant.api_key_id is None:
        return Status(word="초대 중", tone="warn")
    return Status(word="시작 전", tone="idle") if grant.starts_at > now else Status(word="쓰는 중", tone="ok")


def _row(grant: Grant) -> dict[str, Any]:
    return {
        "url": reverse("tree:grant", args=[grant.public_id]),
        "holder": holder_of(grant),
        "unit": f"{grant.unit.name}{' 아래 모두' if grant.covers_subtree else ''}",
        "role": Role(grant.role).label,
        "until": until_of(grant),
        "lender": grant.lent_by.email if grant.lent_by else "–",
        "state": state_of(grant),
    }


@require_safe
def grants(request: ActorRequest) -> HttpResponse:
    """Living grants in sight, by place; own ones always."""
    rows = queries.grants_in_sight(request.actor)
    if search := request.GET.get("q", "").strip()[:80]:
        rows = rows.filter(unit__name__icontains=search)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "cols": COLUMNS,
        "rows": [_row(grant) for grant in page.object_list],
        "search": search,
        "may_lend": Act.GRANTS_LEND in request.actor.acts,
    }
    return render(request, "tree/grants.html", context)


def links_of(actor: Actor, grant: Grant) -> list[Link]:
    """The chain for ``c-chain``, the owner first. Holders above the actor's sight are named by their unit alone."""
    links = []
    own = {g.pk for g in actor.grants}
    for each in queries.grant_chain(grant):
        seen = each.pk in own or actor.may(Act.GRANTS_VIEW, each.unit)
        lender = f"{each.lent_by.email}에게서 · " if seen and each.lent_by else ""
        reach = "아래 모두" if each.covers_subtree else "이곳만"
        links.append(
            Link(
                holder=f"{each.unit.name} · {holder_of(each)}" if seen else each.unit.name,
                what=f"{Role(each.role).label} · {reach} · {lender}{text.table_day(clock.seoul(each.starts_at).date())}부터",
                until=until_of(each),
                owner=each.parent_id is None,
                quotas=_quotas(each) if seen else (),
                note="" if each.revoked_at is None else "거두어졌습니다",
            )
        )
    return links


def _quotas(grant: Grant) -> list[Quota]:
    limits = (grant.messages_per_day, grant.messages_total, grant.centiwon_per_day, grant.centiwon_total)
    if limits == (None, None, None, None):
        return []
    used = use_of(grant, clock.today())
    lines = (
        ("오늘 메시지", used.messages_today, limits[0], "통"),
        ("모두 메시지", used.messages_total, limits[1], "통"),
        ("오늘 돈", used.centiwon_today // 100, None if limits[2] is None else limits[2] // 100, "원"),
        ("모두 돈", used.centiwon_total // 100, None if limits[3] is None else limits[3] // 100, "원"),
    )
    return [Quota(label=label, used=n, limit=limit, unit=unit) for label, n, limit, unit in lines if limit is not None]


@require_safe
def grant(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """One grant: the chain it hangs from, and what taking it back would stop."""
    actor = request.actor
    found = queries.grant_in_sight(actor, public_id)
    may = found.revoked_at is None and may_revoke(actor, found)
    context: dict[str, Any] = {
        "grant": found,
        "holder": holder_of(found),
        "state": state_of(found),
        "links": links_of(actor, found),
        "acts": [Act(act).label for act in found.acts],
        "may_revoke": may,
        "crumbs": [Crumb(label="권한", url=reverse("tree:grants")), Crumb(label=holder_of(found))],
    }
    if may:
        stopped = services.preview_revoke(actor, found)
        context |= {"stopped": stopped, "below": [_row(g) for g in stopped.grants[1:20]], "cols": COLUMNS[:4]}
    return render(request, "tree/grant.html", context)


@require_http_methods(["POST"])
def revoke(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """Take the grant back, and all lent on from it; a key's grant takes the key along."""
    found = queries.grant_in_sight(request.actor, public_id)
    take = services.revoke_key if found.api_key_id else services.revoke
    count = take(request.actor, found)
    done = f"권한 {count}개를 거두었습니다. 아직 보내지 않은 메시지는 나가지 않습니다."
    messages.success(request, done if count else "이미 거둔 권한입니다.")
    return redirect("tree:grants")


def _holders(actor: Actor) -> list[tuple[str, str]]:
    """People who hold something where the actor lends, besides the actor: nobody of other places can be named."""
    seen: dict[str, str] = {}
    held = queries.grants_in_sight(actor).filter(unit__in=actor.units(Act.GRANTS_LEND).values("pk")).exclude(user=None)
    for each in held:
        if each.user is not None and each.user != actor.user:
            seen.setdefault(str(each.user.public_id), f"{holder_of(each)} · {each.unit.name}")
    return list(seen.items())


@require_http_methods(["GET", "POST"])
def lend(request: ActorRequest) -> HttpResponse:
    """Lend to somebody at hand, or make a one-time link for somebody new, which is shown once."""
    actor = request.actor
    if Act.GRANTS_LEND not in actor.acts:
        raise Forbidden()
    form = LendForm(actor, _holders(actor), request.POST or None, initial={"unit": request.GET.get("unit", "")[:80]})
    context: dict[str, Any] = {"crumbs": [Crumb(label="권한", url=reverse("tree:grants")), Crumb(label="빌려주기")]}
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        offer = Offer(
            unit=typed["unit"], role=Role(typed["role"]), covers_subtree=typed["covers_subtree"], ends_at=form.ends_at(),
            quotas=form.quotas(), label=typed["label"],
            user=User.objects.get(public_id=typed["holder"]) if typed["holder"] else None,
        )  # fmt: skip
        try:
            if offer.user is None:
                invitation, link = services.invite(actor, offer, valid_days=typed["valid_days"])
                return render(request, "tree/invited.html", {**context, "link": link, "invitation": invitation})
            made = services.lend(actor, offer)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "빌려주었습니다.")
            return redirect("tree:grant", made.public_id)
    return answer(request, "tree/lend.html", context, form=form)


@require_http_methods(["GET", "POST"])
def keys(request: ActorRequest) -> HttpResponse:
    """Keys of programs, and a new one, whose secret is shown once."""
    actor = request.actor
    if Act.GRANTS_VIEW not in actor.acts:
        raise Forbidden()
    form = KeyForm(actor, request.POST or None) if Act.GRANTS_LEND in actor.acts else None
    secret = ""
    if request.method == "POST":
        if form is None:
            raise Forbidden()
        if form.is_valid():
            typed = form.cleaned_data
            offer = Offer(unit=typed["unit"], role=Role(typed["role"]), covers_subtree=typed["covers_subtree"])
            try:
                _, secret = services.make_key(actor, offer, typed["label"], form.expires_at())
            except (Invalid, Refusal) as refusal:
                form.add_error(None, str(refusal))
            else:
                form = KeyForm(actor)
    held = queries.grants_in_sight(actor).exclude(api_key=None)
    rows = [{**_row(g), "used": g.api_key.last_used_at if g.api_key else None} for g in held]
    context = {
        "cols": KEY_COLUMNS,
        "rows": rows,
        "secret": secret,
        "crumbs": [Crumb(label="권한", url=reverse("tree:grants")), Crumb(label="키")],
    }
    return answer(request, "tree/keys.html", context, form=form)


@require_safe
def past(request: ActorRequest) -> HttpResponse:
    """Who could do what on a past day, at the units where grants may be seen."""
    actor = request.actor
    if Act.GRANTS_VIEW not in actor.acts:
        raise Forbidden()
    form = DayForm(request.GET or None)
    day = form.cleaned_data["day"] if form.is_valid() else clock.today()
    reach = set(actor.units(Act.GRANTS_VIEW).values_list("pk", flat=True))
    rows = [
        {
            "url": reverse("tree:grant", args=[held.grant.public_id]),
            "holder": holder_of(held.grant),
            "unit": f"{held.unit_name}{' 아래 모두' if held.grant.covers_subtree else ''}",
            "role": Role(held.grant.role).label,
            "until": text.table_day(clock.seoul(held.until_at).date()) if held.until_at else "기한 없음",
            "state": Status(word="활동", tone="ok")
            if held.unit_state == "active"
            else Status(word="정지·닫힘", tone="warn"),
        }
        for held in queries.held_on(actor.root_id, day)
        if held.grant.unit_id in reach
    ]
    context = {
        "day": day,
        "cols": PAST_COLUMNS,
        "rows": rows,
        "crumbs": [Crumb(label="권한", url=reverse("tree:grants")), Crumb(label="지난날")],
    }
    return answer(request, "tree/past.html", context, form=form if request.GET else DayForm(initial={"day": day}))
