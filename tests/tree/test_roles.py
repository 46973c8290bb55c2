"""The web's and the worker's database roles: they work, and cannot touch a ledger, whatever the code believes (X7)."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from majung.core import clock, db, roles
from majung.core.embedded import APP, WORKER
from majung.tree import services
from tests.make import tree as make
from tests.make.database import connection_as
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("X7"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def party(transactional_db: None) -> Organised:
    roles.apply(db.raw())
    made = make.organisation(depth=2)
    services.suspend_unit(made.actor, made.units[1])
    return made


@pytest.fixture(params=[APP, WORKER])
def session(party: Organised, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    with connection_as(request.param) as opened:
        yield opened


def test_every_append_only_table_is_closed_to_change(session: "psycopg.Connection[Any]") -> None:
    guarded = {guard.table: guard for guard in roles.append_only(db.raw())}

    assert {"activity", "tree_authorityrecord", "tree_grant"} <= guarded.keys()
    for table, guard in guarded.items():
        column = (
            db.raw()
            .execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_identity = 'NO'"
                " AND is_generated = 'NEVER' ORDER BY ordinal_position LIMIT 1",
                [table],
            )
            .fetchall()[0][0]
        )
        tries = [f'TRUNCATE "{table}" CASCADE']
        tries += [f'DELETE FROM "{table}"'] * guard.no_delete
        tries += [f'UPDATE "{table}" SET "{column}" = "{column}"'] * guard.no_update
        for statement in tries:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                session.execute(statement)


def test_nothing_at_all_may_be_truncated_dropped_or_made(session: "psycopg.Connection[Any]") -> None:
    for statement in (
        "TRUNCATE tree_unit CASCADE",
        "DROP TABLE tree_unit",
        "ALTER TABLE tree_grant DISABLE TRIGGER attenuated",
        "CREATE TABLE mine (n int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DELETE FROM django_migrations",
        "SET session_replication_role = replica",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
    ):
        with pytest.raises(psycopg.Error):
            session.execute(statement)


def test_the_daily_work_goes_on(session: "psycopg.Connection[Any]", party: Organised) -> None:
    session.execute("UPDATE tree_unit SET name = '새 이름' WHERE id = %s", [party.units[2].pk])
    session.execute(
        "INSERT INTO activity (root_id, at, actor_kind, kind) VALUES (%s, %s, 'system', 'x.y')",
        [party.root.pk, clock.now()],
    )
    found = session.execute("SELECT count(*) FROM activity WHERE kind = 'x.y'").fetchall()

    assert found == [(1,)]


def test_web_cannot_lend_itself_more(session: "psycopg.Connection[Any]", party: Organised) -> None:
    """An attacker with the web's connection, not its code: the trigger still judges."""
    with pytest.raises(psycopg.errors.CheckViolation):
        session.execute("UPDATE tree_grant SET acts = acts || '{people.reveal2}' WHERE id = %s", [party.owner_grant.pk])
    with pytest.raises(psycopg.errors.CheckViolation):
        session.execute(
            "INSERT INTO tree_grant (public_id, root_id, user_id, label, unit_id, covers_subtree, role, acts, starts_at, lent_at)"
            " SELECT gen_random_uuid(), root_id, user_id, '', unit_id, true, 'owner', acts, starts_at, lent_at FROM tree_grant"
        )


def test_doctor_finds_the_excess_of_a_wider_role(session: "psycopg.Connection[Any]") -> None:
    owners = roles.excesses(db.raw())

    assert roles.excesses(session) == []
    assert any("tree_authorityrecord" in line for line in owners)


def test_new_tables_may_grow_but_not_change_before_they_are_judged(session: "psycopg.Connection[Any]") -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE tests_new (n int)")
    try:
        session.execute("INSERT INTO tests_new VALUES (1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("UPDATE tests_new SET n = 2")
        roles.apply(db.raw())
        session.execute("UPDATE tests_new SET n = 2")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE tests_new")


def tell(session: "psycopg.Connection[Any]", root: object) -> None:
    session.execute("SELECT set_config('majung.root', %s, false)", [str(root)])


def test_web_sees_and_writes_the_sessions_organisation_alone(party: Organised) -> None:
    """The second line: a query that forgot its scope, inside a request of one organisation."""
    other = make.organisation(depth=2)
    counts = "SELECT (SELECT count(*) FROM tree_unit), (SELECT count(*) FROM tree_grant), (SELECT count(*) FROM tree_unitkind)"
    with connection_as(APP) as web, connection_as(WORKER) as worker:
        tell(web, party.root.pk)
        tell(worker, party.root.pk)
        narrow, wide = web.execute(counts).fetchall(), worker.execute(counts).fetchall()
        changed = web.execute("UPDATE tree_unit SET name = '훔친 이름' WHERE id = %s", [other.top.pk]).rowcount
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            web.execute("INSERT INTO tree_unitkind (root_id, name, rank) VALUES (%s, '남의 갈래', 9)", [other.root.pk])
        tell(web, "")
        visitor = web.execute(counts).fetchall()

    assert (narrow, changed) == ([(3, 1, 2)], 0)
    assert wide == visitor == [(6, 2, 4)]
