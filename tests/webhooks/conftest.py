"""A receiver on loopback that this installation may reach, and an organisation."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from tests.make import tree
from tests.make.tree import Organised
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_NETWORKS = (ip_network("127.0.0.0/8"),)
    with receiving() as made:
        yield made


@pytest.fixture
def made(db: None) -> Organised:
    return tree.organisation(depth=3)
