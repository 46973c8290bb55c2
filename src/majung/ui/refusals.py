"""Which HTTP status each kind of refusal has, and how a refusal is told to a page, a fragment or a program."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from majung.core.errors import Conflict, Forbidden, Invalid, NotYours, OverQuota, Refusal, Unlawful

STATUS: dict[type[Refusal], HTTPStatus] = {
    NotYours: HTTPStatus.NOT_FOUND,
    Forbidden: HTTPStatus.FORBIDDEN,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Conflict: HTTPStatus.CONFLICT,
    OverQuota: HTTPStatus.CONFLICT,
    Unlawful: HTTPStatus.CONFLICT,
}
TITLES = {
    HTTPStatus.FORBIDDEN: "권한이 없습니다",
    HTTPStatus.UNPROCESSABLE_ENTITY: "적은 내용을 다시 봐 주세요",
    HTTPStatus.CONFLICT: "하지 않았습니다",
    HTTPStatus.BAD_REQUEST: "할 수 없는 일입니다",
}


def status_of(refusal: Refusal | type[Refusal]) -> HTTPStatus:
    """The status of the nearest class in STATUS; a refusal of no listed kind is a 400."""
    kind = refusal if isinstance(refusal, type) else type(refusal)
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), HTTPStatus.BAD_REQUEST)


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller is a program: it came by the API, or prefers JSON to HTML."""
    by_api = request.path.startswith("/api/")
    return by_api or request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a piece of a page (and not for a whole page by a boosted link or a history step)."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "true" not in (
        headers.get("HX-Boosted"),
        headers.get("HX-History-Restore-Request"),
    )


def answer(request: HttpRequest, *, status: HTTPStatus, title: str, sentence: str, code: str) -> HttpResponse:
    """One error said three ways: JSON for programs, a message on the page for htmx, a page of its own otherwise."""
    if wants_json(request):
        return JsonResponse(
            {"code": code, "message": sentence}, status=status, json_dumps_params={"ensure_ascii": False}
        )
    shown = {"title": title, "sentence": sentence, "code": code, "status": int(status)}
    if is_fragment(request):
        response = render(request, "ui/refusal_fragment.html", shown, status=status)
        response["HX-Retarget"], response["HX-Reswap"] = "#messages", "beforeend"
        return response
    return render(request, "ui/refusal.html", shown, status=status)


def refuse(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The answer to a refusal. What is not yours looks, byte for byte, like what does not exist."""
    status = status_of(refusal)
    if status is HTTPStatus.NOT_FOUND:
        return missing(request)
    return answer(request, status=status, title=TITLES[status], sentence=str(refusal), code=refusal.code)


def unreadable(request: HttpRequest) -> HttpResponse:
    """The 400: a request that could not be read."""
    return answer(
        request,
        status=HTTPStatus.BAD_REQUEST,
        title="요청을 읽지 못했습니다",
        sentence="아무것도 바꾸지 않았습니다. 앞 화면으로 돌아가 다시 해 주세요.",
        code="bad_request",
    )


def wrong_method(request: HttpRequest, allowed: str) -> HttpResponse:
    """The 405: an address that is looked at was sent to, or the other way round. ``allowed`` goes into Allow."""
    response = answer(
        request,
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        title="할 수 없는 일입니다",
        sentence="이 주소는 그렇게 부를 수 없습니다. 앞 화면으로 돌아가 단추를 눌러 주세요.",
        code="wrong_method",
    )
    response["Allow"] = allowed
    return response


def missing(request: HttpRequest) -> HttpResponse:
    """The one 404 of the product."""
    return answer(
        request,
        status=HTTPStatus.NOT_FOUND,
        title="찾을 수 없습니다",
        sentence="주소가 바뀌었거나, 지워졌거나, 이 자리에서 볼 수 없는 것입니다.",
        code="not_found",
    )
