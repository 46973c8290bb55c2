"""Ports that commands choose side by side."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from majung.cli import processes

ASKS = "import sys; from majung.cli.processes import free_port; print(free_port(int(sys.argv[1])), flush=True); sys.stdin.read()"


def test_nobody_is_given_a_port_that_another_command_has_chosen() -> None:
    """None of them listens yet: two that look at the same moment would meet on it."""
    wanted = processes.free_port()
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ASKS, str(wanted + 1)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    try:
        given = [int(one.stdout.readline()) for one in asking if one.stdout is not None]
    finally:
        for one in asking:
            one.communicate()

    assert len(set(given)) == 4 and wanted not in given


def test_without_a_place_for_locks_a_port_is_only_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "nowhere"))

    assert processes.free_port() > 0
