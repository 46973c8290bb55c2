"""A stored bitmap that is not what its tables say is found by night, mended for every process, and recorded (M2, O3)."""

from collections.abc import Iterator
from typing import Any

import pytest
from pyroaring import BitMap

from majung.core import db
from majung.crowd import bitmaps, evaluate, kept, registry
from majung.crowd.compare import Difference, compare
from majung.crowd.expression import Leaf, Range
from majung.people import services
from majung.people.models import Person
from tests.make import people as make
from tests.make import tree
from tests.make.database import second_connection

pytestmark = [pytest.mark.product("M2", "O3"), pytest.mark.django_db(transaction=True)]
STOPPED, BORN = Leaf("stopped"), Range("born", (), 195001, 200012)


class Crowd:
    """Forty people, some of them stopped, whose sets are stored."""

    def __init__(self) -> None:
        self.made = tree.organisation(depth=2)
        self.root, self.people = self.made.root.pk, make.crowd(40, units=self.made.units)
        services.set_processing(self.made.actor, self.people[:6], stopped=True)
        Person.objects.filter(pk__in=self.people).update(birth_ym=198001)
        assert len(self.stopped()) == 6
        assert len(self.born()) == 40

    def stopped(self, connection: Any = None) -> BitMap:
        return evaluate.bitmap(connection or db.raw(), self.root, STOPPED)

    def born(self) -> BitMap:
        return evaluate.bitmap(db.raw(), self.root, BORN)

    def corrupt(self, family: str, buckets: bitmaps.Buckets) -> str:
        """The stored bitmap says something else, and this process believes it."""
        key = registry.get(family).key(())
        done = db.raw().execute(
            "UPDATE crowd_bitmap SET bitmap = %s WHERE root_id = %s AND set_key = %s",
            [bitmaps.pack(buckets), self.root, key],
        )
        assert done.rowcount == 1
        kept.forget()
        return key

    def mine(self, differences: list[Difference]) -> list[Difference]:
        """Those of this organisation: other tests' bitmaps may be stored too."""
        return [one for one in differences if one.root == self.root]


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    yield Crowd()


def test_what_is_right_stays_and_is_not_recorded(crowd: Crowd) -> None:
    services.set_processing(crowd.made.actor, crowd.people[6:9], stopped=True)

    assert crowd.mine(compare(db.raw())) == []

    assert len(crowd.stopped()) == 9
    assert recorded(crowd) == []


def test_a_corrupted_bitmap_is_mended_and_recorded(crowd: Crowd) -> None:
    key = crowd.corrupt("stopped", {None: BitMap([*crowd.people[:4], crowd.people[20]])})
    assert set(crowd.stopped()) == {*crowd.people[:4], crowd.people[20]}, "it is believed, as long as nobody compares"

    [found] = crowd.mine(compare(db.raw()))

    assert (found.key, set(found.lacking), set(found.surplus)) == (key, set(crowd.people[4:6]), {crowd.people[20]})
    assert set(crowd.stopped()) == set(crowd.people[:6]), "also what this process kept of it"
    kept.forget()
    assert set(crowd.stopped()) == set(crowd.people[:6])
    assert recorded(crowd) == [(key, 2, 1)]
    assert crowd.mine(compare(db.raw())) == []


def test_a_person_in_the_wrong_bucket_is_found(crowd: Crowd) -> None:
    wrong = BitMap(crowd.people[:3])
    key = crowd.corrupt("born", {198001: BitMap(crowd.people) - wrong, 199001: wrong})

    [found] = crowd.mine(compare(db.raw()))

    assert (found.key, found.lacking, found.surplus) == (key, wrong, wrong)
    assert set(evaluate.bitmap(db.raw(), crowd.root, Range("born", (), 198001, 198001))) == set(crowd.people)


def test_an_open_campaign_is_told_whom_to_judge_again(crowd: Crowd) -> None:
    """Its list was frozen from the bitmap: the change log names those who were wrong, as if they had changed."""
    crowd.corrupt("stopped", {None: BitMap(crowd.people[:4])})
    compare(db.raw())
    [(family, people)] = db.raw().execute(
        "SELECT family, people FROM crowd_change WHERE root_id = %s ORDER BY seq DESC LIMIT 1", [crowd.root]
    ).fetchall()  # fmt: skip
    assert family in registry.get("stopped").changes
    assert set(people) == set(crowd.people[4:6])


def test_what_changes_while_it_is_compared_is_no_difference(crowd: Crowd) -> None:
    with second_connection() as other:
        other.execute("UPDATE person SET state = 2 WHERE id = ANY(%s)", [crowd.people[10:15]])
        assert crowd.mine(compare(db.raw())) == []
        other.commit()
    assert len(crowd.stopped()) == 11
    assert crowd.mine(compare(db.raw())) == []


def test_the_night_ends_in_time_and_goes_on_with_what_was_left(crowd: Crowd) -> None:
    assert compare(db.raw(), most_seconds=-1) == []
    pending = "SELECT count(*) FROM crowd_bitmap WHERE root_id = %s AND compared_at IS NULL"
    assert db.raw().execute(pending, [crowd.root]).fetchall() == [(3,)]
    compare(db.raw())
    assert db.raw().execute(pending, [crowd.root]).fetchall() == [(0,)]


def test_a_bitmap_of_another_definition_is_left_alone(crowd: Crowd) -> None:
    db.raw().execute(
        "UPDATE crowd_bitmap SET set_key = 'stopped/00000000/()' WHERE root_id = %s AND set_key = %s",
        [crowd.root, registry.get("stopped").key(())],
    )
    assert crowd.mine(compare(db.raw())) == []
    for hostile in ("stopped", "stopped//", "stopped/x/__import__('os')", "nothing/0/()", "stopped/0/7", ""):
        assert registry.of_key(hostile) is None
    assert registry.of_key(registry.get("consent").key((1, "ad'v", "*"))) == ("consent", (1, "ad'v", "*"))


def recorded(crowd: Crowd) -> list[tuple[Any, ...]]:
    rows = "SELECT set_key, lacking, surplus FROM crowd_difference WHERE root_id = %s"
    return db.raw().execute(rows, [crowd.root]).fetchall()
