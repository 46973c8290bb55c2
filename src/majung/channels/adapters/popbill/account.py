"""What Popbill tells of an account: points, sender numbers, channels, templates, refusals; and pictures (kakao.md §4.4)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from majung.channels.adapters.account_calls import AccountCalls, Listed, Offer, Pf, Refused, TemplateRow
from majung.channels.adapters.multipart import with_picture
from majung.channels.adapters.popbill import answers, assumed
from majung.channels.adapters.reading import digits_of, no_answer, text_of
from majung.channels.adapters.terms import Kind, Reply, Wire

SERVICE = "linkhub"
"""The name of the service that gives tokens and knows the points."""


class PopbillAccountCalls(AccountCalls):
    """The half of the adapter that account jobs use."""

    not_offered: ClassVar[Mapping[Offer, str]] = MappingProxyType(
        {
            Offer.PRICES: "팝빌은 가격표를 한 번에 알려 주지 않습니다. 계약한 값을 ‘값 정하기’에 적어 주세요.",
            Offer.BLOCKED: "팝빌에는 계정이 따로 막아 둔 번호의 목록이 없습니다.",
        }
    )

    @property
    def service_id(self) -> str:
        """Which of Linkhub's services: the real Popbill, or one for trying things out."""
        return "POPBILL" if self.account.base_url.rstrip("/") == self.live_url else "POPBILL_TEST"

    def _get(self, path: str) -> Wire:
        return Wire("GET", self.url(path))

    def balance_request(self) -> Wire:
        """Asks for the points left, at Linkhub."""
        return Wire("GET", self.url(f"/{self.service_id}/Point", SERVICE))

    def decode_balance(self, reply: Reply) -> int:
        """A point is a won."""
        told = answers.good(reply)
        left = told.get("remainPoint") if isinstance(told, dict) else None
        try:
            points = float(left if isinstance(left, (int, float, str)) and not isinstance(left, bool) else "")
        except ValueError:
            raise no_answer(reply, "remainPoint") from None
        if not abs(points) < 1e13:
            raise no_answer(reply, "remainPoint")
        return round(points * 100)

    def senders_request(self) -> Wire:
        """Registered sender numbers."""
        return self._get("/Message/SenderNumber")

    def decode_senders(self, reply: Reply) -> list[str]:
        """Digits of each number, sorted."""
        digits = {digits_of(row, "number") for row in _rows(reply)}
        return sorted(number for number in digits if 8 <= len(number) <= 12)

    def profiles_request(self, start_key: str = "") -> Wire:
        """The channels, all at once."""
        return self._get("/KakaoTalk/ListPlusFriendID")

    def decode_profiles(self, reply: Reply) -> Listed[Pf]:
        """A channel is known by its search id alone."""
        ids = (text_of(row, "plusFriendID") for row in _rows(reply))
        return Listed(rows=[Pf(search_id=one, pf_id=one) for one in ids if one], next_key="")

    def templates_request(self, start_key: str = "", pf_id: str = "") -> Wire:
        """Approved templates of all channels, all at once."""
        return self._get("/KakaoTalk/ListATSTemplate")

    def decode_templates(self, reply: Reply) -> Listed[TemplateRow]:
        """Templates; those that are not approved are not in the list."""
        found = [
            TemplateRow(
                dealer_id=text_of(row, "templateCode"), pf_id=text_of(row, "plusFriendID"), name=text_of(row, "templateName"),
                content=text_of(row, "template"), state=assumed.TEMPLATE_STATE,
                buttons=row["btns"] if isinstance(row.get("btns"), list) else [], comment="",
            )
            for row in _rows(reply)
        ]  # fmt: skip
        return Listed(rows=[one for one in found if one.dealer_id], next_key="")

    def refused_request(self, own: bool, start_key: str = "") -> Wire:
        """The numbers that refused by 080, all at once."""
        if own:
            raise self._lacks(Offer.BLOCKED)
        return self._get("/Message/Denied")

    def decode_refused(self, reply: Reply, own: bool) -> Listed[Refused]:
        """Numbers, and since when as told."""
        found = [Refused(number=digits_of(row, "number"), since=text_of(row, "regDT")) for row in _rows(reply)]
        return Listed(rows=[one for one in found if one.number], next_key="")

    def upload_request(self, kind: Kind, name: str, content: bytes) -> Wire:
        """Hands over a picture for brand messages. Raises KeyError for a kind that takes none."""
        path = {Kind.BRAND: "/BMS/Upload/Image/Default"}[kind]
        headers, body = with_picture("image", content, {})
        return Wire("POST", self.url(path), headers, body)

    def decode_uploaded(self, reply: Reply) -> str:
        """The picture's address, which is what messages name."""
        found = text_of(answers.good(reply), "imageUrl")
        if not found.startswith("http") or len(found) > 500:
            raise no_answer(reply, "imageUrl")
        return found


def _rows(reply: Reply) -> list[dict[str, Any]]:
    told = answers.good(reply)
    if not isinstance(told, list):
        raise no_answer(reply, "list")
    return [row for row in told if isinstance(row, dict)]
