"""The wizard: 대상 → 내용 → 점검 → 보내기. Every step keeps what was typed and works without script."""

import uuid
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from majung.audience import console as builder
from majung.audience import counts, criteria
from majung.audience import queries as audience_queries
from majung.audience import services as audience
from majung.audience.errors import CannotAsk
from majung.campaigns import fallback, forms, message, plan, report, services
from majung.campaigns.console.base import actor_of, crumbs, live_mode, seen, steps, uuid_of
from majung.campaigns.enums import WRITABLE, Kind
from majung.campaigns.errors import CannotWrite, SaidAlready
from majung.campaigns.fallback import Instead
from majung.campaigns.models import Campaign
from majung.campaigns.services.writing import type_in
from majung.channels import console_trials
from majung.channels import services as services_of_channels
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.terms import Printer
from majung.channels.enums import TemplateState
from majung.channels.models import Channel, DealerAccount, Picture, Template
from majung.core import clock
from majung.core.errors import Forbidden, Refusal
from majung.policy.times import KAKAO_FROM, KAKAO_UNTIL
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.values import Crumb

OPENS, CLOSES = KAKAO_FROM, KAKAO_UNTIL
ALWAYS = time(0), time(23, 59)


def writing(request: HttpRequest, public_id: uuid.UUID) -> tuple[Actor, Campaign] | HttpResponse:
    """The campaign while it is written; afterwards the way to its page."""
    actor, campaign = seen(request, public_id, Act.CAMPAIGNS_WRITE)
    if campaign.state not in WRITABLE:
        return redirect("campaigns:campaign", campaign.public_id)
    return actor, campaign


def page(campaign: Campaign, step: str, **more: Any) -> dict[str, Any]:
    """The context every step shares."""
    return {
        "campaign": campaign,
        "steps": steps(campaign, step),
        "crumbs": crumbs(None, Crumb(label=campaign.title)),
        "live_mode": live_mode(campaign),
        **more,
    }


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Who speaks, and what the message is called."""
    actor = actor_of(request)
    if Act.CAMPAIGNS_WRITE not in actor.acts:
        raise Forbidden()
    problem = ""
    if request.method == "POST":
        unit = actor.unit(uuid_of(request.POST.get("unit", "")), Act.CAMPAIGNS_WRITE)
        try:
            campaign = services.draft(actor, unit, title=request.POST.get("title", ""))
        except CannotWrite as refusal:
            problem = str(refusal)
        else:
            return redirect("campaigns:audience", campaign.public_id)
    context = {
        "units": actor.units(Act.CAMPAIGNS_WRITE), "title": request.POST.get("title", ""), "problem": problem,
        "crumbs": crumbs(None, Crumb(label="새 메시지")),
    }  # fmt: skip
    return render(request, "campaigns/new.html", context, status=422 if problem else 200)


@login_required
@require_http_methods(["GET", "POST"])
def audience_step(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Step 1: scope in the tree and criteria, with a count as one edits."""
    found = writing(request, public_id)
    if isinstance(found, HttpResponse):
        return found
    actor, campaign = found
    scope, segment = campaign.scope, campaign.segment
    problem = ""
    if request.method == "POST":
        scope = actor.unit(uuid_of(request.POST.get("scope", "")), Act.CAMPAIGNS_WRITE)
        picked = uuid_of(request.POST.get("segment", ""))
        segment = audience_queries.segment(actor, picked) if picked else None
        if request.POST.get("do") == "load" and segment is not None:
            group = audience.parse(segment.criteria)
        else:
            group = builder.pressed(request.POST, builder.read(request.POST))
        if "do" not in request.POST:
            try:
                services.edit_audience(actor, campaign, scope=scope, group=group, segment=segment)
            except (CannotWrite, CannotAsk) as refusal:
                problem = str(refusal)
            else:
                return redirect("campaigns:words", campaign.public_id)
    else:
        group = audience.parse(campaign.criteria)
    here = reverse("campaigns:audience", args=[campaign.public_id])
    looked = plan.look_up(campaign, lambda unit: actor.may(Act.CAMPAIGNS_WRITE, unit), clock.now())
    drawn = builder.builder_context(
        actor, scope, group, url=here, act=Act.CAMPAIGNS_WRITE, speaker=campaign.unit, occasion=looked.occasion
    )
    target = request.headers.get("HX-Target")
    if target == "count":
        return render(request, "audience/builder.html#count", drawn)
    if target == "builder":
        return render(request, "audience/builder.html", drawn)
    context = page(
        campaign, "audience", scope=scope, segment=segment, problem=problem, scopes=actor.units(Act.CAMPAIGNS_WRITE),
        segments=audience_queries.segments(actor)[:100] if Act.SEGMENTS_WRITE in actor.acts else (),
        everyone=criteria.EVERYONE, **drawn,
    )  # fmt: skip
    return render(request, "campaigns/audience.html", context, status=422 if problem else 200)


@login_required
@require_http_methods(["GET", "POST"])
def words_step(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Step 2: the message, with the phone beside it."""
    found = writing(request, public_id)
    if isinstance(found, HttpResponse):
        return found
    actor, campaign = found
    problem = ""
    if request.method == "POST":
        try:
            campaign = services.edit_words(actor, campaign, forms.wording(request.POST))
        except CannotWrite as refusal:
            problem = str(refusal)
        else:
            do = request.POST.get("do")
            if do == "keep":
                messages.success(request, "쓰던 내용을 저장했습니다.")
                return redirect("campaigns:words", campaign.public_id)
            if do == "try" or do in console_trials.ACTS:
                _try_out(request, actor, campaign)
                return redirect(f"{reverse('campaigns:words', args=[campaign.public_id])}#trial")
            services.check(actor, campaign)
            to = "fallback" if do == "fallback" and campaign.may_fall_back else "check"
            return redirect(f"campaigns:{to}", campaign.public_id)
    context = page(
        campaign, "words", problem=problem, typed=forms.typed(request.POST if problem else None, campaign),
        purposes=forms.purposes(), kinds=forms.kinds(), variables=message.MEANINGS.items(),
        button_types=message.BUTTON_TYPES.items(), signs=campaign.estimate.get("signs", []), **_picks(campaign),
        **console_trials.panel(actor, campaign.account), **phone(actor, campaign),
    )  # fmt: skip
    return render(request, "campaigns/words.html", context, status=422 if problem else 200)


def _try_out(request: HttpRequest, actor: Actor, campaign: Campaign) -> None:
    """A test message of the words just kept to one's own number, or that number asked for and confirmed (M1, T5)."""
    if campaign.account is None:
        messages.error(request, "시험으로 보낼 대행사 계정을 먼저 골라 주세요.")
        return
    try:
        if request.POST.get("do") == "try":
            _send_trial(actor, campaign, campaign.account)
            said = "쓰던 내용을 저장하고 시험 발송을 맡겼습니다. 결과는 아래에 나타납니다."
        else:
            said = console_trials.act(request, actor, campaign.account, campaign.unit)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)


def _send_trial(actor: Actor, campaign: Campaign, account: DealerAccount) -> None:
    """As an invented person sees it, from the sending unit's own channel where it has one, else from the first of the scope."""
    looked = plan.look_up(campaign, lambda unit: actor.may(Act.CAMPAIGNS_WRITE, unit), clock.now())
    numbers = [local.channel_id for local in looked.template.locals]
    own = Channel.objects.filter(pk__in=numbers, unit=campaign.unit).order_by("pk").first()
    channel = own or Channel.objects.filter(pk=numbers[0]).first()
    words = message.seen_by(looked.template, channel.pk if channel else numbers[0], message.INVENTED_NAME)
    services_of_channels.send_trial(
        actor, account, looked.template.kind, words, channel=channel, writing_at=campaign.unit
    )


def _picks(campaign: Campaign) -> dict[str, Any]:
    accounts = plan.usable_accounts(campaign.unit)
    return {
        "accounts": accounts,
        "templates": Template.objects.filter(account__in=accounts, state=TemplateState.APPROVED),
        "pictures": Picture.objects.filter(account__in=accounts).defer("preview")[:60],
    }


@login_required
@require_POST
def preview(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The phone as the words stand in the form; nothing is kept."""
    found = writing(request, public_id)
    if isinstance(found, HttpResponse):
        return found
    actor, campaign = found
    try:
        type_in(campaign, forms.wording(request.POST))
    except CannotWrite as refusal:
        return render(request, "campaigns/_phone.html", {"campaign": campaign, "unreadable": str(refusal)})
    shown = phone(actor, campaign, name="" if request.POST.get("as") == "nameless" else message.INVENTED_NAME)
    return render(request, "campaigns/_phone.html", {"campaign": campaign, **shown})


def phone(actor: Actor, campaign: Campaign, *, name: str = message.INVENTED_NAME) -> dict[str, Any]:
    """What an invented person sees from the first channel, how long it is, and what is wrong with it (M1, T5)."""
    act = Act.CAMPAIGNS_SEND if actor.may(Act.CAMPAIGNS_SEND, campaign.unit) else Act.CAMPAIGNS_WRITE
    found = plan.look_up(campaign, lambda unit: actor.may(act, unit), clock.now())
    first = found.template.locals[0]
    shown = message.seen_by(found.template, first.channel_id, name)
    return {
        "bubble": shown,
        "bubble_buttons": [button.name for button in shown.buttons],
        "speaker": first.channel,
        "is_text": campaign.kind in (Kind.SMS, Kind.LMS, Kind.EMAIL),
        "is_ad": campaign.purpose == "ADVERTISING" or found.facts.label is Printer.MESSENGER,
        "sender": found.template.sender,
        "size": message.size(found.facts, found.template),
        "button_limit": found.facts.buttons,
        "message_problems": [*found.lacking, *message.problems(found.facts, found.template)],
        "as_nameless": not name,
        "today": clock.now(),
        "text_instead": text_shown(found.instead, first.channel_id, name),
    }


def text_shown(instead: Instead | None, channel_id: int, name: str) -> dict[str, Any] | None:
    """The text that goes instead as the same person sees it, and how long it gets; None when there is none."""
    if instead is None:
        return None
    shown = message.seen_by(instead.template, channel_id, name)
    return {
        "text": shown.text, "subject": shown.subject, "sender": instead.template.sender, "size": instead.size,
        "kind": fallback.KIND_WORDS[instead.template.kind], "unit_centiwon": instead.unit_centiwon,
        "reasons": fallback.words_of(instead.reasons), "problems": instead.problems(),
    }  # fmt: skip


@login_required
@require_http_methods(["GET", "POST"])
def check_step(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Step 3: who is left out and why, what it costs, when it may leave, what stands in the way. A POST checks again."""
    found = writing(request, public_id)
    if isinstance(found, HttpResponse):
        return found
    actor, campaign = found
    if request.method == "POST":
        services.check(actor, campaign)
        return redirect("campaigns:check", campaign.public_id)
    if campaign.checked_at is None:
        return render(request, "campaigns/unchecked.html", page(campaign, "check"))
    context = page(campaign, "check", **result(actor, campaign), **phone(actor, campaign))
    return render(request, "campaigns/check.html", context)


def result(actor: Actor, campaign: Campaign) -> dict[str, Any]:
    """The kept check as the actor may know it."""
    kept, sight = campaign.estimate, counts.sight(actor, campaign.scope)
    rows = report.left_out(actor, campaign)
    money = kept["money"]
    left = sum(kept["left_out"].values())
    told = {"audience": counts.told(kept["audience"], sight), "left": counts.part(left, sight),
            "planned": counts.told(kept["planned"], sight)}  # fmt: skip
    is_kakao = campaign.kind in (Kind.BRAND, Kind.HAND)
    if sight == "blind":
        money = coarse(money, told["planned"].number or 0, kept["planned"])
    budget = money["budget_left_centiwon"]
    return {
        "told": told, "instead": kept["instead"] and _text_words(kept["instead"]), "dearer": _dearer(money),
        "rows": rows, "widest": max((row.weight for row in rows), default=0), "money": money,
        "saving": money["lms_centiwon"] - money["worst_centiwon"], "is_blind": sight == "blind",
        "budget_after": None if budget is None else budget - money["worst_centiwon"],
        "problems": kept["problems"], "signs": kept["signs"], "channels": kept["channels"],
        "until": kept["until"] and datetime.fromisoformat(kept["until"]),
        "gate_words": report.words_of(kept["gate_code"], kept["turned_to"]) if kept["verdict"] != "allow" else None,
        "turned": kept["turned_to"] != campaign.purpose, "opens": OPENS if is_kakao else ALWAYS[0],
        "closes": CLOSES if is_kakao else ALWAYS[1], "may_send": not kept["problems"],
    }  # fmt: skip


def _dearer(money: Mapping[str, Any]) -> int:
    """What one person costs at worst."""
    return max(int(money["unit_centiwon"]), int(money["text_centiwon"]))


def _text_words(kept: Mapping[str, Any]) -> dict[str, Any]:
    reasons = fallback.words_of([Outcome[name] for name in kept["reasons"]])
    return {**kept, "kind": fallback.KIND_WORDS[kept["kind"]], "reasons": reasons}


def coarse(money: Mapping[str, Any], told: int, planned: int) -> dict[str, Any]:
    """Money as the blind may know it: of the rounded people, and what is left in whole 10,000 won (T5)."""
    rough = dict(money)
    rough["cost_centiwon"] = money["unit_centiwon"] * told
    rough["worst_centiwon"] = max(money["unit_centiwon"], money["text_centiwon"]) * told
    rough["lms_centiwon"] = money["lms_centiwon"] // planned * told if planned else 0
    for name in ("budget_left_centiwon", "grant_left_centiwon"):
        if rough[name] is not None:
            rough[name] = rough[name] // 1_000_000 * 1_000_000
    if rough["messages_left"] is not None:
        rough["messages_left"] = rough["messages_left"] // 10 * 10
    return rough


@login_required
@require_http_methods(["GET", "POST"])
def send_step(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Step 4: now or at an hour, and the press that sends. A changed hour is checked again before it is confirmed."""
    found = writing(request, public_id)
    if isinstance(found, HttpResponse):
        return found
    actor, campaign = found
    if campaign.checked_at is None:
        return redirect("campaigns:check", campaign.public_id)
    problem, again = "", False
    if request.method == "POST":
        try:
            _send(request, actor, campaign)
        except SaidAlready as refusal:
            problem, again = str(refusal), True
        except Refusal as refusal:
            problem = str(refusal)
        else:
            return redirect("campaigns:campaign", campaign.public_id)
        campaign.refresh_from_db()
        if campaign.checked_at is None:
            return redirect("campaigns:check", campaign.public_id)
    at = clock.seoul(campaign.send_at) if campaign.send_at else None
    context = page(
        campaign, "send", problem=problem, again=again, recalls=forms.RECALLS, at=at,
        today=clock.today().isoformat(), **result(actor, campaign),
    )  # fmt: skip
    return render(request, "campaigns/send.html", context, status=409 if problem else 200)


def _send(request: HttpRequest, actor: Actor, campaign: Campaign) -> None:
    send_at, recall = forms.hour(request.POST)
    if (send_at, recall) != (campaign.send_at, campaign.recall_seconds):
        actor.require(Act.CAMPAIGNS_SEND, campaign.unit)
        services.edit_hour(actor, campaign, send_at=send_at, recall_seconds=recall)
        services.check(actor, campaign)
    services.confirm(actor, campaign, again=bool(request.POST.get("again")))
