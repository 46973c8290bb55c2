"""The sandbox's mail side: what it takes, what it says it took, and what it is told by strangers."""

import contextlib
import smtplib
import socket
from collections.abc import Iterator
from urllib.error import HTTPError

import pytest

from tests.make.sandbox import Sandbox, running

LETTER = "Message-ID: <7-1-{0}@party.example>\r\nSubject: x\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with running() as found:
        yield found


@pytest.fixture(autouse=True)
def clean(box: Sandbox) -> None:
    box.control("mail", {"reset": True})


def send(box: Sandbox, recipient: str, number: int = 0) -> None:
    with smtplib.SMTP("127.0.0.1", box.mail_port, timeout=10) as smtp:
        smtp.sendmail("news@party.example", [recipient], LETTER.format(number))


def test_letters_are_counted_and_some_come_back(box: Sandbox) -> None:
    for number, recipient in enumerate(("hong@a.example", "returns@a.example")):
        send(box, recipient, number)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(box, "nobody@a.example", 2)
    assert box.control("mail/ids") == "7-1-0\n7-1-1"
    [told] = box.control("mail/returned")
    assert "Final-Recipient: rfc822; returns@a.example" in told
    assert box.control("mail/returned") == []


def test_a_letter_taken_without_an_answer_is_taken(box: Sandbox) -> None:
    box.control("mail", {"faults": {"drop_after_dot": 1}})
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(box, "hong@a.example")
    assert (box.control("mail")["letters"], box.control("mail")["faults"]["drop_after_dot"]) == (1, 0)


@pytest.mark.parametrize(
    "wrong", [{"faults": {"explode": 1}}, {"faults": {"busy": -1}}, {"faults": 1}, {"users": {"a": ""}}]
)
def test_what_cannot_be_set_is_refused(box: Sandbox, wrong: object) -> None:
    with pytest.raises(HTTPError):
        box.control("mail", wrong)


def test_who_must_sign_in_is_told(box: Sandbox) -> None:
    box.control("mail", {"users": {"majung": "seven quiet rivers"}})
    with pytest.raises(smtplib.SMTPSenderRefused):
        send(box, "hong@a.example")


def test_hostile_callers_do_not_stop_it(box: Sandbox) -> None:
    for said in (
        b"\xff" * 100_000,
        b"\r\n" * 1000,
        b"MAIL FROM:<" + b"a" * 10_000,
        b"DATA\r\n",
        b"AUTH PLAIN \xff\r\n",
        b"",
    ):
        with socket.create_connection(("127.0.0.1", box.mail_port), 10) as caller, contextlib.suppress(OSError):
            caller.sendall(said)
    send(box, "hong@a.example")
    assert box.control("mail")["letters"] == 1
