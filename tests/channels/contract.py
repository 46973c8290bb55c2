"""What every adapter must do, against a server that speaks its wire format. A dealer's test class fills in the rest."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from itertools import count
from typing import ClassVar

import pytest

from majung.channels import dealer
from majung.channels.adapters.base import (
    Account,
    Basket,
    Batch,
    Button,
    DealerRefused,
    GroupState,
    Kind,
    Message,
    NoBalance,
    UnknownGroup,
    Wire,
    WrongState,
)
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.core import clock
from tests.make.sandbox import KEY, SECRET, Sandbox

_campaigns = count(700_000)
DAY = datetime.fromisoformat("2026-11-23T10:00:00+09:00")


class AdapterContract(ABC):
    """Subclass it and name ``adapter``."""

    adapter: ClassVar[type[Basket]]

    @pytest.fixture
    def made(self, sandbox: Sandbox) -> Basket:
        """The adapter with the sandbox's account; both clocks stand at ten in the morning."""
        sandbox.control("clock", {"offset_seconds": clock.offset_to(DAY)})
        return self.adapter(Account(base_url=sandbox.url, key=KEY, secret=SECRET))

    @pytest.fixture(autouse=True)
    def _day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(clock.VARIABLE, str(clock.offset_to(DAY)))

    def batch(self, numbers: list[str], **fields: object) -> Batch:
        """A brand message to these numbers through the near channel."""
        given: dict[str, object] = {
            "kind": Kind.BRAND, "message": Message(text="소식입니다"), "pf_id": "PF_ch1", "chunk": 1, "campaign": next(_campaigns),
        }  # fmt: skip
        return Batch(recipients=[n.encode() for n in numbers], **(given | fields))  # type: ignore[arg-type]

    def fill(self, made: Basket, batch: Batch) -> tuple[str, bytes]:
        """A basket with the batch in it, and what registration said."""
        group = made.decode_created(dealer.call(made, made.create_group_request()))
        return group, made.decode_added(dealer.call(made, made.add_messages_request(group, made.encode(batch))), batch)

    def results(self, made: Basket, group: str, limit: int = 0) -> dict[str, int]:
        """Outcome by our id once all results are in, read page by page."""
        deadline = clock.now() + timedelta(seconds=10)
        while made.decode_group(dealer.call(made, made.group_request(group))).state is not GroupState.DONE:
            assert clock.now() < deadline, "no results"
        found: dict[str, int] = {}
        key = ""
        while True:
            page = made.decode_messages(dealer.call(made, made.group_messages_request(group, key, limit)))
            found |= dict(zip(page.ids, (made.outcome(code) for code in page.codes), strict=True))
            if not (key := page.next_key):
                return found

    def test_each_person_has_an_outcome(self, made: Basket, sandbox: Sandbox) -> None:
        """Friend, not a friend, no messenger, refused by 080: each by our own id."""
        numbers = ["01000000001", "01000000075", "01000000085", "01000000094", "01000000096", "01000000098"]
        batch = self.batch(numbers)

        group, added = self.fill(made, batch)
        sent = made.decode_sent(dealer.call(made, made.send_request(group)))
        found = self.results(made, group, limit=2)

        assert [Outcome(o) for o in added] == [Outcome.ACCEPTED] * 5 + [Outcome.OPTED_OUT]
        assert sent.state is GroupState.SENT and (sent.total, sent.accepted) == (6, 5)
        assert [Outcome(found[f"{batch.campaign}-1-{seq}"]) for seq in range(6)] == [
            Outcome.DELIVERED, Outcome.NOT_A_FRIEND, Outcome.NOT_A_FRIEND, Outcome.NO_TALK, Outcome.TALK_BLOCKED,
            Outcome.OPTED_OUT,
        ]  # fmt: skip
        books = sandbox.control(f"books?campaign={batch.campaign}")
        assert (books["delivered"], books["refused"], books["gateway_saw"]) == (1, 1, 6)

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
        self.results(made, group)

        assert [Outcome(o) for o in first + again] == [Outcome.ACCEPTED] * 2 + [Outcome.DUPLICATE] * 2
        books = sandbox.control(f"books?campaign={batch.campaign}")
        assert (books["delivered"], books["ids_taken_more_than_once"]) == (2, 0)

    def test_a_lost_answer_to_sending_is_found_by_looking(self, made: Basket, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001"])
        group, _ = self.fill(made, batch)
        sandbox.control("faults", {"drop_next": 1, "drop_endpoints": ["groups.send"]})

        with pytest.raises(Exception, match="no answer"):
            dealer.call(made, made.send_request(group))
        looked = made.decode_group(dealer.call(made, made.group_request(group)))

        assert looked.state in (GroupState.SENT, GroupState.DONE)
        assert self.results(made, group) == {f"{batch.campaign}-1-0": Outcome.DELIVERED}

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

    def test_all_refused_under_a_200_is_no_success(self, made: Basket, sandbox: Sandbox) -> None:
        sandbox.control("faults", {"refuse_all": True})

        _, added = self.fill(made, self.batch(["01000000001", "01000000002"]))

        assert {category(o) for o in added} == {Category.REFUSED}

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_server_error_may_be_tried_again(self, made: Basket, sandbox: Sandbox, status: int) -> None:
        sandbox.control("faults", {"error_next": 1, "error_status": status})

        with pytest.raises(DealerRefused) as refused:
            made.decode_created(dealer.call(made, made.create_group_request()))

        assert refused.value.retryable and refused.value.after_seconds > 0

    def test_a_wrong_secret_pauses(self, sandbox: Sandbox, made: Basket) -> None:
        wrong = self.adapter(Account(base_url=sandbox.url, key=KEY, secret="another-secret"))

        with pytest.raises(DealerRefused) as refused:
            wrong.decode_created(dealer.call(wrong, wrong.create_group_request()))

        assert (refused.value.pause, refused.value.retryable) == ("ACCOUNT_KEY", False)

    def test_a_clock_that_is_off_pauses(self, sandbox: Sandbox, made: Basket) -> None:
        sandbox.control("clock", {"offset_seconds": 0})

        with pytest.raises(DealerRefused) as refused:
            made.decode_created(dealer.call(made, made.create_group_request()))

        assert refused.value.pause == "CLOCK_SKEW"

    def test_the_night_belongs_to_the_messenger(self, made: Basket, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001"])
        group, _ = self.fill(made, batch)
        sandbox.control("clock", {"offset_seconds": clock.offset_to(DAY) + 10 * 3600 + 51 * 60})
        late = self.adapter(made.account)
        headers = late.sign(Wire("GET", "x"), DAY + timedelta(hours=10, minutes=51), "0" * 31 + "1").headers
        assert headers

        with clock.frozen(DAY + timedelta(hours=10, minutes=51)):
            late.decode_sent(dealer.call(late, late.send_request(group)))
        with clock.frozen(DAY + timedelta(hours=10, minutes=52)):
            import time

            time.sleep(0.3)
            page = late.decode_messages(dealer.call(late, late.group_messages_request(group)))

        assert [late.outcome(code) for code in page.codes] == [Outcome.OUT_OF_HOURS]

    def test_hostile_variables_arrive_as_they_are(self, made: Basket, sandbox: Sandbox) -> None:
        """Quotes, backslashes, control bytes, format marks and broken UTF-8 change nothing but their own value."""
        values = ['그는 "예"', "뒤\\빗금", "한\n줄", "100%s%d%%", "}]}", "\x00\x1f끝", "#{이름}"]
        numbers = [f"0100000{at:04d}" for at in range(len(values) + 1)]
        message = Message(
            text="#{이름} 100% #{기관}", buttons=(Button(name="보기", link_mobile="https://example.invalid/#{이름}"),)
        )
        columns = {"이름": [*(v.encode() for v in values), b"\xff\xfe"]}
        batch = self.batch(numbers, message=message, columns=columns, constants={"기관": '"가%s나"\\'})
        sandbox.control("phones", [{"name": "사람", "number": number} for number in numbers])

        group, added = self.fill(made, batch)
        listed = self.bodies(made, group)

        assert set(added) == {Outcome.ACCEPTED}
        assert [listed[number] for number in numbers] == [
            *(f'{value} 100% "가%s나"\\' for value in values), '\ufffd\ufffd 100% "가%s나"\\',
        ]  # fmt: skip

    @abstractmethod
    def bodies(self, made: Basket, group: str) -> dict[str, str]:
        """The text the dealer stored for each number."""
