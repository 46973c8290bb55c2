"""Natural group commit: whatever waits when the last commit returns goes into the next one, with no timer (perf.md f)."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from majung.ingest.store import Item

log = logging.getLogger(__name__)

LARGEST_BATCH = 1000
MOST_WAITING = 50_000


class Busy(Exception):
    """So much is waiting that more would not be answered in time."""


class Batcher:
    """One writing thread; ``put`` returns once its item is durable, and raises what the write raised."""

    def __init__(self, write: Callable[[Sequence[Item]], None]) -> None:
        self._write = write
        self._waiting: deque[tuple[Item, asyncio.AbstractEventLoop, asyncio.Future[None]]] = deque()
        self._condition = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="ingest-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Items that no commit has taken yet."""
        return len(self._waiting)

    async def put(self, item: Item) -> None:
        """``item`` is committed when this returns. Raises Busy."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._condition:
            if len(self._waiting) >= MOST_WAITING:
                raise Busy
            self._waiting.append((item, loop, done))
            self._condition.notify()
        await done

    def stop(self) -> None:
        """What waits is written, then the thread ends."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._stopping:
                    self._condition.wait()
                if not self._waiting:
                    return
                count = min(len(self._waiting), LARGEST_BATCH)
                batch = [self._waiting.popleft() for _ in range(count)]
            self._settle(batch)

    def _settle(self, batch: list[tuple[Item, asyncio.AbstractEventLoop, asyncio.Future[None]]]) -> None:
        failure: Exception | None = None
        try:
            self._write([item for item, _, _ in batch])
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it, whatever it is
            log.warning("a batch was not written", extra={"items": len(batch), "error": type(error).__name__})
            failure = error
        if failure is not None and len(batch) > 1:
            # One bad item must not keep the others from being taken.
            for one in batch:
                self._settle([one])
            return
        for _, loop, done in batch:
            loop.call_soon_threadsafe(_finish, done, failure)


def _finish(done: "asyncio.Future[None]", failure: Exception | None) -> None:
    if done.done():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
