"""What survives a restart, the clock from the environment, and the account from the environment."""

import json
import os
import sqlite3
import subprocess
import sys

from tests.sandbox.harness import KEY, SANDBOX, SECRET, Client, Running, brand, prepare, until

NUMBER = "01070700001"


def test_a_restart_keeps_the_world_and_what_phones_showed(tmp_path):
    path = tmp_path / "sandbox.sqlite"
    first = Running("--state", str(path))
    client = Client(first.port)
    prepare(client)
    client("POST", "/_control/phones", [{"name": "민아린", "number": NUMBER}])
    client("POST", "/_control/overrides", [{"number": "01070700075", "pfId": "PF-near", "friend": "friend"},
                                           {"number": "01070700002", "talk": "none"}])  # fmt: skip
    client(
        "POST",
        "/_control/templates",
        [{"account": KEY, "templateId": "TP-9", "name": "확인", "content": "확인했습니다."}],
    )
    client("POST", "/_control/refuse", {"number": "01070700003"})
    client("POST", "/_control/kakao", {"webhook_url": "http://127.0.0.1:9/x", "admin_key": "a"})
    client.settled(client.send([brand(NUMBER, content="다시 켜도 남는 말")]))
    assert first.stop() == ""

    second = Running("--state", str(path))
    client = Client(second.port)
    client.set_hour(12)
    shown = client.raw("GET", f"/?number={NUMBER}&thread=PF-wide")[1].decode()
    client("POST", "/_control/settings", {"report_delay_seconds": 0})
    group = client.send(
        [brand("01070700075", "1-0-0", "PF-near"), brand("01070700002", "1-0-1"), brand("01070700003", "1-0-2")]
    )
    client.settled(group)

    assert "다시 켜도 남는 말" in shown and "민아린" in shown
    assert list(client.codes(group).values()) == ["4000", "3104", "1061"]
    assert client("GET", "/cash/v1/balance")["balance"] == 1_000_000 - 50
    assert client("GET", "/kakao/v2/templates/TP-9")["status"] == "APPROVED"
    assert [c["pfId"] for c in client("GET", "/_control/channels")] == ["PF-wide", "PF-near"]
    assert second.stop() == ""


def test_the_state_is_written_while_it_runs_and_a_kill_loses_little(tmp_path):
    path = tmp_path / "sandbox.sqlite"
    running = Running("--state", str(path))
    client = Client(running.port)
    prepare(client)

    def saved() -> bool:
        with sqlite3.connect(path) as db:
            return dict(db.execute("SELECT name, length(body) FROM section")).keys() >= {"world", "accounts"}

    assert until(saved)
    running.process.kill()
    running.process.communicate()
    again = Running("--state", str(path))
    assert len(Client(again.port)("GET", "/_control/channels")) == 2
    again.stop()


def test_the_clock_comes_from_the_environment():
    running = Running(clock=-86400.5)
    client = Client(running.port)

    assert client("GET", "/_control/clock")["offset_seconds"] == -86400.5
    running.stop()


def test_a_clock_that_is_no_number_is_refused_in_words():
    environment = {**os.environ, "PYTHONPATH": str(SANDBOX), "MAJUNG_CLOCK": "noon"}

    done = subprocess.run(
        [sys.executable, "-m", "majung_sandbox", "--port", "0"], env=environment, capture_output=True, text=True
    )

    assert (done.returncode, "MAJUNG_CLOCK must be a number" in done.stderr) == (1, True)


def test_the_account_of_the_environment_is_there_at_once(monkeypatch):
    monkeypatch.setenv("MAJUNG_SANDBOX_KEY", KEY)
    monkeypatch.setenv("MAJUNG_SANDBOX_SECRET", SECRET)
    running = Running()
    client = Client(running.port)

    assert client("GET", "/cash/v1/balance")["balance"] > 0
    assert json.loads(client.raw("GET", "/_control/accounts")[1])[0]["any_sender"] is True
    running.stop()


def test_two_runs_never_give_the_same_ids():
    ids = []
    for _ in range(2):
        running = Running()
        client = Client(running.port)
        prepare(client)
        ids.append(client.put([brand("01070700001")])[1]["resultList"][0]["messageId"])
        running.stop()

    assert ids[0] < ids[1]


def test_it_imports_nothing_of_majung():
    code = "import sys, majung_sandbox.__main__; print([m for m in sys.modules if m == 'majung' or m.startswith('majung.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(SANDBOX)}, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]"
