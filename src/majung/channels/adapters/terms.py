"""What dealers are told and tell: kinds, accounts, messages, requests and answers, in our own words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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
