"""The e-mail adapter alone: bundles in and out, answers to outcomes, credentials, hostile values (M10)."""

import email
import email.policy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels.adapters.base import DealerRefused
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.channels.adapters.registry import ADAPTERS
from majung.channels.adapters.smtp.adapter import LINK, Smtp, outcome, pack, unpack
from majung.channels.adapters.smtp.letter import Letter
from majung.channels.adapters.terms import Account, Batch, Kind, Message, Reply
from majung.core.errors import Outside

pytestmark = [pytest.mark.product("M10")]
MORE = {"server": "smtp://mail.example:587", "from": "news@party.example", "from_name": "가람당"}
LINKS = [b"https://majung.example/p/" + letter * 36 for letter in (b"A", b"B", b"C")]


def smtp(**more: str) -> Smtp:
    return Smtp(Account(base_url="smtp:", key="", secret="", more=MORE | more))


def batch(*recipients: str, text: str = "#{이름} 님", subject: str = "소식", **columns: Any) -> Batch:
    names = columns.pop("names", [f"홍{n}".encode() for n in range(len(recipients))])
    return Batch(
        kind=Kind.EMAIL, message=Message(text=text, subject=subject), campaign=7, chunk=3,
        recipients=[one.encode() for one in recipients], columns={"이름": names, LINK: LINKS[: len(recipients)], **columns},
    )  # fmt: skip


def test_each_person_gets_a_letter_of_their_own() -> None:
    made = smtp(bounces="back@party.example")
    one, two = unpack(made.encode(batch("a@mail.example", "b@mail.example")))
    assert (one.sender, two.recipient) == ("back+" + "A" * 36 + "@party.example", "b@mail.example")
    read = email.message_from_bytes(two.content, policy=email.policy.default)
    assert (read["message-id"], read["list-unsubscribe"]) == ("<7-3-1@party.example>", f"<{LINKS[1].decode()}>")
    assert next(iter(read.iter_parts())).get_payload(decode=True) == "홍1 님".encode()  # type: ignore[attr-defined]


def test_gaps_in_the_positions_are_kept() -> None:
    whole = batch("a@mail.example", "b@mail.example")
    asked = Batch(**{name: getattr(whole, name) for name in whole.__dataclass_fields__} | {"seqs": [4, 40]})
    assert [
        b"<7-3-%d@" % seq in one.content for seq, one in zip((4, 40), unpack(smtp().encode(asked)), strict=True)
    ] == [True] * 2


@pytest.mark.parametrize("address", ["", "no address", "a@b", "a@mail.example\r\nBcc: x@y.example", "가@mail.example"])
def test_a_wrong_address_gets_an_empty_letter_and_keeps_nobody_else(address: str) -> None:
    wrong, right = unpack(smtp().encode(batch(address, "b@mail.example")))
    assert (wrong.recipient, wrong.content, right.recipient) == ("", b"", "b@mail.example")


@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\r\nBcc: x@y.example", "#{조직}".encode(), b"\x00", b"<script>"])
def test_a_hostile_name_stays_a_name(name: bytes) -> None:
    [one] = unpack(smtp().encode(batch("a@mail.example", subject="#{이름} 님께", names=[name])))
    read = email.message_from_bytes(one.content, policy=email.policy.default)
    assert read["bcc"] is None
    assert b"<script>" not in one.content


def test_a_missing_or_short_column_sends_nothing() -> None:
    with pytest.raises(ValueError, match="이름"):
        smtp().encode(
            Batch(
                kind=Kind.EMAIL,
                message=Message(text="#{이름}"),
                campaign=1,
                chunk=1,
                recipients=[b"a@b.example"],
                columns={LINK: LINKS[:1]},
            )
        )
    with pytest.raises(ValueError, match="1 values for 2 people"):
        smtp().encode(batch("a@mail.example", "b@mail.example", names=[b"x"]))


@given(
    st.lists(st.tuples(st.text("abc@.+", max_size=9), st.text("abc@.", max_size=9), st.binary(max_size=99)), max_size=9)
)
def test_bundles_come_apart_as_they_were(parts: list[tuple[str, str, bytes]]) -> None:
    letters = [Letter(sender=one, recipient=two, content=three) for one, two, three in parts]
    assert list(unpack(pack(letters))) == letters


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [(250, "2.0.0", Outcome.ACCEPTED), (0, "", Outcome.IN_DOUBT), (-1, "", Outcome.NOT_TAKEN), (550, "5.1.1", Outcome.BAD_ADDRESS),
     (550, "", Outcome.BAD_ADDRESS), (552, "5.2.2", Outcome.MAILBOX_FULL), (452, "4.2.2", Outcome.MAILBOX_FULL),
     (554, "5.7.1", Outcome.SPAM), (552, "5.3.4", Outcome.TOO_LONG), (451, "4.7.1", Outcome.NETWORK), (554, "", Outcome.FAILED),
     (553, "5.1.3", Outcome.BAD_ADDRESS), (550, "5.1.8", Outcome.BAD_SENDER), (550, "5.2.1", Outcome.BAD_ADDRESS),
     (999, "", Outcome.FAILED)],
)  # fmt: skip
def test_what_a_server_says_is_an_outcome(code: int, status: str, told: Outcome) -> None:
    assert outcome(code, status) is told


def test_answers_are_told_in_the_order_of_the_letters() -> None:
    asked = batch("a@mail.example", "b@mail.example", "c@mail.example")
    handed = smtp().decode_handed(Reply(250, orjson.dumps([[250, "2.0.0"], [550, "5.1.1"], [0, ""]])), asked)
    assert [category(byte) for byte in handed.outcomes] == [Category.ACCEPTED, Category.REFUSED, Category.IN_DOUBT]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"[[250]]", b'[["x","y"]]', b"[1]", b'[[250,"2"],[250,"2"]]']
)
def test_nonsense_is_no_answer(body: bytes) -> None:
    with pytest.raises(Outside) as doubt:
        smtp().decode_handed(Reply(250, body), batch("a@mail.example"))
    assert not isinstance(doubt.value, DealerRefused)


@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"server": ""},
        {"from": ""},
        {"from": "no address"},
        {"key": "somebody"},
        {"secret": "alone"},
        {"bounces": "x"},
    ],
)
def test_what_is_missing_of_an_account_is_told(given_: dict[str, str]) -> None:
    whole = MORE if given_ else {}
    assert ADAPTERS["smtp"].lacking({**whole, **given_}).endswith(".")
    assert ADAPTERS["smtp"].lacking({**MORE, "key": "somebody", "secret": "seven quiet rivers"}) == ""


def test_a_sandbox_account_reaches_the_sandboxs_machine_alone() -> None:
    near = Smtp(
        Account(
            base_url="http://127.0.0.1:8790", key="", secret="", more=MORE | {"server": "smtp+plain://127.0.0.1:8791"}
        )
    )
    far = Smtp(Account(base_url="http://127.0.0.1:8790", key="", secret="", more=MORE))
    assert near.server == "smtp+plain://127.0.0.1:8791"
    with pytest.raises(DealerRefused):
        far.send_request(Kind.EMAIL, b"", "7-3-1")
