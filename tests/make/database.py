"""Connections of their own to the test database, for races that one session cannot show."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from majung.core.embedded import Embedded


@contextmanager
def second_connection(*, autocommit: bool = False) -> Iterator[psycopg.Connection[Any]]:
    """A psycopg connection beside Django's, as the owner of the test database; what is not committed is rolled back."""
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    parts = {key: connection.settings_dict[name] for name, key in known.items() if connection.settings_dict[name]}
    with psycopg.connect(**parts, autocommit=autocommit) as other:
        try:
            yield other
        finally:
            if not other.closed and not autocommit:
                other.rollback()


@contextmanager
def connection_as(role: str) -> Iterator[psycopg.Connection[Any]]:
    """An autocommitting connection to the test database that acts as ``role``: by SET ROLE, or by signing in as it."""
    with second_connection(autocommit=True) as other:
        try:
            other.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        except psycopg.errors.InsufficientPrivilege:
            # The embedded server's owner is no member of the roles: sign in with the role's own password.
            base = Path(other.info.host).parent
            url = Embedded(base=base).url(role, other.info.dbname)
            with psycopg.connect(url, autocommit=True) as signed_in:
                yield signed_in
            return
        yield other


def let_others_finish() -> None:
    """Transactions of other databases on the same server hold readers back too; none of this test is open here."""
    with second_connection(autocommit=True) as other:
        [(mark,)] = other.execute("SELECT pg_current_xact_id()::text::bigint").fetchall()
        deadline = monotonic() + 60
        while other.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchall()[0][0] <= mark:
            assert monotonic() < deadline, "somebody else's transaction does not end"
            sleep(0.05)
