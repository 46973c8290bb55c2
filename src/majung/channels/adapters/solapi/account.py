"""Solapi's calls about the account itself: money, numbers, profiles, templates, pictures, lists of refusals (§4.1)."""

import base64
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

import orjson

from majung.channels.adapters.account_calls import AccountCalls, Listed, Pf, Refused, TemplateRow
from majung.channels.adapters.solapi.answers import JSON, members, object_of, parsed_list, text_of
from majung.channels.adapters.terms import Kind, Reply, Wire
from majung.core.errors import Outside

_FILE_TYPES = {Kind.BRAND: "BMS", Kind.ALIM: "KAKAO"}
_PRICE_NAMES = {Kind.ALIM: "ata", Kind.BRAND: "bms_free", Kind.SMS: "sms", Kind.LMS: "lms"}


class SolapiAccountCalls(AccountCalls):
    """The half of the adapter that account jobs use."""

    def _call(self, method: str, path: str, content: bytes = b"", **query: str) -> Wire:
        asked = {name: value for name, value in query.items() if value}
        tail = f"?{urlencode(asked)}" if asked else ""
        return Wire(method, self.account.base_url.rstrip("/") + path + tail, JSON if content else {}, content)

    def balance_request(self) -> Wire:
        """Balance and points."""
        return self._call("GET", "/cash/v1/balance")

    def decode_balance(self, reply: Reply) -> int:
        """Balance and points together, in 1/100 won."""
        told = object_of(reply)
        try:
            return int((Decimal(str(told["balance"])) + Decimal(str(told.get("point") or 0))) * 100)
        except (KeyError, InvalidOperation, ValueError, OverflowError):
            raise Outside("no balance in the answer", retryable=True, raw=reply.body[:2000]) from None

    def senders_request(self) -> Wire:
        """Numbers that may be used as sender. The path is from memory (unverified): no source of kakao.md names it."""
        return self._call("GET", "/senderid/v1/numbers/active")

    def decode_senders(self, reply: Reply) -> list[str]:
        """Digits of each number, sorted."""
        found = (entry if isinstance(entry, str) else text_of(entry, "phoneNumber") for entry in parsed_list(reply))
        digits = ("".join(c for c in number if c.isdigit()) for number in found)
        return sorted({number for number in digits if 8 <= len(number) <= 12})

    def profiles_request(self, start_key: str = "") -> Wire:
        """A page of the channels that are registered with the account."""
        return self._call("GET", "/kakao/v2/channels", limit="100", startKey=start_key)

    def decode_profiles(self, reply: Reply) -> Listed[Pf]:
        """Search ids and profile ids."""
        told = object_of(reply)
        rows = [
            Pf(search_id=text_of(row, "searchId"), pf_id=text_of(row, "channelId"))
            for row in members(told, "channelList")
        ]
        return Listed(rows=[row for row in rows if row.pf_id], next_key=text_of(told, "nextKey"))

    def templates_request(self, start_key: str = "", pf_id: str = "") -> Wire:
        """A page of the account's AlimTalk templates."""
        return self._call("GET", "/kakao/v2/templates", limit="100", startKey=start_key)

    def decode_templates(self, reply: Reply) -> Listed[TemplateRow]:
        """Templates with the state of their review and the inspector's last words."""
        told = object_of(reply)
        rows = [
            TemplateRow(
                dealer_id=text_of(row, "templateId"), pf_id=text_of(row, "channelId"), name=text_of(row, "name"),
                content=text_of(row, "content"), state=text_of(row, "status"),
                buttons=row["buttons"] if isinstance(row.get("buttons"), list) else [],
                comment=_last_words(row.get("comments")),
            )
            for row in members(told, "templateList")
        ]  # fmt: skip
        return Listed(rows=[row for row in rows if row.dealer_id], next_key=text_of(told, "nextKey"))

    def refused_request(self, own: bool, start_key: str = "") -> Wire:
        """A page of numbers: those who refused by 080, or (own) those the account itself blocked."""
        path = "/iam/v1/block/numbers" if own else "/iam/v1/black"
        return self._call("GET", path, limit="500", startKey=start_key)

    def decode_refused(self, reply: Reply, own: bool) -> Listed[Refused]:
        """Numbers and since when (ISO 8601 as told, or "")."""
        told = object_of(reply)
        name, column = ("blockNumbers", "phoneNumber") if own else ("blackList", "recipientNumber")
        rows = [Refused(number=text_of(row, column), since=text_of(row, "dateCreated")) for row in members(told, name)]
        return Listed(rows=[row for row in rows if row.number], next_key=text_of(told, "nextKey"))

    def upload_request(self, kind: Kind, name: str, content: bytes) -> Wire:
        """Hands over a picture. Raises KeyError for a kind that takes none."""
        body = {"file": base64.b64encode(content).decode(), "type": _FILE_TYPES[kind], "name": name[:100]}
        return self._call("POST", "/storage/v1/files", orjson.dumps(body))

    def decode_uploaded(self, reply: Reply) -> str:
        """The picture's id at the dealer."""
        found = text_of(object_of(reply), "fileId")
        if not 0 < len(found) <= 80:
            raise Outside("no fileId in the answer", retryable=True, raw=reply.body[:2000])
        return found

    def prices_request(self) -> Wire:
        """The account's price list (the path is known, its answer is from the sandbox: kakao.md §4.1, S4)."""
        return self._call("GET", "/pricing/v1/messaging")

    def decode_prices(self, reply: Reply) -> dict[Kind, int]:
        """1/100 won by kind for numbers of this country; kinds without a price are missing."""
        found: dict[Kind, int] = {}
        for row in parsed_list(reply):
            if not isinstance(row, dict) or str(row.get("countryId", "82")) != "82":
                continue
            for kind, name in _PRICE_NAMES.items():
                try:
                    won = Decimal(str(row[name]))
                except (KeyError, InvalidOperation):
                    continue
                if won.is_finite() and 0 < won < 100_000:
                    found[kind] = int(won * 100)
        return found


def _last_words(comments: Any) -> str:
    if not isinstance(comments, list):
        return ""
    words = [text_of(c, "content") for c in comments if isinstance(c, dict)]
    return words[-1][:2000] if words else ""
