"""What the gateway keeps: groups, and in each group batches of messages held as arrays, about 45 bytes a message."""

from bisect import bisect_right
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from majung_sandbox import codes
from majung_sandbox.accounts import Account
from majung_sandbox.clock import SEOUL, Clock

RAW_BYTES_KEPT = 96 * 1024 * 1024
GROUP_LIMIT = 1_000_000


@dataclass(slots=True)
class Batch:
    """The messages of one request, in its order. Every array has one cell a message."""

    first: int  # counter in the first messageId; the others follow
    stamp: bytes  # the 17 characters before it
    made_at: datetime
    arrived: float
    numbers: NDArray[np.int64]  # digits behind a leading 1; 0 where `odd_numbers` has the text
    kinds: NDArray[np.uint8]
    channels: list[str]
    channel_of: NDArray[np.int32]  # -1: none
    senders: list[str]
    sender_of: NDArray[np.int32]  # -1: none
    registered: NDArray[np.uint16]  # 2000 accepted, 1xxx refused, 0 taken out again
    outcome: NDArray[np.uint16]  # where accepted: 0 = the world decides, else the code it will end with
    campaign: NDArray[np.int64]  # -1 where the id is not of the form campaign-chunk-seq
    chunk_seq: NDArray[np.int64]  # chunk << 32 | seq
    fallback: NDArray[np.bool_]  # becomes a text when Kakao refuses
    odd_numbers: dict[int, str]
    custom: dict[int, Any]  # customFields of those that are not just a regular id
    bodies: dict[int, dict[str, Any]]  # whole messages, of the phones that are looked at
    reasons: dict[int, str]  # what exactly is wrong, where it is more than the code says
    replaced: NDArray[np.bool_]  # became a text after all
    late: NDArray[np.bool_]
    raw: bytes | None = None  # the request, while memory for it lasts
    settled: list[bool] = field(default_factory=lambda: [False, False])  # on time, late

    def __len__(self) -> int:
        return len(self.numbers)

    def number(self, i: int) -> str:
        """The recipient as it was written."""
        return self.odd_numbers.get(i) or str(self.numbers[i])[1:]

    def message_id(self, i: int) -> str:
        """32 characters: M4V, date, counter."""
        return f"{self.stamp.decode()}{self.first + i:015d}"

    def channel(self, i: int) -> str:
        """The pfId, or nothing for texts."""
        at = self.channel_of[i]
        return self.channels[at] if at >= 0 else ""

    def sender(self, i: int) -> str:
        """The sender's number, or nothing."""
        at = self.sender_of[i]
        return self.senders[at] if at >= 0 else ""

    def custom_fields(self, i: int) -> Any:
        """CustomFields exactly as they came, or None."""
        if i in self.custom:
            return self.custom[i]
        chunk_seq = int(self.chunk_seq[i])
        return {"id": f"{self.campaign[i]}-{chunk_seq >> 32}-{chunk_seq & 0xFFFFFFFF}"}

    def codes_now(self, sent: bool) -> NDArray[np.uint16]:
        """Each message's code as of now: an outcome shows only once its time has come."""
        if not sent:
            return self.registered
        due = np.where(self.late, self.settled[1], self.settled[0])
        return np.where(
            self.registered == codes.ACCEPTED, np.where(due, self.outcome, codes.WAITING), self.registered
        ).astype(np.uint16)


@dataclass(slots=True)
class Group:
    """One basket of messages and its way PENDING → (SCHEDULED →) SENDING → COMPLETE (kakao.md §4.1)."""

    group_id: str
    account: Account
    made_at: datetime
    updated_at: datetime
    allow_duplicates: bool = False
    custom_fields: dict[str, str] | None = None
    agent: dict[str, Any] = field(default_factory=dict)
    status: str = "PENDING"
    batches: list[Batch] = field(default_factory=list)
    seen_numbers: set[str] = field(default_factory=set)
    scheduled_at: datetime | None = None
    sent_at: datetime | None = None
    completed_at: datetime | None = None
    hidden: bool = False
    charged_centiwon: int = 0
    refunded_centiwon: int = 0
    refunded_count: int = 0
    log: list[dict[str, str]] = field(default_factory=list)
    service: str = ""  # of a request that sent at once, as its dealer's module calls it
    grouping_key: str = ""  # what the sender calls that request
    on_credit: bool = False  # billed afterwards: no balance is asked for

    @property
    def is_sent(self) -> bool:
        """Whether its messages have really left."""
        return self.sent_at is not None

    def size(self) -> int:
        """Messages that ever came in, refused ones too."""
        return sum(len(batch) for batch in self.batches)


class Store:
    """All groups by id, all messages by id, and the raw requests of the last megabytes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.groups: OrderedDict[str, Group] = OrderedDict()
        self._firsts: list[int] = []
        self._places: list[tuple[Group, Batch]] = []
        # Counters start at thousand times the milliseconds since 2026, so they rise over restarts too.
        self._next = int(clock.machine_seconds() * 1000 - 1_767_225_600_000) * 1000 % 10**15
        self._raw: deque[Batch] = deque()
        self._raw_bytes = 0

    def stamp(self, kind: str) -> str:
        """Kind and Seoul date, the first 17 characters of an id."""
        return f"{kind}4V{self._clock.now().astimezone(SEOUL):%Y%m%d%H%M%S}"

    def new_group(self, account: Account, group_id: str = "", **fields: Any) -> Group:
        """An empty group in state PENDING."""
        now = self._clock.now()
        group = Group(group_id or f"{self.stamp('G')}{self.take_counters(1):015d}", account, now, now, **fields)
        self.groups[group.group_id] = group
        return group

    def take_counters(self, count: int) -> int:
        """The first of `count` fresh counters."""
        first = self._next
        self._next += count
        return first

    def last_counter(self) -> int:
        """Grows with every message and group."""
        return self._next

    def add(self, group: Group, batch: Batch) -> None:
        """Put a batch into its group; the oldest raw requests make room for the new one."""
        group.batches.append(batch)
        group.updated_at = batch.made_at
        self._firsts.append(batch.first)
        self._places.append((group, batch))
        if batch.raw is not None:
            self._raw.append(batch)
            self._raw_bytes += len(batch.raw)
        while self._raw_bytes > RAW_BYTES_KEPT:
            oldest = self._raw.popleft()
            if oldest.raw is not None:
                self._raw_bytes -= len(oldest.raw)
                oldest.raw = None

    def find(self, message_id: str) -> tuple[Group, Batch, int] | None:
        """Where a message lies, or None."""
        if len(message_id) != 32 or not message_id[17:].isdecimal():
            return None
        counter = int(message_id[17:])
        at = bisect_right(self._firsts, counter) - 1
        if at < 0:
            return None
        group, batch = self._places[at]
        i = counter - batch.first
        return (group, batch, i) if i < len(batch) and batch.message_id(i) == message_id else None

    def places(self) -> list[tuple[Group, Batch]]:
        """Every batch with its group, oldest first. Not a copy: do not change it."""
        return self._places
