"""What ``majung doctor`` looks at inside the database: each finding says how it stands, what that means, and what to do."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg

from majung.cli.database import Connection
from majung.core import clock, sql

PATIENCE_SECONDS = 120
SILENT_SECONDS = 60
LEAST_AHEAD = 16
MOST_SKEW_SECONDS = 2.0
OLD_TRANSACTION_SECONDS = 600.0
MOST_LAG_SECONDS = 300.0
MOST_WAL_BYTES = 16 * 2**30
MOST_HELD_BYTES = 4 * 2**30
OLDEST_BACKUP = timedelta(days=7)
MOST_AGE = 1_500_000_000
SHOWN = 5
SHOWN_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``advice`` is empty when it is well; ``means`` says why it matters."""

    what: str
    seen: str
    means: str = ""
    advice: str = ""


def _rows(connection: Connection, name: str, **facts: Any) -> list[tuple[Any, ...]]:
    return connection.execute(sql.load("majung.cli", "doctor", name).encode(), facts or None).fetchall()


def found(what: str, seen: str, *, wrong: bool, means: str, advice: str) -> Finding:
    """A finding that explains itself only when something is wrong."""
    return (
        Finding(what=what, seen=seen.strip(), means=means, advice=advice)
        if wrong
        else Finding(what=what, seen=seen.strip())
    )


def sending(connection: Connection, home: Path) -> Iterator[Finding]:
    """Whether this folder may send at all, and campaigns that could leave and do not."""
    from majung.delivery import installation

    seen = installation.look(connection, home, take=False)
    yield found(
        "보내기", "보낼 수 있음" if seen.is_awake else f"멈춤 ({seen.standing})", wrong=not seen.is_awake,
        means=seen.standing.sentence, advice="다른 곳에서 보내지 않는 것을 확인한 뒤 majung wake 를 돌려 주세요.",
    )  # fmt: skip
    yield from _stuck(connection)


def _stuck(connection: Connection) -> Iterator[Finding]:
    """Work that has not moved for longer than its state allows, one finding for each kind."""
    from majung.delivery import stuck

    by_kind: dict[stuck.Kind, list[stuck.Stuck]] = {}
    for one in (*stuck.look(connection), *stuck.shared(connection)):
        by_kind.setdefault(one.kind, []).append(one)
    if not by_kind:
        yield Finding(what="멈춰 선 일", seen="없음")
    for kind, ones in by_kind.items():
        words = stuck.WORDS[kind]
        told = ", ".join(f"{one.campaign_id}번 {one.seconds / 60:.0f}분째" for one in ones[:SHOWN] if one.campaign_id)
        nudge = " (화면의 ‘다시 해 보기’는 majung nudge 번호와 같습니다)" if kind in stuck.NUDGEABLE else ""
        counted = f"메시지 {len(ones)}건: {told}" if told else f"{ones[0].number:,}개, {ones[0].seconds:,.0f}초째"
        yield Finding(what=f"멈춰 선 일 · {words.name}", seen=counted, means=words.means, advice=f"{words.todo}{nudge}")


def workers(connection: Connection) -> Iterator[Finding]:
    """Who is alive: senders by their own beat, jobs by Procrastinate's."""
    [(alive, versions, muted)] = _rows(connection, "senders", silent=SILENT_SECONDS)
    [(failed, names, waiting, jobs)] = _rows(connection, "jobs", patience=PATIENCE_SECONDS, silent=SILENT_SECONDS)
    yield found(
        "일꾼", f"예약된 일 {jobs}, 발송 {alive}", wrong=not jobs, means="예약된 일을 할 일꾼이 없습니다.",
        advice="majung worker 를 켜 주세요. (majung up 은 함께 켭니다)",
    )  # fmt: skip
    if versions and len(versions) > 1:
        yield found(
            "일꾼의 판", ", ".join(versions), wrong=True, means="판이 다른 일꾼이 한 장부를 함께 씁니다.",
            advice="모든 기계를 같은 판으로 올려 주세요.",
        )  # fmt: skip
    if muted:
        yield found(
            "멈춘 일꾼", ", ".join(muted[:SHOWN]), wrong=True, means="그 기계의 폴더에 지금의 설치 표식이 없습니다.",
            advice="보내는 기계의 installation.json을 그 기계의 MAJUNG_HOME에 복사해 주세요.",
        )  # fmt: skip
    yield found(
        "실패한 일", f"{failed}건 {', '.join((names or [])[:SHOWN])}", wrong=failed > 0,
        means="되풀이해도 끝나지 않은 일입니다.", advice="기록(logs/jobs.log)을 보고 까닭을 고쳐 주세요.",
    )  # fmt: skip
    yield found(
        "밀린 일", f"{waiting}건", wrong=waiting > 0 and jobs > 0, means="2분 넘게 차례를 기다립니다.",
        advice="일꾼을 더 켜거나, 큰 가져오기가 끝나기를 기다려 주세요.",
    )  # fmt: skip


def ledger(connection: Connection) -> Iterator[Finding]:
    """Partitions of the chunk ledger: enough ahead, nothing in the default one."""
    [(strays,)] = connection.execute("SELECT count(*) FROM campaign_chunk_rest").fetchall()
    [(last, newest)] = _rows(connection, "partitions")
    yield found(
        "묶음의 자리", f"메시지 {last - newest}개만큼 앞섬, 예비 칸에 {strays}개",
        wrong=last - newest < LEAST_AHEAD or strays > 0,
        means="예비 칸에 쌓인 장부는 보관 기한이 지나도 통째로 지울 수 없습니다. 보내는 데는 지장이 없습니다.",
        advice="일꾼을 켜 두면 저절로 만듭니다. 되풀이되면 기록(logs/jobs.log)의 delivery.make_room을 봐 주세요.",
    )  # fmt: skip


def database(connection: Connection) -> Iterator[Finding]:
    """Clock, old transactions, write-ahead log, replicas, room and the age of transaction numbers."""
    begun = time.time()
    [(theirs,)] = _rows(connection, "clock")
    skew = abs(theirs - (begun + time.time()) / 2)
    yield found(
        "시계", f"데이터베이스와 {skew:.1f}초 차이", wrong=skew > MOST_SKEW_SECONDS,
        means="시각이 다르면 보내는 때와 기록의 차례가 어긋납니다.", advice="두 기계의 시계를 NTP로 맞춰 주세요.",
    )  # fmt: skip
    old = [row for row in _rows(connection, "old_transactions") if row[2] > OLD_TRANSACTION_SECONDS]
    yield found(
        "오래 열린 거래", f"{old[0][1] or old[0][0]} {old[0][2] / 60:.0f}분" if old else "없음", wrong=bool(old),
        means="그동안 지워진 줄을 치우지 못해 표가 커지고, 활동을 읽는 일이 멈춥니다.",
        advice="그 프로그램을 끝내거나, 관리자로 pg_stat_activity에서 찾아 pg_terminate_backend로 끊어 주세요.",
    )  # fmt: skip
    yield from _log_and_replicas(connection)
    [(size, age)] = _rows(connection, "size")
    yield found(
        "데이터베이스 크기", f"{size / 2**30:.1f}GB", wrong=age > MOST_AGE, means="거래 번호가 한 바퀴에 가까워집니다.",
        advice="관리자로 한 번: VACUUM (FREEZE);",
    )  # fmt: skip


def _log_and_replicas(connection: Connection) -> Iterator[Finding]:
    try:
        with connection.transaction():
            [(wal,)] = _rows(connection, "wal")
        seen = f"{wal / 2**30:.1f}GB"
    except psycopg.errors.InsufficientPrivilege:
        wal, seen = 0, "볼 권한 없음 (pg_monitor)"
    held = [row for row in _rows(connection, "slots") if row[1] > MOST_HELD_BYTES]
    yield found(
        "WAL", f"{seen}, 붙든 자리 {held[0][0]}" if held else seen, wrong=wal > MOST_WAL_BYTES or bool(held),
        means="디스크를 채우면 데이터베이스가 멈춥니다.",
        advice="안 받아 가는 복제 서버의 자리를 지우고(pg_drop_replication_slot), archive_command를 봐 주세요.",
    )  # fmt: skip
    [(replicas, lag)] = _rows(connection, "replicas")
    yield found(
        "복제", f"{replicas}곳{f', {lag:.0f}초 늦음' if lag is not None else ''}", wrong=lag is not None and lag > MOST_LAG_SECONDS,
        means="지금 본 서버를 잃으면 그만큼을 잃습니다.", advice="복제 서버의 디스크와 회선을 봐 주세요.",
    )  # fmt: skip


def backups(connection: Connection) -> Iterator[Finding]:
    """When the last backup by ``majung backup`` was made."""
    from majung.delivery import installation

    at = installation.read(connection).backed_up_at
    before = clock.now() - OLDEST_BACKUP
    is_late = (at is None or at < before) and _rows(connection, "has_people", before=before) == [(True,)]
    yield found(
        "백업", f"{clock.seoul(at):%Y-%m-%d %H:%M}" if at else "majung backup으로 한 것이 없음", wrong=is_late,
        means="이 서버를 잃으면 그 뒤의 동의와 수신거부가 사라집니다.",
        advice="majung backup 폴더 를 돌려 주세요. 다른 길로 백업한다면 되살리는 연습을 해 보세요.",
    )  # fmt: skip


def crowds(connection: Connection) -> Iterator[Finding]:
    """Whether counts and lists rested on stored sets that were wrong."""
    [(times, lacking, surplus, families)] = _rows(connection, "differences", since=clock.now() - SHOWN_FOR)
    seen = f"{times}번 달랐음 (빠진 사람 {lacking:,}명, 남는 사람 {surplus:,}명: {', '.join(families or ())})"
    yield found(
        "세어 둔 사람 묶음", seen if times else "표와 같음", wrong=times > 0,
        means="밤마다 표와 견주어 다른 것은 고쳤습니다. 그 전에 센 수와 확정한 대상은 틀렸을 수 있습니다.",
        advice="열린 캠페인의 대상을 다시 확인하고, crowd_difference 표를 만든 사람에게 알려 주세요.",
    )  # fmt: skip
