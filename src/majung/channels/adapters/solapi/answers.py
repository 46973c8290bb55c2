"""Reading Solapi's answers: JSON or not, error or not (kakao.md §4.1 "Errors")."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
import orjson

from majung.channels.adapters.base import DealerRefused, NoBalance, UnknownGroup, WrongState
from majung.channels.adapters.terms import Reply
from majung.core.errors import Outside

T = TypeVar("T")

JSON = MappingProxyType({"Content-Type": "application/json"})


class _Ours(msgspec.Struct, gc=False, frozen=True):
    id: str = ""


_NONE = _Ours()


class Item(msgspec.Struct, gc=False):
    """Of one message in an answer, what we read: a million of them are told for each campaign."""

    statusCode: str = ""  # noqa: N815  the dealer's spelling
    customFields: _Ours = _NONE  # noqa: N815


def our_ids_of(items: Iterable[Item]) -> list[str]:
    """Our id of each message as we sent it, or ""."""
    return [item.customFields.id for item in items]


def codes_of(items: Sequence["Item | ReportItem"]) -> list[int]:
    """Status codes as numbers, 0 for what is none; there are few different ones."""
    told = [item.statusCode for item in items]
    number = {code: whole(code) for code in set(told)}
    return [number[code] for code in told]


class _Added(msgspec.Struct, gc=False):
    resultList: list[Item]  # noqa: N815


class _Listed(msgspec.Struct, gc=False):
    messageList: dict[str, Item]  # noqa: N815
    nextKey: str | None = None  # noqa: N815


class ReportItem(msgspec.Struct, gc=False):
    """Of one item of a report, what we read: a message's, or a group's (no id of ours, no code)."""

    groupId: str = ""  # noqa: N815
    statusCode: str = ""  # noqa: N815
    customFields: _Ours | None = None  # noqa: N815

    @property
    def our_id(self) -> str:
        """Our id as we sent it, or ""."""
        return "" if self.customFields is None else self.customFields.id


class _Wrapped(msgspec.Struct, gc=False):
    data: ReportItem


_WRAPPED, _BARE = msgspec.json.Decoder(list[_Wrapped]), msgspec.json.Decoder(list[ReportItem])
_ADDED, _LISTED = msgspec.json.Decoder(_Added), msgspec.json.Decoder(_Listed)


class _One(msgspec.Struct, gc=False):
    statusCode: str  # noqa: N815
    to: str | None = None


_ONE = msgspec.json.Decoder(_One)

_PAUSES = {
    "InvalidAPIKey": "ACCOUNT_KEY", "SignatureDoesNotMatch": "ACCOUNT_KEY", "Unauthorized": "ACCOUNT_KEY",
    "Forbidden": "ACCOUNT_KEY", "RequestTimeTooSkewed": "CLOCK_SKEW", "NotOperationalStatus": "ACCOUNT_CLOSED",
}  # fmt: skip
_TIMEOUT = 408
"""Somebody on the way gave up waiting: nobody knows for what."""
_TELLING = 4
"""So many last digits are written together in every form of a number."""
_MOST_ITEMS = 10_000
"""Items of one report."""
_STATE_ERRORS = {"InvalidStatus", "DeletedGroup", "FailedGroup"}


def check(reply: Reply) -> None:
    """Raise what an error answer means; return for a 200."""
    if reply.status == 200:
        return
    told = _parsed(reply.body)
    code = str(told.get("errorCode", reply.status)) if isinstance(told, dict) else str(reply.status)
    words = str(told.get("errorMessage", ""))[:300] if isinstance(told, dict) else ""
    if code == "NotEnoughBalance" or reply.status == 402:
        raise NoBalance(code, words, pause="NO_BALANCE", raw=reply.body)
    if code in _STATE_ERRORS:
        raise WrongState(code, words, raw=reply.body)
    if code == "ResourceNotFound" or reply.status == 404:
        raise UnknownGroup(code, words, raw=reply.body)
    if code == "DuplicatedSignature" or reply.status == 429 or reply.status >= 500:
        raise DealerRefused(code, words, retryable=True, after_seconds=1.0, raw=reply.body)
    raise DealerRefused(code, words, pause=_PAUSES.get(code, "DEALER_REFUSES"), raw=reply.body)


def object_of(reply: Reply) -> dict[str, Any]:
    """The JSON object of a good answer."""
    check(reply)
    told = _parsed(reply.body)
    if not isinstance(told, dict):
        raise Outside("the answer is no JSON object", retryable=True, raw=reply.body[:2000])
    return told


def parsed_list(reply: Reply) -> list[Any]:
    """The JSON list of a good answer."""
    check(reply)
    told = _parsed(reply.body)
    if not isinstance(told, list):
        raise Outside("the answer is no JSON list", retryable=True, raw=reply.body[:2000])
    return told


def added(reply: Reply) -> list[Item]:
    """What is told of the messages put into a group."""
    check(reply)
    try:
        return _ADDED.decode(reply.body).resultList
    except msgspec.DecodeError:
        results = object_of(reply).get("resultList")
        if not isinstance(results, list):
            raise Outside("no resultList in the answer", retryable=False, raw=reply.body[:2000]) from None
        return [_item(result) for result in results]


def one(status: int, body: bytes, number: bytes) -> str:
    """The status code of the one message that was sent to ``number``. What tells nothing for certain is a plain Outside."""
    if status == 200:
        try:
            told = _ONE.decode(body)
            if told.to and told.to[-_TELLING:] != number[-_TELLING:].decode():  # however the rest of it is written
                raise Outside("an answer about another number", retryable=True, raw=body[:2000])
            return told.statusCode
        except (msgspec.DecodeError, RecursionError):
            raise Outside("no statusCode in the answer", retryable=False, raw=body[:2000]) from None
    if 400 <= status < 500 and status != _TIMEOUT:
        check(Reply(status, body))
    raise Outside(f"HTTP {status}", retryable=True, after_seconds=1.0, raw=body[:2000])


def listed(reply: Reply) -> tuple[list[Item], str]:
    """A page of a group's messages, and the key of the next page or ""."""
    check(reply)
    try:
        page = _LISTED.decode(reply.body)
        return list(page.messageList.values()), page.nextKey or ""
    except msgspec.DecodeError:
        told = object_of(reply)
        messages = told.get("messageList")
        if not isinstance(messages, dict):
            raise Outside("no messageList in the answer", retryable=True, raw=reply.body[:2000]) from None
        return [_item(message) for message in messages.values()], text_of(told, "nextKey")


def reported(body: bytes) -> list[ReportItem]:
    """The items of a report, whose fields stand under ``data`` or on the item itself. Raises ValueError."""
    with suppress(msgspec.DecodeError, RecursionError):
        return _few([item.data for item in _WRAPPED.decode(body)])
    with suppress(msgspec.DecodeError, RecursionError):
        bare = _BARE.decode(body)
        if all(item.groupId for item in bare):
            return _few(bare)
    told = _parsed(body)
    if not isinstance(told, list):
        raise ValueError("a report is a list")
    return [_report_item(item) for item in _few(told)]


def _few(items: list[T]) -> list[T]:
    if len(items) > _MOST_ITEMS:
        raise ValueError("too many items")
    return items


def _report_item(item: Any) -> ReportItem:
    """An item of a report that is not as documented: what can be read of it."""
    inner = item.get("data", item) if isinstance(item, dict) else None
    fields = inner.get("customFields") if isinstance(inner, dict) else None
    code = inner.get("statusCode") if isinstance(inner, dict) else None
    return ReportItem(
        groupId=text_of(inner, "groupId"), statusCode=str(whole(code) or ""), customFields=_Ours(text_of(fields, "id"))
    )


def _item(told: Any) -> Item:
    """A message of an answer that is not as documented: what can be read of it."""
    fields = told.get("customFields") if isinstance(told, dict) else None
    code = told.get("statusCode") if isinstance(told, dict) else None
    return Item(statusCode=str(whole(code)), customFields=_Ours(text_of(fields, "id")))


def members(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in the list (or map) ``name`` of an answer."""
    found = told.get(name)
    rows = list(found.values()) if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise Outside(f"no {name} in the answer", retryable=True)
    return [row for row in rows if isinstance(row, dict)]


def text_of(row: Any, name: str) -> str:
    """The text ``name`` of an object, or ""."""
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int:
    """A whole number written as number or text, else 0."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _parsed(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
