"""Addresses for the tests of the ui room: its own ones, and views that refuse or break."""

import time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from majung.core import errors
from majung.ui.samples import places
from majung.ui.values import Column


class Torn(errors.Conflict):
    """A conflict of a room, with fields of its own."""

    code, fields = "test.torn", ("unit",)
    sentence = "%(unit)s은 그 사이 바뀌었습니다."


RAISED: dict[str, Exception] = {
    "not-yours": errors.NotYours(),
    "forbidden": errors.Forbidden(),
    "invalid": errors.Invalid(problem="전화번호가 <b>아닙니다</b>."),
    "conflict": Torn(unit="서울시당"),
    "over-quota": errors.OverQuota(),
    "unlawful": errors.Unlawful(problem="밤에는 광고를 보낼 수 없습니다.", article="정보통신망법 제50조 제3항"),
    "bare": errors.Refusal(),
    "bug": RuntimeError("a bug"),
}


def refuse(request: HttpRequest, kind: str) -> HttpResponse:
    raise RAISED[kind]


def blank(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, f"ui/{name}.html", {"messages": []})


def filters(request: HttpRequest) -> HttpResponse:
    """The page, or only its list when htmx asks."""
    return render(request, f"tests/filters.html{'#list' if request.headers.get('HX-Request') else ''}")


def near(request: HttpRequest, region: str) -> HttpResponse:
    """The map of one region's districts only."""
    return render(request, "tests/near.html", {"rows": [one for one in places() if one.label.startswith(region)]})


COLUMNS = [Column(key="friends", label="친구", kind="number")]


def composer(request: HttpRequest) -> HttpResponse:
    return render(request, "tests/composer.html")


def preview(request: HttpRequest) -> HttpResponse:
    """The phone with what was typed; "느림" takes its time, so that its answer comes after the next one's."""
    text = request.POST["text"]
    if text == "느림":
        time.sleep(1.5)
    if request.FILES:
        raise AssertionError("files wait for the save")
    return render(request, "tests/preview.html", {"text": text})


def tree(request: HttpRequest) -> HttpResponse:
    rows = [
        {"level": 1, "name": "중앙당", "open": True, "friends": 3},
        {"level": 2, "name": "서울시당", "open": False, "friends": 2, "children": "/rows"},
        {"level": 2, "name": "부산시당", "open": None, "friends": 1},
    ]
    return render(request, "tests/tree.html", {"cols": COLUMNS, "rows": rows})


def rows(request: HttpRequest) -> HttpResponse:
    under = [
        {"level": 3, "name": "종로", "open": None, "friends": 1},
        {"level": 3, "name": "용산", "open": None, "friends": 1},
    ]
    return render(request, "tests/rows.html", {"cols": COLUMNS, "rows": under})


urlpatterns = [
    path("ui/", include("majung.ui.urls")),
    path("accounts/", include("allauth.urls")),
    path("refuse/<kind>", refuse),
    path("blank/<name>", blank),
    path("composer", composer),
    path("preview", preview),
    path("tree", tree),
    path("near/<region>", near),
    path("filters", filters),
    path("rows", rows),
]
handler404 = "majung.ui.views.not_found"
handler500 = "majung.ui.views.server_error"
