"""What Solapi's two ways of sending have in common: kinds, the proof of a request, status codes (kakao.md §4.1)."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from types import MappingProxyType
from typing import ClassVar

from majung.channels.adapters.solapi import codes
from majung.channels.adapters.solapi.account import SolapiAccountCalls
from majung.channels.adapters.solapi.answers import JSON
from majung.channels.adapters.terms import Kind, KindFacts, Printer, Wire

_BLOCK = 64


class SolapiTerms(SolapiAccountCalls):
    """Solapi v4, however messages are handed over."""

    live_url = "https://api.solapi.com"
    page_size = 1_000  # the largest page is not documented in our sources (kakao.md §4.1)
    secrets = frozenset({"Authorization", "to", "from", "apiKey", "signature"})
    kinds: ClassVar[Mapping[Kind, KindFacts]] = MappingProxyType(
        {
            Kind.ALIM: KindFacts(
                medium="KAKAO_ALIM", characters=1300, buttons=5, button_name=14, link=500, needs_template=True,
                needs_profile=True, sender=Printer.MESSENGER,
            ),
            # KakaoTalk prints the label, the channel's name and the opt-out around the bubble (kakao.md §3.3).
            Kind.BRAND: KindFacts(
                medium="KAKAO_AD", characters=1300, line_breaks=99, buttons=5, button_name=14, link=1000,
                takes_image=True, needs_profile=True, friends_only=True, label=Printer.MESSENGER,
                sender=Printer.MESSENGER, opt_out=Printer.MESSENGER,
            ),
            Kind.SMS: KindFacts(
                medium="SMS", bytes=90, needs_sender=True, label=Printer.TEXT, sender=Printer.TEXT,
                opt_out=Printer.TEXT,
            ),
            Kind.LMS: KindFacts(
                medium="SMS", bytes=2000, subject_bytes=40, needs_sender=True, label=Printer.TEXT, sender=Printer.TEXT,
                opt_out=Printer.TEXT,
            ),
        }
    )  # fmt: skip

    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        """The Authorization header: HMAC-SHA256 over date and salt, good once, for 15 minutes."""
        date = date_of(now)
        proof = signature(self.account.secret, date, salt)
        value = f"HMAC-SHA256 apiKey={self.account.key}, date={date}, salt={salt}, signature={proof}"
        return replace(wire, headers={**wire.headers, "Authorization": value})

    def outcome(self, code: int) -> int:
        """See ``codes``."""
        return codes.outcome(code)

    def _wire(self, method: str, path: str, content: bytes = b"") -> Wire:
        return Wire(method, self.url(path), JSON if content else {}, content)


def date_of(now: datetime) -> str:
    """A moment as signatures and lists have it."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds")


def signature(secret: str, date: str, salt: str) -> str:
    """Lower-case hex of HMAC-SHA256(secret, date + salt)."""
    return hmac.digest(secret.encode(), (date + salt).encode(), "sha256").hex()


def signatures_of(secret: str, date: str, salts: Sequence[bytes]) -> list[bytes]:
    """``signature`` for many salts of one date, for a third of the work: HMAC (RFC 2104) from states that know key and date."""
    key = secret.encode()
    block = (sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    begun = sha256(bytes(byte ^ 0x36 for byte in block) + date.encode())
    ended = sha256(bytes(byte ^ 0x5C for byte in block))
    found = []
    for salt in salts:
        inner, outer = begun.copy(), ended.copy()
        inner.update(salt)
        outer.update(inner.digest())
        found.append(outer.hexdigest().encode())
    return found
