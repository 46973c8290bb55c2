"""What an adapter is: our words for accounts, messages, requests and answers, and the interfaces that dealers fill.

Every dealer is an ``Adapter``; how it takes messages makes it one of two kinds. ``Basket`` (docs/decisions/0002): open a
basket, commit its id, put the messages in, send it. Only an open basket can be sent, so a repeated send cannot send twice,
and a lost answer is settled by looking at the basket. ``Direct`` (docs/decisions/0020): one request sends at once, under a
key of ours that is committed first; a lost answer is settled by asking for the key, or waits. docs/developers/adapters.md.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from majung.core.errors import Outside, Refusal

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
    EMAIL = "EMAIL"


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
    is_personal: bool = True
    """Whether each person of a request may be told something else; a reviewed template always may."""
    label: Printer = Printer.NOBODY
    sender: Printer = Printer.NOBODY
    opt_out: Printer = Printer.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an adapter must know of an account. Key and secret are open here: never log or store one."""

    base_url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    more: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a dealer wants to be told of an account: ``name`` is ``key``, ``secret`` or a name in ``Account.more``."""

    name: str
    label: str
    help: str = ""
    is_required: bool = True
    is_words: bool = False
    """Whether it may be any text on a line, as a name or a password of one's own choice."""
    is_secret: bool = True
    """Whether it is hidden while it is typed."""


@dataclass(frozen=True, slots=True)
class Session:
    """A token that a dealer gave for a while, used until ``until``."""

    token: str = field(repr=False)
    until: datetime


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
    """One HTTP answer, and the address that was asked: some dealers do not repeat which page it is."""

    status: int
    body: bytes
    asked: str = ""


class GroupState(StrEnum):
    """Where a basket stands."""

    OPEN = "open"  # may be filled and sent; nothing has left
    SENT = "sent"  # has left; results may be open
    DONE = "done"  # every result is in
    DEAD = "dead"  # thrown away or failed; nothing has left and nothing will


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A basket as the provider tells it. ``waiting`` are messages that left and have no result yet, ``delivered`` and
    ``failed`` those that have one.
    """

    ref: str
    state: GroupState
    total: int
    accepted: int
    waiting: int
    delivered: int = 0
    failed: int = 0


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
    """A page of results: our ids as sent, the provider's codes, the next page's key ("" at the end).

    A dealer that does not tell our ids back has "" there, and in ``places`` the position in the request (-1: unknown).
    """

    ids: list[str]
    codes: list[int]
    next_key: str
    places: list[int] | None = None

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


class AlreadyTaken(DealerRefused):
    """A request with this key was taken before: find it."""


class NotOffered(Refusal):
    """The dealer has no call for this. ``problem`` is a Korean sentence that says what to do instead."""

    code = "channels.not_offered"
    sentence = "%(problem)s"
    fields = ("problem",)


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


class Offer(StrEnum):
    """What a dealer may tell of an account, or take, beside messages."""

    BALANCE = "balance"
    SENDERS = "senders"
    PROFILES = "profiles"
    TEMPLATES = "templates"
    REFUSED = "refused"
    BLOCKED = "blocked"
    PICTURES = "pictures"
    PRICES = "prices"


class AccountCalls:
    """Requests about the account itself, for jobs; each with the reading of its answer.

    What a dealer does not offer stands in ``not_offered`` with a Korean sentence for whoever asks, and raises NotOffered.
    """

    live_url: ClassVar[str]
    other_urls: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Further addresses by the name of the service, of a dealer that has several."""
    not_offered: ClassVar[Mapping[Offer, str]] = MappingProxyType({})
    templates_by_profile: ClassVar[bool] = False
    """Whether templates are asked for a profile at a time."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def url(self, path: str, service: str = "") -> str:
        """An address at the dealer; an account that is not at ``live_url`` (a sandbox) has all services at its own."""
        base = self.account.base_url.rstrip("/")
        if service and base == self.live_url.rstrip("/"):
            base = self.other_urls[service]
        return base + path

    @classmethod
    def offers(cls, what: Offer) -> bool:
        """Whether the dealer has a call for it."""
        return what not in cls.not_offered

    def _lacks(self, what: Offer) -> NotOffered:
        return NotOffered(problem=self.not_offered[what])

    def check_requests(self) -> list[Wire]:
        """Small questions whose answers prove that the keys are right, of a dealer whose other calls do not."""
        return []

    def decode_checked(self, reply: Reply) -> None:
        """Raises what refuses the keys."""
        raise NotImplementedError

    def balance_request(self) -> Wire:
        """Asks how much money is left."""
        raise self._lacks(Offer.BALANCE)

    def decode_balance(self, reply: Reply) -> int:
        """Money left, in 1/100 won."""
        raise self._lacks(Offer.BALANCE)

    def senders_request(self) -> Wire:
        """Asks for the registered sender numbers."""
        raise self._lacks(Offer.SENDERS)

    def decode_senders(self, reply: Reply) -> list[str]:
        """Digits of each number."""
        raise self._lacks(Offer.SENDERS)

    def profiles_request(self, start_key: str = "") -> Wire:
        """Asks for the channels registered with the account."""
        raise self._lacks(Offer.PROFILES)

    def decode_profiles(self, reply: Reply) -> Listed[Pf]:
        """Search ids and profile ids."""
        raise self._lacks(Offer.PROFILES)

    def templates_request(self, start_key: str = "", pf_id: str = "") -> Wire:
        """Asks for reviewed texts: of one profile, if ``templates_by_profile``, else of all."""
        raise self._lacks(Offer.TEMPLATES)

    def decode_templates(self, reply: Reply) -> Listed[TemplateRow]:
        """Reviewed texts and their states."""
        raise self._lacks(Offer.TEMPLATES)

    def refused_request(self, own: bool, start_key: str = "") -> Wire:
        """Asks for numbers that refused (or that the account itself blocked)."""
        raise self._lacks(Offer.BLOCKED if own else Offer.REFUSED)

    def decode_refused(self, reply: Reply, own: bool) -> Listed[Refused]:
        """Numbers that refused."""
        raise self._lacks(Offer.BLOCKED if own else Offer.REFUSED)

    def upload_request(self, kind: Kind, name: str, content: bytes) -> Wire:
        """Hands over a picture for messages of a kind."""
        raise self._lacks(Offer.PICTURES)

    def decode_uploaded(self, reply: Reply) -> str:
        """The picture's id: what ``Message.image_id`` is to hold."""
        raise self._lacks(Offer.PICTURES)

    def prices_request(self) -> Wire:
        """Asks for the price list."""
        raise self._lacks(Offer.PRICES)

    def decode_prices(self, reply: Reply) -> dict[Kind, int]:
        """1/100 won by kind."""
        raise self._lacks(Offer.PRICES)


@dataclass(frozen=True, slots=True)
class Reported:
    """What a dealer's report speaks of: its own reference of the basket or request, and our request key if it says it."""

    ref: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report whose content may be believed, read: of each message its basket, our id as sent and its outcome byte.

    ``about``: what else it speaks of, which is looked at.
    """

    about: set[Reported]
    of: list[str]
    ids: list[str]
    outcomes: bytes


class Adapter(AccountCalls, ABC):
    """One dealer's wire format. Holds no state but its account; every method is pure: no network, clock, database.

    Each ``…_request`` makes a Wire, the ``decode_…`` beside it reads the answer: it raises DealerRefused (or a subclass)
    for an error that was told, Outside for what is no answer.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    kinds: ClassVar[Mapping[Kind, KindFacts]]
    people_per_request: ClassVar[int]
    per_minute: ClassVar[int] = 0
    """Messages a minute that the dealer takes from one account, as it declares; 0: it says nothing."""
    page_size: ClassVar[int]
    secrets: ClassVar[frozenset[str]]
    """Names of headers and fields that never reach a log."""
    credentials: ClassVar[tuple[Credential, ...]] = (
        Credential(name="key", label="API 키"),
        Credential(name="secret", label="API 비밀값"),
    )
    pairs: ClassVar[tuple[tuple[str, str], ...]] = (("key", "secret"),)
    """Credentials that are changed together."""

    @classmethod
    def lacking(cls, given: Mapping[str, str]) -> str:
        """What is missing of the credentials, as a Korean sentence; "" when nothing is."""
        missing = [one.label for one in cls.credentials if one.is_required and not given.get(one.name)]
        return f"{', '.join(missing)} 칸을 채워 주세요." if missing else ""

    @abstractmethod
    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        """The request with its proof. ``salt`` is fresh for each request, 12 to 64 characters."""

    def session_request(self, now: datetime, salt: str) -> Wire | None:
        """Asks for a session token, itself signed; None for a dealer without sessions."""
        return None

    def decode_session(self, reply: Reply, now: datetime) -> Session:
        """The token, and until when it is used."""
        raise NotImplementedError

    proves_reports_by_group: ClassVar[bool] = False
    """Whether an item of a report is believed that names the basket in which its message lies: only where a basket's id is long,
    random, and told to nobody but us over a signed call (docs/decisions/0029). Otherwise a report only wakes a look."""

    @classmethod
    def decode_report(cls, body: bytes) -> Report:
        """A report, for adapters whose reports prove themselves. Raises ValueError when it is none; odd items are passed over."""
        return Report(about=cls.reported(body), of=[], ids=[], outcomes=b"")

    @classmethod
    def reported(cls, body: bytes) -> set[Reported]:  # noqa: ARG003  for those that do
        """What a report (webhook) speaks of; its content is not believed (docs/decisions/0009). Raises ValueError."""
        raise ValueError("this dealer sends no reports")

    @abstractmethod
    def encode(self, batch: Batch) -> bytes:
        """The body that hands a batch over. Hot path. Raises ValueError when a column is missing."""

    @abstractmethod
    def outcome(self, code: int) -> int:
        """The outcome byte of a provider's code."""


class Basket(Adapter):
    """A dealer with baskets: nothing leaves before the basket is sent, and it is sent once."""

    @abstractmethod
    def create_group_request(self) -> Wire:
        """Opens a basket."""

    @abstractmethod
    def decode_created(self, reply: Reply) -> str:
        """The new basket's id, to be committed before it is filled."""

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
    def coded_messages_request(self, group: str, code: int, start_key: str = "") -> Wire:
        """Asks for a page of those of the basket's messages that have this code now; read by ``decode_messages``."""

    @abstractmethod
    def decode_messages(self, reply: Reply) -> Page:
        """A page of messages."""

    @abstractmethod
    def drop_group_request(self, group: str) -> Wire:
        """Throws an open basket away."""


class Finds(StrEnum):
    """What the dealer's answer to "was a request with this key taken?" is worth."""

    SURELY = "surely"  # "no" is certain once ``find_seconds`` have passed
    PERHAPS = "perhaps"  # "yes" is certain, "no" proves nothing
    NEVER = "never"  # there is nothing to ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a dealer that sends at once can do for one kind; what is declared here the contract suite tries.

    ``find_seconds``: so long after a request what was taken is listed for certain. ``duplicates_seconds``: so long a
    second request with the same key is refused (AlreadyTaken); 0 when it would be taken.
    """

    finds: Finds
    find_seconds: float = 0.0
    echoes_our_id: bool = False
    reports: bool = False
    duplicates_seconds: int = 0
    takes_seconds: float = 0.0
    """How long a request may take, if that is longer than a lease: so long its worker is believed to live."""
    tells_results: bool = True
    """Whether more is told later than what the request is answered; else "taken" is the last word at once."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What the dealer said to a request: its reference ("" when it took nobody), and one outcome byte a person."""

    ref: str
    outcomes: bytes


class Direct(Adapter):
    """A dealer whose one request sends at once, under a request key of ours: ``campaign-chunk-attempt``, ASCII.

    Whoever sends commits the key first. A Direct adapter may have several services (``other_urls``); ``kind`` says which.
    """

    abilities: ClassVar[Mapping[Kind, Abilities]]

    @abstractmethod
    def send_request(self, kind: Kind, body: bytes, key: str) -> Wire:
        """Sends an encoded batch at once; the key is put where the dealer can search it, or repeats it in reports."""

    @abstractmethod
    def decode_handed(self, reply: Reply, batch: Batch) -> Handed:
        """What became of the batch.

        DealerRefused (NoBalance, AlreadyTaken) means for certain that this request took nobody. An answer that does not
        tell (5xx, garbled) raises a plain Outside: in doubt.
        """

    def find_request(self, kind: Kind, key: str, at: datetime) -> Wire:
        """Asks for a request by our key, sent at about ``at``; only where ``finds`` is not NEVER."""
        raise NotImplementedError

    def decode_found(self, reply: Reply, kind: Kind, key: str) -> str:
        """The dealer's reference of the request with exactly this key, or "" when it is not there."""
        raise NotImplementedError

    @abstractmethod
    def results_request(self, kind: Kind, ref: str, page_key: str = "", limit: int = 0) -> Wire:
        """Asks for a page of results; limit 0 is the adapter's ``page_size``."""

    @abstractmethod
    def decode_results(self, reply: Reply, kind: Kind) -> Page:
        """A page of results. A message whose result is open has a code whose outcome is ACCEPTED. Raises UnknownGroup."""

    @abstractmethod
    def probe_request(self, kind: Kind) -> Wire:
        """A small question that changes nothing: after an outage it is asked before anybody is put at risk."""
