"""Reading NHN's answers: HTTP is 200 for most refusals, so the header of the envelope decides (kakao.md §4.2)."""

from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from majung.channels.adapters.base import AlreadyTaken, DealerRefused, Page, Reported, UnknownGroup
from majung.channels.adapters.nhn import codes
from majung.channels.adapters.reading import inside, no_answer, rows_of, text_of, told_in, whole
from majung.channels.adapters.terms import Reply
from majung.core.errors import Outside

JSON = MappingProxyType({"Content-Type": "application/json;charset=UTF-8"})
ALL_REFUSED = -1031
_PAUSES = {-1000: "ACCOUNT_KEY", -1001: "ACCOUNT_KEY"}
_UNSURE = frozenset({-7000, -9999})
"""The other side broke while it was at it: whether the request was taken, nobody knows."""
_NOT_FOUND, _REPEATED = -1016, -1005
_MOST_HOOKS = 10_000


def envelope(reply: Reply) -> tuple[int, dict[str, Any]]:
    """The header's code (0: well, or ALL_REFUSED) and the whole answer. Raises what any other refusal means."""
    told = told_in(reply)
    header = inside(told, "header")
    code = header.get("resultCode")
    if type(code) is not int:
        raise no_answer(reply, "envelope")
    if header.get("isSuccessful") is True and code == 0:
        return 0, told
    if code == ALL_REFUSED:
        return code, told
    words = str(header.get("resultMessage", ""))[:300]
    if code == 0 or code in _UNSURE:
        raise Outside(f"{code}: {words}", retryable=True, after_seconds=1.0, raw=reply.body[:2000])
    if code == _REPEATED:
        raise AlreadyTaken(str(code), words, raw=reply.body)
    if code == _NOT_FOUND:
        raise UnknownGroup(str(code), words, raw=reply.body)
    raise DealerRefused(str(code), words, pause=_PAUSES.get(code, "DEALER_REFUSES"), raw=reply.body)


def handed(reply: Reply, *, is_text: bool) -> tuple[str, list[dict[str, Any]]]:
    """The request's id ("" when everybody was refused) and a row a recipient."""
    code, told = envelope(reply)
    inner = inside(told, "body", "data") if is_text else inside(told, "message")
    rows = rows_of(inner, "sendResultList" if is_text else "sendResults")
    ref = text_of(inner, "requestId")
    if code == ALL_REFUSED:
        return "", rows
    if not 0 < len(ref) <= 64:
        raise Outside("no requestId in the answer", retryable=False, raw=reply.body[:2000])
    return ref, rows


def listed(reply: Reply, *, is_text: bool) -> tuple[list[dict[str, Any]], str]:
    """The rows of a list of messages, and the number of the next page."""
    code, told = envelope(reply)
    inner = inside(told, "body") if is_text else inside(told, "messageSearchResultResponse")
    rows = inner.get("data" if is_text else "messages")
    if code or not isinstance(rows, list):
        raise Outside("no messages in the answer", retryable=True, raw=reply.body[:2000])
    return [row for row in rows if isinstance(row, dict)], next_page(reply, inner)


def next_page(reply: Reply, told: dict[str, Any]) -> str:
    """The number of the next page, by what was asked and ``totalCount``; "" at the end."""
    asked = parse_qs(urlsplit(reply.asked).query)
    number, size = (whole(asked.get(name, [""])[0]) for name in ("pageNum", "pageSize"))
    return str(number + 1) if number and size and number * size < whole(told.get("totalCount")) else ""


def results(rows: list[dict[str, Any]], next_key: str, *, is_text: bool) -> Page:
    """A page: our ids where the rows repeat them, and places from the numbers NHN gave."""
    told = [
        codes.text(str(row.get("msgStatus", "")), text_of(row, "resultCode"))
        if is_text
        else codes.kakao(text_of(row, "messageStatus"), text_of(row, "resultCode"), row.get("isAddedChannel"))
        for row in rows
    ]
    ids = [text_of(row, "recipientGroupingKey") for row in rows]
    return Page(ids=ids, codes=told, next_key=next_key, places=[whole(row.get("recipientSeq")) - 1 for row in rows])


def reported(body: bytes) -> set[Reported]:
    """The requests that a webhook speaks of, with our keys. Raises ValueError."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError("the body is no JSON") from error
    hooks = told.get("hooks") if isinstance(told, dict) else None
    if not isinstance(hooks, list):
        raise ValueError("a report has a list of hooks")
    if len(hooks) > _MOST_HOOKS:
        raise ValueError("too many hooks")
    return {Reported(ref, text_of(hook, "senderGroupingKey")) for hook in hooks if (ref := text_of(hook, "requestId"))}
