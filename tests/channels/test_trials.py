"""Test messages: to one's own confirmed number only, by managers and by whoever may write the message."""

import time
from datetime import timedelta
from typing import Any

import pytest

from majung.channels import accounts, services
from majung.channels.adapters.limits import CannotSay
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.terms import Kind, Message
from majung.channels.enums import JobKind
from majung.channels.errors import TooManyTests
from majung.channels.models import AccountJob, Channel, DealerAccount, SenderNumber, TestNumber, TestSend
from majung.channels.services import jobs, numbers, trials
from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.people.vault import sealer
from majung.tree.actor import Actor
from majung.tree.enums import Role
from tests.make import channels as make
from tests.make import tree
from tests.make.sandbox import KEY, SECRET, Sandbox
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("M1", "M10", "T5"), pytest.mark.django_db]


@pytest.fixture
def made() -> Organised:
    return tree.organisation(depth=2, width=2)


@pytest.fixture
def account(made: Organised, sandbox: Sandbox) -> DealerAccount:
    return make.account(unit=made.top, base_url=sandbox.url, key=KEY, secret=SECRET, sender="0212345678")


def own(actor: Actor, account: DealerAccount, number: str = "010-0000-0001", **fields: Any) -> TestNumber:
    """The number was asked for and its code came back."""
    assert actor.user is not None
    services.ask_number(actor, account, number, **fields)
    return numbers.confirm(actor, numbers.code_of(account.root_id, actor.user.pk))


def trial(actor: Actor, account: DealerAccount, channel: Channel | None, **fields: Any) -> TestSend:
    given: dict[str, Any] = {"kind": Kind.BRAND, "message": Message(text="#{이름}님, 시험입니다")} | fields
    return services.send_trial(actor, account, given.pop("kind"), given.pop("message"), channel=channel, **given)


def test_a_code_and_a_test_message_arrive(
    made: Organised, account: DealerAccount, near: Channel, sandbox: Sandbox
) -> None:
    make.profile(account=account, channel=near)
    assert made.actor.user is not None
    services.ask_number(made.actor, account, "+82 10-0000-0001")
    code = numbers.code_of(account.root_id, made.actor.user.pk)
    sandbox.control("clock", {"offset_seconds": clock.offset_to(clock.now())})

    jobs.run(AccountJob.objects.get(kind=JobKind.TEST).pk)
    numbers.confirm(made.actor, f" {code} ")
    sent = trial(made.actor, account, near)
    for job in AccountJob.objects.filter(kind=JobKind.TEST):
        jobs.run(job.pk)
        jobs.run(job.pk)

    asked = TestSend.objects.get(kind=Kind.SMS)
    sent.refresh_from_db()
    at_night = not 8 <= clock.seoul().hour < 20
    assert asked.outcome == Outcome.DELIVERED
    assert code not in str(asked.message)
    assert sent.outcome in ({Outcome.DELIVERED, Outcome.OUT_OF_HOURS} if at_night else {Outcome.DELIVERED})
    assert sent.settled_at and sent.group_ref and sent.number_hint.endswith("0001")
    held = TestNumber.objects.get()
    assert b"01000000001" not in bytes(sent.number_sealed) + bytes(held.number_sealed)
    books = sandbox.control("books?campaign=0")
    assert books["ids_taken_more_than_once"] == 0


def test_a_test_leaves_by_a_dealer_that_sends_at_once(made: Organised, near: Channel, sandbox: Sandbox) -> None:
    """Once, under a key of its own; the answer to the second test is lost, and it is found."""
    keys = {"key": KEY, "secret": SECRET, "more": {"sms_key": KEY, "sms_secret": SECRET}}
    account = make.account(unit=made.top, base_url=sandbox.url, adapter="nhn", **keys)  # type: ignore[arg-type]
    make.profile(account=account, channel=near)
    own(made.actor, account)
    first = trial(made.actor, account, None, kind=Kind.SMS)
    [job] = AccountJob.objects.filter(object_id=first.pk, kind=JobKind.TEST)
    jobs.run(job.pk)
    jobs.run(job.pk)
    second = trial(made.actor, account, None, kind=Kind.SMS)
    sandbox.control("faults", {"drop_next": 1})
    jobs.run(AccountJob.objects.get(object_id=second.pk, kind=JobKind.TEST).pk)
    second.refresh_from_db()
    in_doubt = second.group_ref
    outcome = trials.settle(accounts.load(raw(), sealer(), account.pk), second)
    deadline = time.monotonic() + 5
    while outcome is Outcome.ACCEPTED and time.monotonic() < deadline:
        outcome = trials.settle(accounts.load(raw(), sealer(), account.pk), second)

    first.refresh_from_db()
    second.refresh_from_db()
    assert first.outcome == second.outcome == outcome == Outcome.DELIVERED
    assert in_doubt == f"0-{second.pk}-1" and second.group_ref != in_doubt
    assert sandbox.control("books?campaign=0")["ids_taken_more_than_once"] == 0


def test_a_test_message_passes_the_kinds_limits(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    own(made.actor, account)

    with pytest.raises(CannotSay):
        trial(made.actor, account, near, message=Message(text="가" * 1301))
    with pytest.raises(CannotSay):
        trial(made.actor, account, None, kind=Kind.SMS, message=Message(text="그림 글자 😀"))
    with pytest.raises(Invalid):
        trial(made.actor, account, make.channel(unit=made.top, number=8))
    assert TestSend.objects.count() == 1  # the code alone


def test_without_a_confirmed_number_nothing_leaves(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    with pytest.raises(Invalid, match="먼저 등록"):
        trial(made.actor, account, near)
    with pytest.raises(Invalid, match="010"):
        services.ask_number(made.actor, account, "02-700-0000")

    services.ask_number(made.actor, account, "01000000001")
    with pytest.raises(Invalid, match="먼저 등록"):
        trial(made.actor, account, near)
    own(made.actor, account, "01000000001")
    services.ask_number(made.actor, account, "01000000002")
    with pytest.raises(Invalid, match="먼저 등록"):
        trial(made.actor, account, near)
    numbers.forget(made.actor)
    assert TestNumber.objects.count() == 0
    assert not TestSend.objects.filter(kind=Kind.BRAND).exists()


def test_a_code_is_void_after_five_wrong_ones_and_after_ten_minutes(made: Organised, account: DealerAccount) -> None:
    assert made.actor.user is not None
    services.ask_number(made.actor, account, "01000000001")
    right = numbers.code_of(account.root_id, made.actor.user.pk)
    wrong = "000000" if right != "000000" else "000001"

    for _ in range(numbers.TRIES):
        with pytest.raises(Invalid, match="다릅니다"):
            numbers.confirm(made.actor, wrong)
    with pytest.raises(Invalid, match="지났습니다"):
        numbers.confirm(made.actor, right)

    services.ask_number(made.actor, account, "01000000001")
    fresh = numbers.code_of(account.root_id, made.actor.user.pk)
    assert fresh != right
    with clock.frozen(clock.now() + timedelta(minutes=11)), pytest.raises(Invalid, match="지났습니다"):
        numbers.confirm(made.actor, fresh)


def test_test_messages_are_few_and_to_few_numbers(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    for number in ("01000000001", "01000000002", "01000000003"):
        own(made.actor, account, number)
    with pytest.raises(TooManyTests, match="번호 3개"):
        services.ask_number(made.actor, account, "01000000004")
    for _ in range(7):
        trial(made.actor, account, near)
    with pytest.raises(TooManyTests, match="한 시간"):
        trial(made.actor, account, near)


def test_an_account_without_a_sender_number_says_who_can_help(made: Organised, account: DealerAccount) -> None:
    SenderNumber.objects.all().delete()

    with pytest.raises(Invalid, match="발신번호"):
        services.ask_number(made.actor, account, "01000000001")
    assert TestNumber.objects.count() == 0


@pytest.mark.parametrize("role", [Role.WRITER, Role.BLIND_SENDER, Role.OPERATOR])
def test_whoever_writes_the_message_tests_it(
    made: Organised, account: DealerAccount, near: Channel, role: Role
) -> None:
    make.profile(account=account, channel=near)
    district = tree.lent(made, made.units[1], role=role)

    own(district, account, writing_at=made.units[1])
    assert trial(district, account, near, writing_at=made.units[1]).by == district.user
    with pytest.raises((Forbidden, NotYours)):
        trial(district, account, near)  # the dealer's page is for managers
    with pytest.raises(NotYours):
        trial(district, account, near, writing_at=made.top)


def test_who_may_not_write_there_tests_nothing(made: Organised, account: DealerAccount, near: Channel) -> None:
    make.profile(account=account, channel=near)
    viewer = tree.lent(made, made.top, role=Role.VIEWER)
    stranger = tree.organisation(depth=2, width=1)

    with pytest.raises(Forbidden):
        services.ask_number(viewer, account, "01000000001", writing_at=made.top)
    with pytest.raises(Forbidden):
        trial(viewer, account, near)
    with pytest.raises(NotYours):
        services.ask_number(stranger.actor, account, "01000000001", writing_at=stranger.top)
    with pytest.raises(NotYours):
        services.ask_number(stranger.actor, account, "01000000001")
    sister = make.account(unit=made.units[2], name="이웃 계정")
    writer = tree.lent(made, made.units[1], role=Role.WRITER)
    with pytest.raises(NotYours):
        services.ask_number(writer, sister, "01000000001", writing_at=made.units[1])
    assert TestSend.objects.count() == TestNumber.objects.count() == 0
