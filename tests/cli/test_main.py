"""The command line refuses nonsense with a sentence, and prints no traceback for a refusal."""

import os
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from majung.cli.demo import onward
from majung.cli.installation import alone
from tests.conftest import ROOT

OWNER = ("--organisation", "모임", "--kind", "civic", "--entity", "모임", "--email", "owner@example.com")


def majung(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a folder of its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAJUNG_", "DATABASE_", "DJANGO_"))}
    env |= {"PYTHONPATH": f"{ROOT}/src:{ROOT}/sandbox", "MAJUNG_HOME": str(home), **environment}
    command = [sys.executable, "-m", "majung", *arguments]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("demo", "--people", "12"),
        ("demo", "--people", "many"),
        ("demo", "--once", "--people", "1000", "--at", "25:99"),
        ("demo", "--people", "1000", "--json"),
        ("web", "--port", "99999"),
        ("web", "--port", "eighty"),
        ("worker", "--senders", "0"),
        ("books", "first"),
        ("books",),
        ("doctor", "--nonsense"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = majung(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.product("O3")
def test_doctor_of_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    done = majung("doctor", home=tmp_path)
    assert done.returncode == 1
    assert "majung up" in done.stdout


def test_doctor_sees_an_open_key(tmp_path: Path) -> None:
    from majung.core.sealing import Keyring

    key = tmp_path / "vault.key"
    Keyring.fresh().save(key)
    key.chmod(0o644)
    done = majung("doctor", home=tmp_path)
    assert "chmod 600" in done.stdout


def test_wrong_setting_is_named(tmp_path: Path) -> None:
    done = majung("doctor", home=tmp_path, MAJUNG_SESSION_MINUTES="soon")
    assert done.returncode == 2
    assert "MAJUNG_SESSION_MINUTES" in done.stderr


def test_arguments_of_pytest_are_handed_on(tmp_path: Path) -> None:
    done = majung("test", "--collect-only", "tests/core/test_sealing.py", "-k", "rotated", home=tmp_path)
    assert (done.returncode, "test_rotated_ring_opens_old_and_seals_new" in done.stdout) == (0, True)


@pytest.mark.parametrize("command", [("web",), ("ingest",), ("worker",), ("books", "1")])
def test_without_an_installation_it_says_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = majung(*command, home=tmp_path)
    assert (done.returncode, "majung up" in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["nonsense", "mysql://here/it", "host=127.0.0.1 port=1"])
@pytest.mark.parametrize("command", [("up",), ("doctor",), ("demo", "--once"), ("migrate",)])
def test_an_address_that_cannot_be_read_is_named(tmp_path: Path, command: tuple[str, ...], address: str) -> None:
    done = majung(*command, home=tmp_path, DATABASE_URL=address)
    assert (done.returncode, "postgresql://" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [("up",), ("migrate",), ("web",), ("worker",), ("books", "1"), ("demo",), ("demo", "--once", "--people", "1000")],
)
def test_a_server_that_does_not_answer_is_a_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = majung(*command, home=tmp_path, DATABASE_URL="postgresql://somebody:secret@127.0.0.1:1/none")
    assert (done.returncode, "Traceback" in done.stderr, "secret" in done.stderr) == (2, False, False)
    assert "데이터베이스에 닿지 않습니다" in done.stderr
    assert not (tmp_path / "vault.key").exists()


@pytest.mark.parametrize("command", [("up",), ("demo",), ("create-owner", *OWNER)])
def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("no folder can be made below a file")
    done = majung(*command, home=tmp_path / "file" / "home", MAJUNG_OWNER_PASSWORD="sun-moon-garam-9")
    assert (done.returncode, "MAJUNG_HOME" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_port_in_use_is_named(tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = majung(command, "--port", port, home=tmp_path)
    assert (done.returncode, port in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_an_owner_without_a_password_is_refused(tmp_path: Path) -> None:
    done = majung("create-owner", *OWNER, home=tmp_path)
    assert (done.returncode, "MAJUNG_OWNER_PASSWORD" in done.stderr) == (2, True)


def test_a_folder_is_held_by_one_command_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path), alone(tmp_path):
        assert is_busy_for_others(tmp_path)
        done = majung("up", home=tmp_path)
        assert (done.returncode, "이미 켜져" in done.stderr) == (2, True)
    assert not is_busy_for_others(tmp_path)


def is_busy_for_others(home: Path) -> bool:
    """What another process sees."""
    asked = (
        "import sys, pathlib; from majung.cli import installation as i; sys.exit(i.is_busy(pathlib.Path(sys.argv[1])))"
    )
    env = os.environ | {"PYTHONPATH": f"{ROOT}/src:{ROOT}/sandbox"}
    return bool(subprocess.run([sys.executable, "-c", asked, str(home)], env=env, check=False).returncode)


def test_the_demo_never_enters_a_real_installation(tmp_path: Path) -> None:
    (tmp_path / "vault.key").write_text("of a real installation")
    done = majung("demo", home=tmp_path)
    assert (done.returncode, "데모가 아닌 설치" in done.stderr) == (2, True)
    assert not (tmp_path / "demo.json").exists()


@pytest.mark.parametrize(
    ("last", "begins"),
    [
        ("2026-11-20 15:00", "2026-11-21 10:00"),
        ("2026-11-21 10:30", "2026-11-21 10:31"),
        ("2026-11-21 19:59", "2026-11-21 20:00"),
        ("2026-11-21 20:01", "2026-11-22 10:00"),
        ("2026-11-22 03:00", "2026-11-22 10:00"),
    ],
)
def test_the_clock_of_a_demo_never_runs_backwards(last: str, begins: str) -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"{text}:00+09:00")

    assert onward(at("2026-11-21 10:00"), at(last)) == at(begins)
