"""The page on pace: the weekly cap, limits a minute, and what a dealer's answers have slowed down."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from majung.campaigns.console.base import actor_of, crumbs
from majung.campaigns.services import pacing
from majung.core.errors import Invalid
from majung.tree.enums import Act
from majung.tree.models import Unit
from majung.ui.values import Crumb


@login_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Caps and limits as they stand, with forms for who may change them."""
    actor = actor_of(request)
    may_manage = actor.may(Act.TREE_MANAGE, pacing.top_of(actor.root_id))
    lines = pacing.lines(actor)
    context = {
        "caps": pacing.caps(actor), "lines": lines, "shown": [line for line in lines if line.words],
        "may_manage": may_manage, "may_limit": Act.CHANNELS_MANAGE in actor.acts, "shares": pacing.units_of(actor),
        "units": Unit.objects.filter(root_id=actor.root_id).order_by("path") if may_manage else (),
        "crumbs": crumbs(None, Crumb(label="빠르기와 한도")),
    }  # fmt: skip
    return render(request, "campaigns/pace.html", context)


@login_required
@require_POST
def change(request: HttpRequest, what: str) -> HttpResponse:
    """One cap, limit or share is set."""
    actor, sent = actor_of(request), request.POST
    try:
        if what == "cap":
            pacing.set_cap(actor, sent.get("purpose", ""), sent.get("most", ""))
        elif what == "share":
            pacing.set_share(actor, sent.get("unit", ""), sent.get("shares", ""))
        else:
            pacing.set_limit(actor, sent.get("target", ""), sent.get("per_minute", ""))
    except Invalid as invalid:
        messages.error(request, str(invalid))
    else:
        messages.success(request, "바꾸었습니다. 다음에 굳히는 명단과 다음에 나가는 묶음부터 따릅니다.")
    return redirect("campaigns:pace")
