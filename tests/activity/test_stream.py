"""The stream: it only grows, and a reader misses nothing whatever the order of commits (idea 5, "Cursors")."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from majung.activity import services, stream
from majung.activity.models import Activity
from majung.activity.stream import START, Cursor
from majung.core import clock
from majung.core.db import raw
from tests.make.database import let_others_finish, second_connection

AT = datetime(2026, 11, 21, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Somebody:
    root_id: int = 1
    kind: str = "user"
    number: int | None = 7


def read_since(cursor: Cursor, **narrowed: Any) -> list[stream.Entry]:
    return stream.read_since(raw(), cursor, **narrowed)


def append(with_connection: "psycopg.Connection[tuple[object, ...]]", kind: str) -> int:
    return stream.append(with_connection, root_id=1, at=AT, actor_kind="system", actor_id=None, kind=kind)


@pytest.mark.django_db
def test_written_entry_comes_back_whole() -> None:
    with clock.frozen(AT):
        seq = services.write(
            Somebody(),
            "campaigns.confirmed",
            unit_id=3,
            person_id=4,
            object_kind="campaign",
            object_id=5,
            facts={"이름": "첫 소식", "n": 2},
            people=[9, 8],
        )

    row = Activity.objects.get(seq=seq)
    assert (row.root_id, row.at, row.actor_kind, row.actor_id, row.kind) == (1, AT, "user", 7, "campaigns.confirmed")
    assert (row.unit_id, row.person_id, row.object_kind, row.object_id) == (3, 4, "campaign", 5)
    assert (row.facts, row.people) == ({"이름": "첫 소식", "n": 2}, [9, 8])
    assert row.xid > 0


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE activity SET kind = 'x.y'", "DELETE FROM activity"])
def test_database_refuses_to_change_the_past(statement: str) -> None:
    services.write(Somebody(), "tree.unit_added")

    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert Activity.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("column", "value"), [("actor_kind", "ghost"), ("kind", ""), ("facts", '["list"]')])
def test_database_refuses_nonsense(column: str, value: str) -> None:
    columns = {"root_id": "1", "at": "2026-11-21", "actor_kind": "user", "kind": "a.b", "facts": "{}", column: value}
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO activity ({names}) VALUES ({marks})", list(columns.values()))


@pytest.mark.django_db(transaction=True)
def test_reader_waits_for_the_older_transaction_that_commits_later() -> None:
    reader = START
    with second_connection() as early, second_connection() as late:
        append(early, "x.early")
        append(late, "x.late")
        late.commit()
        before = read_since(reader)
        early.commit()
        let_others_finish()
        after = read_since(reader)

    assert before == []
    assert [entry.kind for entry in after] == ["x.early", "x.late"]
    assert read_since(after[-1].cursor) == []


@pytest.mark.django_db(transaction=True)
def test_naive_cursor_by_sequence_would_have_lost_the_early_entry() -> None:
    """The danger is real: by sequence alone, a reader that has seen 'late' never meets 'early'."""
    with second_connection() as early, second_connection() as late:
        first, second = append(early, "x.early"), append(late, "x.late")
        late.commit()
        seen_by_sequence = list(Activity.objects.values_list("seq", flat=True))
        early.commit()

    assert (seen_by_sequence, first < second) == ([second], True)


@pytest.mark.django_db(transaction=True)
def test_rolled_back_transaction_neither_shows_nor_stalls() -> None:
    with second_connection() as doomed, second_connection() as kept:
        append(doomed, "x.doomed")
        append(kept, "x.kept")
        kept.commit()
        while_open = read_since(START)
        doomed.rollback()
        let_others_finish()
        afterwards = read_since(START)

    assert while_open == []
    assert [entry.kind for entry in afterwards] == ["x.kept"]


@pytest.mark.django_db(transaction=True)
def test_interleaved_transactions_are_each_read_once_in_order_by_small_batches() -> None:
    with second_connection() as one, second_connection() as two:
        for number in range(4):
            append(one, f"one.{number}")
            append(two, f"two.{number}")
        two.commit()
        one.commit()
    let_others_finish()
    read: list[str] = []
    cursor = START
    while batch := read_since(cursor, limit=3):
        read += [entry.kind for entry in batch]
        cursor = batch[-1].cursor

    assert read == [f"one.{n}" for n in range(4)] + [f"two.{n}" for n in range(4)]


@pytest.mark.django_db(transaction=True)
def test_kinds_narrow_the_reading() -> None:
    with second_connection() as writer:
        append(writer, "a.one")
        append(writer, "b.two")
        writer.commit()
    let_others_finish()

    assert [entry.kind for entry in read_since(START, kinds=["b.two"])] == ["b.two"]


@pytest.mark.django_db(transaction=True)
def test_named_reader_keeps_its_place_and_a_crash_repeats_the_batch() -> None:
    with second_connection() as writer:
        append(writer, "a.one")
        writer.commit()
    let_others_finish()

    with pytest.raises(RuntimeError), transaction.atomic():
        crashed = [entry.kind for entry in services.take("points")]
        raise RuntimeError
    again = [entry.kind for entry in services.take("points")]

    assert (crashed, again, services.take("points")) == (["a.one"], ["a.one"], [])
    assert [entry.kind for entry in services.take("insight")] == ["a.one"]


def test_cursors_compare_by_transaction_first() -> None:
    assert Cursor(2, 1) > Cursor(1, 99) > START


@pytest.mark.django_db(transaction=True)
def test_named_reader_of_some_kinds_passes_the_others_over_for_good() -> None:
    with second_connection() as writer:
        append(writer, "a.one")
        append(writer, "b.two")
        writer.commit()
    let_others_finish()

    assert [entry.kind for entry in services.take("narrow", kinds=["b.two"])] == ["b.two"]
    assert services.take("narrow") == []
    assert services.take("nothing", kinds=[]) == []
    assert services.take("nothing") == []


@pytest.mark.django_db(transaction=True)
def test_named_reader_of_some_kinds_waits_for_an_older_transaction_too() -> None:
    with second_connection() as early, second_connection() as late:
        append(early, "a.early")
        append(late, "b.late")
        late.commit()
        before = services.take("patient", kinds=["a.early"])
        early.commit()
        let_others_finish()

    assert (before, [entry.kind for entry in services.take("patient", kinds=["a.early"])]) == ([], ["a.early"])
