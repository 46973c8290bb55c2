"""What every adapter must do, against a server that speaks its wire format.

``AdapterContract`` is for all; ``BasketContract`` and ``DirectContract`` add what belongs to one way of sending. A dealer's
test class names its adapter and the rest of its account; a new dealer is one such class. ``kind`` runs through the kinds
of the dealer, ``worded`` through those without a reviewed template, ``findable`` through those found by our key
(``conftest.pytest_generate_tests``).
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import Any, ClassVar

import pytest

from majung.channels import dealer
from majung.channels.adapters.account_calls import AccountCalls, NotOffered, Offer
from majung.channels.adapters.base import (
    Adapter,
    AlreadyTaken,
    Basket,
    DealerRefused,
    Direct,
    Finds,
    GroupState,
    NoBalance,
    Page,
    UnknownGroup,
    WrongState,
)
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.channels.adapters.terms import Account, Batch, Button, Kind, Message, Reply
from majung.core import clock
from majung.core.errors import Outside
from tests.make.sandbox import KEY, SECRET, Sandbox

_campaigns = count(700_000)
DAY = datetime.fromisoformat("2026-11-23T10:00:00+09:00")
TEMPLATE = "T1"
TEXT_OF_TEMPLATE = "#{이름}님, 접수되었습니다."
NONSENSE = (
    b"",
    b"\xff\xfe",
    b"[]",
    b"{",
    b"[" * 100_000,
    b"null",
    b"<html>busy</html>",
    b'{"header":1}',
    b'{"header":{"resultCode":"0"}}',
)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x58\x00\x00\x02\x58\x08\x02\x00\x00\x00" + bytes(
    16
)  # the head of a picture of 600 by 600

MADE_UP: dict[Kind, dict[str, Any]] = {
    Kind.ALIM: {
        "message": Message(text=TEXT_OF_TEMPLATE, template_id=TEMPLATE), "pf_id": "PF_ch1", "constants": {"이름": "홍길동"},
    },
    Kind.BRAND: {"message": Message(text="소식입니다"), "pf_id": "PF_ch1"},
    Kind.SMS: {"message": Message(text="(광고)가람당 소식\n무료수신거부 080-123-4567"), "sender": "0212345678"},
    Kind.LMS: {
        "message": Message(text="(광고)가람당 소식 " + "긴 글 " * 40 + "\n무료수신거부 080-123-4567"), "sender": "0212345678",
    },
}  # fmt: skip
"""A message of each kind that can be sent."""

BRAND_OUTCOMES = {
    "01": Outcome.DELIVERED, "75": Outcome.NOT_A_FRIEND, "85": Outcome.NOT_A_FRIEND, "94": Outcome.NO_TALK,
    "96": Outcome.TALK_BLOCKED, "98": Outcome.OPTED_OUT,
}  # fmt: skip
OUTCOMES: Mapping[Kind, Mapping[str, Outcome]] = {
    Kind.ALIM: BRAND_OUTCOMES | dict.fromkeys(("75", "85", "98"), Outcome.DELIVERED),
    Kind.BRAND: BRAND_OUTCOMES,
    Kind.SMS: dict.fromkeys(BRAND_OUTCOMES, Outcome.DELIVERED) | {"98": Outcome.OPTED_OUT},
    Kind.LMS: dict.fromkeys(BRAND_OUTCOMES, Outcome.DELIVERED) | {"98": Outcome.OPTED_OUT},
}
"""What becomes of an advertising message, by the last two digits of the number (sandbox/README.md)."""


def a_batch(kind: Kind, n: int = 2, **fields: object) -> Batch:
    """What an adapter's own tests encode: chunk 3 of campaign 7."""
    given = {
        "kind": kind,
        "message": Message(text="글"),
        "campaign": 7,
        "chunk": 3,
        "pf_id": "PF",
        "sender": "0212345678",
    }
    return Batch(recipients=[b"010%08d" % at for at in range(n)], **(given | fields))  # type: ignore[arg-type]


def ids_of(batch: Batch) -> list[str]:
    """Our id of each message."""
    return [f"{batch.campaign}-{batch.chunk}-{seq}" for seq in batch.positions]


class AdapterContract(ABC):
    """Subclass ``BasketContract`` or ``DirectContract`` and name ``adapter``."""

    adapter: ClassVar[type[Adapter]]
    more: ClassVar[Mapping[str, str]] = {}
    secret: ClassVar[str] = SECRET
    profiles: ClassVar[set[str]] = {"PF_ch1", "PF_ch2"}
    tells_reasons: ClassVar[bool] = True
    """Whether the dealer's failures have reasons that a source explains."""
    opted_out: ClassVar[Outcome] = Outcome.OPTED_OUT
    """What the dealer tells of somebody who refused by 080."""
    arrives: ClassVar[Outcome] = Outcome.DELIVERED
    """The dealer's last word on a message that nothing is wrong with."""
    outcomes: ClassVar[Mapping[Kind, Mapping[str, Outcome]]] = OUTCOMES

    @property
    def main(self) -> Kind:
        """The kind on which is tried what holds for all: a brand message, the longest text, or what there is."""
        return next(kind for kind in (Kind.BRAND, Kind.LMS, *self.adapter.kinds) if kind in self.adapter.kinds)

    @property
    def personal(self) -> Kind:
        """The kind whose text of these tests says a name: an AlimTalk where there are any."""
        return Kind.ALIM if Kind.ALIM in self.adapter.kinds else self.main

    @property
    def signed(self) -> Kind:
        """The kind that somebody must have been registered for to send it: a text where there are any."""
        return Kind.SMS if Kind.SMS in self.adapter.kinds else self.main

    @cached_property
    def day(self) -> datetime:
        """When the test takes place, for both sides."""
        return DAY

    @pytest.fixture
    def made(self, sandbox: Sandbox) -> Adapter:
        """The adapter with the sandbox's account and a template; both clocks stand at ten in the morning."""
        sandbox.control("clock", {"offset_seconds": clock.offset_to(self.day)})
        template = {
            "account": KEY, "templateId": TEMPLATE, "channelId": "PF_ch1", "name": "확인", "content": TEXT_OF_TEMPLATE,
        }  # fmt: skip
        sandbox.control("templates", [template])
        return self.adapter(Account(base_url=sandbox.url, key=KEY, secret=self.secret, more=self.more))

    @pytest.fixture(autouse=True)
    def _day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(clock.VARIABLE, str(clock.offset_to(self.day)))

    def batch(self, numbers: list[str], kind: Kind | None = None, **fields: object) -> Batch:
        """A message of a kind to these numbers, through the near channel."""
        kind = kind or self.main
        given: dict[str, object] = {"kind": kind, "chunk": 1, "campaign": next(_campaigns), **MADE_UP[kind]}
        return Batch(recipients=[n.encode() for n in numbers], **(given | fields))  # type: ignore[arg-type]

    @abstractmethod
    def hand(self, made: Any, batch: Batch) -> tuple[str, bytes]:
        """Hands the batch over: the dealer's reference, and what was said of each person at once."""

    @abstractmethod
    def page(self, made: Any, batch: Batch, ref: str, key: str, limit: int) -> Page:
        """A page of results."""

    def results(self, made: Adapter, batch: Batch, ref: str, limit: int = 0) -> dict[str, Outcome]:
        """Outcome by our id once none is open, read page by page."""
        deadline = time.monotonic() + 10
        while True:
            found: dict[str, Outcome] = {}
            key = ""
            while True:
                page = self.page(made, batch, ref, key, limit)
                found |= dict(zip(page.ids, (Outcome(made.outcome(code)) for code in page.codes), strict=True))
                if not (key := page.next_key):
                    break
            if found and Outcome.ACCEPTED not in found.values():
                return found
            assert time.monotonic() < deadline, f"no results: {found}"
            time.sleep(0.02)

    def became(self, made: Adapter, batch: Batch, limit: int = 0) -> list[Outcome]:
        """Hands the batch over and tells what became of each person in the end."""
        ref, at_once = self.hand(made, batch)
        told = [Outcome(byte) for byte in at_once]
        found = self.results(made, batch, ref, limit) if ref else {}
        later = {Outcome.ACCEPTED: Outcome.IN_DOUBT, Outcome.IN_DOUBT: Outcome.NOT_TAKEN}
        return [
            found.get(id_, later[one]) if one in later else one for id_, one in zip(ids_of(batch), told, strict=True)
        ]

    def told(self, outcome: Outcome) -> Outcome:
        """What this dealer says of an outcome."""
        if outcome is Outcome.OPTED_OUT:
            return self.opted_out
        return outcome if self.tells_reasons or outcome is Outcome.DELIVERED else Outcome.FAILED

    @abstractmethod
    def touch(self, made: Any, kind: Kind) -> None:
        """The first request of handing over."""

    @abstractmethod
    def readers(self, made: Any) -> list[Callable[[Reply], object]]:
        """Everything that reads an answer."""

    # The other side: what it saw, and how it is told to misbehave.
    def books(self, sandbox: Sandbox, batch: Batch) -> dict[str, int]:
        """``accepted``, ``delivered`` and ``ids_taken_more_than_once`` of a batch's campaign; ``gateway_saw`` of a dealer's."""
        found: dict[str, int] = sandbox.control(f"books?campaign={batch.campaign}")
        return found

    def messages(self, sandbox: Sandbox) -> int:
        """How many messages were ever taken."""
        return int(sandbox.control("health")["messages"])

    def shown(self, sandbox: Sandbox, number: str) -> str:
        """The text that reached a person last."""
        return sandbox.last_text(number)

    def refuse_all(self, sandbox: Sandbox) -> None:
        """Everybody is refused, each under an answer that looks good as a whole."""
        sandbox.control("faults", {"refuse_all": True})

    def forbid_sender(self, sandbox: Sandbox) -> None:
        """Only registered senders may send."""
        sandbox.control(f"accounts/{KEY}", {"any_sender": False})

    def test_each_person_has_an_outcome(self, made: Adapter, sandbox: Sandbox, kind: Kind) -> None:
        """Friend, not a friend, no messenger, refused by 080: each by our own id, over several pages."""
        expected = {ending: self.told(one) for ending, one in self.outcomes[kind].items()}
        batch = self.batch([f"010000000{ending}" for ending in expected], kind)

        found = self.became(made, batch, limit=2)

        assert dict(zip(expected, found, strict=True)) == expected
        books, delivered = self.books(sandbox, batch), list(expected.values()).count(self.arrives)
        assert (books["delivered"], books["ids_taken_more_than_once"]) == (delivered, 0)
        assert books.get("gateway_saw", len(expected)) == len(expected)

    def test_positions_that_are_not_a_range_come_back(self, made: Adapter, kind: Kind) -> None:
        """Whoever was dropped from a chunk leaves a gap in the positions."""
        batch = self.batch(["01000000001", "01000000002", "01000000003"], kind, chunk=12, seqs=[3, 70, 999])

        assert self.became(made, batch) == [self.arrives] * 3

    def test_all_refused_under_a_200_is_no_success(self, made: Adapter, sandbox: Sandbox, kind: Kind) -> None:
        self.refuse_all(sandbox)

        told = self.became(made, self.batch(["01000000001", "01000000002"], kind))

        assert {category(byte) for byte in told} == {Category.REFUSED}

    def test_a_wrong_secret_pauses(self, made: Adapter, kind: Kind) -> None:
        wrong = self.adapter(
            Account(
                base_url=made.account.base_url, key=KEY, secret="another-secret",
                more={name: "another-secret" if "secret" in name else value for name, value in made.account.more.items()},
            )
        )  # fmt: skip

        with pytest.raises(DealerRefused) as refused:
            self.touch(wrong, kind)

        assert (refused.value.pause, refused.value.retryable) == ("ACCOUNT_KEY", False)

    def test_the_declared_limit_is_the_dealers(self, made: Adapter, worded: Kind) -> None:
        """A text of the greatest length is taken; one letter more is not, as a whole or for each person."""
        kind, facts = worded, made.kinds[worded]
        marks = ("(광고)", "\n무료수신거부 0801234567") if facts.bytes else ("", "")
        room = facts.characters or facts.bytes - sum(len(mark.encode("cp949")) for mark in marks)
        fits, too_long = (marks[0] + "a" * size + marks[1] for size in (room, room + 1))

        assert self.became(made, self.batch(["01000000001"], kind, message=Message(text=fits))) == [Outcome.DELIVERED]
        try:
            told = self.became(made, self.batch(["01000000001"], kind, message=Message(text=too_long)))
        except DealerRefused as refused:
            assert not refused.retryable
        else:
            assert {category(byte) for byte in told} == {Category.REFUSED}

    def test_a_request_holds_as_many_people_as_declared(self, made: Adapter, kind: Kind) -> None:
        most = min(made.people_per_request, 1_000)
        numbers = [f"0101{at:07d}" for at in range(0, most * 100, 100)]

        _, told = self.hand(made, self.batch(numbers, kind))

        assert set(told) == {Outcome.ACCEPTED} and len(told) == most

    def test_the_dealers_own_fallback_is_off(self, made: Adapter, sandbox: Sandbox) -> None:
        """A message that KakaoTalk does not deliver stays refused; no text takes its place (it would pass policy by)."""
        sandbox.control(f"accounts/{KEY}", {"senders": ["0212345678"]})
        tried = {Kind.BRAND: ("75", Outcome.NOT_A_FRIEND), Kind.ALIM: ("94", Outcome.NO_TALK)}
        tried = {kind: one for kind, one in tried.items() if kind in made.kinds}

        told = {
            kind: self.became(made, self.batch([f"010000000{ending}"], kind, sender="0212345678"))
            for kind, (ending, _) in tried.items()
        }

        assert told == {kind: [self.told(outcome)] for kind, (_, outcome) in tried.items()} != {}

    def test_an_unregistered_sender_reaches_nobody(self, made: Adapter, sandbox: Sandbox) -> None:
        self.forbid_sender(sandbox)
        batch = self.batch(["01000000001"], self.signed, sender="0299999999")

        try:
            assert self.became(made, batch) == [self.told(Outcome.BAD_SENDER)]
        except DealerRefused as refused:
            assert refused.pause and not refused.retryable
        assert self.books(sandbox, batch)["accepted"] == 0

    def test_hostile_values_arrive_as_they_are(self, made: Adapter, sandbox: Sandbox) -> None:
        """Quotes, backslashes, control bytes, format marks and broken UTF-8 change nothing but their own value."""
        values = ['그는 "예"', "뒤\\빗금", "한\n줄", "100%s%d%%", "}]}", "\x00\x1f끝", "#{기관}"]
        numbers = [f"0100000{at:04d}" for at in range(len(values) + 1)]
        columns = {"이름": [*(v.encode() for v in values), b"\xff\xfe"]}
        batch = self.batch(numbers, self.personal, columns=columns, constants={})
        sandbox.control("phones", [{"name": "사람", "number": number} for number in numbers])

        assert self.became(made, batch) == [self.arrives] * len(numbers)

        shown = [self.shown(sandbox, number) for number in numbers]
        assert shown == [TEXT_OF_TEMPLATE.replace("#{이름}", value) for value in (*values, "\ufffd\ufffd")]

    def test_hostile_constants_arrive_as_they_are(self, made: Adapter, sandbox: Sandbox) -> None:
        button = Button(name="보기", link_mobile="https://example.invalid/?a=%22&b=\\")
        message = Message(text="100% #{기관}", buttons=(button,) if made.kinds[self.main].buttons else ())
        batch = self.batch(["01000000001"], message=message, constants={"기관": '"가%s나"\\'})
        sandbox.control("phones", [{"name": "사람", "number": "01000000001"}])

        assert self.became(made, batch) == [self.arrives]
        assert self.shown(sandbox, "01000000001").startswith('100% "가%s나"\\')

    def test_a_missing_or_short_column_sends_nothing(self, made: Adapter) -> None:
        with pytest.raises(ValueError, match="이름"):
            made.encode(self.batch(["01000000001"], self.personal, constants={}))
        with pytest.raises(ValueError, match="1 values for 2 people"):
            made.encode(self.batch(["01000000001"] * 2, self.personal, constants={}, columns={"이름": [b"a"]}))

    @pytest.mark.parametrize("body", NONSENSE)
    def test_nonsense_is_no_answer(self, made: Adapter, body: bytes) -> None:
        for read in self.readers(made):
            with pytest.raises(Outside) as doubt:
                read(Reply(200, body))
            assert not isinstance(doubt.value, DealerRefused)

    @pytest.mark.parametrize("body", NONSENSE)
    def test_nonsense_is_no_report(self, body: bytes) -> None:
        try:
            assert self.adapter.reported(body) == set()
        except ValueError as told:
            assert str(told)

    @pytest.mark.parametrize("offer", list(Offer))
    def test_what_is_offered_works_and_what_is_not_says_so(self, made: Adapter, sandbox: Sandbox, offer: Offer) -> None:
        sandbox.control(f"accounts/{KEY}", {"senders": ["0212345678"]})
        sandbox.control("refuse", {"number": "01055550001", "account": KEY})
        asked: dict[Offer, Callable[[], object]] = {
            Offer.BALANCE: lambda: made.decode_balance(dealer.call(made, made.balance_request())),
            Offer.SENDERS: lambda: made.decode_senders(dealer.call(made, made.senders_request())) == ["0212345678"],
            Offer.PROFILES: lambda: {
                pf.pf_id for pf in dealer.pages(made, made.profiles_request, made.decode_profiles)
            } >= self.profiles,
            Offer.TEMPLATES: lambda: [
                (one.dealer_id, one.state, one.content)
                for one in made.decode_templates(dealer.call(made, made.templates_request(pf_id="PF_ch1"))).rows
                if one.dealer_id == TEMPLATE
            ] == [(TEMPLATE, "APPROVED", TEXT_OF_TEMPLATE)],
            Offer.REFUSED: lambda: "01055550001" in {
                one.number for one in made.decode_refused(dealer.call(made, made.refused_request(own=False)), False).rows
            },
            Offer.BLOCKED: lambda: made.decode_refused(dealer.call(made, made.refused_request(own=True)), True).rows == [],
            Offer.PICTURES: lambda: made.decode_uploaded(dealer.call(made, made.upload_request(Kind.BRAND, "그림.png", PNG))),
            Offer.PRICES: lambda: made.decode_prices(dealer.call(made, made.prices_request()))[Kind.ALIM] == 1000,
        }  # fmt: skip

        if made.offers(offer):
            assert asked[offer]()
        else:
            with pytest.raises(NotOffered) as told:
                asked[offer]()
            assert str(told.value).endswith(".") and len(str(told.value)) > 15

    def test_a_picture_that_was_handed_over_arrives(self, made: Adapter, sandbox: Sandbox, pictured: Kind) -> None:
        picture = made.decode_uploaded(dealer.call(made, made.upload_request(pictured, "그림.png", PNG)))
        message = Message(text="그림과 함께", image_id=picture, image_link="https://example.invalid/")

        assert self.became(made, self.batch(["01000000001"], pictured, message=message)) == [Outcome.DELIVERED]

    def test_the_night_belongs_to_the_messenger(
        self, made: Adapter, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, advertising: Kind
    ) -> None:
        night = clock.offset_to(DAY) + 10 * 3600 + 51 * 60
        sandbox.control("clock", {"offset_seconds": night})
        monkeypatch.setenv(clock.VARIABLE, str(night))

        assert self.became(made, self.batch(["01000000001"], advertising)) == [self.told(Outcome.OUT_OF_HOURS)]

    @pytest.mark.parametrize("given", [{}, {"key": "a-key"}, {"secret": "a-secret"}])
    def test_half_the_keys_are_told(self, given: dict[str, str]) -> None:
        assert self.adapter.lacking(given).endswith(".")
        whole = {"key": KEY, "secret": self.secret, **self.more}
        assert self.adapter.lacking(whole) == ""

    def test_who_declares_an_ability_has_both_halves_of_it(self) -> None:
        halves = [("session_request", "decode_session"), ("check_requests", "decode_checked")]
        needed = [read for asked, read in halves if self._is_own(asked)]
        if issubclass(self.adapter, Direct) and {one.finds for one in self.adapter.abilities.values()} - {Finds.NEVER}:
            needed += ["find_request", "decode_found"]
        assert all(map(self._is_own, needed))

    def _is_own(self, name: str) -> bool:
        """Whether a dealer has its own way where ``Adapter`` has none (``NotImplementedError``) or nothing to ask."""
        return next(c for c in self.adapter.__mro__ if name in vars(c)) not in (Adapter, AccountCalls, Direct)


class BasketContract(AdapterContract):
    """For dealers with baskets."""

    adapter: ClassVar[type[Basket]]

    def fill(self, made: Basket, batch: Batch) -> tuple[str, bytes]:
        """A basket with the batch in it, and what registration said."""
        group = made.decode_created(dealer.call(made, made.create_group_request()))
        return group, made.decode_added(dealer.call(made, made.add_messages_request(group, made.encode(batch))), batch)

    def hand(self, made: Basket, batch: Batch) -> tuple[str, bytes]:
        group, told = self.fill(made, batch)
        if Outcome.ACCEPTED in told:
            sent = made.decode_sent(dealer.call(made, made.send_request(group)))
            assert sent.state is GroupState.SENT and (sent.total, sent.accepted) == (
                len(told),
                told.count(Outcome.ACCEPTED),
            )
        return group, told

    def page(self, made: Basket, batch: Batch, ref: str, key: str, limit: int) -> Page:
        return made.decode_messages(dealer.call(made, made.group_messages_request(ref, key, limit)))

    def touch(self, made: Basket, kind: Kind) -> None:
        made.decode_created(dealer.call(made, made.create_group_request()))

    def readers(self, made: Basket) -> list[Callable[[Reply], object]]:
        return [
            made.decode_created, made.decode_group, made.decode_messages, made.decode_balance,
            lambda reply: made.decode_added(reply, self.batch(["01000000001"])),
        ]  # fmt: skip

    def test_a_basket_is_sent_once(self, made: Basket, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001"])
        group, _ = self.fill(made, batch)
        dealer.call(made, made.send_request(group))

        with pytest.raises(WrongState):
            made.decode_sent(dealer.call(made, made.send_request(group)))

        assert sandbox.control(f"books?campaign={batch.campaign}")["ids_taken_more_than_once"] == 0

    def test_putting_in_twice_does_not_double(self, made: Basket, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001", "01000000002"])
        group, first = self.fill(made, batch)

        again = made.decode_added(dealer.call(made, made.add_messages_request(group, made.encode(batch))), batch)
        made.decode_sent(dealer.call(made, made.send_request(group)))

        assert [Outcome(o) for o in first + again] == [Outcome.ACCEPTED] * 2 + [Outcome.DUPLICATE] * 2
        deadline = time.monotonic() + 10
        while made.decode_group(dealer.call(made, made.group_request(group))).state is not GroupState.DONE:
            assert time.monotonic() < deadline, "no results"
        books = sandbox.control(f"books?campaign={batch.campaign}")
        assert (books["delivered"], books["ids_taken_more_than_once"]) == (2, 0)

    def test_a_lost_answer_to_sending_is_found_by_looking(self, made: Basket, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001"])
        group, _ = self.fill(made, batch)
        sandbox.control("faults", {"drop_next": 1, "drop_endpoints": ["groups.send"]})

        with pytest.raises(Outside, match="no answer"):
            dealer.call(made, made.send_request(group))
        looked = made.decode_group(dealer.call(made, made.group_request(group)))

        assert looked.state in (GroupState.SENT, GroupState.DONE)
        assert self.results(made, batch, group) == {f"{batch.campaign}-1-0": Outcome.DELIVERED}

    def test_an_open_basket_says_so(self, made: Basket) -> None:
        group, _ = self.fill(made, self.batch(["01000000001"]))

        assert made.decode_group(dealer.call(made, made.group_request(group))).state is GroupState.OPEN

    def test_a_dropped_basket_never_leaves(self, made: Basket) -> None:
        group, _ = self.fill(made, self.batch(["01000000001"]))
        dealer.call(made, made.drop_group_request(group))

        assert made.decode_group(dealer.call(made, made.group_request(group))).state is GroupState.DEAD
        with pytest.raises(WrongState):
            made.decode_sent(dealer.call(made, made.send_request(group)))

    def test_a_basket_the_dealer_denies_is_unknown(self, made: Basket, sandbox: Sandbox) -> None:
        group, _ = self.fill(made, self.batch(["01000000001"]))
        sandbox.control("faults", {"hide_groups": [group]})

        with pytest.raises(UnknownGroup):
            made.decode_group(dealer.call(made, made.group_request(group)))

    def test_no_money_pauses_and_nothing_leaves(self, made: Basket, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001"])
        group, _ = self.fill(made, batch)
        sandbox.control("faults", {"no_balance": True})

        with pytest.raises(NoBalance) as refused:
            made.decode_sent(dealer.call(made, made.send_request(group)))

        assert refused.value.pause == "NO_BALANCE" and not refused.value.retryable
        assert made.decode_group(dealer.call(made, made.group_request(group))).state is GroupState.OPEN
        assert sandbox.control(f"books?campaign={batch.campaign}")["gateway_saw"] == 0

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_server_error_may_be_tried_again(self, made: Basket, sandbox: Sandbox, status: int) -> None:
        sandbox.control("faults", {"error_next": 1, "error_status": status})

        with pytest.raises(DealerRefused) as refused:
            made.decode_created(dealer.call(made, made.create_group_request()))

        assert refused.value.retryable and refused.value.after_seconds > 0


class DirectContract(AdapterContract):
    """For dealers that send at once."""

    adapter: ClassVar[type[Direct]]

    def key(self, batch: Batch, attempt: int = 1) -> str:
        """The request key of a batch."""
        return f"{batch.campaign}-{batch.chunk}-{attempt}"

    def send(self, made: Direct, batch: Batch, attempt: int = 1) -> Reply:
        """The answer to handing over. The sandbox is told whose message it is, for its books: not every dealer's format says."""
        told = dict(zip((number.decode() for number in batch.recipients), ids_of(batch), strict=True))
        Sandbox(made.account.base_url).control("names", told)
        return dealer.call(made, made.send_request(batch.kind, made.encode(batch), self.key(batch, attempt)))

    def hand(self, made: Direct, batch: Batch) -> tuple[str, bytes]:
        handed = made.decode_handed(self.send(made, batch), batch)
        is_open = {Outcome.ACCEPTED, Outcome.IN_DOUBT} & set(handed.outcomes)
        assert bool(handed.ref) == bool(is_open) and len(handed.outcomes) == len(batch.recipients)
        return handed.ref, handed.outcomes

    def page(self, made: Direct, batch: Batch, ref: str, key: str, limit: int) -> Page:
        kind = batch.kind
        page = made.decode_results(dealer.call(made, made.results_request(kind, ref, key, limit)), kind)
        assert made.abilities[kind].echoes_our_id == all(page.ids) or not page.ids
        if page.numbers is None:
            return page
        id_of = dict(zip((number.decode() for number in batch.recipients), ids_of(batch), strict=True))
        return replace(page, ids=[id_of[number] for number in page.numbers])

    def touch(self, made: Direct, kind: Kind) -> None:
        self.hand(made, self.batch(["01000000001"], kind))

    def readers(self, made: Direct) -> list[Callable[[Reply], object]]:
        read: list[Callable[[Reply], object]] = []
        for kind, ability in made.abilities.items():
            batch = self.batch(["01000000001"], kind)
            read.append(lambda reply, batch=batch: made.decode_handed(reply, batch))  # type: ignore[misc]
            read.append(lambda reply, kind=kind: made.decode_results(reply, kind))  # type: ignore[misc]
            if ability.finds is not Finds.NEVER:
                read.append(lambda reply, kind=kind: made.decode_found(reply, kind, "7-1-1"))  # type: ignore[misc]
        return read

    def found(self, made: Direct, batch: Batch, attempt: int = 1) -> str:
        """What the dealer calls the request with the batch's key."""
        key = self.key(batch, attempt)
        return made.decode_found(dealer.call(made, made.find_request(batch.kind, key, clock.now())), batch.kind, key)

    def test_a_lost_answer_is_found_by_its_key(self, made: Direct, sandbox: Sandbox, findable: Kind) -> None:
        batch = self.batch(["01000000001", "01000000002"], findable)
        sandbox.control("faults", {"drop_next": 1})

        with pytest.raises(Outside, match="no answer"):
            self.send(made, batch)

        assert set(self.results(made, batch, self.found(made, batch)).values()) == {Outcome.DELIVERED}
        assert sandbox.control(f"books?campaign={batch.campaign}")["ids_taken_more_than_once"] == 0

    def test_what_was_not_taken_is_not_found(self, made: Direct, sandbox: Sandbox, findable: Kind) -> None:
        """Never sent; sent under another key; taken, yet denied by the dealer."""
        kind = findable
        never, other, hidden = (self.batch(["01000000001"], kind) for _ in range(3))
        self.hand(made, other)
        sandbox.control("faults", {"hide_next": 1})
        self.hand(made, hidden)

        found = [self.found(made, never), self.found(made, other, attempt=2), self.found(made, hidden)]

        assert found == ["", "", ""]
        assert self.found(made, other)

    def test_a_repeated_key_is_as_declared(self, made: Direct, sandbox: Sandbox, kind: Kind) -> None:
        batch = self.batch(["01000000001"], kind)
        self.hand(made, batch)

        again = self.send(made, batch)

        if made.abilities[kind].duplicates_seconds:
            with pytest.raises(AlreadyTaken):
                made.decode_handed(again, batch)
        else:
            assert made.decode_handed(again, batch).ref
        taken = self.books(sandbox, batch)["ids_taken_more_than_once"]
        assert taken == (0 if made.abilities[kind].duplicates_seconds else 1)

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_server_error_leaves_doubt(self, made: Direct, sandbox: Sandbox, kind: Kind, status: int) -> None:
        """Somebody in between may say so when the request went through: nothing is certain."""
        sandbox.control("faults", {"error_next": 1, "error_status": status})

        with pytest.raises(Outside) as doubt:
            self.hand(made, self.batch(["01000000001"], kind))

        assert not isinstance(doubt.value, DealerRefused)

    def test_too_many_requests_took_nobody(self, made: Direct, kind: Kind) -> None:
        with pytest.raises(DealerRefused) as refused:
            made.decode_handed(Reply(429, b""), self.batch(["01000000001"], kind))

        assert refused.value.retryable and refused.value.after_seconds > 0

    def test_a_probe_puts_nobody_at_risk(self, made: Direct, sandbox: Sandbox, kind: Kind) -> None:
        before = self.messages(sandbox)

        assert dealer.call(made, made.probe_request(kind)).status in (200, 250)

        assert self.messages(sandbox) == before

    def test_an_account_without_keys_for_a_kind_pauses(self, made: Direct, kind: Kind) -> None:
        bare = self.adapter(Account(base_url=made.account.base_url, key="", secret=""))

        with pytest.raises(DealerRefused) as refused:
            self.touch(bare, kind)

        assert refused.value.pause == "ACCOUNT_KEY"
