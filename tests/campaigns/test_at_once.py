"""Several at once: two campaigns on one budget, ten schedulers, ten lists; each in a session of its own at a barrier."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection

from majung.activity.models import Activity
from majung.campaigns import services
from majung.campaigns.enums import State
from majung.campaigns.errors import WrongMoment
from majung.campaigns.models import Campaign
from majung.campaigns.services import freezing, pacing
from majung.core import clock
from majung.core.errors import Refusal
from majung.crowd import catalogue
from majung.delivery.models import Dispatch
from majung.tree.models import Budget
from majung.tree.services import set_budget
from tests.make import campaigns as make
from tests.make.delivery import Party

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M5", "M7", "T7")]
NOON = datetime(2027, 3, 3, 3, tzinfo=UTC)


@pytest.fixture
def party(transactional_db: None) -> Iterator[Party]:
    with clock.frozen(NOON):
        yield make.party(people=60)


def at_once(times: int, do: Callable[[int], object]) -> list[object]:
    """What each of so many threads came to: a value, or the refusal. Anything else fails the test."""
    barrier, found = threading.Barrier(times), list[object]()
    catalogue.load()

    def run(number: int) -> None:
        barrier.wait(20)
        try:
            found.append(do(number))
        except Refusal as refusal:
            found.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == times, "a thread died"
    return found


def test_two_campaigns_on_one_budget_never_overspend(party: Party) -> None:
    """The budget pays for one of them: the other is refused at the press, whichever it is."""
    drafts = [make.draft(party, title=title, text=f"{make.TEXT} {title}") for title in ("하나", "둘")]
    checks = [services.check(party.made.actor, one) for one in drafts]
    worst = checks[0].money.worst_centiwon
    set_budget(party.made.actor, party.top, clock.today(), worst * 3 // 2 // 100 * 100)

    outcomes = at_once(2, lambda n: services.confirm(party.made.actor, drafts[n]))

    assert sorted(isinstance(one, Refusal) for one in outcomes) == [False, True]
    assert Budget.objects.get().reserved_centiwon == worst <= Budget.objects.get().limit_centiwon


def test_ten_schedulers_start_one_campaign_once(party: Party) -> None:
    campaign = make.confirmed(party)
    Campaign.objects.filter(pk=campaign.pk).update(recall_seconds=0)
    freezing.freeze(campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(state=State.SENDING)
    Dispatch.objects.update(state="frozen")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_campaign DISABLE TRIGGER USER")
        cursor.execute("UPDATE campaigns_campaign SET state = 'frozen', started_at = NULL")
        cursor.execute("ALTER TABLE campaigns_campaign ENABLE TRIGGER USER")
    before = Activity.objects.filter(kind="campaigns.started").count()

    begun = at_once(10, lambda _: freezing.start(campaign.pk))

    assert sorted(begun, key=bool) == [False] * 9 + [True]
    assert Activity.objects.filter(kind="campaigns.started").count() == before + 1
    assert Dispatch.objects.get().state == "sending"


def test_lists_of_one_organisation_are_written_one_after_the_other(party: Party) -> None:
    """Six campaigns are frozen at once under a cap of two: none is tried in vain, and two reach everybody."""
    pacing.set_cap(party.made.actor, "PARTY_NOTICE", "2")
    confirmed = [make.confirmed(party, title=f"소식 {n}", text=f"{make.TEXT} {n}") for n in range(6)]

    frozen = at_once(6, lambda n: freezing.freeze(confirmed[n].pk))

    assert sorted(frozen, key=bool) == [False] * 4 + [True] * 2
    assert Dispatch.objects.count() == 2
    refused = Campaign.objects.filter(state=State.REFUSED)
    assert refused.count() == 4 and {one.problem for one in refused} == {
        "받을 사람이 없어졌습니다. 제외한 까닭을 살펴보세요."
    }


def test_pressing_send_on_what_was_called_back_is_refused(party: Party) -> None:
    campaign = make.confirmed(party, recall_seconds=60)
    services.recall(party.made.actor, campaign)

    with pytest.raises(WrongMoment):
        services.confirm(party.made.actor, campaign)

    campaign.refresh_from_db()
    assert campaign.state == State.RECALLED and not Dispatch.objects.exists()
