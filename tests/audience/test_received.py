"""Asking who received a message and who was messaged lately: the builder, a saved segment, the API; nobody else's campaigns."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from majung.audience import builder, services
from majung.audience.criteria import Condition, Group
from majung.audience.errors import CannotAsk
from majung.audience.models import Segment
from majung.campaigns import queries
from majung.campaigns import services as campaigns
from majung.campaigns.models import Campaign
from majung.campaigns.services import freezing
from majung.core import clock
from majung.core.db import raw
from majung.tree import services as tree
from majung.tree.actor import Actor
from majung.tree.enums import Role
from majung.tree.models import Unit
from tests.make import campaigns as make
from tests.make import tree as make_tree
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db, pytest.mark.product("M2", "T5", "O4")]

committed = pytest.mark.django_db(transaction=True)
"""A freeze is a transaction of its own."""
NOON = datetime.fromisoformat("2026-11-20T12:00:00+09:00")


def sent(party: Party, unit: Unit, title: str) -> Campaign:
    """A campaign of ``unit`` to everybody below it, handed over whole; nobody's result is in yet."""
    campaign = make.confirmed(party, unit=unit, title=title)
    freezing.freeze(campaign.pk)
    freezing.start(campaign.pk)
    raw().execute(
        """UPDATE campaign_chunk SET state = 2, worker = 'w', group_ref = 'G', lease_until = now(), handed_at = %s,
                  outcome = decode(repeat('61', n), 'hex') WHERE campaign_id = %s""",
        [clock.now(), campaign.pk],
    )
    campaign.refresh_from_db()
    assert campaign.started_at is not None
    return campaign


@pytest.fixture
def party() -> Party:
    """A top with two branches and forty people."""
    with clock.frozen(NOON):
        return make.party(people=40)


def receivers(campaign: Campaign) -> int:
    [(n,)] = raw().execute("SELECT sum(n) FROM campaign_chunk WHERE campaign_id = %s", [campaign.pk]).fetchall()
    return int(n)


def ask(field: str, *values: str, **rest: Any) -> Group:
    return Group(parts=(Condition(field=field, values=values, **rest),))


def count(actor: Actor, unit: Unit, group: Group) -> int | None:
    return services.count(actor, unit, group).count.number


def client_of(actor: Actor) -> Client:
    client = Client()
    assert actor.user is not None
    client.force_login(actor.user)
    return client


@committed
def test_the_second_campaign_can_leave_out_whoever_was_just_messaged(party: Party) -> None:
    top, actor = party.top, party.made.actor
    with clock.frozen(NOON):
        first = sent(party, party.made.units[1], "첫 소식")
        reached = receivers(first)
        assert 0 < reached < 40
    with clock.frozen(NOON + timedelta(hours=1)):
        assert count(actor, top, ask("received", str(first.public_id))) == reached
        assert count(actor, top, ask("received", str(first.public_id), negated=True)) == 40 - reached
        assert count(actor, top, ask("messaged", high=1)) == reached
        second = make.draft(party, title="둘째 소식")
        second = campaigns.edit_audience(actor, second, scope=top, group=ask("messaged", high=3, negated=True))
        estimate = campaigns.check(actor, second).estimate
        assert estimate is not None and estimate.audience == 40 - reached
        campaigns.confirm(actor, second)
        freezing.freeze(second.pk)
        second.refresh_from_db()
        assert second.audience == 40 - reached
    with clock.frozen(NOON + timedelta(hours=12)):  # midnight in Seoul
        assert count(actor, top, ask("messaged", high=1)) == 0
        assert count(actor, top, ask("messaged", high=2)) == reached


def test_a_draft_cannot_be_asked_for(party: Party) -> None:
    waiting = make.draft(party)

    assert queries.list_campaigns(party.made.actor, []) == []
    with pytest.raises(CannotAsk):
        count(party.made.actor, party.top, ask("received", str(waiting.public_id)))


@committed
def test_a_campaign_is_offered_by_title_unit_and_day_to_those_who_see_it(party: Party) -> None:
    branch, sister = party.made.units[1:3]
    with clock.frozen(NOON):
        own, other = sent(party, branch, "우리 소식"), sent(party, sister, "옆의 비밀 소식")
        centre = sent(party, party.top, "가운데 비밀 소식")
    with clock.frozen(NOON):
        stranger = make.party(people=10)
        foreign = sent(stranger, stranger.top, "남의 비밀 소식")
    mine = make_tree.lent(party.made, branch)
    page = client_of(mine).post("/segments/new/", {**builder.inputs(Group()), "do": "add:0", "add.0": "received"})
    text = page.content.decode()

    assert f"우리 소식 ({branch.name}, 2026.11.20)" in text and f'value="{own.public_id}"' in text
    assert "비밀 소식" not in text
    for campaign in (other, centre, foreign):
        assert str(campaign.public_id) not in text
    assert {public for public, _ in queries.list_campaigns(party.made.actor, [])} == {
        str(one.public_id) for one in (own, other, centre)
    }
    said = set()
    for public_id in (*(one.public_id for one in (other, centre, foreign)), uuid.uuid4(), "x", "1", "' OR 1=1", own.pk):
        with pytest.raises(CannotAsk) as refused:
            count(mine, branch, ask("received", str(own.public_id), str(public_id)))
        said.add(str(refused.value))
    assert len(said) == 1
    assert queries.list_campaigns(mine, [str(other.public_id), str(foreign.public_id)]) == [
        (str(own.public_id), f"우리 소식 ({branch.name}, 2026.11.20)")
    ]


@committed
def test_an_old_campaign_that_is_picked_stays_picked(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_CHOICES", 1)
    with clock.frozen(NOON):
        old = sent(party, party.top, "묵은 소식")
    with clock.frozen(NOON + timedelta(days=1)):
        sent(party, party.top, "새 소식")
        page = client_of(party.made.actor).post(
            "/segments/new/", {**builder.inputs(ask("received", str(old.public_id))), "do": ""}
        )

    assert f'value="{old.public_id}" checked' in page.content.decode()
    assert "새 소식" in page.content.decode()


@committed
def test_a_saved_segment_says_it_in_words(party: Party) -> None:
    with clock.frozen(NOON):
        first = sent(party, party.top, "첫 소식")
    group = Group(parts=(*ask("received", str(first.public_id)).parts, *ask("messaged", high=7, negated=True).parts))
    services.save_segment(party.made.actor, party.top, name="이어서", group=group)

    text = client_of(party.made.actor).get("/segments/").content.decode()

    assert f"이 메시지를 받음 첫 소식 ({party.top.name}, 2026.11.20) · 7일 안에 메시지를 받음 아님" in text


@pytest.mark.parametrize(
    "sent_",
    [
        {"field": "messaged", "high": -1},
        {"field": "messaged", "high": 10**9},
        {"field": "messaged", "high": 3651},
        {"field": "messaged", "high": "7"},
        {"field": "messaged", "high": 7.5},
        {"field": "messaged", "high": True},
        {"field": "messaged", "high": "이레"},
        {"field": "messaged", "low": 1, "high": 7},
        {"field": "messaged", "high": 7, "values": ["x"]},
        {"field": "received", "values": ["01900000-0000-7000-8000-000000000000"]},
        {"field": "received", "values": ["1"]},
        {"field": "received", "values": [1]},
        {"field": "received", "values": ["' OR 1=1 --"]},
        {"field": "received", "high": 7},
    ],
)
def test_hostile_criteria_get_422_over_the_api(party: Party, sent_: dict[str, Any]) -> None:
    client, headers = Client(), key(party.made.actor, party.top)
    body = {"unit": str(party.top.public_id), "criteria": {"join": "all", "parts": [sent_]}}

    for path, more in (
        ("segments/count", {}),
        ("segments", {"name": "가"}),
        ("campaigns", {"title": "가", "text": "나"}),
    ):
        answer = client.post(f"/api/v1/{path}", {**body, **more}, "application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "audience.cannot_ask"), answer.content
    assert not Segment.objects.exists() and not Campaign.objects.exists()


@pytest.mark.parametrize("high", [0, None])
def test_no_days_are_counted_as_nothing_said_and_not_kept(party: Party, high: int | None) -> None:
    group = ask("messaged", high=high)

    counted = services.count(party.made.actor, party.top, group)

    assert counted.count.number == 40
    assert counted.missing == ("‘최근에 메시지를 받음’의 날수를 1부터 3,650까지 적어 주세요.",)
    with pytest.raises(CannotAsk):
        services.save_segment(party.made.actor, party.top, name="가", group=group)


@pytest.mark.parametrize("typed", ["-1", "1000000000", "999999", "이레", "7.5", "0x7", "７"])
def test_hostile_days_in_the_form_get_a_sentence(party: Party, typed: str) -> None:
    form = {"name": "x", "c.0.join": "all", "c.0-0.field": "messaged", "c.0-0.high": typed}

    answer = client_of(party.made.actor).post("/segments/new/", form)

    assert answer.status_code == 422
    assert not Segment.objects.exists()


def key(actor: Actor, unit: Unit) -> dict[str, str]:
    """Headers of a fresh key lent at ``unit``."""
    offer = tree.Offer(unit=unit, role=Role.OPERATOR)
    return {"authorization": f"Bearer {tree.make_key(actor, offer, '시험 열쇠', clock.now() + timedelta(days=1))[1]}"}


@committed
def test_the_api_takes_both_and_knows_no_foreign_campaign(party: Party) -> None:
    branch, sister = party.made.units[1:3]
    with clock.frozen(NOON):
        own, other = sent(party, branch, "우리 소식"), sent(party, sister, "옆의 소식")
    reached, client = receivers(own), Client()
    with clock.frozen(NOON + timedelta(hours=1)):
        headers = key(party.made.actor, branch)

        def asked(path: str, part: dict[str, Any], **more: str) -> Any:
            body = {"unit": str(branch.public_id), "criteria": {"join": "all", "parts": [part]}, **more}
            return client.post(f"/api/v1/{path}", body, "application/json", headers=headers)

        received = {"field": "received", "values": [str(own.public_id)]}
        assert asked("segments/count", received).json()["number"] == reached
        assert asked("segments/count", {"field": "messaged", "high": 1}).json()["number"] == reached
        assert asked("segments", received, name="받은 사람").status_code == 201
        foreign = asked("segments/count", {"field": "received", "values": [str(other.public_id)]})
        missing = asked("segments/count", {"field": "received", "values": [str(uuid.uuid4())]})
    assert (foreign.status_code, foreign.content) == (422, missing.content)
