"""Reading answers that may hold anything: objects, lists, texts and numbers out of JSON, or nothing in their place."""

from typing import Any

import orjson

from majung.channels.adapters.base import DealerRefused
from majung.channels.adapters.terms import Reply
from majung.core.errors import Outside


def json_in(reply: Reply, encoding: str = "") -> Any:
    """The JSON of an answer, None when it is none. Raises what the HTTP status alone says: 429, 5xx, 401 and 403.

    ``encoding``: what it may be written in, if it is not UTF-8.
    """
    if reply.status == 429:
        raise DealerRefused("429", "too many requests", retryable=True, after_seconds=1.0, raw=reply.body)
    if reply.status >= 500:
        raise Outside(f"HTTP {reply.status}", retryable=True, after_seconds=1.0, raw=reply.body[:2000])
    if reply.status in (401, 403):
        raise DealerRefused(str(reply.status), "not allowed", pause="ACCOUNT_KEY", raw=reply.body)
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return _recoded(reply.body, encoding) if encoding else None


def told_in(reply: Reply, encoding: str = "") -> dict[str, Any]:
    """The JSON object of an answer, {} for anything else; as ``json_in``."""
    told = json_in(reply, encoding)
    return told if isinstance(told, dict) else {}


def _recoded(body: bytes, encoding: str) -> Any:
    try:
        return orjson.loads(body.decode(encoding))
    except ValueError:
        return None


def no_answer(reply: Reply, missing: str) -> Outside:
    """What an answer without the documented fields means: refused if the status says so, else doubt."""
    if reply.status >= 400:
        return DealerRefused(str(reply.status), "refused", pause="DEALER_REFUSES", raw=reply.body)
    return Outside(f"no {missing} in the answer", retryable=True, raw=reply.body[:2000])


def inside(told: Any, *names: str) -> dict[str, Any]:
    """The object under these names, or an empty one."""
    for name in names:
        told = told.get(name) if isinstance(told, dict) else None
    return told if isinstance(told, dict) else {}


def rows_of(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list, or none."""
    found = told.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def text_of(row: Any, name: str) -> str:
    """The text ``name`` of an object, or "". Numbers are taken as text."""
    value = row.get(name) if isinstance(row, dict) else None
    return str(value) if isinstance(value, str) or type(value) is int else ""


def whole(value: Any) -> int:
    """A whole number written as number or text, else 0."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def integer(value: Any) -> int | None:
    """A whole number, also a negative one, written as number or text; None for anything else."""
    text = str(value) if type(value) in (int, str) else ""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 16 else None


def digits_of(row: Any, name: str) -> str:
    """The digits of a telephone number in an object, or ""."""
    return "".join(one for one in text_of(row, name)[:40] if one in "0123456789")
