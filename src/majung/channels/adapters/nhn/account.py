"""What NHN tells of an account: profiles, templates, sender numbers, refusals; and pictures (kakao.md §4.2.1 to 4.2.3, 4.2.6).

It has no call for a balance (it bills afterwards), for prices, or for a block list of the account's own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from majung.channels.adapters.account_calls import AccountCalls, Listed, NotOffered, Offer, Pf, Refused, TemplateRow
from majung.channels.adapters.multipart import with_picture
from majung.channels.adapters.nhn import answers, assumed
from majung.channels.adapters.nhn.answers import next_page
from majung.channels.adapters.reading import inside, rows_of, text_of
from majung.channels.adapters.terms import Kind, Reply, Wire
from majung.core.errors import Outside

_PAGE = 100
SERVICE = "sms"
"""The name of the text service among the addresses."""
_STATES = {"TSC01": "PENDING", "TSC02": "INSPECTING", "TSC03": "APPROVED", "TSC04": "REJECTED"}
_NO_TEXTS = "이 계정에는 문자 앱키가 없습니다. 문자를 쓰려면 ‘고치기·키 바꾸기’에서 넣어 주세요."
_NO_KAKAO = "이 계정에는 알림톡·브랜드 메시지 앱키가 없습니다. 쓰려면 ‘고치기·키 바꾸기’에서 넣어 주세요."


class NhnAccountCalls(AccountCalls):
    """The half of the adapter that account jobs use."""

    templates_by_profile = True
    not_offered: ClassVar[Mapping[Offer, str]] = MappingProxyType(
        {
            Offer.BALANCE: "NHN Cloud는 쓴 만큼 나중에 청구해, 물어볼 잔액이 없습니다. 쓸 돈은 조직의 예산으로 정해 주세요.",
            Offer.PRICES: "NHN Cloud는 가격표를 알려 주지 않습니다. 계약한 값을 ‘값 정하기’에 적어 주세요.",
            Offer.BLOCKED: "NHN Cloud에는 계정이 따로 막아 둔 번호의 목록이 없습니다.",
        }
    )

    def _kakao(self, path: str, **query: str) -> Wire:
        if not self.account.key:
            raise NotOffered(problem=_NO_KAKAO)
        tail = f"?{urlencode(query)}" if query else ""
        return Wire(
            "GET", self.url(f"/alimtalk/v2.3/appkeys/{quote(self.account.key, safe='')}{path}{tail}"), answers.JSON
        )

    def _text(self, path: str, **query: str) -> Wire:
        key = self.account.more.get("sms_key", "")
        if not key:
            raise NotOffered(problem=_NO_TEXTS)
        return Wire(
            "GET", self.url(f"/sms/v3.0/appKeys/{quote(key, safe='')}{path}?{urlencode(query)}", SERVICE), answers.JSON
        )

    def check_requests(self) -> list[Wire]:
        """One question to each service the account has keys for."""
        asked = []
        if self.account.key:
            asked.append(self._kakao("/senders", pageNum="1", pageSize="1"))
        if self.account.more.get("sms_key"):
            asked.append(self._text(assumed.SENDER_NUMBERS, pageNum="1", pageSize="1"))
        return asked

    def decode_checked(self, reply: Reply) -> None:
        """Any good envelope will do."""
        answers.envelope(reply)

    def senders_request(self) -> Wire:
        """Registered sender numbers. The path is assumed."""
        return self._text(assumed.SENDER_NUMBERS, pageNum="1", pageSize="1000")

    def decode_senders(self, reply: Reply) -> list[str]:
        """Digits of each number that is in use and not blocked, sorted."""
        _, told = answers.envelope(reply)
        rows = [
            row
            for row in rows_of(inside(told, "body"), "data")
            if row.get("useYn") != "N" and row.get("blockYn") != "Y"
        ]
        digits = {"".join(c for c in text_of(row, "sendNo") if c.isdecimal()) for row in rows}
        return sorted(number for number in digits if 8 <= len(number) <= 12)

    def profiles_request(self, start_key: str = "") -> Wire:
        """A page of the sender profiles."""
        return self._kakao("/senders", pageNum=start_key or "1", pageSize=str(_PAGE))

    def decode_profiles(self, reply: Reply) -> Listed[Pf]:
        """Search ids and sender keys."""
        _, told = answers.envelope(reply)
        rows = rows_of(told, "senders")
        found = [Pf(search_id=text_of(row, "plusFriendId"), pf_id=text_of(row, "senderKey")) for row in rows]
        return Listed(rows=[one for one in found if one.pf_id], next_key=next_page(reply, told))

    def templates_request(self, start_key: str = "", pf_id: str = "") -> Wire:
        """A page of the templates of one profile."""
        path = f"/senders/{quote(pf_id, safe='')}/templates"
        return self._kakao(path, pageNum=start_key or "1", pageSize=str(_PAGE))

    def decode_templates(self, reply: Reply) -> Listed[TemplateRow]:
        """Templates with the state of their review and the inspector's last words."""
        _, told = answers.envelope(reply)
        inner = inside(told, "templateListResponse")
        rows = rows_of(inner, "templates")
        found = [
            TemplateRow(
                dealer_id=text_of(row, "templateCode"), pf_id=text_of(row, "senderKey"), name=text_of(row, "templateName"),
                content=text_of(row, "templateContent"), state=_STATES.get(text_of(row, "status"), ""),
                buttons=row["buttons"] if isinstance(row.get("buttons"), list) else [], comment=_last_words(row),
            )
            for row in rows
        ]  # fmt: skip
        return Listed(rows=[one for one in found if one.dealer_id], next_key=next_page(reply, inner))

    def refused_request(self, own: bool, start_key: str = "") -> Wire:
        """A page of the numbers that refused by 080."""
        if own:
            raise self._lacks(Offer.BLOCKED)
        return self._text(assumed.BLOCKED_RECIPIENTS, pageNum=start_key or "1", pageSize=str(_PAGE))

    def decode_refused(self, reply: Reply, own: bool) -> Listed[Refused]:
        """Numbers, and since when as told."""
        _, told = answers.envelope(reply)
        inner = inside(told, "body")
        rows = rows_of(inner, "data")
        found = [Refused(number=text_of(row, "recipientNo"), since=text_of(row, "blockDateTime")) for row in rows]
        return Listed(rows=[one for one in found if one.number], next_key=next_page(reply, inner))

    def upload_request(self, kind: Kind, name: str, content: bytes) -> Wire:
        """Hands over a picture for brand messages. Raises KeyError for a kind that takes none."""
        if not self.account.key:
            raise NotOffered(problem=_NO_KAKAO)
        image_type = {Kind.BRAND: "IMAGE"}[kind]
        headers, body = with_picture("image", content, {"imageType": image_type})
        url = self.url(f"/brand-message/v1.0/appkeys/{quote(self.account.key, safe='')}/images")
        return Wire("POST", url, headers, body)

    def decode_uploaded(self, reply: Reply) -> str:
        """The picture's address, which is what messages name."""
        _, told = answers.envelope(reply)
        found = text_of(inside(told, "image"), "imageUrl")
        if not found.startswith("http") or len(found) > 500:
            raise Outside("no imageUrl in the answer", retryable=True, raw=reply.body[:2000])
        return found


def _last_words(row: dict[str, Any]) -> str:
    words = [text_of(comment, "content") for comment in rows_of(row, "comments")]
    return words[-1][:2000] if words else ""
