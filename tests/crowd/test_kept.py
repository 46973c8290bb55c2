"""What a process keeps of sets is what is true and committed, and no more than it may (M2)."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from django.db import transaction

from majung import settings
from majung.core import db, sql
from majung.crowd import bitmaps, evaluate, kept, tail
from majung.crowd.expression import Leaf, Not, Or
from majung.people import services
from tests.make import people as make
from tests.make import tree
from tests.make.database import second_connection

pytestmark = [pytest.mark.product("M2"), pytest.mark.django_db(transaction=True)]
STOPPED = Leaf("stopped")
STOPPED_KEY = ("stopped", ())


class Crowd:
    """Ten people, whose stopped ones are asked for; asked once, so that this process keeps the set."""

    def __init__(self) -> None:
        self.made = tree.organisation(depth=2)
        self.root, self.people = self.made.root.pk, make.crowd(10, units=self.made.units)
        assert self.stopped() == 0

    def stopped(self, connection: Any = None) -> int:
        return evaluate.count(connection or db.raw(), self.root, STOPPED)

    def stop(self, *some: int) -> None:
        services.set_processing(self.made.actor, [self.people[number] for number in some], stopped=True)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    yield Crowd()


def test_what_was_counted_is_kept_and_not_read_again(crowd: Crowd) -> None:
    before = kept.of(db.raw()).get((crowd.root, STOPPED_KEY))

    assert crowd.stopped() == 0
    assert kept.of(db.raw()).get((crowd.root, STOPPED_KEY)).set is before.set


def test_one_statement_answers_when_nothing_changed(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    whole = sql.prepared
    monkeypatch.setattr(sql, "prepared", lambda *given, **named: asked.append(given[1]) or whole(*given, **named))
    monkeypatch.setattr(bitmaps, "load", lambda *_: pytest.fail("a kept set was read again"))
    monkeypatch.setattr(bitmaps, "ask_each", lambda *given: [] if not given[2] else pytest.fail("nothing had changed"))

    for denied in (STOPPED, Not(STOPPED)):
        evaluate.count_both(db.raw(), crowd.root, Leaf("person"), denied)

    assert asked == [sql.load("majung.crowd", "tail", "read")] * 2


def test_a_change_of_one_column_touches_only_its_sets(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    ask = bitmaps.ask_each
    monkeypatch.setattr(bitmaps, "ask_each", lambda *given: asked.append(given[2]) or ask(*given))
    seen = (STOPPED, Leaf("gender", (1,)), Leaf("born"), Leaf("home", (crowd.made.top.pk,)))
    evaluate.count(db.raw(), crowd.root, Or(seen))
    asked.clear()

    db.raw().execute("UPDATE person SET gender = 1 - least(gender, 1) WHERE id = %s", [crowd.people[0]])
    evaluate.count(db.raw(), crowd.root, Or(seen))

    assert [leaf for some in asked for leaf, _ in some] == [Leaf("gender", (1,))]


def test_what_another_session_commits_is_seen(crowd: Crowd) -> None:
    with second_connection(autocommit=True) as other:
        other.execute("UPDATE person SET state = 2 WHERE id = %s", [crowd.people[0]])
    assert crowd.stopped() == 1


def test_what_is_rolled_back_is_not_kept(crowd: Crowd) -> None:
    with transaction.atomic():
        crowd.stop(0, 1)
        assert crowd.stopped() == 2
        transaction.set_rollback(True)
    assert crowd.stopped() == 0


def test_what_a_savepoint_took_back_is_not_kept(crowd: Crowd) -> None:
    with transaction.atomic():
        with transaction.atomic():
            crowd.stop(0, 1)
            assert crowd.stopped() == 2
            transaction.set_rollback(True)
        assert crowd.stopped() == 0
    assert crowd.stopped() == 0


def test_an_old_snapshot_takes_nothing_younger_from_what_is_kept(crowd: Crowd) -> None:
    with second_connection() as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert crowd.stopped(old) == 0
        crowd.stop(0)
        assert crowd.stopped() == 1
        assert crowd.stopped(old) == 0
    assert crowd.stopped() == 1


def test_what_was_forgotten_since_makes_a_kept_set_worthless(crowd: Crowd) -> None:
    crowd.stop(0)
    db.raw().execute("DELETE FROM crowd_change WHERE root_id = %s", [crowd.root])
    db.raw().execute("DELETE FROM crowd_bitmap WHERE root_id = %s", [crowd.root])
    db.raw().execute(
        "INSERT INTO crowd_horizon VALUES (%s, (pg_current_xact_id()::text::bigint + 1)::text::xid8)"
        " ON CONFLICT (root_id) DO UPDATE SET forgot_below = excluded.forgot_below",
        [crowd.root],
    )
    assert crowd.stopped() == 1


def test_another_database_of_the_same_name_begins_anew(crowd: Crowd) -> None:
    """After a restore the numbers of transactions begin again, and what was kept means nothing."""
    db.raw().execute("ALTER TABLE person DISABLE TRIGGER USER")
    db.raw().execute("UPDATE person SET state = 2 WHERE id = %s", [crowd.people[0]])
    db.raw().execute("ALTER TABLE person ENABLE TRIGGER USER")
    db.raw().execute("DELETE FROM crowd_bitmap")
    assert crowd.stopped() == 0, "nobody told of the change, so that what is kept is still believed"

    kept.of(db.raw()).epoch = "another database"

    assert crowd.stopped() == 1


def test_the_denied_are_combined_anew_when_one_of_their_sets_changed(crowd: Crowd) -> None:
    denied = Or((STOPPED, Not(Leaf("has_mobile"))))

    def both() -> tuple[int, int]:
        return evaluate.count_both(db.raw(), crowd.root, Leaf("person"), denied)

    assert both() == both() == (10, 10)
    crowd.stop(0, 1, 2)
    assert both() == both() == (10, 7)


def test_threads_that_count_while_others_write_know_of_every_commit_before_they_asked(crowd: Crowd) -> None:
    """Each writer counts right after its own commit, in a thread and connection of its own: its people must be counted."""
    wrong: list[Any] = []

    def work(number: int) -> None:
        person = crowd.people[number]
        with second_connection(autocommit=True) as mine:
            for state in (2, 1, 2, 1, 2) * 4:
                mine.execute("UPDATE person SET state = %s WHERE id = %s", [state, person])
                if (person in evaluate.bitmap(mine, crowd.root, STOPPED)) != (state == 2):
                    wrong.append((person, state))

    threads = [Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert crowd.stopped() == 6 == len(evaluate.members(db.raw(), crowd.root, STOPPED))


def test_a_set_away_for_longer_than_the_list_is_read_again(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST", 4)
    crowd.stop(0)
    for number in range(8):
        make.crowd(1, units=crowd.made.units, seed=number)
        evaluate.count(db.raw(), crowd.root, Leaf("person"))
    assert crowd.stopped() == 1


def test_no_more_is_kept_than_was_allowed(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CROWD_CACHE_BYTES", 300)
    for unit in crowd.made.units:
        evaluate.count(db.raw(), crowd.root, Leaf("home", (unit.pk,)))
        assert kept.of(db.raw()).size_bytes <= 300
    assert crowd.stopped() == 0
