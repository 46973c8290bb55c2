"""The doors of the inlet: ``/k/<token>`` for Kakao's events, ``/r/<token>`` for dealers' reports, ``/healthz``, ``/metrics``."""

import asyncio
import hmac
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from majung.channels import identities, inbox
from majung.channels.inbox import Kind
from majung.core import clock
from majung.core.exposition import Metric, labelled, single
from majung.core.sealing import Sealer
from majung.delivery.probes import Probes
from majung.ingest import directory
from majung.ingest.directory import MIN_AGE_SECONDS, RENEW_SECONDS, App, Kept, Sender
from majung.ingest.events import ChannelEvent, Unreadable, channel_event, dealer_report
from majung.ingest.http import Call, Door, Refused
from majung.ingest.writer import Writer

log = logging.getLogger(__name__)

EVENT_BYTES = 64 * 1024
REPORT_BYTES = 8 * 1024 * 1024  # 10,000 items of a report
MOST_CONNECTIONS = 10_000
MOST_OPEN = 10_000


class Inlet:
    """What all connections share: one writer, one directory that is kept fresh, and the set of connections."""

    def __init__(
        self, url: str, sealer: Sealer, most_connections: int = MOST_CONNECTIONS, metrics_token: str = ""
    ) -> None:
        self._url, self._sealer, self._most = url, sealer, most_connections
        self._renewing: asyncio.Task[None] | None = None
        self._then: list[Callable[[], None]] = []
        self._is_known = True  # whether the last attempt to read the directory succeeded
        self.answers: Counter[str] = Counter()
        self.probes = Probes("ingest", lambda: url, metrics_token, self._figures)
        self.calls: set[Call] = set()
        self.kept = Kept(self._read_directory, time.monotonic)
        self.writer = Writer(url)
        self._open: dict[tuple[bytes, bytes, bytes], Door] = {}
        self._has_come = False
        self.sweep()

    def sweep(self) -> None:
        """Each second: a directory that is used stays fresh, calls that take too long end."""
        self.now = clock.now()
        if self.kept.age_seconds > RENEW_SECONDS:
            # A door that was opened may be walked through until the directory is read anew, or too old.
            self._open.clear()
            if self._has_come:
                self._renew()
        self._has_come = False
        for call in list(self.calls):
            call.look_at_the_clock(time.monotonic())

    def is_full(self) -> bool:
        """Whether one more connection is too many."""
        return len(self.calls) >= self._most

    def door(self, method: bytes, path: bytes, authorization: bytes) -> Door | None:
        """The door of a path, or None when the directory must be read first. Raises Refused."""
        self._has_come = True
        asked = method, path, authorization
        if (known := self._open.get(asked)) is not None:
            return known
        kind, _, token = path.decode("latin-1").partition("?")[0].strip("/").partition("/")
        if kind in ("healthz", "metrics") and not token:
            return Probe(self, kind)
        if kind not in ("k", "r") or not token or "/" in token:
            raise Refused(404)
        if method != b"POST":
            raise Refused(405)
        if self.kept.is_stale(token):
            if not self._is_known:
                self._is_known = True  # the next call tries again
                raise Refused(503)
            return None
        door = self._reports(token) if kind == "r" else self._events(token, authorization)
        if len(self._open) < MOST_OPEN and self.kept.age_seconds < RENEW_SECONDS:
            self._open[asked] = door
        return door

    def _reports(self, token: str) -> Door:
        sender = self.kept.sender(token)
        if sender is None:
            raise Refused(404)
        return Reports(self, sender)

    def _events(self, token: str, authorization: bytes) -> Door:
        app = self.kept.app(token)
        if app is None:
            raise Refused(404)
        if not _proves(app, authorization):
            raise Refused(401)
        return Events(self, app, token)

    def when_known(self, then: Callable[[], None]) -> None:
        """Calls back once the directory was read, or could not be."""
        self._then.append(then)
        self._renew()

    def _renew(self) -> None:
        if self._renewing is None:
            self._renewing = asyncio.get_running_loop().create_task(self._renewed())

    async def _renewed(self) -> None:
        try:
            await asyncio.to_thread(self.kept.refresh)
            self._is_known = True
            self._open.clear()
        except psycopg.Error:
            log.warning("the directory cannot be read", exc_info=True)
            self._is_known = False
        self._renewing = None
        waiting, self._then = self._then, []
        for then in waiting:
            then()

    async def settle(self) -> None:
        """Nothing of this inlet runs any more in another thread."""
        if self._renewing is not None:
            await self._renewing
        await asyncio.gather(*_running)

    def _read_directory(self) -> directory.Directory:
        with psycopg.connect(self._url, connect_timeout=2, application_name="majung ingest directory") as connection:
            return directory.read(connection, self._sealer)

    def friend(self, app: App, event: ChannelEvent, call: Call) -> None:
        """An event of an app that proved itself waits for its commit. Of a channel that is not connected, 0 is noted."""
        channel = app.channels.get(event.profile_id) or app.channels.get(event.search_id) or 0
        if not channel:
            log.warning("event of a channel that is not connected", extra={"app": app.app_id})
        blind = identities.blind(self._sealer, app.root_id, app.spaces[event.id_type], event.id)
        is_open_id = event.id_type == identities.OPEN_ID
        packed = inbox.pack_friend(app.app_id, channel, event.at, event.state, is_open_id, blind)
        self.writer.put_friend(packed, call)

    def _figures(self) -> list[Metric]:
        return [
            labelled("majung_ingest_answers_total", "Calls by status.", "status", dict(self.answers), "counter"),
            single("majung_ingest_waiting", "Calls that are taken and not committed yet.", self.writer.waiting),
        ]


@dataclass(slots=True)
class Events:
    """Kakao's channel events to one app."""

    inlet: Inlet
    app: App
    token: str
    most: int = EVENT_BYTES

    def take(self, call: Call, body: bytes) -> None:
        """One event a call."""
        event = _readable(channel_event, body, self.inlet.now)
        known = self.app.channels
        if event.profile_id in known or event.search_id in known or self.inlet.kept.age_seconds < MIN_AGE_SECONDS:
            self.inlet.friend(self.app, event, call)
            return
        # It may have been connected a moment ago.
        self.inlet.when_known(lambda: self._after(event, call))

    def _after(self, event: ChannelEvent, call: Call) -> None:
        try:
            self.inlet.friend(self.inlet.kept.app(self.token) or self.app, event, call)
        except Refused as refused:
            call.answer(refused.status)


@dataclass(slots=True)
class Reports:
    """Reports to one dealer account."""

    inlet: Inlet
    sender: Sender
    most: int = REPORT_BYTES

    def take(self, call: Call, body: bytes) -> None:
        """Many reports a call."""
        told, about = _readable(dealer_report, self.sender.adapter, body)
        account = self.sender.account_id
        rows = []
        if told:
            rows.append((Kind.REPORTS, account, sum(map(len, told)), inbox.pack_told(told)))
        if about or not told:
            # A call that names nothing says at least that the dealer calls.
            rows.append((Kind.WAKES, account, max(1, len(about)), inbox.pack_about(about)))
        self.inlet.writer.put(rows, call)


@dataclass(slots=True)
class Probe:
    """Whether the inlet can store what comes, and figures for who may read them."""

    inlet: Inlet
    name: str
    most: int = 0

    def take(self, call: Call, body: bytes) -> None:
        """Answers when the database did, or did not."""
        task = asyncio.get_running_loop().create_task(self._tell(call, call.peer, dict(call.headers)))
        _running.add(task)
        task.add_done_callback(_running.discard)

    async def _tell(self, call: Call, peer: str, headers: dict[str, str]) -> None:
        found = await asyncio.to_thread(self.inlet.probes.answer, f"/{self.name}", peer, headers)
        if found is None:
            call.answer(404)
        else:
            call.answer(found.status, found.body, found.content_type)


_running: set[asyncio.Task[Any]] = set()


def _readable(read: Callable[..., Any], *given: Any) -> Any:
    try:
        return read(*given)
    except Unreadable as problem:
        log.info("unreadable call", extra={"problem": str(problem)})
        raise Refused(400) from None


def _proves(app: App, header: bytes) -> bool:
    """Whether the header carries the app's primary admin key, compared in constant time (kakao.md §1.5)."""
    scheme, _, key = header.partition(b" ")
    return hmac.compare_digest(key.strip(), app.admin_key) and scheme.lower() == b"kakaoak"
