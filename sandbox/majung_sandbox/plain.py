"""The short way for what campaigns send: a request of nothing but ordinary free-style brand messages, judged by columns.

It knows no refusal of its own: whatever is not plainly in order goes the long way through `intake`, message by message,
and a test holds the two to the same answers. Six times faster than the long way.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

REGULAR_IDS: Final = re.compile(r"(?:[1-9][0-9]{0,9}-(?:0|[1-9][0-9]{0,8})-(?:0|[1-9][0-9]{0,8}) )+")
_FIELDS: Final = {"targeting", "chatBubbleType", "content", "buttons", "imageId"}
_NEEDED: Final = {"TEXT": {"content"}, "IMAGE": {"content", "imageId"}}
_SCHEMES: Final = ("http://", "https://")


@dataclass(slots=True)
class Plain:
    """Columns of a plain request, one cell a message; `numbers` carry a leading 1."""

    tos: list[str]
    numbers: NDArray[np.int64]
    ids: str  # each followed by a blank
    channels: list[str]
    sender: str | None


def read_plain(messages: list[dict[str, Any]], files: Container[str]) -> Plain | None:
    """The columns, or None if anything is out of the ordinary."""
    try:
        return _read(messages, files)
    except (KeyError, TypeError, AttributeError):
        return None


def _read(messages: list[dict[str, Any]], files: Container[str]) -> Plain | None:
    if {m["type"] for m in messages} != {"BMS_FREE"}:
        return None
    tos = [m["to"] for m in messages]
    joined = "".join(tos)
    sizes = set(map(len, tos))
    if not (joined.isdecimal() and joined.isascii() and min(sizes) >= 8 and max(sizes) <= 15):
        return None
    fields = [m["customFields"] for m in messages]
    ids = " ".join([f["id"] for f in fields]) + " "
    if set(map(len, fields)) != {1} or not REGULAR_IDS.fullmatch(ids):
        return None
    senders = {m.get("from") for m in messages}
    sender = senders.pop()
    if senders or not (sender is None or (type(sender) is str and sender)):
        return None
    options = [m["kakaoOptions"] for m in messages]
    channels = [o["pfId"] for o in options]
    if not all(channels) or set(map(type, channels)) != {str}:
        return None
    if set(map(id, [o["disableSms"] for o in options])) != {id(True)} or any("templateId" in o for o in options):
        return None
    if not _are_plain([o["bms"] for o in options], files):
        return None
    return Plain(tos, np.fromstring("1" + " 1".join(tos), np.int64, sep=" "), ids, channels, sender)


def _are_plain(bodies: list[dict[str, Any]], files: Container[str]) -> bool:
    """Whether each is a TEXT or IMAGE bubble within its limits, with web-link buttons at most."""
    bubbles = {b["chatBubbleType"] for b in bodies}
    bubble = bubbles.pop()
    if (
        bubbles
        or bubble not in _NEEDED
        or set(map(type, bodies)) != {dict}
        or {b["targeting"] for b in bodies} != {"I"}
    ):
        return False
    shapes = set(map(tuple, bodies))
    if not all(_NEEDED[bubble] <= set(shape) <= _FIELDS for shape in shapes):
        return False
    if bubble == "TEXT" and any("imageId" in shape for shape in shapes):
        return False
    if bubble == "IMAGE" and not all(i in files for i in {b["imageId"] for b in bodies}):
        return False
    contents = [b["content"] for b in bodies]
    if set(map(type, contents)) != {str} or not 0 < min(map(len, contents)) <= max(map(len, contents)) <= 1300:
        return False
    if max([c.count("\n") for c in contents]) > 99:
        return False
    lists = [b["buttons"] for b in bodies if "buttons" in b]
    if not lists:
        return True
    if set(map(type, lists)) != {list} or max(map(len, lists)) > 5:
        return False
    buttons = list(chain.from_iterable(lists))
    if not buttons:
        return True
    names, links = {b["name"] for b in buttons}, [b["linkMobile"] for b in buttons]
    return (
        {b["linkType"] for b in buttons} == {"WL"}
        and all(type(n) is str and 0 < len(n) <= 14 for n in names)
        and set(map(type, links)) == {str}
        and max(map(len, links)) <= 1000
        and all(link.startswith(_SCHEMES) for link in links)
    )
