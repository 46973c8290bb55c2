"""What every adapter of one person a request must do, beside ``contract``: over the stream it is used with."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count
from typing import Any, ClassVar

import numpy as np
import pytest

from majung.channels import dealer
from majung.channels.adapters.base import DealerRefused, NoBalance, Page
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.channels.adapters.single import CLOCKS_DIFFER, Single
from majung.channels.adapters.terms import Batch, Kind, Reply
from majung.channels.stream import Fate, Stream
from majung.core import clock
from majung.core.errors import Outside
from tests.channels.contract import DAY, AdapterContract
from tests.make.sandbox import Sandbox

_minutes = count(5)
NUMBER = b"01000000001"
NEAR = timedelta(seconds=2)
"""The clocks of both sides were set one after the other."""


def crossing(
    made: Single, requests: Callable[[Stream, Sequence[bytes]], list[bytes]], count: int
) -> list[Reply | None]:
    """The answer to each of ``count`` requests, None where there is none."""
    stream, found = Stream(made.account.base_url, 8, depth=made.pipelined), [None] * count
    salt = secrets.token_hex(8).encode()
    proofs = made.proofs(clock.now(), [b"%b%04d" % (salt, place) for place in range(count)])

    def heard(place: int, status: int, body: bytes) -> bool:
        found[place] = Reply(status, body)  # type: ignore[call-overload]
        return True

    fates = stream.run(requests(stream, proofs), heard)
    stream.close()
    assert [reply is not None for reply in found] == (fates == Fate.ANSWERED).tolist()
    return found  # type: ignore[return-value]


class SingleContract(AdapterContract):
    """For dealers of one person a request."""

    adapter: ClassVar[type[Single]]
    campaign = 0

    @cached_property
    def day(self) -> datetime:
        """A minute of its own for each test: what others sent is not listed with what it sends."""
        return DAY + timedelta(minutes=next(_minutes) % 240)

    def send(self, made: Single, batch: Batch) -> list[Reply | None]:
        """The answer to each person's request."""
        bodies = made.encode_each(batch)
        return crossing(made, lambda stream, proofs: stream.requests(made.send_request(), proofs, bodies), len(bodies))

    def hand(self, made: Single, batch: Batch) -> tuple[str, bytes]:
        since = clock.now()
        said = zip(self.send(made, batch), batch.recipients, strict=True)
        told = bytes(made.decode_one(reply.status, reply.body, number) for reply, number in said if reply)
        assert len(told) == len(batch.recipients)
        return since.isoformat(), told

    def page(self, made: Single, kind: Kind, ref: str, key: str, limit: int) -> Page:
        """Of the whole listing by time what is of this campaign: others send through the account as well."""
        since, until = datetime.fromisoformat(ref) - NEAR, clock.now() + NEAR
        page = made.decode_results(dealer.call(made, made.results_request(since, until, key, limit)))
        mine = [place for place, id_ in enumerate(page.ids) if id_.startswith(f"{self.campaign}-")]
        return Page(ids=[page.ids[at] for at in mine], codes=[page.codes[at] for at in mine], next_key=page.next_key)

    def batch(self, numbers: list[str], kind: Kind = Kind.BRAND, **fields: object) -> Batch:
        made = super().batch(numbers, kind, **fields)
        self.campaign = made.campaign
        return made

    def touch(self, made: Single, kind: Kind) -> None:
        self.hand(made, self.batch(["01000000001"], kind))

    def readers(self, made: Single) -> list[Callable[[Reply], object]]:
        return [made.decode_results, lambda reply: made.decode_one(reply.status, reply.body, NUMBER)]

    def persons(self, made: Single, batch: Batch) -> list[dict[str, Outcome]]:
        """What the dealer says of each person, asked by number."""
        now = clock.now()
        wires = [made.person_request(number, now - CLOCKS_DIFFER, now + CLOCKS_DIFFER) for number in batch.recipients]
        replies = crossing(made, lambda stream, proofs: stream.questions(wires, proofs), len(wires))
        pages = [made.decode_results(reply) for reply in replies if reply]
        return [
            dict(zip(page.ids, (Outcome(made.outcome(code)) for code in page.codes), strict=True)) for page in pages
        ]

    def test_one_request_carries_one_person(self, made: Single, sandbox: Sandbox, kind: Kind) -> None:
        batch = self.batch([f"0103{at:07d}" for at in range(0, 5000, 100)], kind)

        _, told = self.hand(made, batch)

        assert made.people_per_request == 1 and set(told) == {Outcome.ACCEPTED}
        books = sandbox.control(f"books?campaign={batch.campaign}")
        assert (books["requests"], books["messages"], books["ids_taken_more_than_once"]) == (50, 50, 0)

    def test_a_lost_answer_is_found_by_the_persons_number(self, made: Single, sandbox: Sandbox, kind: Kind) -> None:
        batch = self.batch(["01000000001"], kind)
        sandbox.control("faults", {"drop_next": 1})

        assert self.send(made, batch) == [None]
        [found] = self.persons(made, batch)
        assert f"{batch.campaign}-1-0" in found
        assert sandbox.control(f"books?campaign={batch.campaign}")["ids_taken_more_than_once"] == 0

    def test_who_was_not_taken_is_not_found(self, made: Single, sandbox: Sandbox, kind: Kind) -> None:
        """Never sent; sent the same words in another campaign; taken, yet denied by the dealer."""
        never, other, hidden = (self.batch(["01000000001"], kind) for _ in range(3))
        self.hand(made, other)
        sandbox.control("faults", {"hide_next": 1})
        self.hand(made, hidden)

        found = {id_ for one in self.persons(made, other) for id_ in one}

        assert f"{other.campaign}-1-0" in found
        assert not found & {f"{never.campaign}-1-0", f"{hidden.campaign}-1-0"}

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_server_error_leaves_doubt(self, made: Single, sandbox: Sandbox, status: int) -> None:
        sandbox.control("faults", {"error_next": 1, "error_status": status})

        with pytest.raises(Outside) as doubt:
            self.hand(made, self.batch(["01000000001"]))

        assert not isinstance(doubt.value, DealerRefused)

    @pytest.mark.parametrize("status", [100, 204, 302, 408, 501, 599])
    def test_an_answer_that_is_neither_leaves_doubt(self, made: Single, status: int) -> None:
        with pytest.raises(Outside) as doubt:
            made.decode_one(status, b'{"statusCode":"2000"}', NUMBER)

        assert not isinstance(doubt.value, DealerRefused)

    def test_too_many_requests_took_nobody(self, made: Single) -> None:
        with pytest.raises(DealerRefused) as refused:
            made.decode_one(429, b"", NUMBER)

        assert refused.value.retryable and refused.value.after_seconds > 0

    def test_no_money_pauses_and_nothing_leaves(self, made: Single, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001"])
        sandbox.control("faults", {"no_balance": True})

        with pytest.raises(NoBalance) as refused:
            self.hand(made, batch)

        assert refused.value.pause == "NO_BALANCE" and not refused.value.retryable
        assert sandbox.control(f"books?campaign={batch.campaign}")["gateway_saw"] == 0

    def test_an_unknown_code_is_no_success(self, made: Single) -> None:
        for code in ("", "1999", "2999", "3999", "9999", "x", "-1"):
            told = made.decode_one(200, b'{"statusCode":"%b"}' % code.encode(), NUMBER)
            assert category(told) in (Category.REFUSED, Category.IN_DOUBT)

    def test_an_answer_about_another_number_is_doubt(self, made: Single) -> None:
        """However the dealer writes numbers; one that gives none is believed, requests being answered in order."""
        for to in ("01000000001", "010-0000-0001", "821000000001", ""):
            made.decode_one(200, b'{"statusCode":"2000","to":"%b"}' % to.encode(), NUMBER)
        with pytest.raises(Outside) as doubt:
            made.decode_one(200, b'{"statusCode":"2000","to":"01000000002"}', NUMBER)

        assert not isinstance(doubt.value, DealerRefused)

    def test_each_proof_is_good_for_one_request(self, made: Single, sandbox: Sandbox) -> None:
        """As ``sign`` makes it; the same one twice is refused, and nobody is taken by it."""
        batch = self.batch(["01000000001", "01000000002"])
        bodies = made.encode_each(batch)
        proofs = made.proofs(clock.now(), [b"salt-of-one-request"] * 2)

        stream = Stream(made.account.base_url, 1)
        said: dict[int, Any] = {}
        stream.run(
            stream.requests(made.send_request(), proofs, bodies), lambda at, *reply: not said.update({at: reply})
        )

        assert made.decode_one(*said[0], batch.recipients[0]) == Outcome.ACCEPTED
        with pytest.raises(DealerRefused):
            made.decode_one(*said[1], batch.recipients[1])

    def test_a_probe_puts_nobody_at_risk(self, made: Single, sandbox: Sandbox) -> None:
        before = sandbox.control("health")["messages"]

        assert dealer.call(made, made.probe_request()).status == 200

        assert sandbox.control("health")["messages"] == before
        assert made.probe_request().method == "GET"

    def test_a_thousand_leave_over_a_few_connections(self, made: Single, sandbox: Sandbox) -> None:
        batch = self.batch([f"0104{at:07d}" for at in range(0, 100_000, 100)], Kind.SMS)

        told = np.frombuffer(self.hand(made, batch)[1], np.uint8)

        assert len(told) == made.people_per_chunk and (told == Outcome.ACCEPTED).all()
        assert sandbox.control(f"books?campaign={batch.campaign}")["accepted"] == 1_000
