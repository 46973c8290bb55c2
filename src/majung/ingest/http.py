"""One HTTP/1.1 connection of the inlet: bounded heads and bodies, deadlines, keep-alive; it answers with a status alone.

A few hundred lines of a general server are most of what an event costs (docs/decisions/0029-receiving.md), so this is a protocol
of its own over httptools, the parser of Node.js. It never answers out of order: a call that is pipelined behind an
unanswered one is not read, and the connection ends after the answer, as HTTP allows.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic
from typing import Protocol

import httptools

from majung.core import exposition

LONGEST_HEAD = 16 * 1024
HEAD_AND_BODY_SECONDS = 10.0
IDLE_SECONDS = 75.0
LINGER_SECONDS = 2.0
"""So long an ended connection is still read from, or the answer could be lost on the way (RFC 9112, 9.6)."""

_PASSED_ON = frozenset(name.encode() for name in exposition.PASSED_ON)
_LENGTHS = frozenset({6, 13, 14, *map(len, _PASSED_ON)})
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TAIL = b"\r\ncontent-length: 0\r\ncache-control: no-store\r\n"


def _answer(status: HTTPStatus) -> bytes:
    return b"HTTP/1.1 %d %b" % (status, status.phrase.encode()) + _TAIL


_ANSWERS = {int(status): _answer(status) + b"\r\n" for status in HTTPStatus if status >= HTTPStatus.OK}
_LAST_ANSWERS = {number: raw[:-2] + b"connection: close\r\n\r\n" for number, raw in _ANSWERS.items()}


_NAMES = {number: str(number) for number in _ANSWERS}


class Refused(Exception):
    """The call is answered with this status, before or after its body was read."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Door(Protocol):
    """Where a call goes: how large a body it takes, and who takes it. ``take`` answers now or later, or raises Refused."""

    most: int

    def take(self, call: "Call", body: bytes) -> None:
        """The body is whole."""


class House(Protocol):
    """What the connections of a server share."""

    calls: "set[Call]"
    answers: Counter[str]

    def is_full(self) -> bool:
        """Whether one more connection is too many."""

    def door(self, method: bytes, path: bytes, authorization: bytes) -> Door | None:
        """The door for a call, or None when that cannot be told yet. Raises Refused."""

    def when_known(self, then: Callable[[], None]) -> None:
        """Calls back when ``door`` can be asked again."""


class Call(asyncio.Protocol):
    """A connection, and the call that is being read or answered on it."""

    __slots__ = (
        "_authorization", "_body", "_door", "_expects", "_has_head", "_head_bytes", "_house", "_is_held", "_is_last", "_is_open",
        "_is_over", "_is_whole", "_parser", "_passes_over", "_size", "_told_size", "_transport", "_url", "headers", "since",
    )  # fmt: skip

    def __init__(self, house: House) -> None:
        self._house = house
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._is_over = self._is_last = self._passes_over = False
        self.since = monotonic()
        self._clear()

    def _clear(self) -> None:
        """Nothing of a call has come yet."""
        self._url, self._authorization = b"", b""
        self.headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = self._head_bytes = self._told_size = 0
        self._is_open = self._has_head = self._is_whole = self._is_held = self._expects = False
        self._door: Door | None = None

    # What the transport tells
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Transport: somebody is there."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports do not inherit asyncio's
        if self._house.is_full():
            self._write(_LAST_ANSWERS[503])
            self._end()
        self._house.calls.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Transport: nobody is there any more. What was stored for an unanswered call stays stored."""
        self._transport = None
        self._is_over = True
        self._house.calls.discard(self)

    def data_received(self, data: bytes) -> None:
        """Transport: some bytes."""
        if self._is_over:
            return
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_last = True  # no other protocol is spoken here
        except httptools.HttpParserError:
            if not self._is_over:
                self._is_last = True
                if not (self._is_whole or self._passes_over):
                    self.answer(400)
            return
        if not self._has_head and self._head_bytes > LONGEST_HEAD and not self._is_over:
            self._is_last = True
            self.answer(431)

    def eof_received(self) -> bool:
        """Transport: the caller says no more. A call that is whole is still answered."""
        self._is_last = True
        return self._is_whole and not self._is_over

    # What the parser tells
    def on_message_begin(self) -> None:
        """Parser: a call begins."""
        if self._is_open:
            self._is_last = self._passes_over = True
            return
        self._is_open = True
        self.since = monotonic()

    def on_url(self, url: bytes) -> None:
        """Parser: a piece of the address."""
        if not self._passes_over:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser: one header."""
        if self._passes_over or len(name) not in _LENGTHS:
            return
        name = name.lower()
        if name == b"authorization":
            self._authorization = value
            self.headers["authorization"] = value.decode("latin-1")
        elif name == b"content-length":
            # The parser has read it too, and refuses nonsense; what it takes may still be too much for us.
            self._told_size = int(value) if len(value) <= 12 and value.isdigit() else 10**12
        elif name == b"expect":
            self._expects = True
        elif name in _PASSED_ON:
            self.headers[name.decode()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Parser: the head is whole."""
        if not (self._passes_over or self._is_over):
            self._has_head = True
            self._enter()

    def on_body(self, body: bytes) -> None:
        """Parser: a piece of the body."""
        if self._passes_over or self._is_over:
            return
        self._body.append(body)
        self._size += len(body)
        if self._door is not None and self._size > self._door.most:
            self._refuse(413)

    def on_message_complete(self) -> None:
        """Parser: the call is whole."""
        if self._passes_over or self._is_over:
            return
        self._is_whole = True
        if not self._parser.should_keep_alive():
            self._is_last = True
        if self._door is not None:
            self._take(self._door)

    # What becomes of a call
    def _enter(self) -> None:
        """Find the door; while that takes a look into the database, nothing more is read."""
        if self._transport is None or self._is_over:
            return
        try:
            door = self._house.door(self._parser.get_method(), self._url, self._authorization)
        except Refused as refused:
            self._refuse(refused.status)
            return
        if door is None:
            self._is_held = True
            self._transport.pause_reading()
            self._house.when_known(self._enter)
            return
        if max(self._told_size, self._size) > door.most:
            self._refuse(413)
            return
        self._door = door
        if self._is_held:
            self._is_held = False
            self._transport.resume_reading()
        if self._is_whole:
            self._take(door)
        elif self._expects:
            self._write(_CONTINUE)

    def _take(self, door: Door) -> None:
        try:
            door.take(self, self._body[0] if len(self._body) == 1 else b"".join(self._body))
        except Refused as refused:
            self.answer(refused.status)

    def _refuse(self, status: int) -> None:
        """Answer now; when the body has not come yet, it is not waited for."""
        if not self._is_whole:
            self._is_last = True
        self.answer(status)

    @property
    def peer(self) -> str:
        """Who calls, as an address."""
        found = None if self._transport is None else self._transport.get_extra_info("peername")
        return str(found[0]) if found else ""

    def answer(self, status: int, body: bytes = b"", content_type: str = "") -> None:
        """Tell the caller; once a call."""
        if self._transport is None or self._is_over:
            return
        self._house.answers[_NAMES[status]] += 1
        raw = (_LAST_ANSWERS if self._is_last else _ANSWERS)[status]
        if body:
            told = b"content-type: %b\r\ncontent-length: %d" % (content_type.encode(), len(body))
            raw = raw.replace(b"content-length: 0", told) + body
        self._write(raw)
        if self._is_last:
            self._end()
            return
        self._clear()
        self.since = monotonic()

    def look_at_the_clock(self, now: float) -> None:
        """End what takes too long: a call that does not become whole, a connection that says nothing, a lingering one."""
        waited = now - self.since
        if self._is_over:
            if waited > LINGER_SECONDS and self._transport is not None:
                self._transport.abort()
        elif self._is_open and not self._is_whole and not self._is_held:
            if waited > HEAD_AND_BODY_SECONDS:
                self._refuse(408)
        elif not self._is_open and waited > IDLE_SECONDS:
            self._end()

    def end_soon(self) -> None:
        """No further call is taken; one that is here is answered."""
        self._is_last = True
        if not self._is_open:
            self._end()

    def _write(self, raw: bytes) -> None:
        if self._transport is not None:
            self._transport.write(raw)

    def _end(self) -> None:
        """Say no more; what still comes is thrown away until the caller ends too, or for a little while."""
        self._is_over, self.since = True, monotonic()
        if self._transport is None:
            return
        if self._is_held:
            self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()
