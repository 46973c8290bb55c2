"""Pause, resume and stop between chunks; the books in words; what one person's history tells."""

import pytest

from majung.core import clock
from majung.core.db import raw
from majung.core.errors import Conflict, NotYours
from majung.delivery import books, planner, queries, services
from majung.delivery.engine import Slot
from majung.delivery.models import Dispatch
from tests.delivery.conftest import Sandbox, register, until
from tests.delivery.test_engine import a_number, assert_both_sides_agree, is_finished
from tests.make import delivery as make
from tests.make import tree as make_tree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.product("M5")]


@pytest.fixture
def frozen(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> tuple[make.Party, int]:
    """A frozen campaign of many small groups, not started."""
    monkeypatch.setattr(planner, "CHUNK", 10)
    monkeypatch.setattr("majung.delivery.ledger.MOST_MESSAGES", 10)
    party = make.party(people=300, base_url=sandbox.base_url)
    register(sandbox, party)
    campaign = a_number()
    planner.freeze(raw(), make.order(party, campaign=campaign, at=clock.now()))
    return party, campaign


def not_yet(campaign: int) -> int:
    return books.books(raw(), campaign).not_yet


def test_nothing_leaves_before_the_start(frozen: tuple[make.Party, int], slot: Slot, sandbox: Sandbox) -> None:
    _, campaign = frozen

    assert [slot.step() for _ in range(5)] == [False] * 5 and sandbox.books(campaign)["messages"] == 0


def test_paused_between_chunks_and_resumed(frozen: tuple[make.Party, int], slot: Slot, sandbox: Sandbox) -> None:
    _, campaign = frozen
    services.start(campaign)
    slot.step()
    services.pause(campaign)
    until(slot, lambda: raw().execute("SELECT count(*) FROM campaign_chunk WHERE state IN (1, 2)").fetchone() == (0,))
    standing = not_yet(campaign)
    for _ in range(5):
        slot.step()

    assert standing == not_yet(campaign) > 0
    services.resume(campaign)
    until(slot, lambda: is_finished(campaign))
    assert_both_sides_agree(sandbox, campaign)


def test_paused_when_everything_has_left_it_ends_like_any_other(
    frozen: tuple[make.Party, int], slot: Slot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, campaign = frozen
    services.start(campaign)
    with monkeypatch.context() as patch:
        patch.setattr("majung.delivery.engine.KEEP_SECONDS", 1e9)
        until(slot, lambda: raw().execute("SELECT count(*) FROM campaign_chunk WHERE state < 3").fetchone() == (0,))
    services.pause(campaign)
    slot.keep()
    assert Dispatch.objects.get(pk=campaign).state == "finished"
    assert_both_sides_agree(sandbox, campaign)


def test_stopped_for_good_leaves_the_rest_out_with_a_reason(
    frozen: tuple[make.Party, int], slot: Slot, sandbox: Sandbox
) -> None:
    _, campaign = frozen
    services.start(campaign)
    for _ in range(4):
        slot.step()
    services.stop(campaign)
    until(slot, lambda: is_finished(campaign))
    told = assert_both_sides_agree(sandbox, campaign)

    assert told.left_out["STOPPED"] > 0 and told.accepted > 0
    assert Dispatch.objects.get(pk=campaign).state == "stopped"
    with pytest.raises(Conflict):
        services.resume(campaign)


def test_a_stop_that_meets_a_group_in_hand_sends_it_no_more(
    frozen: tuple[make.Party, int], slot: Slot, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from majung.channels.adapters.solapi import Solapi

    _, campaign = frozen
    services.start(campaign)
    honest = Solapi.encode

    def stops_meanwhile(self: Solapi, batch: object) -> bytes:
        monkeypatch.setattr(Solapi, "encode", honest)
        services.stop(campaign)
        return honest(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(Solapi, "encode", stops_meanwhile)
    until(slot, lambda: is_finished(campaign))

    assert sandbox.books(campaign)["accepted"] == 0
    told = books.books(raw(), campaign)
    assert told.is_balanced and told.accepted == told.not_yet == 0


def test_what_has_started_is_not_started_again(frozen: tuple[make.Party, int]) -> None:
    _, campaign = frozen
    services.start(campaign)
    with pytest.raises(Conflict):
        services.start(campaign)


def test_an_unknown_campaign_is_nobodys() -> None:
    with pytest.raises(NotYours):
        services.stop(99)
    with pytest.raises(LookupError):
        books.books(raw(), 99)


@pytest.mark.product("M9")
def test_the_books_in_words_carry_their_sql(frozen: tuple[make.Party, int]) -> None:
    _, campaign = frozen
    found = books.books(raw(), campaign)
    text = books.in_words(found)

    for name, number in found.counts.items():
        assert f"{number:,}" in text and books.statement(name).splitlines()[-1].strip() in text
    for name in ("accepted", "refused", "in_doubt", "not_yet"):
        assert raw().execute(books.statement(name).encode(), {"campaign": campaign}).fetchone() == (found.counts[name],)


def test_a_persons_history_tells_each_try_and_each_omission(frozen: tuple[make.Party, int], slot: Slot) -> None:
    party, campaign = frozen
    services.start(campaign)
    until(slot, lambda: is_finished(campaign))
    actor = party.made.actor
    told = {person: queries.person_history(actor, person) for person in party.people}
    counted = books.books(raw(), campaign)

    assert all(rows for rows in told.values())
    last = [rows[0].code for rows in told.values()]
    assert last.count("DELIVERED") == counted.delivered and last.count("NOT_MEMBER") == counted.left_out["NOT_MEMBER"]
    assert sum(row.code == "MOVED_ON" for rows in told.values() for row in rows) == counted.moved_on
    stranger = make_tree.organisation().actor
    with pytest.raises(NotYours):
        queries.person_history(stranger, party.people[0])
