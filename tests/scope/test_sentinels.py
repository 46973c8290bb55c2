"""Whatever an operator of one branch can open is searched for names and ids of the sister branch and of the other organisation."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from majung.audience import builder
from majung.audience.criteria import Condition, Group
from majung.campaigns.models import Campaign, Export
from majung.core import clock
from tests.scope import asking
from tests.scope.table import RULES
from tests.scope.world import BIRDS, LATIN, World, undone

pytestmark = [pytest.mark.django_db, pytest.mark.product("X7", "T1", "T5")]

GETS = {name: thing for rule in RULES for name, thing in rule.urls.items() if rule.method == "GET"}
ROLES = ("operator", "privacy_officer", "blind_sender")
# Lists that must show something of one's own, so that an empty page proves nothing.
LISTS = (
    "console:home", "tree:tree", "tree:grants", "tree:past", "tree:keys", "tree:download", "imports:list",
    "consent:notices", "channels:list", "channels:apps", "channels:dealers", "audience:segments", "campaigns:list",
    "campaigns:tasks", "api:segments", "api:campaigns", "people:list", "api:people",
)  # fmt: skip
SEARCHES = {
    "console:search": "q", "tree:tree": "q", "tree:grants": "q", "channels:list": "q", "audience:segments": "q",
    "campaigns:list": "q", "api:segments": "search", "api:campaigns": "search",
}  # fmt: skip
# Whole pages, and the pieces that htmx asks for.
FRAGMENTS: tuple[dict[str, str], ...] = (
    {},
    {"HX-Request": "true", "HX-Target": "list"},
    {"HX-Request": "true", "HX-Target": "count"},
)


def text_of(answer: Any) -> str:
    """Everything an answer says: headers, and the body, also inside a spreadsheet or behind JSON's escapes."""
    body = b"".join(answer) if answer.streaming else answer.content
    if body.startswith(b"PK"):
        book = zipfile.ZipFile(io.BytesIO(body))
        body = b"\n".join(book.read(name) for name in book.namelist())
    text = body.decode("utf-8", "replace")
    if "\\u" in text:
        text += json.dumps(json.loads(text), ensure_ascii=False)
    return f"{answer.headers}\n{text}"


def betrayed(world: World, text: str, *, asked: str = "") -> list[str]:
    """Traces of other places in ``text``; what was typed into a search may come back."""
    found = []
    for place in ("sister", "other"):
        for what, trace in world.places[place].traces.items():
            seen = text.replace(asked, "") if asked else text
            if trace and trace in seen:
                at = seen.index(trace)
                found.append(f"{place}'s {what}: …{seen[max(0, at - 60) : at + 60]!r}…")
    return found


def opened(world: World, role: str, data: dict[str, str], headers: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Every page and list that answers to a GET, with its name."""
    for name, thing in GETS.items():
        kind, _ = asking.split(thing)
        if name.startswith("portal:") or (kind and data):
            continue
        answer = asking.ask(world, role, name, thing, "own", "GET", data=data, headers=headers)
        if answer.status_code == 200:
            yield name, answer


@pytest.mark.parametrize("role", ROLES)
def test_no_page_names_anything_of_a_sister_or_of_another_root(world: World, role: str) -> None:
    leaks, own = [], set()
    for headers in FRAGMENTS if role == "operator" else FRAGMENTS[:1]:
        for name, answer in opened(world, role, {}, headers):
            text = text_of(answer)
            leaks += [f"{name} {headers}: {found}" for found in betrayed(world, text)]
            traces = world.places["own"].traces
            if any(trace in text for trace in (traces["bird"], traces["masked name"])):
                own.add(name)
    assert not leaks, "\n".join(leaks)
    if role == "operator":
        assert sorted(set(LISTS) - own) == [], "shows nothing of one's own"


def how(name: str) -> str:
    """The one search over everything is asked by POST, so that a number stands in no address."""
    return "POST" if name == "console:search" else "GET"


@pytest.mark.parametrize("place", ["sister", "other"])
def test_searches_find_nothing_elsewhere(world: World, place: str) -> None:
    leaks = []
    for asked in (BIRDS[place], f"{LATIN[place].upper()}1", BIRDS[place][1], LATIN[place]):
        for name, key in SEARCHES.items():
            answer = asking.ask(world, "operator", name, GETS[name], "own", how(name), data={key: asked})
            assert answer.status_code == 200, (name, asked)
            leaks += [f"{name}?{key}={asked}: {found}" for found in betrayed(world, text_of(answer), asked=asked)]
    assert not leaks, "\n".join(leaks)


def test_searches_find_ones_own(world: World) -> None:
    for name, key in SEARCHES.items():
        text = text_of(asking.ask(world, "operator", name, GETS[name], "own", how(name), data={key: BIRDS["own"]}))
        assert any(str(found) in text for found in world.places["own"].ids.values()) or BIRDS["own"] in text, name


@pytest.mark.parametrize(("place", "finds"), [("own", True), ("sister", False), ("other", False)])
def test_people_are_found_by_number_and_name_in_sight_only(world: World, place: str, finds: bool) -> None:
    bird, number = BIRDS[place], {"own": 1, "sister": 2, "other": 3}[place]
    person = world.places[place].ids["person"]
    for asked in (f"0107777{number:04}", f"+82 10-7777-{number:04}", f"{bird[0]}새{bird[-1]}"):
        with undone():
            client = asking.client_of(world, "operator")
            answer = client.post(reverse("people:find"), {"q": asked}, follow=True)
            assert answer.status_code == 200
            assert (answer.request["PATH_INFO"] == f"/people/{person}/") is finds
            if not finds:
                assert betrayed(world, text_of(answer), asked=asked) == []
    found = asking.ask(world, "operator", "api:find", "", "own", "POST", body={"mobile": f"010 7777 {number:04}"})
    assert json.loads(found.content) == {"number": person if finds else None}  # type: ignore[attr-defined]


def test_counts_count_ones_own(world: World) -> None:
    everyone = {"unit": str(world.places["own"].ids["branch"]), "criteria": {"join": "all", "parts": []}}
    answer = asking.ask(world, "operator", "api:count", "", "own", "POST", body=everyone)
    assert json.loads(answer.content)["number"] == 1  # type: ignore[attr-defined]
    home = asking.ask(world, "operator", "console:home", "", "own", "GET")
    [friends] = [figure for figure in home.context["figures"] if figure.label == "채널 친구"]  # type: ignore[attr-defined]
    assert friends.value == "1"


def test_builders_offer_ones_own_only(world: World) -> None:
    """Autocompletes and pick lists: each kind of condition is asked for, in the segment builder and in a campaign."""
    from majung.audience.fields import FIELDS  # reason: read when the room is loaded

    Campaign.objects.update(started_at=clock.now())  # only those can have been received
    leaks, own = [], set()
    segment = reverse("audience:segment", args=[world.places["own"].ids["segment"]])
    draft = reverse("campaigns:audience", args=[world.places["own"].ids["draft"]])
    scope = {"scope": str(world.places["own"].ids["unit"])}
    for code in FIELDS:
        asked = Group(parts=(Condition(field=code),))
        for url, more in ((segment, {"name": "대상"}), (draft, scope)):
            for target in ("builder", "count", ""):
                with undone():
                    answer = asking.client_of(world, "operator").post(
                        url,
                        {**builder.inputs(asked), **more, "do": ""},
                        headers={"HX-Request": "true", "HX-Target": target},
                    )
                assert answer.status_code == 200, (url, code, target)
                leaks += [f"{url} {code} {target}: {found}" for found in betrayed(world, text_of(answer))]
                if target == "builder" and BIRDS["own"] in text_of(answer):
                    own.add((url, code))
    assert not leaks, "\n".join(leaks)
    offered = ("home", "home_below", "friend_of", "blocked", "received")
    assert own >= {(url, code) for url in (segment, draft) for code in offered}, "offers nothing of one's own"


def test_files_taken_out_hold_ones_own_only(world: World) -> None:
    leaks = []
    for form in ("csv", "xlsx"):
        answer = asking.ask(world, "operator", "tree:download", f"form={form}", "own", "GET")
        leaks += betrayed(world, text_of(answer))
        assert BIRDS["own"] in text_of(answer)
        for table in ("units", "left_out", "refused"):
            with undone():
                client = asking.client_of(world, "operator")
                url = reverse("campaigns:export", args=[world.places["own"].ids["campaign"]])
                before = Export.objects.count()
                made = client.post(url, {"table": table, "form": form, "why": "시험"}, follow=True)
                assert (made.status_code, Export.objects.count()) == (200, before + 1)
                leaks += betrayed(world, text_of(made))
    assert not leaks, "\n".join(leaks)


def test_jobs_carry_no_name_and_no_number(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name, args::text FROM procrastinate_jobs")
        jobs = cursor.fetchall()
    assert jobs
    names = [
        *BIRDS.values(),
        *LATIN.values(),
        *(f"{bird[0]}새{bird[-1]}" for bird in BIRDS.values()),
        "0107777",
        "7777-",
    ]
    for task, args in jobs:
        said = json.dumps(json.loads(args), ensure_ascii=False)
        assert [name for name in names if name in said] == [], task
