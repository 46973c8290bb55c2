"""Many requests at once to one dealer over a few kept-alive connections; nothing is ever sent twice.

What ``line`` is for one request at a time, this is for the thousand of a chunk that leave one by one (docs/decisions/0039, 0045):
the same promises, several connections, one thread, no event loop. A request that has begun to leave and has no whole answer is
*lost*; one that no connection has taken is *unsent*. A connection may carry several requests before the first is answered
(RFC 9112 section 9.3.2), until one is lost with others behind it: from then on each waits for its answer.
"""

import errno
import os
import re
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final

import httptools
import numpy as np
from numpy.typing import NDArray

from majung.channels.adapters.terms import Wire
from majung.channels.line import ANSWERS, CONNECT_SECONDS, IDLE_SECONDS, Place, Unsent, head, place_of, tls
from majung.core.errors import Outside

LONGEST_ANSWER: Final = 4 * 2**20
READ_BYTES: Final = 16 * 1024
"""More would be memory asked of the system anew for each answer."""
ANSWER_SECONDS: Final = 30.0
ROUND_SECONDS: Final = 0.5
"""A wait for answers ends after so long to look at clocks."""
QUICK_SECONDS: Final = 0.002
"""A thread keeps its turn while answers come as quickly as this."""
MOST_LOST: Final = 3
"""After so many connections that died with answers nothing more is begun: what is lost has to be asked for, one by one."""
MOST_ON_ONE: Final = 900
"""A connection that carries several is left after so many: servers end one after a thousand, whatever stands behind the last."""
FIRST_FINAL: Final = 200
MOST_HEADS: Final = 64
"""Heads of whole answers that are remembered: one that is the same to the byte needs no second reading."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length: ?\d+\r\n", re.IGNORECASE)
_RETRY = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_TURN = threading.Lock()
"""Held while one thread of a process is at its sockets, none of which blocks. Threads that took turns at each system call
would spend more on handing the interpreter over than on sending; where a dealer takes its time, all of them wait for it at once."""

Heard = Callable[[int, int, bytes], bool]
"""Is told of each answer: the place of its request, status, body. False: nothing more is to be begun."""
ToldMany = Callable[[str, NDArray[np.float64]], None]
"""Hears what came of calls (good, refused, broken, lost) and the seconds that each took."""


class Fate(IntEnum):
    """What became of a request."""

    UNSENT = 0  # certainly nothing of it has left
    LOST = 1  # it may have arrived
    ANSWERED = 2


_ANSWERED: Final = int(Fate.ANSWERED)


class _Pipe:
    """One connection: what it waits for, in order, and the answer that comes in. httptools calls the ``on_`` methods."""

    __slots__ = (
        "answers",
        "carried",
        "deadline",
        "fd",
        "is_fresh",
        "is_shaking",
        "is_up",
        "left",
        "parser",
        "parts",
        "says_goodbye",
        "size",
        "sock",
        "under_way",
        "wants",
    )

    def __init__(self, sock: socket.socket, fd: int) -> None:
        self.sock, self.fd = sock, fd
        self.is_up = self.is_shaking = self.says_goodbye = False
        self.is_fresh = True  # nothing of an answer is with the parser
        self.under_way: deque[int] = deque()
        self.carried = 0
        self.left = b""
        self.deadline = 0.0
        self.wants = 0
        self.parser = httptools.HttpResponseParser(self)
        self.answers: list[tuple[int, bytes]] = []
        self.parts: list[bytes] = []
        self.size = 0

    def on_message_begin(self) -> None:
        """Parser: the first byte of an answer."""
        self.is_fresh = False

    def on_body(self, body: bytes) -> None:
        """Parser: a part of the body."""
        self.parts.append(body)
        self.size += len(body)

    def on_message_complete(self) -> None:
        """Parser: an answer is complete; an interim one does not count. Raises ValueError for one of another protocol."""
        status = self.parser.get_status_code()
        if status >= FIRST_FINAL:
            if self.says_goodbye or self.parser.get_http_version() != "1.1":
                raise ValueError("an answer after the last, or of another protocol")
            self.answers.append((status, b"".join(self.parts)))
            self.says_goodbye = not self.parser.should_keep_alive()
        self.parts, self.size, self.is_fresh = [], 0, True


class Stream:
    """Up to ``in_flight`` requests on their way to one place, ``depth`` on a connection, for one thread.

    Connections stay open between runs.
    """

    def __init__(
        self,
        base_url: str,
        in_flight: int,
        answer_seconds: float = ANSWER_SECONDS,
        *,
        depth: int = 1,
        told: ToldMany | None = None,
    ) -> None:
        self._place: Place = place_of(base_url)
        self._in_flight, self._depth = in_flight, min(depth, in_flight)
        self._answer_seconds, self._told = answer_seconds, told
        self._poll = select.poll()
        self._pipes: dict[int, _Pipe] = {}
        self._idle: list[_Pipe] = []
        self._heads: dict[bytes, tuple[int, int]] = {}
        self._last = b"no head begins so", 0, 0
        self._address: tuple[int, tuple[Any, ...]] | None = None
        self._used_at = 0.0
        self._error: OSError | None = None

    def requests(self, wire: Wire, proofs: Sequence[bytes], bodies: Sequence[bytes]) -> list[bytes]:
        """Each body as a whole request: what ``wire`` says of all of them, and its own proof (a header line)."""
        before = head(wire, self._place, with_length=False)[:-2]
        return [
            b"%b%b\r\nContent-Length: %d\r\n\r\n%b" % (before, proof, len(body), body)
            for proof, body in zip(_clean(proofs), bodies, strict=True)
        ]

    def questions(self, wires: Sequence[Wire], proofs: Sequence[bytes]) -> list[bytes]:
        """Requests without a body, each with an address of its own."""
        heads = (head(wire, self._place)[:-2] for wire in wires)
        return [b"%b%b\r\n\r\n" % (begins, proof) for begins, proof in zip(heads, _clean(proofs), strict=True)]

    def run(
        self, requests: Sequence[bytes], heard: Heard, may_begin: Callable[[], bool] = lambda: True
    ) -> NDArray[np.uint8]:
        """Send them all, and tell each answer as it comes; returns a ``Fate`` a request. Raises Unsent when nobody is there.

        ``may_begin`` is asked between rounds; once it says no, or ``heard`` did, or answers were lost, only what is under way
        is waited for.
        """
        self._error = None
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
        work = _Work(requests, heard)
        try:
            for fd, _ in self._poll.poll(0):  # what was closed while it waited is not used
                self._serve(work, self._pipes[fd])
            self._go(work, may_begin)
        except BaseException:
            self.close()
            raise
        self._used_at = time.monotonic()
        self._tell(work)
        if self._error is not None and requests and not any(work.fates):
            raise Unsent(self._error)
        return np.frombuffer(work.fates, np.uint8)

    def close(self) -> None:
        """Hang up everywhere."""
        for pipe in list(self._pipes.values()):
            self._drop(pipe)

    def _go(self, work: "_Work", may_begin: Callable[[], bool]) -> None:
        while True:
            with _TURN:
                if not self._fill(work):
                    return
                # Whoever is answered at once keeps the turn: threads that cross together only get in each other's way.
                happened = self._poll.poll(QUICK_SECONDS * 1000)
                self._hear(work, [fd for fd, _ in happened])
            if not happened and not self._poll.poll(ROUND_SECONDS * 1000):
                self._too_late(work)
            work.is_over = work.is_over or not may_begin()

    def _fill(self, work: "_Work") -> bool:
        """Connections that wait for nothing have the next requests. False: there is nothing to wait for."""
        while self._idle and work.has_more:
            self._begin(work, self._idle.pop())
        if work.has_more and len(self._pipes) < self._width and self._error is None:
            self._open(min(self._width - len(self._pipes), -(-work.left // self._depth)))
        return bool(self._pipes) and (work.has_more or work.under_way > 0)

    @property
    def _width(self) -> int:
        """How many connections there are at most."""
        return -(-self._in_flight // self._depth)

    def _hear(self, work: "_Work", happened: Sequence[int]) -> None:
        """Something happened on these connections: one stands, takes more, is gone, or, nearly always, has answers."""
        for fd in happened:
            if (pipe := self._pipes.get(fd)) is not None:
                self._serve(work, pipe)

    def _go_on(self, work: "_Work", pipe: _Pipe) -> None:
        """Answers have come: the next requests take their place, as soon as there is room for a good part of them."""
        waiting = len(pipe.under_way)
        if self._depth > 1 and pipe.carried >= MOST_ON_ONE:
            if not waiting:
                self._drop(pipe)
        elif work.has_more and waiting <= self._depth // 2 and not pipe.left:
            self._begin(work, pipe)
        elif not waiting:
            self._idle.append(pipe)

    # Connections
    def _open(self, count: int) -> None:
        try:
            if self._address is None:
                found = socket.getaddrinfo(self._place.host, self._place.port, type=socket.SOCK_STREAM)[0]
                self._address = int(found[0]), found[4]
            for _ in range(count):
                self._connect(*self._address)
        except OSError as error:
            self._error, self._address = error, None

    def _connect(self, family: int, address: tuple[Any, ...]) -> None:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        done = sock.connect_ex(address)
        if done not in (0, errno.EINPROGRESS):
            sock.close()
            raise OSError(done, os.strerror(done))
        pipe = _Pipe(sock, sock.fileno())
        pipe.deadline = time.monotonic() + CONNECT_SECONDS
        self._pipes[pipe.fd] = pipe
        self._want(pipe, select.POLLOUT)

    def _want(self, pipe: _Pipe, events: int) -> None:
        if pipe.wants != events:
            pipe.wants = events
            self._poll.register(pipe.fd, events)

    def _shake(self, pipe: _Pipe) -> None:
        """The connection stands, or its handshake goes on. Raises OSError."""
        if not pipe.is_shaking:
            if error := pipe.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))
            if self._place.is_secure:
                pipe.sock = tls().wrap_socket(
                    pipe.sock, server_hostname=self._place.host, do_handshake_on_connect=False
                )
                pipe.is_shaking = True
        if isinstance(pipe.sock, ssl.SSLSocket):
            try:
                pipe.sock.do_handshake()
            except ssl.SSLWantReadError:
                return self._want(pipe, select.POLLIN)
            except ssl.SSLWantWriteError:
                return self._want(pipe, select.POLLOUT)
        pipe.is_up = True
        self._want(pipe, select.POLLIN)
        self._idle.append(pipe)
        return None

    def _drop(self, pipe: _Pipe) -> None:
        self._poll.unregister(pipe.fd)
        del self._pipes[pipe.fd]
        if pipe in self._idle:
            self._idle.remove(pipe)
        pipe.sock.close()

    # Requests
    def _begin(self, work: "_Work", pipe: _Pipe) -> None:
        """The next requests leave, as many as the connection may carry, and as much of them as the socket takes."""
        first = work.next
        count = min(self._depth - len(pipe.under_way), len(work.requests) - first)
        work.next = first + count
        work.under_way += count
        pipe.carried += count
        now = time.monotonic()
        pipe.deadline = now + self._answer_seconds
        for place in range(first, first + count):
            work.begun[place] = now
            pipe.under_way.append(place)
        self._push(work, pipe, work.requests[first] if count == 1 else b"".join(work.requests[first : first + count]))

    def _push(self, work: "_Work", pipe: _Pipe, content: bytes) -> None:
        try:
            sent = pipe.sock.send(content)
        except _RETRY:
            sent = 0
        except OSError:
            return self._lose(work, pipe)
        if sent == len(content):
            if pipe.left:
                pipe.left = b""
                self._want(pipe, select.POLLIN)
            return None
        pipe.left = content[sent:]
        return self._want(pipe, select.POLLIN | select.POLLOUT)

    def _serve(self, work: "_Work", pipe: _Pipe) -> None:
        if not pipe.is_up:
            try:
                self._shake(pipe)
            except OSError as error:
                self._error = error
                self._drop(pipe)
            return
        try:
            data = pipe.sock.recv(READ_BYTES)
            if self._place.is_secure:
                data += _rest_of(pipe.sock)
        except _RETRY:
            if pipe.left:
                self._push(work, pipe, pipe.left)
        except OSError:
            self._lose(work, pipe)
        else:
            self._take_in(work, pipe, data)

    def _take_in(self, work: "_Work", pipe: _Pipe, data: bytes) -> None:
        """Answers, or a part of one; the next requests take their place. Hot path."""
        under_way, heard = pipe.under_way, work.heard
        asked = len(under_way) - (self._leaving(work, pipe) if pipe.left else 0)
        if not data or not asked:
            return self._lose(work, pipe)  # hung up, or said something before it was asked
        answers = self._known(data) if pipe.is_fresh else []
        if not answers:
            try:
                answers = self._parsed(pipe, data)
            except httptools.HttpParserError:  # whatever a callback raises comes as one, too
                return self._lose(work, pipe)
        if len(answers) > asked or pipe.size > LONGEST_ANSWER:
            return self._lose(work, pipe)  # more answers than requests: nobody knows which are meant
        if not answers:
            return None
        now = time.monotonic()
        for status, body in answers:
            place = under_way.popleft()
            work.ended[place], work.status[place], work.fates[place] = now, status, _ANSWERED
            if not heard(place, status, body):
                work.is_over = True
        work.under_way -= len(answers)
        pipe.deadline = now + self._answer_seconds
        if pipe.says_goodbye:
            return self._lose(work, pipe)
        return self._go_on(work, pipe)

    @staticmethod
    def _leaving(work: "_Work", pipe: _Pipe) -> int:
        """How many of a connection's requests have not left to their last byte."""
        count, size = 0, 0
        while size < len(pipe.left):
            count += 1
            size += len(work.requests[pipe.under_way[-count]])
        return count

    def _known(self, data: bytes) -> list[tuple[int, bytes]]:
        """Status and body of the answers, where all of it is whole answers whose heads have been read before; else none."""
        found, start, whole = [], 0, len(data)
        begins, status, length = self._last
        while start < whole:
            if not data.startswith(begins, start):
                # Nearly always it begins as the last one did, and then not even its end is looked for.
                begins = data[start : data.find(b"\r\n\r\n", start) + 4]
                if begins not in self._heads:
                    return []
                status, length = self._heads[begins]
                self._last = begins, status, length
            body = start + len(begins)
            start = body + length
            found.append((status, data[body:start]))
        return found if start == whole else []

    def _parsed(self, pipe: _Pipe, data: bytes) -> list[tuple[int, bytes]]:
        """The same of whatever else there is. Raises HttpParserError."""
        was_fresh = pipe.is_fresh
        pipe.parser.feed_data(data)
        answers, pipe.answers = pipe.answers, []
        if answers and was_fresh and not pipe.says_goodbye:
            self._learn(data, *answers[0])
        return answers

    def _learn(self, data: bytes, status: int, body: bytes) -> None:
        """The head of an answer that tells its length is known from now on."""
        ends = data.find(b"\r\n\r\n") + 4
        if _LENGTH.search(data[:ends]) and data[ends : ends + len(body)] == body:
            if len(self._heads) >= MOST_HEADS:
                self._heads.clear()
            self._heads[data[:ends]] = status, len(body)

    def _lose(self, work: "_Work", pipe: _Pipe) -> None:
        """The connection is of no use any more; whatever it was to answer may have arrived."""
        if pipe.under_way:
            now = time.monotonic()
            for place in pipe.under_way:
                work.fates[place], work.ended[place] = Fate.LOST, now
            work.under_way -= len(pipe.under_way)
            work.lost += 1
            work.is_over = work.is_over or work.lost >= MOST_LOST
            if len(pipe.under_way) > 1 or pipe.says_goodbye:
                self._depth = 1
        self._drop(pipe)

    def _too_late(self, work: "_Work") -> None:
        now = time.monotonic()
        for pipe in [
            pipe for pipe in self._pipes.values() if pipe.deadline < now and (pipe.under_way or not pipe.is_up)
        ]:
            if not pipe.is_up:
                self._error = TimeoutError("cannot connect in time")
            self._lose(work, pipe)

    def _tell(self, work: "_Work") -> None:
        if self._told is None:
            return
        fates, status = np.frombuffer(work.fates, np.uint8), np.array(work.status, np.uint16)
        seconds = np.array(work.ended) - np.array(work.begun)
        if (lost := fates == Fate.LOST).any():
            self._told("lost", seconds[lost])
        for hundreds in np.unique(status[fates == Fate.ANSWERED] // 100).tolist():
            self._told(ANSWERS.get(hundreds, "broken"), seconds[(fates == Fate.ANSWERED) & (status // 100 == hundreds)])


class _Work:
    """Requests of one run, which is next, and what is known of each."""

    __slots__ = ("begun", "ended", "fates", "heard", "is_over", "lost", "next", "requests", "status", "under_way")

    def __init__(self, requests: Sequence[bytes], heard: Heard) -> None:
        self.requests, self.heard = requests, heard
        self.fates = bytearray(len(requests))
        self.begun, self.ended, self.status = ([0.0] * len(requests), [0.0] * len(requests), [0] * len(requests))
        self.is_over = False
        self.lost = self.under_way = self.next = 0

    @property
    def has_more(self) -> bool:
        """Whether another request may be begun."""
        return not self.is_over and self.next < len(self.requests)

    @property
    def left(self) -> int:
        """How many have not been begun."""
        return len(self.requests) - self.next


def _clean(proofs: Sequence[bytes]) -> Sequence[bytes]:
    """The same. Raises Outside for a line break in a header."""
    together = b"".join(proofs)
    if b"\n" in together or b"\r" in together:
        raise Outside("a line break in a header", retryable=False)
    return proofs


def _rest_of(sock: socket.socket) -> bytes:
    """What of a TLS record has been opened already: no poll would tell of it."""
    parts = []
    while isinstance(sock, ssl.SSLSocket) and sock.pending():
        parts.append(sock.recv(READ_BYTES))
    return b"".join(parts)
