"""Reading Popbill's answers: 200 is well, anything else an error with a code and words (kakao.md §4.4)."""

from typing import Any

import orjson

from majung.channels.adapters.base import DealerRefused, Page, Reported
from majung.channels.adapters.popbill import codes
from majung.channels.adapters.reading import inside, integer, json_in, no_answer, rows_of, text_of
from majung.channels.adapters.terms import Reply

_LONGEST = 64
_MOST_REPORTED = 10_000


def good(reply: Reply, pause: str = "DEALER_REFUSES") -> Any:
    """What a 200 says. Raises what any other answer means; a refusal pauses for this reason."""
    told = json_in(reply)
    if reply.status == 200:
        return told
    code = integer(told.get("code")) if isinstance(told, dict) else None
    if code is None:
        raise no_answer(reply, "code")
    raise DealerRefused(str(code), text_of(told, "message")[:300], pause=pause, raw=reply.body)


def found(reply: Reply, key: str) -> str:
    """Popbill's number of the request with exactly this key, "" when there is none or it says no."""
    if 400 <= reply.status < 500 and reply.status not in (401, 403, 429):
        told = json_in(reply)
        if isinstance(told, dict) and integer(told.get("code")) is not None:
            return ""
    rows = listed(reply)
    named = (text_of(row, "receiptNum") for row in rows if key and text_of(row, "requestNum") == key)
    return next((ref for ref in named if 0 < len(ref) <= _LONGEST), "")


def handed(reply: Reply) -> str:
    """Popbill's number of a request."""
    ref = text_of(good(reply), "receiptNum")
    if not 0 < len(ref) <= _LONGEST:
        raise no_answer(reply, "receiptNum")
    return ref


def listed(reply: Reply) -> list[dict[str, Any]]:
    """The messages of a request: texts stand in a list, those of KakaoTalk in a list inside."""
    told = good(reply)
    rows = rows_of({"msgs": told} if isinstance(told, list) else inside(told), "msgs")
    if not rows:  # a request has a message at least
        raise no_answer(reply, "messages")
    return rows


def results(reply: Reply) -> Page:
    """All results of a request, with our ids."""
    rows = listed(reply)
    told = [codes.of_row(text_of(row, "state"), text_of(row, "result")) for row in rows]
    return Page(ids=[text_of(row, "interOPRefKey") for row in rows], codes=told, next_key="")


def reported(body: bytes) -> set[Reported]:
    """The request that a webhook speaks of, with our key; or several in a list. Raises ValueError."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError("the body is no JSON") from error
    rows = told if isinstance(told, list) else [told]
    if len(rows) > _MOST_REPORTED or not all(isinstance(row, dict) for row in rows):
        raise ValueError("a report is an object")
    return {Reported(ref, text_of(row, "requestNum")) for row in rows if (ref := text_of(row, "receiptNum"))}
