"""The ASGI application of ``majung ingest``: three addresses, bounded bodies, 200 only after the commit."""

import asyncio
import hmac
import logging
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import psycopg

from majung import settings
from majung.core import clock, logs
from majung.core.errors import Misconfigured
from majung.core.exposition import Metric, labelled, single
from majung.core.sealing import Sealer, sealer_at
from majung.delivery.probes import Probes
from majung.ingest import directory, store
from majung.ingest.batcher import Batcher, Busy
from majung.ingest.directory import App, Kept
from majung.ingest.events import Unreadable, channel_event, reported
from majung.ingest.store import Friend, Item, Report

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

EVENT_BYTES = 64 * 1024
REPORT_BYTES = 8 * 1024 * 1024  # 10,000 items of a report
WELL_SECONDS = 1.0
BODY_SECONDS = 10.0  # the server answers some thousand calls at once, and one that never ends its body holds a place
_LONGEST_RESOURCE_ID = 200


class TooLarge(Exception):
    """The body is larger than its address takes."""


class TooSlow(Exception):
    """The body did not come in time."""


class Inlet:
    """The work behind the addresses: one writer, one directory, connections that come back after a failure."""

    def __init__(self, url: str, sealer: Sealer) -> None:
        self._url, self._sealer = url, sealer
        self._connection: psycopg.Connection[Any] | None = None
        self._reading = threading.Lock()
        self._was_well, self._asked_at = False, float("-inf")
        self.kept = Kept(self._read_directory, time.monotonic)
        self.batcher = Batcher(self._write)

    def _read_directory(self) -> directory.Directory:
        with psycopg.connect(self._url) as connection:
            return directory.read(connection, self._sealer)

    async def look_up(self, token: str) -> None:
        """The directory is fresh enough to be asked for ``token``."""
        if self.kept.is_stale(token):
            await asyncio.to_thread(self._refresh, token)

    def _refresh(self, token: str) -> None:
        with self._reading:
            if self.kept.is_stale(token):
                self.kept.refresh()

    def _write(self, items: Sequence[Item]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url)
        try:
            with self._connection.transaction():
                store.write(self._connection, self._sealer, items, clock.now())
        except psycopg.OperationalError:
            self._connection.close()
            raise

    def is_well(self) -> bool:
        """Whether the database answered within the last second (blocks): a stranger cannot make it answer more often."""
        with self._reading:
            if time.monotonic() - self._asked_at >= WELL_SECONDS:
                self._was_well = self._answers()
                self._asked_at = time.monotonic()
            return self._was_well

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._url, connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def stop(self) -> None:
        """What was taken is written, and the connection closed."""
        self.batcher.stop()
        if self._connection is not None:
            self._connection.close()


class Application:
    """Routes ``/k/<token>``, ``/r/<token>``, ``/healthz`` and ``/metrics``. The inlet opens with the first request."""

    def __init__(self, make: Callable[[], Inlet]) -> None:
        self._make = make
        self._inlet: Inlet | None = None
        self._making = threading.Lock()
        self._answers: Counter[str] = Counter()
        self._probes = Probes("ingest", settings.database_url, settings.METRICS_TOKEN, self._figures)

    def _figures(self) -> list[Metric]:
        waiting = 0 if self._inlet is None else self._inlet.batcher.waiting
        return [
            labelled("majung_ingest_answers_total", "Calls by status.", "status", dict(self._answers), "counter"),
            single("majung_ingest_waiting", "Calls that are taken and not committed yet.", waiting),
        ]

    @property
    def inlet(self) -> Inlet:
        """The inlet, opened once."""
        if self._inlet is None:
            with self._making:
                self._inlet = self._inlet or self._make()
        return self._inlet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/metrics":
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            peer = (scope.get("client") or ("",))[0]
            found = await asyncio.to_thread(self._probes.answer, scope["path"], peer, headers)
            if found is not None:
                await _answer(send, found.status, found.body, found.content_type)
            return
        status = await self._status(scope, receive)
        self._answers[str(status)] += 1
        await _answer(send, status)

    async def _status(self, scope: Scope, receive: Receive) -> int:
        parts = scope["path"].strip("/").split("/")
        method = scope["method"]
        if parts == ["healthz"]:
            return 200 if await asyncio.to_thread(self.inlet.is_well) else 503
        if len(parts) != 2 or parts[0] not in ("k", "r"):
            return 404
        handle = self._kakao if parts[0] == "k" else self._report
        try:
            return await handle(parts[1], scope, receive) if method == "POST" else 405
        except TooLarge:
            return 413
        except TooSlow:
            return 408
        except Unreadable as problem:
            log.info("unreadable call", extra={"address": parts[0], "problem": str(problem)})
            return 400
        except (Busy, psycopg.Error):
            return 503

    async def _kakao(self, token: str, scope: Scope, receive: Receive) -> int:
        await self.inlet.look_up(token)
        app = self.inlet.kept.app(token)
        if app is None:
            return 404
        headers = dict(scope["headers"])
        if not _proves(app, headers.get(b"authorization", b"")):
            return 401
        body = await _body(headers, receive, EVENT_BYTES)
        resource = headers.get(b"x-kakao-resource-id", b"")[:_LONGEST_RESOURCE_ID].decode("latin-1")
        event = channel_event(body, resource, app.app_id, clock.now())
        await self.inlet.batcher.put(Friend(app=app, event=event))
        return 200

    async def _report(self, token: str, scope: Scope, receive: Receive) -> int:
        await self.inlet.look_up(token)
        account = self.inlet.kept.account(token)
        if account is None:
            return 404
        told = reported(account.adapter, await _body(dict(scope["headers"]), receive, REPORT_BYTES))
        await self.inlet.batcher.put(Report(account_id=account.account_id, told=frozenset(told)))
        return 200


def _proves(app: App, header: bytes) -> bool:
    """Whether the header carries the app's primary admin key, compared in constant time (kakao.md §1.5)."""
    scheme, _, key = header.partition(b" ")
    return hmac.compare_digest(key.strip(), app.admin_key) and scheme.lower() == b"kakaoak"


async def _body(headers: dict[bytes, bytes], receive: Receive, most: int) -> bytes:
    told = headers.get(b"content-length", b"0")
    if not told.isdigit() or len(told) > 12 or int(told) > most:
        raise TooLarge
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, most)
    except TimeoutError:
        raise TooSlow from None


async def _read(receive: Receive, most: int) -> bytes:
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Unreadable("the caller has gone")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise TooLarge
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


async def _answer(send: Send, status: int, body: bytes = b"", content_type: str = "") -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store")]
    if content_type:
        headers.append((b"content-type", content_type.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _make() -> Inlet:
    logs.configure(settings.LOG_LEVEL, settings.LOG_FORMAT)
    url = settings.database_url()
    if not url:
        raise Misconfigured("there is no database yet: start 'majung up', or set DATABASE_URL")
    return Inlet(url, sealer_at(settings.VAULT_KEY))


application = Application(_make)
