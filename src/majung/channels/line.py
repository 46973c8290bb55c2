"""A line to one dealer: a kept-alive HTTP connection that never sends anything twice by itself.

libcurl sends a request again when a kept-alive connection dies without an answer, which here would be a second message.
So the socket is our own, and httptools (the parser of Node.js) reads the answers: docs/decisions/0010-line.md.
"""

import secrets
import socket
import ssl
import time
from urllib.parse import urlsplit

import httptools

from majung.channels.adapters.base import Adapter, Reply, Wire
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
    """One connection to the dealer behind ``adapter``, for one thread."""

    def __init__(self, adapter: Adapter, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._adapter, self._answer_seconds = adapter, answer_seconds
        parts = urlsplit(adapter.account.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Outside(f"not a web address: {adapter.account.base_url}", retryable=False)
        self._address = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        self._host = parts.netloc.rpartition("@")[2]
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._socket: socket.socket | None = None
        self._used_at = 0.0

    def ask(self, wire: Wire) -> Reply:
        """``call``, once more when the answer is lost: only for what changes nothing."""
        try:
            return self.call(wire)
        except Lost:
            return self.call(wire)

    def call(self, wire: Wire) -> Reply:
        """The answer to one signed request. Raises Unsent or Lost."""
        head = self._head(wire)
        sock = self._connected()
        body = _Body()
        parser = httptools.HttpResponseParser(body)
        try:
            sock.sendall(head)
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
        return Reply(parser.get_status_code(), b"".join(body.parts))

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _head(self, wire: Wire) -> bytes:
        parts = urlsplit(wire.url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        headers = {
            "Host": self._host, "Content-Length": str(len(wire.body)), **wire.headers,
            **self._adapter.sign(clock.now(), secrets.token_hex(16)),
        }  # fmt: skip
        lines = [f"{wire.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        if any("\n" in line or "\r" in line for line in lines):
            raise Outside("a line break in a header", retryable=False)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _connected(self) -> socket.socket:
        if self._socket is not None and time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
        if self._socket is None:
            try:
                sock = socket.create_connection(self._address, CONNECT_SECONDS)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_hostname=self._address[0])
            except OSError as error:
                raise Unsent(error) from error
            sock.settimeout(self._answer_seconds)
            self._socket = sock
        return self._socket
