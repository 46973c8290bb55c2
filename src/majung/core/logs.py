"""What a log may say: constant sentences, ids and plain facts, never a name, a number or a body (style.md 14, SEC-05).

Two forms, chosen by ``MAJUNG_LOG_FORMAT``: a line for people, and one JSON object a line for machines. Both leave out what an
exception says, because others put values into their messages ('invalid input syntax for type integer: "홍길동"'); its type, the
database's code and the places it passed are what is needed to find a fault.
"""

import json
import logging
import re
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import psycopg

from majung.core.errors import Misconfigured, Outside, Refusal

SPEAKING = (Misconfigured, Outside, Refusal)
"""Exceptions whose own words are ours, made of ids and plain facts."""
LONGEST = 300
MOST = 50
_NOTHING: Mapping[str, Any] = MappingProxyType({})
ABOUT: ContextVar[Mapping[str, Any]] = ContextVar("about", default=_NOTHING)
"""Ids of the work in hand (campaign, chunks): whatever is logged meanwhile carries them."""
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "request_id",
    "request",
    "server_time",
}
_NUMBER = re.compile(r"\+?\d(?:[ .()-]?\d){8,}")
_MAIL = re.compile(r"[^\s@\"'<>=]+@[^\s@\"'<>]+\.\w+")


def clean(text: str) -> str:
    """``text`` without anything that looks like a telephone number or a mail address, at a bearable length."""
    return _MAIL.sub("<mail>", _NUMBER.sub("<number>", text))[:LONGEST]


def facts(record: logging.LogRecord) -> dict[str, Any]:
    """The ids and plain facts of a record, those of its surroundings first."""
    own = {name: value for name, value in vars(record).items() if name not in _OWN and not name.startswith("_")}
    return {name: _plain(value) for name, value in {**ABOUT.get(), **own}.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {clean(str(name)): _plain(item) for name, item in list(value.items())[:MOST]}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:MOST]]
    return clean(str(value)) if isinstance(value, str) else type(value).__name__


def fault(error: BaseException) -> dict[str, Any]:
    """An exception without what it says: type, database code, words of our own, the places, and what it came from."""
    told: dict[str, Any] = {"type": f"{type(error).__module__}.{type(error).__qualname__}"}
    if isinstance(error, psycopg.Error) and error.sqlstate:
        told["sqlstate"] = error.sqlstate
    elif isinstance(error, (*SPEAKING, psycopg.OperationalError)):
        told["says"] = clean(str(error))
    elif isinstance(error, OSError) and error.strerror:
        told["says"] = error.strerror
    told["at"] = [
        f"{place.filename}:{place.lineno} {place.name}" for place in traceback.extract_tb(error.__traceback__)
    ]
    came_from = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if came_from is not None:
        told["from"] = fault(came_from)
    return told


class Json(logging.Formatter):
    """One JSON object a line: at (UTC), level, logger, message, request_id, facts, fault."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname, "logger": record.name, "message": clean(record.getMessage()),
        }  # fmt: skip
        if (request := getattr(record, "request_id", "-")) != "-":
            told["request_id"] = request
        told |= {name: value for name, value in facts(record).items() if name not in told}
        if record.exc_info and record.exc_info[1] is not None:
            told["fault"] = fault(record.exc_info[1])
        return json.dumps(told, ensure_ascii=False)


class Line(logging.Formatter):
    """The same for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, its facts behind it, its fault below it."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(" ", timespec="milliseconds")
        told = [at, record.levelname, getattr(record, "request_id", "-"), record.name, clean(record.getMessage())]
        told += [f"{name}={value}" for name, value in facts(record).items()]
        lines = [" ".join(told)]
        error = fault(record.exc_info[1]) if record.exc_info and record.exc_info[1] is not None else None
        while error is not None:
            lines.append(f"  {error['type']} {error.get('sqlstate', '')} {error.get('says', '')}".rstrip())
            lines += [f"    {place}" for place in error["at"]]
            error = error.get("from")
        return "\n".join(lines)


FORMS: dict[str, type[logging.Formatter]] = {"line": Line, "json": Json}


def form(name: str) -> type[logging.Formatter]:
    """The form of that name. Raises Misconfigured."""
    if name not in FORMS:
        raise Misconfigured(f"MAJUNG_LOG_FORMAT={name!r}: must be one of {', '.join(FORMS)}")
    return FORMS[name]


def configure(level: str, name: str) -> None:
    """Logs of a process without Django go to stderr in that form."""
    handler = logging.StreamHandler()
    handler.setFormatter(form(name)())
    logging.basicConfig(level=level, handlers=[handler], force=True)
