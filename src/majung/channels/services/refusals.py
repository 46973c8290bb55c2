"""Refusals that lie at the dealer: 080 calls and the account's own block list, taken into our refusals in sets."""

from collections.abc import Iterable
from functools import partial

from django.db import transaction

from majung.channels import dealer
from majung.channels.accounts import LiveAccount
from majung.channels.adapters.account_calls import Offer, Refused
from majung.channels.adapters.outcomes import CONSEQUENCES, Consequence, Outcome
from majung.channels.models import DealerAccount
from majung.consent import services as consent
from majung.consent.enums import ConsentMedium, RefusalPath
from majung.core import clock, sql
from majung.core.db import raw
from majung.people.phones import normalise
from majung.people.vault import blind

BATCH = 10_000


def pull(account: DealerAccount, live: LiveAccount) -> str:
    """Every number on the dealer's lists that is somebody's is a refusal of that person. Runs twice without harm."""
    adapter = live.adapter
    told = 0
    found: set[int] = set()
    for own, outcome in ((False, Outcome.OPTED_OUT), (True, Outcome.NUMBER_BLOCKED)):
        if not adapter.offers(Offer.BLOCKED if own else Offer.REFUSED):
            continue
        ask, read = partial(adapter.refused_request, own), partial(adapter.decode_refused, own=own)
        rows = dealer.pages(adapter, ask, read)
        numbers = [number for row in rows if (number := _digits(row))]
        told += len(numbers)
        for start in range(0, len(numbers), BATCH):
            found |= _refuse(account, numbers[start : start + BATCH], CONSEQUENCES[outcome])
    DealerAccount.objects.filter(pk=account.pk).update(blocks_pulled_at=clock.now())
    return f"거부한 번호 {told}개를 받아 {len(found)}명의 거부로 적었습니다."


def _digits(row: Refused) -> str:
    phone = normalise(row.number)
    return phone.digits if phone else ""


@transaction.atomic
def _refuse(account: DealerAccount, numbers: Iterable[str], consequence: Consequence) -> set[int]:
    blinds = [blind(account.root_id, "mobile", number) for number in numbers]
    statement = sql.load("majung.channels", "refusals", "holders")
    people = [row[0] for row in raw().execute(statement, {"root": account.root_id, "blinds": blinds})]
    if people:
        media = [ConsentMedium(medium) for medium in consequence.media]
        consent.refuse(account.root_id, people, account.entity_id, media, RefusalPath(consequence.path))
    return set(people)
