"""What each database role may do: run after every migrate, so that neither web nor worker can rewrite a ledger (X7).

Three roles (architecture, "Database roles"): the owner migrates; ``majung_app`` serves the web; ``majung_worker`` runs
jobs and the dispatcher. ``apply`` is idempotent and needs no superuser. A table is append-only when a BEFORE trigger with
``append_only`` in its name guards UPDATE or DELETE (pgtrigger's, or ``majung_append_only()``): what the trigger refuses,
the roles may not even try, and nobody but the owner may TRUNCATE anything. A new table is readable and growable until
the next ``apply`` has looked at it: the safe half of what it may get.

A second line behind the actor's checks: while a console request has told the session its organisation
(``majung.root``, tree.middleware), the web's role sees and writes rows of that organisation alone in CONFINED tables.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from majung.core import db
from majung.core.embedded import APP, WORKER

ROLES = (APP, WORKER)
# Written by migrations alone: the roles read them.
READ_ONLY = ("django_migrations", "django_content_type", "auth_permission")
# Tables with a root_id to which the web is confined while ``majung.root`` is set. Only tables that nothing fills by COPY,
# which PostgreSQL refuses under row security even to those whom no policy narrows.
CONFINED = (
    "tree_unit", "tree_grant", "tree_legalentity", "tree_unitkind", "tree_reservation", "tree_authorityrecord", "tree_sheetdraft",
)  # fmt: skip
# Rows of pg_trigger.tgtype (pg_trigger.h): BEFORE, DELETE, UPDATE.
_BEFORE, _DELETE, _UPDATE = 2, 8, 16

_GUARDED = """
SELECT c.relname, bool_or(t.tgtype::int & %(delete)s <> 0), bool_or(t.tgtype::int & %(update)s <> 0)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema() AND t.tgname LIKE '%%append\\_only%%' AND t.tgtype::int & %(before)s <> 0
   AND t.tgenabled <> 'D'
 GROUP BY c.relname
"""
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE')
 ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """An append-only table, and which of the two changes its triggers refuse."""

    table: str
    no_delete: bool
    no_update: bool


def append_only(connection: psycopg.Connection[Any]) -> list[Guarded]:
    """Every guarded table of the schema, by name."""
    rows = connection.execute(_GUARDED, {"before": _BEFORE, "delete": _DELETE, "update": _UPDATE}).fetchall()
    return sorted(
        (Guarded(table=name, no_delete=delete, no_update=update) for name, delete, update in rows),
        key=lambda g: g.table,
    )


def apply(connection: psycopg.Connection[Any] | None = None) -> None:
    """Both roles exist and have exactly the privileges described above, on every table there is and on those to come.

    ``connection`` is the owner's (default: the one behind Django's). All of it happens, or nothing.
    """
    connection = connection or db.raw()
    with connection.transaction():
        _apply(connection)


def _apply(connection: psycopg.Connection[Any]) -> None:
    make(connection)
    schema = sql.Identifier(connection.execute("SELECT current_schema()").fetchall()[0][0])
    names = sql.SQL(", ").join(map(sql.Identifier, ROLES))
    guarded = {g.table: g for g in append_only(connection)}
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, names))
    connection.execute(sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(schema))
    connection.execute(sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, names))
    defaults = sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA {} GRANT {} TO {}")
    connection.execute(defaults.format(schema, sql.SQL("SELECT, INSERT ON TABLES"), names))
    connection.execute(defaults.format(schema, sql.SQL("USAGE, SELECT ON SEQUENCES"), names))
    for (table,) in connection.execute(_TABLES).fetchall():
        guard = guarded.get(table)
        allowed = ["SELECT"]
        if table not in READ_ONLY:
            allowed.append("INSERT")
            allowed += [] if guard and guard.no_update else ["UPDATE"]
            allowed += [] if guard and guard.no_delete else ["DELETE"]
        name = sql.Identifier(table)
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}, PUBLIC").format(name, names))
        connection.execute(
            sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(", ").join(map(sql.SQL, allowed)), name, names)
        )
        if table in CONFINED:
            _confine(connection, name)


def _confine(connection: psycopg.Connection[Any], table: sql.Identifier) -> None:
    """Row security on ``table``: the owner is not bound, the worker sees all, the web sees the session's organisation."""
    # In a sub-select the setting is read once a statement, not once a row.
    own = sql.SQL(
        "coalesce((SELECT current_setting('majung.root', true)), '') = ''"
        " OR root_id = (SELECT nullif(current_setting('majung.root', true), '')::int)"
    )
    for policy, role, condition in (("web_own_root", APP, own), ("worker_all", WORKER, sql.SQL("true"))):
        name = sql.Identifier(policy)
        connection.execute(sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(name, table))
        connection.execute(
            sql.SQL("CREATE POLICY {} ON {} TO {} USING ({}) WITH CHECK ({})").format(
                name, table, sql.Identifier(role), condition, condition
            )
        )
    connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(table))


def make(connection: psycopg.Connection[Any]) -> None:
    """Both roles exist, and the owner may act as them."""
    have = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}
    for role in ROLES:
        if role not in have:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOSUPERUSER NOBYPASSRLS").format(sql.Identifier(role)))
            connection.execute(
                sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE").format(sql.Identifier(role))
                if connection.info.server_version >= 160000
                else sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role))
            )


def excesses(connection: psycopg.Connection[Any]) -> list[str]:
    """What this connection's role may do beyond what web and worker need, in words for ``majung doctor``; empty is right."""
    [(role, is_super, bypasses)] = connection.execute(
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchall()
    found = [f"{role} is superuser"] * is_super + [f"{role} bypasses row security"] * bypasses
    checked = "SELECT has_table_privilege(%s, %s), has_table_privilege(%s, %s), has_table_privilege(%s, %s)"
    for guard in append_only(connection):
        table = sql.Identifier(guard.table).as_string(connection)
        [(update, delete, truncate)] = connection.execute(
            checked, [table, "UPDATE", table, "DELETE", table, "TRUNCATE"]
        ).fetchall()
        wrong = [
            word
            for word, has, refused in (
                ("UPDATE", update, guard.no_update), ("DELETE", delete, guard.no_delete), ("TRUNCATE", truncate, True),
            )
            if has and refused
        ]  # fmt: skip
        found += [f"{role} may {' and '.join(wrong)} {guard.table}"] * bool(wrong)
    return found
