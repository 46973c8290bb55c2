"""What of ``DATABASE_URL`` will not do is told before anything is started, with the statement that mends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from majung.cli import database
from majung.core import roles
from majung.core.embedded import APP, WORKER
from majung.core.errors import Misconfigured
from tests.cli.test_main import majung
from tests.make.database import second_connection

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "invented"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles have no addresses of their own."""
    for name in database.OWN_ADDRESS.values():
        monkeypatch.delenv(name, raising=False)
    roles.apply()


def address(user: str, name: str | None = None) -> str:
    """The test server as ``user``."""
    at = connection.settings_dict
    port = f"&port={at['PORT']}" if at["PORT"] else ""
    return f"postgresql://{user}:{PASSWORD}@/{name or at['NAME']}?host={quote(at['HOST'], safe='')}{port}"


@contextmanager
def user(name: str, rights: str = "") -> Iterator[str]:
    """A user of the test server while the block runs; nobody's member."""
    quoted = sql.Identifier(name)
    with second_connection(autocommit=True) as owner:
        owner.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(quoted))
        owner.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}").format(quoted, sql.Literal(PASSWORD), sql.SQL(rights))
        )
        try:
            yield name
        finally:
            owner.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(quoted))
            owner.execute(sql.SQL("DROP OWNED BY {}").format(quoted))
            owner.execute(sql.SQL("DROP ROLE {}").format(quoted))


def test_a_user_without_rights_is_told_each_of_them() -> None:
    with user("majung_test_plain") as name, psycopg.connect(address(name)) as opened:
        told = "\n".join(database.shortcomings(opened))
        assert f"OWNER TO {name};" in told
        assert f"GRANT {APP} TO {name};" in told
        assert f"GRANT {WORKER} TO {name};" in told
        with pytest.raises(Misconfigured, match=f"GRANT {APP} TO {name};"):
            database.require(opened)


def test_what_was_granted_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with user("majung_test_lent") as name, second_connection(autocommit=True) as owner:
        schema, quoted = owner.execute("SELECT current_schema()").fetchall()[0][0], sql.Identifier(name)
        owner.execute(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(sql.Identifier(schema), quoted))
        with psycopg.connect(address(name)) as opened:
            assert all("GRANT" in one for one in database.shortcomings(opened))
            for variable in database.OWN_ADDRESS.values():
                monkeypatch.setenv(variable, address(name))
            assert database.shortcomings(opened) == []
            database.require(opened)


def test_a_database_of_another_encoding_is_refused() -> None:
    with second_connection(autocommit=True) as owner:
        owner.execute("DROP DATABASE IF EXISTS majung_test_ascii")
        owner.execute("CREATE DATABASE majung_test_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
        try:
            with second_connection() as other:
                parts = other.info.get_parameters() | {"password": other.info.password, "dbname": "majung_test_ascii"}
            with psycopg.connect(**parts) as opened:
                assert any("SQL_ASCII" in one and "UTF8" in one for one in database.shortcomings(opened))
        finally:
            owner.execute("DROP DATABASE majung_test_ascii")


def test_a_demo_of_one_run_needs_a_user_who_may_make_databases(tmp_path: Path) -> None:
    with user("majung_test_plain") as name:
        done = majung("demo", "--once", "--people", "1000", home=tmp_path, DATABASE_URL=address(name))
    assert done.returncode == 2
    assert f"ALTER ROLE {name} CREATEDB;" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_database_of_one_run_goes_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with user("majung_test_maker", "CREATEDB") as name:
        monkeypatch.setenv("DATABASE_URL", address(name))
        with database.scratch(), psycopg.connect(database.external()) as opened:
            made = opened.info.dbname
            assert made.startswith("majung_demo_")
            assert database.holds(opened, "owner@demo.example") == "nothing"
        assert database.external() == address(name)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(address(name, made))


def test_a_demo_is_never_made_beside_real_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.make import tree

    tree.organisation()
    with second_connection() as opened:
        assert database.holds(opened, "owner@demo.example") == "other"
    with user("majung_test_plain") as name, second_connection(autocommit=True) as owner:
        quoted = sql.Identifier(name)
        owner.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(quoted))
        done = majung("demo", "--people", "1000", home=tmp_path, DATABASE_URL=address(name))
    assert done.returncode == 2
    assert "빈 데이터베이스" in done.stderr
    assert not (tmp_path / "vault.key").exists()
