"""A mail server for tests and demos: takes letters over SMTP, keeps them, and misbehaves on demand.

Recipients choose their fate by the part before the @ (README): ``nobody``, ``full``, ``spam``, ``later``, ``returns`` and
``fills``, alone or with something behind a dot. A letter counts as taken the moment its last dot was read, whether or not
the answer leaves: so it can be compared with what the other side believes.
"""

import asyncio
import email
import email.policy
import ssl
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from email.utils import parseaddr

LARGEST = 2**20
MOST_LETTERS = 200_000
LINE = 4096
SECONDS = 60.0

REFUSALS = {
    "nobody": "550 5.1.1 no such user here",
    "full": "552 5.2.2 mailbox is full",
    "spam": "554 5.7.1 message looks like spam",
    "later": "451 4.7.1 greylisted, come back later",
}
RETURNS = {"returns": ("5.1.1", "550 5.1.1 user unknown"), "fills": ("5.2.2", "552 5.2.2 mailbox full")}


@dataclass
class Faults:
    """What goes wrong; counters go down by one each time."""

    drop_after_dot: int = 0  # the letter is taken, the answer is not sent
    drop_before_letter: int = 0  # hangs up instead of asking for the letter
    drop_in_letter: int = 0  # hangs up while the letter comes, and does not take it
    busy: int = 0  # 421 to MAIL
    refuse_sender: int = 0  # 550 to MAIL
    silent: int = 0  # never answers the dot
    refuse_connection: int = 0  # 554 instead of a greeting

    def takes(self, name: str) -> bool:
        """Whether the fault strikes now."""
        left = int(getattr(self, name))
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


@dataclass(frozen=True)
class Taken:
    """One letter as it came."""

    sender: str
    recipient: str
    content: bytes
    connection: int

    @property
    def message_id(self) -> str:
        """The id between the brackets, before the @."""
        found = email.message_from_bytes(self.content, policy=email.policy.default)["message-id"] or ""
        return str(found).strip("<> ").rpartition("@")[0]


@dataclass
class MailBooks:
    """Everything that was taken, and what is on its way back."""

    letters: list[Taken] = field(default_factory=list)
    returned: list[bytes] = field(default_factory=list)
    connections: int = 0
    faults: Faults = field(default_factory=Faults)
    users: dict[str, str] = field(default_factory=dict)

    def take(self, letter: Taken) -> None:
        """The letter is ours now; some come back."""
        if len(self.letters) < MOST_LETTERS:
            self.letters.append(letter)
        if told := RETURNS.get(fate(letter.recipient)):
            self.returned.append(delivery_status(letter, *told))


def fate(address: str) -> str:
    """The word before the @ and the first dot."""
    return address.partition("@")[0].partition(".")[0].lower()


def delivery_status(letter: Taken, status: str, said: str) -> bytes:
    """The letter's return (RFC 3464) to the envelope's sender, with the head of what was sent."""
    head = letter.content.partition(b"\r\n\r\n")[0]
    text = f"""From: MAILER-DAEMON@sandbox.invalid
To: {letter.sender}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_return"

--=_return
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered.

--=_return
Content-Type: message/delivery-status

Reporting-MTA: dns; sandbox.invalid

Final-Recipient: rfc822; {letter.recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {said}

--=_return
Content-Type: message/rfc822-headers

"""
    return text.replace("\n", "\r\n").encode() + head + b"\r\n\r\n--=_return--\r\n"


class MailServer:
    """One listening address. ``tls``: offered as STARTTLS, or spoken from the start with ``implicit``."""

    def __init__(self, books: MailBooks, tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> None:
        self.books, self._tls, self._implicit = books, tls, implicit
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        """Listen; the port that was taken."""
        self._server = await asyncio.start_server(
            self._welcome, host, port, limit=LINE, ssl=self._tls if self._implicit else None
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for talk in list(self._talks):
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._talks.add(task)
        self.books.connections += 1
        try:
            await _Talk(self.books, reader, writer, None if self._implicit else self._tls, self.books.connections).run()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError):
            pass  # who hangs up or sends nonsense is not answered
        finally:
            if task is not None:
                self._talks.discard(task)
            writer.close()


class _Talk:
    """One connection."""

    def __init__(
        self, books: MailBooks, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tls: ssl.SSLContext | None,
        number: int,
    ) -> None:  # fmt: skip
        self._books, self._reader, self._writer, self._tls, self._number = books, reader, writer, tls, number
        self._is_secure = tls is None
        self._user = ""
        self._sender: str | None = None
        self._recipient: str | None = None

    async def run(self) -> None:
        """Until QUIT, a fault or a hang-up."""
        if self._books.faults.takes("refuse_connection"):
            await self._say("554 not now")
            return
        await self._say("220 sandbox ESMTP")
        while (line := await self._line()) is not None:
            word, _, rest = line.partition(" ")
            if not await self._answer(word.upper(), rest.strip()):
                return

    async def _answer(self, word: str, rest: str) -> bool:
        match word:
            case "EHLO":
                offers = ["PIPELINING", f"SIZE {LARGEST}", "ENHANCEDSTATUSCODES"]
                offers += ["STARTTLS"] if self._tls is not None and not self._is_secure else []
                offers += ["AUTH PLAIN"] if self._books.users and self._is_secure else []
                for offer in ["sandbox", *offers[:-1]]:
                    await self._say(f"250-{offer}")
                await self._say(f"250 {offers[-1]}")
            case "HELO" | "NOOP":
                await self._say("250 sandbox")
            case "RSET":
                self._sender = self._recipient = None
                await self._say("250 2.0.0 forgotten")
            case "QUIT":
                await self._say("221 2.0.0 bye")
                return False
            case "STARTTLS" if self._tls is not None and not self._is_secure:
                await self._say("220 2.0.0 go ahead")
                await self._writer.start_tls(self._tls)
                self._is_secure = True
            case "AUTH":
                await self._authenticate(rest)
            case "MAIL":
                return await self._mail(rest)
            case "RCPT":
                await self._rcpt(rest)
            case "DATA":
                return await self._data()
            case _:
                await self._say("502 5.5.1 not here")
        return True

    async def _authenticate(self, rest: str) -> None:
        how, _, given = rest.partition(" ")
        try:
            _, user, password = b64decode(given, validate=True).decode().split("\0")
        except (ValueError, Base64Error):
            user = password = ""
        if how.upper() == "PLAIN" and self._is_secure and self._books.users.get(user) == password and password:
            self._user = user
            await self._say("235 2.7.0 welcome")
        else:
            await self._say("535 5.7.8 wrong user or password")

    async def _mail(self, rest: str) -> bool:
        if self._books.faults.takes("busy"):
            await self._say("421 4.3.2 too busy, closing")
            return False
        if self._books.users and not self._user:
            await self._say("530 5.7.0 sign in first")
        elif self._books.faults.takes("refuse_sender"):
            await self._say("550 5.7.1 sender is not yours")
        else:
            self._sender, self._recipient = _address(rest, "FROM:"), None
            await self._say("250 2.1.0 ok" if self._sender is not None else "501 5.1.7 bad sender")
        return True

    async def _rcpt(self, rest: str) -> None:
        address = _address(rest, "TO:")
        if self._sender is None:
            await self._say("503 5.5.1 MAIL first")
        elif not address:
            await self._say("501 5.1.3 bad recipient")
        elif refusal := REFUSALS.get(fate(address)):
            await self._say(refusal)
        else:
            self._recipient = address
            await self._say("250 2.1.5 ok")

    async def _data(self) -> bool:
        if self._sender is None or self._recipient is None:
            await self._say("503 5.5.1 RCPT first")
            return True
        faults, content = self._books.faults, bytearray()
        if faults.takes("drop_before_letter"):
            return False
        await self._say("354 end with a lone dot")
        if faults.takes("drop_in_letter"):
            await self._reader.readline()
            return False
        while True:
            raw = await asyncio.wait_for(self._reader.readline(), SECONDS)
            if not raw.endswith(b"\n"):
                return False
            if raw in (b".\r\n", b".\n"):
                break
            content += raw[1:] if raw.startswith(b".") else raw
            if len(content) > LARGEST:
                await self._say("552 5.3.4 too big")
                return False
        letter = Taken(self._sender, self._recipient, bytes(content), self._number)
        self._books.take(letter)
        self._sender = self._recipient = None
        if faults.takes("drop_after_dot"):
            return False
        if faults.takes("silent"):
            await asyncio.sleep(SECONDS)
            return False
        await self._say("250 2.0.0 taken")
        return True

    async def _line(self) -> str | None:
        raw = await asyncio.wait_for(self._reader.readline(), SECONDS)
        return raw.decode("latin-1").rstrip("\r\n") if raw.endswith(b"\n") else None

    async def _say(self, text: str) -> None:
        self._writer.write(text.encode("ascii") + b"\r\n")
        await self._writer.drain()


def _address(rest: str, head: str) -> str | None:
    if not rest.upper().startswith(head):
        return None
    found = parseaddr(rest[len(head) :].strip().partition(">")[0].lstrip("<"))[1]
    return found or None
