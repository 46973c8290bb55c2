"""Message bodies for Solapi: a template of bytes, JSON-escaped once, filled by ``bytes %`` (perf.md section c).

The whole message of one kind, channel and text is built as JSON once a batch, with a mark where each variable stands;
then each person costs one ``%`` on bytes. Variables are escaped a column at a time, and only when a column needs it.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from majung.channels.adapters.terms import VARIABLE, Batch, Button, Kind, Message

_OPEN, _CLOSE = "\ue000", "\ue001"  # private use: cannot be typed, and never leaves this module
_MARK = re.compile(f"{_OPEN}(.+?){_CLOSE}".encode())


def encode(batch: Batch) -> bytes:
    """The body that puts the batch into a group. Raises ValueError when a column is missing or has the wrong length."""
    return b'{"messages":[%b]}' % b",".join(_filled(batch))


def encode_each(batch: Batch) -> list[bytes]:
    """A body a person, for the call that sends one message; as ``encode``."""
    return _filled(batch, b'{"message":', b"}")


def _filled(batch: Batch, before: bytes = b"", after: bytes = b"") -> list[bytes]:
    count = len(batch.recipients)
    pattern, names = _pattern(batch)
    escaped = {name: _escaped(batch.columns[name], name, count) for name in set(names)}
    rows = zip(batch.recipients, *(escaped[name] for name in names), batch.positions, strict=True)
    pattern = before + pattern + after
    return [pattern % row for row in rows]


def _escaped(column: Sequence[bytes], name: str, count: int) -> Sequence[bytes]:
    """The column as JSON text without its quotes; what is no UTF-8 is replaced by U+FFFD."""
    if len(column) != count:
        raise ValueError(f"column {name!r} has {len(column)} values for {count} people")
    joined = b" ".join(column)
    is_plain = (
        b'"' not in joined and b"\\" not in joined and np.frombuffer(joined, np.uint8).min(initial=32) >= ord(" ")
    )
    try:
        joined.decode()
    except UnicodeDecodeError:
        is_plain = False
    return column if is_plain else [orjson.dumps(value.decode(errors="replace"))[1:-1] for value in column]


def _pattern(batch: Batch) -> tuple[bytes, list[str]]:
    """One message as a ``bytes %`` pattern (number, variables…, position), and the variables in their order."""
    message = {"to": f"{_OPEN}to{_CLOSE}", **_fields(batch)}
    raw = orjson.dumps(message).replace(b"%", b"%%")
    names: list[str] = []

    def place(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        if name == "to":
            return b"%b"
        names.append(name[1:])
        return b"%b"

    body = _MARK.sub(place, raw)
    ours = b'"customFields":{"id":"%d-%d-' % (batch.campaign, batch.chunk)
    missing = [name for name in names if name not in batch.columns]
    if missing:
        raise ValueError(f"no values for {missing}")
    return b'%b,%b%%d"}}' % (body[:-1], ours), names


def _fields(batch: Batch) -> dict[str, Any]:
    message = batch.message
    if batch.kind is Kind.ALIM:
        return _alim(batch)
    if batch.kind is Kind.BRAND:
        options = {"pfId": batch.pf_id, "disableSms": True, "bms": _bms(batch, message)}
        return {"type": "BMS_FREE", "kakaoOptions": options, **_sender(batch)}
    fields = {"type": str(batch.kind), "text": _open(batch, message.text), "autoTypeDetect": False, **_sender(batch)}
    if message.subject and batch.kind is Kind.LMS:
        fields["subject"] = _open(batch, message.subject)
    return fields


def _sender(batch: Batch) -> dict[str, str]:
    return {"from": batch.sender} if batch.sender else {}


def _alim(batch: Batch) -> dict[str, Any]:
    variables = {f"#{{{name}}}": _open(batch, f"#{{{name}}}") for name in batch.message.variables()}
    options = {
        "pfId": batch.pf_id, "templateId": batch.message.template_id, "variables": variables, "disableSms": True,
    }  # fmt: skip
    return {"type": "ATA", "kakaoOptions": options, **_sender(batch)}


def _bms(batch: Batch, message: Message) -> dict[str, Any]:
    """A free-style brand message to friends (targeting I, kakao.md §3.3)."""
    bms: dict[str, Any] = {
        "targeting": "I",
        "chatBubbleType": "IMAGE" if message.image_id else "TEXT",
        "content": _open(batch, message.text),
    }
    if message.image_id:
        bms["imageId"] = message.image_id
        if message.image_link:
            bms["imageLink"] = _open(batch, message.image_link)
    if message.buttons:
        bms["buttons"] = [_button(batch, button) for button in message.buttons]
    return bms


def _button(batch: Batch, button: Button) -> dict[str, str]:
    links = {
        "linkMobile": button.link_mobile, "linkPc": button.link_pc, "linkAndroid": button.link_android,
        "linkIos": button.link_ios,
    }  # fmt: skip
    given = {name: _open(batch, link) for name, link in links.items() if link}
    named = {} if button.type == "AC" else {"name": _open(batch, button.name)}
    return {**named, "linkType": button.type, **given}


def _open(batch: Batch, text: str) -> str:
    """The text with constants filled in and every other variable replaced by a mark."""

    def fill(found: re.Match[str]) -> str:
        name = found[1]
        constant = batch.constants.get(name)
        return f"{_OPEN}v{name}{_CLOSE}" if constant is None else constant.replace(_OPEN, "")

    return VARIABLE.sub(fill, text.replace(_OPEN, ""))
