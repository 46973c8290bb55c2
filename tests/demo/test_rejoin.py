"""A demo that starts again finds its sandbox, wherever that listens now."""

from typing import Any

import pytest

from majung.demo import run, world
from tests.make import channels as make
from tests.make import sandbox
from tests.make import tree as make_tree

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_a_second_start_sends_to_the_sandbox_of_now(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    top = make_tree.organisation(depth=1).top
    account = make.account(unit=top, base_url="http://127.0.0.1:9")
    make.kakao_app(unit=top)
    with sandbox.running() as place:
        monkeypatch.setattr(world, "KEY", sandbox.KEY)
        settings.SANDBOX_URL = place.url
        run.rejoin()
    account.refresh_from_db()
    assert account.base_url == place.url
