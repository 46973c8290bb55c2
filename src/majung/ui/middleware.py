"""What every answer carries: a request id, the security headers, and a sentence instead of a crash for a refusal."""

import logging
import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from majung.core.errors import Refusal
from majung.ui import refusals

log = logging.getLogger(__name__)

Next = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
_TAKEN_ID = re.compile(r"[0-9A-Za-z-]{8,64}")

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "report-uri /ui/csp-report",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class RequestIdMiddleware:
    """Gives each request an id, on `request.request_id`, in REQUEST_ID and in the X-Request-Id header.

    An id given by a proxy is kept when it is plainly an id.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer with its X-Request-Id."""
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _TAKEN_ID.fullmatch(given) else secrets.token_hex(6)
        request.request_id = request_id  # type: ignore[attr-defined]
        token = REQUEST_ID.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            REQUEST_ID.reset(token)
        response["X-Request-Id"] = request_id
        return response


class RequestIdFilter(logging.Filter):
    """Gives every log record the id of its request ("-" outside of one), for a formatter with `{request_id}`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true; sets `record.request_id` unless the record has one."""
        if not hasattr(record, "request_id"):
            record.request_id = REQUEST_ID.get() or "-"
        return True


class SecurityHeadersMiddleware:
    """Sets HEADERS where a view has not set its own, and keeps pages (not static files) out of shared caches."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer with HEADERS."""
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class RefusalMiddleware:
    """Turns a Refusal raised by a view into its sentence and status; everything else is left to crash."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer; an empty 405 gets a sentence. Refusals come in by `process_exception`.

        The database takes no NUL in a text and nobody types one, so such an address is read no further.
        """
        if "\0" in request.path:
            return refusals.missing(request)
        if "%00" in request.META.get("QUERY_STRING", ""):
            return refusals.unreadable(request)
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method != "HEAD":
            return refusals.wrong_method(request, response.get("Allow", ""))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The refusal as an answer, None for anything else."""
        if not isinstance(exception, Refusal):
            return None
        log.info("request refused", extra={"code": exception.code, "request_id": REQUEST_ID.get()})
        return refusals.refuse(request, exception)
