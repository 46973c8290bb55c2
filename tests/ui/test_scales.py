"""Breaks that can be read, bars that never pass their end."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from majung.ui import scales

VALUES = st.lists(st.integers(0, 10**7), max_size=300)
PARTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=6)


@given(VALUES)
def test_breaks_rise_and_lie_within_the_values(values: list[int]) -> None:
    breaks = scales.readable_breaks(values)

    assert breaks == sorted(set(breaks))
    assert len(breaks) < scales.CLASSES
    assert all(min(values) < one <= max(values) for one in breaks)


@given(VALUES)
def test_every_class_of_a_map_is_one_of_six_and_rises(values: list[int]) -> None:
    breaks = scales.readable_breaks(values)

    classes = [scales.class_of(value, breaks) for value in sorted(values)]

    assert classes == sorted(classes)
    assert all(1 <= one <= scales.CLASSES for one in classes)


def test_breaks_have_few_digits() -> None:
    assert scales.readable_breaks(list(range(700, 3300, 10))) == [1100, 1500, 2000, 2400, 2800]
    assert scales.readable_breaks([]) == []
    assert scales.readable_breaks([5, 5, 5]) == []


@given(PARTS)
def test_bar_parts_touch_and_fill_the_bar(parts: list[int]) -> None:
    spans = scales.bar_spans(parts, sum(parts))

    for (start, width), (following, _) in pairwise(spans):
        assert abs(start + width - following) < 0.01
    assert abs(sum(width for _, width in spans) - (100 if sum(parts) else 0)) < 0.01


@given(PARTS)
def test_a_part_that_is_not_nothing_can_be_seen(parts: list[int]) -> None:
    spans = scales.bar_spans(parts, sum(parts))

    assert all((width > 0.5) == (part > 0) for part, (_, width) in zip(parts, spans, strict=True))


@given(PARTS, st.integers(1, 10**6))
def test_a_bar_with_room_left_keeps_it(parts: list[int], room: int) -> None:
    spans = scales.bar_spans(parts, sum(parts) + room)

    assert sum(width for _, width in spans) <= 100.001


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=40))
def test_spark_stays_inside_its_box(series: list[int]) -> None:
    points = [tuple(map(float, point.split(","))) for point in scales.spark_points(series).split()]

    assert len(points) == len(series)
    assert all(0 <= x <= 100 and 0 <= y <= 24 for x, y in points)
    assert points[0][0] == 0 and points[-1][0] == 100


def test_share_is_bounded() -> None:
    assert [scales.share(*one) for one in ((1, 4), (5, 4), (-1, 4), (0, 0), (3, 0))] == [0.25, 1.0, 0.0, 0.0, 0.0]
