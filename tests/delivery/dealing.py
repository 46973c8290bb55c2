"""Campaigns through each dealer that sends at once, for the tests that kill, lose and hide."""

import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from majung.channels.adapters.aligo import Aligo
from majung.channels.adapters.base import Direct, Finds
from majung.channels.adapters.nhn import Nhn
from majung.channels.adapters.popbill import Popbill
from majung.channels.adapters.terms import Kind, Message
from majung.core import clock
from majung.core.db import raw
from majung.delivery import planner, sealed
from majung.delivery.books import Books, books
from majung.delivery.engine import Slot
from majung.delivery.render import Template
from majung.people.vault import sealer
from majung.policy.enums import Medium
from tests.delivery.conftest import Sandbox, register, start, until
from tests.delivery.test_crash import worker
from tests.delivery.test_engine import a_number, assert_both_sides_agree, is_finished
from tests.make import delivery as make

TEXT = "(광고)가람당 소식\n무료수신거부 080-123-4567"
SENDER = "0212345678"
DEALERS: tuple[type[Direct], ...] = (Nhn, Aligo, Popbill)


@dataclass(frozen=True)
class Case:
    """A kind of message at a dealer."""

    dealer: type[Direct]
    kind: Kind

    def __str__(self) -> str:
        return f"{self.dealer.code}-{self.kind}"


CASES = [Case(one, kind) for one in DEALERS for kind in (Kind.ALIM, Kind.BRAND, Kind.SMS) if kind in one.kinds]
ALIM = Case(Nhn, Kind.ALIM)
"""What the tests of one kind only are tried with."""


def cases(*finds: Finds) -> pytest.MarkDecorator:
    """Every case whose dealer finds requests so."""
    some = [one for one in CASES if one.dealer.abilities[one.kind].finds in finds]
    return pytest.mark.parametrize("case", some, ids=str)


def a_campaign(
    sandbox: Sandbox, case: Case, *, people: int = 150, message: Message | None = None
) -> tuple[make.Party, int]:
    """A frozen and started campaign of a kind through a dealer. The sandbox is told whose message each will be.

    ``message`` is said in place of what the dealer knows and takes.
    """
    party = make.party(people=people, base_url=sandbox.base_url, adapter=case.dealer.code)
    register(sandbox, party)
    number = a_number()
    template, stops = make.template(party), make.stops(party)
    order = make.order(party, campaign=number, at=clock.now())
    if case.kind is Kind.ALIM:
        code = f"T{number}"
        known = Message(text="#{이름} 님, #{조직} 소식입니다.", template_id=code)
        template = replace(template, kind=case.kind, message=known, sender=SENDER)
        made = [{"account": sandbox.key, "templateId": code, "name": "소식", "content": known.text}]
        sandbox.ask("/_control/templates", made)
    elif case.kind is Kind.BRAND:
        template = replace(template, kind=case.kind, message=Message(text="#{조직} 소식입니다."))
    else:
        template, stops = Template(kind=case.kind, message=Message(text=TEXT), sender=SENDER), ()
        account = replace(order.occasion.account, sender_number=SENDER, sender_number_registered=True)
        order = replace(order, occasion=replace(order.occasion, medium=Medium.SMS, account=account))
    if message is not None:
        template = replace(template, message=message)
    planner.freeze(raw(), replace(order, template=template, stops=stops))
    sandbox.ask("/_control/names", ids_by_number(party, number))
    start(number)
    return party, number


def ids_by_number(party: make.Party, campaign: int) -> dict[str, str]:
    """Our id of each planned message, by the number it goes to."""
    facts = "SELECT chunk_no, sealed, cardinality(people) FROM campaign_chunk WHERE campaign_id = %s"
    return {
        number.decode(): f"{campaign}-{chunk}-{seq}"
        for chunk, values, count in raw().execute(facts, [campaign]).fetchall()
        for seq, number in enumerate(sealed.opened(sealer(), party.root_id, campaign, chunk, values, count)[0])
    }


def cells(campaign: int) -> str:
    """Every outcome byte of a campaign."""
    rows = raw().execute("SELECT outcome FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    return b"".join(bytes(outcome) for (outcome,) in rows).decode("latin-1")


def noted(campaign: int, code: str) -> set[str]:
    """Ids that have an exception of this code."""
    rows = raw().execute(
        "SELECT chunk_no, seq FROM chunk_exception WHERE campaign_id = %s AND code = %s", [campaign, code]
    )
    return {f"{campaign}-{chunk}-{seq}" for chunk, seq in rows.fetchall()}


def in_doubt_ids(campaign: int) -> set[str]:
    """Ids of whom nobody knows."""
    rows = raw().execute("SELECT chunk_no, outcome FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    return {
        f"{campaign}-{chunk}-{seq}" for chunk, outcome in rows for seq, byte in enumerate(outcome) if byte == ord("q")
    }


def is_left_in_doubt(campaign: int) -> bool:
    """Whether nothing is open but requests that have no name of the dealer's, and there are such."""
    facts = "SELECT outcome, group_ref LIKE %s FROM campaign_chunk WHERE campaign_id = %s"
    rows = raw().execute(facts, [f"{campaign}-%", campaign]).fetchall()
    nameless = [set(bytes(outcome)) for outcome, is_key in rows if is_key]
    named = [set(bytes(outcome)) for outcome, is_key in rows if not is_key]
    return (
        any(ord("q") in one for one in nameless)
        and not any(set(b"na") & one for one in nameless)
        and not any(set(b"naq") & one for one in named)
    )


def taken_twice(sandbox: Sandbox, campaign: int) -> set[str]:
    """Ids that the sandbox has more than once."""
    times: dict[str, int] = {}
    for id_, *_ in sandbox.messages(campaign):
        times[id_] = times.get(id_, 0) + 1
    return {id_ for id_, n in times.items() if n > 1}


def dies(url: str, home: Path, point: str) -> None:
    """A worker of one slot, so that nothing else of it is under way when it dies."""
    assert worker(url, home, crash_at=point, slots=1).wait(40) == -signal.SIGKILL


def end_of_patience(campaign: int, slot: Slot) -> Books:
    """The books when only doubt was left; 73 hours later the campaign is finished."""
    until(slot, lambda: is_left_in_doubt(campaign), 60)
    waiting = books(raw(), campaign)
    older = "UPDATE campaign_chunk SET handed_at = handed_at - interval '73 hours', lease_until = now()"
    raw().execute(f"{older} WHERE campaign_id = %s AND state = 2", [campaign])
    until(slot, lambda: is_finished(campaign))
    return waiting


def assert_nobody_noticed(point: str, case: Case, sandbox: Sandbox, url: str, home: Path, slot: Slot) -> None:
    """A worker that dies there costs nothing but time."""
    _, campaign = a_campaign(sandbox, case)
    dies(url, home, point)
    at_death = books(raw(), campaign)

    until(slot, lambda: is_finished(campaign), 40)

    told = assert_both_sides_agree(sandbox, campaign)
    assert at_death.not_yet + at_death.accepted > 0 and told.delivered > 50
    assert noted(campaign, "AGAIN") == set() and told.cost_centiwon == told.accepted * 2500
    attempts = raw().execute("SELECT max(attempt) FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchone()
    assert attempts == ((1,) if point == "during_settle" else (2,))  # what waited for its turn was put back
