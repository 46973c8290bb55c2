"""The ui room by itself: its own addresses, sessions in cookies, no other room's middleware, no database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connections
from django.test.testcases import LiveServerThread

import majung.ui

OTHER_ROOMS = ("majung.tree.", "whitenoise.")
TEMPLATES = Path(majung.ui.__file__).parent / "templates"


@pytest.fixture(autouse=True)
def only_ui(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", False)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [TEMPLATES, Path(__file__).parent / "templates"]}]
    settings.ROOT_URLCONF = "tests.ui.urls"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith(OTHER_ROOMS)]
    settings.SAMPLES = True
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1"]


@pytest.fixture
def server(only_ui: None) -> Iterator[str]:
    """The address of a real server with the samples and the static files."""
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler, connections_override={})
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    if thread.error:
        raise thread.error
    yield f"http://127.0.0.1:{thread.port}"
    thread.terminate()
