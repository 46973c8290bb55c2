"""One sandbox process for each module of tests."""

from collections.abc import Iterator

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
