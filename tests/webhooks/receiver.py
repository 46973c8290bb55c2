"""The receiving side: a web server that verifies signatures by the specification's words, not by our code."""

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

TOLERANCE_SECONDS = 300


@dataclass
class Came:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """By what repeats are known."""
        return self.headers["webhook-id"]

    @property
    def said(self) -> dict[str, Any]:
        """The body, read."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found

    def is_signed_with(self, secret: str, *, now: float | None = None) -> bool:
        """Whether one of the signatures is ours and the moment is near."""
        stamp = self.headers["webhook-timestamp"]
        if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_SECONDS:
            return False
        key = base64.b64decode(secret[len("whsec_") :])
        digest = hmac.new(key, b".".join((self.id.encode(), stamp.encode(), self.body)), hashlib.sha256).digest()
        wanted = base64.b64encode(digest).decode()
        versions = [one.split(",", 1) for one in self.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and hmac.compare_digest(given, wanted) for version, given in versions)


@dataclass
class Receiver:
    """A server on loopback: what came, and what it answers next (the last answer for ever)."""

    url: str = ""
    came: list[Came] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [204])
    headers: dict[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0

    def next_answer(self) -> int:
        """The status to answer."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.came.append(Came({name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(receiver.wait_seconds)
            self.send_response(receiver.next_answer())
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks?of=majung"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
