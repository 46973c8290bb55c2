"""The dispatcher's process: ``python -m majung.delivery.worker``, one a core (``--processes``), each with a few slots.

Environment: as ``majung.settings`` says, and ``MAJUNG_DISPATCH_URL`` for another database URL. ``MAJUNG_CRASH_AT`` is a
test hook (handover.crash). SIGTERM and SIGINT end it after the step in hand. Django is not loaded.
"""

import argparse
import gc
import logging
import multiprocessing
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from majung import settings
from majung.core import env, logs
from majung.core.embedded import WORKER
from majung.crowd import catalogue
from majung.delivery import engine
from majung.delivery.handover import FIRST_LOOK_SECONDS, LEASE_SECONDS

SLOTS = 2
SWITCH_SECONDS = 0.05
"""A thread keeps the interpreter for so long. Each of them computes, and lets go by itself where it waits: to be interrupted
more often costs a tenth of everything (docs/decisions/0045)."""
log = logging.getLogger(__name__)


def run(url: str, key: Path, *, slots: int, lease_seconds: float, look_seconds: float) -> None:
    """One process of the dispatcher, until it is told to end."""
    logs.configure(settings.LOG_LEVEL, settings.LOG_FORMAT)
    catalogue.load()
    # What is loaded now lives as long as the process, and what comes are arrays and rows without cycles.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(SWITCH_SECONDS)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine.work(
        url, key, slots=slots, stop=stop, lease_seconds=lease_seconds, look_seconds=look_seconds, home=settings.HOME
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the processes, wait, and pass signals on."""
    parser = argparse.ArgumentParser(prog="majung.delivery.worker", description="Sends what is frozen and due.")
    parser.add_argument("--processes", type=int, default=1, help="one a core is right")
    parser.add_argument("--slots", type=int, default=SLOTS, help="groups in work at once in each process")
    parser.add_argument("--lease-seconds", type=float, default=LEASE_SECONDS)
    parser.add_argument("--look-seconds", type=float, default=FIRST_LOOK_SECONDS, help="first look at a sent group")
    asked = parser.parse_args(arguments)
    logs.configure(settings.LOG_LEVEL, settings.LOG_FORMAT)
    own = env.text("MAJUNG_DISPATCH_URL", "", "The dispatcher's database, when it is not the worker's.")
    url = own or settings.database_url(WORKER)
    key = settings.VAULT_KEY
    if not url:
        log.error("no database: set DATABASE_URL, or start the embedded one")
        return 2
    facts = {"slots": asked.slots, "lease_seconds": asked.lease_seconds, "look_seconds": asked.look_seconds}
    if asked.processes <= 1:
        run(url, key, **facts)
        return 0
    context = multiprocessing.get_context("spawn")
    made = [context.Process(target=run, args=(url, key), kwargs=facts) for _ in range(asked.processes)]
    return _watch(made)


def _watch(made: Sequence[BaseProcess]) -> int:
    """Start the processes and wait for them; a signal to end is passed on to all."""

    def end(*_: object) -> None:
        for process in made:
            if process.pid and process.is_alive():
                process.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    for process in made:
        process.start()
    for process in made:
        process.join()
    return max(abs(process.exitcode or 0) for process in made)


if __name__ == "__main__":
    sys.exit(main())
