"""A muted installation says so on the first page, and is woken there by whoever answers for all of it (O3)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from majung.core.db import raw
from majung.delivery import installation
from majung.tree.enums import Role
from tests.console.test_home import signed_in
from tests.make import tree as make

pytestmark = [pytest.mark.django_db, pytest.mark.product("O3")]
CONFIRMED = {"off": "yes"}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The test database looks like one out of a backup; the folder's marks are put back afterwards."""
    path = Path(settings.HOME) / installation.FILE
    before = path.read_text()
    raw().execute("UPDATE installation SET server = 'restored'")
    yield
    path.write_text(before)


def muted(client: Client) -> bool:
    return "보내기가 멈춰 있습니다" in client.get("/").content.decode()


def test_it_is_told_and_woken_by_the_owner_who_made_sure() -> None:
    o = make.organisation()
    owner = signed_in(o.owner)
    assert muted(owner)
    assert owner.get("/wake/").status_code == 405
    owner.post("/wake/")
    assert muted(owner)
    assert owner.post("/wake/", CONFIRMED).status_code == 302
    assert not muted(owner)
    assert installation.look(raw(), Path(settings.HOME)).is_awake
    assert json.loads((Path(settings.HOME) / installation.FILE).read_text())
    epoch = installation.read(raw()).epoch
    owner.post("/wake/", CONFIRMED)
    assert installation.read(raw()).epoch == epoch
    assert raw().execute("SELECT count(*) FROM activity WHERE kind = 'console.woken'").fetchall() == [(1,)]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.WRITER, Role.BLIND_SENDER, Role.PRIVACY_OFFICER])
def test_others_see_it_and_cannot_wake(role: Role) -> None:
    o = make.organisation(depth=2)
    client = signed_in(make.lent(o, o.top, role=role).user)
    assert muted(client) and "/wake/" not in client.get("/").content.decode()
    assert client.post("/wake/", CONFIRMED).status_code == 404
    assert muted(client)


def test_the_owner_of_one_of_two_organisations_cannot_answer_for_both() -> None:
    o, _ = make.organisation(), make.organisation()
    client = signed_in(o.owner)
    assert muted(client) and "majung wake" in client.get("/").content.decode()
    assert client.post("/wake/", CONFIRMED).status_code == 404
