"""What a process keeps of sets is what is true and committed, and no more than it may (M2)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from majung import settings
from majung.core import db
from majung.crowd import evaluate, kept, registry
from majung.crowd.expression import Leaf, Not, Or
from majung.crowd.kept import GROUP, Kept
from majung.people import services
from tests.make import people as make
from tests.make import tree
from tests.make.database import second_connection

pytestmark = [pytest.mark.product("M2"), pytest.mark.django_db(transaction=True)]
STOPPED = Leaf("stopped")


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
    before = kept.of(db.raw()).get((crowd.root, _name()))

    assert crowd.stopped() == 0
    assert kept.of(db.raw()).get((crowd.root, _name())).buckets is before.buckets


def _name() -> str:
    return registry.get("stopped").key(())


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


def test_no_more_is_kept_than_was_allowed(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CROWD_CACHE_BYTES", 300)
    for unit in crowd.made.units:
        evaluate.count(db.raw(), crowd.root, Leaf("home", (unit.pk,)))
        assert kept.of(db.raw()).size_bytes <= 300
    assert crowd.stopped() == 0


bounds = st.none() | st.integers(-5, 120)


@given(
    buckets=st.dictionaries(
        st.integers(0, 110), st.lists(st.integers(0, 500), max_size=4).map(BitMap), max_size=6 * GROUP
    ),
    ranges=st.lists(st.tuples(bounds, bounds), max_size=5),
)
def test_a_range_is_the_union_of_its_buckets(buckets: dict[int | None, BitMap], ranges: list[Any]) -> None:
    known = Kept.of(buckets, 1)
    for first, last in ranges:
        inside = [
            members for bucket, members in buckets.items()
            if bucket is not None and (first is None or bucket >= first) and (last is None or bucket <= last)
        ]  # fmt: skip
        assert known.between(first, last) == BitMap.union(BitMap(), *inside)
