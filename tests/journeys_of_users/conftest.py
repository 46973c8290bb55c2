"""A running installation and a headless browser for walks through it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

ROOT = Path(__file__).resolve().parent.parent.parent
OWN = ("DATABASE_URL", "MAJUNG_HOME", "MAJUNG_SECRET_KEY", "MAJUNG_CLOCK")
PATIENCE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where it answers."""

    web: str
    sandbox: str
    logs: str


class Visit:
    """A person at a browser, and everything the browser complained of."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        context.on("page", self.listen)
        self.page = context.new_page()

    def listen(self, page: Page) -> None:
        """Remember errors of ``page``; a breach of the content policy is one."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("response", lambda r: self.complaints.append(f"{r.status} {r.url}") if r.status >= 500 else None)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.complaints.append(f"{message.location.get('url')}: {message.text}")


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A small party on an installation of its own, in processes of its own; stopped when its stdin closes."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    log = tmp_path_factory.mktemp("installation") / "stderr.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys_of_users.installation"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        assert process.stdin and process.stdout
        try:
            line = process.stdout.readline()
            assert line, f"the installation did not start:\n{log.read_text()[-3000:]}"
            yield Installation(**json.loads(line))
        finally:
            process.stdin.close()
            process.wait(60)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A fresh browser at desktop width."""
    context: BrowserContext = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="ko-KR", timezone_id="Asia/Seoul"
    )
    context.set_default_timeout(PATIENCE_MS)
    yield Visit(context)
    context.close()
