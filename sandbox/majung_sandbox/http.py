"""A small HTTP/1.1 server on asyncio and httptools: keep-alive, pipelining in order, bounded bodies."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol as Interface
from typing import cast
from urllib.parse import parse_qsl, unquote

import httptools

BODY_LIMIT = 24 * 1024 * 1024  # above every documented limit, so that handlers can name their own
HEADER_LIMIT = 32 * 1024
PIPELINE_LIMIT = 128

_REASONS = {
    100: "Continue", 200: "OK", 204: "No Content", 303: "See Other", 304: "Not Modified", 400: "Bad Request",
    401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    413: "Content Too Large", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    503: "Service Unavailable",
}  # fmt: skip


@dataclass(slots=True)
class Request:
    """One complete request; `arrived` is the machine's unix time when its last byte was read."""

    method: str
    path: str
    query_text: str
    headers: dict[str, str]
    body: bytes
    peer: str
    arrived: float
    keep_alive: bool
    segments: list[str] = field(default_factory=list)

    def query(self) -> dict[str, str]:
        """Query parameters; of repeated names the last wins."""
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    def query_list(self, name: str) -> list[str]:
        """All values of `name`, also spelled `name[]` and `name[0]` as some clients do."""
        return [v for k, v in parse_qsl(self.query_text) if k.split("[", 1)[0] == name]


@dataclass(slots=True)
class Response:
    """An answer; `drop` closes the connection instead, `wait_seconds` holds the finished answer back."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False
    wait_seconds: float = 0.0


class Application(Interface):
    """What the server needs from the program it carries."""

    def hold_seconds(self, request: Request) -> float:
        """How long to wait before the request is served."""
        ...

    def handle(self, request: Request) -> Response:
        """The answer; must not raise."""
        ...


class Connection(asyncio.Protocol):
    """One client connection: requests are served strictly in the order they came."""

    def __init__(self, app: Application, seconds: Callable[[], float], open_connections: set["Connection"]) -> None:
        self._app = app
        self._seconds = seconds
        self._open = open_connections
        self._queue: deque[Request] = deque()
        self._busy = False
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._chunks: list[bytes] = []
        self._body_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not inherit from it
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if peer else ""
        self._parser = httptools.HttpRequestParser(self)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went; what it asked is still served."""
        self._open.discard(self)
        self._transport = None

    def close(self) -> None:
        """Close at once, also in the middle of a request."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes came; the parser calls back below."""
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "Upgrade is not supported")
        except httptools.HttpParserError:
            if not self._closing:
                self._refuse(400, "Malformed HTTP request")

    def on_message_begin(self) -> None:
        """Parser: a request starts."""
        self._reset()

    def on_url(self, url: bytes) -> None:
        """Parser: a part of the address."""
        self._url += url
        self._bound(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser: one header."""
        self._bound(len(name) + len(value))
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Parser: the body follows; a client that waits for leave gets it."""
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Parser: a part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > BODY_LIMIT:
            self._refuse(413, "Body too large")
        elif not self._closing:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Parser: a request is complete."""
        if self._closing:
            return
        path, _, query = self._url.partition(b"?")
        text = path.decode("latin-1")
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=text,
            query_text=query.decode("latin-1"),
            headers=self._headers,
            body=self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks),
            peer=self._peer,
            arrived=self._seconds(),
            keep_alive=self._parser.should_keep_alive(),
            segments=[unquote(part) for part in text[1:].split("/")],
        )
        self._chunks = []
        if len(self._queue) >= PIPELINE_LIMIT:
            self._refuse(400, "Too many pipelined requests")
            return
        self._queue.append(request)
        if not self._busy:
            self._advance()

    def _bound(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > HEADER_LIMIT and not self._closing:
            self._refuse(431, "Headers too large")

    def _refuse(self, status: int, message: str) -> None:
        self._closing = True
        self._queue.clear()
        body = b'{"errorCode":"BadRequest","errorMessage":"%b"}' % message.encode()
        if self._transport is not None:
            self._transport.write(_head(Response(status, body), keep_alive=False) + body)
            self._transport.close()

    def _advance(self) -> None:
        while self._queue and not self._busy:
            request = self._queue.popleft()
            hold = self._app.hold_seconds(request)
            if hold > 0:
                self._busy = True
                self._loop.call_later(hold, self._serve, request)
            else:
                self._serve(request)

    def _serve(self, request: Request) -> None:
        # A client that has gone away in the meantime is served all the same: its request did arrive.
        response = self._app.handle(request)
        if response.wait_seconds > 0:
            self._busy = True
            self._loop.call_later(response.wait_seconds, self._finish, request, response)
        else:
            self._finish(request, response)

    def _finish(self, request: Request, response: Response) -> None:
        if self._transport is not None:
            if response.drop:
                self._closing = True
                self._transport.abort()
            else:
                body = b"" if request.method == "HEAD" else response.body
                self._transport.writelines([_head(response, request.keep_alive), body])
                if not request.keep_alive:
                    self._closing = True
                    self._transport.close()
        if self._busy:
            self._busy = False
            if not self._closing:
                self._advance()


def _head(response: Response, keep_alive: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Status')}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Connection: keep-alive" if keep_alive else "Connection: close",
        *(f"{name}: {value}" for name, value in response.headers),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
