"""Each thing that can go wrong in the database is found by the doctor, told what it means and what to do (O3)."""

from datetime import timedelta
from pathlib import Path

import pytest

from majung.channels import inbox
from majung.cli import checks
from majung.cli.checks import Finding
from majung.core import clock
from majung.core.db import raw
from majung.delivery import installation, planner
from majung.delivery.services import start
from tests.make import delivery as make
from tests.make.database import second_connection

pytestmark = [pytest.mark.django_db, pytest.mark.product("O3")]


def of(findings: "list[Finding]", what: str) -> Finding:
    """The one finding about it."""
    [one] = [finding for finding in findings if finding.what == what]
    return one


def everything(home: Path) -> list[Finding]:
    """All checks of the database."""
    return [
        *checks.sending(raw(), home), *checks.workers(raw()), *checks.ledger(raw()), *checks.crowds(raw()),
        *checks.database(raw()),
        *checks.backups(raw()),
    ]  # fmt: skip


def test_a_new_installation_lacks_a_worker_and_nothing_else(home: Path) -> None:
    raw().execute("DELETE FROM worker_beat")
    found = everything(home)
    assert [finding.what for finding in found if finding.advice] == ["일꾼"]
    assert all(finding.means for finding in found if finding.advice)


@pytest.mark.django_db(transaction=True)
def test_a_campaign_that_nobody_sends_is_named(home: Path) -> None:
    raw().execute("DELETE FROM worker_beat")
    party = make.party(people=20)
    planner.freeze(raw(), make.order(party, campaign=7_001, at=clock.now()))
    start(7_001)
    assert of(everything(home), "멈춰 선 일").advice == ""
    raw().execute("UPDATE dispatch SET not_before = not_before - interval '1 hour'")
    assert of(everything(home), "멈춰 선 일 · 발송 일꾼이 없음").seen == "메시지 1건: 7001번 60분째"
    installation.beat(raw(), "here/1/0", "awake", installation.Tally())
    stands = of(everything(home), "멈춰 선 일 · 나가지 않음")
    assert stands.means and "majung nudge" in stands.advice
    raw().execute("UPDATE dispatch SET last_settled_at = %s", [clock.now()])
    assert of(everything(home), "멈춰 선 일").advice == ""
    raw().execute(
        "UPDATE campaign_chunk SET state = 1, worker = 'gone', lease_until = clock_timestamp() - interval '5 minutes'"
    )
    assert of(everything(home), "멈춰 선 일 · 집은 일꾼이 사라짐").advice


def test_what_webhooks_brought_and_nobody_folds_is_named(home: Path) -> None:
    assert of(everything(home), "멈춰 선 일").seen == "없음"
    inbox.put_back(raw(), inbox.Kind.WAKES, 1, 3, b"G1\t\nG2\t\nG3\t", 0)
    raw().execute("UPDATE inbox SET at = at - interval '5 minutes'")
    late = of(everything(home), "멈춰 선 일 · 받은 보고가 밀림")
    assert late.seen == "3개, 300초째" and late.advice
    raw().execute("UPDATE inbox SET problem = 'ValueError'")
    aside = of(everything(home), "멈춰 선 일 · 옮기지 못해 따로 둔 보고")
    assert aside.seen.startswith("3개") and "majung nudge --inbox" in aside.advice


def test_workers_are_counted_by_their_beat(home: Path) -> None:
    raw().execute("DELETE FROM worker_beat")
    installation.beat(raw(), "here/1/0", "awake", installation.Tally())
    installation.beat(raw(), "there/1/0", "overtaken", installation.Tally())
    assert of(everything(home), "일꾼").seen == "예약된 일 0, 발송 2"
    assert of(everything(home), "멈춘 일꾼").seen == "there/1/0"
    raw().execute("UPDATE worker_beat SET beat_at = beat_at - interval '2 minutes' WHERE worker = 'there/1/0'")
    installation.beat(raw(), "third/1/0", "awake", installation.Tally())
    assert of(everything(home), "일꾼").seen == "예약된 일 0, 발송 2"
    raw().execute(
        "INSERT INTO worker_beat (worker, version, standing, resident_bytes) VALUES ('new/1/0', '9', 'awake', 0)"
    )
    assert of(everything(home), "일꾼의 판").advice


def test_failed_and_late_jobs_are_named(home: Path) -> None:
    job = "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, scheduled_at) VALUES ('default', %s, '{}', %s, %s)"
    raw().execute(job, ["people.read", "failed", None])
    raw().execute(job, ["people.read", "todo", clock.now() - timedelta(hours=1)])
    raw().execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    found = everything(home)
    assert of(found, "실패한 일").seen == "1건 people.read"
    assert of(found, "밀린 일").advice


@pytest.mark.django_db(transaction=True)
def test_a_campaign_without_a_partition_is_told(home: Path) -> None:
    party = make.party(people=20)
    assert of(everything(home), "묶음의 자리").advice == ""
    planner.freeze(raw(), make.order(party, campaign=1_000_000, at=clock.now()))
    assert of(everything(home), "묶음의 자리").advice


def test_a_wrong_clock_and_a_forgotten_transaction_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with second_connection() as other:
        other.execute("SELECT 1")
        monkeypatch.setattr(checks, "OLD_TRANSACTION_SECONDS", -1.0)
        assert of(everything(home), "오래 열린 거래").advice
    honest = checks.time.time
    monkeypatch.setattr(checks.time, "time", lambda: honest() - 30)
    assert "30." in of(everything(home), "시계").seen
    assert of(everything(home), "시계").advice


def test_a_backup_is_asked_for_once_there_is_something_to_lose(home: Path) -> None:
    make.party(people=5)
    assert of(everything(home), "백업").advice == ""
    raw().execute("UPDATE person SET created_at = created_at - interval '30 days'")
    assert of(everything(home), "백업").advice
    installation.backed_up(raw(), clock.now())
    assert of(everything(home), "백업").advice == ""


def test_a_stored_set_that_was_wrong_is_told_of(home: Path) -> None:
    assert of(everything(home), "세어 둔 사람 묶음").advice == ""
    raw().execute(
        "INSERT INTO crowd_difference VALUES (1, 'stopped/0/()', %(at)s, 3, 0), (1, 'gender/0/(1,)', %(at)s, 0, 1200)",
        {"at": clock.now()},
    )
    found = of(everything(home), "세어 둔 사람 묶음")
    assert found.seen == "2번 달랐음 (빠진 사람 3명, 남는 사람 1,200명: gender, stopped)"
    assert found.advice
    raw().execute("UPDATE crowd_difference SET found_at = found_at - interval '31 days'")
    assert of(everything(home), "세어 둔 사람 묶음").advice == ""
