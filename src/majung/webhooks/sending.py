"""Telling: the stream becomes deliveries, deliveries become tries, tries become what is known of an endpoint.

At least once: a delivery is leased before it is posted, so that a round that is killed leaves it to the next one, under the
same id. Networks are waited for in threads; the database is spoken to by the round's own thread alone, between transactions.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from majung.activity import services as activity
from majung.core import clock, db, sql
from majung.tree import live
from majung.webhooks import events, services, sign
from majung.webhooks.enums import SOURCES, Course, State, Why
from majung.webhooks.models import Attempt, Delivery, Endpoint
from majung.webhooks.post import Answer, post

READER = "webhooks"
READ = 10_000
EACH = 20
"""Deliveries of one endpoint in a batch: one that is slow keeps its thread, and nobody else's."""
THREADS = 8
FAILURES_IN_A_ROW = 3
"""After so many an endpoint is left alone for the rest of the batch."""
BATCH_SECONDS = 20.0
"""No try is begun later than this after the batch; what is left over waits."""
LEASE = timedelta(minutes=5)
"""Far longer than a batch can take."""
RESTS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 300, 600, 840, 1200, 1440))
"""Between the tries of one delivery, as the Standard Webhooks specification suggests; after three days it is given up."""
LONGEST_REST = timedelta(days=1)
FAILING_FOR = timedelta(days=3)
GONE = 410
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """One delivery to be tried now."""

    number: int
    endpoint: Endpoint
    public_id: str
    body: bytes
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What came of one; ``answer`` None when it was left for later."""

    leased: Leased
    at: datetime
    answer: Answer | None


# ── from the stream ──────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def read_stream() -> bool:
    """What happened since the last time becomes deliveries, in one transaction with the cursor. Whether there is more."""
    endpoints = list(Endpoint.objects.filter(state=State.ACTIVE).select_related("unit").order_by("pk"))
    chosen = {event for endpoint in endpoints for event in endpoint.events}
    kinds = sorted(kind for kind, event in SOURCES.items() if event in chosen)
    entries = activity.take(READER, limit=READ, kinds=kinds)
    names = events.named(entries)
    made = [
        Delivery(endpoint=endpoint, event=told.event, caused_by=told.caused_by, body=told.body)
        for endpoint in endpoints
        for told in events.told(endpoint, [entry for entry in entries if entry.root_id == endpoint.root_id], names)
    ]
    Delivery.objects.bulk_create(made, batch_size=1000)
    return len(entries) == READ


# ── to the endpoints ─────────────────────────────────────────────────────────────────────────────────────────────────


def send_due(only: Sequence[int] | None = None) -> int:
    """One batch of what is due (or of ``only``). Returns how many were tried; what they came to is committed."""
    for endpoint in Endpoint.objects.filter(state=State.ACTIVE, deliveries__course=Course.WAITING).distinct():
        if not live.chain_in_force(db.raw(), endpoint.grant_id, clock.now()):
            services.hold_for(endpoint, Why.GRANT_ENDED)
    now = clock.now()
    leased_until = now + LEASE
    batch = _claim(now, leased_until, only)
    lines: dict[int, list[Leased]] = {}
    for leased in batch:
        lines.setdefault(leased.endpoint.pk, []).append(leased)
    if not lines:
        return 0
    secrets = {number: services.secrets_of(line[0].endpoint) for number, line in lines.items()}
    with ThreadPoolExecutor(THREADS) as pool:
        until = time.monotonic() + BATCH_SECONDS
        tries = pool.map(lambda number: _line(lines[number], secrets[number], until), lines)
        done = [one for line in tries for one in line]
    _settle(done, leased_until)
    return sum(1 for one in done if one.answer is not None)


@transaction.atomic
def _claim(now: datetime, leased_until: datetime, only: Sequence[int] | None) -> list[Leased]:
    rows = db.raw().execute(
        sql.load("majung.webhooks", "webhooks", "claim"),
        {"now": now, "leased_until": leased_until, "each": EACH, "only": None if only is None else list(only)},
    ).fetchall()  # fmt: skip
    endpoints = Endpoint.objects.in_bulk({row[1] for row in rows})
    return [
        Leased(number=number, endpoint=endpoints[endpoint], public_id=public_id, body=bytes(body), tries=tries)
        for number, endpoint, public_id, body, tries in sorted(rows, key=lambda row: int(row[0]))
    ]


def _line(batch: Sequence[Leased], secrets: Sequence[str], until: float) -> list[Try]:
    """One endpoint's batch, in order. Runs in a thread: no database here."""
    done: list[Try] = []
    failures = 0
    for leased in batch:
        at = clock.now()
        if failures >= FAILURES_IN_A_ROW or time.monotonic() > until:
            done.append(Try(leased=leased, at=at, answer=None))
            continue
        headers = sign.headers(secrets, leased.public_id, at, leased.body)
        answer = post(leased.endpoint.url, headers, leased.body, allowed=settings.WEBHOOK_NETWORKS)
        failures = 0 if answer.is_taken else FAILURES_IN_A_ROW if answer.status == GONE else failures + 1
        done.append(Try(leased=leased, at=at, answer=answer))
    return done


@transaction.atomic
def _settle(done: Sequence[Try], leased_until: datetime) -> None:
    now = clock.now()
    rows: dict[str, list[Any]] = {"ids": [], "courses": [], "next": [], "tries": []}
    for one in done:
        course, next_at, tries = _outcome(one, now)
        for column, value in zip(rows.values(), (one.leased.number, course, next_at, tries), strict=True):
            column.append(value)
    db.raw().execute(sql.load("majung.webhooks", "webhooks", "settle"), {**rows, "leased_until": leased_until})
    # A removed endpoint took its deliveries with it while they were tried.
    still = set(Delivery.objects.filter(pk__in=rows["ids"]).values_list("pk", flat=True))
    Attempt.objects.bulk_create(
        Attempt(delivery_id=one.leased.number, at=one.at, status=one.answer.status, problem=one.answer.problem,
                milliseconds=one.answer.milliseconds)
        for one in done
        if one.answer is not None and one.leased.number in still
    )  # fmt: skip
    for endpoint in {one.leased.endpoint.pk: one.leased.endpoint for one in done}.values():
        _judge(endpoint, [one for one in done if one.leased.endpoint.pk == endpoint.pk], now)


def _outcome(one: Try, now: datetime) -> tuple[str, datetime | None, int]:
    """The course of a delivery after a try, when it is tried next, and its tries so far."""
    tries = one.leased.tries
    if one.answer is None:
        return Course.WAITING, now + RESTS[0], tries - 1
    if one.answer.is_taken:
        return Course.DELIVERED, None, tries
    if tries > len(RESTS):
        return Course.GIVEN_UP, None, tries
    asked = min(timedelta(seconds=one.answer.retry_seconds), LONGEST_REST)
    # A tenth to and fro, so that what failed together does not come back together.
    rest = RESTS[tries - 1] * random.uniform(0.9, 1.1)  # noqa: S311  no secret
    return Course.WAITING, now + max(rest, asked), tries


def _judge(endpoint: Endpoint, done: Sequence[Try], now: datetime) -> None:
    """How the endpoint stands after its tries: well, failing since, or not to be told any more."""
    answers = [one.answer for one in done if one.answer is not None]
    row = Endpoint.objects.filter(pk=endpoint.pk, state=State.ACTIVE)
    if any(answer.is_taken for answer in answers):
        row.update(failing_since=None)
    elif any(answer.status == GONE for answer in answers):
        services.hold_for(endpoint, Why.GONE)
    elif answers and endpoint.failing_since is None:
        row.update(failing_since=now)
    elif answers and endpoint.failing_since is not None and endpoint.failing_since <= now - FAILING_FOR:
        services.hold_for(endpoint, Why.FAILING)


def forget(before: datetime) -> None:
    """Deliveries older than ``before`` go, with their tries."""
    Delivery.objects.filter(created_at__lt=before).delete()
