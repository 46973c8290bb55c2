"""The line to a mail server against a real one: one connection, certificates, and what may be tried again (M10)."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from majung_sandbox.mail import MailBooks

from majung.channels import mail_line
from majung.channels.adapters.smtp import letter
from majung.channels.adapters.smtp.letter import Letter, Sender
from majung.channels.mail_line import LOST, UNSENT, MailLine, Rejected, Security, Server, Unreached
from tests.mail.server import certificate, mail_server

pytestmark = [pytest.mark.product("M10")]
AT = datetime(2027, 3, 3, 3, tzinfo=UTC)
SENDER = Sender(address="news@party.example")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_line.time, "sleep", lambda _: None)


@pytest.fixture
def running() -> Iterator[tuple[MailBooks, int]]:
    with mail_server() as found:
        yield found


def where(port: int, security: Security = Security.NONE, **given: str) -> Server:
    return Server(host="127.0.0.1", port=port, security=security, **given)


def written(*recipients: str, text: str = "안녕하세요.") -> list[Letter]:
    return [
        Letter(
            sender=letter.return_path(SENDER, "T" * 36),
            recipient=recipient,
            content=letter.compose(
                sender=SENDER, recipient=recipient, message_id=f"7-3-{seq}", subject="소식", text=text,
                html_text=letter.as_html(text), unsubscribe="https://majung.example/p/x",
            ),
        )
        for seq, recipient in enumerate(recipients)
    ]  # fmt: skip


def several(n: int) -> list[Letter]:
    return written(*(f"hong{i}@mail.example" for i in range(n)))


def ids(books: MailBooks) -> list[str]:
    return [one.message_id for one in books.letters]


def test_many_letters_go_over_one_connection_as_they_were_written(running: tuple[MailBooks, int]) -> None:
    books, port = running
    letters = several(30)
    with closing(MailLine(where(port))) as line:
        answers = line.hand_over(letters, AT)
        line.hand_over(several(1), AT)
    assert {answer.code for answer in answers} == {250}
    assert books.connections == 1
    assert ids(books)[:30] == [f"7-3-{seq}" for seq in range(30)]
    date = b"Date: Wed, 03 Mar 2027 03:00:00 +0000\r\n"
    assert [one.content for one in books.letters[:30]] == [date + one.content for one in letters]
    assert {one.sender for one in books.letters} == {"news+" + "T" * 36 + "@party.example"}


def test_a_line_that_begins_with_a_dot_arrives(running: tuple[MailBooks, int]) -> None:
    books, port = running
    body = b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\nend\r\n"
    with closing(MailLine(where(port))) as line:
        line.hand_over([Letter(sender="a@b.example", recipient="c@d.example", content=body)], AT)
    assert books.letters[0].content.endswith(body)


def test_each_recipient_gets_an_answer_of_its_own(running: tuple[MailBooks, int]) -> None:
    books, port = running
    names = ("hong", "nobody", "full", "spam", "later", "kim")
    with closing(MailLine(where(port))) as line:
        answers = line.hand_over(written(*(f"{name}@mail.example" for name in names)), AT)
    assert [(answer.code, answer.status) for answer in answers] == [
        (250, "2.0.0"), (550, "5.1.1"), (552, "5.2.2"), (554, "5.7.1"), (451, "4.7.1"), (250, "2.0.0"),
    ]  # fmt: skip
    assert ids(books) == ["7-3-0", "7-3-5"]
    assert books.connections == 1


def test_a_lost_answer_is_in_doubt_and_never_sent_again(running: tuple[MailBooks, int]) -> None:
    books, port = running
    books.faults.drop_after_dot = 1
    with closing(MailLine(where(port))) as line:
        answers = line.hand_over(several(4), AT)
    assert [answer.code for answer in answers] == [LOST.code, 250, 250, 250]
    assert ids(books) == ["7-3-0", "7-3-1", "7-3-2", "7-3-3"], "each once"


def test_who_hangs_up_before_the_letter_is_told_again(running: tuple[MailBooks, int]) -> None:
    books, port = running
    books.faults.drop_before_letter = 2
    with closing(MailLine(where(port))) as line:
        answers = line.hand_over(several(3), AT)
    assert {answer.code for answer in answers} == {250}
    assert ids(books) == ["7-3-0", "7-3-1", "7-3-2"]


def test_who_hangs_up_in_a_letter_may_have_taken_it(running: tuple[MailBooks, int]) -> None:
    """The whole letter fits into what the system sends ahead: nobody here can know how much of it was read."""
    books, port = running
    books.faults.drop_in_letter = 1
    with closing(MailLine(where(port))) as line:
        answers = line.hand_over(several(2), AT)
    assert [answer.code for answer in answers] == [LOST.code, 250]
    assert ids(books) == ["7-3-1"]


def test_busy_is_waited_out_and_given_up_with_the_rest_unsent(running: tuple[MailBooks, int]) -> None:
    books, port = running
    books.faults.busy = 2
    with closing(MailLine(where(port))) as line:
        assert {answer.code for answer in line.hand_over(several(2), AT)} == {250}
        books.faults.busy = 100
        with pytest.raises(Unreached):
            line.hand_over(several(2), AT)
        books.faults.busy = 0
        assert line.hand_over(several(1), AT)[0].code == 250


def test_when_it_breaks_for_good_in_the_middle_the_rest_is_known_as_unsent(running: tuple[MailBooks, int]) -> None:
    books, port = running

    class Breaking(list[Letter]):
        """Everything is refused from the third letter on."""

        def __iter__(self) -> Iterator[Letter]:  # type: ignore[override]
            for seq in range(len(self)):
                if seq == 2:
                    books.faults.drop_before_letter = 100
                yield self[seq]

    with closing(MailLine(where(port))) as line:
        answers = line.hand_over(Breaking(several(5)), AT)
    assert [answer.code for answer in answers] == [250, 250, UNSENT.code, UNSENT.code, UNSENT.code]
    assert ids(books) == ["7-3-0", "7-3-1"]


def test_who_is_silent_after_the_dot_is_in_doubt(running: tuple[MailBooks, int]) -> None:
    books, port = running
    books.faults.silent = 1
    with closing(MailLine(where(port), answer_seconds=0.3)) as line:
        assert [answer.code for answer in line.hand_over(several(2), AT)] == [LOST.code, 250]


def test_a_sender_that_is_not_ours_stops_all(running: tuple[MailBooks, int]) -> None:
    books, port = running
    books.faults.refuse_sender = 1
    with closing(MailLine(where(port))) as line, pytest.raises(Rejected) as refused:
        line.hand_over(several(2), AT)
    assert (refused.value.code, books.letters) == ("SENDER", [])


def test_nobody_listening_and_no_greeting(running: tuple[MailBooks, int]) -> None:
    books, port = running
    books.faults.refuse_connection = 1
    for server in (where(port), where(9), Server(host="no-such-host.invalid", port=25, security=Security.NONE)):
        with closing(MailLine(server)) as line, pytest.raises(Unreached):
            line.check()


def test_signing_in_needs_the_right_password_and_never_goes_in_the_clear(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path)
    with mail_server(serving) as (books, port):
        books.users["majung"] = "seven quiet rivers"
        right = where(port, Security.STARTTLS, user="majung", password="seven quiet rivers")
        with closing(MailLine(right, context=trusting)) as line:
            assert line.hand_over(several(1), AT)[0].code == 250
        wrong = where(port, Security.STARTTLS, user="majung", password="eight quiet rivers")
        with closing(MailLine(wrong, context=trusting)) as line, pytest.raises(Rejected) as refused:
            line.check()
        assert refused.value.code == "KEY"
        assert "eight" not in f"{refused.value} {wrong!r}"
        plain = where(port, Security.NONE, user="majung", password="seven quiet rivers")
        with closing(MailLine(plain)) as line, pytest.raises(Rejected) as refused:
            line.check()
        assert refused.value.code == "SECURITY"


@pytest.mark.parametrize("implicit", [True, False], ids=["tls", "starttls"])
def test_certificates_are_checked(tmp_path: Path, implicit: bool) -> None:
    serving, trusting = certificate(tmp_path)
    security = Security.TLS if implicit else Security.STARTTLS
    with mail_server(serving, implicit=implicit) as (books, port):
        with closing(MailLine(where(port, security), context=trusting)) as line:
            assert line.hand_over(several(2), AT)[1].code == 250
        with closing(MailLine(where(port, security))) as line, pytest.raises(Rejected) as unknown:
            line.check()
    (tmp_path / "other").mkdir()
    serving, trusting = certificate(tmp_path / "other", "mail.example")
    with mail_server(serving, implicit=implicit) as (_, port), pytest.raises(Rejected) as other_name:
        MailLine(where(port, security), context=trusting).check()
    assert {unknown.value.code, other_name.value.code} == {"CERTIFICATE"}
    assert len(books.letters) == 2


def test_a_server_that_has_lost_its_starttls_gets_nothing(running: tuple[MailBooks, int]) -> None:
    books, port = running
    line = MailLine(where(port, Security.STARTTLS), context=ssl.create_default_context())
    with closing(line), pytest.raises(Rejected) as refused:
        line.hand_over(several(1), AT)
    assert (refused.value.code, books.letters) == ("SECURITY", [])


@pytest.mark.parametrize(
    "said", [b"", b"\xff\xfe\r\n", b"220", b"220 x\r\n" + b"250-x\r\n" * 50, b"999 x\r\n", b"220 " + b"x" * 20_000]
)
def test_nonsense_is_not_understood_and_nothing_hangs(said: bytes) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        caller, _ = listening.accept()
        with caller:
            caller.sendall(said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with closing(MailLine(where(listening.getsockname()[1]))) as line, pytest.raises((Unreached, Rejected)):
        line.check()
    thread.join(10)
    listening.close()


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [("smtp://mail.example", 587, Security.STARTTLS), ("smtps://mail.example", 465, Security.TLS),
     ("smtp+plain://127.0.0.1:2525", 2525, Security.NONE), ("smtp://mail.example:2587/", 2587, Security.STARTTLS)],
)  # fmt: skip
def test_addresses_of_servers(url: str, port: int, security: Security) -> None:
    found = mail_line.server(url, "u", "p")
    assert (found.port, found.security, found.user) == (port, security, "u")


@pytest.mark.parametrize(
    "url", ["", "http://a.example", "smtp://", "smtp://u:p@a.example", "smtp://a.example/x", "smtp://a:99999"]
)
def test_what_is_no_server(url: str) -> None:
    with pytest.raises(ValueError):
        _ = mail_line.server(url)


def test_no_letter_is_begun_after_the_time_for_a_bundle(running: tuple[MailBooks, int]) -> None:
    books, port = running
    with closing(MailLine(where(port))) as line:
        assert [one.code for one in line.hand_over(several(3), AT, seconds=-1)] == [UNSENT.code] * 3
    assert books.letters == []
