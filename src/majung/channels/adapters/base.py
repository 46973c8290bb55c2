"""What an adapter is: the interfaces that dealers fill. Our words are in ``terms``, what is about the account in ``account_calls``.

Every dealer is an ``Adapter``; how it takes messages makes it one of two kinds. ``Basket`` (docs/decisions/0002): open a
basket, commit its id, put the messages in, send it. Only an open basket can be sent, so a repeated send cannot send twice,
and a lost answer is settled by looking at the basket. ``Direct`` (docs/decisions/0020): one request sends at once, under a
key of ours that is committed first; a lost answer is settled by asking for the key, or waits. A third, one request a person, is
in ``single``. docs/developers/adapters.md.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from majung.channels.adapters.account_calls import AccountCalls
from majung.channels.adapters.terms import Batch, Credential, Kind, KindFacts, Reply, Session, Wire
from majung.core.errors import Outside

_OUR_ID = re.compile(r"\d{1,10}-\d{1,9}-\d{1,6}", re.ASCII)
_OUR_IDS = re.compile(rf"(?:{_OUR_ID.pattern} )*", re.ASCII)


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

    A dealer that does not tell our ids back has "" there, and in ``places`` the position in the request (-1: unknown), or in
    ``numbers`` whom the row is about, as digits (docs/decisions/0040).
    """

    ids: list[str]
    codes: list[int]
    next_key: str
    places: list[int] | None = None
    numbers: list[str] | None = None

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
    people_per_chunk: ClassVar[int] = 0
    """People of one chunk of the ledger, where that is not one request; 0: ``people_per_request``."""
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

    def uses_session(self, wire: Wire) -> bool:
        """Whether a request is sent under the session, of a dealer that has sessions."""
        return True

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
