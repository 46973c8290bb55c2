"""Tries, rests, repeats under one id, a dead endpoint, an ended grant, a killed round (O4)."""

from datetime import timedelta

import pytest

from majung.activity.models import Duty
from majung.core import clock
from majung.tree import services as tree_services
from majung.webhooks import sending, services
from majung.webhooks.enums import Course, Event, State, Why
from majung.webhooks.models import Attempt, Delivery, Endpoint
from tests.make import tree
from tests.make.tree import Organised
from tests.webhooks.receiver import Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.product("O4")]


@pytest.fixture
def endpoint(made: Organised, receiver: Receiver) -> Endpoint:
    return register(made, receiver)[0]


def register(made: Organised, receiver: Receiver, more: str = "") -> tuple[Endpoint, str]:
    return services.add_endpoint(
        made.actor, made.top, label="회원 관리", url=receiver.url + more, chosen=[Event.CAMPAIGN_FINISHED]
    )


def due(endpoint: Endpoint, n: int = 1) -> list[Delivery]:
    return [
        Delivery.objects.create(endpoint=endpoint, event=Event.CAMPAIGN_FINISHED, body=b'{"n":%d}' % i)
        for i in range(n)
    ]


def test_what_arrives_is_signed_and_settled(made: Organised, receiver: Receiver) -> None:
    endpoint, secret = register(made, receiver)
    [delivery] = due(endpoint)
    assert sending.send_due() == 1
    [came] = receiver.came
    assert came.id == str(delivery.public_id)
    assert came.is_signed_with(secret)
    assert not came.is_signed_with(services.new_secret(made.actor, endpoint))
    delivery.refresh_from_db()
    [attempt] = Attempt.objects.all()
    assert (delivery.course, delivery.next_at, attempt.status, attempt.problem) == (Course.DELIVERED, None, 204, "")
    assert sending.send_due() == 0


def test_a_tampered_body_or_an_old_one_is_known(made: Organised, receiver: Receiver) -> None:
    endpoint, secret = register(made, receiver)
    due(endpoint)
    sending.send_due()
    [came] = receiver.came
    assert not came.is_signed_with(secret, now=clock.now().timestamp() + 301)
    came.body += b" "
    assert not came.is_signed_with(secret)


def test_during_a_change_of_secrets_either_verifies(made: Organised, receiver: Receiver) -> None:
    endpoint, old = register(made, receiver)
    new = services.new_secret(made.actor, endpoint)
    due(endpoint)
    sending.send_due()
    assert all(receiver.came[0].is_signed_with(secret) for secret in (old, new))


def test_what_fails_comes_again_later_and_later_under_the_same_id_until_it_is_given_up(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FAILING_FOR", timedelta(days=400))
    receiver.answers = [500]
    [delivery] = due(endpoint)
    now, rests = clock.now() + timedelta(seconds=1), []
    while delivery.course == Course.WAITING:
        with clock.frozen(now):
            assert sending.send_due() == 1
            assert sending.send_due() == 0, "again before its time"
        delivery.refresh_from_db()
        if delivery.next_at is not None:
            rests.append((delivery.next_at - now).total_seconds())
            now = delivery.next_at
    assert delivery.course == Course.GIVEN_UP
    assert len(receiver.came) == len(sending.RESTS) + 1
    assert {came.id for came in receiver.came} == {str(delivery.public_id)}
    assert {came.body for came in receiver.came} == {b'{"n":0}'}
    wanted = [rest.total_seconds() for rest in sending.RESTS]
    assert all(0.9 * want <= rest <= 1.1 * want for rest, want in zip(rests, wanted, strict=True))


def test_a_bad_body_does_not_hold_up_the_others(endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.answers = [400, 204]
    bad, good = due(endpoint, 2)
    sending.send_due()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.course, good.course) == (Course.WAITING, Course.DELIVERED)
    assert Endpoint.objects.get().failing_since is None


def test_a_dead_endpoint_is_left_alone_after_three(endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.answers = [500]
    made = due(endpoint, 6)
    assert sending.send_due() == sending.FAILURES_IN_A_ROW
    left = [row.tries for row in Delivery.objects.order_by("pk")]
    assert left == [1, 1, 1, 0, 0, 0]
    assert len(made) == Delivery.objects.filter(course=Course.WAITING, next_at__gt=clock.now()).count()


def test_another_endpoint_is_told_although_one_is_dead(made: Organised, receiver: Receiver) -> None:
    dead, _ = services.add_endpoint(
        made.actor, made.top, label="없는 곳", url="http://127.0.0.1:9/", chosen=[Event.CAMPAIGN_FINISHED]
    )
    due(dead, 3)
    due(register(made, receiver)[0], 2)
    sending.send_due()
    assert len(receiver.came) == 2
    assert set(Attempt.objects.filter(delivery__endpoint=dead).values_list("problem", flat=True)) == {"connect"}


def test_who_asks_for_time_gets_it(endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [429], {"Retry-After": "3600"}
    [delivery] = due(endpoint)
    sending.send_due()
    delivery.refresh_from_db()
    assert delivery.next_at is not None
    assert delivery.next_at >= clock.now() + timedelta(seconds=3590)


def test_three_days_of_failure_hold_it_with_a_duty_and_going_on_tells_what_waited(
    made: Organised, endpoint: Endpoint, receiver: Receiver
) -> None:
    receiver.answers = [500]
    due(endpoint)
    sending.send_due()
    begun = Endpoint.objects.get().failing_since
    assert begun is not None
    with clock.frozen(begun + timedelta(days=3, minutes=1)):
        sending.send_due()
        held = Endpoint.objects.get()
        assert (held.state, held.why) == (State.HELD, Why.FAILING)
        [duty] = Duty.objects.filter(kind="webhooks.held")
        assert (duty.unit_id, duty.object_id, endpoint.label in duty.title) == (made.top.pk, endpoint.pk, True)
        assert sending.send_due() == 0
        receiver.answers = [204]
        services.resume(made.actor, endpoint)
        assert sending.send_due() == 1
    assert Delivery.objects.get().course == Course.DELIVERED
    assert Endpoint.objects.get().failing_since is None


def test_gone_is_gone_at_once(endpoint: Endpoint, receiver: Receiver) -> None:
    receiver.answers = [410]
    due(endpoint, 3)
    sending.send_due()
    assert (Endpoint.objects.get().why, len(receiver.came)) == (Why.GONE, 1)


@pytest.mark.product("T3")
def test_when_the_leave_ends_nothing_more_is_told(made: Organised, receiver: Receiver) -> None:
    operator = tree.lent(made, made.units[1])
    endpoint, _ = services.add_endpoint(
        operator, made.units[1], label="회원 관리", url=receiver.url, chosen=[Event.CAMPAIGN_FINISHED]
    )
    due(endpoint)
    tree_services.revoke(made.actor, operator.grants[0])
    assert sending.send_due() == 0
    assert (receiver.came, Endpoint.objects.get().why) == ([], Why.GRANT_ENDED)
    assert Duty.objects.filter(kind="webhooks.held").count() == 1


def test_a_killed_round_leaves_it_to_the_next_under_the_same_id(endpoint: Endpoint, receiver: Receiver) -> None:
    [delivery] = due(endpoint)
    now = clock.now()
    # Killed after the claim: perhaps it was posted, perhaps not.
    assert [one.number for one in sending._claim(now, now + sending.LEASE, None)] == [delivery.pk]
    assert sending.send_due() == 0
    with clock.frozen(now + sending.LEASE):
        assert sending.send_due() == 1
    assert receiver.came[0].id == str(delivery.public_id)


def test_sent_again_by_a_press_has_the_same_id_and_body(
    made: Organised, endpoint: Endpoint, receiver: Receiver
) -> None:
    [delivery] = due(endpoint)
    sending.send_due()
    services.send_again(made.actor, endpoint, delivery)
    assert sending.send_due([delivery.pk]) == 1
    first, second = receiver.came
    assert (first.id, first.body) == (second.id, second.body)
    assert Attempt.objects.filter(delivery=delivery).count() == 2


def test_only_the_given_one_is_sent_now(endpoint: Endpoint, receiver: Receiver) -> None:
    due(endpoint, 2)
    wanted = due(endpoint)[0]
    assert sending.send_due([wanted.pk]) == 1
    assert [came.id for came in receiver.came] == [str(wanted.public_id)]


def test_removed_while_it_was_tried(made: Organised, endpoint: Endpoint, receiver: Receiver) -> None:
    due(endpoint)
    now = clock.now()
    batch = sending._claim(now, now + sending.LEASE, None)
    tries = sending._line(batch, services.secrets_of(batch[0].endpoint), float("inf"))
    services.remove(made.actor, endpoint)
    sending._settle(tries, now + sending.LEASE)
    assert not Attempt.objects.exists()


def test_old_ones_are_forgotten(endpoint: Endpoint, receiver: Receiver) -> None:
    due(endpoint)
    sending.send_due()
    sending.forget(clock.now() - timedelta(days=1))
    assert Delivery.objects.count() == 1
    sending.forget(clock.now() + timedelta(seconds=1))
    assert (Delivery.objects.count(), Attempt.objects.count()) == (0, 0)
