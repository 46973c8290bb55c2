"""The sandbox for the tests of this room."""

from collections.abc import Iterator

import pytest

from majung.channels.adapters.base import Finds
from majung.channels.models import Channel, DealerAccount
from tests.make import channels as make
from tests.make import tree
from tests.make.sandbox import KEY, SECRET, Sandbox, running
from tests.make.tree import Organised


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The contract's ``kind``, ``worded``, ``pictured``, ``advertising`` and ``findable``, for each adapter its own."""
    adapter = getattr(metafunc.cls, "adapter", None)
    if adapter is None:
        return
    kinds = {
        "kind": list(adapter.kinds),
        "worded": [kind for kind, facts in adapter.kinds.items() if not facts.needs_template],
        "pictured": [kind for kind, facts in adapter.kinds.items() if facts.takes_image],
        "advertising": [kind for kind, facts in adapter.kinds.items() if facts.medium == "KAKAO_AD"],
        "findable": [kind for kind, able in getattr(adapter, "abilities", {}).items() if able.finds is not Finds.NEVER],
    }
    for name in kinds.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, kinds[name])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What the contract asks of kinds that a dealer does not have is no test, and so not a skipped one."""
    none = [
        item
        for item in items
        if getattr(getattr(item, "cls", None), "adapter", None)
        and any("empty parameter set" in str(mark.kwargs.get("reason")) for mark in item.iter_markers("skip"))
    ]
    config.hook.pytest_deselected(items=none)
    items[:] = [item for item in items if item not in none]


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


@pytest.fixture
def made() -> Organised:
    return tree.organisation(depth=2, width=1)


@pytest.fixture
def account(made: Organised, sandbox: Sandbox) -> DealerAccount:
    return make.account(unit=made.top, base_url=sandbox.url, key=KEY, secret=SECRET, sender="")


@pytest.fixture
def near(made: Organised) -> Channel:
    return make.channel(unit=made.units[1], number=1)
