"""*By hand*: a task a channel, its price, the tick, results typed in or from a file, and the money settled at the end."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from majung.campaigns import services
from majung.campaigns.console import hand
from majung.campaigns.enums import State, TaskState
from majung.campaigns.errors import CannotWrite, WrongMoment
from majung.campaigns.models import Campaign, HandTask
from majung.campaigns.services import Result, freezing
from majung.channels.models import Channel
from majung.core import clock
from majung.core.errors import NotYours
from majung.delivery.models import Dispatch
from majung.tree.models import Reservation
from tests.make import campaigns as make
from tests.make import tree as make_tree
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db, pytest.mark.product("M10")]


@pytest.fixture
def noon() -> Any:
    with clock.frozen(datetime(2027, 3, 3, 3, tzinfo=UTC)):
        yield


@pytest.fixture
def party(db: None, noon: None) -> Party:
    return make.party(people=90)


def begun(party: Party, **words: Any) -> tuple[Campaign, list[HandTask]]:
    campaign = make.confirmed(party, kind="hand", account="", **words)
    assert freezing.freeze(campaign.pk)
    campaign.refresh_from_db()
    return campaign, list(campaign.tasks.order_by("channel_id"))


def test_each_channel_gets_a_task_in_its_own_words(party: Party) -> None:
    campaign, tasks = begun(party, friend_group="당원")

    assert campaign.state == State.SENDING
    assert not Dispatch.objects.exists()
    assert {task.channel_id for task in tasks} == {c.pk for c in party.channels.values()}
    for task in tasks:
        assert task.text == f"회원 님, {task.unit.name}에서 알립니다. 토요일 모임은 열 시입니다."
        assert task.unit_price_centiwon == 2000
    planned = sum(task.people for task in tasks)
    assert planned == campaign.planned
    reservation = Reservation.objects.get()
    assert (reservation.messages, reservation.centiwon) == (planned, planned * 2000)


def test_without_a_group_all_counted_friends_are_paid_for(party: Party) -> None:
    one = party.channels[party.top.pk]
    Channel.objects.filter(pk=one.pk).update(counted_friends=5000, counted_on=clock.today())

    _, tasks = begun(party)

    task = next(task for task in tasks if task.channel_id == one.pk)
    assert (task.people, task.unit_price_centiwon) == (5000, 1500)


def test_ticks_and_results_close_the_campaign_and_settle(party: Party) -> None:
    campaign, tasks = begun(party, friend_group="당원")
    actor = party.made.actor

    services.tick(actor, tasks[0], sent=True)
    services.report(actor, tasks[0], Result(sent=tasks[0].people - 1, clicked=2))
    for task in tasks[1:]:
        services.tick(actor, task, sent=False)

    campaign.refresh_from_db()
    spent = (tasks[0].people - 1) * 2000
    assert (campaign.state, campaign.spent_centiwon) == (State.FINISHED, spent)
    assert (Reservation.objects.get().state, Reservation.objects.get().spent_centiwon) == ("spent", spent)
    services.report(actor, tasks[0], Result(sent=1))
    campaign.refresh_from_db()
    assert campaign.spent_centiwon == 2000


def test_a_tick_can_be_taken_back_while_the_campaign_is_open(party: Party) -> None:
    _, tasks = begun(party)
    actor = party.made.actor

    services.tick(actor, tasks[0], sent=True)
    with pytest.raises(WrongMoment):
        services.tick(actor, tasks[0], sent=True)
    assert services.untick(actor, tasks[0]).state == TaskState.OPEN
    with pytest.raises(WrongMoment):
        services.report(actor, tasks[0], Result(sent=1))


@pytest.mark.parametrize(
    "result", [Result(sent=-1), Result(sent=1, clicked=2), Result(sent=10**9), Result(sent=1, note="가" * 301)]
)
def test_impossible_results_are_refused(party: Party, result: Result) -> None:
    _, tasks = begun(party)
    services.tick(party.made.actor, tasks[0], sent=True)

    with pytest.raises(CannotWrite):
        services.report(party.made.actor, tasks[0], result)


def test_stopping_skips_what_is_open(party: Party) -> None:
    campaign, tasks = begun(party)
    services.tick(party.made.actor, tasks[0], sent=True)

    services.stop(party.made.actor, campaign)

    assert sorted(campaign.tasks.values_list("state", flat=True)) == ["done"] + ["skipped"] * (len(tasks) - 1)


def test_a_sister_sees_no_task(party: Party) -> None:
    _, tasks = begun(party)
    sister = make_tree.lent(party.made, party.made.units[1])
    mine = next(task for task in tasks if task.unit_id == party.made.units[1].pk)
    other = next(task for task in tasks if task.unit_id == party.made.units[2].pk)

    with pytest.raises(NotYours):
        services.tick(sister, other, sent=True)
    assert services.tick(sister, mine, sent=True).state == TaskState.DONE


def test_the_pages_show_tick_and_take_results(party: Party) -> None:
    _, tasks = begun(party)
    client = Client()
    client.force_login(party.made.owner)
    where = {"public_id": tasks[0].public_id}

    assert tasks[0].channel.name in client.get("/tasks/").content.decode()
    page = client.get(reverse("campaigns:task", kwargs=where)).content.decode()
    assert tasks[0].text in page
    client.post(reverse("campaigns:tick", kwargs=where), {"what": "done"})
    file = SimpleUploadedFile("r.csv", '날짜,발송수,클릭수,차단수\n1일,10,2,1\n2일,"5",1,0\n'.encode("cp949"))
    client.post(reverse("campaigns:result", kwargs=where), {"file": file})
    tasks[0].refresh_from_db()
    assert (tasks[0].state, tasks[0].sent, tasks[0].clicked, tasks[0].blocked) == (TaskState.REPORTED, 15, 3, 1)
    assert "결과 적음" in client.get("/tasks/?done=1").content.decode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        "이름,전화\n가,나\n".encode(),
        "발송\n많이\n".encode(),
        "발송\n".encode(),
        b"x" * 200_001,
        b'"' * 1000,
    ],
)
def test_a_file_that_says_nothing_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(CannotWrite):
        hand.read_file(content)
