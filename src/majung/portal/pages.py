"""Public pages of a unit: the page itself, the list of places, the join form and the thanks."""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from majung.consent.enums import ConsentMedium
from majung.consent.models import Notice
from majung.consent.words import lines
from majung.core import clock
from majung.core.text import nfc
from majung.portal import joining, limits, places
from majung.portal.joining import MEDIUM_WORDS, Answers, Asked
from majung.portal.limits import TooOften
from majung.tree.models import Unit
from majung.ui.values import ConsentLine

# A field no person sees or fills in; whoever does is a script, and is thanked and forgotten.
TRAP = "homepage"
LONGEST_SEARCH = 40


@require_safe
def unit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The unit's page: who it is, its channels, the way to join, the way up."""
    place = places.unit_page(public_id)
    whose, doors = places.doors(place)
    context = {
        "unit": place,
        "whose": whose,
        "doors": doors,
        "friends": sum(door.friends or 0 for door in doors) if whose.pk == place.pk else 0,
        "steps": places.way_up(place),
        "can_join": joining.asked_by(place).is_open,
        **places.foot(place),
    }
    return render(request, "portal/unit.html", context)


@require_safe
def find(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The organisation's places by name."""
    place = places.unit_page(public_id)
    wanted = nfc(request.GET.get("q", "")[:LONGEST_SEARCH])
    context = {
        "unit": place,
        "wanted": wanted,
        "found": places.neighbours(place, wanted.replace(" ", "")),
        "back_url": _page(place),
        **places.foot(place),
    }
    return render(request, "portal/find.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The join form. Answers the same whether or not the organisation knew the person."""
    place = places.unit_page(public_id)
    asked = joining.asked_by(place)
    if not asked.is_open:
        return render(request, "portal/closed.html", {"unit": place, "back_url": _page(place), **places.foot(place)})
    said = Answers(place=str(place.public_id) if place.district_code else "")
    if request.method != "POST":
        return _form(request, place, asked, said)
    try:
        limits.knock(place.root_id, request)
    except TooOften as refusal:
        said.errors["form"] = str(refusal)
        return _form(request, place, asked, said, HTTPStatus.TOO_MANY_REQUESTS)
    if request.POST.get(TRAP):
        return redirect("portal:thanks", place.public_id)
    said = joining.read(place, asked, request.POST, request.POST.getlist, clock.today())
    if said.too_young:
        return render(request, "portal/young.html", {"unit": place, "back_url": _page(place), **places.foot(place)})
    if said.errors:
        return _form(request, place, asked, said, HTTPStatus.UNPROCESSABLE_ENTITY)
    joining.join(place, asked, said, {"screen": "portal.join", "page": str(place.public_id)}, _seen(request))
    return redirect("portal:thanks", place.public_id)


@require_GET
def thanks(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """After joining: what happens next, and the channel to add."""
    place = places.unit_page(public_id)
    whose, doors = places.doors(place)
    context = {"unit": place, "whose": whose, "doors": doors, "back_url": _page(place), **places.foot(place)}
    return render(request, "portal/thanks.html", context)


def _page(place: Unit) -> str:
    return f"/p/u/{place.public_id}/"


def _seen(request: HttpRequest) -> dict[str, str]:
    """What is seen of the visitor; proof keeps only a mark of each (``vault.mark``)."""
    return {
        "address": str(request.META.get("REMOTE_ADDR", "")),
        "browser": request.headers.get("User-Agent", "")[:400],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One consent of the form; ``media`` are (value, word, chosen)."""

    notice: Notice
    name: str
    lines: list[ConsentLine]
    value: str
    error: str
    media: list[tuple[str, str, bool]]


def _block(notice: Notice, said: Answers) -> Block:
    name, chosen = f"agree-{notice.pk}", said.media.get(notice.pk, [])
    words = {medium: MEDIUM_WORDS.get(ConsentMedium(medium), ConsentMedium(medium).label) for medium in notice.media}
    return Block(
        notice=notice,
        name=name,
        lines=lines(notice),
        value=said.agreed.get(notice.pk, ""),
        error=said.errors.get(name, ""),
        media=[(medium, word, medium in chosen) for medium, word in words.items()],
    )


def _form(
    request: HttpRequest, place: Unit, asked: Asked, said: Answers, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    blocks = [_block(notice, said) for notice in asked.notices]
    context = {
        "unit": place,
        "said": said,
        "blocks": blocks,
        "needed": [block for block in blocks if block.notice.required],
        "optional": [block for block in blocks if not block.notice.required],
        "districts": places.districts(place),
        "trap": TRAP,
        "back_url": _page(place),
        **places.foot(place),
    }
    return render(request, "portal/join.html", context, status=status)
