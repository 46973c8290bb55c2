"""Budgets flow down and are charged up; quotas bind along the chain; never above, whoever comes at once (T3, T7, M7)."""

import threading
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core import clock
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours, Refusal
from majung.tree import services
from majung.tree.actor import Actor, system_actor
from majung.tree.enums import Role
from majung.tree.errors import OutOfBudget, OverLent, UnitStopped
from majung.tree.models import Budget, Reservation
from majung.tree.services.budgets import left_centiwon
from tests.make import tree as make
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("T7"), pytest.mark.django_db]


@pytest.fixture
def party() -> Organised:
    """Seven units: 0 the top; 1, 2 below it; 3, 4 below 1; 5, 6 below 2."""
    return make.organisation(depth=3)


def month() -> date:
    return clock.today().replace(day=1)


def state(unit_pk: int) -> tuple[int, int, int]:
    budget = Budget.objects.get(unit=unit_pk)
    return budget.limit_centiwon, budget.reserved_centiwon, budget.spent_centiwon


def hold(
    party: Organised, unit: int, campaign: int, centiwon: int, messages: int = 1, actor: Actor | None = None
) -> Any:
    return services.reserve(
        actor or party.actor, party.units[unit], campaign_id=campaign, messages=messages, centiwon=centiwon
    )


def test_reserved_money_is_charged_to_the_unit_and_all_above(party: Organised) -> None:
    for unit, limit in ((0, 1000), (1, 500), (2, 500), (3, 200)):
        services.set_budget(party.actor, party.units[unit], month(), limit)

    hold(party, 3, 1, 150)
    held = [state(party.units[n].pk) for n in (0, 1, 2, 3)]
    services.settle(1, messages=1, centiwon=100)
    spent = [state(party.units[n].pk) for n in (0, 1, 2, 3)]

    assert held == [(1000, 150, 0), (500, 150, 0), (500, 0, 0), (200, 150, 0)]
    assert spent == [(1000, 0, 100), (500, 0, 100), (500, 0, 0), (200, 0, 100)]


def test_out_of_budget_says_whose_and_how_much(party: Organised) -> None:
    services.set_budget(party.actor, party.units[1], month(), 100_00)

    hold(party, 3, 1, 60_00)
    with pytest.raises(OutOfBudget) as caught:
        hold(party, 4, 2, 50_00)

    facts = caught.value.facts
    assert (facts["unit"], facts["left_won"], facts["asked_won"]) == (party.units[1].name, "40", "50")
    assert state(party.units[1].pk) == (100_00, 60_00, 0)
    assert Reservation.objects.count() == 1


def test_released_money_is_free_again(party: Organised) -> None:
    services.set_budget(party.actor, party.top, month(), 100)
    hold(party, 3, 1, 100)

    assert (services.release(1), services.release(1), services.release(99)) == (True, False, False)
    assert state(party.top.pk) == (100, 0, 0)
    with pytest.raises(Conflict):
        services.settle(1, messages=0, centiwon=0)
    hold(party, 5, 2, 100)


def test_reserving_again_replaces_what_was_held(party: Organised) -> None:
    services.set_budget(party.actor, party.top, month(), 100)

    hold(party, 3, 1, 80)
    hold(party, 3, 1, 100)
    assert state(party.top.pk) == (100, 100, 0)
    with pytest.raises(OutOfBudget):
        hold(party, 3, 1, 101)
    assert state(party.top.pk) == (100, 100, 0)
    services.release(1)
    hold(party, 3, 1, 10)
    assert state(party.top.pk) == (100, 10, 0)


def test_what_is_not_needed_any_more_is_free_before_the_end(party: Organised) -> None:
    """The worst case only ever shrinks: money comes back while the campaign is still on its way."""
    services.set_budget(party.actor, party.top, month(), 100)
    hold(party, 3, 1, 100, messages=4)

    services.keep(1, messages=3, centiwon=60)
    assert state(party.top.pk) == (100, 60, 0)
    hold(party, 5, 2, 40)
    services.keep(1, messages=9, centiwon=90)
    held = Reservation.objects.get(campaign_id=1)

    assert (state(party.top.pk), held.messages, held.centiwon) == ((100, 100, 0), 3, 60)
    with pytest.raises(ValueError):
        services.settle(1, messages=3, centiwon=61)
    services.settle(1, messages=3, centiwon=50)
    assert services.keep(1, messages=0, centiwon=0) is None and services.keep(99, messages=0, centiwon=0) is None
    assert state(party.top.pk) == (100, 40, 50)


def test_settling_twice_counts_the_newer_figures(party: Organised) -> None:
    services.set_budget(party.actor, party.top, month(), 100)
    hold(party, 3, 1, 80, messages=8)

    services.settle(1, messages=5, centiwon=50)
    services.settle(1, messages=6, centiwon=60)

    assert state(party.top.pk) == (100, 0, 60)
    with pytest.raises(Conflict):
        hold(party, 3, 1, 10)
    with pytest.raises(ValueError, match="more than it reserved"):
        services.settle(1, messages=9, centiwon=60)
    assert services.settle(2, messages=0, centiwon=0) is None


def test_money_goes_back_where_it_came_from_after_a_move(party: Organised) -> None:
    for unit in (1, 2):
        services.set_budget(party.actor, party.units[unit], month(), 100)
    hold(party, 3, 1, 80)

    services.move_unit(party.actor, party.units[3], party.units[2])
    services.settle(1, messages=1, centiwon=70)

    assert (state(party.units[1].pk), state(party.units[2].pk)) == ((100, 0, 70), (100, 0, 0))


def test_a_budget_set_later_knows_what_was_spent_before(party: Organised) -> None:
    hold(party, 3, 1, 80)
    hold(party, 4, 2, 30)
    services.settle(2, messages=1, centiwon=20)

    with pytest.raises(Invalid):
        services.set_budget(party.actor, party.units[1], month(), 99)
    services.set_budget(party.actor, party.units[1], month(), 100)

    assert state(party.units[1].pk) == (100, 80, 20)


def test_what_remains_below_never_exceeds_what_remains_above(party: Organised) -> None:
    services.set_budget(party.actor, party.top, month(), 1000)
    services.set_budget(party.actor, party.units[1], month(), 1000)
    hold(party, 5, 1, 300)

    with pytest.raises(OutOfBudget):
        services.set_budget(party.actor, party.units[2], month(), 1001)
    with pytest.raises(OutOfBudget):
        services.set_budget(party.actor, party.units[4], month(), 701)
    budget = services.set_budget(party.actor, party.units[2], month(), 1000)
    assert left_centiwon(budget) == 700


@pytest.mark.parametrize("limit", [-1, 10**15 + 1])
def test_absurd_budgets_are_refused(party: Organised, limit: int) -> None:
    with pytest.raises(Invalid):
        services.set_budget(party.actor, party.top, month(), limit)


def test_past_months_are_closed(party: Organised) -> None:
    with pytest.raises(Invalid):
        services.set_budget(party.actor, party.top, month() - timedelta(days=1), 100)


def test_budgets_are_set_from_above(party: Organised) -> None:
    local = make.lent(party, party.units[1])

    with pytest.raises(Forbidden):
        services.set_budget(local, party.units[1], month(), 10)
    with pytest.raises(NotYours):
        services.set_budget(local, party.units[2], month(), 10)
    with pytest.raises(NotYours):
        services.set_budget(make.organisation().actor, party.units[1], month(), 10)
    assert services.set_budget(local, party.units[3], month(), 10).limit_centiwon == 10


def test_months_are_seouls(party: Organised) -> None:
    """15:00 UTC on the last day is the first of the next month in Seoul."""
    with clock.frozen(datetime.fromisoformat("2031-01-31T14:59:00+00:00")):
        party = make.organisation()
        services.set_budget(party.actor, party.top, date(2031, 1, 1), 100)
        services.set_budget(party.actor, party.top, date(2031, 2, 1), 100)
        services.reserve(party.actor, party.top, campaign_id=1, messages=1, centiwon=10)
    with clock.frozen(datetime.fromisoformat("2031-01-31T15:00:00+00:00")):
        services.reserve(party.actor, party.top, campaign_id=2, messages=1, centiwon=7)

    reserved = dict(Budget.objects.filter(unit=party.top).values_list("month", "reserved_centiwon"))
    assert reserved == {date(2031, 1, 1): 10, date(2031, 2, 1): 7}


def test_reserving_needs_the_right_to_send_there(party: Organised) -> None:
    writer = make.lent(party, party.units[1], role=Role.WRITER)
    local = make.lent(party, party.units[1])

    with pytest.raises(Forbidden):
        hold(party, 1, 1, 1, actor=writer)
    with pytest.raises(NotYours):
        hold(party, 2, 1, 1, actor=local)
    hold(party, 1, 1, 1, actor=local)
    with pytest.raises(NotYours):
        other = make.organisation()
        services.reserve(other.actor, other.top, campaign_id=1, messages=1, centiwon=1)


def test_a_suspended_unit_reserves_nothing(party: Organised) -> None:
    services.suspend_unit(party.actor, party.units[1])

    with pytest.raises(UnitStopped):
        hold(party, 3, 1, 1)


def test_the_system_goes_on_with_the_campaigns_own_grant(party: Organised) -> None:
    grant = make.grant(make.user(), party.units[1], parent=party.owner_grant, messages_total=5)
    system = system_actor(party.root.pk)

    services.reserve(system, party.units[3], campaign_id=1, messages=5, centiwon=0, grant=grant)
    with pytest.raises(OverLent):
        services.reserve(system, party.units[3], campaign_id=2, messages=1, centiwon=0, grant=grant)
    services.revoke(party.actor, grant)
    with pytest.raises(Forbidden):
        services.reserve(system, party.units[3], campaign_id=1, messages=1, centiwon=0, grant=grant)


@pytest.mark.product("T3")
def test_quotas_bind_along_the_whole_chain(party: Organised) -> None:
    province = make.grant(make.user(), party.units[1], parent=party.owner_grant, messages_per_day=10, messages_total=15)
    locals_ = [make.user(), make.user()]
    for unit, holder in zip((3, 4), locals_, strict=True):
        make.grant(holder, party.units[unit], parent=province, messages_per_day=8)
    one, two = (make.actor(holder) for holder in locals_)

    hold(party, 3, 1, 0, messages=8, actor=one)
    with pytest.raises(OverLent) as own:
        hold(party, 3, 2, 0, messages=1, actor=one)
    with pytest.raises(OverLent) as shared:
        hold(party, 4, 2, 0, messages=3, actor=two)
    hold(party, 4, 2, 0, messages=2, actor=two)

    assert (own.value.facts["left"], own.value.facts["lender"]) == ("0통", party.units[1].name)
    assert (shared.value.facts["left"], shared.value.facts["which"]) == ("2통", "하루 통수")
    with clock.frozen(clock.now() + timedelta(days=1)):
        one, two = (make.actor(holder) for holder in locals_)
        with pytest.raises(OverLent) as total:
            hold(party, 3, 3, 0, messages=6, actor=one)
        hold(party, 3, 3, 0, messages=5, actor=one)
    assert (total.value.facts["left"], total.value.facts["which"]) == ("5통", "전체 통수")


@pytest.mark.product("T3")
def test_what_was_not_sent_counts_no_more(party: Organised) -> None:
    holder = make.user()
    make.grant(holder, party.units[1], parent=party.owner_grant, messages_total=10, centiwon_total=1000)
    actor = make.actor(holder)

    hold(party, 1, 1, 1000, messages=10, actor=actor)
    services.settle(1, messages=4, centiwon=400)
    with pytest.raises(OverLent):
        hold(party, 1, 2, 601, messages=1, actor=actor)
    with pytest.raises(OverLent):
        hold(party, 1, 2, 0, messages=7, actor=actor)
    hold(party, 1, 2, 600, messages=6, actor=actor)


@pytest.mark.product("T3")
def test_a_second_grant_serves_when_the_first_is_used_up(party: Organised) -> None:
    holder = make.user()
    small = make.grant(holder, party.units[1], parent=party.owner_grant, messages_total=1)
    large = make.grant(holder, party.units[1], parent=party.owner_grant, messages_total=100)

    first = hold(party, 3, 1, 0, messages=1, actor=make.actor(holder))
    second = hold(party, 3, 2, 0, messages=50, actor=make.actor(holder))

    assert (first.grant, second.grant) == (small, large)
    assert second.grants == [large.pk, party.owner_grant.pk]


steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "release"]), st.integers(1, 4), st.integers(0, 6), st.integers(0, 60)
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=steps)
def test_books_balance_after_any_history(party: Organised, plan: list[tuple[str, int, int, int]]) -> None:
    """Each budget's reserved and spent are the sums over the reservations charged to it, and never above its limit."""
    Reservation.objects.all().delete()
    Budget.objects.all().delete()
    for unit, limit in ((0, 100), (1, 60), (3, 30)):
        services.set_budget(party.actor, party.units[unit], month(), limit)
    for verb, campaign, unit, amount in plan:
        try:
            if verb == "reserve":
                hold(party, unit, campaign, amount)
            elif verb == "settle":
                services.settle(campaign, messages=0, centiwon=amount)
            else:
                services.release(campaign)
        except (Refusal, ValueError):
            pass
    for budget in Budget.objects.all():
        rows = Reservation.objects.filter(budgets__contains=[budget.pk])
        held = sum(r.centiwon for r in rows if r.state == "held")
        spent = sum(r.spent_centiwon for r in rows if r.state == "spent")
        assert (budget.reserved_centiwon, budget.spent_centiwon) == (held, spent)
        assert held + spent <= budget.limit_centiwon


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limited", ["budget", "quota"])
def test_two_at_once_never_go_above(transactional_db: None, limited: str) -> None:
    """Six sessions at a barrier ask for 30 of 100 each: exactly three get it."""
    party = make.organisation(depth=2)
    holder = make.user()
    quota = 100 if limited == "quota" else None
    make.grant(holder, party.units[1], parent=party.owner_grant, messages_total=quota)
    if limited == "budget":
        services.set_budget(party.actor, party.top, month(), 100)
    barrier = threading.Barrier(6)
    outcomes: list[str] = []

    def ask(campaign: int) -> None:
        actor = make.actor(holder)
        barrier.wait(10)
        try:
            services.reserve(actor, party.units[1], campaign_id=campaign, messages=30, centiwon=30)
            outcomes.append("held")
        except (OutOfBudget, OverLent):
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(outcomes) == ["held"] * 3 + ["refused"] * 3
    if limited == "budget":
        assert state(party.top.pk) == (100, 90, 0)
