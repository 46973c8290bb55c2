"""The rows of the benchmark: what each figure means, which program measures it, and what it must and should reach.

The one place for musts and aims. A program is asked for some of its rows and prints them (``kit.answer``); how its
answer becomes the table is ``majung bench``'s work.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. ``less`` says that less is better; ``must_also`` and ``aim_also`` bound a second figure in brackets."""

    name: str
    program: str
    says: str
    unit: str
    must: float
    aim: float
    less: bool = False
    must_also: float | None = None
    aim_also: float | None = None

    def is_met(self, value: float, also: float | None) -> bool:
        """Whether the must holds."""
        return self._holds(value, self.must) and (self.must_also is None or self._holds(also, self.must_also))

    def is_aim_met(self, value: float, also: float | None) -> bool:
        """Whether the aim holds too."""
        return self._holds(value, self.aim) and (self.aim_also is None or self._holds(also, self.aim_also))

    def _holds(self, value: float | None, bound: float) -> bool:
        return value is not None and (value <= bound if self.less else value >= bound)


ROWS: tuple[Row, ...] = (
    Row(
        name="e2e_1m", program="e2e.py", unit="messages/s", must=220_000, aim=400_000,
        says="a million people, batches of 1,000: freeze, ledger, render, POST, outcome of each, settled",
    ),
    Row(name="e2e_10m", program="e2e.py", unit="messages/s", must=180_000, aim=350_000, says="the same at ten million"),
    Row(name="single", program="single.py", unit="messages/s", must=40_000, aim=75_000, says="one message a request"),
    Row(
        name="count_1m", program="counts.py", unit="ms", must=10, aim=1, less=True,
        says="a segment of five conditions with policy over a million, 95th percentile",
    ),
    Row(name="count_10m", program="counts.py", unit="ms", must=50, aim=15, less=True, says="the same over ten million"),
    Row(
        name="freeze_1m", program="e2e.py", unit="s", must=1.5, aim=0.5, less=True,
        says="a list of a million frozen, durable, with policy, route and weekly cap",
    ),
    Row(
        name="friend_webhooks", program="friend_webhooks.py", unit="events/s", must=12_000, aim=20_000,
        says="Kakao's channel webhooks, one a request, stored before the answer",
    ),
    Row(
        name="receipts", program="receipts.py", unit="reports/s", must=150_000, aim=215_000,
        says="delivery reports, 1,000 a request, stored and folded",
    ),
    Row(
        name="worker_rss", program="e2e.py", unit="MB", must=40, aim=15, less=True, must_also=150, aim_also=80,
        says="a sending process over its idle memory (in all), at one and ten million alike",
    ),
    Row(
        name="wal_send", program="e2e.py", unit="bytes", must=60, aim=35, less=True,
        says="write-ahead log a recipient, until settled, sealed variables included",
    ),
    Row(
        name="wal_receipt", program="receipts.py", unit="bytes", must=40, aim=15, less=True,
        says="write-ahead log a report, stored and folded",
    ),
    Row(
        name="import_1m", program="import_1m.py", unit="s", must=60, aim=20, less=True,
        says="a million messy rows: parsed, normalised, sealed, indexed, deduplicated",
    ),
    Row(
        name="revoke", program="revoke.py", unit="s", must=2, aim=0.5, less=True,
        says="from the end of a grant until the last message under it has left",
    ),
    Row(
        name="fairness", program="fairness.py", unit="s", must=5, aim=2, less=True,
        says="one unit with 500,000 people and 299 with 50 at once: until the small ones are done",
    ),
)  # fmt: skip
