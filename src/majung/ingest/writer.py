"""Natural group commit: whatever waits when the last commit returns goes into the next one, with no timer (perf.md f)."""

import asyncio
import logging
import time
from typing import Any

import psycopg

from majung.channels import inbox
from majung.channels.inbox import Kind
from majung.ingest.http import Call, Refused

log = logging.getLogger(__name__)

LARGEST_BATCH = 2000
MOST_WAITING = 50_000
MOST_WAITING_BYTES = 64 * 2**20
PATIENCE_SECONDS = 2.0
"""So long the database may be away before callers are told to come again: Kakao waits for three seconds (kakao.md §1.5)."""
AGAIN_SECONDS = 0.1
CONNECT_SECONDS = 2


class Writer:
    """One connection; a call is answered 200 after what it brought is durable, 503 when it could not be made so."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._friends: list[bytes] = []
        self._friend_calls: list[Call] = []
        self._rows: list[tuple[Kind, int, int, bytes]] = []
        self._row_calls: list[Call] = []
        self._bytes = 0
        self._some = asyncio.Event()
        self._is_stopping = False

    @property
    def waiting(self) -> int:
        """Calls that no commit has taken yet."""
        return len(self._friend_calls) + len(self._row_calls)

    def put_friend(self, packed: bytes, call: Call) -> None:
        """One channel event. Raises Refused when too much waits."""
        if len(self._friends) >= MOST_WAITING:
            raise Refused(503)
        self._friends.append(packed)
        self._friend_calls.append(call)
        self._some.set()

    def put(self, rows: list[tuple[Kind, int, int, bytes]], call: Call) -> None:
        """What one call of a dealer brought. Raises Refused when too much waits."""
        size = sum(len(body) for *_, body in rows)
        if self._bytes + size > MOST_WAITING_BYTES:
            raise Refused(503)
        self._bytes += size
        self._rows += rows
        self._row_calls.append(call)
        self._some.set()

    async def run(self) -> None:
        """Until ``stop``; then what waits is still written."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._friends or self._rows:
                await self._once()
            if self._is_stopping:
                break
        if self._connection is not None:
            await self._connection.close()

    def stop(self) -> None:
        """``run`` ends when nothing waits any more."""
        self._is_stopping = True
        self._some.set()

    async def _once(self) -> None:
        friends, calls = self._friends[:LARGEST_BATCH], self._friend_calls[:LARGEST_BATCH]
        del self._friends[:LARGEST_BATCH], self._friend_calls[:LARGEST_BATCH]
        rows, self._rows = self._rows, []
        calls += self._row_calls
        self._row_calls, self._bytes = [], 0
        if friends:
            rows.append((Kind.FRIENDS, 0, len(friends), b"".join(friends)))
        status = 200 if await self._is_written(rows) else 503
        for call in calls:
            call.answer(status)

    async def _is_written(self, rows: list[tuple[Kind, int, int, bytes]]) -> bool:
        """Whether the rows are durable. One that is written twice, because an answer was lost, has the effect of one."""
        facts = [
            {"kind": int(kind), "source": source, "n": n, "body": body} for kind, source, n, body in rows
        ]  # fmt: skip
        begun = time.monotonic()
        while True:
            try:
                connection = await self._connected()
                async with connection.cursor() as cursor:
                    # In autocommit one statement is a transaction, and so are many sent together (executemany's pipeline).
                    if len(facts) == 1:
                        await cursor.execute(inbox.PUT, facts[0])
                    else:
                        await cursor.executemany(inbox.PUT, facts)
            except psycopg.Error as error:
                await self._drop()
                if time.monotonic() - begun > PATIENCE_SECONDS or not isinstance(error, psycopg.OperationalError):
                    log.warning(
                        "what came in was not written", extra={"rows": len(rows), "error": type(error).__name__}
                    )
                    return False
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return True

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, prepare_threshold=1, connect_timeout=CONNECT_SECONDS, tcp_user_timeout=5000,
                application_name="majung ingest",
            )  # fmt: skip
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
