"""A restored or moved installation says on the first page that it sends nothing, and is woken there (O3)."""

from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from majung.activity import services as activity
from majung.core import db
from majung.core.errors import NotYours
from majung.delivery import installation
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Organisation


def sentence() -> str:
    """Why nothing is sent; empty when messages may leave."""
    return installation.look(db.raw(), Path(settings.HOME), take=False).standing.sentence


def may(actor: Actor) -> bool:
    """Whether the actor may wake the installation from here: who manages the whole of its only organisation.

    Where several organisations share one installation, whoever runs the server answers for all of them (``majung wake``).
    """
    tops = list(Organisation.objects.values_list("pk", flat=True)[:2])
    top = actor.units().filter(depth=1).first()
    return tops == [actor.root_id] and top is not None and actor.may(Act.TREE_MANAGE, top)


@login_required
@require_POST
def wake(request: HttpRequest) -> HttpResponse:
    """Messages leave from here on, says somebody who has made sure that nobody else sends."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None or not may(actor):
        raise NotYours()
    if not sentence():
        messages.info(request, "이미 보내고 있습니다.")
    elif request.POST.get("off") != "yes":
        messages.error(request, "옛 설치가 꺼져 있는지 먼저 확인하고 표시해 주세요.")
    else:
        epoch = installation.wake(db.raw(), Path(settings.HOME))
        activity.write(actor, "console.woken", object_kind="installation", object_id=epoch)
        messages.success(
            request, "이제 보냅니다. 다른 기계에도 일꾼이 있으면 installation.json을 그 기계에 복사해 주세요."
        )
    return redirect("console:home")
