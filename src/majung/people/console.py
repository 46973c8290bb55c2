"""Pages about people: the list, one person, opening what is masked, and the access log."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from majung.core import clock
from majung.core.errors import Forbidden, Invalid
from majung.core.text import nfc
from majung.people import filters, queries, services, timeline, vault
from majung.people.enums import Basis, ContactKind, Gender, PersonState, Why
from majung.people.forms import EraseForm, HomeForm, RevealForm, TagForm, TakeTagForm
from majung.people.models import Person, Tag
from majung.people.phones import spoken
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.middleware import ActorRequest
from majung.ui.text import UNKNOWN, josa
from majung.ui.values import Crumb

REVEAL_MINUTES = 10
SESSION_REVEALED = "people.revealed"
SESSION_FOUND = "people.found"
LONGEST_QUESTION = 80


def actor_of(request: HttpRequest) -> Actor:
    """The request's actor. Raises Forbidden for somebody to whom nothing is lent."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]  # set by ActorMiddleware
    if actor is None:
        raise Forbidden()
    return actor


def address_of(request: HttpRequest) -> str:
    """Where the request came from, for the access log."""
    return str(request.META.get("REMOTE_ADDR", ""))


def _number(text: str | None) -> int | None:
    """A person's number or a log's, from a query; what is none is None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 10 else None


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@login_required
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """People in the actor's sight, masked; narrowed by filters, or to what a search found."""
    actor = actor_of(request)
    if Act.PEOPLE_VIEW not in actor.acts:
        raise Forbidden()
    if "q" in request.GET:
        return _find(request, actor, request.GET["q"])
    shown, chosen = filters.read(actor, request.GET.dict())
    found: list[int] | None = request.session.get(SESSION_FOUND) if "found" in request.GET else None
    page = queries.people_page(
        actor,
        chosen,
        only=found,
        before=_number(request.GET.get("before")),
        after=_number(request.GET.get("after")),
        address=address_of(request),
    )
    kept = {one.key: one.value for one in shown if one.value} | ({"found": "1"} if found is not None else {})
    context = {
        "page": page,
        "filters": shown,
        "is_found": found is not None,
        "is_narrowed": bool(kept),
        "older_url": "" if page.older is None else f"?{urlencode({**kept, 'before': page.older})}",
        "newer_url": "" if page.newer is None else f"?{urlencode({**kept, 'after': page.newer})}",
        "crumbs": [Crumb(label="사람")],
    }
    template = "people/list.html#people" if request.headers.get("HX-Request") == "true" else "people/list.html"
    return render(request, template, context)


@login_required
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """By number, address or whole name. By POST: what is looked for stands in no address and no log."""
    return _find(request, actor_of(request), request.POST.get("q", ""))


def _find(request: HttpRequest, actor: Actor, question: str) -> HttpResponse:
    if Act.PEOPLE_VIEW not in actor.acts:
        raise Forbidden()
    text = nfc(question)
    if not text:
        return redirect("people:list")
    if len(text) > LONGEST_QUESTION:
        raise Invalid(problem=f"찾는 말은 {LONGEST_QUESTION}자까지입니다.")
    found = vault.find(actor, text, address=address_of(request))
    if len(found) == 1:
        return redirect("people:person", found[0])
    request.session[SESSION_FOUND] = found
    return redirect(f"{reverse('people:list')}?found=1")


# ── one person ───────────────────────────────────────────────────────────────────────────────────────────────────────


@login_required
@require_GET
def person(request: ActorRequest, number: int) -> HttpResponse:
    """One person: masked facts, timeline, what the rooms have to say; open for some minutes after a logged reason."""
    actor = actor_of(request)
    found = queries.person_in_scope(actor, number)
    return _page(request, actor, found)


def _page(request: ActorRequest, actor: Actor, found: Person, *, status: int = 200, **forms: Any) -> HttpResponse:
    masked = vault.masked(actor, [found.pk], what="people.view", address=address_of(request))[found.pk]
    opened, until = _opened(request, actor, found)
    whole = "all" in request.GET
    events = timeline.events(actor, found, timeline.MANY if whole else timeline.FEW)
    editable = bool(queries.reachable(actor, [found.pk], Act.PEOPLE_EDIT))
    context = {
        "person": found,
        "masked": masked,
        "opened": opened,
        "until": until,
        "home": filters.home_names(actor, [found.home_unit_id])[found.home_unit_id] if found.home_unit_id else "",
        "age": filters.age_band(found.birth_ym),
        "gender": "" if found.gender == Gender.UNKNOWN else Gender(found.gender).label,
        "basis": Basis(found.basis).label,
        "is_stopped": found.state == PersonState.STOPPED,
        "contacts": _contacts(found, masked, opened),
        "tags": queries.tags_of(actor.root_id, [found.pk]).get(found.pk, []),
        "all_tags": Tag.objects.filter(root_id=actor.root_id)[: filters.MOST_CHOICES] if editable else (),
        "events": events,
        "has_more": not whole and len(events) >= timeline.FEW,
        "panels": timeline.panels(request, found),
        "may_reveal": bool(queries.reachable(actor, [found.pk], Act.PEOPLE_REVEAL)),
        "may_edit": editable,
        "may_review": Act.ACCESS_REVIEW in actor.acts,
        "reasons": Why.choices,
        "minutes": REVEAL_MINUTES,
        "home_form": HomeForm(actor, initial={"unit": _public_id(actor, found)}) if editable else None,
        "erase_form": EraseForm() if editable else None,
        "crumbs": [Crumb(label="사람", url=reverse("people:list")), Crumb(label=masked.name)],
        **forms,
    }
    response = render(request, "people/person.html", context, status=status)
    response["Cache-Control"] = "no-store"
    if until is not None:
        left = max(1, int((until - clock.now()).total_seconds()))
        response["Refresh"] = f"{left}; url={reverse('people:person', args=[found.pk])}"
    return response


def _public_id(actor: Actor, found: Person) -> Any:
    return actor.units(Act.PEOPLE_EDIT).filter(pk=found.home_unit_id).values_list("public_id", flat=True).first()


def _contacts(found: Person, masked: vault.Masked, opened: dict[str, str]) -> list[tuple[str, str]]:
    shown = [
        (ContactKind.MOBILE, "mobile", masked.mobile),
        (ContactKind.LANDLINE, "landline", masked.landline),
        (ContactKind.EMAIL, "email", masked.email),
    ]
    return [
        (str(kind.label), spoken(opened.get(key, "")) or hidden) for kind, key, hidden in shown if hidden != UNKNOWN
    ]


def _opened(request: HttpRequest, actor: Actor, found: Person) -> tuple[dict[str, str], datetime | None]:
    """What is open for this session still, read anew and logged anew each time it is looked at."""
    kept = request.session.get(SESSION_REVEALED, {}).get(str(found.pk))
    if kept is None or datetime.fromisoformat(kept["until"]) <= clock.now():
        return {}, None
    opened = vault.reveal(actor, found.pk, fields=vault.FIELDS, why=kept["why"], address=address_of(request))
    return opened, datetime.fromisoformat(kept["until"])


@login_required
@require_POST
def reveal(request: ActorRequest, number: int) -> HttpResponse:
    """Open one person's data for some minutes; the reason is logged before anything is read."""
    actor = actor_of(request)
    found = queries.person_in_scope(actor, number, Act.PEOPLE_REVEAL)
    form = RevealForm(request.POST)
    problem = ""
    if form.is_valid():
        try:
            vault.reveal(actor, number, fields=vault.FIELDS, why=form.why, address=address_of(request))
        except Invalid as refusal:
            problem = str(refusal)
        else:
            until = clock.now() + timedelta(minutes=REVEAL_MINUTES)
            open_now = {
                key: kept
                for key, kept in request.session.get(SESSION_REVEALED, {}).items()
                if datetime.fromisoformat(kept["until"]) > clock.now()
            }
            open_now[str(number)] = {"until": until.isoformat(), "why": form.why}
            request.session[SESSION_REVEALED] = open_now
            return redirect("people:person", number)
    problem = problem or _first_problem(form)
    return _page(request, actor, found, status=422, reveal_error=problem)


@login_required
@require_POST
def close(request: ActorRequest, number: int) -> HttpResponse:
    """What was open is masked again."""
    queries.person_in_scope(actor_of(request), number)
    kept = request.session.get(SESSION_REVEALED, {})
    kept.pop(str(number), None)
    request.session[SESSION_REVEALED] = kept
    return redirect("people:person", number)


# ── changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _editable(request: ActorRequest, number: int) -> tuple[Actor, Person]:
    actor = actor_of(request)
    return actor, queries.person_in_scope(actor, number, Act.PEOPLE_EDIT)


def _first_problem(form: Form) -> str:
    return next(str(error) for errors in form.errors.values() for error in errors)


def _checked(form: Form) -> dict[str, Any]:
    """What a valid form says. Raises Invalid with the first of its problems."""
    if not form.is_valid():
        raise Invalid(problem=_first_problem(form))
    return form.cleaned_data


@login_required
@require_POST
def home(request: ActorRequest, number: int) -> HttpResponse:
    """The person is at home in another unit."""
    actor, found = _editable(request, number)
    unit = _checked(HomeForm(actor, request.POST))["unit"]
    if services.set_home(actor, [found.pk], unit):
        messages.success(request, f"소속을 {josa(unit.name, '으로로')} 바꿨습니다.")
    return redirect(
        "people:list" if not queries.reachable(actor, [number]) else reverse("people:person", args=[number])
    )


@login_required
@require_POST
def put_tag(request: ActorRequest, number: int) -> HttpResponse:
    """A tag goes on."""
    actor, found = _editable(request, number)
    services.put_tag(actor, [found.pk], services.make_tag(actor, _checked(TagForm(request.POST))["name"]))
    return redirect("people:person", number)


@login_required
@require_POST
def take_tag(request: ActorRequest, number: int) -> HttpResponse:
    """A tag comes off."""
    actor, found = _editable(request, number)
    services.take_tag(actor, [found.pk], _checked(TakeTagForm(actor, request.POST))["tag"])
    return redirect("people:person", number)


@login_required
@require_POST
def processing(request: ActorRequest, number: int) -> HttpResponse:
    """Processing is stopped, or goes on."""
    actor, found = _editable(request, number)
    stop = request.POST.get("stop") == "1"
    services.set_processing(actor, [found.pk], stopped=stop)
    messages.success(request, "처리를 멈췄습니다. 아무것도 보내지 않습니다." if stop else "처리정지를 풀었습니다.")
    return redirect("people:person", number)


@login_required
@require_POST
def erase(request: ActorRequest, number: int) -> HttpResponse:
    """The person's data is destroyed for good."""
    actor, found = _editable(request, number)
    why = _checked(EraseForm(request.POST))["why"]
    services.erase(actor, [found.pk], why=why, address=address_of(request))
    messages.success(request, f"사람 번호 {number:,}의 개인정보를 파기했습니다.")
    return redirect("people:list")


# ── the access log ───────────────────────────────────────────────────────────────────────────────────────────────────


@login_required
@require_GET
def access_log(request: HttpRequest) -> HttpResponse:
    """Who looked at whose data, when, from where and why; and whether the log is whole."""
    actor = actor_of(request)
    what = request.GET.get("what", "")
    what = what if what in queries.WHAT else ""
    person_number = _number(request.GET.get("person"))
    page = queries.access_page(actor, what=what, person=person_number, before=_number(request.GET.get("before")))
    kept = {"what": what} if what else {}
    if person_number is not None:
        kept["person"] = str(person_number)
    context = {
        "page": page,
        "what": what,
        "kinds": queries.WHAT.items(),
        "person_number": person_number,
        "older_url": "" if page.older is None else f"?{urlencode({**kept, 'before': page.older})}",
        "is_checked": "check" in request.GET,
        "broken": vault.broken(actor.root_id) if "check" in request.GET else [],
        "crumbs": [Crumb(label="열람 기록")],
    }
    return render(request, "people/access_log.html", context)
