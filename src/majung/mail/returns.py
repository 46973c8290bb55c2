"""Returned letters (RFC 3464) read and believed as far as they prove whose they are. Plain.

Anybody can write to the address for returns. What counts is the signed token (``consent.links``) that our letter carried in
its envelope and its List-Unsubscribe: without it a return is nobody's, and with it it speaks of one person alone. An address
is marked only when the return names the very address that the person holds.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from enum import StrEnum
from typing import Any, Final

import psycopg

from majung.consent import links
from majung.consent.links import Link
from majung.core import sql
from majung.core.sealing import Sealer
from majung.core.text import fold
from majung.people.addresses import normalise

LARGEST: Final = 512 * 1024
"""Bytes of a returned letter that are read; a return that brings back pictures says everything before them."""
MOST_PARTS: Final = 50

_TOKEN_IN_PATH = re.compile(r"\+([A-Za-z0-9_-]{36})@")
_TOKEN_IN_LINK = re.compile(r"/([A-Za-z0-9_-]{36})>")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ENVELOPES = ("x-original-to", "delivered-to", "envelope-to", "to")


class Found(StrEnum):
    """What became of a returned letter."""

    MARKED = "marked"
    """The address does not exist: it is not written to again."""
    PASSING = "passing"
    """A full mailbox, a filter, a delay: nothing to do."""
    UNKNOWN = "unknown"
    """Not a return, or not of a letter of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """What a returned letter says: whose it was, which addresses failed, and how."""

    link: Link
    addresses: tuple[str, ...]
    status: str

    @property
    def is_for_good(self) -> bool:
        """Whether nobody is there: the address is wrong or closed (5.1.x but a bad sender, 5.2.1). Not when a box is full,
        a filter refuses or a route is down.
        """
        kind = _STATUS.fullmatch(self.status)
        if kind is None or kind[1] != "5":
            return False
        return (kind[2] == "1" and kind[3] not in ("7", "8")) or (kind[2], kind[3]) == ("2", "1")


def read(raw: bytes, sealer: Sealer) -> Return | None:
    """What ``raw`` says, or None when it is no return of a letter of ours. Never raises for what others wrote."""
    try:
        whole = email.message_from_bytes(raw[:LARGEST], policy=email.policy.compat32)
        parts = list(_parts(whole))
        link = _link(whole, parts, sealer)
        report = next((part for part in parts if part.get_content_type() == "message/delivery-status"), None)
        if link is None or report is None:
            return None
        return _failed(link, report)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def take(connection: psycopg.Connection[Any], sealer: Sealer, raw: bytes, at: datetime) -> Found:
    """A returned letter is judged, and its address marked if it is gone for good. Comes twice without harm."""
    told = read(raw, sealer)
    if told is None:
        return Found.UNKNOWN
    if not told.is_for_good:
        return Found.PASSING
    root = told.link.root
    facts = {
        "root": root, "person": told.link.person, "at": at, "status": told.status, "campaign": told.link.campaign or None,
        "blinds": [sealer.blind(root, "email", fold(address)) for address in told.addresses],
    }  # fmt: skip
    marked = connection.execute(sql.load("majung.mail", "returns", "mark"), facts).fetchall()
    return Found.MARKED if marked else Found.PASSING


def _parts(whole: Message) -> Iterator[Message]:
    for number, part in enumerate(whole.walk()):
        if number >= MOST_PARTS:
            return
        yield part


def _link(whole: Message, parts: list[Message], sealer: Sealer) -> Link | None:
    """The first signed token: of the address it came back to, else of the head of the letter that it brings back."""
    told = [
        found
        for name in _ENVELOPES
        for value in whole.get_all(name, [])
        for found in _TOKEN_IN_PATH.findall(str(value))
    ]
    for part in parts:
        told += [
            found for value in part.get_all("list-unsubscribe", []) for found in _TOKEN_IN_LINK.findall(str(value))
        ]
        if part.get_content_type() == "text/rfc822-headers" or part.get_content_type() == "message/rfc822-headers":
            told += _TOKEN_IN_LINK.findall(_unfolded(part))
    return next((link for token in told[:MOST_PARTS] if (link := links.read(token, sealer=sealer))), None)


def _unfolded(part: Message) -> str:
    payload = part.get_payload(decode=False)
    text = payload if isinstance(payload, str) else "".join(str(one) for one in payload)
    return re.sub(r"\r?\n[ \t]+", "", text[:LARGEST])


def _failed(link: Link, report: Message) -> Return | None:
    """The recipients of a delivery-status part that failed, and the status of the first of them."""
    groups = report.get_payload()
    addresses: list[str] = []
    status = ""
    for group in groups[:MOST_PARTS] if isinstance(groups, list) else []:
        if not isinstance(group, Message) or str(group.get("action", "")).strip().lower() != "failed":
            continue
        told = [str(group.get(name, "")).partition(";")[2] for name in ("original-recipient", "final-recipient")]
        addresses += [address for one in told if (address := normalise(one))]
        code = _STATUS.search(str(group.get("status", "")))
        status = status or (code[0] if code else "")
    if not addresses:
        return None
    return Return(link=link, addresses=tuple(dict.fromkeys(addresses)), status=status)
