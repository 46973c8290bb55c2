"""Addresses for the tests of the ui room: its own ones, and views that refuse or break."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from majung.core import errors


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


urlpatterns = [
    path("ui/", include("majung.ui.urls")),
    path("accounts/", include("allauth.urls")),
    path("refuse/<kind>", refuse),
    path("blank/<name>", blank),
]
handler404 = "majung.ui.views.not_found"
handler500 = "majung.ui.views.server_error"
