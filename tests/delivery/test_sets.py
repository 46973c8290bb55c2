"""Who received a campaign and who was messaged lately: while it runs, when it has ended, at midnight, and as the books say (M2)."""

from datetime import datetime, timedelta

import psycopg
import pytest

from majung.campaigns import services as campaigns
from majung.core import clock
from majung.core.db import raw
from majung.crowd import bitmaps, catalogue, evaluate
from majung.crowd.expression import Ago, And, Expression, Leaf, Not, Range
from majung.delivery import reached
from majung.delivery.books import books
from majung.delivery.engine import Slot
from tests.delivery.conftest import Sandbox, register, until
from tests.make import campaigns as make_campaigns
from tests.make import delivery as make
from tests.make import people as make_people
from tests.make import tree as make_tree
from tests.make.database import second_connection

catalogue.load()
pytestmark = [pytest.mark.django_db, pytest.mark.product("M2")]

EVENING = datetime.fromisoformat("2026-11-20T23:59:59+09:00")
LATELY = Range("messaged", (), Ago(6), None)


@pytest.fixture
def people() -> list[int]:
    made = make_tree.organisation(depth=1)
    found = make_people.crowd(8, units=made.units)
    assert len(found) == 8
    return found


def root_of(person: int) -> int:
    [(root,)] = raw().execute("SELECT root_id FROM person WHERE id = %s", [person]).fetchall()
    return int(root)


def who(person: int, expression: Expression) -> set[int]:
    """Who of the root of ``person`` is in ``expression``: three evaluators, one answer."""
    root = root_of(person)
    truth = set(evaluate.members(raw(), root, expression))
    assert set(evaluate.bitmap(raw(), root, expression)) == truth
    everybody = [number for (number,) in raw().execute("SELECT id FROM person").fetchall()]
    assert evaluate.holds_many(raw(), root, expression, everybody) == truth
    return truth


def received(campaign: int) -> Leaf:
    return Leaf("received", (campaign,))


@pytest.mark.parametrize(
    ("byte", "counts"),
    [
        ("d", True),
        ("a", True),
        ("n", False),
        ("q", False),
        ("m", False),
        ("l", False),
        ("\x0a", False),
        ("\x1e", False),
    ],
)
def test_arrived_and_taken_count_doubt_and_refusals_do_not(people: list[int], byte: str, counts: bool) -> None:
    make.handed(root_of(people[0]), 7, {people[0]: byte}, clock.now())

    expected = {people[0]} if counts else set()
    for _ in ("running", "ended", "folded"):
        assert who(people[0], received(7)) == who(people[0], LATELY) == expected
        make.ended(7)
        reached.fold_ended(raw())


def test_a_running_campaign_counts_at_once_and_a_late_refusal_takes_out(
    people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bitmaps, "STORE_FROM", 0)
    one, two, three = people[:3]
    assert who(one, received(7)) == who(one, LATELY) == set()

    make.handed(root_of(one), 7, {one: "a", two: "a", three: "n"}, clock.now())
    assert who(one, received(7)) == who(one, LATELY) == {one, two}
    spared = And((Not(received(7)), Leaf("person")))
    assert who(one, spared) == set(people) - {one, two}

    make.told(7, {one: "d", two: "\x0a"})
    assert who(one, received(7)) == who(one, LATELY) == {one}
    make.told(7, {one: "d", two: "q", three: "a"})
    assert who(one, received(7)) == who(one, LATELY) == {one, three}


def test_the_days_are_counted_in_seoul_and_move_at_midnight(people: list[int]) -> None:
    late, early = people[:2]
    root = root_of(late)
    make.handed(root, 7, {late: "d"}, EVENING)
    make.handed(root, 8, {early: "d"}, EVENING + timedelta(seconds=1))

    def lately(days: int) -> Range:
        return Range("messaged", (), Ago(days - 1), None)

    for _ in ("running", "folded"):
        with clock.frozen(EVENING):
            assert who(late, lately(1)) == {late, early}  # tomorrow's, seen a second early, is no older than a day
            assert who(late, Range("messaged", (), Ago(0), Ago(0))) == {late}
        with clock.frozen(EVENING + timedelta(seconds=1)):
            assert (who(late, lately(1)), who(late, lately(2))) == ({early}, {late, early})
        with clock.frozen(EVENING + timedelta(days=6)):
            assert who(late, lately(7)) == {late, early}
        with clock.frozen(EVENING + timedelta(days=6, seconds=1)):
            assert (who(late, lately(7)), who(late, lately(8))) == ({early}, {late, early})
        make.ended(7), make.ended(8)
        reached.fold_ended(raw())


def test_the_last_day_counts_whatever_the_order_of_folding(people: list[int]) -> None:
    one, two, three = people[:3]
    root, first = root_of(one), EVENING - timedelta(days=40)
    make.handed(root, 7, {one: "d", two: "d"}, EVENING)
    make.handed(root, 8, {one: "d", three: "d"}, first)
    old = Range("messaged", (), None, Ago(20))

    with clock.frozen(EVENING):
        assert (who(one, LATELY), who(one, old)) == ({one, two}, {three})
        for campaign in (7, 8):
            make.ended(campaign)
            assert reached.fold(raw(), campaign)
            assert (who(one, LATELY), who(one, old)) == ({one, two}, {three})


def test_folding_changes_nothing_and_happens_once(people: list[int]) -> None:
    root = root_of(people[0])
    make.handed(root, 7, {person: "adnq"[i % 4] for i, person in enumerate(people)}, clock.now())
    before, known = who(people[0], LATELY), changes(root)
    assert not reached.fold(raw(), 7)  # it runs
    assert reached.fold_ended(raw()) == 0

    make.ended(7)
    known = changes(root)
    assert [reached.fold_ended(raw()), reached.fold_ended(raw())] == [1, 0]
    assert not reached.fold(raw(), 7) and not reached.fold(raw(), 8)

    assert changes(root) == known
    assert who(people[0], LATELY) == before == set(people[0::4]) | set(people[1::4])


def test_people_far_apart_share_no_row(people: list[int]) -> None:
    root = root_of(people[0])
    last = people[-1] + 512 * 3 + 5
    raw().execute(
        """INSERT INTO person (id, root_id, public_id, entity_id, basis, created_at)
           SELECT n, %s, gen_random_uuid(), 1, 1, now() FROM generate_series(%s::int, %s::int) AS n""",
        [root, people[-1] + 1, last],
    )
    some = set(range(people[0], last + 1, 3)) | {last}
    make.handed(root, 7, dict.fromkeys(sorted(some), "d"), clock.now())
    make.ended(7)
    reached.fold_ended(raw())

    assert who(people[0], LATELY) == some
    assert raw().execute("SELECT count(*) FROM reached_day WHERE root_id = %s", [root]).fetchall()[0][0] >= 4


def changes(root: int) -> list[tuple[int | None, int | None]]:
    """What the log says of sent messages: campaign, and how many people are named."""
    rows = raw().execute(
        "SELECT subject, cardinality(people) FROM crowd_change WHERE root_id = %s AND family = 'sent' ORDER BY seq",
        [root],
    )
    return rows.fetchall()


def test_few_are_named_in_the_log_and_many_are_not(people: list[int]) -> None:
    root, many = root_of(people[0]), range(100_000, 101_001)
    make.handed(root, 7, dict.fromkeys(people, "a"), clock.now())
    make.handed(root, 8, dict.fromkeys(many, "a"), clock.now())
    assert {campaign for campaign, _ in changes(root)} == {7, 8}
    assert sum(n or 0 for campaign, n in changes(root) if campaign == 7) == len(people)

    def answer(byte: str) -> list[tuple[int | None, int | None]]:
        """One statement that sets the byte of everybody; what it adds to the log."""
        before = len(changes(root))
        raw().execute(
            "UPDATE campaign_chunk SET outcome = decode(repeat(%s, n), 'hex') WHERE root_id = %s",
            [byte.encode().hex(), root],
        )
        return sorted(changes(root)[before:])

    assert answer("d") == [(7, len(people)), (8, None)]
    assert answer("d") == []
    make.told(8, {100_000: "\x0a"})
    assert answer("d") == [(8, make.CHUNK)]  # only chunks that changed


def test_leases_and_claims_are_no_news(people: list[int]) -> None:
    root = root_of(people[0])
    make.handed(root, 7, {people[0]: "a"}, clock.now())
    make.handed(root, 8, {people[1]: "n"}, clock.now())
    known = changes(root)

    raw().execute("UPDATE campaign_chunk SET lease_until = now() WHERE campaign_id = 7")
    raw().execute("UPDATE campaign_chunk SET state = 1, worker = 'w', lease_until = now() WHERE campaign_id = 8")
    raw().execute("UPDATE campaign_chunk SET outcome = 'q' WHERE campaign_id = 8")

    assert changes(root) == known


def test_another_root_is_never_read(people: list[int]) -> None:
    other = make_people.crowd(3, units=make_tree.organisation(depth=1).units)
    make.handed(root_of(other[0]), 7, dict.fromkeys(other, "d"), clock.now())

    for _ in ("running", "folded"):
        assert who(people[0], received(7)) == who(people[0], LATELY) == set()
        assert who(other[0], received(7)) == who(other[0], LATELY) == set(other)
        make.ended(7)
        reached.fold_ended(raw())


@pytest.mark.django_db(transaction=True)
def test_two_folds_of_one_root_wait_for_each_other() -> None:
    made = make_tree.organisation(depth=1)
    people = make_people.crowd(4, units=made.units)
    make.handed(made.root.pk, 7, {people[0]: "d"}, EVENING)
    make.handed(made.root.pk, 8, {people[1]: "d"}, EVENING)
    make.ended(7), make.ended(8)

    with second_connection() as other:
        other.execute("SELECT")  # begins a transaction, which the fold leaves open
        assert reached.fold(other, 7)
        raw().execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            reached.fold(raw(), 8)
        other.commit()
    raw().execute("RESET lock_timeout")
    assert reached.fold(raw(), 8)
    with clock.frozen(EVENING):
        assert who(people[0], LATELY) == set(people[:2])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.product("M4", "M9")
def test_the_dispatcher_s_campaign_is_received_by_whom_the_books_call_accepted(sandbox: Sandbox, slot: Slot) -> None:
    """Real hand-over and results: the next campaign leaves out, half-way and at the end, whoever was just messaged."""
    party = make_campaigns.party(people=120, base_url=sandbox.base_url)
    register(sandbox, party)
    number = make_campaigns.confirmed(party).pk
    campaigns.freezing.freeze(number)
    campaigns.freezing.start(number)

    def counted() -> set[int]:
        told = who(party.people[0], received(number))
        assert told == who(party.people[0], LATELY)
        assert len(told) == books(raw(), number).accepted
        return told

    assert counted() == set()
    until(slot, lambda: books(raw(), number).not_yet == 0)
    assert counted()
    until(slot, lambda: raw().execute("SELECT finished_at FROM dispatch").fetchall() != [(None,)])
    at_the_end = counted()
    assert 0 < len(at_the_end) < 120
    assert reached.fold_ended(raw()) == 1
    assert counted() == at_the_end
