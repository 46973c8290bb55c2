"""The world of the scope tests, built once a module."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.scope import world as making
from tests.scope.world import World


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The three places, in a transaction that is rolled back after the module."""
    with django_db_blocker.unblock(), making.world() as made:
        yield made
