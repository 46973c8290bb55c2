"""The e-mail adapter: the contract of all adapters against the sandbox's mail server; and alone, bundles in and out,
answers to outcomes, credentials, hostile values (M10).
"""

import email
import email.policy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels import dealer, mail_line
from majung.channels.adapters.base import Adapter, DealerRefused, Direct
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.channels.adapters.registry import ADAPTERS
from majung.channels.adapters.smtp.adapter import LINK, Smtp, outcome, pack, unpack
from majung.channels.adapters.smtp.letter import Letter
from majung.channels.adapters.terms import Account, Batch, Kind, Message, Reply
from majung.channels.line import Unsent
from majung.channels.lines import open_line
from majung.core.errors import Outside
from tests.channels import contract
from tests.channels.contract import KEY, SECRET, TEXT_OF_TEMPLATE, DirectContract
from tests.mail.server import MailBooks, mail_server
from tests.make.sandbox import Sandbox

pytestmark = [pytest.mark.product("M10")]
MORE = {"server": "smtp://mail.example:587", "from": "news@party.example", "from_name": "가람당"}
LINKS = [b"https://majung.example/p/" + letter * 36 for letter in (b"A", b"B", b"C")]


FATES = {"75": "nobody", "85": "full", "94": "spam", "96": "later", "98": "returns"}
"""Whose letter has which fate (sandbox/README.md), by the ending of the number that stands for them in the contract."""


class TestSmtp(DirectContract):
    """The contract, where persons are addresses and "taken" is the last word (RFC 5321)."""

    adapter = Smtp
    more = MORE
    arrives = Outcome.ACCEPTED
    outcomes: ClassVar[Mapping[Kind, Mapping[str, Outcome]]] = {
        Kind.EMAIL: {
            "01": Outcome.ACCEPTED, "75": Outcome.BAD_ADDRESS, "85": Outcome.MAILBOX_FULL, "94": Outcome.SPAM,
            "96": Outcome.NETWORK, "98": Outcome.ACCEPTED,
        },
    }  # fmt: skip
    server: MailBooks

    # Of HTTP, of KakaoTalk, or of a dealer's own limits: a mail server has none of them.
    test_the_dealers_own_fallback_is_off = None  # type: ignore[assignment]
    test_the_declared_limit_is_the_dealers = None  # type: ignore[assignment]

    @pytest.fixture
    def made(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Adapter]:
        """The adapter with an account of the sandbox's mail server."""
        monkeypatch.setattr(
            contract, "MADE_UP", {Kind.EMAIL: {"message": Message(text=TEXT_OF_TEMPLATE, subject="소식")}}
        )
        with mail_server() as (self.server, port):
            self.server.users[KEY] = SECRET
            more = self.more | {"server": f"smtp+plain://127.0.0.1:{port}"}
            yield Smtp(Account(base_url="http://127.0.0.1:1", key=KEY, secret=SECRET, more=more))

    def address(self, number: str) -> str:
        """Who stands for a number."""
        return f"{FATES.get(number[-2:], 'hong')}.{number}@mail.example"

    def batch(self, numbers: list[str], kind: Kind | None = None, **fields: Any) -> Batch:
        columns = {LINK: [LINKS[0]] * len(numbers), **fields.pop("columns", {})}
        constants = fields.pop("constants", {"이름": "홍길동"})
        return super().batch(
            [self.address(one) for one in numbers], kind, columns=columns, constants=constants, **fields
        )

    def send(self, made: Direct, batch: Batch, attempt: int = 1) -> Reply:
        return dealer.call(made, made.send_request(batch.kind, made.encode(batch), self.key(batch, attempt)))

    def became(self, made: Adapter, batch: Batch, limit: int = 0) -> list[Outcome]:
        """What is said at once: nobody is asked later."""
        return [Outcome(byte) for byte in self.hand(made, batch)[1]]

    def readers(self, made: Direct) -> list[Callable[[Reply], object]]:
        """The answers to letters; of results there is nothing to read."""
        batch = self.batch(["01000000001"])
        return [lambda reply: made.decode_handed(reply, batch)]

    def books(self, sandbox: Sandbox, batch: Batch) -> dict[str, int]:
        taken = Counter(one.message_id for one in self.server.letters)
        mine = {id_: n for id_, n in taken.items() if id_.startswith(f"{batch.campaign}-")}
        doubles = sum(n - 1 for n in mine.values())
        return {"accepted": len(mine), "delivered": len(mine), "ids_taken_more_than_once": doubles}

    def messages(self, sandbox: Sandbox) -> int:
        return len(self.server.letters)

    def shown(self, sandbox: Sandbox, number: str) -> str:
        [*_, last] = [one for one in self.server.letters if one.recipient == self.address(number)]
        read = email.message_from_bytes(last.content, policy=email.policy.default)
        text: bytes = next(iter(read.iter_parts())).get_payload(decode=True)  # type: ignore[attr-defined]
        return text.decode().replace("\r\n", "\n")

    def refuse_all(self, sandbox: Sandbox) -> None:
        """No mailbox is there: the server takes the sender and refuses each recipient."""
        self.address = lambda number: f"nobody.{number}@mail.example"  # type: ignore[method-assign]

    def forbid_sender(self, sandbox: Sandbox) -> None:
        self.server.faults.refuse_sender = 9

    @pytest.mark.parametrize("fault", ["drop_after_dot", "silent"])
    def test_a_server_error_leaves_doubt(  # type: ignore[override]
        self, made: Direct, sandbox: Sandbox, kind: Kind, fault: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An answer that got lost behind the last dot: in doubt, and nobody else is."""
        monkeypatch.setattr(mail_line, "ANSWER_SECONDS", 0.3)
        monkeypatch.setattr(dealer, "ANSWER_SECONDS", 0.3)
        setattr(self.server.faults, fault, 1)

        told = self.became(made, self.batch(["01000000001", "01000000002"], kind))

        assert told == [Outcome.IN_DOUBT, Outcome.ACCEPTED]

    def test_too_many_requests_took_nobody(  # type: ignore[override]
        self, made: Direct, kind: Kind, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mail_line.time, "sleep", lambda _: None)
        self.server.faults.busy = 99

        with pytest.raises(Unsent):
            open_line(made).call(made.send_request(kind, made.encode(self.batch(["01000000001"], kind)), "7-1-1"))

        assert not self.server.letters


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
