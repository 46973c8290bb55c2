"""How long a count of a five-condition expression takes: cold, warm, after changes, and by SQL; and how fast people are added.

Run: python bench/crowd.py [--people 1000000]. Makes a database of its own on the server of DATABASE_URL and drops it again.
Claim (perf.md b): a million people are counted in under 0.7 s cold, and in a few milliseconds from stored bitmaps.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "sandbox")]


def measured(what: str, times: int, run: Callable[[], Any]) -> Any:
    """Print minimum, median and maximum of ``times`` runs in milliseconds; the last answer."""
    answer, spent = None, []
    for _ in range(times):
        begun = time.perf_counter()
        answer = run()
        spent.append((time.perf_counter() - begun) * 1000)
    print(f"{what:<46} {min(spent):9.1f} {statistics.median(spent):9.1f} {max(spent):9.1f}  → {answer:,}")
    return answer


def main(people: int) -> None:
    """Fill a tree of 271 units and count."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from majung.core import db
    from majung.crowd import evaluate
    from majung.crowd.expression import Ago, Leaf, Range
    from majung.people import services
    from tests.make import people as make
    from tests.make import tree

    call_command("migrate", verbosity=0)
    made = tree.organisation(depth=3, width=16)
    begun = time.perf_counter()
    numbers = make.crowd(people, units=made.units[1:], shared=0.01)
    spent = time.perf_counter() - begun
    print(
        f"added {len(numbers):,} people to {len(made.units)} units in {spent:.1f} s: {len(numbers) / spent:,.0f} a second\n"
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    root, raw = made.root.pk, db.raw()
    tag = services.make_tag(made.actor, "자원봉사")
    services.put_tag(made.actor, numbers[::7][:15_000], tag)
    expression = (
        Leaf("scope", (made.units[1].pk,))
        & Leaf("member", (made.entity.pk,))
        & (Leaf("gender", (2,)) | Leaf("tag", (tag.pk,)))
        & Range("born", (), Ago(59 * 12), Ago(20 * 12))
    ) - Leaf("shared_contact")

    def cold() -> int:
        raw.execute("DELETE FROM crowd_bitmap")
        return evaluate.count(raw, root, expression)

    def changed() -> int:
        services.set_home(made.actor, numbers[moved[0] : moved[0] + 1000], made.units[2])
        moved[0] += 1000
        begun = time.perf_counter()
        answer = evaluate.count(raw, root, expression)
        spent_after_change.append((time.perf_counter() - begun) * 1000)
        return answer

    moved, spent_after_change = [0], []
    print(f"{'milliseconds':<46} {'min':>9} {'median':>9} {'max':>9}")
    measured("count, no bitmap stored (built by SQL)", 3, cold)
    measured("count, bitmaps stored", 20, lambda: evaluate.count(raw, root, expression))
    for _ in range(5):
        changed()
    print(f"{'count after 1,000 people moved':<46} {min(spent_after_change):9.1f} {statistics.median(spent_after_change):9.1f} "
          f"{max(spent_after_change):9.1f}")  # fmt: skip
    measured("everyone alive, by SQL (one base set)", 3, lambda: len(evaluate.members(raw, root, Leaf("person"))))
    measured("members: the truth, by SQL in one snapshot", 3, lambda: len(evaluate.members(raw, root, expression)))
    measured("holds: one person", 20, lambda: int(evaluate.holds(raw, root, expression, numbers[0])))
    measured("holds_many: 1,000 people", 5, lambda: len(evaluate.holds_many(raw, root, expression, numbers[:1000])))
    assert evaluate.count(raw, root, expression) == len(evaluate.members(raw, root, expression))


def with_database(people: int) -> None:
    """Run in a database made for it."""
    server = os.environ.get("DATABASE_URL")
    if not server:
        raise SystemExit("set DATABASE_URL to a server on which a database may be made")
    name = f"bench_crowd_{os.getpid()}"
    home = Path(tempfile.mkdtemp(prefix="majung-bench-"))
    os.environ.update(MAJUNG_HOME=str(home), DJANGO_SETTINGS_MODULE="majung.settings")
    from majung.core.sealing import Keyring

    Keyring.fresh().save(home / "vault.key")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        before = psycopg.conninfo.conninfo_to_dict(server)["dbname"]
        head, mark, rest = server.partition("?")
        os.environ["DATABASE_URL"] = f"{head.removesuffix(str(before))}{name}{mark}{rest}"
        try:
            main(people)
        finally:
            from django.db import connection

            connection.close()
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    with_database(parser.parse_args().people)
