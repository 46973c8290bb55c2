"""One sandbox process for each module of tests."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.harness import Client, Running, prepare


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    sandbox = Running()
    yield sandbox
    assert sandbox.stop() == ""  # no traceback in the whole module


@pytest.fixture
def client(running: Running) -> Client:
    client = Client(running.port)
    client("POST", "/_control/faults", {"reset": True})
    prepare(client)
    return client


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return {**browser_type_launch_args, "executable_path": chromium, "args": arguments}
