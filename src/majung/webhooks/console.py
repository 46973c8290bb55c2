"""Pages of outgoing webhooks: endpoints, one of them with its log, and the presses on it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from majung.core.errors import Forbidden, NotYours, Refusal
from majung.tree.console.units import answer
from majung.tree.enums import Act
from majung.tree.middleware import ActorRequest
from majung.ui.values import Column, Crumb, Status
from majung.webhooks import queries, services
from majung.webhooks.enums import TRIAL, Course, Event, State
from majung.webhooks.forms import EndpointForm
from majung.webhooks.models import Delivery, Endpoint

PAGE = 50
COLUMNS = (
    Column(key="label", label="쓰임"),
    Column(key="unit", label="조직"),
    Column(key="url", label="주소", wide=True),
    Column(key="state", label="상태", kind="status"),
)
PROBLEMS = {
    "": "",
    "form": "주소의 꼴이 틀림",
    "inner": "안쪽 통신망의 주소라 보내지 않음",
    "name": "주소의 이름을 찾지 못함",
    "connect": "닿지 않음",
    "slow": "10초 안에 답하지 않음",
    "certificate": "인증서가 맞지 않음",
    "answer": "답을 읽지 못함",
}
_COURSES = {
    Course.WAITING: Status(word="기다림", tone="doubt"),
    Course.DELIVERED: Status(word="받음", tone="ok"),
    Course.GIVEN_UP: Status(word="받지 못함", tone="danger"),
}


def status_of(endpoint: Endpoint) -> Status:
    """Where an endpoint stands, in a word."""
    if endpoint.state == State.HELD:
        return Status(word="멈춤", tone="warn")
    return (
        Status(word="받지 못하는 중", tone="danger") if endpoint.failing_since else Status(word="알리는 중", tone="ok")
    )


@require_http_methods(["GET", "POST"])
def endpoints(request: ActorRequest) -> HttpResponse:
    """The endpoints in sight, and a new one, whose secret is shown once."""
    actor = request.actor
    if Act.GRANTS_VIEW not in actor.acts:
        raise Forbidden()
    form = EndpointForm(actor, request.POST or None) if Act.GRANTS_LEND in actor.acts else None
    if request.method == "POST":
        if form is None:
            raise Forbidden()
        if form.is_valid():
            said = form.cleaned_data
            try:
                made, secret = services.add_endpoint(
                    actor, said["unit"], label=said["label"], url=said["url"], chosen=said["events"],
                    covers_subtree=said["covers_subtree"],
                )  # fmt: skip
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                return _page(request, queries.endpoint(actor, made.public_id), secret=secret)
    rows = [
        {
            "label": one.label, "url": one.url, "state": status_of(one),
            "unit": f"{one.unit.name}{' 아래 모두' if one.covers_subtree else ''}",
            "href": reverse("webhooks:endpoint", args=[one.public_id]),
        }
        for one in queries.endpoints(actor)
    ]  # fmt: skip
    context = {"rows": rows, "crumbs": [Crumb(label="권한", url=reverse("tree:grants")), Crumb(label="외부 알림")]}
    return answer(request, "webhooks/endpoints.html", context, form=form)


@require_safe
def endpoint(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """One endpoint with its log."""
    return _page(request, queries.endpoint(request.actor, public_id))


def _page(request: ActorRequest, shown: Endpoint, *, secret: str = "") -> HttpResponse:
    page = Paginator(queries.deliveries(shown), PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "endpoint": shown,
        "status": status_of(shown),
        "events": [Event(event).label for event in shown.events],
        "secret": secret,
        "may_change": request.actor.may(Act.GRANTS_LEND, shown.unit),
        "page": page,
        "rows": [_row(delivery) for delivery in page],
        "crumbs": _crumbs(shown),
    }
    return answer(request, "webhooks/endpoint.html", context)


def _row(delivery: Delivery) -> dict[str, Any]:
    # Annotated by queries.deliveries.
    status, problem = delivery.status, delivery.problem  # type: ignore[attr-defined]
    return {
        "delivery": delivery,
        "event": "시험" if delivery.event == TRIAL else Event(delivery.event).label,
        "status": _COURSES[Course(delivery.course)],
        "told": str(status) if status else PROBLEMS.get(problem or "", problem),
        "tried_at": delivery.tried_at,  # type: ignore[attr-defined]
    }


def _crumbs(shown: Endpoint, page: str = "") -> list[Crumb]:
    here = reverse("webhooks:endpoint", args=[shown.public_id])
    above = [
        Crumb(label="권한", url=reverse("tree:grants")),
        Crumb(label="외부 알림", url=reverse("webhooks:endpoints")),
    ]
    return (
        [*above, Crumb(label=shown.label, url=here), Crumb(label=page)] if page else [*above, Crumb(label=shown.label)]
    )


@require_http_methods(["GET", "POST"])
def edit(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """Name, address and events."""
    shown = queries.endpoint(request.actor, public_id, Act.GRANTS_LEND)
    first = {"label": shown.label, "url": shown.url, "events": shown.events}
    form = EndpointForm(request.actor, request.POST or None, is_new=False, initial=first)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            services.change_endpoint(request.actor, shown, label=said["label"], url=said["url"], chosen=said["events"])
        except Refusal as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "저장했습니다.")
            return redirect("webhooks:endpoint", shown.public_id)
    return answer(request, "webhooks/edit.html", {"endpoint": shown, "crumbs": _crumbs(shown, "고치기")}, form=form)


@require_POST
def secret(request: ActorRequest, public_id: UUID) -> HttpResponse:
    """A new secret, shown once."""
    shown = queries.endpoint(request.actor, public_id, Act.GRANTS_LEND)
    made = services.new_secret(request.actor, shown)
    return _page(request, queries.endpoint(request.actor, public_id), secret=made)


SAID = {
    "trial": "시험 알림을 보냈습니다. 잠시 뒤 새로 고치면 결과가 보입니다.",
    "hold": "멈췄습니다.",
    "resume": "다시 알립니다.",
}


@require_POST
def act(request: ActorRequest, public_id: UUID, what: str) -> HttpResponse:
    """A test, a stop, going on, or the end."""
    shown = queries.endpoint(request.actor, public_id, Act.GRANTS_LEND)
    verbs = {"trial": services.send_trial, "hold": services.hold, "resume": services.resume, "remove": services.remove}
    if what not in verbs:
        raise NotYours()
    verbs[what](request.actor, shown)
    if what == "remove":
        messages.success(request, "지웠습니다. 비밀값도 없앴습니다.")
        return redirect("webhooks:endpoints")
    messages.success(request, SAID[what])
    return redirect("webhooks:endpoint", shown.public_id)


@require_POST
def again(request: ActorRequest, public_id: UUID, delivery: UUID) -> HttpResponse:
    """The same body once more."""
    shown = queries.endpoint(request.actor, public_id, Act.GRANTS_LEND)
    services.send_again(request.actor, shown, queries.delivery(shown, delivery))
    messages.success(request, "다시 보냈습니다. 잠시 뒤 새로 고치면 결과가 보입니다.")
    return redirect("webhooks:endpoint", shown.public_id)
