"""The dispatcher's loop, without Django: look at what is due, claim what may leave, hand it over, finish what is done (M5).

Everything it knows stands in PostgreSQL; any number of slots in any number of processes on any number of hosts share the
work by row locks. A slot that dies leaves a lease that ends.
"""

import logging
import os
import threading
import time
from pathlib import Path

import psycopg

from majung.channels import wakes
from majung.core import clock, logs
from majung.core.sealing import Sealer, sealer_at
from majung.delivery import books, direct, installation, ledger, observations, recovery, settle, week
from majung.delivery.handover import FIRST_LOOK_SECONDS, LEASE_SECONDS, Hands, Known, hand_over
from majung.delivery.ledger import run

log = logging.getLogger(__name__)

IDLE_SECONDS, LONGEST_IDLE_SECONDS = 0.02, 0.3
"""A slot without work waits, longer each time: a crowd of idle slots must not keep the planner from its cores."""
KEEP_SECONDS = 1.0
"""Between two rounds of housekeeping of one slot."""
TROUBLE_SECONDS = 5.0


class Slot:
    """One line of work: one database connection, one dealer connection, one thing at a time."""

    def __init__(
        self,
        url: str,
        sealer: Sealer,
        *,
        name: str,
        lease_seconds: float = LEASE_SECONDS,
        look_seconds: float = FIRST_LOOK_SECONDS,
        known: Known | None = None,
        home: Path | None = None,
    ) -> None:
        self._url, self._home = url, home
        self.hands = Hands(
            connection=ledger.connect(url, f"majung delivery {name}"), sealer=sealer, worker=name,
            lease_seconds=lease_seconds, look_seconds=look_seconds, known=known or Known(),
        )  # fmt: skip
        self._kept_at = self._beat_at = 0.0
        self._standing = installation.present(self.hands.connection, home)

    def step(self) -> bool:
        """Do one thing. False: there was nothing to do."""
        if time.monotonic() - self._kept_at >= KEEP_SECONDS:
            self._kept_at = time.monotonic()
            self.keep()
        if recovery.tend(self.hands):
            return True
        hands = self.hands
        claimed = ledger.claim(
            hands.connection, worker=hands.worker, now=clock.now(), lease_seconds=hands.lease_seconds
        )
        hands.is_idle = claimed is None
        if claimed is None:
            return False
        # Of this thread, until the next claim: also what goes wrong in between is logged with them.
        logs.ABOUT.set({"campaign": claimed.campaign_id, "chunks": claimed.numbers})
        if (handed := hand_over(hands, claimed)) is not None:
            settle.at_once(hands, handed)
        logs.ABOUT.set({})
        return True

    def keep(self) -> None:
        """Housekeeping: reports wake looks, stopped dispatches are swept, finished ones are closed when the books agree."""
        connection = self.hands.connection
        self._live()
        if self._standing != installation.Standing.AWAKE:
            return
        observations.note_late(self.hands)
        with connection.transaction():
            if woken := wakes.take(connection):
                run(connection, "woken", groups=[wake.group for wake in woken])
                direct.named(self.hands, woken)
        for (campaign,) in run(connection, "stopped_ready").fetchall():
            while ledger.sweep(connection, campaign):
                pass
        for campaign, is_told in run(connection, "finishable").fetchall():
            if is_told:
                observations.note_all(self.hands, campaign)
            with connection.transaction():
                if run(connection, "finishing", campaign=campaign).fetchone() == (True,):
                    finish(connection, campaign)

    def _live(self) -> None:
        """The connection shows the mark as it is now, and the slot is known to be alive."""
        before, self._standing = self._standing, installation.present(self.hands.connection, self._home)
        if self._standing != before:
            log.warning("sending stands otherwise now", extra={"standing": self._standing})
        if time.monotonic() - self._beat_at >= installation.BEAT_SECONDS:
            self._beat_at = time.monotonic()
            installation.beat(self.hands.connection, self.hands.worker, self._standing, self.hands.tally)

    def work(self, stop: threading.Event) -> None:
        """Step until told to stop; trouble is logged and slept over."""
        idle = IDLE_SECONDS
        while not stop.is_set():
            try:
                if self.step():
                    idle = IDLE_SECONDS
                else:
                    stop.wait(idle)
                    idle = min(idle * 1.5, LONGEST_IDLE_SECONDS)
            except psycopg.OperationalError:
                log.warning("database connection lost", exc_info=True)
                stop.wait(TROUBLE_SECONDS)
                self._reconnect()
            except Exception:  # one broken chunk must not stop the others; its lease brings it back
                log.exception("a step of delivery failed")
                logs.ABOUT.set({})
                stop.wait(TROUBLE_SECONDS)
        self.close()

    def close(self) -> None:
        """Hang up everywhere."""
        for line in (*self.hands.lines.values(), *self.hands.streams.values()):
            line.close()
        self.hands.connection.close()

    def _reconnect(self) -> None:
        if self.hands.connection.closed or self.hands.connection.broken:
            try:
                self.hands.connection = ledger.connect(self._url, f"majung delivery {self.hands.worker}")
                self._standing = installation.present(self.hands.connection, self._home)
            except psycopg.OperationalError:
                log.warning("database still unreachable")


def finish(connection: ledger.Connection, campaign: int) -> bool:
    """Close a dispatch of which nothing is out any more, if its books balance; else say so on it."""
    told = books.books(connection, campaign)
    if not told.is_balanced:
        run(connection, "trouble", campaign=campaign, problem="장부의 합이 맞지 않습니다. 관리자에게 알려 주세요.")
        log.error("books do not balance", extra={"campaign": campaign, "terms": told.counts})
        return False
    with connection.transaction():
        if run(connection, "finish", campaign=campaign, now=clock.now()).rowcount != 1:
            return False
        week.give_back(connection, campaign)
    return True


def work(
    url: str, key: Path, *, slots: int, stop: threading.Event, lease_seconds: float = LEASE_SECONDS,
    look_seconds: float = FIRST_LOOK_SECONDS, home: Path | None = None,
) -> None:  # fmt: skip
    """Run ``slots`` slots of this process as threads until ``stop`` is set. Nothing leaves but for the mark of ``home``."""
    sealer = sealer_at(key)
    host = os.uname().nodename
    known = Known()
    made = [
        Slot(
            url, sealer, name=f"{host}/{os.getpid()}/{number}", lease_seconds=lease_seconds, look_seconds=look_seconds,
            known=known, home=home,
        )
        for number in range(slots)
    ]  # fmt: skip
    threads = [threading.Thread(target=slot.work, args=(stop,), name=slot.hands.worker) for slot in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
