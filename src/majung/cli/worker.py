"""The worker: jobs (Procrastinate, with Django), several dispatchers and the inbox's folder (without), watched by this one.

While the installation is muted (``delivery.installation``) none of them runs: a job, too, may write to people or dealers.
"""

import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

import psycopg

from majung.cli.installation import say
from majung.cli.processes import ENDINGS, Family
from majung.delivery import installation
from majung.delivery.probes import Answer, Probes

LOOK_SECONDS = 2.0


def run(senders: int, probe_port: int | None = None) -> int:
    """Until SIGTERM or SIGINT; then every process ends after the request it is in."""
    from majung import settings

    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in ENDINGS:
        signal.signal(number, stop)
    if probe_port is not None:
        listen(probe_port, Probes("worker", lambda: settings.database_url(settings.ROLE), settings.METRICS_TOKEN))
    family = Family(Path(settings.HOME) / "logs")
    url, told, looked_at = settings.database_url(settings.ROLE), "", float("-inf")
    try:
        while not stopping:
            if time.monotonic() - looked_at >= LOOK_SECONDS:
                looked_at = time.monotonic()
                standing = _standing(url, Path(settings.HOME))
                if standing and standing != told:
                    say(standing)
                if standing and family.children:
                    family.stop()
                elif standing == "" and not family.children:
                    _start(family, url, senders)
                told = told if standing is None else standing
            time.sleep(0.5)
            for name in family.check():
                say(f"{name}이(가) 멈춰 다시 켰습니다. 기록: {family.logs / f'{name}.log'}")
    finally:
        family.stop()
    return 0


def listen(port: int, probes: Probes) -> ThreadingHTTPServer:
    """Probes are answered on loopback until the process ends: a worker has no other address."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = probes.answer(self.path, self.client_address[0], headers) or Answer(404)
            self.send_response(found.status)
            self.send_header("Content-Type", found.content_type)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            """Scrapes are no news."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def _standing(url: str, home: Path) -> str | None:
    """Why nothing may be sent; empty when it may, None when the database does not say."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return installation.look(connection, home).standing.sentence
    except psycopg.OperationalError:
        return None


def _start(family: Family, url: str, senders: int) -> None:
    family.start(
        "jobs",
        [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", "2"],
        DJANGO_SETTINGS_MODULE="majung.settings",
    )
    for place in range(senders):
        family.start(f"sender-{place}", [sys.executable, "-m", "majung.delivery.worker"], MAJUNG_DISPATCH_URL=url)
    family.start("folder", [sys.executable, "-m", "majung.ingest.folder"])
