"""Of a group nearly all of which arrived only the failures are asked for, and believed when they are as many as counted (M9).

What is open is looked for again as soon on a host whose clock is off (O6).
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from majung.channels.adapters.base import Group
from majung.channels.adapters.solapi import Solapi
from majung.core import clock
from majung.core.db import raw
from majung.delivery import settle
from majung.delivery.books import books
from majung.delivery.engine import Slot
from tests.delivery import dealing, test_singles
from tests.delivery.conftest import Sandbox, until
from tests.delivery.test_engine import a_campaign, assert_both_sides_agree, is_finished
from tests.make import delivery as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M9")]


@pytest.fixture
def asked(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The codes that groups were listed by; 0 stands for a whole listing. Results are there as soon as a group has left."""
    seen: list[int] = []
    sandbox.ask("/_control/settings", {"report_delay_seconds": 0})
    whole, coded = Solapi.group_messages_request, Solapi.coded_messages_request

    def all_of(made: Solapi, *facts: Any, **named: Any) -> Any:
        seen.append(0)
        return whole(made, *facts, **named)

    def some_of(made: Solapi, group: str, code: int, start_key: str = "") -> Any:
        seen.append(code)
        return coded(made, group, code, start_key)

    monkeypatch.setattr(Solapi, "group_messages_request", all_of)
    monkeypatch.setattr(Solapi, "coded_messages_request", some_of)
    monkeypatch.setattr(settle, "FEW_FAILURES", 1.0)
    yield seen
    sandbox.ask("/_control/settings", {"report_delay_seconds": 0.05})


def send(sandbox: Sandbox, slot: Slot) -> int:
    _, campaign = a_campaign(sandbox)
    until(slot, lambda: is_finished(campaign))
    return campaign


def test_the_first_group_is_listed_and_teaches_what_to_ask_for(sandbox: Sandbox, slot: Slot, asked: list[int]) -> None:
    first = assert_both_sides_agree(sandbox, send(sandbox, slot))
    assert asked[0] == 0 and first.refused > 2
    asked.clear()

    second = assert_both_sides_agree(sandbox, send(sandbox, slot))

    assert second.delivered and second.refused
    assert asked[0] and asked[-1] and set(asked) >= {3102, 3104}


@pytest.mark.parametrize("more", [-1, 1])
def test_counts_that_do_not_fit_the_failures_are_not_believed(
    sandbox: Sandbox, slot: Slot, asked: list[int], monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    send(sandbox, slot)
    honest = Solapi.decode_group

    def miscounts(made: Solapi, reply: Any) -> Group:
        told = honest(made, reply)
        return replace(told, failed=told.failed + more, delivered=told.delivered - more)

    monkeypatch.setattr(Solapi, "decode_group", miscounts)
    campaign = send(sandbox, slot)
    assert_both_sides_agree(sandbox, campaign)
    assert asked[-1] == 0 and books(raw(), campaign).is_balanced


WAYS: dict[str, Callable[[Sandbox], tuple[make.Party, int]]] = {
    "basket": a_campaign,
    "at_once": lambda sandbox: dealing.a_campaign(sandbox, dealing.ALIM),
    "one_by_one": lambda sandbox: test_singles.a_campaign(sandbox, people=40),
}


@pytest.fixture
def late(sandbox: Sandbox) -> Iterator[None]:
    """Results come after 0.3 seconds, and some after three."""
    sandbox.ask("/_control/settings", {"report_delay_seconds": 0.3})
    yield
    sandbox.ask("/_control/settings", {"report_delay_seconds": 0.05})


@pytest.mark.product("O6")
@pytest.mark.usefixtures("late")
@pytest.mark.parametrize("way", WAYS)
def test_a_host_whose_clock_is_ahead_looks_again_as_soon_as_others(
    way: str, sandbox: Sandbox, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the time that something has been open is waited for the next look: not half of what two clocks differ by."""
    _, campaign = WAYS[way](sandbox)
    held = "SELECT count(*) FROM campaign_chunk WHERE campaign_id = %s AND state < 2"
    until(slot, lambda: raw().execute(held, [campaign]).fetchone() == (0,))
    assert not is_finished(campaign)

    monkeypatch.setenv(clock.ERROR, "400")
    until(slot, lambda: is_finished(campaign), 30)

    assert_both_sides_agree(sandbox, campaign)
