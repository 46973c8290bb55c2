"""Asking dealers in the background: connection, money, numbers, templates, profiles, prices, refusals, pictures.

``ask`` notes what is wanted and queues it with the data; ``run`` does the network outside any transaction and then
writes what came back in one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import transaction

from majung.activity import services as activity
from majung.channels import accounts, dealer
from majung.channels.accounts import LiveAccount
from majung.channels.adapters.account_calls import NotOffered, Offer
from majung.channels.adapters.terms import Kind
from majung.channels.enums import AccountState, JobKind, JobState, MessageKind, TemplateState
from majung.channels.errors import NoKeys, told
from majung.channels.models import AccountJob, Channel, DealerAccount, Picture, Price, SenderNumber, Template
from majung.channels.services import profiles, refusals
from majung.core import clock, jobs
from majung.core.db import raw
from majung.core.errors import Misconfigured, Outside, Refusal
from majung.people.vault import sealer
from majung.tree.actor import Actor, system_actor
from majung.tree.enums import Act

Work = Callable[[DealerAccount, LiveAccount, AccountJob], str]


@transaction.atomic
def ask(actor: Actor, account: DealerAccount, kind: JobKind, object_id: int | None = None) -> AccountJob:
    """The dealer will be asked; a question of the same kind that is still open is not asked twice."""
    actor.require(Act.CHANNELS_MANAGE, account.unit)
    return queue(actor, account, kind, object_id)


def queue(actor: Actor, account: DealerAccount, kind: JobKind, object_id: int | None = None) -> AccountJob:
    """The same for a caller that has asked what the actor may."""
    if not account.has_keys:
        raise NoKeys()
    open_ones = AccountJob.objects.filter(account=account, kind=kind, state=JobState.ASKED, object_id=object_id)
    if found := open_ones.first():
        return found
    job = AccountJob.objects.create(account=account, kind=kind, asked_by=actor.user, object_id=object_id)
    jobs.defer("channels.ask_dealer", job_id=job.pk)
    return job


def run(job_id: int) -> None:
    """What was asked is answered, or failed with a sentence. Runs twice without harm."""
    job = AccountJob.objects.select_related("account", "account__unit").get(pk=job_id)
    if job.state != JobState.ASKED:
        return
    account = job.account
    state, result = JobState.DONE, ""
    try:
        result = _WORK[JobKind(job.kind)](account, accounts.load(raw(), sealer(), account.pk), job)
    except Outside as failure:
        state, result = JobState.FAILED, told(failure)
        if job.kind == JobKind.CHECK:
            _failing(account, result)
    except Misconfigured:
        state, result = JobState.FAILED, NoKeys.sentence
    except Refusal as refusal:
        state, result = JobState.FAILED, str(refusal)
    AccountJob.objects.filter(pk=job.pk).update(state=state, result=result[:300], done_at=clock.now())


def _failing(account: DealerAccount, problem: str) -> None:
    fresh = DealerAccount.objects.filter(pk=account.pk).exclude(state=AccountState.CLOSED)
    fresh.update(state=AccountState.FAILING, problem=problem[:300], checked_at=clock.now())


def _check(account: DealerAccount, live: LiveAccount, job: AccountJob) -> str:
    """Connection, and of balance and sender numbers what the dealer tells."""
    adapter = live.adapter
    for wire in adapter.check_requests():
        adapter.decode_checked(dealer.call(adapter, wire))
    now = clock.now()
    known: dict[str, Any] = {"state": AccountState.READY, "problem": "", "checked_at": now}
    if adapter.offers(Offer.BALANCE):
        balance = adapter.decode_balance(dealer.call(adapter, adapter.balance_request()))
        known |= {"balance_centiwon": balance, "balance_at": now}
    try:
        numbers = adapter.decode_senders(dealer.call(adapter, adapter.senders_request()))
    except NotOffered as lacking:
        numbers, said = [], str(lacking)
    else:
        said = f"발신번호 {len(numbers)}개를 확인했습니다."
    with transaction.atomic():
        DealerAccount.objects.filter(pk=account.pk).exclude(state=AccountState.CLOSED).update(**known)
        SenderNumber.objects.filter(account=account).exclude(number__in=numbers).delete()
        SenderNumber.objects.bulk_create(
            [SenderNumber(account=account, number=number, seen_at=now) for number in numbers],
            update_conflicts=True, unique_fields=["account", "number"], update_fields=["seen_at"],
        )  # fmt: skip
        if numbers and not SenderNumber.objects.filter(account=account, is_default=True).exists():
            SenderNumber.objects.filter(account=account, number=numbers[0]).update(is_default=True)
    return f"연결되었습니다. {said}"


def _templates(account: DealerAccount, live: LiveAccount, job: AccountJob) -> str:
    adapter = live.adapter
    profiles_asked = sorted(live.pf_ids.values()) if adapter.templates_by_profile else [""]
    rows = [
        row
        for pf_id in profiles_asked
        for row in dealer.pages(adapter, partial(adapter.templates_request, pf_id=pf_id), adapter.decode_templates)
    ]
    channel_of = {pf_id: channel_id for channel_id, pf_id in live.pf_ids.items()}
    now = clock.now()
    with transaction.atomic():
        Template.objects.bulk_create(
            [
                Template(
                    account=account, channel_id=channel_of.get(row.pf_id), dealer_id=row.dealer_id[:80],
                    name=row.name[:200], content=row.content, buttons=row.buttons, comment=row.comment, synced_at=now,
                    state=row.state if row.state in TemplateState else TemplateState.PENDING,
                )
                for row in {row.dealer_id: row for row in rows}.values()
            ],
            update_conflicts=True, unique_fields=["account", "dealer_id"],
            update_fields=["channel", "name", "content", "buttons", "comment", "state", "synced_at"],
        )  # fmt: skip
        Template.objects.filter(account=account, synced_at__lt=now).update(state=TemplateState.GONE)
    approved = sum(row.state == TemplateState.APPROVED for row in rows)
    return f"템플릿 {len(rows)}개를 가져왔습니다. 승인된 것은 {approved}개입니다."


def _profiles(account: DealerAccount, live: LiveAccount, job: AccountJob) -> str:
    adapter = live.adapter
    rows = list(dealer.pages(adapter, adapter.profiles_request, adapter.decode_profiles))
    below = Channel.objects.filter(root_id=account.root_id, unit__path__startswith=account.unit.path)
    ours = set(below.values_list("search_id", flat=True))
    pairs = [(row.search_id, row.pf_id) for row in rows if row.search_id and row.search_id in ours]
    done = profiles.store_pairs(system_actor(account.root_id), account, pairs)
    others = len(rows) - len(pairs)
    return f"발신 프로필 {done.stored}개를 새로 저장했습니다. 그대로 {done.unchanged}개, 우리 채널이 아닌 것 {others}개입니다."


def _prices(account: DealerAccount, live: LiveAccount, job: AccountJob) -> str:
    adapter = live.adapter
    found = adapter.decode_prices(dealer.call(adapter, adapter.prices_request()))
    today = clock.today()
    now_paid = accounts.prices_on(raw(), account.pk, today)
    changed = {kind: value for kind, value in found.items() if now_paid.get(kind) != value}
    with transaction.atomic():
        for kind, value in changed.items():
            Price.objects.update_or_create(
                account=account, kind=MessageKind(kind), valid_from=today, defaults={"centiwon": value}
            )
    if not changed:
        return "값이 그대로입니다."
    return f"오늘부터 쓸 값 {len(changed)}가지를 저장했습니다."


def _blocks(account: DealerAccount, live: LiveAccount, job: AccountJob) -> str:
    try:
        return refusals.pull(account, live)
    except NotOffered as lacking:
        return str(lacking)


def _picture(account: DealerAccount, live: LiveAccount, job: AccountJob) -> str:
    picture = Picture.objects.get(pk=job.object_id or 0, account=account)
    if picture.dealer_id or picture.content is None:
        return "이미 올렸습니다."
    adapter = live.adapter
    wire = adapter.upload_request(Kind(picture.kind), picture.name, bytes(picture.content))
    dealer_id = adapter.decode_uploaded(dealer.call(adapter, wire))
    Picture.objects.filter(pk=picture.pk).update(dealer_id=dealer_id, content=None)
    return f"‘{picture.name}’ 그림을 올렸습니다."


def _trial(account: DealerAccount, live: LiveAccount, job: AccountJob) -> str:
    from majung.channels.services import trials  # reason: trials.send_trial asks for this very job

    return trials.deliver(live, job.object_id or 0)


_WORK: dict[JobKind, Work] = {
    JobKind.CHECK: _check,
    JobKind.TEMPLATES: _templates,
    JobKind.PROFILES: _profiles,
    JobKind.PRICES: _prices,
    JobKind.BLOCKS: _blocks,
    JobKind.PICTURE: _picture,
    JobKind.TEST: _trial,
}


def ask_all(kinds: tuple[JobKind, ...]) -> int:
    """Every working account is asked these; returns how many questions. For the hourly round."""
    asked = 0
    for account in DealerAccount.objects.exclude(state__in=(AccountState.CLOSED, AccountState.NEW)).select_related(
        "unit"
    ):
        if account.has_keys:
            for kind in kinds:
                ask(system_actor(account.root_id), account, kind)
                asked += 1
    return asked


def note_low_balance(account: DealerAccount) -> bool:
    """Whether the balance is under the mark set for it; then the unit owes a top-up."""
    mark, left = account.low_balance_centiwon, account.balance_centiwon
    if not mark or left is None or left >= mark:
        return False
    activity.owe(
        root_id=account.root_id, unit_id=account.unit_id, kind="channels.low_balance", due_at=clock.now(),
        title=f"‘{account.name}’ 계정의 잔액이 적습니다. 충전해 주세요.", object_kind="dealer_account", object_id=account.pk,
    )  # fmt: skip
    return True
