"""The shell wrapper on poor machines: says what is missing, and never leaves a half-made .venv (O1)."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

TOOLS = ("sh", "cksum", "cat", "rm", "dirname", "env", "pwd")


def checkout(tmp_path: Path) -> Path:
    """A checkout with an empty lock, and a folder of programs without any python."""
    folder = tmp_path / "checkout"
    (folder / "src" / "majung").mkdir(parents=True)
    (folder / "src" / "majung" / "__main__.py").write_text("import sys; print('ran', sys.argv[1:])")
    shutil.copy(ROOT / "majung", folder / "majung")
    (folder / "requirements.lock").write_text("")
    (folder / "requirements-dev.lock").write_text("")
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    return folder


def python(folder: Path, script: str) -> None:
    """Put a python3 that runs ``script`` in sh."""
    path = folder.parent / "bin" / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(folder.parent / "bin"), "HOME": str(folder.parent)}
    return subprocess.run(
        [str(folder / "majung"), *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.product("O1")
def test_without_python_it_says_what_to_install(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    done = run(folder, "doctor")
    assert done.returncode == 1
    assert "apt install python3" in done.stderr
    assert not (folder / ".venv").exists()


def test_old_python_is_refused(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    python(folder, "exit 1")
    assert "3.11" in run(folder).stderr


def test_without_venv_module_it_says_what_to_install(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    python(folder, 'case "$2" in *version_info*) exit 0 ;; esac; exit 1')
    done = run(folder)
    assert (done.returncode, "python3-venv" in done.stderr) == (1, True)


def test_failed_installation_leaves_nothing(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    (folder / "requirements.lock").write_text("no-such-package-of-majung==1 --hash=sha256:" + "0" * 64)
    real = sys.executable
    python(folder, f'exec "{real}" "$@"')
    environment = {"PATH": str(folder.parent / "bin"), "HOME": str(tmp_path), "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        [str(folder / "majung")], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert not (folder / ".venv").exists()


@pytest.mark.slow
def test_second_start_installs_nothing(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    python(folder, f'exec "{sys.executable}" "$@"')
    (folder / ".venv").mkdir()
    (folder / ".venv" / "half").write_text("left by a start that was cut off")
    first = run(folder, "hello")
    assert (first.returncode, first.stdout) == (0, "ran ['hello']\n"), first.stderr
    assert "2/2" in first.stderr
    assert not (folder / ".venv" / "half").exists()
    second = run(folder, "again")
    assert (second.stdout, second.stderr) == ("ran ['again']\n", "")
    assert os.access(folder / ".venv" / "bin" / "python", os.X_OK)
