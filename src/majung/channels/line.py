"""A line to one dealer: a kept-alive HTTP connection that never sends anything twice by itself.

libcurl sends a request again when a kept-alive connection dies without an answer, which here would be a second message.
So the socket is our own, and httptools (the parser of Node.js) reads the answers: docs/decisions/0010-line.md.
"""

import secrets
import socket
import ssl
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

import httptools

from majung.channels.adapters.base import Adapter
from majung.channels.adapters.terms import Reply, Session, Wire
from majung.core import clock
from majung.core.errors import Outside

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
IDLE_SECONDS = 10.0
"""A connection idle for longer may have been closed by the other side: it is opened anew before it is used."""
LONGEST_ANSWER = 64 * 2**20
READ_BYTES = 256 * 1024
FIRST_FINAL = 200
"""Status codes below are interim answers; the real one follows."""
NOT_ALLOWED = 401
ANSWERS = {2: "good", 3: "refused", 4: "refused"}
"""What an answer counts as, by the hundreds of its status; anything else is broken."""

Told = Callable[[str, float], None]
"""Hears of each call what came of it (good, refused, broken, lost, unsent) and the seconds it took."""


class Unsent(Outside):
    """The dealer could not be reached: certainly nothing arrived."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"cannot connect: {error}", retryable=True, after_seconds=2.0)


class Lost(Outside):
    """The request may have arrived, but its answer did not: in doubt."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"no answer: {error}", retryable=False)


class _Body:
    """What httptools calls while it reads one answer. Knows no parser: a circle would keep the bytes alive."""

    def __init__(self) -> None:
        self.on_message_begin()

    def on_message_begin(self) -> None:
        """Parser: an answer starts (after an interim one, the real one)."""
        self.size = 0
        self.parts: list[bytes] = []
        self.is_whole = False
        self.says_goodbye = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser: one header."""
        if name.lower() == b"connection" and b"close" in value.lower():
            self.says_goodbye = True

    def on_body(self, body: bytes) -> None:
        """Parser: a part of the body."""
        self.size += len(body)
        self.parts.append(body)

    def on_message_complete(self) -> None:
        """Parser: the answer is complete."""
        self.is_whole = True


class Line:
    """One connection to the dealer behind ``adapter``, for one thread; to its other services it is made anew."""

    def __init__(self, adapter: Adapter, answer_seconds: float = ANSWER_SECONDS, *, told: Told | None = None) -> None:
        self._adapter, self._answer_seconds, self._told = adapter, answer_seconds, told
        place_of(adapter.account.base_url)
        self._session: Session | None = None
        self._place: Place | None = None
        self._socket: socket.socket | None = None
        self._used_at = 0.0

    def ask(self, wire: Wire) -> Reply:
        """``call``, once more when the answer is lost: only for what changes nothing."""
        try:
            return self.call(wire)
        except Lost:
            return self.call(wire)

    def call(self, wire: Wire) -> Reply:
        """The answer to one signed request. Raises Unsent or Lost, and what refuses a session."""
        now, salt = clock.now(), secrets.token_hex(16)
        token = self._token(now) if self._adapter.uses_session(wire) else ""
        reply = self._exchange(self._adapter.sign(wire, now, salt, token))
        if reply.status == NOT_ALLOWED:
            self._session = None  # it may have been taken back: the next request is sent under a new one
        return reply

    def _token(self, now: datetime) -> str:
        """The session's token, of a dealer that has sessions; fetched when there is none or it is old."""
        if self._session is None or self._session.until <= now:
            asked = self._adapter.session_request(now, secrets.token_hex(16))
            if asked is None:
                return ""
            try:
                self._session = self._adapter.decode_session(self._exchange(asked), now)
            except Lost as lost:
                raise Unsent(lost) from lost  # of the request itself nothing has left yet
        return self._session.token

    def _exchange(self, wire: Wire) -> Reply:
        begun, answer = time.monotonic(), "broken"
        try:
            reply = self._exchanged(wire)
            answer = ANSWERS.get(reply.status // 100, answer)
        except Unsent:
            answer = "unsent"
            raise
        except Lost:
            answer = "lost"
            raise
        finally:
            if self._told is not None:
                self._told(answer, time.monotonic() - begun)
        return reply

    def _exchanged(self, wire: Wire) -> Reply:
        place = place_of(wire.url)
        begins = head(wire, place)
        sock = self._connected(place)
        body = _Body()
        parser = httptools.HttpResponseParser(body)
        try:
            sock.sendall(begins)
            if wire.body:
                sock.sendall(wire.body)
            until = time.monotonic() + self._answer_seconds
            while not body.is_whole or parser.get_status_code() < FIRST_FINAL:
                data = sock.recv(READ_BYTES)
                if not data:
                    raise ConnectionError("hung up before the end of the answer")
                parser.feed_data(data)
                if body.size > LONGEST_ANSWER or time.monotonic() > until:
                    raise ValueError("the answer is too long or too slow")
        except (OSError, ValueError, httptools.HttpParserError) as error:
            self.close()
            raise Lost(error) from error
        self._used_at = time.monotonic()
        if body.says_goodbye or parser.get_http_version() != "1.1":
            self.close()
        return Reply(parser.get_status_code(), b"".join(body.parts), wire.url)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self, place: "Place") -> socket.socket:
        """The open connection, if it is to this place and was used a moment ago; else a new one."""
        if self._socket is not None and (self._place != place or time.monotonic() - self._used_at > IDLE_SECONDS):
            self.close()
        if self._socket is None:
            try:
                sock = socket.create_connection((place.host, place.port), CONNECT_SECONDS)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if place.is_secure:
                    sock = tls().wrap_socket(sock, server_hostname=place.host)
            except OSError as error:
                raise Unsent(error) from error
            sock.settimeout(self._answer_seconds)
            self._socket, self._place = sock, place
        return self._socket


@cache
def tls() -> ssl.SSLContext:
    """How we speak TLS."""
    return ssl.create_default_context()


class Place(NamedTuple):
    """Where a request goes."""

    is_secure: bool
    host: str
    port: int
    name: str
    """As the Host header says it."""


@cache
def _place_of(scheme: str, netloc: str) -> Place | None:
    parts = urlsplit(f"{scheme}://{netloc}")
    if scheme not in ("http", "https") or not parts.hostname:
        return None
    is_secure = scheme == "https"
    return Place(is_secure, parts.hostname, parts.port or (443 if is_secure else 80), netloc.rpartition("@")[2])


def place_of(url: str) -> Place:
    """The place of an address. Raises Outside for what is no web address."""
    parts = urlsplit(url)
    if (found := _place_of(parts.scheme, parts.netloc)) is None:
        raise Outside(f"not a web address: {url}", retryable=False)
    return found


def head(wire: Wire, place: Place, *, with_length: bool = True) -> bytes:
    """The head of a request, its empty line included. Raises Outside for a line break in a header."""
    parts = urlsplit(wire.url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    length = {"Content-Length": str(len(wire.body))} if with_length else {}
    headers = {"Host": place.name, **length, **wire.headers}
    lines = [f"{wire.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\n" in line or "\r" in line for line in lines):
        raise Outside("a line break in a header", retryable=False)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
