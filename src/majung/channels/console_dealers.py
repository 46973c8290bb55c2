"""Pages of dealer accounts: keys, connection and money, profiles, prices, templates, pictures, refusals, test messages."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from majung.channels import accounts, console_trials, queries, services
from majung.channels.adapters.account_calls import Offer
from majung.channels.adapters.base import Adapter, Direct
from majung.channels.adapters.limits import CannotSay
from majung.channels.adapters.registry import ADAPTERS
from majung.channels.adapters.terms import Kind, Message
from majung.channels.console import actor_of
from majung.channels.enums import JobKind, JobState, MessageKind, Mode, TemplateState
from majung.channels.errors import NoKeys
from majung.channels.forms import AccountEditForm, AccountForm, PictureForm, PriceForm, ProfilesForm, TrialForm
from majung.channels.models import AccountJob, Channel, DealerAccount, Picture, Template
from majung.channels.services.pictures import LARGEST_BYTES
from majung.channels.services.profiles import LARGEST_FILE, Imported
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Conflict, Invalid, NotYours, OverQuota
from majung.core.money import centiwon, won
from majung.people.imports.reader import Unreadable
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.values import Crumb

ASKABLE = {JobKind.CHECK, JobKind.TEMPLATES, JobKind.PROFILES, JobKind.PRICES, JobKind.BLOCKS}
_TEMPLATE_TONES = {
    TemplateState.APPROVED: "ok", TemplateState.REJECTED: "danger", TemplateState.INSPECTING: "doubt", TemplateState.GONE: "warn",
}  # fmt: skip


def _mine(request: HttpRequest, public_id: UUID) -> tuple[Actor, DealerAccount]:
    actor = actor_of(request, Act.CHANNELS_VIEW)
    return actor, queries.account_of(actor, public_id, Act.CHANNELS_MANAGE)


def _under(account: DealerAccount, page: str) -> list[Crumb]:
    here = Crumb(label=account.name, url=reverse("channels:dealer", args=[account.public_id]))
    return [Crumb(label="대행사", url=reverse("channels:dealers")), here, Crumb(label=page)]


@require_GET
def dealers(request: HttpRequest) -> HttpResponse:
    """The accounts in hand."""
    actor = actor_of(request, Act.CHANNELS_MANAGE)
    found = list(queries.accounts_of(actor, Act.CHANNELS_MANAGE))
    context = {"accounts": found, "adapters": _names(), "crumbs": [Crumb(label="대행사")]}
    return render(request, "channels/dealers.html", context)


def _names() -> dict[str, str]:
    return {code: made.name for code, made in ADAPTERS.items()}


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new account of the chosen dealer; its keys are sealed at once and the dealer asked in the background."""
    actor = actor_of(request, Act.CHANNELS_MANAGE)
    chosen = request.POST.get("adapter") or request.GET.get("adapter") or "solapi"
    if (dealer := ADAPTERS.get(chosen)) is None:
        raise NotYours()
    form = AccountForm(request.POST or None, units=actor.units(Act.CHANNELS_MANAGE), dealer=dealer)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = services.add_account(
                actor, said["unit"], name=said["name"], adapter=said["adapter"], mode=Mode(said["mode"]),
                refusal_number=said.get("refusal_number", ""), **_credentials(dealer, said),
            )  # fmt: skip
        except (Invalid, Conflict) as refusal:
            form.add_error(None, str(refusal))
        else:
            services.ask(actor, made, JobKind.CHECK)
            messages.success(request, "계정을 더했습니다. 연결을 확인하고 있습니다.")
            return redirect("channels:dealer", made.public_id)
    context = {
        "form": form,
        "title": "대행사 계정 더하기",
        "tabs": [
            {"label": made.name, "url": f"{reverse('channels:dealer_new')}?adapter={code}", "active": code == chosen}
            for code, made in ADAPTERS.items()
        ],
        "crumbs": [Crumb(label="대행사", url=reverse("channels:dealers")), Crumb(label="더하기")],
    }
    return render(request, "channels/form.html", context, status=422 if form.errors else 200)


def _credentials(dealer: type[Adapter], said: dict[str, Any]) -> dict[str, Any]:
    """What was typed into the fields of the dealer's credentials, as the services take it."""
    given = {one.name: said[one.name] for one in dealer.credentials}
    key, secret = given.pop("key", ""), given.pop("secret", "")
    return {"key": key, "secret": secret, "more": given}


@require_GET
def dealer(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One account with everything about it."""
    actor, account = _mine(request, public_id)
    return _page(request, actor, account)


def _page(
    request: HttpRequest, actor: Actor, account: DealerAccount, *, status: int = 200, **said: Any
) -> HttpResponse:
    today = clock.today()
    made = ADAPTERS[account.adapter]
    paid = accounts.prices_on(raw(), account.pk, today)
    profiles = list(_profiles(actor, account))
    prices = [
        {"label": kind.label, "now": paid.get(kind.value), "dated": [p for p in account.prices.all() if p.kind == kind]}
        for kind in MessageKind
        if Kind(kind.value) in made.kinds
    ]
    context = {
        "dealer": account, "adapter_name": _names().get(account.adapter, account.adapter),
        "live_mode": queries.mode_of(account), "jobs": queries.jobs_of(account), "is_busy": _is_busy(account),
        "senders": list(account.senders.order_by("-is_default", "number")), "prices": prices,
        "profile_count": len(profiles), "profiles": profiles[:5],
        "missing": _channels(actor).exclude(pk__in=[p.channel_id for p in profiles]).count(),
        "template_count": Template.objects.filter(account=account).count(),
        "pictures": list(Picture.objects.filter(account=account).defer("content", "preview")[:8]),
        "report_url": f"{settings.INGEST_URL.rstrip('/')}/r/{account.report_token}",
        "is_low": bool(account.low_balance_centiwon) and (account.balance_centiwon or 0) < account.low_balance_centiwon,
        **console_trials.panel(actor, account),
        "crumbs": [Crumb(label="대행사", url=reverse("channels:dealers")), Crumb(label=account.name)],
        "sends_at_once": issubclass(made, Direct),
        "tells_results": not issubclass(made, Direct) or any(one.reports for one in made.abilities.values()),
        "lacks": list(dict.fromkeys(made.not_offered[one] for one in Offer if not made.offers(one))),
        "is_for_letters": set(made.kinds) == {Kind.EMAIL},
        "offers": {one.value: made.offers(one) for one in Offer},
        "trial_form": TrialForm(channels=_with_profile(actor, account)),
        "price_form": PriceForm(initial={"valid_from": today.isoformat(), "kind": MessageKind.BRAND}),
        "profiles_form": ProfilesForm(), "picture_form": PictureForm(), **said,
    }  # fmt: skip
    return render(request, "channels/dealer.html", context, status=status)


def _channels(actor: Actor) -> Any:
    return Channel.objects.filter(root_id=actor.root_id, unit__in=actor.units(Act.CHANNELS_MANAGE))


def _with_profile(actor: Actor, account: DealerAccount) -> Any:
    return queries.channels_of(actor).filter(profiles__account=account)


def _profiles(actor: Actor, account: DealerAccount) -> Any:
    seen = account.profiles.filter(channel__unit__in=actor.units(Act.CHANNELS_VIEW))
    return seen.select_related("channel__unit").order_by("channel__unit__path", "pk")


def _is_busy(account: DealerAccount) -> bool:
    return AccountJob.objects.filter(account=account, state=JobState.ASKED).exists()


@require_GET
def jobs(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """What was asked of the dealer, again and again while something is open."""
    _, account = _mine(request, public_id)
    context = {"dealer": account, "jobs": queries.jobs_of(account), "is_busy": _is_busy(account)}
    response = render(request, "channels/dealer.html#jobs", context)
    if not context["is_busy"]:
        response["HX-Refresh"] = "true"  # the figures beside it have changed
    return response


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Name, 080 number, certificate, mark of low balance, new keys."""
    actor, account = _mine(request, public_id)
    first = {
        "name": account.name, "refusal_number": account.refusal_number, "sender_certificate": account.sender_certificate,
        "low_balance": won(account.low_balance_centiwon) or None,
    }  # fmt: skip
    dealer = ADAPTERS[account.adapter]
    form = AccountEditForm(request.POST or None, initial=first, dealer=dealer)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            services.change_account(
                actor, account, name=said["name"], refusal_number=said["refusal_number"],
                sender_certificate=said["sender_certificate"], low_balance_centiwon=centiwon(said["low_balance"] or 0),
                **(keys := _credentials(dealer, said)),
            )  # fmt: skip
        except (Invalid, Conflict) as refusal:
            form.add_error(None, str(refusal))
        else:
            if any([keys["key"], *keys["more"].values()]):
                services.ask(actor, account, JobKind.CHECK)
            messages.success(request, "저장했습니다.")
            return redirect("channels:dealer", account.public_id)
    context = {
        "form": form, "title": f"{account.name} 고치기", "live_mode": queries.mode_of(account),
        "crumbs": _under(account, "고치기"),
    }  # fmt: skip
    return render(request, "channels/form.html", context, status=422 if form.errors else 200)


@require_POST
def close(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Nothing more leaves through the account; its keys are destroyed."""
    actor, account = _mine(request, public_id)
    services.close_account(actor, account)
    messages.success(request, "계정을 닫고 키를 지웠습니다.")
    return redirect("channels:dealer", account.public_id)


@require_POST
def ask(request: HttpRequest, public_id: UUID, kind: str) -> HttpResponse:
    """Ask the dealer something."""
    actor, account = _mine(request, public_id)
    if kind not in ASKABLE:
        raise NotYours()
    services.ask(actor, account, JobKind(kind))
    return redirect("channels:dealer", account.public_id)


@require_http_methods(["GET", "POST"])
def profiles(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """All profile ids of the account; a list of more of them."""
    actor, account = _mine(request, public_id)
    form = ProfilesForm(request.POST or None, request.FILES or None)
    done: Imported | None = None
    if request.method == "POST" and form.is_valid():
        try:
            done = services.import_profiles(actor, account, form.cleaned_data["file"].read(LARGEST_FILE + 1))
        except (Invalid, Unreadable) as refusal:
            form.add_error("file", str(refusal))
    held = _profiles(actor, account)
    known = held.values("channel_id")
    context = {
        "dealer": account, "form": form, "done": done, "profiles": held, "live_mode": queries.mode_of(account),
        "missing": _channels(actor).exclude(pk__in=known).select_related("unit").order_by("unit__path")[:300],
        "crumbs": _under(account, "발신 프로필"),
    }  # fmt: skip
    status = 422 if form.errors else 200
    return render(request, "channels/profiles.html", context, status=status)


@require_POST
def prices(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A price from a day on."""
    actor, account = _mine(request, public_id)
    form = PriceForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            services.set_price(actor, account, MessageKind(said["kind"]), form.centiwon(), said["valid_from"])
        except Invalid as refusal:
            form.add_error("won", str(refusal))
    if form.errors:
        return _page(request, actor, account, status=422, price_form=form)
    messages.success(request, "값을 저장했습니다.")
    return redirect(f"{reverse('channels:dealer', args=[account.public_id])}#prices")


@require_GET
def templates(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Templates as the dealer last told them."""
    _, account = _mine(request, public_id)
    found = [
        {"template": one, "tone": _TEMPLATE_TONES.get(TemplateState(one.state), "")}
        for one in queries.templates_of(account)
    ]
    context = {
        "dealer": account, "rows": found, "live_mode": queries.mode_of(account),
        "crumbs": _under(account, "템플릿"),
    }  # fmt: skip
    return render(request, "channels/templates.html", context)


@require_POST
def pictures(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A picture is looked at and handed to the dealer in the background."""
    actor, account = _mine(request, public_id)
    form = PictureForm(request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            services.add_picture(actor, account, file.name, file.read(LARGEST_BYTES + 1))
        except Invalid as refusal:
            form.add_error("file", str(refusal))
    if form.errors:
        return _page(request, actor, account, status=422, picture_form=form)
    messages.success(request, "그림을 대행사에 올리고 있습니다.")
    return redirect(f"{reverse('channels:dealer', args=[account.public_id])}#pictures")


@require_POST
def trial(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A test message to one's own number; or that number asked for, confirmed, forgotten."""
    actor, account = _mine(request, public_id)
    form = TrialForm(request.POST, channels=_with_profile(actor, account))
    here = f"{reverse('channels:dealer', args=[account.public_id])}#trial"
    if request.POST.get("do") in console_trials.ACTS:
        try:
            messages.success(request, console_trials.act(request, actor, account))
        except (Invalid, OverQuota, NoKeys) as refusal:
            messages.error(request, str(refusal))
        return redirect(here)
    if form.is_valid():
        said = form.cleaned_data
        try:
            services.send_trial(actor, account, Kind(said["kind"]), Message(text=said["text"]), channel=said["channel"])
        except CannotSay as refusal:
            form.add_error("text", str(refusal))
        except (Invalid, OverQuota, NoKeys) as refusal:
            form.add_error(None, str(refusal))
    if form.errors:
        return _page(request, actor, account, status=422, trial_form=form)
    messages.success(request, "시험 발송을 부탁했습니다.")
    return redirect(here)
