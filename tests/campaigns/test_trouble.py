"""What a campaign in trouble says on its page, and the button that makes it go on (M5, O6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from majung.activity.models import Activity
from majung.campaigns import trouble
from majung.campaigns.enums import PauseReason, State
from majung.campaigns.meanings import PAUSED, REFUSED
from majung.campaigns.models import Campaign
from majung.campaigns.services import freezing, nudging
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.cli import nudge as command
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Forbidden
from majung.delivery import installation
from majung.delivery.books import books
from majung.tree.enums import Role
from tests.campaigns.test_console import client_of, text_of, url
from tests.make import campaigns as make
from tests.make import tree as make_tree
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.product("M5", "O6")]
NOON = datetime(2027, 3, 3, 3, tzinfo=UTC)


@pytest.fixture
def party(transactional_db: None) -> Any:
    raw().execute("DELETE FROM worker_beat")
    with clock.frozen(NOON):
        yield make.party(people=120)


def page_of(party: Party, campaign: Campaign, client: Client | None = None) -> str:
    return text_of((client or client_of(party.made.actor)).get(url("campaign", campaign)))


def press(party: Party, campaign: Campaign) -> str:
    return text_of(client_of(party.made.actor).post(url("nudge", campaign), follow=True))


def jobs(name: str, campaign: Campaign) -> int:
    return int(ProcrastinateJob.objects.filter(task_name=name, args__campaign=campaign.pk).count())


def nudges(campaign: Campaign) -> int:
    return int(Activity.objects.filter(kind="campaigns.nudged", object_id=campaign.pk).count())


def test_a_list_that_nobody_writes_is_said_and_begun_again(party: Party) -> None:
    campaign = make.confirmed(party)
    assert "예약된 일이 돌지 않음" not in page_of(party, campaign)
    with clock.frozen(NOON + timedelta(minutes=5)):
        page = page_of(party, campaign)
        assert "예약된 일이 돌지 않음" in page and "5분째" in page and "다시 해 보기" in page
        before = jobs("campaigns.freeze", campaign)

        assert "명단을 굳히는 일을 다시 맡겼습니다" in press(party, campaign)
        assert jobs("campaigns.freeze", campaign) == before + 1 and nudges(campaign) == 1
        assert [freezing.freeze(campaign.pk) for _ in range(2)] == [True, False], "the job that was lost may come too"
    assert books(raw(), campaign.pk).is_balanced


def test_an_hour_that_has_passed_is_said_and_begun_again(party: Party) -> None:
    campaign = make.confirmed(party, recall_seconds=60)
    freezing.freeze(campaign.pk)
    assert trouble.of(Campaign.objects.get(pk=campaign.pk)) == []
    assert "아직 나갈 때가 아니라서" in press(party, campaign)
    with clock.frozen(NOON + timedelta(minutes=5)):
        [found] = trouble.of(Campaign.objects.get(pk=campaign.pk))
        assert found.name == "예약된 일이 돌지 않음" and found.can_be_nudged
        assert "다시 맡겼습니다" in press(party, campaign)
    assert jobs("campaigns.start", campaign) >= 1


def test_nobody_sends_and_then_somebody_does(party: Party) -> None:
    campaign = make.confirmed(party)
    freezing.freeze(campaign.pk)
    with clock.frozen(NOON + timedelta(minutes=5)):
        page = page_of(party, campaign)
        assert "발송 일꾼이 없음" in page and "majung worker" in page and "다시 해 보기</" not in page
        installation.beat(raw(), "here/1/0", "awake", installation.Tally())
        page = page_of(party, campaign)
        assert "나가지 않음" in page and "5분째" in page
        assert "지금 다시 물을 것도" in press(party, campaign)
    assert nudges(campaign) == 1


def test_a_rest_is_told_with_its_end_and_a_long_one_may_be_ended(party: Party) -> None:
    campaign = make.confirmed(party)
    freezing.freeze(campaign.pk)
    installation.beat(raw(), "here/1/0", "awake", installation.Tally())
    says = "대행사가 잠시 받지 않습니다."
    rest = f"UPDATE dispatch SET rest_until = clock_timestamp() + %s, problem = '{says}' WHERE campaign_id = %s"
    raw().execute(rest, [timedelta(minutes=3), campaign.pk])
    page = page_of(party, campaign)
    assert "대행사를 기다립니다" in page and "3분 안에 다시 해 봅니다" in page and "다시 해 보기</" not in page

    raw().execute(rest, [timedelta(hours=20), campaign.pk])
    assert "오래 쉼" in page_of(party, campaign)
    assert "쉬던 것을 지금 다시 시작합니다" in press(party, campaign)
    assert "오래 쉼" not in page_of(party, campaign)


@pytest.mark.parametrize("reason", [one for one in PauseReason if one != PauseReason.LATE])
def test_each_pause_says_what_has_happened_and_what_to_do(reason: PauseReason, party: Party) -> None:
    campaign = make.confirmed(party)
    freezing.freeze(campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(
        state=State.PAUSED, pause_reason=reason, problem="이런 까닭입니다. (E1)"
    )
    raw().execute(
        "UPDATE dispatch SET state = 'paused', pause_reason = %s WHERE campaign_id = %s", [str(reason), campaign.pk]
    )
    page = page_of(party, campaign)
    means, todo = PAUSED[reason]
    for words in (means, todo, "이런 까닭입니다. (E1)", reason.label):
        assert words in page, words


def test_every_word_of_a_dealer_has_a_meaning() -> None:
    for outcome in Outcome:
        if outcome == Outcome.NO_BALANCE or category(outcome) in (Category.REFUSED, Category.NOT_A_FRIEND):
            assert REFUSED[outcome][0].endswith("."), outcome


@pytest.mark.product("T3")
def test_who_may_not_send_may_not_nudge(party: Party) -> None:
    campaign = make.confirmed(party)
    with clock.frozen(NOON + timedelta(minutes=5)):
        viewer = make_tree.lent(party.made, party.top, role=Role.VIEWER)
        page = page_of(party, campaign, client_of(viewer))
        assert "예약된 일이 돌지 않음" in page and "다시 해 보기</" not in page
        with pytest.raises(Forbidden):
            nudging.nudge(viewer, campaign)
        assert client_of(viewer).post(url("nudge", campaign)).status_code == 403
        assert client_of(party.made.actor).get(url("nudge", campaign)).status_code == 405
    assert nudges(campaign) == 0


def test_the_command_does_what_the_button_does(party: Party, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = make.confirmed(party)
    freezing.freeze(campaign.pk)
    installation.beat(raw(), "here/1/0", "awake", installation.Tally())
    raw().execute(
        "UPDATE dispatch SET rest_until = clock_timestamp() + interval '1 day' WHERE campaign_id = %s", [campaign.pk]
    )
    assert command.nudge_all(raw()) == 0
    assert f"{campaign.pk}번: 쉬던 것을 지금 다시 시작합니다" in capsys.readouterr().out
    assert command.nudge_all(raw()) == 0 and "다시 해 볼 메시지가 없습니다" in capsys.readouterr().out
    assert nudges(campaign) == 1
