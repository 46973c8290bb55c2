"""The evaluators agree: bitmap, SQL, one person; while rows and the clock move (M2, F3)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core import clock, db
from majung.crowd import bitmaps, evaluate
from majung.crowd.expression import Ago, And, AtLeast, Expression, Leaf, Not, Or, Range
from majung.delivery import reached
from majung.people import services
from majung.people.enums import MemberState
from majung.people.models import Person, Tag
from tests.make import delivery, tree
from tests.make import people as make
from tests.make.database import second_connection

pytestmark = pytest.mark.product("M2", "F3")


_campaigns = count(50_000)


class World:
    """One organisation with people, and another beside it whose people must never turn up."""

    def __init__(self) -> None:
        self.made, other = tree.organisation(depth=3), tree.organisation(depth=2)
        self.root = self.made.root.pk
        self.units = [unit.pk for unit in self.made.units]
        self.people = make.crowd(60, units=self.made.units, shared=0.3)
        self.strangers = make.crowd(15, units=other.units)
        self.foreign_unit = other.units[0].pk
        self.tags = [Tag.objects.create(root_id=self.root, name=name) for name in ("가", "나")]
        self.campaigns = [next(_campaigns), next(_campaigns)]
        for campaign in self.campaigns:
            delivery.handed(self.root, campaign, {n: "nadq"[n * campaign % 4] for n in self.people}, clock.now())
        self.foreign_campaign = next(_campaigns)
        delivery.handed(other.root.pk, self.foreign_campaign, dict.fromkeys(self.strangers, "d"), clock.now())

    def leaves(self) -> st.SearchStrategy[Expression]:
        units = st.sampled_from([*self.units, self.foreign_unit, 2**40])
        months = st.none() | st.integers(193601, 202612) | st.integers(0, 1100).map(Ago)
        return st.one_of(
            st.sampled_from(["person", "stopped", "no_basis", "has_mobile", "shared_contact", "born"]).map(Leaf),
            st.builds(lambda f, u: Leaf(f, (u,)), st.sampled_from(["home", "scope", "here"]), units),
            st.builds(lambda g: Leaf("gender", (g,)), st.integers(0, 2)),
            st.builds(lambda t: Leaf("tag", (t.pk,)), st.sampled_from(self.tags)),
            st.just(Leaf("member", (self.made.entity.pk,))),
            st.builds(lambda first, last: Range("born", (), first, last), months, months),
            self.sent(),
        )

    def sent(self) -> st.SearchStrategy[Expression]:
        """What was received, and when."""
        days = st.none() | st.integers(20_770, 21_300) | st.integers(0, 40).map(Ago)
        return st.one_of(
            st.integers(1, 6).map(lambda which: Leaf("received", (self.campaign(which),))),
            st.builds(lambda first, last: Range("messaged", (), first, last), days, days),
        )

    def campaign(self, which: int) -> int:
        """One of the latest four, one of the other root, or none at all."""
        return [*self.campaigns[-which:], self.foreign_campaign, 2**40][0 if which < 5 else which - 7]

    def expressions(self) -> st.SearchStrategy[Expression]:
        return st.recursive(
            self.leaves(),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
                st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
                inner.map(Not),
                st.builds(lambda k, parts: AtLeast(k, tuple(parts)), st.integers(1, 3), st.lists(inner, max_size=4)),
            ),
            max_leaves=6,
        )

    def change(self, what: str, some: list[int], where: int) -> None:
        """One committed change of the kind ``what`` to ``some`` people."""
        actor = self.made.actor
        unit = self.made.units[where % len(self.made.units)]
        alive = list(Person.objects.filter(pk__in=some).exclude(state=3).values_list("pk", flat=True))
        tag = self.tags[where % 2]
        changes: dict[str, Callable[[], Any]] = {
            "move": lambda: services.set_home(actor, alive, unit),
            "tag": lambda: services.put_tag(actor, alive, tag),
            "untag": lambda: services.take_tag(actor, alive, tag),
            "stop": lambda: services.set_processing(actor, alive, stopped=where % 2 == 0),
            "member": lambda: services.set_membership(
                actor, alive, self.made.entity.pk, MemberState(where % 4 + 1), date(2026, 1, 1)
            ),
            "born": lambda: Person.objects.filter(pk__in=alive).update(
                birth_ym=195001 + where % 76 * 100, gender=where % 3
            ),
            "homeless": lambda: Person.objects.filter(pk__in=alive).update(home_unit_id=None, basis=0),
            "number": lambda: connection.cursor().execute(
                "DELETE FROM contact_point WHERE kind = 1 AND person_id = ANY(%s)", [alive]
            ),
            "erase": lambda: services.erase(actor, alive[:1], why="시험 삼아 파기"),
            "add": lambda: self.people.extend(make.crowd(3, units=[unit], seed=where)),
            "carry": self.carry_unit,
            "send": lambda: self.send(dict.fromkeys(some, "adnq"[where % 4])),
            "told": lambda: delivery.told(self.campaigns[-1 - where % 2], dict.fromkeys(some, "d\x0aqm"[where % 4])),
            "end": lambda: delivery.ended(self.campaigns[where % len(self.campaigns)]),
            "fold": lambda: reached.fold_ended(db.raw()),
            "nothing": lambda: None,
        }
        changes[what]()

    def send(self, bytes_of: dict[int, str]) -> None:
        """One more campaign is handed over now."""
        if bytes_of:
            self.campaigns.append(next(_campaigns))
            delivery.handed(self.root, self.campaigns[-1], bytes_of, clock.now())

    def carry_unit(self) -> None:
        """A unit hangs elsewhere: the two middle units swap one child."""
        first, second = self.made.units[1], self.made.units[2]
        child = self.made.units[3]
        child.refresh_from_db()
        first.refresh_from_db()
        second.refresh_from_db()
        type(child).objects.move(child, second if child.path.startswith(first.path) else first, "last-child")


@pytest.fixture
def world(transactional_db: None) -> World:
    with clock.frozen(MADE_AT):
        return World()


KINDS = [
    "move", "tag", "untag", "stop", "member", "born", "homeless", "number", "erase", "add", "carry", "send", "told", "end",
    "fold", "nothing",
]  # fmt: skip
# Before every moment below, whenever the tests run: what is lent in this world is lent from then on.
MADE_AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
# Seconds before and after midnight in Seoul, at the turn of a day, a month and a year.
MOMENTS = [
    datetime(*day, 15, 0, tzinfo=UTC) + timedelta(seconds=seconds)
    for day in ((2026, 11, 21), (2026, 11, 30), (2026, 12, 31), (2028, 2, 28))
    for seconds in (-1, 0, 1)
]


def agree(world: World, expression: Expression) -> None:
    raw = db.raw()
    truth = set(evaluate.members(raw, world.root, expression))
    assert set(evaluate.bitmap(raw, world.root, expression)) == truth
    assert evaluate.count(raw, world.root, expression) == len(truth)
    everybody = [*world.people, *world.strangers]
    assert evaluate.holds_many(raw, world.root, expression, everybody) == truth
    for person in (*world.people[:3], world.strangers[0]):
        assert evaluate.holds(raw, world.root, expression, person) == (person in truth)
    assert truth.isdisjoint(world.strangers)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_evaluators_agree_while_rows_and_the_clock_move(
    world: World, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    expression = data.draw(world.expressions())
    monkeypatch.setattr(bitmaps, "STORE_FROM", data.draw(st.sampled_from([0, 5, 200])))
    monkeypatch.setattr(bitmaps, "REBUILD_FROM", data.draw(st.sampled_from([0, 10, 20_000])))
    for _ in range(data.draw(st.integers(1, 4))):
        with clock.frozen(data.draw(st.sampled_from(MOMENTS))):
            agree(world, expression)
            some = [world.people[index] for index in data.draw(st.lists(st.integers(0, 59), max_size=8, unique=True))]
            world.change(data.draw(st.sampled_from(KINDS)), some, data.draw(st.integers(0, 200)))
            if data.draw(st.booleans()):
                bitmaps.forget(db.raw(), keep=data.draw(st.sampled_from([0, 3, 1000])))
            agree(world, expression)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_evaluators_agree_while_campaigns_run_end_and_are_folded(
    world: World, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bitmaps, "STORE_FROM", 0)
    expression = data.draw(world.sent())
    somebody = st.lists(st.integers(0, 59), min_size=1, max_size=8, unique=True)
    for _ in range(data.draw(st.integers(2, 5))):
        with clock.frozen(data.draw(st.sampled_from(MOMENTS))):
            agree(world, expression)
            some = [world.people[index] for index in data.draw(somebody)]
            kind = data.draw(st.sampled_from(["send", "told", "told", "end", "fold"]))
            world.change(kind, some, data.draw(st.integers(0, 200)))
            agree(world, expression)


def born_after(months: int) -> Range:
    return Range("born", (), Ago(months), None)


@pytest.mark.parametrize("at", MOMENTS)
def test_a_moving_bound_moves_at_midnight_in_seoul(world: World, at: datetime) -> None:
    with clock.frozen(at):
        on = clock.seoul(at).date()
        first = (on.year - 14) * 100 + on.month
        before = first - 1 if on.month > 1 else first - 89
        inside, outside = world.people[0], world.people[1]
        Person.objects.filter(pk=inside).update(birth_ym=first)
        Person.objects.filter(pk=outside).update(birth_ym=before)
        expected = set(Person.objects.filter(pk__in=world.people, birth_ym__gte=first).values_list("pk", flat=True))
        found = set(evaluate.bitmap(db.raw(), world.root, born_after(14 * 12)))
        assert found == expected
        assert inside in found
        assert outside not in found
        agree(world, born_after(14 * 12))


def test_commits_in_reverse_order_are_all_seen(world: World) -> None:
    """The change that took its number first becomes visible last, after a bitmap was stored in between."""
    member = Leaf("gender", (2,))
    early, late, gone = world.people[:3]
    Person.objects.filter(pk__in=[early, late, gone]).update(gender=0)
    assert {early, late, gone}.isdisjoint(evaluate.bitmap(db.raw(), world.root, member))
    change = "UPDATE person SET gender = 2 WHERE id = %s"
    with second_connection() as first, second_connection() as second, second_connection() as third:
        first.execute(change, [early])
        second.execute(change, [late])
        third.execute(change, [gone])
        second.commit()
        bitmaps_before = stored(world.root)
        Person.objects.filter(pk__in=world.people[10:]).update(gender=2)
        assert {late} <= set(evaluate.bitmap(db.raw(), world.root, member))
        assert early not in evaluate.bitmap(db.raw(), world.root, member)
        first.commit()
        third.rollback()
        assert {early, late} <= set(evaluate.bitmap(db.raw(), world.root, member))
        assert gone not in evaluate.bitmap(db.raw(), world.root, member)
    agree(world, member)
    assert bitmaps_before


def stored(root: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_key, n FROM crowd_bitmap WHERE root_id = %s ORDER BY 1", [root])
        return cursor.fetchall()


def test_changes_of_a_rolled_back_transaction_leave_no_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitmaps, "STORE_FROM", 0)
    expression = Leaf("stopped")
    evaluate.bitmap(db.raw(), world.root, expression)
    with second_connection() as other:
        other.execute("UPDATE person SET state = 2 WHERE id = ANY(%s)", [world.people])
        assert len(evaluate.bitmap(other, world.root, expression)) == 60
        assert len(evaluate.bitmap(db.raw(), world.root, expression)) == 0
        other.rollback()
    assert len(evaluate.bitmap(db.raw(), world.root, expression)) == 0


def test_two_storing_at_once_do_not_wait_for_each_other(world: World) -> None:
    with second_connection() as other:
        assert len(evaluate.bitmap(other, world.root, Leaf("person"))) == 60  # stored, not committed
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
        assert len(evaluate.bitmap(db.raw(), world.root, Leaf("person"))) == 60
        other.commit()


def test_a_reader_without_the_right_to_write_only_reads(world: World) -> None:
    with second_connection() as other:
        other.read_only = True
        assert len(evaluate.bitmap(other, world.root, Leaf("person"))) == 60
    assert stored(world.root) == []
    with second_connection() as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        assert len(evaluate.bitmap(other, world.root, Leaf("person"))) == 60
        other.commit()
    assert stored(world.root) == []


def test_a_bitmap_older_than_what_was_forgotten_is_built_anew(world: World) -> None:
    evaluate.bitmap(db.raw(), world.root, Leaf("stopped"))
    with second_connection(autocommit=True) as other:
        old = other.execute(
            "SELECT root_id, set_key, bitmap, watermark, n FROM crowd_bitmap WHERE root_id = %s", [world.root]
        ).fetchall()
        services.set_processing(world.made.actor, world.people[:5], stopped=True)
        evaluate.bitmap(db.raw(), world.root, Leaf("stopped"))
        other.execute("DELETE FROM crowd_bitmap WHERE root_id = %s", [world.root])
        bitmaps.forget(db.raw())
        assert old
        for row in old:  # a slow session stores what it had computed before
            other.execute("INSERT INTO crowd_bitmap VALUES (%s, %s, %s, %s::text::xid8, %s)", row)
    assert set(evaluate.bitmap(db.raw(), world.root, Leaf("stopped"))) == set(world.people[:5])


def test_forgetting_keeps_what_a_bitmap_still_needs(world: World) -> None:
    evaluate.bitmap(db.raw(), world.root, Leaf("stopped"))
    services.set_processing(world.made.actor, world.people[:5], stopped=True)
    bitmaps.forget(db.raw())
    assert set(evaluate.bitmap(db.raw(), world.root, Leaf("stopped"))) == set(world.people[:5])


@pytest.mark.product("C3")
def test_forgetting_keeps_what_an_open_campaign_has_still_to_see(world: World) -> None:
    """Frozen before a change and handed over after the night: the hand-over finds the change by the frozen watermark."""
    raw, campaign = db.raw(), world.campaigns[-1]
    unseen = "SELECT people FROM crowd_change WHERE root_id = %s AND family = 'person_state' AND xid >= %s::text::xid8"
    [[watermark]] = raw.execute(
        "UPDATE dispatch SET watermark = pg_snapshot_xmin(pg_current_snapshot()) WHERE campaign_id = %s"
        " RETURNING watermark::text", [campaign],
    ).fetchall()  # fmt: skip
    services.set_processing(world.made.actor, world.people[:5], stopped=True)
    evaluate.bitmap(raw, world.root, Leaf("stopped"))

    bitmaps.forget(raw, keep=0)

    found = raw.execute(unseen, [world.root, watermark]).fetchall()
    assert set(world.people[:5]) in [set(people or ()) for (people,) in found]


def test_many_changed_people_are_not_named(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT crowd_note(%s, 'person', NULL, array_agg(n)) FROM generate_series(1, 20001) n", [world.root]
        )
        cursor.execute("SELECT people FROM crowd_change WHERE root_id = %s ORDER BY seq DESC LIMIT 1", [world.root])
        assert cursor.fetchall() == [(None,)]
    agree(world, Leaf("person"))
