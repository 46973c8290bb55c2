"""Arithmetic of the law's days and hours, all in Seoul: windows, ages, months, two-year checks. Pure."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta

from majung.core.clock import SEOUL

NIGHT_FROM, NIGHT_UNTIL = time(21), time(8)
# Kakao's own day for brand messages (kakao.md 3.3: refused from 20:50 until 08:00).
KAKAO_FROM, KAKAO_UNTIL = time(8), time(20, 50)


def is_night(at: datetime) -> bool:
    """Whether advertising at ``at`` needs the separate night consent: from 21:00:00 until 08:00:00 (ADV-09)."""
    clock = at.astimezone(SEOUL).time()
    return clock >= NIGHT_FROM or clock < NIGHT_UNTIL


def is_open(at: datetime, from_: time, until: time) -> bool:
    """Whether ``at`` lies in the day from ``from_`` (open) to ``until`` (closed)."""
    return from_ <= at.astimezone(SEOUL).time() < until


def next_at(at: datetime, hour: time) -> datetime:
    """The first instant after ``at`` at which a Seoul clock shows ``hour``."""
    local = at.astimezone(SEOUL)
    found = datetime.combine(local.date(), hour, SEOUL)
    return found if found > local else found + timedelta(days=1)


def kakao_day(window_from: time, window_until: time) -> tuple[time, time]:
    """The vendor's window narrowed to Kakao's: the stricter wins at both ends (KKO-07)."""
    return max(window_from, KAKAO_FROM), min(window_until, KAKAO_UNTIL)


def add_months(on: date, months: int) -> date:
    """The corresponding day ``months`` later; the month's last day where there is none (민법 제160조)."""
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month + 1, min(on.day, monthrange(year, month + 1)[1]))


def earliest_deal(on: date) -> date:
    """The earliest day on which a deal may have ended so that six months have not passed by the end of ``on`` (ADV-06).

    A deal that ended on 15 January reaches to 15 July; from 16 July it is too old.
    """
    found = add_months(on, -6)
    while add_months(found - timedelta(days=1), 6) >= on:
        found -= timedelta(days=1)
    return found


def youngest_month(on: date) -> int:
    """The latest month of birth (yyyymm) of somebody who counts as 14 or older on ``on``; later months count as under 14.

    Births are known by month only. The strict reading: one is 14 from the first day of the month after the birthday.
    """
    year, month = divmod((on.year - 14) * 12 + on.month - 2, 12)
    return year * 100 + month + 1


def due_on(granted_on: date, checked_on: date | None) -> date:
    """From when a consent is overdue: the same rule as ``consent_due`` in the database (ADV-14, ADV-16).

    The check must be sent before this day; it covers the two years in which it was sent.
    """
    cycle = 1
    if checked_on is not None and checked_on >= granted_on:
        while add_months(granted_on, 24 * cycle) <= checked_on:
            cycle += 1
        cycle += 1
    return add_months(granted_on, 24 * cycle)
