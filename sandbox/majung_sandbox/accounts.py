"""Dealer accounts: keys and signatures, money, sender numbers, opt-outs."""

import hashlib
import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from majung_sandbox.clock import Clock, iso, parse_iso
from majung_sandbox.codes import KINDS, PRICES_KRW
from majung_sandbox.errors import GatewayError

WINDOW_SECONDS = 15 * 60
DEFAULT_BALANCE_KRW = 1_000_000_000

_PAIR = re.compile(r"\s*([A-Za-z]+)\s*=\s*([^,]*?)\s*(?:,|$)")


@dataclass(slots=True)
class Refused:
    """One number that refused advertising from this account (`/iam/v1/black`, type DENIAL)."""

    number: str
    sender: str
    at: str


REPORTS = ("single", "group")
"""What is reported to the webhook: each message, and each group once it is complete. Registered apart at the gateway."""


@dataclass(slots=True)
class Account:
    """One customer of the gateway. Money is in hundredths of a won."""

    key: str
    secret: str
    balance_centiwon: int = DEFAULT_BALANCE_KRW * 100
    senders: list[str] = field(default_factory=list)
    webhook_url: str = ""
    reports: list[str] = field(default_factory=lambda: list(REPORTS))
    prices_centiwon: dict[str, int] = field(default_factory=lambda: {k: round(v * 100) for k, v in PRICES_KRW.items()})
    refused: dict[str, Refused] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    any_sender: bool = False

    @property
    def account_id(self) -> str:
        """The id printed in answers; derived from the key, so it is the same after a restart."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:14]

    def price_list(self) -> list[int]:
        """Hundredths of a won by kind number."""
        return [self.prices_centiwon.get(name, 0) for name in KINDS]

    def may_send_from(self, sender: str) -> bool:
        """Whether the number was registered beforehand (kakao.md §5)."""
        return self.any_sender or sender in self.senders

    def refuse(self, number: str, sender: str, at: datetime) -> None:
        """Put a number on the list of those who refused; a second time changes nothing."""
        self.refused.setdefault(number, Refused(number, sender, iso(at)))

    def dump(self) -> dict[str, Any]:
        """Everything needed to make the account again."""
        return {
            "key": self.key, "secret": self.secret, "balance_centiwon": self.balance_centiwon, "senders": self.senders,
            "webhook_url": self.webhook_url, "reports": self.reports, "prices_centiwon": self.prices_centiwon,
            "any_sender": self.any_sender,
            "refused": [[r.number, r.sender, r.at] for r in self.refused.values()], "blocked": self.blocked,
        }  # fmt: skip

    @classmethod
    def load(cls, saved: dict[str, Any]) -> "Account":
        """The account that `dump` wrote."""
        refused = {number: Refused(number, sender, at) for number, sender, at in saved.pop("refused")}
        return cls(**saved, refused=refused)


class Accounts:
    """All accounts, and the check of a request's signature."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_key: dict[str, Account] = {}
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()

    def add(self, account: Account) -> None:
        """Add or replace an account."""
        self._by_key[account.key] = account

    def get(self, key: str) -> Account | None:
        """The account of an API key."""
        return self._by_key.get(key)

    def all(self) -> list[Account]:
        """Every account, in the order they were made."""
        return list(self._by_key.values())

    def authenticate(self, header: str) -> Account:
        """The account that signed the request. A signature is good once, for 15 minutes (kakao.md §4.1)."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != "hmac-sha256":
            raise GatewayError(401, "Unauthorized", "HMAC-SHA256 Authorization 헤더가 필요합니다.")
        parts = {name.lower(): value for name, value in _PAIR.findall(rest)}
        key, date, salt, signature = (parts.get(name, "") for name in ("apikey", "date", "salt", "signature"))
        account = self._by_key.get(key)
        if account is None:
            raise GatewayError(403, "InvalidAPIKey", "유효한 API Key가 아닙니다.")
        at = parse_iso(date)
        if at is None:
            raise GatewayError(403, "SignatureDoesNotMatch", "date가 ISO 8601 형식이 아닙니다.")
        if not 12 <= len(salt) <= 64:
            raise GatewayError(403, "SignatureDoesNotMatch", "salt는 12–64자여야 합니다.")
        now = self._clock.now()
        if abs((now - at).total_seconds()) > WINDOW_SECONDS:
            raise GatewayError(403, "RequestTimeTooSkewed", "요청 시각이 서버 시각과 15분 넘게 다릅니다.")
        expected = hmac.new(account.secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise GatewayError(403, "SignatureDoesNotMatch", "서명이 맞지 않습니다.")
        self._use_once(key, signature, now.timestamp())
        return account

    def _use_once(self, key: str, signature: str, now: float) -> None:
        # A signature dated in the future stays valid for up to twice the window after its first use.
        if (key, signature) in self._used:
            raise GatewayError(403, "DuplicatedSignature", "이미 쓴 서명입니다.")
        self._used[key, signature] = now
        while self._used and next(iter(self._used.values())) < now - 2 * WINDOW_SECONDS:
            self._used.popitem(last=False)
