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
(_home / "static").mkdir()
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


HAS_CHROMIUM = bool(shutil.which("chromium") or shutil.which("chromium-browser"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without Chromium the tests that need it are skipped, each with the same words."""
    for item in items:
        if item.get_closest_marker("browser") and not HAS_CHROMIUM:
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed (Debian: apt install chromium)"))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many were skipped stands last; under MAJUNG_NO_SKIP any skip fails the run (see pytest_sessionfinish)."""
    skipped = terminalreporter.stats.get("skipped", [])
    for reason in sorted({str(report.longrepr[2]) for report in skipped if isinstance(report.longrepr, tuple)}):
        terminalreporter.write_line(reason)
    terminalreporter.write_line(f"건너뛴 시험: {len(skipped)}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """CI installs Chromium and allows no skip."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("MAJUNG_NO_SKIP") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def home() -> Iterator[Path]:
    """The folder of this test installation."""
    yield _home
