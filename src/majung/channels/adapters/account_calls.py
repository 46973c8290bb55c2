"""The half of an adapter that is about the account itself: money, numbers, profiles, templates, refusals, pictures, prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from majung.channels.adapters.terms import Account, Kind, Reply, Wire
from majung.core.errors import Refusal

T = TypeVar("T")


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
