"""``/healthz`` and ``/metrics``, the same for every process that listens: before Django, sessions and host names. Plain."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from majung.core import exposition
from majung.core.exposition import Metric, labelled, single
from majung.delivery import installation, metrics

WELL_SECONDS = 1.0
FRESH_SECONDS = 2.0
CONNECT_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Probes:
    """Answers both addresses for one process. The database is asked once a second at most, however often a stranger asks."""

    def __init__(
        self, process: str, url: Callable[[], str], token: str, own: Callable[[], Sequence[Metric]] = lambda: ()
    ) -> None:
        self._process, self._url, self._token, self._own = process, url, token, own
        self._asking = threading.Lock()
        self._well = self._figures = Answer(503)
        self._well_at = self._figures_at = float("-inf")
        self._started_at = time.time()

    def answer(self, path: str, peer: str, headers: Mapping[str, str]) -> Answer | None:
        """The answer, or None when the address is none of these. ``headers`` by lower-case name."""
        if path == "/healthz":
            return self._health()
        if path == "/metrics":
            return self._metrics() if exposition.may_read(peer, headers, self._token) else Answer(403, b"forbidden\n")
        return None

    def _health(self) -> Answer:
        with self._asking:
            if time.monotonic() - self._well_at >= WELL_SECONDS:
                self._well = self._ask()
                self._well_at = time.monotonic()
            return self._well

    def _ask(self) -> Answer:
        try:
            with psycopg.connect(self._url(), connect_timeout=CONNECT_SECONDS) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error:
            return Answer(503, b"no database\n")
        return Answer(200, b"ok\n")

    def _metrics(self) -> Answer:
        with self._asking:
            if time.monotonic() - self._figures_at >= FRESH_SECONDS:
                self._figures = self._measure()
                self._figures_at = time.monotonic()
            return self._figures

    def _measure(self) -> Answer:
        about = [
            labelled(
                "majung_process_resident_bytes",
                "Memory of this process.",
                "process",
                {self._process: installation.resident_bytes()},
            ),
            labelled(
                "majung_process_start_time_seconds",
                "When this process began.",
                "process",
                {self._process: self._started_at},
            ),
            *self._own(),
        ]
        try:
            with psycopg.connect(self._url(), connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
                found = [single("majung_up", "Whether the database answers.", 1), *metrics.measure(connection)]
        except psycopg.Error:
            found = [single("majung_up", "Whether the database answers.", 0)]
        return Answer(200, exposition.text([*found, *about]), exposition.CONTENT_TYPE)
