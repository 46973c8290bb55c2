"""``majung doctor``: looks at an installation and says what is wrong and what to do about it."""

import argparse
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from majung.cli import checks, database, installation
from majung.cli.checks import Finding
from majung.cli.database import Connection
from majung.core import env, roles
from majung.core.embedded import APP
from majung.core.errors import Misconfigured
from majung.core.sealing import Keyring

LEAST_FREE_BYTES = 2 * 2**30


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; the exit status is 1 when something is to be mended."""
    findings = list(examine())
    for finding in findings:
        print(f"{'고칠 것' if finding.advice else '좋음   '}  {finding.what}: {finding.seen}")
        if finding.advice:
            print(f"         {finding.means}" if finding.means else "", end="\n" if finding.means else "")
            print(f"         → {finding.advice}")
    print(f"\n설정 {len(env.REGISTER)}가지 (바꾼 것만):")
    for name, setting in sorted(env.REGISTER.items()):
        if os.environ.get(name):
            print(f"  {name}={'…' if setting.secret else os.environ[name]}")
    return int(any(finding.advice for finding in findings))


def examine() -> Iterator[Finding]:
    """Every check, in the order in which things depend on each other."""
    from majung import settings

    yield from _folders(settings.HOME)
    url = settings.database_url()
    if url or settings.VAULT_KEY.exists():
        yield from _vault(settings.VAULT_KEY)
    if not url:
        yield Finding(what="설치", seen=f"{settings.HOME}에 아직 없음", advice="majung up 으로 한 번 켜 주세요.")
        return
    busy = installation.is_busy(settings.HOME)
    yield Finding(what="이 기계의 마중", seen="켜져 있음" if busy else "꺼져 있음")
    if not busy and not database.external():
        start = "majung demo" if (settings.HOME / "demo.json").exists() else "majung up"
        yield Finding(what="데이터베이스", seen="꺼져 있음", advice=f"{start} (을)를 돌려 켠 뒤 다시 살펴봐 주세요.")
        return
    rounds: tuple[Callable[[Connection], Iterator[Finding]], ...] = (_server, _tables, _work)
    try:
        with database.connect(url) as connection:
            for look in rounds:
                yield from look(connection)
    except Misconfigured as error:
        seen, _, advice = str(error).partition("\n")
        yield Finding(what="데이터베이스", seen=seen, advice=advice)
        return
    yield from _web_role(settings.database_url(APP))


def _folders(home: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(home if home.exists() else "/").free
    yield Finding(
        what="디스크", seen=f"{free // 2**30}GB 남음", advice="" if free > LEAST_FREE_BYTES else "2GB 넘게 비워 주세요."
    )
    for folder in (home, home / "uploads", home / "logs"):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            yield Finding(
                what="폴더", seen=f"{folder}에 쓸 수 없음", advice="마중을 돌리는 사용자가 쓸 수 있게 해 주세요."
            )


def _vault(vault: Path) -> Iterator[Finding]:
    try:
        Keyring.load(vault)
    except Misconfigured as error:
        yield Finding(what="금고 열쇠", seen=str(error), advice="복사해 둔 열쇠를 그 자리에 두고 chmod 600 해 주세요.")
        return
    mode = stat.S_IMODE(vault.stat().st_mode)
    yield Finding(what="금고 열쇠", seen=f"{vault} ({mode:o})")


def _server(connection: Connection) -> Iterator[Finding]:
    yield Finding(what="PostgreSQL", seen=str(connection.info.server_version // 10_000))
    if database.external():
        for one in database.shortcomings(connection):
            yield Finding(what="DATABASE_URL", seen="모자란 것이 있음", advice=one.removeprefix("- "))
    for name, wanted in (("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")):
        value = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        seen = str(value[0]) if value else "?"
        if seen != wanted:
            yield Finding(what=name, seen=seen, advice=f"{name} = {wanted} 이어야 전원이 꺼져도 장부가 남습니다.")


def _tables(connection: Connection) -> Iterator[Finding]:
    import django
    from django.db import connection as default
    from django.db.migrations.executor import MigrationExecutor

    django.setup()
    executor = MigrationExecutor(default)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    advice = "majung migrate 를 돌려 주세요." if waiting else ""
    yield Finding(what="표", seen=f"{waiting}단계 남음" if waiting else "이 판에 맞음", advice=advice)


def _work(connection: Connection) -> Iterator[Finding]:
    """Everything about the work that goes on, once its tables are there."""
    wanted = ("procrastinate_workers", "campaign_chunk_rest", "worker_beat", "campaigns_campaign")
    if None in [connection.execute("SELECT to_regclass(%s)", [name]).fetchall()[0][0] for name in wanted]:
        return
    from majung import settings

    yield from checks.sending(connection, settings.HOME)
    yield from checks.workers(connection)
    yield from checks.ledger(connection)
    yield from checks.crowds(connection)
    yield from checks.database(connection)
    yield from checks.backups(connection)


def _web_role(url: str) -> Iterator[Finding]:
    """The web must run as a role that cannot change ledgers, nor switch row security off."""
    try:
        with database.connect(url) as connection:
            [(role,)] = connection.execute("SELECT current_user").fetchall()
            too_much = roles.excesses(connection)
    except Misconfigured as error:
        yield Finding(what="웹의 역할", seen=str(error).splitlines()[0], advice="DATABASE_URL_APP을 확인해 주세요.")
        return
    advice = "웹이 너무 많은 권한으로 돕니다. majung migrate 를 돌리고 majung_app 역할로 켜 주세요." if too_much else ""
    yield Finding(what="웹의 역할", seen="; ".join(too_much) or str(role), advice=advice)
