"""Requests to Aligo: form fields with the person's place in their names (kakao.md §4.3).

AlimTalk says the finished text to each person, and so do texts. The dealer's own fallback is switched off: a text in its
place would pass policy by.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

from majung.channels.adapters.aligo import assumed
from majung.channels.adapters.mould import TO, fields, opened, same_for_all
from majung.channels.adapters.terms import Batch, Button, Kind

FORM = MappingProxyType({"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"})
_BUTTON_NAMES = {
    "WL": "웹링크", "AL": "앱링크", "BK": "봇키워드", "MD": "메시지전달", "AC": "채널추가", "BC": "상담톡전환", "BT": "봇전환",
}  # fmt: skip


def encode(batch: Batch) -> bytes:
    """The request without its keys. Raises ValueError when a column is missing, or where none may differ."""
    message = batch.message
    if batch.kind is Kind.ALIM:
        head = {"senderkey": batch.pf_id, "tpl_code": message.template_id, "sender": batch.sender, "failover": "N"}
        person = {"receiver": TO, "subject": assumed.SUBJECT, "message": opened(batch, message.text)}
        buttons = {"button": {"button": [_button(batch, one) for one in message.buttons]}} if message.buttons else {}
        return _joined(head, fields(batch, person, buttons))
    head = {"sender": batch.sender, "msg_type": str(batch.kind), "cnt": str(len(batch.recipients))}
    if batch.kind is Kind.LMS and message.subject:
        head["title"] = same_for_all(batch, message.subject)
    return _joined(head, fields(batch, {"rec": TO, "msg": opened(batch, message.text)}))


def with_keys(body: bytes, keys: Mapping[str, str]) -> bytes:
    """The same request with the account's keys."""
    return _joined(keys, body) if body else urlencode(keys).encode()


def _joined(head: Mapping[str, str], rest: bytes) -> bytes:
    return b"%b&%b" % (urlencode(head).encode(), rest)


def _button(batch: Batch, button: Button) -> dict[str, str]:
    links = {
        "linkMo": button.link_mobile, "linkPc": button.link_pc, "linkAnd": button.link_android, "linkIos": button.link_ios,
    }  # fmt: skip
    name = "채널 추가" if button.type == "AC" else same_for_all(batch, button.name)
    return {
        "name": name, "linkType": button.type, "linkTypeName": _BUTTON_NAMES.get(button.type, ""),
        **{to: opened(batch, link) for to, link in links.items() if link},
    }  # fmt: skip
