"""The figures of an installation, read out of PostgreSQL at each scrape: any process of any machine gives the same. Plain.

``recent`` means campaigns that are not finished, or were finished within a day: sums over chunks stay bounded, so these are gauges.
What dealers answer is counted by the senders for ever (``dealer_call``).
"""

from collections.abc import Iterator
from typing import Any

import psycopg

from majung.channels import inbox
from majung.core import clock, sql
from majung.core.exposition import Metric, Sample, labelled, single
from majung.delivery import books, stuck
from majung.delivery.installation import BOUNDS
from majung.delivery.outcomes import ChunkState

ALIVE_SECONDS = 30.0
MESSAGES = ("not_yet", "accepted", "delivered", "refused", "in_doubt", "moved_on", "fell_back")


def measure(connection: psycopg.Connection[Any]) -> list[Metric]:
    """Every figure, in one snapshot."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return [
            *_campaigns(connection), *_stuck(connection), *_dealers(connection), *_workers(connection), *_database(connection),
        ]  # fmt: skip


def _rows(connection: psycopg.Connection[Any], name: str, **facts: Any) -> list[tuple[Any, ...]]:
    return (
        psycopg.Cursor(connection)
        .execute(sql.load("majung.delivery", "metrics", name).encode(), facts or None)
        .fetchall()
    )


def _campaigns(connection: psycopg.Connection[Any]) -> Iterator[Metric]:
    now = clock.now()
    campaigns = [campaign for (campaign,) in _rows(connection, "recent", now=now)]
    states = dict(_rows(connection, "dispatches", campaigns=campaigns))
    yield labelled("majung_campaigns", "Recent campaigns by state of their dispatch.", "state", states)
    by_state = {
        ChunkState(state).name.lower(): count for state, count in _rows(connection, "chunks", campaigns=campaigns)
    }
    yield labelled("majung_chunks", "Chunks of recent campaigns by state.", "state", by_state)
    asked = sql.load("majung.delivery", "metrics", "messages").format(sums=books.sums(MESSAGES))
    [counts] = psycopg.Cursor(connection).execute(asked.encode(), {"campaigns": campaigns}).fetchall()
    told = "Messages of recent campaigns by the terms of their books; delivered is part of accepted."
    yield labelled("majung_messages", told, "state", dict(zip(MESSAGES, map(float, counts), strict=True)))
    left_out = _rows(connection, "left_out", campaigns=campaigns)
    yield Metric(
        "majung_left_out", "gauge", "People of recent campaigns whom a rule left out, by stage and reason.",
        [Sample(n, (("stage", stage), ("reason", reason))) for stage, reason, n in left_out],
    )  # fmt: skip
    [(oldest,)] = _rows(connection, "oldest_waiting", now=now, campaigns=campaigns)
    yield single(
        "majung_oldest_waiting_seconds", "How long nothing has come of the campaign that stands longest.", oldest
    )
    [(reserved, spent)] = _rows(connection, "money", month=clock.today().replace(day=1))
    won = {"reserved": reserved / 100, "spent": spent / 100}
    yield labelled("majung_money_won", "Won of this month's campaigns, without VAT.", "state", won)


def _stuck(connection: psycopg.Connection[Any]) -> Iterator[Metric]:
    found = [*stuck.look(connection), *stuck.shared(connection)]
    counted = {str(kind): float(sum(one.kind is kind for one in found)) for kind in stuck.Kind}
    told = "Work that has not moved for longer than its state allows, by what is stuck: campaigns, or 1 of the installation."
    yield labelled("majung_stuck", told, "kind", counted)
    waiting, aside, oldest = inbox.waiting(connection)
    yield single("majung_inbox_waiting", "Reports and channel events that were stored and are not folded yet.", waiting)
    yield single("majung_inbox_aside", "Those that could not be folded and were set aside.", aside)
    yield single("majung_inbox_oldest_seconds", "How long the oldest waits to be folded.", oldest)


def _dealers(connection: psycopg.Connection[Any]) -> Iterator[Metric]:
    samples: list[Sample] = []
    for code, account, answer, calls, seconds, under in _rows(connection, "dealers"):
        labels = (("dealer", code), ("account", str(account)), ("answer", answer))
        bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
        samples += [
            Sample(n, (*labels, ("le", bound)), "_bucket") for bound, n in zip(bounds, [*under, calls], strict=True)
        ]
        samples += [Sample(seconds, labels, "_sum"), Sample(calls, labels, "_count")]
    yield Metric("majung_dealer_call_seconds", "histogram", "Calls to dealers by what came of them.", samples)
    [(waiting, oldest)] = _rows(connection, "wakes", now=clock.now())
    yield single("majung_reports_waiting", "Groups that a report is about and no sender has looked at.", waiting)
    yield single("majung_reports_oldest_seconds", "How long the oldest of them waits.", oldest)


def _workers(connection: psycopg.Connection[Any]) -> Iterator[Metric]:
    senders = _rows(connection, "senders")
    for name, help_text, place in (
        ("majung_sender_beat_age_seconds", "Seconds since a sending slot was last known to live.", 1),
        ("majung_sender_resident_bytes", "Memory of the slot's process.", 2),
    ):
        yield Metric(name, "gauge", help_text, [Sample(row[place], (("worker", row[0]),)) for row in senders])
    alive = sum(age < ALIVE_SECONDS and standing == "awake" for _, age, _, standing in senders)
    yield single("majung_senders", "Sending slots that live and may send.", alive)
    jobs = [Sample(n, (("status", status), ("queue", queue))) for status, queue, n in _rows(connection, "jobs")]
    yield Metric("majung_jobs", "gauge", "Jobs that are not done, by status.", jobs)
    [(workers,)] = _rows(connection, "job_workers")
    yield single("majung_job_workers", "Processes that take jobs.", workers)


def _database(connection: psycopg.Connection[Any]) -> Iterator[Metric]:
    [(size, written, oldest)] = _rows(connection, "database")
    yield single("majung_database_bytes", "Size of the database.", size)
    yield single("majung_wal_bytes_total", "Write-ahead log written since the server was made.", written, "counter")
    yield single("majung_oldest_transaction_seconds", "Age of the oldest transaction that this role may see.", oldest)
    for (at,) in _rows(connection, "backup"):
        yield single("majung_backup_timestamp_seconds", "When majung backup last ended.", at)
