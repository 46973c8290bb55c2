"""Readable class breaks for maps and shares for bars. Pure arithmetic."""

from bisect import bisect_right
from collections.abc import Sequence
from math import floor, log10

CLASSES = 6


def _rounded(value: float, digits: int) -> float:
    """`value` with `digits` significant digits, rounded down, so that the break can be read at a glance."""
    if value == 0:
        return 0.0
    step = 10.0 ** (floor(log10(abs(value))) - digits + 1)
    return floor(value / step + 1e-9) * step


def readable_breaks(values: Sequence[float], classes: int = CLASSES) -> list[float]:
    """At most `classes` − 1 rising breaks near the quantiles of `values`, with few digits.

    Class i holds what is below break i; fewer breaks come back when there are fewer distinct values.
    """
    ordered = sorted(values)
    if not ordered:
        return []
    for digits in (1, 2, 3):
        wanted = (ordered[min(len(ordered) - 1, len(ordered) * i // classes)] for i in range(1, classes))
        breaks = sorted({_rounded(value, digits) for value in wanted} - {0.0})
        breaks = [b for b in breaks if ordered[0] < b <= ordered[-1]]
        if len(breaks) == classes - 1:
            return breaks
    return breaks


def class_of(value: float, breaks: Sequence[float]) -> int:
    """The class of `value`, from 1 to len(breaks) + 1."""
    return bisect_right(breaks, value) + 1


def share(part: float, whole: float) -> float:
    """`part` of `whole` within 0 … 1; nothing of nothing is 0."""
    return 0.0 if whole <= 0 else min(1.0, max(0.0, part / whole))


def bar_spans(values: Sequence[float], total: float, least: float = 0.006) -> list[tuple[float, float]]:
    """(start, width) of each part in per cent of the bar.

    A part that is not nothing keeps `least` of the length, so that 96 in doubt out of 48,210 can be seen; the longest
    part gives what the small ones take, and together they never pass the end.
    """
    shares = [share(value, total) for value in values]
    widths = [max(one, least) if one > 0 else 0.0 for one in shares]
    excess = sum(widths) - min(1.0, sum(shares) if sum(shares) > 0 else 0.0)
    if excess > 0 and widths:
        longest = max(range(len(widths)), key=widths.__getitem__)
        widths[longest] = max(least, widths[longest] - excess)
    spans, start = [], 0.0
    for width in widths:
        width = min(width, 1.0 - start)
        spans.append((round(start * 100, 3), round(width * 100, 3)))
        start += width
    return spans


def spark_points(series: Sequence[float], width: float = 100, height: float = 24, margin: float = 3) -> str:
    """The points of a polyline through `series`; a flat series lies in the middle."""
    if len(series) < 2:
        return ""
    low, high = min(series), max(series)
    inner = height - 2 * margin + 1
    rise = [0.5 if high == low else (value - low) / (high - low) for value in series]
    return " ".join(f"{i * width / (len(series) - 1):.1f},{height - 2 - one * inner:.1f}" for i, one in enumerate(rise))
