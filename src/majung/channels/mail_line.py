"""A line to a mail server: one connection for many letters, and for each letter what the server said to it. Plain.

What SMTP can promise: until the dot that ends a letter has left, nobody has got it, and it may be tried again on another
connection; when the answer to the dot is lost, nobody can say, and it is never tried again. No library's ``send_message``
tells the two apart, so the commands are said one by one over the standard library's connection.
"""

import re
import smtplib
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from math import inf
from urllib.parse import urlsplit

import orjson

from majung.channels.adapters.base import DealerRefused
from majung.channels.adapters.smtp.adapter import BUNDLE_SECONDS, LETTERS, Smtp, unpack
from majung.channels.adapters.smtp.letter import Letter
from majung.channels.adapters.terms import Reply, Wire
from majung.channels.line import Told, Unsent
from majung.core import clock
from majung.core.errors import Outside

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
IDLE_SECONDS = 30.0
"""A connection idle for longer may have been closed by the other side: it is opened anew before it is used."""
TRIES = 3
"""So often a letter that has certainly not left is begun anew on a fresh connection."""
LETTERS_A_CONNECTION = 500
"""Mail servers like to be greeted anew now and then; many close after some hundred."""
BUSY = 421
LONGEST_WORDS = 200

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


class Security(StrEnum):
    """How the connection is protected; certificates are always checked."""

    STARTTLS = "smtp"
    TLS = "smtps"
    NONE = "smtp+plain"
    """For a server on the same machine (or network) alone."""


PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where letters are handed over, and as whom."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Server({self.security}://{self.host}:{self.port})"


def server(url: str, user: str = "", password: str = "") -> Server:
    """The server of ``smtp://host[:port]`` (STARTTLS), ``smtps://…`` (TLS) or ``smtp+plain://…``. Raises ValueError."""
    parts = urlsplit(url)
    security = Security(parts.scheme)
    if not parts.hostname or parts.username or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("not the address of a mail server")
    return Server(
        host=parts.hostname, port=parts.port or PORTS[security], security=security, user=user, password=password
    )


class Unreached(Outside):
    """The server could not be reached, or does not take anything now: certainly nothing left."""

    def __init__(self, words: str) -> None:
        super().__init__(words, retryable=True, after_seconds=30.0)


class Rejected(Outside):
    """The server does not want us: certainly nothing left. ``code`` says what is wrong: KEY, CERTIFICATE, SENDER, SECURITY."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(f"{code}: {words}", retryable=False)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said to one letter. ``status`` is the enhanced code (RFC 3463) if there is one, "5.1.1"."""

    code: int
    status: str = ""
    words: str = ""


LOST = Answer(code=0)
"""The letter has left as a whole, the answer has not come."""
UNSENT = Answer(code=-1)
"""The letter has not left."""
NOBODY = Answer(code=553, status="5.1.3")
"""There is no address on the envelope: what a server would say."""


class MailLine:
    """One connection to a mail server, for one thread."""

    def __init__(
        self, where: Server, *, context: ssl.SSLContext | None = None, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._where, self._answer_seconds = where, answer_seconds
        self._context = context or ssl.create_default_context()
        self._smtp: smtplib.SMTP | None = None
        self._used_at, self._told = 0.0, 0

    def hand_over(self, letters: Sequence[Letter], at: datetime, *, seconds: float = inf) -> list[Answer]:
        """Each letter's answer, in order; none is begun after ``seconds``. Raises Unreached or Rejected when not one has left."""
        answers: list[Answer] = []
        until = time.monotonic() + seconds
        for letter in letters:
            if time.monotonic() > until:
                answers.append(UNSENT)
                continue
            try:
                answers.append(self._one(letter, at))
            except (Unreached, Rejected):
                if not any(answer.code >= 0 for answer in answers):
                    raise
                return answers + [UNSENT] * (len(letters) - len(answers))
        return answers

    def check(self) -> None:
        """The server can be reached, its certificate is right and it knows us. Raises Unreached or Rejected."""
        self.close()
        self._connected()

    def close(self) -> None:
        """Say goodbye, if anybody is there to hear it."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()
            self._smtp = None

    def _one(self, letter: Letter, at: datetime) -> Answer:
        if not letter.recipient:
            return NOBODY
        dated = b"Date: " + format_datetime(at.astimezone(UTC)).encode("ascii") + b"\r\n" + letter.content
        failure = ""
        for number in range(TRIES):
            if number:
                time.sleep(number)
            smtp = self._connected()
            try:
                answer = self._said(smtp, letter, dated)
            except _Broken as broken:
                self._drop()
                if broken.has_left:
                    return LOST
                failure = str(broken)
                continue
            self._used_at, self._told = time.monotonic(), self._told + 1
            if answer.code == BUSY:
                self._drop()
                failure = answer.words
                continue
            return answer
        raise Unreached(failure)

    def _said(self, smtp: smtplib.SMTP, letter: Letter, dated: bytes) -> Answer:
        """The server's last word on one letter. Raises _Broken, and Rejected when it does not want the sender at all."""
        has_left = False
        try:
            code, words = smtp.mail(letter.sender)
            if code == 250:
                code, words = smtp.rcpt(letter.recipient)
            elif code >= 500:
                self._reset(smtp)
                raise Rejected("SENDER", _text(words))
            if code in (250, 251):
                code, words = smtp.docmd("DATA")
                if code == 354:
                    # A dot at the start of a line is doubled (RFC 5321 §4.5.2); the lone one ends the letter.
                    smtp.send(dated.replace(b"\r\n.", b"\r\n.."))
                    smtp.send(b".\r\n")
                    has_left = True
                    code, words = smtp.getreply()
                    return _answer(code, words)
            if code != BUSY:
                self._reset(smtp)
        except (OSError, smtplib.SMTPException) as error:
            raise _Broken(str(error), has_left=has_left) from error
        return _answer(code, words)

    def _reset(self, smtp: smtplib.SMTP) -> None:
        smtp.rset()

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is not None and (
            time.monotonic() - self._used_at > IDLE_SECONDS or self._told >= LETTERS_A_CONNECTION
        ):
            self.close()
        if self._smtp is None:
            self._smtp = self._opened()
            self._used_at, self._told = time.monotonic(), 0
        return self._smtp

    def _opened(self) -> smtplib.SMTP:
        where = self._where
        smtp: smtplib.SMTP | None = None
        try:
            if where.security is Security.TLS:
                smtp = smtplib.SMTP_SSL(where.host, where.port, timeout=CONNECT_SECONDS, context=self._context)
            else:
                smtp = smtplib.SMTP(where.host, where.port, timeout=CONNECT_SECONDS)
            smtp.ehlo_or_helo_if_needed()
            if where.security is Security.STARTTLS:
                smtp.starttls(context=self._context)
                smtp.ehlo_or_helo_if_needed()
            if where.user:
                smtp.login(where.user, where.password)
            if smtp.sock is not None:
                smtp.sock.settimeout(self._answer_seconds)
        except ssl.SSLError as error:
            failure: Outside = Rejected("CERTIFICATE", str(error))
        except smtplib.SMTPAuthenticationError as error:
            transient = error.smtp_code < 500
            failure = Unreached(_text(error.smtp_error)) if transient else Rejected("KEY", _text(error.smtp_error))
        except smtplib.SMTPNotSupportedError as error:
            failure = Rejected("SECURITY", str(error))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            failure = Unreached(f"{type(error).__name__}: {error}"[:LONGEST_WORDS])
        else:
            return smtp
        if smtp is not None:
            smtp.close()
        raise failure

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


class _Broken(Exception):
    """The connection broke in the middle of a letter; ``has_left``: after its last dot."""

    def __init__(self, words: str, *, has_left: bool) -> None:
        super().__init__(words)
        self.has_left = has_left


def _answer(code: int, words: bytes | str) -> Answer:
    text = _text(words)
    found = _STATUS.search(text)
    return Answer(code=code, status=found[0] if found else "", words=text)


def _text(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_WORDS]


class LetterLine:
    """A mail line with the words of a line to a dealer: bundles of letters in, a row of answers out."""

    def __init__(self, adapter: Smtp, answer_seconds: float = ANSWER_SECONDS, *, told: Told | None = None) -> None:
        opened, self._told = adapter.account, told
        try:
            where = server(adapter.server, opened.key, opened.secret)
        except ValueError:
            raise DealerRefused("SERVER", "not the address of a mail server", pause="ACCOUNT_KEY") from None
        self._line = MailLine(where, answer_seconds=answer_seconds)

    def call(self, wire: Wire) -> Reply:
        """The answers. Raises Unsent or DealerRefused when nothing has left."""
        answer, begun = "good", time.monotonic()
        try:
            return self._asked(wire)
        except Unsent:
            answer = "unsent"
            raise
        except DealerRefused:
            answer = "refused"
            raise
        finally:
            if self._told is not None:
                self._told(answer, time.monotonic() - begun)

    def _asked(self, wire: Wire) -> Reply:
        try:
            if wire.method == LETTERS:
                answers = self._line.hand_over(list(unpack(wire.body)), clock.now(), seconds=BUNDLE_SECONDS)
                return Reply(250, orjson.dumps([[answer.code, answer.status] for answer in answers]))
            self._line.check()
            return Reply(250, b"[]")
        except Unreached as error:
            raise Unsent(error) from error
        except Rejected as error:
            raise DealerRefused(error.code, str(error), pause="ACCOUNT_KEY") from error

    def ask(self, wire: Wire) -> Reply:
        """As ``call``: what is asked of a mail server changes nothing, and what was not heard is in doubt."""
        return self.call(wire)

    def close(self) -> None:
        """Hang up."""
        self._line.close()
