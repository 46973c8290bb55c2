"""The short way for what campaigns send: thousands of free-style brand messages cut from one mould, read as bytes.

The first message is parsed and judged like any other. Its bytes, with the values that differ from person to person
taken out, become a pattern; if the pattern covers the whole request, the values are judged column by column and the
JSON is never built. Whatever is not plainly in order goes the long way through `intake`, message by message, and a
test holds the two to the same answers. Building and walking the JSON costs about three times as much.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from majung_sandbox.kinds import Unfit, check_brand

REGULAR_IDS: Final = re.compile(r"(?:[1-9][0-9]{0,9}-(?:0|[1-9][0-9]{0,8})-(?:0|[1-9][0-9]{0,8}) )+")
_HEAD: Final = b'{"messages":['
_SAMPLE_BYTES: Final = 16 * 1024
_VALUE: Final = rb'([^"]*+)'  # a value with a quote inside does not fit, and so goes the long way
_VARYING: Final = re.compile(
    rb'"(to|from|id|pfId|content|name|imageLink|linkMobile|linkPc|linkAndroid|linkIos)":"((?:[^"\\]|\\.)*)"'
)
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
_SCHEMES: Final = (b"http://", b"https://")
_ONCE: Final = ("to", "id", "pfId", "content")
_MESSAGE: Final = {"to", "type", "kakaoOptions", "customFields"}
_LINKS: Final = ("linkMobile", "linkPc", "linkAndroid", "linkIos", "imageLink")
_BUTTON: Final = {"name", "linkType", "linkMobile", "linkPc", "linkAndroid", "linkIos"}
_BRAND: Final = {"targeting", "chatBubbleType", "content", "buttons", "imageId", "imageLink"}


@dataclass(slots=True)
class Plain:
    """Columns of a plain request, one cell a message; `numbers` carry a leading 1."""

    tos: list[str]
    numbers: NDArray[np.int64]
    ids: str  # each followed by a blank
    channels: list[str]
    sender: str | None


def read_plain(body: bytes, files: dict[str, Any]) -> Plain | None:
    """The columns of a request body, or None if anything is out of the ordinary."""
    try:
        if not body.startswith(_HEAD) or not body.endswith(b"]}") or np.frombuffer(body, np.uint8).min() < ord(" "):
            return None
        sample = _sample(body, files)
        columns = _columns(body, sample) if sample is not None else None
        if columns is None:
            return None
        _decode(columns)
        return _judge(columns, escapes=b"\\" in body)
    except UnicodeDecodeError:
        return None


def _sample(body: bytes, files: dict[str, Any]) -> bytes | None:
    """The first message's bytes, if it is a lawful brand message of nothing but known fields."""
    text = body[len(_HEAD) : len(_HEAD) + _SAMPLE_BYTES].decode(errors="ignore")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
        message = orjson.loads(text[:end])
        options, brand = message["kakaoOptions"], message["kakaoOptions"]["bms"]
        if not (_MESSAGE <= message.keys() <= _MESSAGE | {"from"} and message["type"] == "BMS_FREE"):
            return None
        if type(message.get("from", "")) is not str:
            return None
        if (
            options.keys() != {"pfId", "disableSms", "bms"}
            or options["disableSms"] is not True
            or not brand.keys() <= _BRAND
        ):
            return None
        if message["customFields"].keys() != {"id"} or not all(b.keys() <= _BUTTON for b in brand.get("buttons", [])):
            return None
        check_brand(brand, None, files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Unfit):
        return None
    return text[:end].encode()


def _columns(body: bytes, sample: bytes) -> dict[str, list[tuple[bytes, ...]]] | None:
    """Values by field name, one tuple a place in the mould; None unless the mould covers the body to its last byte."""
    names: list[str] = []
    pattern, fixed, at = [], 1, 0  # one separator follows each message
    for found in _VARYING.finditer(sample):
        names.append(found[1].decode())
        pattern += [re.escape(sample[at : found.start(2)]), _VALUE]
        fixed += found.start(2) - at
        at = found.end(2)
    if any(names.count(name) != 1 for name in _ONCE) or names.count("from") > 1:
        return None
    pattern += [re.escape(sample[at:]), rb"(?:,(?=\{)|\](?=\}\Z))"]
    fixed += len(sample) - at
    rows = re.findall(b"".join(pattern), body)
    by_place = list(zip(*rows, strict=True))
    if len(_HEAD) + len(rows) * fixed + sum(sum(map(len, place)) for place in by_place) + 1 != len(body):
        return None
    columns: dict[str, list[tuple[bytes, ...]]] = {}
    for name, place in zip(names, by_place, strict=True):
        columns.setdefault(name, []).append(place)
    return columns


def _decode(columns: dict[str, list[tuple[bytes, ...]]]) -> None:
    """Refuses what is no UTF-8, as a JSON parser would. The fixed parts were decoded with the sample, equal endings are once."""
    for place in (place for places in columns.values() for place in places):
        tail = _shared_ending(place[0], place[-1]).lstrip(_CONTINUATION)
        if tail and all([value.endswith(tail) for value in place]):  # noqa: C419  faster so
            tail.decode()
            b" ".join([value[: -len(tail)] for value in place]).decode()
        else:
            b" ".join(place).decode()


def _shared_ending(one: bytes, other: bytes) -> bytes:
    pairs = zip(reversed(one), reversed(other), strict=False)
    size = next((at for at, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))
    return one[len(one) - size :]


def _judge(columns: dict[str, list[tuple[bytes, ...]]], escapes: bool) -> Plain | None:
    """Whether every value is within its bounds; the fixed parts were judged with the sample."""
    (tos,), (contents,), (channels,), (ids,) = (columns[name] for name in ("to", "content", "pfId", "id"))
    joined, sizes = b"".join(tos), set(map(len, tos))
    if not joined.isdigit() or min(sizes) < 8 or max(sizes) > 15:
        return None
    text = b" ".join(ids).decode() + " "
    if not REGULAR_IDS.fullmatch(text):
        return None
    if escapes:
        said = b" ".join(contents)
        if said.count(b"\\") != said.count(b"\\n") or b"\\\\" in said:
            return None  # line breaks are the one escape that is plain
        if any(c.count(b"\\n") > 99 for c in contents if len(c) > 198):
            return None
    # A character is at least one byte, so most texts need no decoding to be seen short enough.
    if not all(contents) or (max(map(len, contents)) > 1300 and max(len(c.decode()) for c in contents) > 1300):
        return None
    kinds = set(channels)
    senders = set(columns.get("from", [()])[0])
    short = kinds | senders
    names = {name for place in columns.get("name", []) for name in set(place)}
    if len(senders) > 1 or not all(short) or not all(0 < len(name.decode()) <= 14 for name in names):
        return None
    if any(b"\\" in value for value in short | names):
        return None
    for place in (place for name in _LINKS for place in columns.get(name, [])):
        addresses = b" ".join(place)
        if b"\\" in addresses or not addresses.isascii() or not all(place):
            return None
    for place in columns.get("linkMobile", []):
        if not all([link.startswith(_SCHEMES) for link in place]) or max(map(len, place)) > 1000:  # noqa: C419  faster so
            return None
    decoded = {pf_id: pf_id.decode() for pf_id in kinds}
    return Plain(
        b" ".join(tos).decode().split(" "), np.fromstring(b"1" + b" 1".join(tos), np.int64, sep=" "), text,
        [decoded[pf_id] for pf_id in channels], senders.pop().decode() if senders else None,
    )  # fmt: skip
