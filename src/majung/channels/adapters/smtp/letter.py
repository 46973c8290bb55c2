"""A letter as bytes: a plain text and the same as minimal HTML, with the headers by which it can be refused and returned.

Pure. Everything that comes from people is encoded or escaped; what could end a header line is refused (ValueError). The
date is the line's: a letter is composed once and may wait.
"""

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr
from functools import lru_cache

from majung.channels.adapters.terms import Button
from majung.people.addresses import is_address

_LINK = re.compile(r"https?://[^\s<>\"']+")
_TRAILING = ".,;:!?)]}’”"
_LINE = 76
"""Characters of a line of base64 (RFC 2045)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who writes: the address and name that are shown, where answers go, and where what cannot be delivered returns to."""

    address: str
    name: str = ""
    reply_to: str = ""
    bounces: str = ""

    @property
    def domain(self) -> str:
        """The domain behind which our ids are unique."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter in its envelope; ``content`` has no Date yet."""

    sender: str
    recipient: str
    content: bytes


def return_path(sender: Sender, token: str) -> str:
    """The envelope's sender of one letter: what comes back names whose it was (VERP), under the token's own signature."""
    local, _, domain = (sender.bounces or sender.address).rpartition("@")
    return f"{local}+{token}@{domain}"


def compose(
    *, sender: Sender, recipient: str, message_id: str, subject: str, text: str, html_text: str, unsubscribe: str
) -> bytes:
    """The letter without its Date. ``unsubscribe`` is an address that takes the one-click POST (RFC 8058).

    Raises ValueError for an address that is none, and for a line break or a control character in a header.
    """
    if not is_address(recipient):
        raise ValueError("not a mail address")
    for value in (message_id, unsubscribe, sender.address, sender.reply_to):
        if not value.isascii() or any(c.isspace() or not c.isprintable() for c in value):
            raise ValueError("a header would break")
    boundary = f"=_{message_id}"
    headers = [
        ("From", _from(sender.name, sender.address)),
        ("To", recipient),
        ("Subject", _subject(subject)),
        ("Message-ID", f"<{message_id}@{sender.domain}>"),
        ("List-Unsubscribe", f"<{unsubscribe}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
    ]
    if sender.reply_to:
        headers.insert(1, ("Reply-To", sender.reply_to))
    parts = [("plain", text), ("html", html_text)]
    return b"".join((
        *(f"{name}: {value}\r\n".encode("ascii") for name, value in headers), b"\r\n",
        *(_part(boundary, kind, said) for kind, said in parts), f"--{boundary}--\r\n".encode("ascii"),
    ))  # fmt: skip


def as_html(text: str, buttons: Sequence[Button] = ()) -> str:
    """``text`` as a small page without pictures, styles or scripts: line breaks and web addresses become what they are."""
    said = "<br>\n".join(_linked(line) for line in text.split("\n"))
    links = "".join(f"<p>{_anchor(one.link_mobile or one.link_pc, one.name)}</p>\n" for one in buttons)
    return f'<!DOCTYPE html>\n<html lang="ko"><meta charset="utf-8"><body><p>{said}</p>\n{links}</body></html>\n'


def with_buttons(text: str, buttons: Sequence[Button]) -> str:
    """``text`` with the buttons as lines below it."""
    lines = [f"{one.name}: {one.link_mobile or one.link_pc}" for one in buttons]
    return "\n".join([text, "", *lines]) if lines else text


def _linked(line: str) -> str:
    done, at = [], 0
    for found in _LINK.finditer(line):
        url = found[0].rstrip(_TRAILING)
        done += [html.escape(line[at : found.start()]), _anchor(url, url)]
        at = found.start() + len(url)
    return "".join((*done, html.escape(line[at:])))


def _anchor(url: str, words: str) -> str:
    if not url.startswith(("https://", "http://")):
        return html.escape(words)
    return f'<a href="{html.escape(url)}">{html.escape(words)}</a>'


@lru_cache(256)
def _from(name: str, address: str) -> str:
    if not is_address(address):
        raise ValueError("not a mail address")
    return formataddr((_plain(name), address), "utf-8") if name else address


@lru_cache(1024)
def _subject(subject: str) -> str:
    return Header(_plain(subject), "utf-8", header_name="Subject").encode(linesep="\r\n")


def _plain(value: str) -> str:
    """``value`` on one line: what was typed over several, or pasted with odd blanks, is told in one."""
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def _part(boundary: str, kind: str, said: str) -> bytes:
    coded = base64.b64encode(said.replace("\n", "\r\n").encode())
    lines = b"\r\n".join(coded[start : start + _LINE] for start in range(0, len(coded), _LINE))
    head = f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode("ascii") + lines + b"\r\n"
