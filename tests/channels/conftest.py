"""The sandbox for the tests of this room."""

from collections.abc import Iterator

import pytest

from tests.make.sandbox import Sandbox, running


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    """A running sandbox in its resting state, with two channels: one near, one wide."""
    _sandbox.reset()
    _sandbox.control(
        "channels",
        [
            {"pfId": "PF_ch1", "profileId": "_ch1", "searchId": "@ch1", "name": "가까운", "reach": "near"},
            {"pfId": "PF_ch2", "profileId": "_ch2", "searchId": "@ch2", "name": "넓은", "reach": "wide"},
        ],
    )
    return _sandbox
