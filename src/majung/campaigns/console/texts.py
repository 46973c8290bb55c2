"""The step of the wizard that writes the text instead: for which reasons, how long it gets, what it may cost (M7)."""

import uuid
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from majung.audience import counts
from majung.campaigns import fallback, forms, message, services
from majung.campaigns.console.wizard import page, phone, writing
from majung.campaigns.errors import CannotWrite
from majung.campaigns.models import Campaign
from majung.campaigns.services.writing import type_text
from majung.tree.actor import Actor


@login_required
@require_http_methods(["GET", "POST"])
def fallback_step(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Whether a text goes to whom KakaoTalk does not reach; checked again when it is kept, because it changes the cost."""
    found = writing(request, public_id)
    if isinstance(found, HttpResponse):
        return found
    actor, campaign = found
    if not campaign.may_fall_back:
        return redirect("campaigns:words", campaign.public_id)
    problem = ""
    if request.method == "POST":
        try:
            campaign = services.edit_fallback(actor, campaign, forms.texting(request.POST))
        except CannotWrite as refusal:
            problem = str(refusal)
        else:
            services.check(actor, campaign)
            return redirect("campaigns:check", campaign.public_id)
    context = page(
        campaign, "fallback", problem=problem, typed=forms.typed_text(request.POST if problem else None, campaign),
        senders=fallback.senders(campaign.account), variables=message.MEANINGS.items(), **_shown(actor, campaign),
    )  # fmt: skip
    return render(request, "campaigns/fallback.html", context, status=422 if problem else 200)


@login_required
@require_POST
def fallback_preview(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The text on the phone as it stands in the form, its bytes and its cost; nothing is kept."""
    found = writing(request, public_id)
    if isinstance(found, HttpResponse):
        return found
    actor, campaign = found
    try:
        type_text(campaign, forms.texting(request.POST))
    except CannotWrite as refusal:
        return render(request, "campaigns/_text.html", {"unreadable": str(refusal)})
    name = "" if request.POST.get("as") == "nameless" else message.INVENTED_NAME
    is_idle = "falls_back" not in request.POST and bool(request.POST.get("fallback_text", "").strip())
    return render(request, "campaigns/_text.html", {**_shown(actor, campaign, name=name), "is_idle": is_idle})


def _shown(actor: Actor, campaign: Campaign, *, name: str = message.INVENTED_NAME) -> dict[str, Any]:
    """The phone, and what the people of the last check cost if KakaoTalk reaches all, and at worst."""
    shown, kept = phone(actor, campaign, name=name), campaign.estimate
    if not kept:
        return shown
    told = counts.told(kept["planned"], counts.sight(actor, campaign.scope))
    unit, text, people = kept["money"]["unit_centiwon"], shown["text_instead"], told.number or 0
    worst = max(unit, text["unit_centiwon"] if text else 0) * people
    return {**shown, "told": told, "unit_centiwon": unit, "cost_centiwon": unit * people, "worst_centiwon": worst}
