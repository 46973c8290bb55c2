"""Message bodies for NHN Cloud (kakao.md §4.2.1, §4.2.2, §4.2.6).

AlimTalk and brand messages by template have values a person; free-style brand messages and texts say the same to everybody
of a request. The dealer's own fallback is switched off for each person: a text in its place would pass policy by.
"""

from typing import Any

import orjson

from majung.channels.adapters.limits import AD_LABEL
from majung.channels.adapters.mould import ID, TO, listed, opened, same_for_all
from majung.channels.adapters.terms import Batch, Button, Kind, Message

_NO_FALLBACK = {"isResend": False}
ADVERTISING = orjson.dumps({"body": AD_LABEL})[:-2]
"""How the body of an advertising text begins."""


def encode(batch: Batch) -> bytes:
    """The request without its key. Raises ValueError when a column is missing, or where none may differ."""
    message = batch.message
    if batch.kind is Kind.ALIM:
        top = {"senderKey": batch.pf_id, "templateCode": message.template_id}
        return _with_people(top, batch, {"templateParameter": _values(batch), "resendParameter": _NO_FALLBACK})
    if batch.kind is Kind.BRAND:
        person: dict[str, Any] = {"targeting": "I", "resendParameter": _NO_FALLBACK}
        if message.template_id:
            top = {"senderKey": batch.pf_id, "templateCode": message.template_id}
            return _with_people(top, batch, person | {"templateParameter": _values(batch)})
        return _with_people({"senderKey": batch.pf_id, **_free_style(batch, message)}, batch, person)
    top = {"body": same_for_all(batch, message.text), "sendNo": batch.sender}
    if batch.kind is Kind.LMS and message.subject:
        top["title"] = same_for_all(batch, message.subject)
    return _with_people(top, batch, {})


def with_key(body: bytes, key: str) -> bytes:
    """The same request under our key, which lists and reports repeat."""
    return b'%b,"senderGroupingKey":"%b"}' % (body[:-1], key.encode())


def _with_people(top: dict[str, Any], batch: Batch, person: dict[str, Any]) -> bytes:
    before = orjson.dumps(top)[:-1] + b',"recipientList":['
    return listed(batch, before, {"recipientNo": TO, **person, "recipientGroupingKey": ID}, b"]}")


def _values(batch: Batch) -> dict[str, str]:
    return {name: opened(batch, f"#{{{name}}}") for name in batch.message.variables()}


def _free_style(batch: Batch, message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {
        "chatBubbleType": "IMAGE" if message.image_id else "TEXT",
        "content": same_for_all(batch, message.text),
    }
    if message.image_id:
        said["image"] = {"imageUrl": message.image_id}
        if message.image_link:
            said["image"]["imageLink"] = same_for_all(batch, message.image_link)
    if message.buttons:
        said["buttons"] = [_button(batch, button) for button in message.buttons]
    return said


def _button(batch: Batch, button: Button) -> dict[str, str]:
    links = {
        "linkMo": button.link_mobile, "linkPc": button.link_pc, "schemeAndroid": button.link_android,
        "schemeIos": button.link_ios,
    }  # fmt: skip
    name = "채널 추가" if button.type == "AC" else same_for_all(batch, button.name)
    return {"name": name, "type": button.type, **{to: same_for_all(batch, link) for to, link in links.items() if link}}
