"""The Popbill adapter (kakao.md §4.4): one request sends at once, under our key. Pure: bytes in, bytes out.

Linkhub gives a session token for a signed request: HMAC-SHA256 over method, hash of the body, moment, version and path.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import quote

import orjson

from majung.channels.adapters.base import Abilities, DealerRefused, Direct, Finds, Handed, Page, Reported
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.popbill import answers, assumed, body, codes
from majung.channels.adapters.popbill.account import SERVICE, PopbillAccountCalls
from majung.channels.adapters.reading import no_answer, text_of
from majung.channels.adapters.terms import Batch, Credential, Kind, KindFacts, Printer, Reply, Session, Wire
from majung.channels.adapters.texts import TEXTS

_VERSION = "2.0"
_SCOPES = ("member", "150", "151", "152", "153", "154", "155", "156", "157", "158")
"""What the token is good for: texts, and messages of KakaoTalk."""
_EARLY = timedelta(seconds=60)
_JSON = MappingProxyType({"Content-Type": "application/json; charset=utf8"})
_PATHS = {Kind.ALIM: "/ATS", Kind.BRAND: "/BMS/Text", Kind.SMS: "/SMS", Kind.LMS: "/LMS"}
_KAKAO = frozenset({Kind.ALIM, Kind.BRAND})


class Popbill(PopbillAccountCalls, Direct):
    """Popbill."""

    code = "popbill"
    name = "팝빌"
    live_url = "https://popbill.linkhub.co.kr"
    other_urls: ClassVar[Mapping[str, str]] = MappingProxyType({SERVICE: "https://auth.linkhub.co.kr"})
    people_per_request = 1_000
    page_size = 1_000
    secrets = frozenset({"Authorization", "session_token", "rcv", "receiveNum", "snd"})
    credentials = (
        Credential(
            name="key", label="링크아이디", is_secret=False, help="팝빌이 연동신청을 받고 준 LinkID입니다."
        ),
        Credential(
            name="corp", label="사업자번호", is_secret=False, is_words=True, help="팝빌에 가입한 법인의 번호 열 자리입니다."
        ),
        Credential(name="secret", label="비밀키", is_words=True),  # base64, with signs that no other key has
    )  # fmt: skip
    kinds: ClassVar[Mapping[Kind, KindFacts]] = MappingProxyType(
        {
            Kind.ALIM: KindFacts(
                medium="KAKAO_ALIM", characters=1000, buttons=5, button_name=14, link=500, needs_template=True,
                needs_profile=True, needs_sender=True, sender=Printer.MESSENGER,
            ),
            Kind.BRAND: KindFacts(
                medium="KAKAO_AD", characters=1300, line_breaks=99, buttons=5, button_name=14, link=1000,
                takes_image=True, needs_profile=True, friends_only=True, is_personal=False, label=Printer.MESSENGER,
                sender=Printer.MESSENGER, opt_out=Printer.MESSENGER,
            ),
            **TEXTS,
        }
    )  # fmt: skip
    abilities: ClassVar[Mapping[Kind, Abilities]] = MappingProxyType(
        {
            kind: Abilities(
                finds=Finds.PERHAPS, find_seconds=assumed.FIND_SECONDS, echoes_our_id=True, reports=kind in _KAKAO,
            )
            for kind in _PATHS
        }
    )  # fmt: skip

    @classmethod
    def lacking(cls, given: Mapping[str, str]) -> str:
        """The business number has ten digits, and the key is what a signature can be made with."""
        if missing := super().lacking(given):
            return missing
        if len(_digits(given["corp"])) != 10:
            return "사업자번호 열 자리를 적어 주세요."
        return "" if _key(given["secret"]) else "비밀키는 팝빌이 준 그대로 적어 주세요. 글자가 빠졌거나 더해졌습니다."

    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        """The session's token."""
        return replace(wire, headers={**wire.headers, "x-pb-version": "1.0", "Authorization": f"Bearer {session}"})

    def session_request(self, now: datetime, salt: str) -> Wire:
        """Asks Linkhub for a token, signed. Raises DealerRefused when the account has no key to sign with."""
        key = _key(self.account.secret)
        if not key:
            raise DealerRefused("NO_SECRET", "no secret key to sign with", pause="ACCOUNT_KEY")
        path = f"/{self.service_id}/Token"
        asked = orjson.dumps({"access_id": _digits(self.account.more.get("corp", "")), "scope": _SCOPES})
        moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        digest = base64.b64encode(sha256(asked).digest()).decode()
        said = "\n".join(("POST", digest, moment, _VERSION, path))
        proof = base64.b64encode(hmac.new(key, said.encode(), sha256).digest()).decode()
        headers = {
            "Content-Type": "Application/json", "x-lh-date": moment, "x-lh-version": _VERSION,
            "Authorization": f"LINKHUB {self.account.key} {proof}",
        }  # fmt: skip
        return Wire("POST", self.url(path, SERVICE), headers, asked)

    def decode_session(self, reply: Reply, now: datetime) -> Session:
        """The token, used until shortly before Linkhub says that it ends."""
        told = answers.good(reply, pause="ACCOUNT_KEY")
        token = text_of(told, "session_token")
        try:
            ends = datetime.fromisoformat(text_of(told, "expiration"))
        except ValueError:
            raise no_answer(reply, "expiration") from None
        if not 0 < len(token) <= 4000 or not token.isascii() or ends.tzinfo is None:
            raise no_answer(reply, "session_token")
        return Session(token, ends - _EARLY)

    @classmethod
    def reported(cls, body_: bytes) -> set[Reported]:
        """The request of a webhook. It has no signature of its own; our path is a secret as good."""
        return answers.reported(body_)

    def encode(self, batch: Batch) -> bytes:
        """See ``body``."""
        return body.encode(batch)

    def send_request(self, kind: Kind, body_: bytes, key: str) -> Wire:
        """AlimTalk, brand message without or with a picture, or text."""
        path = "/BMS/Image" if kind is Kind.BRAND and b'"imageUrl":' in body_.partition(b'"msgs":')[0] else _PATHS[kind]
        return Wire("POST", self.url(path), _JSON, body.with_key(kind, body_, key))

    def decode_handed(self, reply: Reply, batch: Batch) -> Handed:
        """As the base class. Who is refused is told with the results."""
        return Handed(answers.handed(reply), bytes((Outcome.ACCEPTED,)) * len(batch.recipients))

    def find_request(self, kind: Kind, key: str, at: datetime) -> Wire:
        """The messages of the request with our key."""
        return self._get(f"/{_area(kind)}/Get/{quote(key, safe='')}")

    def decode_found(self, reply: Reply, kind: Kind, key: str) -> str:
        """The receiptNum of a message that repeats the key."""
        return answers.found(reply, key)

    def results_request(self, kind: Kind, ref: str, page_key: str = "", limit: int = 0) -> Wire:
        """All messages of a request."""
        return self._get(f"/{_area(kind)}/{quote(ref, safe='')}")

    def decode_results(self, reply: Reply, kind: Kind) -> Page:
        """As the base class."""
        return answers.results(reply)

    def probe_request(self, kind: Kind) -> Wire:
        """A list that is short."""
        return self.profiles_request() if kind in _KAKAO else self.senders_request()

    def outcome(self, code: int) -> int:
        """See ``codes``."""
        return codes.outcome(code)


def _area(kind: Kind) -> str:
    return "KakaoTalk" if kind in _KAKAO else "Message"


def _digits(text: str) -> str:
    return "".join(one for one in text[:40] if one in "0123456789")


def _key(secret: str) -> bytes:
    """The key inside a secret, which is base64; nothing when it is none."""
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return b""
