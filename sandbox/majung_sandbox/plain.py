"""The short way for what campaigns send: thousands of free-style brand messages cut from one mould, read as bytes.

A few messages are parsed, the first is judged like any other, and what they share becomes the mould: the stretches of
bytes between the values that differ. If the mould covers the whole request, taking its stretches out leaves nothing but
the values, which are judged column by column, and the JSON is never built. Whatever is not plainly in order goes the
long way through `intake`, message by message, and a test holds the two to the same answers.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from majung_sandbox.kinds import Unfit, check_brand

Cells = NDArray[np.int64]

REGULAR_IDS: Final = re.compile(r"(?:[1-9][0-9]{0,9}-(?:0|[1-9][0-9]{0,8})-(?:0|[1-9][0-9]{0,8}) )+")
_HEAD: Final = b'{"messages":['
_SAMPLE_BYTES: Final = 16 * 1024
_SHARED_BYTES: Final = 16  # of the beginning or end of a value; less may be shared by accident
_VARYING: Final = re.compile(
    rb'"(to|from|id|pfId|content|name|imageLink|linkMobile|linkPc|linkAndroid|linkIos)":"((?:[^"\\]|\\.)*)"'
)
_CONTINUATION: Final = bytes(range(0x80, 0xC0))
_SCHEMES: Final = (b"http://", b"https://")
_ONCE: Final = ("to", "id", "pfId", "content")
_MESSAGE: Final = {"to", "type", "kakaoOptions", "customFields"}
_LINKS: Final = ("linkMobile", "linkPc", "linkAndroid", "linkIos", "imageLink")
_MOST_DIGITS: Final = 15
_POWERS: Final = 10 ** np.arange(_MOST_DIGITS - 1, -1, -1)
_LONG: Final = {"content", *_LINKS}
_BUTTON: Final = {"name", "linkType", "linkMobile", "linkPc", "linkAndroid", "linkIos"}
_BRAND: Final = {"targeting", "chatBubbleType", "content", "buttons", "imageId", "imageLink"}


@dataclass(slots=True)
class Plain:
    """Columns of a plain request, one cell a message; `numbers` carry a leading 1."""

    tos: list[str]
    numbers: NDArray[np.int64]
    campaign: Cells
    chunk_seq: Cells  # chunk << 32 | seq
    channels: list[str]  # each once
    channel_of: NDArray[np.int32]
    sender: str | None


class _Place:
    """Where a value stands in every message, and what all values there begin and end with."""

    def __init__(self, body: bytes, field: str, starts: Cells, stops: Cells) -> None:
        self.field = field
        self.begin = self.end = b""
        self._body, self._starts, self._stops = body, starts, stops
        self.is_alike = self._share_all() or self._share_ends()
        self.sizes = stops - starts - self.shared

    @property
    def shared(self) -> int:
        """Bytes that every value has."""
        return len(self.begin) + len(self.end)

    def values(self) -> list[bytes]:
        """What differs: the values without `begin` and `end`; one empty one if they are all alike."""
        if self.is_alike:
            return [b""]
        starts, stops = self._starts + len(self.begin), self._stops - len(self.end)
        return [self._body[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]

    def whole(self) -> list[bytes]:
        """Every value as it came."""
        return [self._body[start:stop] for start, stop in zip(self._starts.tolist(), self._stops.tolist(), strict=True)]

    def decimals(self, past: int = 0) -> tuple[Cells, Cells] | None:
        """The values behind their first `past` letters as whole numbers, and how many digits each has; None if one has others."""
        starts, sizes = self._starts + past, self._stops - self._starts - past
        most = int(sizes.max())
        if sizes.min() < 1 or most > _MOST_DIGITS:
            return None
        at = self._stops[:, None] - np.arange(most, 0, -1)
        digits = np.frombuffer(self._body, np.uint8)[at] - np.uint8(ord("0"))
        digits[at < starts[:, None]] = 0
        if (digits > 9).any():
            return None
        return digits @ _POWERS[-most:], sizes

    def follow(self, begin: bytes) -> bool:
        """Whether every value begins so."""
        is_long = bool(((self._stops - self._starts) >= len(begin)).all())
        return is_long and _first_other(self._body, self._starts, begin) is None

    def distinct(self) -> list[bytes]:
        """Every whole value once."""
        return [self.begin] if self.is_alike else list(dict.fromkeys(self.values()))

    def _share_all(self) -> bool:
        first = self._body[self._starts[0] : self._stops[0]]
        is_alike = bool(((self._stops - self._starts) == len(first)).all()) and self.follow(first)
        self.begin = first if is_alike else b""
        return is_alike

    def _share_ends(self) -> bool:
        if self.field in _LONG:
            room = int((self._stops - self._starts).min())
            first = self._body[self._starts[0] : self._stops[0]]
            self.begin = self._common(first[:room])
            self.end = self._common(first[len(first) - room + len(self.begin) :], is_end=True)
        return False

    def _common(self, stretch: bytes, is_end: bool = False) -> bytes:
        """As much of `stretch`, with which the first value begins or ends, as all do; nothing where it is little."""
        at: int | None = len(self._starts) - 1
        while at is not None and len(stretch) >= _SHARED_BYTES:
            other = self._body[self._starts[at] : self._stops[at]]
            if is_end:
                stretch = stretch[len(stretch) - _shared(stretch[::-1], other[::-1]) :].lstrip(_CONTINUATION)
                at = _first_other(self._body, self._stops - len(stretch), stretch)
            else:
                stretch = _cut_back(stretch[: _shared(stretch, other)])
                at = _first_other(self._body, self._starts, stretch)
        return stretch if len(stretch) >= _SHARED_BYTES else b""


def _first_other(body: bytes, starts: Cells, stretch: bytes) -> int | None:
    """The first place of `starts` where the body does not go on with `stretch`; None if there is none."""
    if not stretch:
        return None
    there = np.ndarray(len(body) - len(stretch) + 1, f"V{len(stretch)}", body, strides=(1,))[starts]
    if there.tobytes() == stretch * len(starts):
        return None
    return int(np.flatnonzero(there != np.frombuffer(stretch, there.dtype))[0])


def _shared(one: bytes, other: bytes) -> int:
    """How many bytes the two have in common from the beginning."""
    size = min(len(one), len(other))
    differing = np.flatnonzero(np.frombuffer(one, np.uint8, size) != np.frombuffer(other, np.uint8, size))
    return int(differing[0]) if len(differing) else size


def _cut_back(begin: bytes) -> bytes:
    """Without a letter or an escape that may be torn at its end."""
    return begin.decode(errors="ignore").rstrip("\\").encode()


def read_plain(body: bytes, files: dict[str, Any]) -> Plain | None:
    """The columns of a request body, or None if anything is out of the ordinary."""
    if not body.startswith(_HEAD) or not body.endswith(b"]}") or np.frombuffer(body, np.uint8).min() < ord(" "):
        return None
    if (sample := _sample(body)) is None or not _is_lawful(sample, files):
        return None
    places = _places(body, sample)
    try:
        return _judge(places) if places else None
    except UnicodeDecodeError:
        return None


def _sample(body: bytes) -> bytes | None:
    """The first message."""
    text = body[len(_HEAD) : len(_HEAD) + _SAMPLE_BYTES].decode(errors="ignore")
    try:
        return text[: json.JSONDecoder().raw_decode(text)[1]].encode()
    except (ValueError, RecursionError):
        return None


def _is_lawful(sample: bytes, files: dict[str, Any]) -> bool:
    """Whether the message is a lawful brand message of nothing but known fields."""
    try:
        message = orjson.loads(sample)
        options, brand = message["kakaoOptions"], message["kakaoOptions"]["bms"]
        if not (_MESSAGE <= message.keys() <= _MESSAGE | {"from"} and message["type"] == "BMS_FREE"):
            return False
        if type(message.get("from", "")) is not str or options.keys() != {"pfId", "disableSms", "bms"}:
            return False
        if options["disableSms"] is not True or not brand.keys() <= _BRAND:
            return False
        if message["customFields"].keys() != {"id"} or not all(b.keys() <= _BUTTON for b in brand.get("buttons", [])):
            return False
        check_brand(brand, None, files)
    except (ValueError, KeyError, TypeError, AttributeError, Unfit):
        return False
    return True


def _places(body: bytes, sample: bytes) -> list[_Place] | None:
    """The places of the sample's values in all messages; None unless its other bytes, repeated, cover the whole body.

    No value has a quote inside, so each quote of the sample stands for one in every message.
    """
    cells, each = np.frombuffer(body, np.uint8), sample.count(b'"')
    quotes = np.flatnonzero(cells == ord('"'))[_HEAD.count(b'"') :]
    if len(quotes) % each or (cells[quotes - 1] == ord("\\")).any():
        return None
    table = quotes.reshape(-1, each).T
    own = np.flatnonzero(np.frombuffer(sample, np.uint8) == ord('"'))
    places, at, ends = [], 0, table[0] - own[0]
    if ends[0] != len(_HEAD):
        return None
    for found in _VARYING.finditer(sample):
        opening = int(np.searchsorted(own, found.start(2) - 1))
        starts, stops = table[opening] + 1, table[opening + 1]
        if not _goes_on(body, ends, sample[at : found.start(2)], starts):
            return None
        places.append(_Place(body, found[1].decode(), starts, stops))
        at, ends = found.end(2), stops
    after = table[0][1:] - own[0]
    is_whole = _goes_on(body, ends[:-1], sample[at:] + b",", after) and body[ends[-1] :] == sample[at:] + b"]}"
    return places if is_whole else None


def _goes_on(body: bytes, ends: Cells, stretch: bytes, starts: Cells) -> bool:
    """Whether each value is followed by `stretch`, and that by the next value."""
    return bool(((starts - ends) == len(stretch)).all()) and _first_other(body, ends, stretch) is None


def _judge(places: list[_Place]) -> Plain | None:
    """Whether every value is within its bounds; what all messages share was judged with the sample."""
    by_field: dict[str, list[_Place]] = {}
    for place in places:
        by_field.setdefault(place.field, []).append(place)
    if any(len(by_field.get(name, [])) != 1 for name in _ONCE) or len(by_field.get("from", [])) > 1:
        return None
    (to,), (ids,), (channel,), (content,) = (by_field[name] for name in _ONCE)
    numbers, seqs = to.decimals(), _seqs(ids)
    if numbers is None or numbers[1].min() < 8 or seqs is None or not _is_short_enough(content):
        return None
    senders = [sender for place in by_field.get("from", []) for sender in place.distinct()]
    channels = channel.distinct()
    names = {name for place in by_field.get("name", []) for name in place.distinct()}
    if len(senders) > 1 or not all(word and b"\\" not in word for word in {*senders, *channels, *names}):
        return None
    if any(len(name.decode()) > 14 for name in names):
        return None
    if not all(_is_address(place) for name in _LINKS for place in by_field.get(name, [])):
        return None
    number = {name: at for at, name in enumerate(channels)}
    channel_of = np.array(
        [number[name] for name in channel.whole()] if len(channels) > 1 else [0] * len(seqs[0]), np.int32
    )
    return Plain(
        b" ".join(to.whole()).decode().split(" "), numbers[0] + 10 ** numbers[1], *seqs,
        [name.decode() for name in channels], channel_of,
        senders[0].decode() if senders else None,
    )  # fmt: skip


def _seqs(ids: _Place) -> tuple[Cells, Cells] | None:
    """Campaign and chunk_seq of ids that differ in the last part alone; None for all others."""
    first = ids.whole()[0]
    begin = first[: first.rfind(b"-") + 1]
    if not REGULAR_IDS.fullmatch(first.decode() + " ") or not ids.follow(begin):
        return None
    found = ids.decimals(len(begin))
    if found is None or found[1].max() > 9 or (found[0] < 10 ** (found[1] - 1))[found[1] > 1].any():
        return None
    campaign, chunk, _ = begin.split(b"-")
    return np.full(len(found[0]), int(campaign)), int(chunk) << 32 | found[0]


def _is_short_enough(content: _Place) -> bool:
    """At most 1,300 letters and 99 line breaks; line breaks are the one escape that is plain."""
    values, shared = content.values(), content.begin + content.end
    said = b" ".join([shared, *values])
    if said.count(b"\\") != said.count(b"\\n") or b"\\\\" in said or not (shared or all(values)):
        return False
    said.decode()
    # A letter is at least one byte, so most texts need no decoding to be seen short enough.
    longest = int(content.sizes.max())
    if longest + len(shared) > 1300 and max(len(value.decode()) for value in values) + len(shared.decode()) > 1300:
        return False
    breaks = shared.count(b"\\n")
    return breaks + longest // 2 <= 99 or all(breaks + value.count(b"\\n") <= 99 for value in values)


def _is_address(place: _Place) -> bool:
    """Whether the values of a place for links are plain ones; phones want the schemes of the web."""
    values = place.values()
    said = b" ".join([place.begin, place.end, *values])
    if b"\\" in said or not said.isascii() or not (place.shared or all(values)):
        return False
    if place.field != "linkMobile":
        return True
    begins = [place.begin] if place.begin else values
    return all([begin.startswith(_SCHEMES) for begin in begins]) and int(place.sizes.max()) + place.shared <= 1000  # noqa: C419
