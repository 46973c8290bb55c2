"""The NHN Cloud adapter (kakao.md §4.2): one request sends at once, under our key. Pure: bytes in, bytes out.

Two services with an appkey and a secret key each: KakaoTalk Bizmessage (``key``, ``secret``) and SMS (``sms_key``,
``sms_secret``); an account has one of them or both.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import quote, urlencode, urlsplit

from majung.channels.adapters.base import Abilities, DealerRefused, Direct, Finds, Handed, Page, Reported, our_ids
from majung.channels.adapters.nhn import answers, assumed, body, codes
from majung.channels.adapters.nhn.account import SERVICE, NhnAccountCalls
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.reading import text_of
from majung.channels.adapters.terms import Batch, Credential, Kind, KindFacts, Printer, Reply, Wire
from majung.channels.adapters.texts import TEXTS

_SEOUL = timezone(timedelta(hours=9))
_TEXTS = frozenset({Kind.SMS, Kind.LMS})
_BEFORE, _AFTER = timedelta(minutes=10), timedelta(hours=2)
"""How far around the moment of sending a request is looked for: the two clocks may differ."""


class Nhn(NhnAccountCalls, Direct):
    """NHN Cloud."""

    code = "nhn"
    name = "NHN Cloud"
    live_url = "https://kakaotalk-bizmessage.api.nhncloudservice.com"
    other_urls: ClassVar[Mapping[str, str]] = MappingProxyType({SERVICE: "https://sms.api.nhncloudservice.com"})
    people_per_request = 1_000
    page_size = 1_000
    secrets = frozenset({"X-Secret-Key", "recipientNo", "sendNo"})
    credentials = (
        Credential(
            name="key", label="알림톡·브랜드 메시지 앱키", is_required=False,
            help="콘솔의 KakaoTalk Bizmessage에서 ‘URL & Appkey’를 눌러 봅니다. 문자만 쓰면 비워 둡니다.",
        ),
        Credential(name="secret", label="알림톡·브랜드 메시지 비밀 키", is_required=False),
        Credential(
            name="sms_key", label="문자 앱키", is_required=False,
            help="콘솔의 SMS에서 봅니다. 카카오톡 메시지만 쓰면 비워 둡니다.",
        ),
        Credential(name="sms_secret", label="문자 비밀 키", is_required=False),
    )  # fmt: skip
    pairs = (("key", "secret"), ("sms_key", "sms_secret"))
    kinds: ClassVar[Mapping[Kind, KindFacts]] = MappingProxyType(
        {
            Kind.ALIM: KindFacts(
                medium="KAKAO_ALIM", characters=1300, buttons=5, button_name=14, link=500, needs_template=True,
                needs_profile=True, sender=Printer.MESSENGER,
            ),
            Kind.BRAND: KindFacts(
                medium="KAKAO_AD", characters=1300, line_breaks=99, buttons=5, button_name=14, link=1000,
                takes_image=True, needs_profile=True, friends_only=True, is_personal=False, label=Printer.MESSENGER,
                sender=Printer.MESSENGER, opt_out=Printer.MESSENGER,
            ),
            **{kind: replace(facts, is_personal=False) for kind, facts in TEXTS.items()},
        }
    )  # fmt: skip
    abilities: ClassVar[Mapping[Kind, Abilities]] = MappingProxyType(
        {
            kind: Abilities(
                finds=Finds.SURELY if kind is Kind.ALIM else Finds.PERHAPS, find_seconds=assumed.FIND_SECONDS,
                echoes_our_id=True, reports=True, duplicates_seconds=600 if kind is Kind.ALIM else 0,
            )
            for kind in (Kind.ALIM, Kind.BRAND, Kind.SMS, Kind.LMS)
        }
    )  # fmt: skip

    @classmethod
    def lacking(cls, given: Mapping[str, str]) -> str:
        """One whole pair of keys is enough; half a pair is too little."""
        has = [[bool(given.get(name)) for name in pair] for pair in cls.pairs]
        if any(len(set(pair)) > 1 for pair in has):
            return "앱키와 비밀 키는 같은 서비스의 것을 함께 적어 주세요."
        return "" if any(map(all, has)) else "알림톡·브랜드 메시지나 문자의 앱키와 비밀 키를 적어 주세요."

    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        """The secret key of the service that the address belongs to."""
        is_text = urlsplit(wire.url).path.startswith("/sms/")
        secret = self.account.more.get("sms_secret", "") if is_text else self.account.secret
        return replace(wire, headers={**wire.headers, "X-Secret-Key": secret})

    @classmethod
    def reported(cls, body: bytes) -> set[Reported]:
        """The requests of a webhook. Its signature is a fixed text of the console; our path is a secret as good."""
        return answers.reported(body)

    def _base(self, kind: Kind) -> str:
        """The address under which a kind is sent and listed. Raises DealerRefused when the account has no key for it."""
        key = self.account.more.get("sms_key", "") if kind in _TEXTS else self.account.key
        if not key:
            raise DealerRefused("NO_APPKEY", "no appkey for this service", pause="ACCOUNT_KEY")
        if kind in _TEXTS:
            return self.url(f"/sms/v3.0/appKeys/{quote(key, safe='')}/sender", SERVICE)
        service = "alimtalk/v2.3" if kind is Kind.ALIM else "brand-message/v1.0"
        return self.url(f"/{service}/appkeys/{quote(key, safe='')}")

    def _list(self, kind: Kind) -> str:
        path = {Kind.SMS: "/sms", Kind.LMS: "/mms"}.get(kind, "/messages")
        return self._base(kind) + path

    def encode(self, batch: Batch) -> bytes:
        """See ``body``."""
        return body.encode(batch)

    def send_request(self, kind: Kind, body_: bytes, key: str) -> Wire:
        """AlimTalk, brand message (free style, or by template), text or advertising text."""
        headers = dict(answers.JSON)
        if kind is Kind.ALIM:
            path = "/messages"
            headers["X-NC-API-IDEMPOTENCY-KEY"] = key
        elif kind is Kind.BRAND:
            path = "/basic-messages" if b'"templateCode":' in body_[:200] else "/freestyle-messages"
        else:
            size = "sms" if kind is Kind.SMS else "mms"
            path = f"/ad-{size}" if body_.startswith(body.ADVERTISING) else f"/{size}"
        return Wire("POST", self._base(kind) + path, headers, body.with_key(body_, key))

    def decode_handed(self, reply: Reply, batch: Batch) -> Handed:
        """As the base class; a person whom the answer does not name is in doubt, unless nobody was taken."""
        is_text = batch.kind in _TEXTS
        ref, rows = answers.handed(reply, is_text=is_text)
        outcomes = bytearray([Outcome.IN_DOUBT if ref else Outcome.NOT_TAKEN]) * len(batch.recipients)
        seqs = {seq: place for place, seq in enumerate(batch.positions)}
        numbers = {number.decode(): place for place, number in enumerate(batch.recipients)}
        ids = our_ids([text_of(row, "recipientGroupingKey") for row in rows]).tolist()
        for row, (campaign, chunk, seq) in zip(rows, ids, strict=True):
            is_ours = (campaign, chunk) == (batch.campaign, batch.chunk)
            place = seqs.get(seq) if is_ours else numbers.get(text_of(row, "recipientNo"))
            code = row.get("resultCode")
            if place is not None and type(code) is int:
                outcomes[place] = codes.outcome(code + codes.TEXT if is_text else code)
        return Handed(ref, bytes(outcomes))

    def find_request(self, kind: Kind, key: str, at: datetime) -> Wire:
        """The list of what was asked for around that moment, with our key."""
        form = "%Y-%m-%d %H:%M:%S" if kind in _TEXTS else "%Y-%m-%d %H:%M"
        start, end = ((at + away).astimezone(_SEOUL).strftime(form) for away in (-_BEFORE, _AFTER))
        asked = {
            "startRequestDate": start,
            "endRequestDate": end,
            assumed.KEY_FILTER: key,
            "pageNum": "1",
            "pageSize": "15",
        }
        return Wire("GET", f"{self._list(kind)}?{urlencode(asked)}", answers.JSON)

    def decode_found(self, reply: Reply, kind: Kind, key: str) -> str:
        """The requestId of a row that repeats the key."""
        rows, _ = answers.listed(reply, is_text=kind in _TEXTS)
        found = (text_of(row, "requestId") for row in rows if text_of(row, "senderGroupingKey") == key)
        return next((ref for ref in found if 0 < len(ref) <= 64), "")

    def results_request(self, kind: Kind, ref: str, page_key: str = "", limit: int = 0) -> Wire:
        """A page of the messages of a request."""
        asked = {"requestId": ref, "pageNum": page_key or "1", "pageSize": str(limit or self.page_size)}
        return Wire("GET", f"{self._list(kind)}?{urlencode(asked)}", answers.JSON)

    def decode_results(self, reply: Reply, kind: Kind) -> Page:
        """As the base class."""
        rows, next_key = answers.listed(reply, is_text=kind in _TEXTS)
        return answers.results(rows, next_key, is_text=kind in _TEXTS)

    def probe_request(self, kind: Kind) -> Wire:
        """The messages of a request that there is not."""
        return self.results_request(kind, "probe", limit=1)

    def outcome(self, code: int) -> int:
        """See ``codes``."""
        return codes.outcome(code)
