"""``majung up`` on an embedded server: Ctrl-C leaves nothing behind, and a killed one recovers (O1)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from majung.cli.demo import temporary
from majung.cli.processes import free_port
from majung.core.embedded import Embedded
from tests.cli.test_main import OWNER, ROOT, majung

pytestmark = [pytest.mark.slow, pytest.mark.product("O1", "O3")]
PATIENCE_SECONDS = 120.0


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach; its server is stopped at the end, whatever happened."""
    with temporary() as folder:
        yield folder
        Embedded(base=folder / "postgres").stop()


def up(home: Path, log: Path) -> "subprocess.Popen[bytes]":
    """``majung up``, ready, in a session of its own as a terminal would give it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAJUNG_", "DATABASE_", "DJANGO_"))}
    env |= {"PYTHONPATH": f"{ROOT}/src:{ROOT}/sandbox", "MAJUNG_HOME": str(home)}
    command = [sys.executable, "-m", "majung", "up", "--port", str(free_port())]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stderr=out, start_new_session=True)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "켜졌습니다" not in log.read_text("utf-8"):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.1)
    return process


def left(home: Path) -> list[str]:
    """Processes that have to do with the folder."""
    mark, found = str(home).encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            about = (folder / "cmdline").read_bytes() + b" " + (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark in about and int(folder.name) != os.getpid() and b"pytest" not in about.partition(b" ")[0]:
            found.append(about.partition(b" ")[0].replace(b"\0", b" ").decode())
    return found


def wait_until_alone(home: Path, *, but: str = "") -> None:
    """Every process of the folder has ended, except those in whose command line ``but`` stands."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while others := [one for one in left(home) if not but or but not in one]:
        assert time.monotonic() < deadline, others
        time.sleep(0.1)


def test_up_ends_cleanly_recovers_from_a_kill_and_is_examined_at_rest(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    first = up(home, log)
    assert majung("create-owner", *OWNER, home=home, MAJUNG_OWNER_PASSWORD="sun-moon-garam-9").returncode == 0
    assert majung("up", home=home).returncode == 2
    doctor = majung("doctor", home=home)
    assert (doctor.returncode, "켜져 있음" in doctor.stdout) == (0, True), doctor.stdout

    first.kill()
    first.wait()
    wait_until_alone(home, but="postgres")
    second = up(home, log)
    with psycopg.connect(Embedded(base=home / "postgres").url()) as opened:
        assert opened.execute("SELECT count(*) FROM tree_organisation").fetchone() == (1,)

    os.killpg(second.pid, signal.SIGINT)
    assert second.wait(60) == 0
    assert "껐습니다" in log.read_text("utf-8")
    wait_until_alone(home)

    asked = majung("books", "7", home=home)
    assert (asked.returncode, "메시지 7" in asked.stderr, "Traceback" in asked.stderr) == (2, True, False)
    resting = majung("doctor", home=home)
    assert (resting.returncode, "꺼져 있음" in resting.stdout) == (1, True)
    assert not Embedded(base=home / "postgres").is_running()
