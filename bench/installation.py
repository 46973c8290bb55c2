"""An installation for a bench program: a database of its own, a key file, Django; on the server of DATABASE_URL or an embedded one.

What is made is kept for the next call: databases are named ``majung_bench_…``, and ``MAJUNG_BENCH_HOME`` (default: a folder of
the system's temporary folder) holds the key file and, without DATABASE_URL, the embedded server. ``forget`` drops a database.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]


@contextmanager
def installation(database: str) -> Iterator[str]:
    """Django is set up over ``database``, migrated; gives its URL. The embedded server is stopped again if it was started here."""
    from majung.core.embedded import OWNER, Embedded
    from majung.core.sealing import Keyring

    home = Path(os.environ.get("MAJUNG_BENCH_HOME") or Path(gettempdir()) / "majung-bench").resolve()
    home.mkdir(parents=True, exist_ok=True)
    server = os.environ.get("DATABASE_URL")
    embedded = None
    if not server:
        embedded = Embedded(base=home / "postgres")
        embedded = None if (embedded.data / "PG_VERSION").exists() and embedded.is_running() else embedded
        if embedded:
            embedded.start()
        server = Embedded(base=home / "postgres").url(OWNER, "postgres")
    try:
        url = urlunsplit(urlsplit(server)._replace(path=f"/{database}"))
        with psycopg.connect(server, autocommit=True) as admin:
            if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        os.environ |= {
            "MAJUNG_HOME": str(home / database), "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "majung.settings",
        }  # fmt: skip
        (home / database).mkdir(exist_ok=True)
        key = home / database / "vault.key"
        if not key.exists():
            Keyring.fresh().save(key)
        set_up()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        try:
            yield url
        finally:
            connection.close()
    finally:
        if embedded:
            embedded.stop()


def set_up() -> None:
    """Django is ready, in a process whose environment ``installation`` has prepared (its children)."""
    import django

    django.setup()


def forget(url: str) -> None:
    """The database of that URL is dropped."""
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(parts.path[1:])))
