"""The list of changes misses none, in whatever order transactions commit and threads take in what they read (M2)."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
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


KINDS = ["write", "open", "open", "end", "end", "abort", "look", "look", "read", "take", "forget"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5)), min_size=8, max_size=60)


@settings(deadline=None, max_examples=500)
@given(steps=STEPS, most=st.sampled_from([3, 4096]))
def test_whoever_has_taken_in_the_list_knows_all_that_was_visible(steps: Iterable[tuple[str, int]], most: int) -> None:
    """Sets are followed from when they were read whole, which is after a reading was taken in, over every later position."""
    log, one = Log(), Tail()
    pending: list[tuple[Reading, set[int]]] = []
    followed: list[tuple[int, set[int]]] = []

    def take(reading: Reading, visible: set[int]) -> None:
        position = one.take(reading)
        if position is None:
            assert reading.since is None
            return
        for at, (before, known) in enumerate(followed):
            after = one.after(before)
            if after is None:
                assert most == 3 or log.forgotten
                continue
            knows = known | {change.seq for change in after}
            assert knows >= visible
            if at % 2:
                followed[at] = position, knows
        followed.append((position, log.visible()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "MOST", most)
        for what, which in steps:
            if what in ("write", "open"):
                xid = log.begin()
                log.note(xid)
                if what == "write":
                    log.end(xid, commits=True)
            elif what in ("look", "read"):
                pending.append((log.read(one.since), log.visible()))
                if what == "look":
                    take(*pending.pop())
            elif what == "take" and pending:
                take(*pending.pop(which % len(pending)))
            elif what == "forget":
                log.forgotten = log.watermark
            elif log.running:
                log.end(sorted(log.running)[which % len(log.running)], commits=what == "end")


def test_what_was_forgotten_before_it_was_read_ends_every_position() -> None:
    log, one = Log(), Tail()
    before = one.take(log.read(None))
    xid = log.begin()
    log.note(xid)
    log.end(xid, commits=True)
    log.forgotten = log.watermark

    after = one.take(log.read(one.since))

    assert before is not None
    assert after is not None
    assert one.after(before) is None
    assert one.after(after) == []


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
