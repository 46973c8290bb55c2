"""What a phone shows: the last messages of each number that is registered as a phone or was opened."""

from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import orjson

from majung_sandbox import codes
from majung_sandbox.clock import Clock, iso
from majung_sandbox.kinds import euc_kr_bytes
from majung_sandbox.store import Batch, Group, Store
from majung_sandbox.templates import Templates

KEPT = 50
NUMBERS_KEPT = 2000


@dataclass(slots=True)
class Bubble:
    """One line of a thread. `thread` is a pfId, or `sms:` and the sender's number."""

    thread: str
    at: str
    side: str = "in"  # in, out (the person), line (a notice of the messenger)
    kind: str = ""
    title: str = ""
    text: str = ""
    image_id: str = ""
    buttons: list[list[str]] = field(default_factory=list)  # name, type, address
    account: str = ""
    note: str = ""


class Threads:
    """Bubbles by number."""

    def __init__(self, clock: Clock, store: Store, templates: Templates, watched: set[str]) -> None:
        self._clock = clock
        self._store = store
        self._templates = templates
        self._watched = watched
        self.phones: dict[str, str] = {}  # number → name
        self.by_number: dict[str, deque[Bubble]] = {}
        self.versions: dict[str, int] = {}
        self.dirty: set[str] = set()

    def register(self, number: str, name: str) -> None:
        """Make a phone of a number; a second time renames it."""
        self.phones[number] = name
        self.open(number)

    def open(self, number: str) -> None:
        """Watch a number from now on; what came before is shown as far as requests are still kept."""
        if number in self._watched:
            return
        if len(self._watched) >= NUMBERS_KEPT + len(self.phones):
            return
        self._watched.add(number)
        wanted = int("1" + number)
        for group, batch in self._store.places():
            if batch.raw is None or not group.is_sent:
                continue
            hits = np.nonzero(batch.numbers == wanted)[0].tolist()
            messages = orjson.loads(batch.raw)["messages"] if hits else []
            if len(messages) == len(batch):
                batch.bodies.update({i: messages[i] for i in hits})
                self.arrived(group, batch, hits)

    def arrived(self, group: Group, batch: Batch, picks: Iterable[int]) -> None:
        """Show those of the messages that were delivered to a watched number."""
        if not batch.bodies:
            return
        now = batch.codes_now(True)
        for i in picks:
            body = batch.bodies.get(i)
            if body is not None and now[i] == codes.DELIVERED:
                self.add(batch.number(i), self._bubble(group, batch, i, body, bool(batch.replaced[i])))

    def _bubble(self, group: Group, batch: Batch, i: int, body: dict[str, Any], replaced: bool) -> Bubble:
        kind = codes.KINDS[batch.kinds[i]]
        at = iso(self._clock.now())
        text = body.get("text")
        options: dict[str, Any] = _dict(body.get("kakaoOptions"))
        if replaced or batch.kinds[i] <= codes.MMS:
            words = text if type(text) is str else ""
            return Bubble(
                f"sms:{batch.sender(i)}", at, kind="LMS" if replaced else kind, text=words, image_id=_text(body.get("imageId")),
                title=_text(body.get("subject")), account=group.account.key,
                note=f"{'장문 ' if euc_kr_bytes(words) > 90 else ''}{euc_kr_bytes(words)}바이트",
            )  # fmt: skip
        if "templateId" in options:
            _, text = self._templates.check_message(group.account.key, body, options)
        bms = _dict(options.get("bms"))
        cards = _dict(bms.get("carousel")).get("list") or []
        shown = _dict(cards[0]) if cards else bms
        note = f"캐러셀 1 / {len(cards)}" if cards else ""
        shop = _dict(shown.get("commerce"))
        said = shown.get("content") or (f"{shop.get('title')}\n{shop.get('regularPrice'):,}원" if shop else text)
        return Bubble(
            batch.channel(i), at, kind=kind, title=_text(shown.get("header")), text=_text(said), note=note,
            image_id=_text(shown.get("imageId")), account=group.account.key,
            buttons=_buttons(shown.get("buttons") or options.get("buttons")),
        )  # fmt: skip

    def add(self, number: str, bubble: Bubble) -> None:
        """Put a line under a number's last ones."""
        self.by_number.setdefault(number, deque(maxlen=KEPT)).append(bubble)
        self.touch(number)

    def touch(self, number: str) -> None:
        """Something on this phone changed: pages that show it reload."""
        self.versions[number] = self.versions.get(number, 0) + 1
        self.dirty.add(number)

    def say(self, number: str, thread: str, text: str, side: str = "line") -> None:
        """A notice of the messenger, or something the person did."""
        self.add(number, Bubble(thread, iso(self._clock.now()), side=side, text=text))

    def dump(self, number: str) -> list[dict[str, Any]]:
        """A number's lines as plain values."""
        return [asdict(bubble) for bubble in self.by_number.get(number, ())]

    def load(self, phones: dict[str, str], lines: dict[str, list[dict[str, Any]]]) -> None:
        """Take over phones and what they showed."""
        self.phones.update(phones)
        for number, saved in lines.items():
            self.by_number[number] = deque((Bubble(**line) for line in saved), maxlen=KEPT)
        self._watched.update(self.phones, self.by_number)


def _dict(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _buttons(value: Any) -> list[list[str]]:
    if type(value) is not list:
        return []
    rows = [b for b in value if type(b) is dict]
    return [
        [
            _text(b.get("name") or b.get("buttonName")) or "채널 추가", _text(b.get("linkType") or b.get("buttonType")),
            _text(b.get("linkMobile") or b.get("linkMo") or b.get("linkPc")),
        ]
        for b in rows
    ]  # fmt: skip
