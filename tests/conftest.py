"""What holds for every test: where the code is, and what becomes of tests that need Chromium."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]

if not os.environ.get("DATABASE_URL") or not os.environ.get("MAJUNG_HOME"):
    pytest.exit(
        "./majung test 로 돌려 주세요: 데이터베이스와 금고 열쇠를 마련해 줍니다 (docs/developers/testing.md)", 2
    )

# Playwright's event loop stays in this thread between browser tests; nothing here touches the database from inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


def pytest_configure() -> None:
    """Passwords are hashed by the dearest hasher there is; tests that sign in need not wait for it."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright's loop then disturbs nobody. Without Chromium they are skipped, in one voice."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
    for item in items:
        if item.get_closest_marker("browser") and not CHROMIUM:
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
def home() -> Path:
    """The folder of this test installation: vault key, uploads."""
    return Path(os.environ["MAJUNG_HOME"])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The test installation may send from the test database, also from one that an earlier run has left (--reuse-db)."""
    from majung.core import db
    from majung.delivery import installation

    with django_db_blocker.unblock():
        installation.wake(db.raw(), Path(os.environ["MAJUNG_HOME"]))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium, for the ``browser`` that all browser tests share."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}
