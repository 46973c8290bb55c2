"""What an adapter is: our words for accounts, messages, requests and answers, and the interface every dealer fills.

The group flow (docs/decisions/0002-lost-answers.md): open a basket, commit its id, put the messages in, send it. Only
an open basket can be sent, so a repeated send cannot send twice, and a lost answer is settled by looking at the basket.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from majung.core.errors import Outside

T = TypeVar("T")

_OUR_ID = re.compile(r"\d{1,10}-\d{1,9}-\d{1,6}", re.ASCII)
_OUR_IDS = re.compile(rf"(?:{_OUR_ID.pattern} )*", re.ASCII)
VARIABLE = re.compile(r"#\{([^{}#\n]{1,30})\}")


class Kind(StrEnum):
    """What is sent; the same words as ``channels.enums.MessageKind``."""

    ALIM = "ALIM"
    BRAND = "BRAND"
    SMS = "SMS"
    LMS = "LMS"


class Printer(StrEnum):
    """Who puts a mark on what the friend sees."""

    MESSENGER = "messenger"  # printed by KakaoTalk around the bubble
    TEXT = "text"  # must stand in our own text
    NOBODY = "nobody"  # does not belong on this kind


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFacts:
    """One kind at one dealer: whom it reaches, what it may hold, and who prints label, sender and opt-out."""

    medium: str
    characters: int = 0  # 0: counted in bytes
    bytes: int = 0
    line_breaks: int = 0
    buttons: int = 0
    button_name: int = 0
    link: int = 0
    subject_bytes: int = 0
    takes_image: bool = False
    needs_image_with: str = ""
    needs_template: bool = False
    needs_profile: bool = False
    needs_sender: bool = False
    friends_only: bool = False
    label: Printer = Printer.NOBODY
    sender: Printer = Printer.NOBODY
    opt_out: Printer = Printer.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an adapter must know of an account. Key and secret are open here: never log or store one."""

    base_url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A button under a bubble; name and links may hold ``#{변수}``. Types: kakao.md §3.2 (WL, AL, AC, BK, MD, BT)."""

    name: str
    type: str = "WL"
    link_mobile: str = ""
    link_pc: str = ""
    link_android: str = ""
    link_ios: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is said, with ``#{변수}`` still open in any of its texts."""

    text: str
    subject: str = ""
    buttons: tuple[Button, ...] = ()
    image_id: str = ""
    image_link: str = ""
    template_id: str = ""

    def texts(self) -> tuple[str, ...]:
        """Every text of the message that may hold a variable."""
        links = (part for b in self.buttons for part in (b.name, b.link_mobile, b.link_pc, b.link_android, b.link_ios))
        return (self.text, self.subject, self.image_link, *links)

    def variables(self) -> tuple[str, ...]:
        """Names of all variables, each once, in order of appearance."""
        return tuple(dict.fromkeys(name for text in self.texts() for name in VARIABLE.findall(text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The people of one request. ``columns`` has, for each variable of the message, one UTF-8 value a person.

    ``constants`` are variables with one value for all (names and numbers of the unit); they win over columns.
    ``seqs`` are the people's positions in their chunk, ascending; None means 0 to n-1.
    """

    kind: Kind
    message: Message
    campaign: int
    chunk: int
    recipients: Sequence[bytes]
    columns: Mapping[str, Sequence[bytes]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    seqs: Sequence[int] | None = None
    pf_id: str = ""
    sender: str = ""

    @property
    def positions(self) -> Sequence[int]:
        """The people's positions in their chunk, in the order of ``recipients``."""
        return range(len(self.recipients)) if self.seqs is None else self.seqs


@dataclass(frozen=True, slots=True)
class Wire:
    """One HTTP request, not yet signed."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes


class GroupState(StrEnum):
    """Where a basket stands."""

    OPEN = "open"  # may be filled and sent; nothing has left
    SENT = "sent"  # has left; results may be open
    DONE = "done"  # every result is in
    DEAD = "dead"  # thrown away or failed; nothing has left and nothing will


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A basket as the provider tells it. ``waiting`` are messages that left and have no result yet."""

    ref: str
    state: GroupState
    total: int
    accepted: int
    waiting: int


def our_ids(ids: Sequence[str]) -> NDArray[np.int64]:
    """Message ids ``campaign-chunk-seq`` as rows of three numbers; what is not of that form becomes a row of zeros."""
    if not ids:
        return np.empty((0, 3), np.int64)
    joined = " ".join(ids)
    if joined.count(" ") != len(ids) - 1 or not _OUR_IDS.fullmatch(joined + " "):
        joined = " ".join([one if _OUR_ID.fullmatch(one) else "0-0-0" for one in ids])
    return np.fromstring(joined.replace("-", " "), np.int64, sep=" ").reshape(-1, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a basket's messages: our ids as sent, the provider's codes, the next page's key ("" at the end)."""

    ids: list[str]
    codes: list[int]
    next_key: str

    def __len__(self) -> int:
        return len(self.ids)


class DealerRefused(Outside):
    """The dealer answered with an error. ``code`` is the dealer's word; ``pause`` our reason to pause, or empty."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        after_seconds: float = 0.0,
        pause: str = "",
        raw: bytes = b"",
    ) -> None:
        super().__init__(f"{code}: {message}", retryable=retryable, after_seconds=after_seconds, raw=raw[:2000])
        self.code, self.pause = code, pause


class NoBalance(DealerRefused):
    """There is not enough money. Nobody failed: the campaign pauses (M7)."""


class UnknownGroup(DealerRefused):
    """The dealer has no such basket."""


class WrongState(DealerRefused):
    """The basket is not in a state for this: look at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[T]):
    """A page of a list and the key of the next page ("" at the end)."""

    rows: list[T]
    next_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pf:
    """A channel as the dealer knows it."""

    search_id: str
    pf_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRow:
    """A reviewed text as the dealer tells it."""

    dealer_id: str
    pf_id: str
    name: str
    content: str
    state: str
    buttons: list[Any]
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A number that refused, and since when as the dealer wrote it."""

    number: str
    since: str


class AccountCalls(ABC):
    """Requests about the account itself, for jobs; each with the reading of its answer."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @abstractmethod
    def balance_request(self) -> Wire:
        """Asks how much money is left."""

    @abstractmethod
    def decode_balance(self, reply: Reply) -> int:
        """Money left, in 1/100 won."""

    @abstractmethod
    def senders_request(self) -> Wire:
        """Asks for the registered sender numbers."""

    @abstractmethod
    def decode_senders(self, reply: Reply) -> list[str]:
        """Digits of each number."""

    @abstractmethod
    def profiles_request(self, start_key: str = "") -> Wire:
        """Asks for the channels registered with the account."""

    @abstractmethod
    def decode_profiles(self, reply: Reply) -> Listed[Pf]:
        """Search ids and profile ids."""

    @abstractmethod
    def templates_request(self, start_key: str = "") -> Wire:
        """Asks for reviewed texts."""

    @abstractmethod
    def decode_templates(self, reply: Reply) -> Listed[TemplateRow]:
        """Reviewed texts and their states."""

    @abstractmethod
    def refused_request(self, own: bool, start_key: str = "") -> Wire:
        """Asks for numbers that refused (or that the account itself blocked)."""

    @abstractmethod
    def decode_refused(self, reply: Reply, own: bool) -> Listed[Refused]:
        """Numbers that refused."""

    @abstractmethod
    def upload_request(self, kind: Kind, name: str, content: bytes) -> Wire:
        """Hands over a picture for messages of a kind."""

    @abstractmethod
    def decode_uploaded(self, reply: Reply) -> str:
        """The picture's id."""

    @abstractmethod
    def prices_request(self) -> Wire:
        """Asks for the price list."""

    @abstractmethod
    def decode_prices(self, reply: Reply) -> dict[Kind, int]:
        """1/100 won by kind."""


class Adapter(AccountCalls):
    """One dealer's wire format. Holds no state but its account; every method is pure."""

    code: ClassVar[str]
    name: ClassVar[str]
    live_url: ClassVar[str]
    kinds: ClassVar[Mapping[Kind, KindFacts]]
    people_per_request: ClassVar[int]
    page_size: ClassVar[int]
    echoes_our_id: ClassVar[bool]
    secrets: ClassVar[frozenset[str]]

    @abstractmethod
    def sign(self, now: datetime, salt: str) -> dict[str, str]:
        """Headers that sign one request. ``salt`` is fresh for each request, 12 to 64 characters."""

    # The group flow. Every ``…_request`` makes a Wire, the ``decode_…`` beside it reads the answer.
    # Each decode raises DealerRefused (or a subclass) for an error that was told, Outside for what is no answer.
    @abstractmethod
    def create_group_request(self) -> Wire:
        """Opens a basket."""

    @abstractmethod
    def decode_created(self, reply: Reply) -> str:
        """The new basket's id, to be committed before it is filled."""

    @abstractmethod
    def encode(self, batch: Batch) -> bytes:
        """The body that puts a batch into a basket. Hot path."""

    @abstractmethod
    def add_messages_request(self, group: str, body: bytes) -> Wire:
        """Puts an encoded batch into the basket."""

    @abstractmethod
    def decode_added(self, reply: Reply, batch: Batch) -> bytes:
        """One outcome byte a person, in the order of the batch: ACCEPTED or why not. Raises NoBalance."""

    @abstractmethod
    def send_request(self, group: str) -> Wire:
        """Sends the basket; legal only while it is open."""

    @abstractmethod
    def decode_sent(self, reply: Reply) -> Group:
        """The basket after sending. Raises WrongState when it was no open basket, NoBalance."""

    @abstractmethod
    def group_request(self, group: str) -> Wire:
        """Asks where the basket stands."""

    @abstractmethod
    def decode_group(self, reply: Reply) -> Group:
        """The basket. Raises UnknownGroup."""

    @abstractmethod
    def group_messages_request(self, group: str, start_key: str = "", limit: int = 0) -> Wire:
        """Asks for a page of the basket's messages; limit 0 is the adapter's ``page_size``."""

    @abstractmethod
    def decode_messages(self, reply: Reply) -> Page:
        """A page of messages."""

    @abstractmethod
    def outcome(self, code: int) -> int:
        """The outcome byte of a provider's code."""

    @abstractmethod
    def drop_group_request(self, group: str) -> Wire:
        """Throws an open basket away."""
