"""The only clock in Python: legal and business instants, in UTC, shown in Seoul.

Leases, timeouts and order use the database's own clock instead (architecture, "Two clocks"). ``MAJUNG_CLOCK`` holds a
signed number of seconds that is added to the machine's clock; the demo shares it with the sandbox and with request
signatures, so that it works at any hour with every rule on. ``MAJUNG_CLOCK_ERROR`` is what one host's clock is wrong by: the
proof sets it for single processes.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
VARIABLE = "MAJUNG_CLOCK"
ERROR = "MAJUNG_CLOCK_ERROR"

_frozen: datetime | None = None


def offset_seconds() -> float:
    """Seconds added to every machine's clock. Raises ValueError when ``MAJUNG_CLOCK`` is no number."""
    return float(os.environ.get(VARIABLE, "0") or "0")


def of_database(at: datetime) -> datetime:
    """The business instant of one that the database's clock gave: right whatever the clock of this host says."""
    return at + timedelta(seconds=offset_seconds())


def now() -> datetime:
    """The present instant, aware, UTC."""
    if _frozen is not None:
        return _frozen
    error = float(os.environ.get(ERROR, "0") or "0")
    return datetime.fromtimestamp(time.time() + offset_seconds() + error, UTC)


def seoul(at: datetime | None = None) -> datetime:
    """``at`` (default: now) on a Seoul wall clock."""
    return (at or now()).astimezone(SEOUL)


def today() -> date:
    """The Seoul date of now."""
    return seoul().date()


def offset_to(target: datetime) -> float:
    """The value of ``MAJUNG_CLOCK`` under which this moment reads ``target``."""
    return (target - datetime.fromtimestamp(time.time(), UTC)) / timedelta(seconds=1)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock of this process at ``at`` (tests)."""
    global _frozen
    before, _frozen = _frozen, at.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before
