"""Reports that are to be believed: in any order, twice, early, late, of another basket or account (M9, decision 0029)."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.channels import inbox
from majung.channels.adapters.outcomes import Outcome
from majung.channels.inbox import Kind, Told
from majung.core import clock
from majung.core.db import raw
from majung.crowd import catalogue
from majung.delivery import planner
from majung.delivery.books import books
from majung.ingest.folder import Folder
from majung.people.vault import sealer
from tests.make import delivery as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.product("M9")]

GROUP = "G4V20260302090000000000000000001"
CAMPAIGN = 41


@pytest.fixture
def party(noon: datetime) -> make.Party:
    """A campaign whose chunks were all handed over in one basket."""
    made = make.party(people=30)
    planner.freeze(raw(), make.order(made, campaign=CAMPAIGN, at=clock.now()))
    raw().execute("UPDATE dispatch SET state = 'sending' WHERE campaign_id = %s", [CAMPAIGN])
    hand_over()
    return made


@pytest.fixture
def folder(url: str) -> Iterator[Folder]:
    catalogue.load()
    made = Folder(url, sealer())
    yield made
    made.hands.connection.close()


def hand_over() -> None:
    """Everything is out again, and nothing is known of it."""
    raw().execute(
        """UPDATE campaign_chunk
              SET state = 2, attempt = 1, worker = 'test', group_ref = %s, handed_at = clock_timestamp(), settled_at = NULL,
                  lease_until = clock_timestamp() + interval '1 hour', outcome = decode(repeat('61', n), 'hex')
            WHERE campaign_id = %s""",
        [GROUP, CAMPAIGN],
    )


def cells() -> dict[tuple[int, int], int]:
    """The outcome byte of each message."""
    rows = raw().execute("SELECT chunk_no, outcome FROM campaign_chunk WHERE campaign_id = %s", [CAMPAIGN]).fetchall()
    return {(number, seq): byte for number, outcome in rows for seq, byte in enumerate(bytes(outcome))}


def told(words: dict[tuple[int, int], int], group: str = GROUP, campaign: int = CAMPAIGN) -> Told:
    return Told(
        campaign=campaign, group=group, chunks=np.array([chunk for chunk, _ in words], np.int64),
        seqs=np.array([seq for _, seq in words], np.int64), outcomes=np.array(list(words.values()), np.uint8),
    )  # fmt: skip


def put(account: int, *words: Told, seconds: float = 0) -> None:
    inbox.put_back(raw(), Kind.REPORTS, account, sum(map(len, words)), inbox.pack_told(words), seconds)


def fold(folder: Folder) -> None:
    while folder.step():
        pass


def test_what_is_told_of_every_message_settles_the_campaign(party: make.Party, folder: Folder) -> None:
    everything = dict.fromkeys(cells(), int(Outcome.DELIVERED))
    failed = next(iter(everything))
    everything[failed] = int(Outcome.NO_TALK)

    put(party.account.pk, told(everything))
    fold(folder)

    assert cells() == {at: int(Outcome.NO_TALK) if at == failed else ord("d") for at in everything}
    assert raw().execute("SELECT DISTINCT state, sealed IS NULL FROM campaign_chunk").fetchall() == [(3, True)]
    assert raw().execute("SELECT kind, n FROM cost_entry").fetchall() == [("returned", 1)]
    assert books(raw(), CAMPAIGN).delivered == len(everything) - 1
    assert inbox.waiting(raw())[:2] == (0, 0)


def test_the_first_word_stands_however_often_it_is_said(party: make.Party, folder: Folder) -> None:
    at = next(iter(cells()))

    for outcome in (Outcome.HANDSET, Outcome.HANDSET, Outcome.DELIVERED, Outcome.NO_TALK):
        put(party.account.pk, told({at: int(outcome)}), told({at: int(Outcome.DELIVERED)}))
        fold(folder)

    assert cells()[at] == int(Outcome.HANDSET)
    assert raw().execute("SELECT kind, n FROM cost_entry").fetchall() == [("returned", 1)], "the money came back once"


@pytest.mark.parametrize("case", ["basket", "account", "campaign", "chunk", "seq"])
def test_what_is_not_where_it_says_moves_nothing(party: make.Party, folder: Folder, case: str) -> None:
    before, at = cells(), next(iter(cells()))
    words = {
        "basket": told({at: 2}, group=GROUP[:-1] + "2"), "account": told({at: 2}), "campaign": told({at: 2}, campaign=40),
        "chunk": told({(999_999, 0): 2}), "seq": told({(at[0], 60_000): 2}),
    }[case]  # fmt: skip

    put(party.account.pk + (case == "account"), words)
    fold(folder)

    assert cells() == before
    assert inbox.waiting(raw())[:2] == (0, 0)


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.NOT_YET, Outcome.NO_BALANCE, Outcome.IN_DOUBT, 200])
def test_what_is_no_result_moves_nothing(party: make.Party, folder: Folder, outcome: int) -> None:
    """Above all no cell becomes "not yet" again: it would be sent a second time."""
    before = cells()

    put(party.account.pk, told(dict.fromkeys(before, int(outcome))))
    fold(folder)

    assert cells() == before


def test_what_comes_before_the_hand_over_is_written_down_waits(party: make.Party, folder: Folder) -> None:
    everything = cells()
    raw().execute("UPDATE campaign_chunk SET state = 1, outcome = decode(repeat('6e', n), 'hex')")

    put(party.account.pk, told(dict.fromkeys(everything, int(Outcome.DELIVERED))))
    fold(folder)
    assert set(cells().values()) == {ord("n")}
    assert inbox.waiting(raw())[0] == len(everything)

    hand_over()
    raw().execute("UPDATE inbox SET due_at = '-infinity'")
    fold(folder)
    assert set(cells().values()) == {ord("d")}


def test_two_days_late_counts_and_a_settled_cell_does_not_move(party: make.Party, folder: Folder) -> None:
    everything = cells()
    first, *rest = everything
    put(party.account.pk, told({first: int(Outcome.DELIVERED)}))
    fold(folder)

    put(party.account.pk, told(dict.fromkeys(everything, int(Outcome.SPAM))))
    raw().execute("UPDATE inbox SET at = at - interval '2 days'")
    fold(folder)

    assert cells() == {first: ord("d")} | dict.fromkeys(rest, int(Outcome.SPAM))


def test_an_opt_out_becomes_a_refusal(party: make.Party, folder: Folder) -> None:
    at = next(iter(cells()))

    put(party.account.pk, told({at: int(Outcome.OPTED_OUT)}))
    fold(folder)

    assert raw().execute("SELECT medium, path FROM refusal ORDER BY 1").fetchall() == [
        ("KAKAO_AD", "080"),
        ("SMS", "080"),
    ]


def test_not_a_friend_goes_on_along_the_route(party: make.Party, folder: Folder) -> None:
    before = cells()

    put(party.account.pk, told(dict.fromkeys(before, int(Outcome.NOT_A_FRIEND))))
    fold(folder)

    after = cells()
    moved = sum(byte == ord("m") for byte in after.values())
    assert moved and len(after) == len(before) + moved, "each who moved on stands ready in a chunk of the next wave"
    assert books(raw(), CAMPAIGN).is_balanced


def test_a_folder_that_dies_leaves_the_inbox_as_it_was(
    party: make.Party, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row and what follows from it are one transaction."""
    before = cells()
    put(party.account.pk, told(dict.fromkeys(before, int(Outcome.DELIVERED))))
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "done", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            folder.step()

    assert (cells(), inbox.waiting(raw())[0]) == (before, len(before))
    fold(folder)
    assert set(cells().values()) == {ord("d")}


words_of = st.lists(st.tuples(st.integers(0, 29), st.sampled_from([2, 11, 31, 1, 255, 0])), min_size=1, max_size=40)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(words_of, min_size=1, max_size=4))
def test_however_reports_come_each_cell_has_its_first_result(
    party: make.Party, folder: Folder, calls: list[list[tuple[int, int]]]
) -> None:
    hand_over()
    places = sorted(cells())
    expected = dict.fromkeys(places, ord("a"))
    for call in calls:
        parts = []
        for place, outcome in call:
            at = places[place % len(places)]
            parts.append(told({at: outcome}))
            if expected[at] == ord("a") and outcome in (2, 11, 31):
                expected[at] = ord("d") if outcome == 2 else outcome
        put(party.account.pk, *parts)
        fold(folder)

    assert cells() == expected


def test_packing_returns_what_was_packed() -> None:
    chance = np.random.default_rng(3)
    one = Told(campaign=7, group=GROUP, chunks=chance.integers(1, 9, 500), seqs=chance.integers(0, 999, 500),
               outcomes=chance.integers(0, 255, 500).astype(np.uint8))  # fmt: skip
    two = told({(3, 4): 2}, group="x", campaign=2**40)

    [first, second] = inbox.told(inbox.pack_told([one, two]))

    order = np.argsort(one.chunks, kind="stable")
    assert (first.campaign, first.group, second.campaign, second.group) == (7, GROUP, 2**40, "x")
    assert (first.chunks == one.chunks[order]).all() and (first.seqs == one.seqs[order]).all()
    assert (first.outcomes == one.outcomes[order]).all() and len(second) == 1
