"""What Aligo tells of an account: profiles and templates, and whether the keys are right (kakao.md §4.3)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import urlencode

from majung.channels.adapters.account_calls import AccountCalls, Listed, Offer, Pf, TemplateRow
from majung.channels.adapters.aligo import answers, assumed
from majung.channels.adapters.aligo.body import FORM
from majung.channels.adapters.reading import rows_of, text_of
from majung.channels.adapters.terms import Reply, Wire

SERVICE = "text"
"""The name of the text service among the addresses."""
KAKAO = "/akv10/"
"""How paths of the Kakao service begin."""


def sender_numbers(written: str) -> list[str]:
    """The digits of the numbers that somebody wrote down; "" in the place of what is none."""
    plain = (one.translate(str.maketrans("", "", " -.()")) for one in written.split(","))
    return [one if one.isascii() and one.isdecimal() else "" for one in plain if one] or [""]


class AligoAccountCalls(AccountCalls):
    """The half of the adapter that account jobs use."""

    templates_by_profile = True
    not_offered: ClassVar[Mapping[Offer, str]] = MappingProxyType(
        {
            Offer.BALANCE: "알리고는 잔액 대신 보낼 수 있는 건수만 알려 줍니다. 남은 포인트는 알리고 사이트에서 확인해 주세요.",
            Offer.PRICES: "알리고는 가격표를 알려 주지 않습니다. 계약한 값을 ‘값 정하기’에 적어 주세요.",
            Offer.REFUSED: "알리고는 080으로 거부한 번호의 목록을 알려 주지 않습니다. 거부한 분은 명단에서 직접 막아 주세요.",
            Offer.BLOCKED: "알리고에는 계정이 따로 막아 둔 번호의 목록이 없습니다.",
            Offer.PICTURES: "알리고 계정으로는 아직 그림을 보낼 수 없습니다. 그림이 필요하면 다른 대행사 계정을 써 주세요.",
        }
    )

    def _ask(self, path: str, fragment: str = "", **fields: str) -> Wire:
        """A question; ``fragment`` never leaves, but comes back in ``Reply.asked``."""
        tail = f"#{fragment}" if fragment else ""
        return Wire("POST", self._address(path) + tail, FORM, urlencode(fields).encode())

    def _address(self, path: str) -> str:
        return self.url(path, "" if path.startswith(KAKAO) else SERVICE)

    def check_requests(self) -> list[Wire]:
        """How many texts may be sent: both services have the same keys."""
        return [self._ask("/remain/")]

    def decode_checked(self, reply: Reply) -> None:
        """Any good answer will do."""
        answers.text(reply)

    def senders_request(self) -> Wire:
        """Aligo has no list of sender numbers: the account's own words hold them, once the keys have been proved."""
        return self._ask("/remain/")

    def decode_senders(self, reply: Reply) -> list[str]:
        """Digits of each number, the default one first."""
        answers.text(reply)
        return list(dict.fromkeys(sender_numbers(self.account.more.get("senders", ""))))

    def profiles_request(self, start_key: str = "") -> Wire:
        """The sender profiles, all at once."""
        return self._ask("/akv10/profile/list/")

    def decode_profiles(self, reply: Reply) -> Listed[Pf]:
        """Search ids and sender keys."""
        rows = rows_of(answers.kakao(reply), "list")
        found = [Pf(search_id=text_of(row, "uuid"), pf_id=text_of(row, "senderKey")) for row in rows]
        return Listed(rows=[one for one in found if one.pf_id], next_key="")

    def templates_request(self, start_key: str = "", pf_id: str = "") -> Wire:
        """The templates of one profile, all at once."""
        return self._ask("/akv10/template/list/", senderkey=pf_id)

    def decode_templates(self, reply: Reply) -> Listed[TemplateRow]:
        """Templates with the state of their review and the inspector's last words."""
        found = [
            TemplateRow(
                dealer_id=text_of(row, "templtCode"), pf_id=text_of(row, "senderKey"), name=text_of(row, "templtName"),
                content=text_of(row, "templtContent"), state=assumed.TEMPLATE_STATES.get(text_of(row, "inspStatus"), ""),
                buttons=row["buttons"] if isinstance(row.get("buttons"), list) else [],
                comment=next((text_of(one, "content")[:2000] for one in reversed(rows_of(row, "comments"))), ""),
            )
            for row in rows_of(answers.kakao(reply), "list")
        ]  # fmt: skip
        return Listed(rows=[one for one in found if one.dealer_id], next_key="")
