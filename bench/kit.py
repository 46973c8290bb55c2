"""What the programs of ``bench/`` share: what they are asked, a database of their own, how they answer, floors' tools.

A program is run as ``python bench/<program>.py --runs 5 <row> …`` with ``DATABASE_URL`` naming a server on which it may
make databases, and ``MAJUNG_HOME`` with a vault key. It measures the rows it is asked for (all its rows when none is
named), tells progress on stderr, and ends with ``answer``. ``./majung bench <row>`` does all that.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]

SENTINEL = "01055550155"
"""A phone number that one person of every measured crowd has; it must never be found in the installation's files."""


def mobile(person: int) -> str:
    """The number of one of at most fifty million invented people; the first one has the sentinel's."""
    return f"010{person:08}" if person else SENTINEL


def has_sentinel(root: int) -> None:
    """Raises SystemExit when nobody of this organisation has the sentinel's number: not to find it would prove nothing."""
    from majung.core.db import raw
    from majung.people import vault

    blind = vault.blind(root, "mobile", SENTINEL)
    if raw().execute("SELECT FROM contact_point WHERE root_id = %s AND blind = %s", [root, blind]).fetchone() is None:
        raise SystemExit(f"nobody has the number {SENTINEL}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One row as measured: a figure a run, its floor in the same unit, and what else is worth knowing.

    ``also`` is the second figure of rows that have one, ``sandbox`` that with the real sandbox in the gateway's place. The
    table shows the median of ``runs``.
    """

    name: str
    runs: Sequence[float]
    floor: float | None
    floor_is: str
    also: float | None = None
    sandbox: float | None = None
    more: dict[str, Any] | None = None


def asked(program: str, own: Sequence[str]) -> argparse.Namespace:
    """``runs`` and ``rows`` of the command line; ``own`` are the rows this program can measure."""
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("rows", nargs="*", metavar="row", help=", ".join(own))
    parser.add_argument("--runs", type=int, default=5)
    found = parser.parse_args()
    if unknown := set(found.rows) - set(own):
        parser.error(f"not mine: {', '.join(sorted(unknown))}")
    found.rows = found.rows or list(own)
    return found


def answer(measured: Sequence[Measured]) -> None:
    """The program's last line."""
    print(json.dumps({"rows": [asdict(row) for row in measured]}), flush=True)


def say(words: str) -> None:
    """Progress."""
    print(words, file=sys.stderr, flush=True)


def installation(name: str) -> str:
    """A database ``majung_bench_<name>`` of its own, migrated, at ten in the morning in Seoul, Django set up; its URL."""
    given, database = os.environ["DATABASE_URL"], f"majung_bench_{name}"
    with psycopg.connect(given, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            connection.execute(f"CREATE DATABASE {database}")
    url = urlunsplit(urlsplit(given)._replace(path=f"/{database}"))
    seoul = datetime.fromtimestamp(time.time(), UTC) + timedelta(hours=9)
    ten = seoul.replace(hour=10, minute=0, second=0, microsecond=0)
    os.environ |= {
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'sandbox'}", "DATABASE_URL": url, "MAJUNG_DISPATCH_URL": url,
        "MAJUNG_CLOCK": str((ten - seoul).total_seconds()), "DJANGO_SETTINGS_MODULE": "majung.settings",
    }  # fmt: skip
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    return url


def wal_position(connection: psycopg.Connection[Any]) -> int:
    """Bytes of write-ahead log ever written by the server: subtract two of them."""
    row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").fetchone()
    assert row is not None
    return int(row[0])


def cpu_seconds(pid: int) -> float:
    """What a process has spent on the CPU, kernel included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
