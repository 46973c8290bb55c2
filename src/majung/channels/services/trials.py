"""Test messages to one's own confirmed number: a ledger of their own, few, never a way around a campaign's rules (M10)."""

import time
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from django.db import transaction

from majung.accounts.models import User
from majung.activity import services as activity
from majung.channels import dealer
from majung.channels.accounts import LiveAccount
from majung.channels.adapters import limits
from majung.channels.adapters.base import Basket, Direct, Finds, Page
from majung.channels.adapters.outcomes import WORDS, Category, Outcome, category
from majung.channels.adapters.registry import adapter
from majung.channels.adapters.single import CLOCKS_DIFFER, Single
from majung.channels.adapters.terms import Batch, Button, Kind, Message
from majung.channels.enums import JobKind
from majung.channels.errors import TooManyTests, told
from majung.channels.keys import test_number_place
from majung.channels.models import Channel, DealerAccount, DealerProfile, SenderNumber, TestNumber, TestSend
from majung.channels.services import numbers
from majung.channels.services.jobs import queue
from majung.core import clock
from majung.core.errors import Forbidden, Invalid, NotYours, Outside
from majung.people.phones import Kind as PhoneKind
from majung.people.phones import normalise
from majung.people.vault import sealer
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit
from majung.ui.text import mask_phone

PER_HOUR, PER_DAY = 10, 30
NUMBERS_PER_MONTH = 3  # an operator's own phones, not a list of people
SAMPLE = "보기"
LOOKS, LOOK_SECONDS = 8, 0.75
CODE_TEXT = f"[마중] 시험 발송에 쓸 번호를 확인합니다. 확인 번호 #{{{numbers.CODE}}}"


@transaction.atomic
def send_trial(
    actor: Actor,
    account: DealerAccount,
    kind: Kind,
    message: Message,
    *,
    channel: Channel | None = None,
    writing_at: Unit | None = None,
) -> TestSend:
    """The message goes to the actor's own confirmed number as a test, with sample values (M1, T5).

    ``writing_at``: the unit whose message it is; then whoever may write there may send it, through an account of the
    unit or one above it. Raises CannotSay, Invalid, TooManyTests, Forbidden.
    """
    user = _require(actor, account, writing_at)
    digits = numbers.confirmed_digits(actor)
    facts = adapter(account.adapter).kinds.get(kind)
    if facts is None or kind is Kind.EMAIL:
        raise Invalid(problem="이 계정으로는 이 종류의 시험 발송을 할 수 없습니다.")
    limits.check(kind, facts, message, dict.fromkeys(message.variables(), SAMPLE))
    if facts.needs_profile:
        if channel is None or not DealerProfile.objects.filter(account=account, channel=channel).exists():
            raise Invalid(problem="이 계정에 발신 프로필이 있는 채널을 골라 주세요.")
        actor.require(Act.CHANNELS_VIEW, channel.unit)
    return _enter(actor, user, account, kind, digits, message, channel if facts.needs_profile else None)


@transaction.atomic
def ask_number(actor: Actor, account: DealerAccount, number: str, *, writing_at: Unit | None = None) -> TestNumber:
    """The number is the actor's once the code, which is sent there by text now, comes back. Raises as ``send_trial``."""
    user = _require(actor, account, writing_at)
    phone = normalise(number)
    if phone is None or phone.kind is not PhoneKind.MOBILE:
        raise Invalid(problem="010으로 시작하는 본인의 휴대전화 번호를 적어 주세요.")
    if not SenderNumber.objects.filter(account=account, is_default=True).exists():
        raise Invalid(
            problem="이 대행사 계정에는 등록한 발신번호가 없어 확인 번호를 문자로 보낼 수 없습니다. "
            "대행사를 맡은 분에게 발신번호 등록을 부탁해 주세요."
        )
    asked = numbers.put(actor, phone.digits)
    _enter(actor, user, account, Kind.SMS, phone.digits, Message(text=CODE_TEXT), None)
    return asked


def _require(actor: Actor, account: DealerAccount, writing_at: Unit | None) -> User:
    """Who tests; raises what forbids it."""
    if actor.user is None:
        raise Forbidden()
    if writing_at is None:
        actor.require(Act.CHANNELS_MANAGE, account.unit)
        return actor.user
    actor.require(Act.CAMPAIGNS_WRITE, writing_at)
    if account.root_id != writing_at.root_id or not writing_at.path.startswith(account.unit.path):
        raise NotYours()
    return actor.user


def _enter(
    actor: Actor, user: User, account: DealerAccount, kind: Kind, digits: str, message: Message, channel: Channel | None
) -> TestSend:
    """The test stands in the ledger and is queued."""
    blind = sealer().blind(account.root_id, "test-number", digits)
    _check_rate(user.pk, blind)
    trial = TestSend.objects.create(
        account=account, channel=channel, kind=kind, by=user, number_blind=blind, number_hint=mask_phone(digits),
        message=asdict(message), at=clock.now(),
    )  # fmt: skip
    trial.number_sealed = sealer().seal(test_number_place(account.root_id), trial.pk, digits)
    trial.save(update_fields=["number_sealed"])
    activity.write(
        actor, "channels.test_asked", unit_id=account.unit_id, object_kind="dealer_account", object_id=account.pk,
        facts={"kind": str(kind), "mode": account.mode},
    )  # fmt: skip
    queue(actor, account, JobKind.TEST, trial.pk)
    return trial


def _check_rate(user_id: int, blind: bytes) -> None:
    now = clock.now()
    mine = TestSend.objects.select_for_update().filter(by_id=user_id, at__gt=now - timedelta(days=30))
    sent = list(mine.values_list("at", "number_blind"))
    if sum(at > now - timedelta(hours=1) for at, _ in sent) >= PER_HOUR:
        raise TooManyTests(problem=f"시험 발송은 한 시간에 {PER_HOUR}통까지 할 수 있습니다. 조금 뒤에 다시 해 주세요.")
    if sum(at > now - timedelta(days=1) for at, _ in sent) >= PER_DAY:
        raise TooManyTests(problem=f"시험 발송은 하루에 {PER_DAY}통까지 할 수 있습니다.")
    if len({bytes(known) for _, known in sent} | {blind}) > NUMBERS_PER_MONTH:
        raise TooManyTests(
            problem=f"시험 발송은 한 달에 번호 {NUMBERS_PER_MONTH}개까지, 본인의 번호로만 할 수 있습니다."
        )


def deliver(live: LiveAccount, trial_id: int) -> str:
    """The test message is handed over once; a lost answer is settled by looking at its basket, never by sending again."""
    trial = TestSend.objects.get(pk=trial_id, account_id=live.account_id)
    if trial.settled_at is not None:
        return WORDS[Outcome(trial.outcome)]
    if not trial.group_ref:
        _hand_over(live, trial)
    outcome = settle(live, trial)
    for _ in range(LOOKS):
        if trial.settled_at is not None:
            break
        time.sleep(LOOK_SECONDS)
        outcome = settle(live, trial)
    return f"시험 발송: {WORDS[outcome]}"


def _hand_over(live: LiveAccount, trial: TestSend) -> None:
    number = sealer().open(test_number_place(live.root_id), trial.pk, bytes(trial.number_sealed))
    message = message_from(trial.message)
    constants = dict.fromkeys(message.variables(), SAMPLE)
    if numbers.CODE in constants:
        constants[numbers.CODE] = numbers.code_of(live.root_id, trial.by_id)
    batch = Batch(
        kind=Kind(trial.kind), message=message, campaign=0, chunk=trial.pk, recipients=[number.encode()],
        constants=constants,
        pf_id=live.pf_ids.get(trial.channel_id or 0, ""), sender=live.sender,
    )  # fmt: skip
    if isinstance(live.adapter, Direct):
        _at_once(live.adapter, trial, batch)
    elif isinstance(live.adapter, Single):
        _alone(live.adapter, trial, batch)
    else:
        _by_basket(live.basket, trial, batch)


def _by_basket(made: Basket, trial: TestSend, batch: Batch) -> None:
    _keep_ref(trial, made.decode_created(dealer.call(made, made.create_group_request())))
    added = dealer.call(made, made.add_messages_request(trial.group_ref, made.encode(batch)))
    [outcome] = made.decode_added(added, batch)
    if category(outcome) is Category.REFUSED:
        _settle(trial, Outcome(outcome), "")
        return
    made.decode_sent(dealer.call(made, made.send_request(trial.group_ref)))


def _at_once(made: Direct, trial: TestSend, batch: Batch) -> None:
    _keep_ref(trial, _key(trial))
    handed = made.decode_handed(
        dealer.call(made, made.send_request(batch.kind, made.encode(batch), _key(trial))), batch
    )
    if handed.ref:
        _keep_ref(trial, handed.ref)
    [outcome] = handed.outcomes
    if category(outcome) is Category.REFUSED:
        _settle(trial, Outcome(outcome), "")


def _alone(made: Single, trial: TestSend, batch: Batch) -> None:
    _keep_ref(trial, _key(trial))
    reply = dealer.call(made, replace(made.send_request(), body=made.encode(batch)))
    outcome = made.decode_one(reply.status, reply.body, batch.recipients[0])
    if category(outcome) is Category.REFUSED:
        _settle(trial, Outcome(outcome), "")


def _key(trial: TestSend) -> str:
    """The request key of a test at a dealer that sends at once: campaign 0, one attempt."""
    return f"0-{trial.pk}-1"


def _keep_ref(trial: TestSend, ref: str) -> None:
    trial.group_ref = ref
    trial.save(update_fields=["group_ref"])


def settle(live: LiveAccount, trial: TestSend) -> Outcome:
    """What the dealer knows of the test by now; ACCEPTED while it waits for the result."""
    if trial.settled_at is not None:
        return Outcome(trial.outcome)
    try:
        page = _results(live, trial)
    except Outside as failure:
        raise Invalid(problem=told(failure)) from failure
    wanted = f"0-{trial.pk}-0"
    places = page.places or [-1] * len(page)
    rows = zip(page.ids, places, page.codes, strict=True)
    code = next((code for known, place, code in rows if known == wanted or (not known and place == 0)), 0)
    outcome = Outcome(live.adapter.outcome(code)) if code else Outcome.IN_DOUBT
    if category(outcome) in (Category.ACCEPTED, Category.IN_DOUBT):
        TestSend.objects.filter(pk=trial.pk).update(outcome=outcome, dealer_code=str(code or ""))
        return outcome
    _settle(trial, outcome, str(code))
    return outcome


def _results(live: LiveAccount, trial: TestSend) -> Page:
    """A page with the test's result; empty while nobody knows whether it was taken."""
    made = live.adapter
    if isinstance(made, Single):
        number = sealer().open(test_number_place(live.root_id), trial.pk, bytes(trial.number_sealed))
        around = (trial.at - CLOCKS_DIFFER, clock.now() + CLOCKS_DIFFER)
        return made.decode_results(dealer.call(made, made.person_request(number.encode(), *around)))
    if not isinstance(made, Direct):
        basket = live.basket
        return basket.decode_messages(dealer.call(basket, basket.group_messages_request(trial.group_ref)))
    kind = Kind(trial.kind)
    if trial.group_ref == (key := _key(trial)):
        if made.abilities[kind].finds is Finds.NEVER:
            return Page(ids=[], codes=[], next_key="")
        found = made.decode_found(dealer.call(made, made.find_request(kind, key, trial.at)), kind, key)
        if not found:
            return Page(ids=[], codes=[], next_key="")
        _keep_ref(trial, found)
    return made.decode_results(dealer.call(made, made.results_request(kind, trial.group_ref)), kind)


def _settle(trial: TestSend, outcome: Outcome, code: str) -> None:
    trial.outcome, trial.dealer_code, trial.settled_at = outcome, code, clock.now()
    trial.save(update_fields=["outcome", "dealer_code", "settled_at"])


def message_from(stored: dict[str, Any]) -> Message:
    """A message as it was stored."""
    return Message(**{**stored, "buttons": tuple(Button(**button) for button in stored["buttons"])})
