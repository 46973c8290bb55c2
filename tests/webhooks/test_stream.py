"""From the stream to bodies: who is told what, ids alone, each thing once (O4)."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from majung.campaigns import services as campaigns
from majung.channels.friends import FriendState
from majung.consent import services as consent
from majung.consent.enums import ConsentMedium, RefusalPath
from majung.core import clock
from majung.core.db import raw
from majung.tree.actor import system_actor
from majung.webhooks import events, sending, services
from majung.webhooks.enums import Event
from majung.webhooks.models import Delivery, Endpoint
from tests.make import campaigns as make_campaigns
from tests.make import people as make_people
from tests.make import tree
from tests.make.database import let_others_finish
from tests.make.tree import Organised

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.product("O4")]
NAME, MOBILE = "홍길동", "01012345678"


def endpoint(made: Organised, at: int, chosen: Sequence[str] = tuple(Event.values), *, below: bool = True) -> Endpoint:
    return services.add_endpoint(
        made.actor, made.units[at], label="회원 관리", url=f"https://hooks.example/{at}/{below}", chosen=chosen,
        covers_subtree=below,
    )[0]  # fmt: skip


def told(one: Endpoint) -> list[dict[str, Any]]:
    """What ``one`` is to be told, after the stream was read to its end."""
    let_others_finish()
    while sending.read_stream():
        pass
    return [orjson.loads(bytes(row.body)) for row in Delivery.objects.filter(endpoint=one).order_by("pk")]


def test_a_campaigns_course_is_told_to_its_unit_and_above() -> None:
    made = make_campaigns.party(people=20, depth=2)
    top, here, sister = endpoint(made.made, 0), endpoint(made.made, 1), endpoint(made.made, 2)
    strict = endpoint(made.made, 0, below=False)
    campaign = make_campaigns.confirmed(made, unit=made.made.units[1], recall_seconds=600)
    campaigns.recall(made.made.actor, campaign)

    said = [one for one in told(top) if one["type"].startswith("campaign.")]
    assert [(one["type"], one["data"]["happened"]) for one in said] == [
        ("campaign.confirmed", "confirmed"), ("campaign.stopped", "recalled"),
    ]  # fmt: skip
    assert {one["data"]["campaign"] for one in said} == {str(campaign.public_id)}
    assert {one["data"]["unit"] for one in said} == {str(made.made.units[1].public_id)}
    assert [one for one in told(here) if one["type"].startswith("campaign.")] == said
    assert [one for one in told(sister) + told(strict) if one["type"].startswith("campaign.")] == []


def test_people_are_told_to_those_in_whose_scope_they_are_and_by_number_alone() -> None:
    made = tree.organisation(depth=2)
    top, here, sister = endpoint(made, 0), endpoint(made, 1), endpoint(made, 2)
    person = make_people.person(unit=made.units[1], name=NAME, mobile=MOBILE)
    consent.refuse(
        made.root.pk,
        [person],
        made.entity.pk,
        (ConsentMedium.SMS,),
        RefusalPath.STAFF,
        actor=system_actor(made.root.pk),
    )
    wanted = [
        ("people.joined", {"count": 1, "people": [person], "is_listed": True}),
        ("people.refused", {"count": 1, "people": [person], "is_listed": True, "media": ["SMS"]}),
    ]
    for one in (top, here):
        assert [(said["type"], said["data"]) for said in told(one)] == wanted
    assert told(sister) == []
    whole = b"".join(bytes(body) for body in Delivery.objects.values_list("body", flat=True))
    assert NAME.encode() not in whole
    assert MOBILE.encode() not in whole


def test_many_people_are_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_PEOPLE", 5)
    made = tree.organisation(depth=1)
    one = endpoint(made, 0)
    make_people.crowd(6, units=made.units)
    assert [said["data"] for said in told(one)] == [{"count": 6, "people": [], "is_listed": False}]


def test_friends_are_counted_channel_by_channel() -> None:
    party = make_campaigns.party(people=0, agree=False, depth=2)
    one, sister = endpoint(party.made, 1), endpoint(party.made, 2)
    channel = party.channels[party.made.units[1].pk]
    for kind, times in (("channels.added", 3), ("channels.blocked", 2)):
        for person in range(1, times + 1):
            raw().execute(
                "INSERT INTO activity (root_id, at, actor_kind, kind, person_id, object_kind, object_id)"
                " VALUES (%s, %s, 'person', %s, %s, 'channel', %s)",
                [party.made.root.pk, clock.now(), kind, person, channel.pk],
            )
    assert {f"channels.{state.name.lower()}" for state in FriendState} >= {"channels.added", "channels.blocked"}
    [said] = told(one)
    unit = str(party.made.units[1].public_id)
    assert said["data"] == {"channel": str(channel.public_id), "unit": unit, "added": 3, "blocked": 2}
    assert told(sister) == []


def test_each_thing_is_told_once_and_only_what_was_chosen() -> None:
    made = tree.organisation(depth=1)
    one = endpoint(made, 0, [Event.PEOPLE_JOINED])
    make_people.person(unit=made.top)
    first = told(one)
    assert [said["type"] for said in first] == ["people.joined"]
    assert told(one) == first


def test_another_organisation_hears_nothing() -> None:
    made, other = tree.organisation(depth=1), tree.organisation(depth=1)
    foreign = endpoint(other, 0)
    make_people.person(unit=made.top)
    assert told(foreign) == []


def test_what_happened_while_it_was_held_is_not_told_later() -> None:
    made = tree.organisation(depth=1)
    one = endpoint(made, 0)
    services.hold(made.actor, one)
    make_people.person(unit=made.top)
    assert told(one) == []
    services.resume(made.actor, one)
    make_people.person(unit=made.top)
    assert len(told(one)) == 1


def test_a_crash_between_reading_and_writing_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tree.organisation(depth=1)
    one = endpoint(made, 0)
    make_people.person(unit=made.top)
    let_others_finish()
    with monkeypatch.context() as broken:
        broken.setattr(events, "told", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            sending.read_stream()
    assert len(told(one)) == 1
