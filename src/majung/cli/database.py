"""The database that ``DATABASE_URL`` names: whether the address can be read, the server answers, and its user may do enough."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from majung.core.embedded import APP, WORKER
from majung.core.errors import Misconfigured

OWN_ADDRESS = {APP: "DATABASE_URL_APP", WORKER: "DATABASE_URL_WORKER"}
"""Where a role may have an address of its own; without one the user of ``DATABASE_URL`` becomes the role."""
FORM = "postgresql://사용자:비밀번호@서버:5432/데이터베이스"
LEAST_POSTGRES = 15
PATIENCE_SECONDS = 5

Connection = psycopg.Connection[Any]


def external() -> str:
    """``DATABASE_URL``, or nothing when the embedded server is used. Raises Misconfigured when an address cannot be read."""
    for name in ("DATABASE_URL", *OWN_ADDRESS.values()):
        if (url := os.environ.get(name, "")) and not _is_address(url):
            raise Misconfigured(f"{name}을 읽을 수 없습니다. {FORM} 꼴로 적어 주세요.")
    return os.environ.get("DATABASE_URL", "")


def _is_address(url: str) -> bool:
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        return False
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return False
    return True


def connect(url: str) -> Connection:
    """A connection. Raises Misconfigured with the server's own words when there is none."""
    try:
        return psycopg.connect(url, connect_timeout=PATIENCE_SECONDS)
    except psycopg.OperationalError as error:
        raise Misconfigured(unreachable(error)) from error


def unreachable(error: BaseException) -> str:
    """What to tell about a database that does not answer."""
    advice = (
        "DATABASE_URL과 서버를 확인해 주세요."
        if external()
        else "켜져 있지 않으면 majung up(데모는 majung demo)으로 켜 주세요."
    )
    return f"데이터베이스에 닿지 않습니다: {str(error).strip().splitlines()[0]}\n{advice}"


def require(connection: Connection) -> None:
    """The server will do. Raises Misconfigured with everything that is missing and the statement that mends it."""
    for role in _closed(connection):
        # PostgreSQL 15 lets CREATEROLE give itself any role; later ones only a role that it may administer.
        with suppress(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
    connection.commit()
    if missing := shortcomings(connection):
        raise Misconfigured("\n".join(["DATABASE_URL의 데이터베이스를 이대로 쓸 수 없습니다.", *missing]))


def shortcomings(connection: Connection) -> list[str]:
    """What keeps this server, database and user from carrying Majung, each with the statement that mends it."""
    if (version := connection.info.server_version // 10_000) < LEAST_POSTGRES:
        return [f"- PostgreSQL {version}입니다. {LEAST_POSTGRES} 이상이 필요합니다."]
    found = []
    [(may_make_roles, may_create)] = connection.execute(
        "SELECT rolcreaterole OR rolsuper, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)"
        "  FROM pg_roles WHERE rolname = current_user"
    ).fetchall()
    user, name, encoding = (
        connection.info.user, connection.info.dbname, connection.info.parameter_status("server_encoding")
    )  # fmt: skip
    if encoding != "UTF8":
        found.append(f"- 데이터베이스 {name}의 인코딩이 {encoding}입니다. UTF8로 만들어 주세요.")
    if not may_create:
        found.append(f"- 표를 만들 수 없습니다. 관리자로 한 번: ALTER DATABASE {name} OWNER TO {user};")
    if (unknown := [role for role in OWN_ADDRESS if role not in _roles(connection)]) and not may_make_roles:
        wanted = " ".join(f"CREATE ROLE {role}; GRANT {role} TO {user};" for role in unknown)
        found.append(f"- 역할을 만들 수 없습니다. 관리자로 한 번: {wanted}")
    return found + [
        f"- 역할 {role}(으)로 일할 수 없습니다. 관리자로 한 번: GRANT {role} TO {user};" for role in _closed(connection)
    ]


def _roles(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT rolname FROM pg_roles").fetchall()}


def _closed(connection: Connection) -> list[str]:
    """The roles that exist, have no address of their own, and that this user cannot SET ROLE to."""
    kind = "SET" if connection.info.server_version >= 160_000 else "MEMBER"
    known = _roles(connection)
    return [
        role
        for role, address in OWN_ADDRESS.items()
        if role in known
        and not os.environ.get(address)
        and connection.execute("SELECT pg_has_role(%s, %s)", [role, kind]).fetchall() == [(False,)]
    ]


@contextmanager
def scratch() -> Iterator[None]:
    """``DATABASE_URL`` names a new, empty database on the same server inside the block; it is dropped afterwards."""
    given, name = external(), f"majung_demo_{secrets.token_hex(4)}"
    quoted = sql.Identifier(name)
    with connect(given) as connection:
        connection.autocommit = True
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(quoted))
        except psycopg.errors.InsufficientPrivilege:
            raise Misconfigured(
                "데모를 위한 데이터베이스를 만들 수 없습니다. 관리자로 한 번: "
                f"ALTER ROLE {connection.info.user} CREATEDB;  (또는 DATABASE_URL 없이 돌려 주세요)"
            ) from None
    os.environ["DATABASE_URL"] = urlsplit(given)._replace(path=f"/{name}").geturl()
    try:
        yield
    finally:
        os.environ["DATABASE_URL"] = given
        with connect(given) as connection:
            connection.autocommit = True
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))


def holds(connection: Connection, email: str) -> str:
    """Whose the data is: ``nothing``, ``demo`` (its operator ``email`` is there) or ``other``."""
    if connection.execute("SELECT to_regclass('tree_organisation'), to_regclass('accounts_user')").fetchall() == [
        (None, None)
    ]:
        return "nothing"
    if connection.execute("SELECT 1 FROM accounts_user WHERE email = %s", [email]).fetchone():
        return "demo"
    return "other" if connection.execute("SELECT 1 FROM tree_organisation LIMIT 1").fetchone() else "nothing"
