"""The error pages, the place where browsers report a broken content policy, and the page of samples."""

import json
import logging
from http import HTTPStatus

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from majung.ui import refusals
from majung.ui.middleware import HEADERS

log = logging.getLogger(__name__)

REPORT_MAX_BYTES = 8192
_REPORTED = ("blocked-uri", "violated-directive", "effective-directive", "document-uri", "source-file", "line-number")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The 400: a request that could not be read."""
    return refusals.unreadable(request)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The 403: the act was not lent."""
    return refusals.answer(
        request,
        status=HTTPStatus.FORBIDDEN,
        title="권한이 없습니다",
        sentence="이 일을 할 권한을 빌리지 않았습니다. 윗조직에 부탁해 주세요.",
        code="forbidden",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Shown when the form's token is missing or old; named by CSRF_FAILURE_VIEW."""
    return refusals.answer(
        request,
        status=HTTPStatus.FORBIDDEN,
        title="화면이 오래되었습니다",
        sentence="아무것도 바꾸지 않았습니다. 화면을 새로 열고 다시 해 주세요.",
        code="stale_form",
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The 404: the same answer as for what is not yours."""
    return refusals.missing(request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Our bug: says so, with the number to quote. Runs no context processor, which may be what broke."""
    number = getattr(request, "request_id", "")
    log.error("server error shown under number %s", number)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    if refusals.wants_json(request):
        facts = {"code": "server_error", "message": "우리 쪽 잘못입니다.", "number": number}
        body = json.dumps(facts, ensure_ascii=False)
        response = HttpResponse(body, status=status, content_type="application/json")
    elif refusals.is_fragment(request):
        response = HttpResponse(render_to_string("ui/500_fragment.html", {"number": number}), status=status)
        response["HX-Retarget"], response["HX-Reswap"] = "#messages", "beforeend"
    else:
        response = HttpResponse(render_to_string("ui/500.html", {"number": number}), status=status)
    for name, value in HEADERS.items():
        response[name] = value
    return response


@transaction.non_atomic_requests
@csrf_exempt
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Log what a browser refused to load. The body is bounded, and only known fields reach the log."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > REPORT_MAX_BYTES:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        sent = json.loads(request.body)
        report = sent["csp-report"]
        facts = {name.replace("-", "_"): str(report[name])[:300] for name in _REPORTED if name in report}
    except (ValueError, KeyError, TypeError, RecursionError):
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    log.warning("content policy broken", extra=facts)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


@transaction.non_atomic_requests
def samples(request: HttpRequest, page: str = "parts") -> HttpResponse:
    """Every component with invented values; only where samples are switched on."""
    from majung.ui import samples as sample_values  # reason: optional

    if page not in sample_values.PAGES or not (settings.DEBUG or getattr(settings, "SAMPLES", False)):
        return refusals.missing(request)
    return render(request, f"ui/samples/{page}.html", sample_values.context())
