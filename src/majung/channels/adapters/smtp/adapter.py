"""The e-mail adapter: a chunk is a bundle of letters, each with an answer of its own (docs/decisions/0023). Pure.

What a mail server says to a letter is its last word; what comes back later is the mail room's. A request that lost its worker
in the middle cannot be asked for, so a bundle is small.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import orjson

from majung.channels.adapters.account_calls import Offer
from majung.channels.adapters.base import Abilities, DealerRefused, Direct, Finds, Handed, Page
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.smtp import letter
from majung.channels.adapters.smtp.letter import Letter, Sender
from majung.channels.adapters.terms import VARIABLE, Batch, Credential, Kind, KindFacts, Printer, Reply, Wire
from majung.core.errors import Outside
from majung.people.addresses import is_address

LETTERS: Final = "LETTERS"
"""The method of a Wire that is a bundle of letters; NOOP asks whether the server can be reached."""
NOOP: Final = "NOOP"
LINK: Final = "수신설정"
TOKEN_LENGTH: Final = 36
BUNDLE_SECONDS: Final = 300.0
"""No letter of a bundle is begun later than this after the first: with its own answers the last one stays inside the lease."""
_HEAD: Final = struct.Struct(">HHI")
_NOWHERE: Final = dict.fromkeys(Offer, "메일 서버에는 이런 것이 없습니다. 따로 적어 주세요.")

_OUTCOMES: Final[Mapping[str, Outcome]] = {
    "5.2.2": Outcome.MAILBOX_FULL, "4.2.2": Outcome.MAILBOX_FULL, "5.3.4": Outcome.TOO_LONG, "5.2.3": Outcome.TOO_LONG,
    "5.1.7": Outcome.BAD_SENDER, "5.1.8": Outcome.BAD_SENDER,
}  # fmt: skip
"""By enhanced code (RFC 3463); else by its first two places, else by the three digits."""


def pack(letters: Sequence[Letter]) -> bytes:
    """Letters as one body."""
    parts: list[bytes] = []
    for one in letters:
        sender, recipient = one.sender.encode("ascii"), one.recipient.encode("ascii")
        parts += [_HEAD.pack(len(sender), len(recipient), len(one.content)), sender, recipient, one.content]
    return b"".join(parts)


def unpack(body: bytes) -> Iterator[Letter]:
    """The letters that ``pack`` put together."""
    at = 0
    while at < len(body):
        sender, recipient, content = _HEAD.unpack_from(body, at)
        cuts = [at + _HEAD.size]
        for size in (sender, recipient, content):
            cuts.append(cuts[-1] + size)
        yield Letter(
            sender=body[cuts[0] : cuts[1]].decode("ascii"),
            recipient=body[cuts[1] : cuts[2]].decode("ascii"),
            content=body[cuts[2] : cuts[3]],
        )
        at = cuts[3]


def outcome(code: int, status: str) -> Outcome:
    """What an answer means for a person. Code 0: lost after the letter had left; below: it has not left."""
    if code in (250, 251):
        return Outcome.ACCEPTED
    if code == 0:
        return Outcome.IN_DOUBT
    if code < 0:
        return Outcome.NOT_TAKEN
    if status in _OUTCOMES:
        return _OUTCOMES[status]
    if code < 500:
        return Outcome.NETWORK
    subject = status[:4]
    if subject == "5.1." or status == "5.2.1" or (not status and code in (550, 551, 553)):
        return Outcome.BAD_ADDRESS
    return Outcome.SPAM if subject == "5.7." else Outcome.FAILED


class Smtp(Direct):
    """A mail server of one's own."""

    code = "smtp"
    name = "전자우편(SMTP)"
    live_url = "smtp:"
    people_per_request = 50
    page_size = 1_000
    secrets = frozenset({"password"})
    not_offered: ClassVar[Mapping[Offer, str]] = MappingProxyType(_NOWHERE)
    credentials = (
        Credential(
            name="server", is_secret=False, label="서버 주소",
            help="smtp://서버:587 (STARTTLS) 또는 smtps://서버:465 (TLS). 같은 기계의 서버만 smtp+plain://127.0.0.1:25",
        ),
        Credential(name="from", is_secret=False, label="보내는 주소"),
        Credential(name="from_name", is_secret=False, label="보내는 이름", is_words=True),
        Credential(name="key", is_secret=False, label="아이디", is_required=False, help="서버가 묻지 않으면 비워 둡니다."),
        Credential(name="secret", label="비밀번호", is_required=False, is_words=True),
        Credential(name="reply_to", is_secret=False, label="답장 받을 주소", is_required=False),
        Credential(
            name="bounces", is_secret=False, label="되돌아올 주소", is_required=False,
            help="‘+’ 뒤를 나누어 받는 편지함의 주소. 비우면 보내는 주소입니다.",
        ),
    )  # fmt: skip
    kinds: ClassVar[Mapping[Kind, KindFacts]] = MappingProxyType(
        {
            Kind.EMAIL: KindFacts(
                medium="EMAIL", characters=20_000, subject_bytes=200, buttons=5, button_name=30, link=1000, label=Printer.TEXT,
                sender=Printer.TEXT, opt_out=Printer.TEXT,
            )
        }
    )  # fmt: skip
    abilities: ClassVar[Mapping[Kind, Abilities]] = MappingProxyType(
        {Kind.EMAIL: Abilities(finds=Finds.NEVER, takes_seconds=2 * BUNDLE_SECONDS, tells_results=False)}
    )

    @classmethod
    def lacking(cls, given: Mapping[str, str]) -> str:
        """Also what is no address of its kind."""
        if told := super().lacking(given):
            return told
        if bool(given.get("key")) != bool(given.get("secret")):
            return "아이디와 비밀번호는 함께 적어 주세요."
        wrong = [
            one.label
            for one in cls.credentials
            if one.name in ("from", "reply_to", "bounces") and given.get(one.name) and not is_address(given[one.name])
        ]
        return f"{', '.join(wrong)}: 전자우편 주소로 읽을 수 없습니다." if wrong else ""

    @property
    def sender(self) -> Sender:
        """Who writes. Raises DealerRefused for an account that does not say."""
        more = self.account.more
        if not more.get("from"):
            raise DealerRefused("SENDER", "nobody who writes is named", pause="ACCOUNT_KEY")
        return Sender(
            address=more["from"], name=more.get("from_name", ""), reply_to=more.get("reply_to", ""),
            bounces=more.get("bounces", ""),
        )  # fmt: skip

    @property
    def server(self) -> str:
        """The server's address. Raises DealerRefused for an account without one, and when a sandbox account would reach another
        machine than the sandbox.
        """
        told = self.account.more.get("server", "")
        if not told:
            raise DealerRefused("SERVER", "no mail server is named", pause="ACCOUNT_KEY")
        base = self.account.base_url
        if base != self.live_url and urlsplit(told).hostname != urlsplit(base).hostname:
            raise DealerRefused("SANDBOX", "a sandbox account reaches the sandbox alone", pause="ACCOUNT_KEY")
        return told

    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        """A connection is signed in to, a letter is not."""
        return wire

    def check_requests(self) -> list[Wire]:
        """The server is greeted and signed in to."""
        return [self.probe_request(Kind.EMAIL)]

    def decode_checked(self, reply: Reply) -> None:
        """Whoever cannot be reached has been told by the line."""

    def encode(self, batch: Batch) -> bytes:
        """A letter for each person, an empty one to whom no letter can be written. Raises ValueError when a column is missing,
        and DealerRefused as ``sender`` does.
        """
        sender, count, message = self.sender, len(batch.recipients), batch.message
        names = tuple(dict.fromkeys((*message.variables(), LINK)))
        for name in names:
            if name not in batch.constants and name not in batch.columns:
                raise ValueError(f"no values for {name}")
            if name not in batch.constants and len(batch.columns[name]) != count:
                raise ValueError(f"column {name!r} has {len(batch.columns[name])} values for {count} people")
        letters = []
        for place, (address, seq) in enumerate(zip(batch.recipients, batch.positions, strict=True)):
            values = {
                name: batch.columns[name][place].decode(errors="replace") for name in names if name in batch.columns
            }
            values |= {name: value for name, value in batch.constants.items() if name in names}
            recipient = address.decode("ascii", "replace")
            said = _filled(message.text, values)
            buttons = [
                replace(
                    one, name=_filled(one.name, values), link_mobile=_filled(one.link_mobile or one.link_pc, values)
                )
                for one in message.buttons
            ]
            link = values[LINK]
            path = letter.return_path(sender, link[-TOKEN_LENGTH:])
            if not is_address(recipient):
                # Said by the line in the server's stead: one wrong address must not keep the others.
                letters.append(Letter(sender=path, recipient="", content=b""))
                continue
            content = letter.compose(
                sender=sender, recipient=recipient, message_id=f"{batch.campaign}-{batch.chunk}-{seq}",
                subject=_filled(message.subject, values), text=letter.with_buttons(said, buttons),
                html_text=letter.as_html(said, buttons), unsubscribe=link,
            )  # fmt: skip
            letters.append(Letter(sender=path, recipient=recipient, content=content))
        return pack(letters)

    def send_request(self, kind: Kind, body: bytes, key: str) -> Wire:
        """The bundle; the key stays with us, since nobody can be asked for it."""
        return Wire(LETTERS, self.server, body=body)

    def decode_handed(self, reply: Reply, batch: Batch) -> Handed:
        """One outcome a letter; what the server took, or may have, has a name."""
        try:
            rows = [outcome(int(code), str(status)) for code, status in orjson.loads(reply.body)]
        except (ValueError, TypeError) as error:
            raise Outside("no answers of a mail line", retryable=False, raw=reply.body[:200]) from error
        if len(rows) != len(batch.recipients):
            raise Outside("answers to other letters", retryable=False, raw=reply.body[:200])
        is_open = Outcome.ACCEPTED in rows or Outcome.IN_DOUBT in rows
        return Handed(f"mail-{batch.campaign}-{batch.chunk}" if is_open else "", bytes(rows))

    def results_request(self, kind: Kind, ref: str, page_key: str = "", limit: int = 0) -> Wire:
        """Nobody is asked: an answer to a letter is the last."""
        return Wire(NOOP, self.server)

    def decode_results(self, reply: Reply, kind: Kind) -> Page:
        """Nothing more is told."""
        return Page(ids=[], codes=[], next_key="")

    def probe_request(self, kind: Kind) -> Wire:
        """The server is asked to do nothing."""
        return Wire(NOOP, self.server)

    def outcome(self, code: int) -> int:
        """As of the three digits."""
        return outcome(code, "")


def _filled(text: str, values: Mapping[str, Any]) -> str:
    return VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)
