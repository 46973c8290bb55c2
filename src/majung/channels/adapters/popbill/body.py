"""Requests to Popbill (kakao.md §4.4). AlimTalk and texts say to each person their own, brand messages the same to all.

Nothing is said of a text in the place of a message: it would pass policy by.
"""

from typing import Any

import orjson

from majung.channels.adapters.limits import AD_LABEL
from majung.channels.adapters.mould import ID, TO, opened, people, same_for_all
from majung.channels.adapters.popbill import assumed
from majung.channels.adapters.terms import Batch, Button, Kind


def encode(batch: Batch) -> bytes:
    """The request without its key. Raises ValueError when a column is missing, or where none may differ."""
    message = batch.message
    person: dict[str, Any]
    if batch.kind is Kind.BRAND:
        top: dict[str, Any] = {"plusFriendID": batch.pf_id, "targeting": "I", "altYN": False}
        top["content"] = same_for_all(batch, message.text)
        if message.image_id:
            top["imageUrl"] = message.image_id
            if message.image_link:
                top["imageLink"] = same_for_all(batch, message.image_link)
        if message.buttons:
            top["btns"] = [_button(batch, one, is_same=True) for one in message.buttons]
        person = {"receiveNum": TO}
    else:
        top = {"snd": batch.sender}
        person = {"rcv": TO, "msg": opened(batch, message.text)}
        if batch.kind is Kind.ALIM:
            top["templateCode"] = message.template_id
            if message.buttons:
                person["btns"] = [_button(batch, one) for one in message.buttons]
        else:
            if message.text.startswith(AD_LABEL):
                top[assumed.ADVERTISING_FLAG] = True
            if batch.kind is Kind.LMS and message.subject:
                top["subject"] = same_for_all(batch, message.subject)
    rows = people(batch, {**person, "interOPRefKey": ID})
    return b'%b,"msgs":[%b]}' % (orjson.dumps(top)[:-1], b",".join(rows))


def with_key(kind: Kind, body: bytes, key: str) -> bytes:
    """The same request under our key, by which it can be asked for; the field is written in two ways."""
    name = b"requestNum" if kind is Kind.BRAND else b"requestnum"
    return b'%b,"%b":"%b"}' % (body[:-1], name, key.encode())


def _button(batch: Batch, button: Button, *, is_same: bool = False) -> dict[str, str]:
    """A button; of an app link the first address is iOS, the second Android."""
    fill = same_for_all if is_same else opened
    pair = (button.link_ios, button.link_android) if button.type == "AL" else (button.link_mobile, button.link_pc)
    name = "채널 추가" if button.type == "AC" else same_for_all(batch, button.name)
    return {
        "n": name,
        "t": button.type,
        **{at: fill(batch, link) for at, link in zip(("u1", "u2"), pair, strict=True) if link},
    }
