"""The chunk ledger as the engine writes it: claiming, committing before the network, settling after it. Plain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql as compose

from majung.core import clock, sql
from majung.crowd import expression
from majung.delivery import pace, packing
from majung.delivery.order import Fallback
from majung.delivery.outcomes import NOT_YET, PauseReason
from majung.delivery.packing import People
from majung.delivery.render import Template
from majung.delivery.route import Stop
from majung.delivery.sealed import Column
from majung.policy import occasion as policy_occasion
from majung.policy.occasion import Occasion

Connection = psycopg.Connection[Any]

MOST_MESSAGES = 10_000
"""Messages of one group: bounds what one crash puts in doubt."""
MOST_CHUNKS = 40
MOST_TRIED = 8
"""Dispatches that are tried in one step, when others are at the first ones."""
SWEPT = 100
"""Chunks of a stopped dispatch that are left out in one transaction: whoever pressed waits for no more."""
GONE_SECONDS = 30
"""After so long both ends give up on a connection whose other end is cut off. Until then its locks keep chunks from others."""
OVER_GROWING_TABLES = frozenset({"changes", "friendships", "homes"})
"""Planned anew each time: a plan kept from when a table was small reads all of it once a campaign has made it large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """What an engine must know of a campaign; nothing of it ever changes."""

    campaign_id: int
    root_id: int
    account_id: int
    unit_id: int
    scope_unit_id: int
    grant_id: int | None
    occasion: Occasion
    template: Template
    criteria: expression.Expression
    stops: tuple[Stop, ...]
    unit_centiwon: int
    fallback: Fallback | None = None
    is_text_instead: bool = False

    def as_text(self) -> "Dispatch":
        """The same campaign as the text that is sent instead: other words, medium and price, and no channel to be judged on.

        Raises ValueError when it has none.
        """
        text = self.fallback
        if text is None:
            raise ValueError(f"campaign {self.campaign_id} has no text to send instead")
        template = replace(self.template, kind=text.kind, message=text.message, sender=text.sender)
        return replace(
            self, occasion=text.occasion, template=template, stops=(), unit_centiwon=text.unit_centiwon,
            is_text_instead=True,
        )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Chunk:
    """A chunk in hand: its people, their sealed values, and the outcome bytes as they will be written."""

    chunk_no: int
    channel_id: int
    wave: int
    attempt: int
    people: People
    outcome: bytearray
    watermark: int
    sealed: bytes = b""
    opened: list[Column] | None = None
    """What ``sealed`` holds, between the hand-over and the settling of one group; never longer."""
    off_route: bool = False
    ahead: tuple[int, ...] = ()
    open_ahead: bytes | None = None
    is_told: bool = False
    """Whether somebody was just told not to be a friend, which ``observations`` must note."""
    parent_chunk: int | None = None
    """The chunk whose messages did not arrive, when these are the texts in their stead."""
    parent_at: datetime | None = None
    """When that chunk was handed over."""

    @property
    def is_waiting(self) -> bool:
        """Whether anybody is still to be sent."""
        return NOT_YET in self.outcome

    @property
    def waiting(self) -> NDArray[np.int64]:
        """Positions of those who are still to be sent."""
        return np.flatnonzero(np.frombuffer(self.outcome, np.uint8) == NOT_YET)


@dataclass(slots=True, kw_only=True)
class Claim:
    """Chunks of one dispatch that this worker holds for the length of a lease: messages, or texts in their stead, never both."""

    campaign_id: int
    chunks: list[Chunk]
    has_more: bool = False
    """Whether more was ready than one claim takes."""

    @property
    def is_text_instead(self) -> bool:
        """Whether these are texts in the stead of messages."""
        return self.chunks[0].parent_chunk is not None

    @property
    def numbers(self) -> list[int]:
        """Their chunk numbers."""
        return [chunk.chunk_no for chunk in self.chunks]


def connect(url: str, name: str) -> Connection:
    """A connection of the engine's own: autocommit, binary, person numbers as numpy arrays."""
    connection: Connection = psycopg.connect(
        url, autocommit=True, application_name=name, prepare_threshold=2, connect_timeout=GONE_SECONDS // 3,
        tcp_user_timeout=GONE_SECONDS * 1000, keepalives_idle=GONE_SECONDS // 3, keepalives_interval=GONE_SECONDS // 6,
        keepalives_count=4,
    )  # fmt: skip
    run(connection, "give_up", seconds=GONE_SECONDS)
    packing.adapt_people(connection.adapters)
    return connection


def run(connection: Connection, name: str, /, **facts: Any) -> psycopg.Cursor[Any]:
    """The named statement of ``sql/ledger.sql``, with binary results."""
    statement = compose.SQL(sql.load("majung.delivery", "ledger", name))
    return connection.execute(statement, facts, binary=True, prepare=False if name in OVER_GROWING_TABLES else None)


def claim(connection: Connection, *, worker: str, now: datetime, lease_seconds: float) -> Claim | None:
    """Up to 10,000 messages of the dispatch whose turn it is, committed as claimed; None when nothing may leave."""
    tried: list[int] = []
    for _ in range(MOST_TRIED):
        with connection.transaction():
            picked = run(connection, "pick", now=now, tried=tried).fetchone()
            if picked is None:
                return None
            campaign, start, unit, account, entity, is_paced = picked
            ready = _alike(run(connection, "ready", campaign=campaign, most=MOST_CHUNKS + 1).fetchall())
            taken = _fitting(connection, campaign, ready, (("account", account), ("entity", entity)), is_paced)
            if taken:
                facts = {"campaign": campaign, "chunks": sorted(taken), "worker": worker, "lease": lease_seconds}
                rows = run(connection, "claim", **facts).fetchall()
                n = sum(people for number, people, _ in ready if number in taken)
                run(connection, "served", campaign=campaign, unit=unit, start=start, n=n, now=now)
                break
        # Other slots are taking what was ready, or its channels are not free yet: somebody else's turn.
        tried.append(campaign)
    else:
        return None
    held = [
        Chunk(
            chunk_no=number, channel_id=channel, off_route=off_route, wave=wave, attempt=attempt, people=people, sealed=sealed,
            outcome=bytearray(outcome), watermark=int(watermark), ahead=tuple(ahead), open_ahead=open_ahead,
            parent_chunk=parent, parent_at=parent_at,
        )
        for (
            number, channel, off_route, wave, attempt, people, sealed, outcome, watermark, ahead, open_ahead, parent, parent_at,
        ) in sorted(rows, key=lambda row: row[0])
    ]  # fmt: skip
    return Claim(campaign_id=campaign, chunks=held, has_more=len(ready) > len(taken)) if held else None


def _fitting(
    connection: Connection, campaign: int, ready: list[pace.Ready], everywhere: Sequence[pace.Key], is_paced: bool
) -> set[int]:
    """The chunks of one claim: at most 10,000 messages, and of whoever is limited no more than may leave now."""
    sums = np.cumsum([n for _, n, _ in ready])
    some = ready[: min(MOST_CHUNKS, max(1, int(np.searchsorted(sums, MOST_MESSAGES, "right"))))]
    if is_paced and some:
        paces, at = pace.read(connection, campaign, (channel for _, _, channel in some))
        some = pace.fitting(some, everywhere, paces, at)
        pace.charge(connection, pace.costs(some, everywhere, paces, at))
    return {number for number, _, _ in some}


def _alike(ready: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows that are what the first one is, messages or texts in their stead (the last column); without that column."""
    return [row[:-1] for row in ready if row[-1] == ready[0][-1]]


def dispatch(connection: Connection, campaign: int) -> Dispatch:
    """The dispatch of a campaign. Raises LookupError."""
    row = run(connection, "dispatch", campaign=campaign).fetchone()
    if row is None:
        raise LookupError(f"campaign {campaign} has no dispatch")
    number, root, account, unit, scope, grant, occasion, template, segment, centiwon, fallback = row
    return Dispatch(
        campaign_id=number, root_id=root, account_id=account, unit_id=unit, scope_unit_id=scope, grant_id=grant,
        occasion=policy_occasion.from_json(occasion), template=Template.from_json(template),
        criteria=expression.from_json(segment["criteria"]), stops=tuple(Stop(**stop) for stop in segment["stops"]),
        unit_centiwon=centiwon, fallback=Fallback.from_json(fallback) if fallback else None,
    )  # fmt: skip


def put_back(connection: Connection, claimed: Claim, worker: str) -> None:
    """The chunks are ready again: certainly nothing of them has left."""
    run(connection, "put_back", campaign=claimed.campaign_id, chunks=claimed.numbers, worker=worker)


def pause(connection: Connection, campaign: int, reason: PauseReason, problem: str) -> None:
    """The dispatch stands still until somebody resumes it. ``problem`` is a Korean sentence."""
    run(connection, "pause", campaign=campaign, reason=str(reason), problem=problem)


def sweep(connection: Connection, campaign: int) -> bool:
    """Some chunks of a stopped dispatch that are still ready are left out, each person with the reason. False: there were none.

    Also over Django's connection (``services.stop``), which ``run`` is not for.
    """
    facts = {"campaign": campaign, "now": clock.now(), "most": SWEPT}
    statement = sql.load("majung.delivery", "ledger", "stop_ready")
    return psycopg.Cursor(connection).execute(statement.encode(), facts).rowcount > 0


def write_cost(
    connection: Connection, found: Dispatch, kind: str, counts: Mapping[int, tuple[int, int]], now: datetime
) -> None:
    """Money charged or returned for chunks, at the price of what ``found`` sends: chunk number → (attempt, people)."""
    rows = [(number, attempt, n) for number, (attempt, n) in counts.items() if n]
    if not rows:
        return
    facts = dict(zip(("chunks", "attempts", "counts"), map(list, zip(*rows, strict=True)), strict=True))
    what = {"message_kind": str(found.template.kind), "unit_centiwon": found.unit_centiwon}
    run(connection, "cost", campaign=found.campaign_id, kind=kind, now=now, **what, **facts)


def write_left_out(connection: Connection, found: Dispatch, stage: str, reasons: Mapping[str, Sequence[int]]) -> None:
    """People left out after the freeze, by reason."""
    for reason, people in reasons.items():
        facts = {"root": found.root_id, "stage": stage, "reason": reason, "people": sorted(people)}
        run(connection, "left_out", campaign=found.campaign_id, **facts)


@dataclass(slots=True)
class Exceptions:
    """Rows of ``chunk_exception`` on their way."""

    rows: list[tuple[int, int, int, str, int, str]]

    def add(self, chunk: Chunk, seq: int, code: str, detail: str = "") -> None:
        """One person of a chunk did not simply get the message."""
        self.rows.append((chunk.chunk_no, seq, chunk.attempt, code, int(chunk.people[seq]), detail))

    def write(self, connection: Connection, campaign: int) -> None:
        """Into the table, each once."""
        if self.rows:
            names = ("chunks", "seqs", "attempts", "codes", "people", "details")
            columns = dict(zip(names, map(list, zip(*self.rows, strict=True)), strict=True))
            run(connection, "exceptions", campaign=campaign, **columns)
