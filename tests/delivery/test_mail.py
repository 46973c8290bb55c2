"""Letters through the engine against a real mail server: the same ledger, the same rules of doubt, the same books (M10)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from majung_sandbox.mail import MailBooks

from majung.channels import mail_line
from majung.channels.adapters.terms import Button, Kind, Message
from majung.consent import services as consent
from majung.consent.enums import ConsentMedium, RefusalPath
from majung.core.db import raw
from majung.delivery import planner
from majung.delivery.books import books
from majung.delivery.engine import Slot
from majung.delivery.order import Order
from majung.delivery.outcomes import Reason
from majung.delivery.render import Local, Template
from majung.policy.enums import Medium
from majung.tree.actor import system_actor
from tests.delivery.conftest import start, until
from tests.delivery.test_engine import a_number, is_finished, state
from tests.mail.server import mail_server
from tests.make import channels as make_channels
from tests.make import delivery as make
from tests.make import people as make_people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M10")]
FATES = ("hong", "nobody", "full", "spam", "later", "returns")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_line.time, "sleep", lambda _: None)


@pytest.fixture
def server() -> Iterator[tuple[MailBooks, int]]:
    with mail_server() as found:
        yield found


def party(port: int, *addresses: str, **columns: object) -> make.Party:
    made = make.party(depth=1)
    more = {"server": f"smtp+plain://127.0.0.1:{port}", "from": "news@party.example", "from_name": "가람당 중앙당"}
    account = make_channels.account(
        unit=made.top, name="편지", adapter="smtp", key="", secret="", more=more, base_url="http://127.0.0.1:1"
    )
    people = [
        make_people.person(unit=made.top, email=one, name=f"홍길{n}", **columns) for n, one in enumerate(addresses)
    ]
    member = [(person, made.made.entity.pk, made.root_id) for person in people]
    for row in member:
        raw().execute(
            "INSERT INTO membership (person_id, entity_id, root_id, state, since) VALUES (%s, %s, %s, 2, '2024-01-01')",
            row,
        )
    return replace(made, account=account, people=people)


def order(made: make.Party, campaign: int, at: datetime) -> Order:
    message = Message(
        text="#{이름} 님, 토요일에 만나요.\nhttps://party.example", subject="#{이름} 님께",
        buttons=(Button(name="신청하기", link_mobile="https://party.example/join"),),
    )  # fmt: skip
    template = Template(
        kind=Kind.EMAIL, message=message, locals=(Local(channel_id=0, pf_id="", unit="중앙당"),), link_base="https://majung.example/p/",
    )  # fmt: skip
    asked = make.order(made, campaign=campaign, at=at)
    return replace(
        asked, occasion=replace(asked.occasion, medium=Medium.EMAIL), template=template, stops=(), unit_centiwon=0
    )


def sent(made: make.Party, slot: Slot, at: datetime) -> int:
    campaign = a_number()
    planner.freeze(raw(), order(made, campaign, at))
    start(campaign)
    until(slot, lambda: is_finished(campaign))
    return campaign


def letters(campaign: int, found: MailBooks) -> list[str]:
    return [one.message_id for one in found.letters]


def ledger(campaign: int) -> dict[str, str]:
    rows = raw().execute("SELECT chunk_no, outcome FROM campaign_chunk WHERE campaign_id = %s", [campaign]).fetchall()
    return {f"{campaign}-{chunk}-{seq}": chr(byte) for chunk, outcome in rows for seq, byte in enumerate(outcome)}


def test_a_campaign_of_letters_goes_out_and_both_sides_agree(
    server: tuple[MailBooks, int], slot: Slot, noon: datetime
) -> None:
    found, port = server
    made = party(port, *(f"hong{n}@mail.example" for n in range(120)))
    campaign = sent(made, slot, noon)

    told = books(raw(), campaign)
    assert Counter(letters(campaign, found)) == Counter(list(ledger(campaign)))
    assert set(ledger(campaign).values()) == {"a"}
    assert (told.is_balanced, told.audience, told.accepted, told.in_doubt, told.refused) == (True, 120, 120, 0, 0)
    assert found.connections <= 3
    whole = found.letters[0].content.decode()
    assert "List-Unsubscribe: <https://majung.example/p/" in whole
    assert found.letters[0].sender.startswith("news+")
    raw_all = b"".join(one.content for one in found.letters)
    assert b"#{" not in raw_all


def test_each_refusal_has_its_reason_and_the_rest_arrives(
    server: tuple[MailBooks, int], slot: Slot, noon: datetime
) -> None:
    found, port = server
    made = party(port, *(f"{fate}@mail.example" for fate in FATES), "no address at all")
    campaign = sent(made, slot, noon)

    told = books(raw(), campaign)
    assert (told.is_balanced, told.audience, told.accepted, told.refused) == (True, 7, 2, 5)
    codes = sorted(ord(byte) for byte in ledger(campaign).values() if ord(byte) < 97)
    assert codes == [32, 33, 35, 35, 36]
    assert len(found.letters) == 2


def test_a_lost_answer_leaves_one_person_in_doubt_and_is_never_sent_again(
    server: tuple[MailBooks, int], slot: Slot, noon: datetime
) -> None:
    found, port = server
    made = party(port, *(f"hong{n}@mail.example" for n in range(10)))
    found.faults.drop_after_dot = 1
    campaign = sent(made, slot, noon)

    told = books(raw(), campaign)
    assert (told.is_balanced, told.accepted, told.in_doubt) == (True, 9, 1)
    assert Counter(letters(campaign, found)) == Counter(list(ledger(campaign))), "each once"


def test_a_server_that_is_away_is_waited_for_and_nobody_fails(
    server: tuple[MailBooks, int], slot: Slot, noon: datetime
) -> None:
    found, port = server
    made = party(port, *(f"hong{n}@mail.example" for n in range(3)))
    found.faults.busy = 6
    campaign = a_number()
    planner.freeze(raw(), order(made, campaign, noon))
    start(campaign)

    def rested() -> bool:
        raw().execute(
            "UPDATE dispatch SET rest_until = now() WHERE campaign_id = %s AND rest_until > now()", [campaign]
        )
        return is_finished(campaign)

    until(slot, rested)
    assert (books(raw(), campaign).accepted, len(found.letters)) == (3, 3)


def test_a_server_that_does_not_want_us_pauses_and_nobody_fails(
    server: tuple[MailBooks, int], slot: Slot, noon: datetime
) -> None:
    found, port = server
    made = party(port, "hong@mail.example")
    found.faults.refuse_sender = 100
    campaign = a_number()
    planner.freeze(raw(), order(made, campaign, noon))
    start(campaign)
    until(slot, lambda: state(campaign)[0] == "paused")
    assert (state(campaign)[1], books(raw(), campaign).not_yet) == ("account", 1)


def test_who_has_no_address_or_refused_or_shares_one_gets_none(
    server: tuple[MailBooks, int], slot: Slot, noon: datetime
) -> None:
    found, port = server
    made = party(port, "a@mail.example", "", "c@mail.example", "A@mail.example")
    refuser = made.people[2]
    consent.refuse(
        made.root_id, [refuser], made.made.entity.pk, (ConsentMedium.EMAIL,), RefusalPath.LINK,
        actor=system_actor(made.root_id),
    )  # fmt: skip
    campaign = sent(made, slot, noon)
    left = dict(
        raw().execute("SELECT reason, people FROM campaign_left_out WHERE campaign_id = %s", [campaign]).fetchall()
    )
    assert {reason: list(people) for reason, people in left.items()} == {
        "NO_CONTACT": [made.people[1]], "OPTED_OUT_INFO": [refuser], str(Reason.SAME_CONTACT): [made.people[3]],
    }  # fmt: skip
    assert [one.recipient for one in found.letters] == ["a@mail.example"]


def test_a_sandbox_account_reaches_no_other_machine(server: tuple[MailBooks, int], slot: Slot, noon: datetime) -> None:
    found, port = server
    made = party(port, "hong@mail.example")
    made.account.base_url = "http://sandbox.example:1"
    made.account.save(update_fields=["base_url"])
    campaign = a_number()
    planner.freeze(raw(), order(made, campaign, noon))
    start(campaign)
    until(slot, lambda: state(campaign)[0] == "paused")
    assert (state(campaign)[1], found.letters) == ("account", [])
