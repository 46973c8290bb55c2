"""``majung doctor``: looks at an installation and says what is wrong and what to do about it."""

import argparse
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from majung.core import env, roles
from majung.core.embedded import APP, Embedded
from majung.core.errors import Misconfigured
from majung.core.sealing import Keyring

LEAST_FREE_BYTES = 2 * 2**30
LEAST_POSTGRES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``advice`` is empty when it is well."""

    what: str
    seen: str
    advice: str = ""


def run(arguments: argparse.Namespace) -> int:
    """Print every finding; the exit status is 1 when something is to be mended."""
    findings = list(examine())
    for finding in findings:
        print(f"{'고칠 것' if finding.advice else '좋음   '}  {finding.what}: {finding.seen}")
        if finding.advice:
            print(f"         → {finding.advice}")
    print(f"\n설정 {len(env.REGISTER)}가지 (바꾼 것만):")
    for name, setting in sorted(env.REGISTER.items()):
        if os.environ.get(name):
            print(f"  {name}={'…' if setting.secret else os.environ[name]}")
    return int(any(finding.advice for finding in findings))


def examine() -> Iterator[Finding]:
    """Every check, in the order in which things depend on each other."""
    from majung import settings

    yield from _files(settings.HOME, settings.VAULT_KEY)
    url = settings.database_url()
    if not url:
        yield Finding(what="데이터베이스", seen="아직 없음", advice="majung up 으로 한 번 켜 주세요.")
        return
    checks: tuple[Callable[[psycopg.Connection[tuple[object, ...]]], Iterator[Finding]], ...] = (
        _server,
        _tables,
        _work,
    )
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            for check in checks:
                yield from check(connection)
    except psycopg.OperationalError as error:
        embedded = not os.environ.get("DATABASE_URL")
        running = embedded and Embedded(base=settings.HOME / "postgres").is_running()
        advice = "majung up 으로 켜 주세요." if embedded and not running else "DATABASE_URL과 서버를 확인해 주세요."
        yield Finding(what="데이터베이스", seen=str(error).strip().splitlines()[0], advice=advice)
        return
    yield from _web_role(settings.database_url(APP))


def _files(home: Path, vault: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(home if home.exists() else "/").free
    yield Finding(
        what="디스크", seen=f"{free // 2**30}GB 남음", advice="" if free > LEAST_FREE_BYTES else "2GB 넘게 비워 주세요."
    )
    try:
        Keyring.load(vault)
    except Misconfigured as error:
        yield Finding(what="금고 열쇠", seen=str(error), advice="복사해 둔 열쇠를 그 자리에 두고 chmod 600 해 주세요.")
        return
    mode = stat.S_IMODE(vault.stat().st_mode)
    yield Finding(what="금고 열쇠", seen=f"{vault} ({mode:o})")


def _server(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Finding]:
    version = connection.info.server_version // 10_000
    advice = "" if version >= LEAST_POSTGRES else f"PostgreSQL {LEAST_POSTGRES} 이상이 필요합니다."
    yield Finding(what="PostgreSQL", seen=str(version), advice=advice)
    for name, wanted in (("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")):
        value = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        seen = str(value[0]) if value else "?"
        if seen != wanted:
            yield Finding(what=name, seen=seen, advice=f"{name} = {wanted} 이어야 전원이 꺼져도 장부가 남습니다.")


def _tables(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Finding]:
    import django
    from django.db import connection as default
    from django.db.migrations.executor import MigrationExecutor

    django.setup()
    executor = MigrationExecutor(default)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    advice = "majung migrate 를 돌려 주세요." if waiting else ""
    yield Finding(what="표", seen=f"{waiting}단계 남음" if waiting else "이 판에 맞음", advice=advice)


def _work(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Finding]:
    from majung.delivery import queries

    strays = queries.strays()
    if strays:
        yield Finding(what="묶음의 자리", seen=f"{strays}개가 예비 칸에 있음", advice="majung migrate 를 돌려 주세요.")
    row = connection.execute("SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'").fetchone()
    failed = int(str(row[0])) if row else 0
    yield Finding(
        what="실패한 일", seen=f"{failed}건", advice="기록(logs/jobs.log)을 보고 까닭을 고쳐 주세요." if failed else ""
    )


def _web_role(url: str) -> Iterator[Finding]:
    """The web must run as a role that cannot change ledgers, nor switch row security off."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute("SELECT current_user").fetchone()
            too_much = roles.excesses(connection)
    except psycopg.OperationalError as error:
        seen = str(error).strip().splitlines()[0]
        yield Finding(what="웹의 역할", seen=seen, advice="DATABASE_URL_APP을 확인해 주세요.")
        return
    advice = "웹이 너무 많은 권한으로 돕니다. majung migrate 를 돌리고 majung_app 역할로 켜 주세요." if too_much else ""
    yield Finding(what="웹의 역할", seen="; ".join(too_much) or str(row[0] if row else "?"), advice=advice)
