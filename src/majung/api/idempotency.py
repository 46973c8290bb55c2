"""Calls that change something may carry ``Idempotency-Key``: the same key answers the same, and does nothing twice."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, transaction

from majung.api.app import ApiRequest
from majung.api.models import Answer
from majung.core import clock
from majung.core.errors import Conflict, Invalid

KEPT = timedelta(days=1)
LONGEST_KEY = 100


def once(request: ApiRequest, status: int, act: Callable[[], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """``act`` is done, or was done before under the same key. Raises Conflict when the key came with another request."""
    key = request.headers.get("Idempotency-Key", "")
    holder = request.actor.api_key
    if not key or holder is None:
        return status, act()
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise Invalid(problem="Idempotency-Key는 100자까지의 글자여야 합니다.")
    call, asked = f"{request.method} {request.path}"[:200], sha256(request.body).digest()
    Answer.objects.filter(api_key=holder, at__lt=clock.now() - KEPT).delete()
    if given := Answer.objects.filter(api_key=holder, key=key).first():
        return _again(given, call, asked)
    try:
        with transaction.atomic():
            # The row is written before anything is done: of two calls at once the second waits, then fails here.
            row = Answer.objects.create(api_key=holder, key=key, call=call, request_hash=asked, status=status, body={})
            row.body = act()
            row.save(update_fields=["body"])
    except IntegrityError:
        given = Answer.objects.filter(api_key=holder, key=key).first()
        if given is None:
            raise
        return _again(given, call, asked)
    return status, row.body


def _again(given: Answer, call: str, asked: bytes) -> tuple[int, dict[str, Any]]:
    if given.call != call or bytes(given.request_hash) != asked:
        raise Conflict(problem="이 Idempotency-Key는 다른 요청에 쓰였습니다.")
    return given.status, given.body
