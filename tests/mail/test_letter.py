"""A letter reads back as it was meant, whatever stands in it; nothing typed becomes a header or markup (M10)."""

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels.adapters.smtp import letter
from majung.channels.adapters.smtp.letter import Sender
from majung.channels.adapters.terms import Button
from majung.people.addresses import is_address, normalise

pytestmark = [pytest.mark.product("M10")]
SENDER = Sender(
    address="news@party.example", name="가람당 서울시당", reply_to="ask@party.example", bounces="back@party.example"
)
LINK = "https://majung.example/p/" + "A" * 36


def read(subject: str = "소식", text: str = "안녕하세요.", **given_: object) -> EmailMessage:
    made = letter.compose(
        sender=SENDER, recipient="hong@mail.example", message_id="7-3-12", subject=subject, text=text,
        html_text=letter.as_html(text), unsubscribe=LINK, **given_,
    )  # type: ignore[arg-type]  # fmt: skip
    found = email.message_from_bytes(made, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_headers_say_who_writes_and_how_it_ends() -> None:
    found = read("(광고) 토요일 모임")
    assert found["subject"] == "(광고) 토요일 모임"
    assert found["from"].addresses[0].display_name == "가람당 서울시당"
    assert found["from"].addresses[0].addr_spec == "news@party.example"
    assert (found["reply-to"], found["to"]) == ("ask@party.example", "hong@mail.example")
    assert found["message-id"] == "<7-3-12@party.example>"
    assert found["list-unsubscribe"] == f"<{LINK}>"
    assert found["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert found.get_content_type() == "multipart/alternative"


@given(st.text(max_size=300), st.text(max_size=2000))
def test_whatever_is_said_reads_back(subject: str, text: str) -> None:
    made = letter.compose(
        sender=SENDER, recipient="hong@mail.example", message_id="7-3-12",
        subject=subject.encode("utf-8", "replace").decode(), text=text.encode("utf-8", "replace").decode(),
        html_text="", unsubscribe=LINK,
    )  # fmt: skip
    made.partition(b"\r\n\r\n")[0].decode("ascii")
    assert all(len(line) <= 998 for line in made.split(b"\r\n"))
    assert b"\n" not in made.replace(b"\r\n", b"")
    found = email.message_from_bytes(made, policy=email.policy.default)
    assert len(found.keys()) == 10
    [plain, _] = found.iter_parts()
    wanted = text.encode("utf-8", "replace").decode().replace("\n", "\r\n").encode()
    assert plain.get_payload(decode=True) == wanted


@pytest.mark.parametrize("wicked", ["a\r\nBcc: x@y.example", "a\nX: 1", "a\rb", "a\x00b", "a\u2028b\u0085c"])
def test_a_subject_stays_one_header(wicked: str) -> None:
    found = read(wicked)
    assert found["bcc"] is None
    assert found["x"] is None
    assert "\n" not in found["subject"]


@pytest.mark.parametrize(
    "address",
    ["", "hong", "hong@", "@mail.example", "hong@mail", "hong@mail.example\r\nBcc: x@y.example", "a b@mail.example",
     "<hong@mail.example>", "hong@mail.example,b@mail.example", '"a b"@mail.example', "홍@mail.example", "hong@메일.example",
     "a..b@mail.example", "a@-x.example", "a" * 65 + "@mail.example", "a@" + "b" * 64 + ".example", "a@" + "b." * 130 + "example",
     "a@mail.example>", "a(b)@mail.example"],
)  # fmt: skip
def test_what_is_no_address_gets_no_letter(address: str) -> None:
    assert not is_address(address)
    with pytest.raises(ValueError, match="address"):
        letter.compose(
            sender=SENDER, recipient=address, message_id="1-1-1", subject="", text="", html_text="", unsubscribe=LINK
        )


@pytest.mark.parametrize(
    "address", ["hong@mail.example", "a.b+c@x-y.mail.example", "A_B'c@1.example", "a" * 64 + "@b.example"]
)
def test_addresses(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    ("written", "address"),
    [(" Hong@Mail.EXAMPLE ", "Hong@mail.example"), ("mailto:a@b.example", "a@b.example"), ("ａ＠ｂ．ｅｘａｍｐｌｅ", "a@b.example"),
     ("<a@b.example>", "a@b.example"), ("없음", ""), ("a@b", ""), ("@", ""), ("x" * 10_000, ""),
     ("a@우체국.example", f"a@{'우체국'.encode('idna').decode()}.example"), ("홍@b.example", ""), ("a@가..example", ""),
     ("a@" + "가" * 64 + ".example", ""), ("a b@c.example", ""), ("a@b.example, c@d.example", "")],
)  # fmt: skip
def test_one_spelling_of_an_address(written: str, address: str) -> None:
    assert normalise(written) == address


@pytest.mark.parametrize("unsubscribe", ["https://a.example/>\r\nX: 1", "https://a.example/ b", "https://가.example/"])
def test_a_way_out_that_breaks_the_header_is_a_bug(unsubscribe: str) -> None:
    with pytest.raises(ValueError, match="header"):
        letter.compose(
            sender=SENDER, recipient="a@b.example", message_id="1-1-1", subject="", text="", html_text="",
            unsubscribe=unsubscribe,
        )  # fmt: skip


def test_markup_is_escaped_and_addresses_are_linked() -> None:
    text = '<script>alert("1")</script> & https://a.example/?a=1&b="2\n(https://b.example/c).'
    page = letter.as_html(text, (Button(name="<b>신청</b>", link_mobile='https://c.example/"x'),))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert '<a href="https://a.example/?a=1&amp;b=">' in page
    assert '<a href="https://b.example/c">https://b.example/c</a>).' in page
    assert "&lt;b&gt;신청&lt;/b&gt;" in page
    assert '/"x' not in page
    assert page.count("<br>") == 1
    assert "javascript" not in letter.as_html("", (Button(name="x", link_mobile="javascript:alert(1)"),))


def test_the_envelope_says_whose_it_was() -> None:
    assert letter.return_path(SENDER, "T" * 36) == f"back+{'T' * 36}@party.example"
    assert letter.return_path(Sender(address="news@party.example"), "T" * 36).startswith("news+")
    assert is_address(letter.return_path(SENDER, "_-" * 18))
