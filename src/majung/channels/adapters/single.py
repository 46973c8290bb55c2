"""A dealer whose one request carries one person and sends at once (docs/decisions/0039).

The ledger's chunk stays what it is: a thousand people are claimed, opened and written down together, and each of them leaves
by a request of their own, many at a time. Our id of the message, ``campaign-chunk-seq``, is the key of its request: the dealer
is asked for the person's number around that time, and only what repeats the id counts.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from majung.channels.adapters.base import Abilities, Adapter, Page
from majung.channels.adapters.terms import Batch, Kind, Reply, Wire

PEOPLE_PER_CHUNK = 1_000
CLOCKS_DIFFER = timedelta(minutes=15)
"""So far can the dealer's clock be from ours at all: it refuses requests of a clock that is further off (kakao.md §4.1)."""


class Single(Adapter):
    """One dealer's wire format of one message a request. Pure, as every adapter."""

    people_per_request = 1
    people_per_chunk = PEOPLE_PER_CHUNK
    abilities: ClassVar[Mapping[Kind, Abilities]]
    in_flight: ClassVar[int]
    """Requests of one account that a worker's slot may have on their way at the same time."""
    pipelined: ClassVar[int] = 1
    """So many of them may a connection carry before the first is answered; the dealer answers in that order."""

    @abstractmethod
    def encode_each(self, batch: Batch) -> list[bytes]:
        """A body a person, in the order of the batch. Hot path. Raises ValueError when a column is missing."""

    @abstractmethod
    def send_request(self) -> Wire:
        """What the requests of all people share: no body, and not signed."""

    @abstractmethod
    def proofs(self, now: datetime, salts: Sequence[bytes]) -> list[bytes]:
        """The header line that signs a request, for each salt (as ``sign``'s), without its line end. Hot path."""

    @abstractmethod
    def decode_one(self, status: int, body: bytes, number: bytes) -> int:
        """The outcome byte of the person with this number, whose request was answered so. Hot path.

        DealerRefused (NoBalance) means for certain that the person was not taken, and that nobody else would be just now. An
        answer that does not tell (5xx, garbled, about another number) raises a plain Outside: in doubt.
        """

    @abstractmethod
    def person_request(self, number: bytes, since: datetime, until: datetime, limit: int = 0) -> Wire:
        """Asks for the messages of the account to a number that were made in that time, whatever became of them."""

    @abstractmethod
    def results_request(self, since: datetime, until: datetime, page_key: str = "", limit: int = 0) -> Wire:
        """Asks for a page of all messages of the account that were made in that time; limit 0 is ``page_size``."""

    @abstractmethod
    def decode_results(self, reply: Reply) -> Page:
        """A page, or a person's messages. One whose result is open has a code whose outcome is ACCEPTED."""

    @abstractmethod
    def probe_request(self) -> Wire:
        """A small question that changes nothing: after an outage it is asked before anybody is put at risk."""
