"""Letters that come back: believed as far as they prove whose they are, and only for the address that is gone (M10, X7)."""

import mailbox
from argparse import Namespace
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from majung.channels.adapters.smtp import letter
from majung.channels.adapters.smtp.letter import Letter, Sender
from majung.channels.mail_line import MailLine, Security, Server
from majung.cli import returns as command
from majung.consent import links
from majung.core.db import raw
from majung.core.errors import Invalid
from majung.core.sealing import sealer_at
from majung.crowd import catalogue, evaluate
from majung.crowd.expression import Leaf
from majung.mail import returns
from majung.mail.models import Returned
from majung.mail.returns import Found
from tests.mail.server import mail_server
from tests.make import people as make_people
from tests.make import tree
from tests.make.tree import Organised

pytestmark = [pytest.mark.django_db, pytest.mark.product("M10")]
AT = datetime(2027, 3, 3, 3, tzinfo=UTC)
SENDER = Sender(address="news@party.example", bounces="back@party.example")


@dataclass(frozen=True)
class Place:
    made: Organised
    person: int
    address: str

    @property
    def token(self) -> str:
        return links.token(self.made.root.pk, self.person, 7)


@pytest.fixture
def place() -> Place:
    made = tree.organisation(depth=1)
    address = "returns.hong@mail.example"
    return Place(made, make_people.person(unit=made.top, email=address), address)


def take(told: bytes) -> Found:
    return returns.take(raw(), sealer_at(settings.VAULT_KEY), told, AT)


def came_back(token: str, recipient: str) -> bytes:
    """What a mail server makes of a letter that was handed over by our own line."""
    sender = letter.return_path(SENDER, token)
    content = letter.compose(
        sender=SENDER, recipient=recipient, message_id="7-1-0", subject="소식", text="안녕하세요.", html_text="",
        unsubscribe=f"https://majung.example/p/{token}",
    )  # fmt: skip
    with (
        mail_server() as (books, port),
        closing(MailLine(Server(host="127.0.0.1", port=port, security=Security.NONE))) as line,
    ):
        line.hand_over([Letter(sender=sender, recipient=recipient, content=content)], AT)
        [told] = books.returned
    return told


def mailable(place: Place) -> bool:
    catalogue.load()
    return evaluate.holds(raw(), place.made.root.pk, Leaf("mailable"), place.person)


def test_an_address_that_is_gone_is_not_written_to_again(place: Place) -> None:
    told = came_back(place.token, place.address)
    catalogue.load()
    assert mailable(place)
    assert place.person in evaluate.bitmap(raw(), place.made.root.pk, Leaf("mailable"))
    assert take(told) is Found.MARKED
    assert not mailable(place)
    assert place.person not in evaluate.bitmap(raw(), place.made.root.pk, Leaf("mailable")), "the change was noted"
    assert take(told) is Found.PASSING
    row = Returned.objects.get()
    assert (row.root_id, row.status, row.campaign_id, row.since) == (place.made.root.pk, "5.1.1", 7, AT)
    assert place.address.encode() not in bytes(row.blind)


def test_everybody_who_holds_the_address_is_spared(place: Place) -> None:
    other = make_people.person(unit=place.made.top, name="성춘향", email=place.address.upper())
    take(came_back(place.token, place.address))
    assert not evaluate.holds_many(raw(), place.made.root.pk, Leaf("mailable"), [place.person, other])


def test_a_full_mailbox_is_no_reason(place: Place) -> None:
    full = Place(place.made, make_people.person(unit=place.made.top, email="fills@mail.example"), "fills@mail.example")
    assert take(came_back(full.token, full.address)) is Found.PASSING
    assert mailable(full)


def test_who_got_another_address_meanwhile_keeps_it(place: Place) -> None:
    assert take(came_back(place.token, "returns.old@mail.example")) is Found.PASSING
    assert mailable(place)


def test_a_token_is_needed_and_speaks_of_its_own_person_alone(place: Place) -> None:
    told = came_back(place.token, place.address)
    forged = place.token[:-1] + ("A" if place.token[-1] != "A" else "B")
    assert take(told.replace(place.token.encode(), forged.encode())) is Found.UNKNOWN
    assert take(told.replace(place.token.encode(), b"A" * 36)) is Found.UNKNOWN
    stranger = make_people.person(unit=tree.organisation(depth=1).top, email=place.address)
    other = links.token(place.made.root.pk, stranger, 7)
    assert take(told.replace(place.token.encode(), other.encode())) is Found.PASSING
    assert not Returned.objects.exists()


def test_the_head_of_the_letter_is_enough_when_the_envelope_was_lost(place: Place) -> None:
    told = came_back(place.token, place.address)
    lost = told.replace(f"back+{place.token}@party.example".encode(), b"postmaster@party.example", 1)
    assert lost != told
    assert take(lost) is Found.MARKED


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (b"Action: failed", b"Action: delayed", Found.UNKNOWN),
        (b"Status: 5.1.1", b"Status: 4.1.1", Found.PASSING),
        (b"Status: 5.1.1", b"Status: 5.7.1", Found.PASSING),
        (b"Status: 5.1.1", b"Status: 5.1.8", Found.PASSING),
        (b"Status: 5.1.1", b"Status: nonsense", Found.PASSING),
        (b"Status: 5.1.1", b"Status: 5.2.1 (closed)", Found.MARKED),
        (b"message/delivery-status", b"text/plain", Found.UNKNOWN),
        (b"multipart/report", b"text/plain", Found.UNKNOWN),
        (b"Final-Recipient: rfc822;", b"Final-Recipient: x400;", Found.MARKED),
        (b"Final-Recipient", b"Somebody", Found.UNKNOWN),
    ],
)
def test_what_returns_may_say(place: Place, before: bytes, after: bytes, found: Found) -> None:
    told = came_back(place.token, place.address)
    assert before in told
    assert take(told.replace(before, after)) is found


def deep(levels: int) -> bytes:
    head = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (i, i) for i in range(levels))
    return b"To: back+" + b"A" * 36 + b"@party.example\r\n" + head


@pytest.mark.parametrize(
    "told",
    [b"", b"\x00" * 1000, b"\xff" * 100_000, b"To: \r\n" * 100_000, deep(5_000), b"a" * (2 * returns.LARGEST),
     b"To: =?utf-8?b?////?=\r\nContent-Type: multipart/report\r\n\r\n",
     b"Content-Type: multipart/report; boundary=\"\"\r\n\r\n--\r\n",
     b"Content-Transfer-Encoding: base64\r\nContent-Type: message/delivery-status\r\n\r\n!!!"],
    ids=["empty", "nul", "bytes", "heads", "deep", "huge", "word", "boundary", "base64"],
)  # fmt: skip
def test_nonsense_is_nobodys(told: bytes) -> None:
    assert take(told) is Found.UNKNOWN


def test_the_persons_page_shows_it_and_somebody_can_say_that_it_is_right(place: Place) -> None:
    browser = Client()
    browser.force_login(place.made.owner)
    page, press = f"/people/{place.person}/", f"/people/{place.person}/mail/clear/"
    assert press not in browser.get(page).content.decode()
    take(came_back(place.token, place.address))
    assert press in browser.get(page).content.decode()
    assert browser.post(press).status_code == 302
    assert mailable(place)
    assert press not in browser.get(page).content.decode()
    assert browser.post(press).status_code == 302


def maildir(folder: Path, *letters: bytes) -> Path:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    for number, told in enumerate(letters):
        (folder / "new" / f"{number}.host").write_bytes(told)
    return folder


def test_the_command_reads_each_letter_of_a_maildir_once(place: Place, tmp_path: Path) -> None:
    sealer = sealer_at(settings.VAULT_KEY)
    told = came_back(place.token, place.address)
    folder = maildir(tmp_path / "box", told, b"Subject: hello\r\n\r\nhello\r\n", b"\xff\x00")
    box = mailbox.Maildir(str(folder), create=False)
    assert command.collect(raw(), sealer, box) == {Found.MARKED: 1, Found.UNKNOWN: 2}
    assert not mailable(place)
    assert (len(list((folder / "new").iterdir())), len(list((folder / "cur").iterdir()))) == (0, 3)
    assert command.collect(raw(), sealer, mailbox.Maildir(str(folder), create=False)) == {}
    assert command.judge(raw(), sealer, [told]) == {Found.PASSING: 1}


@pytest.mark.parametrize("wrong", ["none", "file"])
def test_the_command_wants_a_maildir(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Invalid):
        command.run(Namespace(maildir=str(tmp_path / wrong)))


@given(st.binary(max_size=400), st.integers(0, 2000))
@hypothesis_settings(max_examples=60, deadline=None)
def test_no_damage_breaks_the_reading(bytes_: bytes, at: int) -> None:
    sealer: Any = sealer_at(settings.VAULT_KEY)
    whole = TEMPLATE[:at] + bytes_ + TEMPLATE[at:]
    returns.read(whole, sealer)


TEMPLATE = b"""To: back+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@party.example\r
Content-Type: multipart/report; report-type=delivery-status; boundary="r"\r
\r
--r\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; x\r
\r
Final-Recipient: rfc822; a@b.example\r
Action: failed\r
Status: 5.1.1\r
\r
--r--\r
"""
