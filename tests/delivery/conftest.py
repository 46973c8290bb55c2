"""The real sandbox over HTTP, a clock that stands at noon for both sides, and slots of the engine on the test database."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from majung.core import clock
from majung.delivery.engine import Slot
from majung.people.vault import sealer
from tests.make import delivery as make

ROOT = Path(__file__).resolve().parents[2]
NOON = datetime.fromisoformat("2026-11-20T12:00:00+09:00")


@dataclass(kw_only=True)
class Sandbox:
    """A running sandbox, and the words for its control API."""

    base_url: str
    key: str = "SANDBOXKEY"

    def ask(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.base_url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method="POST" if body is not None else "GET",
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            raw = answer.read()
        return json.loads(raw) if "json" in answer.headers["Content-Type"] else raw.decode()

    def faults(self, **wanted: Any) -> None:
        self.ask("/_control/faults", {"reset": True, **wanted})

    def books(self, campaign: int) -> dict[str, Any]:
        return dict(self.ask(f"/_control/books?campaign={campaign}"))

    def ids(self, campaign: int, state: str) -> set[str]:
        return set(self.ask(f"/_control/books/ids?campaign={campaign}&state={state}").split())

    def messages(self, campaign: int) -> list[list[str]]:
        return [line.split() for line in self.ask(f"/_control/books/messages?campaign={campaign}").splitlines()]

    def clock(self, at: datetime) -> None:
        self.ask("/_control/clock", {"offset_seconds": clock.offset_to(at)})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """One sandbox for all tests of this room."""
    port = _free_port()
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'sandbox'}", "MAJUNG_CLOCK": str(clock.offset_to(NOON))}
    command = [sys.executable, "-m", "majung_sandbox", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    sandbox = Sandbox(base_url=f"http://127.0.0.1:{port}")
    try:
        for _ in range(200):
            try:
                sandbox.ask("/_control/health")
                break
            except OSError:
                time.sleep(0.05)
        account = {"apiKey": sandbox.key, "apiSecret": "SANDBOX-SECRET", "balance": 10**9, "any_sender": True}
        sandbox.ask("/_control/accounts", account)
        sandbox.ask("/_control/settings", {"report_delay_seconds": 0.05})
        yield sandbox
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Noon in Seoul, for this process and its children."""
    monkeypatch.setenv("MAJUNG_CLOCK", str(clock.offset_to(NOON)))
    return clock.now()


@pytest.fixture
def sandbox(running: Sandbox, noon: datetime) -> Iterator[Sandbox]:
    """The sandbox at rest, at noon."""
    running.clock(NOON)
    running.faults()
    yield running
    running.faults()


@pytest.fixture
def url() -> str:
    """The test database's address, for connections beside Django's."""
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return make_conninfo(**{k: connection.settings_dict[n] for n, k in known.items() if connection.settings_dict[n]})


@pytest.fixture
def slot(url: str) -> Iterator[Slot]:
    """One slot of the engine in this process."""
    made = Slot(url, sealer(), name="test/slot", look_seconds=0.05)
    yield made
    made.close()


def register(sandbox: Sandbox, party: make.Party) -> None:
    """The sandbox knows the party's channels: those of the last tier reach only near friends."""
    deepest = max(len(unit.path) for unit in party.made.units)
    reach = {u.pk: "near" if len(u.path) == deepest else "wide" for u in party.made.units}
    sandbox.ask(
        "/_control/channels",
        [
            {
                "pfId": f"PF{c.profile_id}",
                "profileId": c.profile_id,
                "searchId": c.search_id,
                "name": c.name,
                "reach": reach[unit],
            }
            for unit, c in party.channels.items()
        ],
    )


def start(campaign: int) -> None:
    """The dispatch of a frozen campaign may be claimed from."""
    connection.ensure_connection()
    assert isinstance(connection.connection, psycopg.Connection)
    connection.connection.execute("UPDATE dispatch SET state = 'sending' WHERE campaign_id = %s", [campaign])


def until(slot: Slot, done: Callable[[], bool], seconds: float = 60) -> None:
    """Step until ``done``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "the engine did not come to an end"
        if not slot.step():
            time.sleep(0.01)
