"""The demo's own campaign late in the evening: what has not left by 20:50 is held until 08:00, and leaves then (done-when 1)."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from datetime import time as wall
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from majung.campaigns.models import Campaign
from majung.cli.installation import choose_ports, running
from majung.cli.processes import Family
from majung.core import clock, db, roles
from majung.core.embedded import APP, WORKER
from majung.delivery.books import Books, books
from majung.delivery.models import Chunk, Dispatch
from majung.delivery.outcomes import ChunkState
from majung.demo import run as demo
from majung.demo.gateway import Gateway

PEOPLE = 1_000
SLOW_MS = 14_000
"""How long the dealer takes to answer a sending: two rounds of the slots fit into the last half minute, never all rounds."""

pytestmark = [pytest.mark.slow, pytest.mark.product("M5", "O1"), pytest.mark.django_db(transaction=True)]


def addresses() -> dict[str, str]:
    """The test database, for processes of their own: by the roles' passwords on an embedded server, by SET ROLE on any other."""
    at = connection.settings_dict
    where = f"{at['NAME']}?host={quote(at['HOST'], safe='')}" + (f"&port={at['PORT']}" if at["PORT"] else "")
    own = Path(at["HOST"]).parent / "passwords.json"
    passwords = json.loads(own.read_text("ascii")) if own.exists() else {}
    roles_ = {"DATABASE_URL_APP": APP, "DATABASE_URL_WORKER": WORKER} if passwords else {}
    return {"DATABASE_URL": f"postgresql://{at['USER']}:{quote(at['PASSWORD'])}@/{where}"} | {
        name: f"postgresql://{role}:{quote(passwords[role])}@/{where}" for name, role in roles_.items()
    }


def seoul(text: str) -> datetime:
    """That time of the clock's present Seoul day."""
    return datetime.combine(clock.today(), wall.fromisoformat(text), clock.SEOUL)


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Family]:
    """Web, ingest, worker and sandbox of the demo over the test database, on a clock of ten in the morning."""
    roles.apply()
    for name in (
        "MAJUNG_BASE_URL",
        "MAJUNG_INGEST_URL",
        "MAJUNG_SANDBOX_URL",
        "DATABASE_URL_APP",
        "DATABASE_URL_WORKER",
    ):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, address in addresses().items():
        monkeypatch.setenv(name, address)
    monkeypatch.setenv(clock.VARIABLE, f"{clock.offset_to(seoul('10:00:00')):.3f}")
    ports = choose_ports(None, sandbox=True)
    settings.BASE_URL, settings.INGEST_URL = os.environ["MAJUNG_BASE_URL"], os.environ["MAJUNG_INGEST_URL"]
    settings.SANDBOX_URL = os.environ["MAJUNG_SANDBOX_URL"]
    with running(tmp_path, ports, senders=1) as made:
        yield made


def told(campaign: int) -> Books:
    """The ledger's books of now."""
    return books(db.raw(), campaign)


def last_arrival(gateway: Gateway, campaign: int) -> datetime:
    """When the sandbox took the newest request with messages, by its own record, on the clock that both share."""
    return datetime.fromtimestamp(gateway.books(campaign)["last_arrival"] + clock.offset_seconds(), clock.SEOUL)


def until(done: Callable[[], bool], seconds: float) -> None:
    """Waits; fails when it takes longer."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def is_held(campaign: int, opening: datetime) -> bool:
    """The dispatch waits for the opening, and nothing of it is out."""
    out = Chunk.objects.filter(campaign_id=campaign, state__in=(ChunkState.CLAIMED, ChunkState.HANDED))
    return Dispatch.objects.get(pk=campaign).not_before == opening and not out.exists()


def test_the_rest_of_the_evening_is_held_until_the_window_opens(family: Family) -> None:
    gateway = Gateway(os.environ["MAJUNG_SANDBOX_URL"])
    demo.load(PEOPLE, say=print)
    closing, opening = seoul("20:50:00"), seoul("08:00:00") + timedelta(days=1)
    demo.put_clock(family, seoul("20:49:30"))
    gateway.post("faults", {"reset": True, "delay_after_ms": {"groups.send": SLOW_MS}})

    campaign = demo.begin(say=print)[0].pk
    assert clock.now() < closing
    until(lambda: is_held(campaign, opening), seconds=60)

    evening = told(campaign)
    assert evening.is_balanced and evening.accepted > 0 and evening.not_yet > 0
    assert last_arrival(gateway, campaign) < closing
    seen = gateway.books(campaign)
    assert seen["gateway_saw"] == evening.accepted + evening.refused + evening.moved_on > 0
    assert "3108" not in seen["not_delivered_by_code"]

    gateway.post("faults", {"reset": True})
    demo.put_clock(family, opening - timedelta(seconds=20))
    early = [gateway.books(campaign)["messages"]]
    while clock.now() < opening - timedelta(seconds=1):
        early.append(gateway.books(campaign)["messages"])
        time.sleep(0.1)
    assert set(early) == {seen["messages"]}

    until(lambda: Dispatch.objects.get(pk=campaign).finished_at is not None, seconds=60)
    whole = demo.outcome(Campaign.objects.get(pk=campaign), planned=0.0, peak=0.0)
    assert whole.balances and whole.held_until is None
    assert (whole.books.not_yet, whole.books.in_doubt, whole.proof.lost, whole.proof.unknown, whole.proof.double) == (
        0,
    ) * 5
    assert whole.books.accepted > evening.accepted
    assert whole.books.audience == evening.audience
    assert last_arrival(gateway, campaign) >= opening
    assert "3108" not in gateway.books(campaign)["not_delivered_by_code"]
