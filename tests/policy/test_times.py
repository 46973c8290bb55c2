"""The law's days and hours, at their edges."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.core.clock import SEOUL
from majung.policy import times

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, second, tzinfo=SEOUL)


@pytest.mark.parametrize(
    ("moment", "night"),
    [(at(20, 59, 59), False), (at(21), True), (at(7, 59, 59), True), (at(8), False), (at(0), True), (at(12), False)],
)
def test_night_begins_at_21_and_ends_at_8(moment, night):
    assert times.is_night(moment) is night


def test_next_at_is_always_later_and_shows_the_hour():
    assert times.next_at(at(21), time(8)) == at(8) + timedelta(days=1)
    assert times.next_at(at(7, 59, 59), time(8)) == at(8)
    assert times.next_at(at(8), time(8)) == at(8) + timedelta(days=1)


def test_the_stricter_window_wins_at_both_ends():
    assert times.kakao_day(time(8), time(20, 50)) == (time(8), time(20, 50))
    assert times.kakao_day(time(7), time(22)) == (time(8), time(20, 50))
    assert times.kakao_day(time(9), time(20)) == (time(9), time(20))


def test_six_months_end_with_the_corresponding_day():
    ended = date(2026, 1, 15)

    assert times.earliest_deal(date(2026, 7, 15)) <= ended
    assert times.earliest_deal(date(2026, 7, 16)) > ended


@given(ended=DAYS, passed=st.integers(0, 400))
def test_a_deal_counts_exactly_while_six_months_have_not_passed(ended, passed):
    on = ended + timedelta(days=passed)

    assert (ended >= times.earliest_deal(on)) == (times.add_months(ended, 6) >= on)


@pytest.mark.parametrize(
    ("on", "youngest"),
    [(date(2026, 11, 30), 201210), (date(2026, 12, 1), 201211), (date(2026, 1, 1), 201112), (date(2027, 1, 1), 201212)],
)
def test_fourteen_counts_from_the_month_after_the_birthday(on, youngest):
    assert times.youngest_month(on) == youngest


@pytest.mark.parametrize(
    ("granted", "checked", "due"),
    [
        (date(2024, 11, 29), None, date(2026, 11, 29)),
        (date(2024, 11, 29), date(2026, 11, 20), date(2028, 11, 29)),
        (date(2024, 11, 29), date(2026, 12, 5), date(2030, 11, 29)),
        (date(2024, 2, 29), None, date(2026, 2, 28)),
        (date(2024, 2, 29), date(2026, 2, 27), date(2028, 2, 29)),
        (date(2024, 2, 29), date(2023, 1, 1), date(2026, 2, 28)),
    ],
)
def test_two_year_check_is_due_before_the_anniversary(granted, checked, due):
    """ADV-14: 2024-11-29 must be checked by 2026-11-28; 2024-02-29 by 2026-02-27."""
    assert times.due_on(granted, checked) == due
