"""Message bodies for Solapi, as moulds (kakao.md §4.1)."""

from typing import Any

from majung.channels.adapters.mould import ID, TO, listed, opened, people
from majung.channels.adapters.terms import Batch, Button, Kind, Message


def encode(batch: Batch) -> bytes:
    """The body that puts the batch into a group. Raises ValueError when a column is missing or has the wrong length."""
    return listed(batch, b'{"messages":[', _message(batch), b"]}")


def encode_each(batch: Batch) -> list[bytes]:
    """A body a person, for the call that sends one message; as ``encode``."""
    return people(batch, {"message": _message(batch)})


def _message(batch: Batch) -> dict[str, Any]:
    return {"to": TO, **_fields(batch), "customFields": {"id": ID}}


def _fields(batch: Batch) -> dict[str, Any]:
    message = batch.message
    if batch.kind is Kind.ALIM:
        return _alim(batch)
    if batch.kind is Kind.BRAND:
        options = {"pfId": batch.pf_id, "disableSms": True, "bms": _bms(batch, message)}
        return {"type": "BMS_FREE", "kakaoOptions": options, **_sender(batch)}
    fields = {"type": str(batch.kind), "text": opened(batch, message.text), "autoTypeDetect": False, **_sender(batch)}
    if message.subject and batch.kind is Kind.LMS:
        fields["subject"] = opened(batch, message.subject)
    return fields


def _sender(batch: Batch) -> dict[str, str]:
    return {"from": batch.sender} if batch.sender else {}


def _alim(batch: Batch) -> dict[str, Any]:
    variables = {f"#{{{name}}}": opened(batch, f"#{{{name}}}") for name in batch.message.variables()}
    options = {
        "pfId": batch.pf_id, "templateId": batch.message.template_id, "variables": variables, "disableSms": True,
    }  # fmt: skip
    return {"type": "ATA", "kakaoOptions": options, **_sender(batch)}


def _bms(batch: Batch, message: Message) -> dict[str, Any]:
    """A free-style brand message to friends (targeting I, kakao.md §3.3)."""
    bms: dict[str, Any] = {
        "targeting": "I",
        "chatBubbleType": "IMAGE" if message.image_id else "TEXT",
        "content": opened(batch, message.text),
    }
    if message.image_id:
        bms["imageId"] = message.image_id
        if message.image_link:
            bms["imageLink"] = opened(batch, message.image_link)
    if message.buttons:
        bms["buttons"] = [_button(batch, button) for button in message.buttons]
    return bms


def _button(batch: Batch, button: Button) -> dict[str, str]:
    links = {
        "linkMobile": button.link_mobile, "linkPc": button.link_pc, "linkAndroid": button.link_android,
        "linkIos": button.link_ios,
    }  # fmt: skip
    given = {name: opened(batch, link) for name, link in links.items() if link}
    named = {} if button.type == "AC" else {"name": opened(batch, button.name)}
    return {**named, "linkType": button.type, **given}
