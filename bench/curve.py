"""Whether sending costs in proportion to people: seconds and bytes of campaigns of several sizes, and the line through them.

    python bench/curve.py --people 10000 100000 1000000 --runs 3

Each size is a party of its own, measured as the row e2e is (``e2e.py``): from the freeze to the last result, every rule
on. Without ``DATABASE_URL`` a server is started in a temporary folder. Told are the medians of each size and, for seconds
and bytes, the line ``fixed + per person × people`` that deviates least in proportion, with the largest deviation of a point.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from bench import e2e, kit  # noqa: E402  the path above is where it is found
from majung.cli import bench, scratch  # noqa: E402  kit has said where

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)


def line(people: Sequence[float], totals: Sequence[float]) -> dict[str, float]:
    """The line with the least squares of deviations in proportion; ``farthest_percent`` is the largest of them."""
    x, y = np.array(people, float), np.array(totals, float)
    slope, fixed = np.polyfit(x, y, 1, w=1 / y)
    farthest = np.abs((fixed + slope * x) / y - 1).max()
    return {"fixed": fixed, "per_person": slope, "farthest_percent": farthest * 100}


def point(url: str, people: int, times: int) -> dict[str, Any]:
    """Medians of one size, each for the whole campaign."""
    from majung.core.db import raw

    runs, least, more = e2e.measure(url, people, times)
    row = raw().execute(_LEDGER).fetchone()
    assert row is not None
    middle = {
        name: round(statistics.median(run[name] for run in runs), 3) for name in ("seconds", "plan_seconds", "peak_mb")
    }
    return {
        "people": people, "messages": more["messages"], **middle,
        "messages_per_second": round(more["messages"] / middle["seconds"]),
        "wal_bytes": round(statistics.median(run["wal"] for run in runs) * more["messages"]),
        "ledger_bytes": row[0],
        "floor_messages_per_second": round(least),
        "render_us": round(bench.calibration()["render_us"], 3),
        "all_seconds": [round(run["seconds"], 3) for run in runs],
    }  # fmt: skip


_LEDGER = "SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree('campaign_chunk')"
_LINES = ("seconds", "plan_seconds", "wal_bytes", "ledger_bytes")


def main() -> None:
    """Measure the sizes, the smallest first."""
    parser = argparse.ArgumentParser(prog="curve.py")
    parser.add_argument("--people", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with scratch.installation("majung-bench-") as environment:
        os.environ |= environment
        url = kit.installation("curve")
        points = []
        for people in sorted(set(asked.people)):
            points.append(point(url, people, asked.runs))
            kit.say(json.dumps(points[-1]))
    people = [one["people"] for one in points]
    found = {name: line(people, [one[name] for one in points]) for name in _LINES}
    print(json.dumps({"machine": bench.machine(), "points": points, "lines": found}))


if __name__ == "__main__":
    main()
