"""The list of changes misses none, in whatever order transactions commit and threads take in what they read (M2)."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.crowd import tail
from majung.crowd.tail import Change, Reading, Tail

pytestmark = pytest.mark.product("M2")


class Log:
    """A change log and its transactions, as PostgreSQL shows them to a snapshot."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.next = 10
        self.noted: list[tuple[int, int]] = []
        self.committed: set[int] = set()
        self.forgotten = 0

    def begin(self) -> int:
        self.running.add(self.next)
        self.next += 1
        return self.next - 1

    def note(self, xid: int) -> None:
        self.noted.append((len(self.noted), xid))

    def end(self, xid: int, *, commits: bool) -> None:
        self.running.discard(xid)
        if commits:
            self.committed.add(xid)

    @property
    def watermark(self) -> int:
        return min(self.running, default=self.next)

    def visible(self) -> set[int]:
        return {seq for seq, xid in self.noted if xid in self.committed}

    def read(self, since: int | None) -> Reading:
        """What the statement would answer now."""
        found = [
            Change(seq, xid, "person", None, None) for seq, xid in self.noted
            if since is not None and xid in self.committed and xid >= max(since, self.forgotten)
        ]  # fmt: skip
        return Reading(since, self.watermark, self.forgotten, "epoch", True, found)


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "note", "commit", "abort", "read", "take", "forget"]), st.integers(0, 5)),
    max_size=60,
)


@given(steps=STEPS, most=st.sampled_from([3, 4096]))
def test_whoever_has_taken_in_the_list_knows_all_that_was_visible(steps: Iterable[tuple[str, int]], most: int) -> None:
    log, one = Log(), Tail()
    pending: list[tuple[Reading, set[int]]] = []
    followed: list[tuple[int, set[int]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "MOST", most)
        for what, which in steps:
            if what == "begin":
                log.begin()
            elif what == "read":
                pending.append((log.read(one.since), log.visible()))
            elif what == "take" and pending:
                reading, visible = pending.pop(which % len(pending))
                position = one.take(reading)
                if position is None:
                    assert reading.since is None
                    continue
                for before, known in followed:
                    after = one.after(before)
                    assert after is None or known | {change.seq for change in after} >= visible
                followed.append((position, visible))
            elif what == "forget":
                log.forgotten = log.watermark
            elif log.running:
                xid = sorted(log.running)[which % len(log.running)]
                if what == "note":
                    log.note(xid)
                else:
                    log.end(xid, commits=what == "commit")


def test_what_is_still_to_be_read_again_is_listed_once() -> None:
    log, one = Log(), Tail()
    log.begin()
    one.take(log.read(None))
    for _ in range(3):
        xid = log.begin()
        log.note(xid)
        log.end(xid, commits=True)
        position = one.take(log.read(one.since))
    assert position == 3


def test_a_reading_of_before_the_list_began_is_refused() -> None:
    log, one = Log(), Tail()
    early, late = log.read(None), log.read(None)
    assert one.take(early) == 0
    assert one.take(late) is None
