"""The command line refuses nonsense with a sentence, and prints no traceback for a refusal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def majung(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line in a folder of its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAJUNG_", "DATABASE_", "DJANGO_"))}
    env |= {"PYTHONPATH": f"{ROOT}/src:{ROOT}/sandbox", "MAJUNG_HOME": str(home), **environment}
    command = [sys.executable, "-m", "majung", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("demo", "--people", "12"),
        ("demo", "--people", "many"),
        ("demo", "--once", "--people", "1000", "--at", "25:99"),
        ("web", "--port", "99999"),
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


def test_two_of_one_folder_are_refused(tmp_path: Path) -> None:
    from majung.cli.installation import alone
    from majung.core.errors import Misconfigured

    with alone(tmp_path), pytest.raises(Misconfigured, match="이미 켜져"), alone(tmp_path):
        pytest.fail("both run")
    with alone(tmp_path):
        pass
