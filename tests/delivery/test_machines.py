"""Two workers that reach the database by lines of their own; one line goes dead without being closed, and the other goes on (O2).

The line is a TCP connection through a relay of the test, which can stop passing bytes while both ends believe to be connected: what
a pulled cable looks like. The dealer stays within reach of both, which is the worse case: the cut-off one can still send.
"""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from majung.core.db import raw
from majung.delivery import ledger, planner
from tests.delivery.conftest import Sandbox
from tests.delivery.test_crash import wait_for, worker
from tests.delivery.test_engine import a_campaign, assert_both_sides_agree, is_finished

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("O2", "O6")]


class Relay:
    """Passes bytes between a port on loopback and the database, or holds them."""

    def __init__(self, url: str) -> None:
        self._url = conninfo_to_dict(url)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The database by way of the relay."""
        facts = {**self._url, "host": "127.0.0.1", "port": self._server.getsockname()[1], "sslmode": "disable"}
        return make_conninfo(**{name: str(value) for name, value in facts.items()})

    def cut(self) -> None:
        """From here on nothing passes, and nothing is closed."""
        self._open.clear()

    def mend(self) -> None:
        """What was held passes, and everything after it."""
        self._open.set()

    def close(self) -> None:
        self.mend()
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = self._database()
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _database(self) -> socket.socket:
        host, port = str(self._url.get("host", "127.0.0.1")), int(str(self._url.get("port") or 5432))
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        far = socket.socket(socket.AF_UNIX)
        far.connect(f"{host}/.s.PGSQL.{port}")
        return far

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                self._open.wait()
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


@pytest.fixture
def relay(url: str) -> Iterator[Relay]:
    made = Relay(url)
    yield made
    made.close()


def test_one_is_cut_off_in_the_middle_and_the_other_goes_on(
    sandbox: Sandbox, url: str, relay: Relay, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "CHUNK", 5)
    sandbox.faults(delay_after_ms={"groups.put": 40, "groups.send": 40})
    far = worker(relay.url, home)
    near = None

    def beats(pid: int) -> float:
        held = "SELECT coalesce(max(extract(epoch FROM beat_at)), 0)::float8 FROM worker_beat WHERE split_part(worker, '/', 2) = %s"
        return float(raw().execute(held, [str(pid)]).fetchall()[0][0])

    def holds(pid: int) -> int:
        claimed = "SELECT count(*) FROM campaign_chunk WHERE state = 1 AND split_part(worker, '/', 2) = %s"
        return int(raw().execute(claimed, [str(pid)]).fetchall()[0][0])

    try:
        wait_for(lambda: beats(far.pid) > 0)
        _, campaign = a_campaign(sandbox, people=400)
        wait_for(lambda: holds(far.pid) > 0)
        relay.cut()
        held = holds(far.pid)
        near = worker(url, home)
        wait_for(lambda: is_finished(campaign), 150)
        told = assert_both_sides_agree(sandbox, campaign)
        assert held > 0 and told.delivered > 50
        assert far.poll() is None

        last = beats(far.pid)
        relay.mend()
        wait_for(lambda: beats(far.pid) > last, 90)
        assert assert_both_sides_agree(sandbox, campaign) == told
        _, second = a_campaign(sandbox, people=200)
        wait_for(lambda: is_finished(second))
        assert_both_sides_agree(sandbox, second)
    finally:
        relay.mend()
        for process in (far, near):
            if process is not None:
                process.terminate()
                process.wait(30)


def test_the_server_gives_up_a_session_that_is_cut_off(url: str, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had locked in the middle of a transaction is free again, though no packet said goodbye."""
    monkeypatch.setattr(ledger, "GONE_SECONDS", 6)
    cut_off = ledger.connect(relay.url, "test")
    assert cut_off.execute("SHOW idle_in_transaction_session_timeout").fetchall() == [("12s",)]
    cut_off.execute("BEGIN")
    cut_off.execute("SELECT pg_advisory_xact_lock(42)")
    relay.cut()
    with psycopg.connect(url, autocommit=True) as other:
        assert other.execute("SELECT pg_try_advisory_lock(42)").fetchall() == [(False,)]
        other.execute("SET statement_timeout = '40s'")
        other.execute("SELECT pg_advisory_lock(42)")
    relay.mend()
    cut_off.close()
