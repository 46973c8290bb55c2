"""The API object: bearer keys, strict JSON, coded errors, OpenAPI at ``/api/v1/openapi.json``."""

from typing import Any

import orjson
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.security import HttpBearer
from ninja.types import DictStrAny
from pydantic import ConfigDict

from majung.accounts.services import key_from_header
from majung.core.errors import Refusal
from majung.tree.actor import Actor, actor_of_key
from majung.tree.middleware import announce
from majung.ui.refusals import status_of

MAX_BODY_BYTES = 2 * 2**20


class ApiRequest(HttpRequest):
    """A request with a key to which something is lent."""

    actor: Actor


class Said(Schema):
    """A body as the caller wrote it. A field that is not known is told, since it would have been meant for something."""

    model_config = ConfigDict(extra="forbid")


class Key(HttpBearer):
    """``Authorization: Bearer mj_…``: a key bound to a unit, to acts and to a last day (O4)."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        """The actor that the key is, or None: unknown, expired, revoked and no longer lent look the same."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY_BYTES:
            raise HttpError(413, "too_large")
        key = key_from_header(f"Bearer {token}")
        actor = actor_of_key(key) if key else None
        if actor is not None:
            request.actor = actor  # type: ignore[attr-defined]  # declared by ApiRequest
            announce(actor)
        return actor


class Json(Parser):
    """Bodies are read with orjson: it refuses depth beyond 1,024 instead of exhausting the stack."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        """The body; ninja answers what cannot be read with NOT_READ."""
        parsed: DictStrAny = orjson.loads(request.body)
        return parsed


class Orjson(BaseRenderer):
    """Answers in JSON; what orjson does not know is written as text."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """The answer's bytes."""
        return orjson.dumps(data, default=str)


api = NinjaAPI(
    title="Majung",
    version="1",
    description=(
        "Everything acts as the key: a unit (or its subtree), the acts lent to it, until its last day. "
        "Errors are objects {code, message}; codes are for ever, messages are Korean sentences."
    ),
    urls_namespace="api",
    docs_url=None,
    auth=Key(),
    parser=Json(),
    renderer=Orjson(),
)


def _error(request: HttpRequest, code: str, message: str, status: int, **more: Any) -> HttpResponse:
    if connection.in_atomic_block:
        # ninja answers errors inside the view, so the request's transaction would commit what was begun.
        transaction.set_rollback(True)
    return api.create_response(request, {"code": code, "message": message, **more}, status=status)


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return _error(request, refusal.code, str(refusal), status_of(refusal))


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return _error(request, "unauthorized", "열쇠가 없거나, 틀렸거나, 끝났습니다.", 401)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    problems = [{"at": ".".join(map(str, e.get("loc", ()))), "problem": e.get("type", "")} for e in error.errors]
    return _error(request, "invalid", "보낸 값을 이해할 수 없습니다.", 422, problems=problems[:50])


NOT_READ = "Cannot parse request body"
_SENTENCES = {
    "not_json": "JSON으로 읽을 수 없습니다.",
    "too_large": "본문이 너무 큽니다. 2MB까지 받습니다.",
}


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    code = "not_json" if str(error) == NOT_READ else str(error)
    return _error(request, code, _SENTENCES.get(code, "요청을 이해할 수 없습니다."), error.status_code)
