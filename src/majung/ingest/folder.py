"""The folder's process: ``python -m majung.ingest.folder``. It empties the inbox; any number of them share the work.

Each row is folded and deleted in one transaction, so that a killed folder leaves it as it was. What cannot be folded is
set aside with its problem and stops nobody else. Environment: as ``majung.settings`` says. Django is not loaded.
"""

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence

import numpy as np
import psycopg

from majung import settings
from majung.channels import inbox, wakes
from majung.channels.inbox import Kind, Row
from majung.core import arrays, clock, logs, sql
from majung.core.embedded import WORKER
from majung.core.sealing import Sealer, sealer_at
from majung.crowd import catalogue
from majung.delivery import ledger, receipts
from majung.delivery.handover import Hands
from majung.ingest import fold

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.2
TROUBLE_SECONDS = 2.0
MOST_ROWS = 500
MOST_ITEMS = {Kind.FRIENDS: 20_000, Kind.REPORTS: 400_000, Kind.WAKES: 20_000}
"""Of one transaction. The more reports of a chunk come together, the seldomer it is written."""


class Folder:
    """One connection that folds what waits."""

    def __init__(self, url: str, sealer: Sealer) -> None:
        self._url, self.most_rows = url, MOST_ROWS
        name = f"{os.uname().nodename}/{os.getpid()}/folder"
        self.hands = Hands(connection=_connect(url), sealer=sealer, worker=name)

    def step(self) -> bool:
        """Fold some of each kind. False: nothing waited."""
        return sum(self._fold_some(kind) for kind in Kind) > 0

    def _fold_some(self, kind: Kind) -> bool:
        connection = self.hands.connection
        rows: list[Row] = []
        try:
            with connection.transaction():
                if rows := _some(inbox.take(connection, kind, self.most_rows), MOST_ITEMS[kind]):
                    self._fold(kind, rows)
                    inbox.done(connection, rows)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception:
            log.exception(
                "rows of the inbox could not be folded together", extra={"kind": kind.name, "rows": len(rows)}
            )
            self._one_by_one(kind, len(rows))
        return bool(rows)

    def _one_by_one(self, kind: Kind, most: int) -> None:
        """What cannot be folded is cut in halves until it is one item, which is set aside: it keeps no other from being folded."""
        connection = self.hands.connection
        with connection.transaction():
            for row in inbox.take(connection, kind, most):
                try:
                    with connection.transaction():
                        self._fold(kind, [row])
                except (psycopg.OperationalError, psycopg.InterfaceError):
                    raise
                except Exception as error:
                    if not (halves := inbox.halves(row)):
                        log.exception("an item of the inbox was set aside", extra={"seq": row.seq, "kind": kind.name})
                        inbox.set_aside(connection, row, type(error).__name__)
                        continue
                    for n, body in halves:
                        inbox.put_back(connection, kind, row.source, n, body, 0)
                inbox.done(connection, [row])

    def _fold(self, kind: Kind, rows: list[Row]) -> None:
        connection, now = self.hands.connection, clock.now()
        if kind is Kind.FRIENDS:
            fold.fold(connection, np.concatenate([inbox.friends(row.body) for row in rows]), now)
            return
        if kind is Kind.REPORTS:
            receipts.fold(self.hands, rows)
        else:
            wakes.note(connection, [(row.source, one) for row in rows for one in inbox.about(row.body)], now)
        statement = sql.load("majung.ingest", "fold", "reported")
        connection.execute(statement, {"at": now, "accounts": sorted({row.source for row in rows})})

    def work(self, stop: threading.Event) -> None:
        """Step until told to stop; trouble is logged and slept over."""
        while not stop.is_set():
            try:
                if not self.step():
                    stop.wait(IDLE_SECONDS)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                log.warning("database trouble while folding", exc_info=True)
                stop.wait(TROUBLE_SECONDS)
                self.reconnect()
            except Exception:
                log.exception("a round of folding failed")
                stop.wait(TROUBLE_SECONDS)
        self.hands.connection.close()

    def reconnect(self) -> None:
        """The connection is a new one, if the last was lost and the database can be reached."""
        if self.hands.connection.closed or self.hands.connection.broken:
            try:
                self.hands.connection = _connect(self._url)
            except psycopg.OperationalError:
                log.warning("database still unreachable")


def _connect(url: str) -> ledger.Connection:
    connection = ledger.connect(url, "majung folder")
    arrays.load_numbers(connection.adapters)
    return connection


def _some(rows: list[Row], most: int) -> list[Row]:
    """The first rows that together hold no more than ``most`` items, but one at least."""
    sums = np.cumsum([row.n for row in rows])
    return rows[: max(1, int(np.searchsorted(sums, most, "right")))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fold until asked to end."""
    argparse.ArgumentParser(prog="majung.ingest.folder", description="Folds what webhooks brought.").parse_args(
        arguments
    )
    logs.configure(settings.LOG_LEVEL, settings.LOG_FORMAT)
    url = settings.database_url(WORKER)
    if not url:
        log.error("no database: set DATABASE_URL, or start the embedded one")
        return 2
    catalogue.load()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            Folder(url, sealer_at(settings.VAULT_KEY)).work(stop)
        except psycopg.OperationalError:
            log.warning("database unreachable")
            stop.wait(TROUBLE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
