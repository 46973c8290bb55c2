"""The real sandbox of the delivery room, and a folder for a server of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from majung.cli.demo import temporary
from majung.core.embedded import Embedded
from tests.delivery.conftest import noon, running, sandbox

__all__ = ["noon", "running", "sandbox"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach; servers below it are stopped at the end, whatever happened."""
    with temporary() as made:
        yield made
        for server in made.glob("*/postgres"):
            Embedded(base=server).stop()
