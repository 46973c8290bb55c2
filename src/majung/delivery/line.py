"""A line to one dealer: a kept-alive HTTP connection that never sends anything twice by itself.

libcurl sends a request again when a kept-alive connection dies without an answer, which here would be a second message;
``http.client`` does not, and at a thousand messages a request it costs 0.2 µs a message (perf.md section d).
"""

import secrets
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from majung.channels.adapters.base import Adapter, Reply, Wire
from majung.core import clock
from majung.core.errors import Outside

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
IDLE_SECONDS = 10.0
"""A connection idle for longer may have been closed by the other side: it is opened anew before it is used."""
LONGEST_ANSWER = 64 * 2**20


class Unsent(Outside):
    """The dealer could not be reached: certainly nothing arrived."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"cannot connect: {error}", retryable=True, after_seconds=2.0)


class Lost(Outside):
    """The request may have arrived, but its answer did not: in doubt."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"no answer: {error}", retryable=False)


class Line:
    """One connection to the dealer behind ``adapter``, for one thread."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        parts = urlsplit(adapter.account.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Outside(f"not a web address: {adapter.account.base_url}", retryable=False)
        make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._http = make(parts.hostname, parts.port, timeout=CONNECT_SECONDS)
        self._used_at = 0.0

    def ask(self, wire: Wire) -> Reply:
        """``call``, once more when the answer is lost: only for what changes nothing."""
        try:
            return self.call(wire)
        except Lost:
            return self.call(wire)

    def call(self, wire: Wire) -> Reply:
        """The answer to one signed request. Raises Unsent or Lost."""
        parts = urlsplit(wire.url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        headers = {**wire.headers, **self._adapter.sign(clock.now(), secrets.token_hex(16))}
        self._connect()
        try:
            self._http.request(wire.method, target, body=wire.body or None, headers=headers)
            answer = self._http.getresponse()
            body = answer.read(LONGEST_ANSWER + 1)
        except (OSError, HTTPException) as error:
            self.close()
            raise Lost(error) from error
        self._used_at = time.monotonic()
        if len(body) > LONGEST_ANSWER:
            self.close()
            raise Lost(ValueError("the answer is too long"))
        return Reply(answer.status, body)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _connect(self) -> None:
        if self._http.sock is not None and time.monotonic() - self._used_at > IDLE_SECONDS:
            self._http.close()
        if self._http.sock is None:
            try:
                self._http.timeout = CONNECT_SECONDS
                self._http.connect()
            except OSError as error:
                self._http.close()
                raise Unsent(error) from error
            if (sock := self._http.sock) is not None:
                sock.settimeout(ANSWER_SECONDS)
