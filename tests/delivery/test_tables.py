"""The tables are what Django believes them to be, and refuse what would make the books lie."""

import psycopg
import pytest
from django.apps import apps
from django.db import connection, transaction

from majung.core.db import raw
from majung.delivery import planner
from tests.make import delivery as make


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    ["Dispatch", "LeftOut", "Chunk", "ChunkException", "CostEntry", "WeekHold", "WeekLimit", "Pace", "DispatchTurn"],
)
def test_state_and_catalogue_agree(name: str) -> None:
    model = apps.get_model("delivery", name)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, NULL), NOT attnotnull FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [model._meta.db_table],
        )
        real = {row[0]: (row[1].replace("timestamp with time zone", "timestamptz"), row[2]) for row in cursor}

    said = {
        field.column: ((field.db_type(connection) or "").replace("timestamp with time zone", "timestamptz"), field.null)
        for field in model._meta.fields
        if field.column
    }

    assert said == real


@pytest.mark.django_db
def test_partitions_inherit_storage_and_are_made_once() -> None:
    rows = (
        raw()
        .execute(
            "SELECT DISTINCT attstorage::text FROM pg_attribute JOIN pg_inherits ON inhrelid = attrelid"
            " WHERE inhparent = 'campaign_chunk'::regclass AND attname IN ('people', 'sealed', 'outcome')"
        )
        .fetchall()
    )

    made = [raw().execute("SELECT campaign_chunk_ahead(300)").fetchone() for _ in range(2)]

    assert (rows, made) == ([("e",)], [(1,), (0,)])


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["campaign_left_out", "chunk_exception", "cost_entry"])
def test_ledgers_only_grow(table: str) -> None:
    rows = {
        "campaign_left_out": "(campaign_id, root_id, stage, reason, n, people) VALUES (1, 1, 'freeze', 'X', 1, '{5}')",
        "chunk_exception": "(campaign_id, chunk_no, seq, attempt, code, person_id) VALUES (1, 1, 1, 1, 'X', 5)",
        "cost_entry": "(campaign_id, chunk_no, attempt, kind, message_kind, root_id, account_id, unit_id, n,"
        " centiwon, at) VALUES (1, 1, 1, 'charged', 'BRAND', 1, 1, 1, 1, 2500, now())",
    }
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} {rows[table]}")
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET campaign_id = 2"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction.atomic():
            raw().execute(statement)


@pytest.mark.django_db
def test_outcomes_are_counted_by_letter() -> None:
    found = raw().execute("SELECT outcome_count('ddrdq'::bytea, 'd'), outcome_count('ddrdq'::bytea, 'n')").fetchone()

    assert found == (3, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.product("M9")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE dispatch SET template = jsonb_set(template, '{message,text}', '\"다른 말\"')",
        "UPDATE dispatch SET rule_set = 'other'",
        "UPDATE dispatch SET audience = audience - 1, planned = planned - 1",
        "UPDATE campaign_chunk SET people = people[2:] || people[1]",
        "UPDATE campaign_chunk SET channel_id = channel_id + 1",
    ],
)
def test_what_proves_what_was_sent_is_written_once(change: str) -> None:
    """The words, the rules and whose place is whose (decision 0046); how it stands changes freely."""
    planner.freeze(raw(), make.order(make.party(people=40)))
    raw().execute("UPDATE dispatch SET state = 'sending', problem = '…'")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw().execute(change)


@pytest.mark.django_db
def test_an_attempt_is_charged_once() -> None:
    entry = (
        "INSERT INTO cost_entry (campaign_id, chunk_no, attempt, kind, message_kind, root_id, account_id, unit_id, n, centiwon, at)"
        " VALUES (1, 1, %s, %s, 'BRAND', 1, 1, 1, 1, %s, now())"
    )
    for attempt, kind, centiwon in (
        (1, "charged", 2500),
        (2, "charged", 2500),
        (1, "returned", -2500),
        (1, "returned", -2500),
    ):
        raw().execute(entry, [attempt, kind, centiwon])

    with pytest.raises(psycopg.errors.UniqueViolation), transaction.atomic():
        raw().execute(entry, [1, "charged", 2500])
