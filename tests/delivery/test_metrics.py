"""Figures come out of the database, add up, and name nobody; a run's logs name nobody either (O3, SEC-05)."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from majung.cli.worker import listen
from majung.core import exposition
from majung.core.db import raw
from majung.core.exposition import Metric
from majung.delivery import installation, metrics, planner
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.probes import Probes
from majung.people import vault
from tests.delivery.conftest import ROOT, Sandbox, _free_port, until
from tests.delivery.test_engine import a_campaign, is_finished

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("O3")]


def measured(url: str) -> tuple[dict[str, Metric], str]:
    """The figures by name, and the page."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = metrics.measure(connection)
    return {metric.name: metric for metric in found}, exposition.text(found).decode()


def values(metric: Metric) -> dict[str, float]:
    """By the value of its first label."""
    return {sample.labels[0][1] if sample.labels else "": float(sample.value) for sample in metric.samples}


def test_figures_agree_with_the_books(sandbox: Sandbox, slot: Slot, url: str) -> None:
    _, campaign = a_campaign(sandbox)
    before, _ = measured(url)
    assert values(before["majung_messages"])["not_yet"] == books(raw(), campaign).not_yet > 0
    assert values(before["majung_chunks"]).keys() == {"ready"}
    until(slot, lambda: is_finished(campaign))
    installation.beat(slot.hands.connection, "test/slot", "awake", slot.hands.tally)

    after, page = measured(url)
    told = books(raw(), campaign)
    seen = values(after["majung_messages"])
    assert seen == {name: getattr(told, name) for name in metrics.MESSAGES}
    left_out = {sample.labels[1][1]: sample.value for sample in after["majung_left_out"].samples}
    assert left_out == told.left_out
    assert values(after["majung_senders"])[""] >= 1
    calls = [s for s in after["majung_dealer_call_seconds"].samples if dict(s.labels)["answer"] == "good"]
    [count] = [s.value for s in calls if s.suffix == "_count"]
    buckets = [s.value for s in calls if s.suffix == "_bucket"]
    assert buckets == sorted(buckets) and buckets[-1] == count > 3
    line = re.compile(r'(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? -?[0-9.e+]+)')
    assert [bad for bad in page.splitlines() if not line.fullmatch(bad)] == []


def test_dealers_that_fail_are_counted_as_what_they_were(sandbox: Sandbox, slot: Slot, url: str) -> None:
    raw().execute("DELETE FROM dealer_call")
    sandbox.faults(error_next=2, error_status=503)
    _, campaign = a_campaign(sandbox)
    until(slot, lambda: is_finished(campaign), 60)
    installation.beat(slot.hands.connection, "test/slot", "awake", slot.hands.tally)
    counted = dict(raw().execute("SELECT answer, sum(calls)::int FROM dealer_call GROUP BY answer").fetchall())
    assert counted["broken"] == 2 and counted["good"] > 3
    assert slot.hands.tally.calls == {}


def test_a_process_answers_health_and_figures(url: str) -> None:
    up, down = (
        Probes("worker", lambda: url, ""),
        Probes("worker", lambda: "host=127.0.0.1 port=1 connect_timeout=1", ""),
    )
    for probes, health, is_up in ((up, 200, 1), (down, 503, 0)):
        port = _free_port()
        server = listen(port, probes)
        try:
            base = f"http://127.0.0.1:{port}"
            assert _status(f"{base}/healthz") == health
            with urllib.request.urlopen(f"{base}/metrics", timeout=10) as answer:
                page = answer.read().decode()
            assert f"majung_up {is_up}\n" in page and 'majung_process_resident_bytes{process="worker"}' in page
            assert _status(f"{base}/other") == 404
        finally:
            server.shutdown()
            server.server_close()


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("form", ["json", "line"])
def test_a_runs_logs_and_figures_name_nobody(
    form: str, sandbox: Sandbox, url: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real process, as talkative as it gets, with lost answers, errors and a ledger that breaks under it."""
    monkeypatch.setattr(planner, "CHUNK", 20)
    sandbox.faults(error_next=2, error_status=503, drop_next=2, drop_endpoints=["groups.put", "groups.send"])
    party, campaign = a_campaign(sandbox)
    people = [row[0] for row in raw().execute("SELECT id FROM person WHERE root_id = %s", [party.root_id]).fetchall()]
    opened = vault.reveal_many(
        party.made.actor, people, fields=("name", "mobile"), why="기록에 없는지 보는 시험", address=""
    )
    traces = {
        value for said in opened.values() for value in (said["name"], said["mobile"], said["mobile"][-8:]) if value
    }
    assert len(traces) > len(people)
    # A chunk whose sealed values are damaged: opening it fails in the middle of the work.
    raw().execute(
        "UPDATE campaign_chunk SET sealed = sealed || sealed WHERE campaign_id = %s AND chunk_no = 2", [campaign]
    )
    environment = os.environ | {
        "MAJUNG_DISPATCH_URL": url, "PYTHONPATH": str(ROOT / "src"), "MAJUNG_LOG_LEVEL": "DEBUG", "MAJUNG_LOG_FORMAT": form,
        "MAJUNG_VAULT_KEY": str(settings.VAULT_KEY),
    }  # fmt: skip
    log = tmp_path / "sender.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "majung.delivery.worker", "--slots", "2", "--look-seconds", "0.1"]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=out, stdout=out)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and "a step of delivery failed" not in log.read_text("utf-8"):
            time.sleep(0.2)
        time.sleep(2)
    finally:
        process.terminate()
        process.wait(20)
    text = log.read_text("utf-8") + measured(url)[1]
    assert "a step of delivery failed" in text
    assert [trace for trace in traces if trace in text] == []
    if form == "json":
        told = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
        assert campaign in {one.get("campaign") for one in told if one["message"] == "a step of delivery failed"}
