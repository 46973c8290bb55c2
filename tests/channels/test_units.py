"""The organisation page with the units' channels: state, friends, and nothing of what is out of sight."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from majung.channels import units
from majung.channels.enums import ChannelState
from majung.tree.actor import Actor
from majung.tree.enums import Role
from majung.tree.models import Unit
from tests.make import channels as make
from tests.make import people as make_people
from tests.make import tree

pytestmark = [pytest.mark.product("T6", "F1"), pytest.mark.django_db]


def client_of(actor: Actor) -> Client:
    client = Client()
    assert actor.user is not None
    client.force_login(actor.user)
    return client


def test_the_tree_tells_channel_and_friends_of_each_unit() -> None:
    made = tree.organisation(depth=2, width=2)
    near = make.channel(unit=made.units[1], number=1, name="종로 소식")
    make.friends_of(channel=near, people=make_people.crowd(13, units=[made.units[1]]))
    make.channel(unit=made.units[2], number=2, name="닫은 채널", state=ChannelState.CLOSED)

    cells = units.cells(made.actor, made.units)
    page = client_of(made.actor).get(f"/tree/{made.units[1].public_id}/").content.decode()

    assert set(cells) == {made.units[1].pk}
    assert (cells[made.units[1].pk]["friends"], cells[made.units[1].pk]["channel"].word) == (13, "연결 안 됨")
    assert "종로 소식 @ch1 · 연결 안 됨" in page
    assert "13명" in page
    assert "닫은 채널" not in client_of(made.actor).get(f"/tree/{made.units[2].public_id}/").content.decode()
    blind = tree.lent(made, made.top, role=Role.BLIND_SENDER)
    assert units.cells(blind, made.units)[made.units[1].pk]["friends"] == 10
    officer = tree.lent(made, made.top, role=Role.PRIVACY_OFFICER)
    assert units.cells(officer, made.units) == {}
    assert units.facts(officer, made.units[1]) == []


def test_as_many_questions_for_one_unit_as_for_three() -> None:
    made = tree.organisation(depth=2, width=3)
    for number, unit in enumerate(made.units, start=1):
        make.channel(unit=unit, number=number)

    def asked(some: list[Unit]) -> int:
        with CaptureQueriesContext(connection) as seen:
            units.cells(made.actor, some)
        return len(seen)

    assert asked(made.units[:1]) == asked(made.units[1:4])
