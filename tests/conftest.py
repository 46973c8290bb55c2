"""Shared fixtures: the database (the embedded PostgreSQL unless ``DATABASE_URL`` is set) and a key for the vault."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]

_home = Path(tempfile.mkdtemp(prefix="majung-test-"))
_home.chmod(0o755)
os.environ["MAJUNG_HOME"] = str(_home)
os.environ.setdefault("MAJUNG_SECRET_KEY", "tests-only")
os.environ.pop("MAJUNG_CLOCK", None)

from majung.core.embedded import Embedded  # noqa: E402  the environment must be set first
from majung.core.sealing import Keyring  # noqa: E402

_server = None if os.environ.get("DATABASE_URL") else Embedded(base=_home / "postgres")
if _server is not None:
    _server.start()
    os.environ["DATABASE_URL"] = _server.url()
Keyring.fresh().save(_home / "vault.key")


def pytest_unconfigure() -> None:
    """Stop the embedded server of this run and remove its folder."""
    if _server is not None:
        _server.stop()
    shutil.rmtree(_home, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """The folder of this test installation."""
    yield _home
