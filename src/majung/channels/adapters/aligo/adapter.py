"""The Aligo adapter (kakao.md §4.3): one request sends at once; nothing of ours is repeated. Pure: bytes in, bytes out.

Aligo can neither be asked for a request of ours nor tells anything by itself: a lost answer stays in doubt. Its answers say
how many were taken, its lists whom by their number (docs/decisions/0040).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import urlsplit

from majung.channels.adapters.aligo import answers, assumed, body, codes
from majung.channels.adapters.aligo.account import KAKAO, SERVICE, AligoAccountCalls, sender_numbers
from majung.channels.adapters.base import Abilities, Direct, Finds, Handed, Page
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.reading import no_answer, text_of
from majung.channels.adapters.terms import Batch, Credential, Kind, KindFacts, Printer, Reply, Session, Wire
from majung.channels.adapters.texts import TEXTS

_SMALLEST_PAGE = 30
"""Of the text service."""


class Aligo(AligoAccountCalls, Direct):
    """Aligo."""

    code = "aligo"
    name = "알리고"
    live_url = "https://kakaoapi.aligo.in"
    other_urls: ClassVar[Mapping[str, str]] = MappingProxyType({SERVICE: "https://apis.aligo.in"})
    people_per_request = 500
    page_size = 500
    secrets = frozenset({"apikey", "key", "userid", "user_id", "token", "receiver", "phone", "sender"})
    credentials = (
        Credential(
            name="key", label="알리고 아이디", is_secret=False,
            help="알리고에 들어갈 때 쓰는 아이디입니다. 알리고의 ‘연동형 API’에 이 서버의 IP도 등록해 주세요.",
        ),
        Credential(
            name="senders", label="발신번호", is_secret=False, is_words=True,
            help="알리고에 등록한 번호를 적습니다. 여럿이면 쉼표로 나누고, 맨 앞 번호가 기본이 됩니다.",
        ),
        Credential(name="secret", label="API 키"),
    )  # fmt: skip
    kinds: ClassVar[Mapping[Kind, KindFacts]] = MappingProxyType(
        {
            Kind.ALIM: KindFacts(
                medium="KAKAO_ALIM", characters=assumed.ALIM_CHARACTERS, buttons=5, button_name=14, link=500,
                needs_template=True, needs_profile=True, needs_sender=True, sender=Printer.MESSENGER,
            ),
            **TEXTS,
        }
    )  # fmt: skip
    abilities: ClassVar[Mapping[Kind, Abilities]] = MappingProxyType(
        {
            kind: Abilities(finds=Finds.NEVER, find_seconds=assumed.FIND_SECONDS)
            for kind in (Kind.ALIM, Kind.SMS, Kind.LMS)
        }
    )

    @classmethod
    def lacking(cls, given: Mapping[str, str]) -> str:
        """Each of the sender numbers must be one."""
        if missing := super().lacking(given):
            return missing
        is_good = all(8 <= len(one) <= 12 for one in sender_numbers(given["senders"]))
        return "" if is_good else "발신번호는 숫자 8–12자리로, 여럿이면 쉼표로 나누어 적어 주세요."

    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        """The keys as form fields, by the names that each service has for them."""
        account = self.account
        keys = {"key": account.secret, "user_id": account.key}
        if urlsplit(wire.url).path.startswith(KAKAO):
            keys = {"apikey": account.secret, "userid": account.key} | ({"token": session} if session else {})
        return replace(wire, body=body.with_keys(wire.body, keys))

    def uses_session(self, wire: Wire) -> bool:
        """Only the Kakao service has tokens."""
        return urlsplit(wire.url).path.startswith(KAKAO)

    def session_request(self, now: datetime, salt: str) -> Wire:
        """Asks for a token."""
        return self.sign(self._ask(assumed.SESSION_PATH), now, salt)

    def decode_session(self, reply: Reply, now: datetime) -> Session:
        """The token."""
        token = text_of(answers.kakao(reply), "token")
        if not 0 < len(token) <= 500:
            raise no_answer(reply, "token")
        return Session(token, now + timedelta(seconds=assumed.SESSION_SECONDS))

    def encode(self, batch: Batch) -> bytes:
        """See ``body``."""
        return body.encode(batch)

    def send_request(self, kind: Kind, body_: bytes, key: str) -> Wire:
        """AlimTalk, or texts that may differ from person to person. There is no place for our key."""
        path = "/akv10/alimtalk/send/" if kind is Kind.ALIM else "/send_mass/"
        return Wire("POST", self._address(path), body.FORM, body_)

    def decode_handed(self, reply: Reply, batch: Batch) -> Handed:
        """As the base class. When only some were taken the answer does not say who: all are in doubt until the list does."""
        ref, taken, refused = answers.handed(reply, is_text=batch.kind is not Kind.ALIM)
        count = len(batch.recipients)
        if taken == 0 and refused >= count:
            return Handed("", bytes((Outcome.NOT_TAKEN,)) * count)
        if not ref:
            raise no_answer(reply, "number of the request")
        is_whole = taken == count and refused == 0
        return Handed(ref, bytes((Outcome.ACCEPTED if is_whole else Outcome.IN_DOUBT,)) * count)

    def results_request(self, kind: Kind, ref: str, page_key: str = "", limit: int = 0) -> Wire:
        """A page of the messages of a request."""
        page, size = page_key or "1", limit or self.page_size
        if kind is Kind.ALIM:
            return self._ask("/akv10/history/detail/", mid=ref, page=page, limit=str(size))
        return self._ask("/sms_list/", page, mid=ref, page=page, page_size=str(max(size, _SMALLEST_PAGE)))

    def decode_results(self, reply: Reply, kind: Kind) -> Page:
        """As the base class."""
        return answers.results(reply, is_text=kind is not Kind.ALIM)

    def probe_request(self, kind: Kind) -> Wire:
        """How much may still be sent."""
        return self._ask("/akv10/heartinfo/" if kind is Kind.ALIM else "/remain/")

    def outcome(self, code: int) -> int:
        """See ``codes``."""
        return codes.outcome(code)
