"""Pages of channels and Kakao apps: the board of health, a channel with its checklist, keys and webhook addresses."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from majung.channels import queries, services
from majung.channels.enums import STEP_HELP, ChannelKind, ChannelState, Reach, Step
from majung.channels.forms import AppForm, AppKeyForm, ChannelForm, StepForm
from majung.channels.models import Channel, KakaoApp
from majung.channels.services.channels import ChannelFacts
from majung.core import clock
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.values import Crumb, Figure

PER_PAGE = 50


def actor_of(request: HttpRequest, act: Act) -> Actor:
    """The actor, to whom ``act`` was lent somewhere. Raises Forbidden."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None or act not in actor.acts:
        raise Forbidden()
    return actor


def webhook_url(app: KakaoApp) -> str:
    """The address to enter in the app's console: whoever knows it may knock, so only managers see it."""
    return f"{settings.INGEST_URL.rstrip('/')}/k/{app.path_token}"


# ── channels ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Every channel in sight with its health, worst first when asked."""
    actor = actor_of(request, Act.CHANNELS_VIEW)
    found = list(queries.channels_of(actor))
    health = queries.health_of(found)
    words: dict[str, int] = {}
    for one in health.values():
        words[one.word] = words.get(one.word, 0) + 1
    question, chosen = request.GET.get("q", "").strip()[:40], request.GET.get("health", "")
    shown = [
        c for c in found
        if (not chosen or health[c.pk].word == chosen)
        and (not question or question in c.name or question in c.unit.name or question in c.search_id)
    ]  # fmt: skip
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    counts = queries.friends_of(page.object_list)
    rows = [
        {
            "channel": c,
            "health": health[c.pk],
            "friends": counts.get(c.pk, (0, 0))[0],
            "blocked": counts.get(c.pk, (0, 0))[1],
        }
        for c in page.object_list
    ]
    context = {
        "page": page, "rows": rows, "question": question, "chosen": chosen, "chips": _chips(words, chosen, len(found)),
        "figures": _figures(health), "may_manage": Act.CHANNELS_MANAGE in actor.acts, "total": len(found),
        "is_blind": actor.is_blind, "crumbs": [Crumb(label="채널")],
    }  # fmt: skip
    template = "channels/board.html#rows" if request.headers.get("HX-Target") == "list" else "channels/board.html"
    return render(request, template, context)


def _chips(words: dict[str, int], chosen: str, total: int) -> list[dict[str, Any]]:
    """One press to the channels in one state; the fullest state first."""
    here = reverse("channels:list")
    states = [
        {"label": word, "url": f"{here}?{urlencode({'health': word})}", "count": count, "active": word == chosen}
        for word, count in sorted(words.items(), key=lambda pair: -pair[1])
    ]
    return [{"label": "모두", "url": here, "count": total, "active": not chosen}, *states] if len(words) > 1 else []


def _figures(health: dict[int, queries.Health]) -> list[Figure]:
    def count(test: str) -> str:
        return f"{sum(getattr(one, test) for one in health.values()):,}"

    done = sum(one.steps_done >= one.steps for one in health.values())
    return [
        Figure(label="채널", value=f"{len(health):,}", unit="곳"),
        Figure(label="앱에 연결", value=count("linked"), unit="곳"),
        Figure(label="알림이 온 채널", value=count("heard"), unit="곳"),
        Figure(label="발신 프로필", value=count("profile"), unit="곳"),
        Figure(label="할 일을 마침", value=f"{done:,}", unit="곳"),
    ]


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new channel."""
    actor = actor_of(request, Act.CHANNELS_MANAGE)
    form = ChannelForm(
        request.POST or None, units=actor.units(Act.CHANNELS_MANAGE), apps=queries.apps_of(actor, Act.CHANNELS_MANAGE)
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = services.add_channel(actor, form.cleaned_data["unit"], _facts(form))
        except (Invalid, Conflict) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "채널을 더했습니다. 남은 일을 차례로 해 주세요.")
            return redirect("channels:channel", made.public_id)
    return _form(
        request,
        form,
        title="채널 더하기",
        crumbs=[Crumb(label="채널", url=reverse("channels:list")), Crumb(label="더하기")],
    )


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A channel's facts."""
    actor = actor_of(request, Act.CHANNELS_VIEW)
    found = queries.channel_of(actor, public_id, Act.CHANNELS_MANAGE)
    apps = queries.apps_of(actor).filter(entity_id=found.unit.entity_id)
    names = ("name", "search_id", "profile_id", "kind", "reach", "kakao_app", "state", "counted_friends")
    form = ChannelForm(
        request.POST or None, units=actor.units(Act.CHANNELS_MANAGE), apps=apps, channel=found,
        initial={name: getattr(found, name) for name in names},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            services.change_channel(actor, found, _facts(form, found))
        except (Invalid, Conflict) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "저장했습니다.")
            return redirect("channels:channel", found.public_id)
    crumbs = [
        Crumb(label="채널", url=reverse("channels:list")),
        Crumb(label=found.name, url=reverse("channels:channel", args=[found.public_id])),
    ]
    return _form(request, form, title=f"{found.name} 고치기", crumbs=[*crumbs, Crumb(label="고치기")])


def _facts(form: ChannelForm, before: Channel | None = None) -> ChannelFacts:
    said = form.cleaned_data
    count = said["counted_friends"]
    same = before is not None and before.counted_friends == count
    return ChannelFacts(
        name=said["name"], profile_id=said["profile_id"], search_id=said["search_id"], kind=ChannelKind(said["kind"]),
        reach=Reach(said["reach"]), state=ChannelState(said["state"]), kakao_app=said["kakao_app"], counted_friends=count,
        counted_on=None if count is None else before.counted_on if same and before is not None else clock.today(),
    )  # fmt: skip


def _form(request: HttpRequest, form: Any, *, title: str, crumbs: list[Crumb], **more: Any) -> HttpResponse:
    context = {"form": form, "title": title, "crumbs": crumbs, **more}
    return render(request, "channels/form.html", context, status=422 if form.errors else 200)


@require_GET
def channel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One channel: health, checklist of steps by hand, addresses to hand out, dealers that know it."""
    actor = actor_of(request, Act.CHANNELS_VIEW)
    return _channel(request, actor, queries.channel_of(actor, public_id))


def _channel(
    request: HttpRequest, actor: Actor, found: Channel, form: StepForm | None = None, at: str = "", status: int = 200
) -> HttpResponse:
    done = {one.step: one for one in found.steps.select_related("done_by")}
    health = queries.health_of([found])[found.pk]
    seen = queries.seen_done(found.heard_at is not None, health.profile)
    steps = [
        {
            "is_seen": step in seen, "code": step.value, "label": step.label, "help": STEP_HELP[step], "done": done.get(step.value),
            "form": form if form is not None and at == step.value else StepForm(prefix=None),
            "is_open": at == step.value,
        }
        for step in Step
    ]  # fmt: skip
    app = found.kakao_app
    context = {
        "channel": found, "health": health, "steps": steps,
        "done": health.steps_done, "friends": queries.friends_of([found]).get(found.pk, (0, 0)),
        "may_manage": actor.may(Act.CHANNELS_MANAGE, found.unit), "is_blind": actor.is_blind,
        "webhook": webhook_url(app) if app is not None and actor.may(Act.CHANNELS_MANAGE, app.unit) else "",
        "may_see_app": app is not None and actor.may(Act.CHANNELS_MANAGE, app.unit),
        "profiles": [
            p for p in found.profiles.select_related("account__unit") if actor.may(Act.CHANNELS_MANAGE, p.account.unit)
        ],
        "crumbs": [Crumb(label="채널", url=reverse("channels:list")), Crumb(label=found.name)],
    }  # fmt: skip
    return render(request, "channels/channel.html", context, status=status)


@require_POST
def step(request: HttpRequest, public_id: UUID, step: str) -> HttpResponse:
    """Tick a step with a note, or (``undo``) open it again."""
    actor = actor_of(request, Act.CHANNELS_VIEW)
    found = queries.channel_of(actor, public_id, Act.CHANNELS_MANAGE)
    if step not in Step.values:
        raise NotYours()
    form = StepForm(request.POST)
    if "undo" in request.POST:
        services.untick(actor, found, Step(step))
    elif form.is_valid():
        try:
            services.tick(actor, found, Step(step), form.cleaned_data["note"])
        except Invalid as refusal:
            form.add_error("note", str(refusal))
    if form.errors:
        return _channel(request, actor, found, form, step, status=422)
    return redirect(f"{reverse('channels:channel', args=[found.public_id])}#step-{step}")


@require_GET
def picture(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The small JPEG of a picture."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]
    if actor is None:
        raise NotYours()
    found = queries.picture_of(actor, public_id)
    return HttpResponse(
        bytes(found.preview), content_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"}
    )


# ── Kakao apps ───────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "POST"])
def apps(request: HttpRequest) -> HttpResponse:
    """The Kakao apps of the legal entities in hand, and a new one."""
    actor = actor_of(request, Act.CHANNELS_MANAGE)
    form = AppForm(request.POST or None, units=actor.units(Act.CHANNELS_MANAGE))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = services.add_app(actor, said["unit"], said["name"], said["admin_key"])
        except (Invalid, Conflict) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "앱을 더했습니다. 아래 주소를 카카오 앱의 채널 웹훅에 넣어 주세요.")
            return redirect("channels:app", made.public_id)
    found = queries.apps_of(actor, Act.CHANNELS_MANAGE)
    context = {
        "apps": found,
        "form": form,
        "crumbs": [Crumb(label="채널", url=reverse("channels:list")), Crumb(label="카카오 앱")],
    }
    return render(request, "channels/apps.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def app(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One Kakao app: the webhook address, its channels, a new key."""
    actor = actor_of(request, Act.CHANNELS_VIEW)
    found = queries.app_of(actor, public_id, Act.CHANNELS_MANAGE)
    form = AppKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_key(actor, found, form.cleaned_data["admin_key"])
        except Invalid as refusal:
            form.add_error("admin_key", str(refusal))
        else:
            messages.success(request, "키를 바꾸었습니다.")
            return redirect("channels:app", found.public_id)
    above = [Crumb(label="채널", url=reverse("channels:list")), Crumb(label="카카오 앱", url=reverse("channels:apps"))]
    context = {
        "app": found, "form": form, "webhook": webhook_url(found),
        "channels": queries.channels_of(actor).filter(kakao_app=found),
        "crumbs": [*above, Crumb(label=found.name)],
    }  # fmt: skip
    return render(request, "channels/app.html", context, status=422 if form.errors else 200)
