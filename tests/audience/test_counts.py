"""How numbers are told: in tens to the blind, never pointing at somebody, and not by subtraction either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.audience import counts

pytestmark = pytest.mark.product("T5", "M2")
numbers = st.integers(0, 5_000_000)


@given(numbers)
def test_the_blind_hear_tens_and_nothing_below_thirty(people: int) -> None:
    told = counts.told(people, "blind")

    assert told.enough == (people >= counts.FLOOR)
    assert (told.number is None) == (people < counts.FLOOR)
    assert told.number is None or (told.number % 10 == 0 and abs(told.number - people) <= 5)


@given(numbers)
def test_few_are_hidden_and_nobody_is_nobody(people: int) -> None:
    told = counts.told(people, "few")

    assert (told.number is None) == (0 < people < 10)
    assert told.number in (None, people)
    assert counts.told(people, "exact").number == people


@given(st.lists(numbers, min_size=1, max_size=8))
def test_a_hidden_part_is_never_the_rest_of_a_known_sum(people: list[int]) -> None:
    told = counts.parts(people, "few")

    hidden = [n for n, one in zip(people, told, strict=True) if one.number is None]
    coarse = [n for n, one in zip(people, told, strict=True) if one.shown.startswith("약")]
    if len(hidden) == 1 and max(people) >= 10:
        assert len(coarse) == 1
    else:
        assert not coarse
    assert all(0 < n < 10 for n in hidden)


@given(st.lists(numbers, max_size=8))
def test_ones_own_unit_is_told_exactly(people: list[int]) -> None:
    assert [one.number for one in counts.parts(people, "exact")] == people
