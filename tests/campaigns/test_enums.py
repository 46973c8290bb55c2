"""The state machine of a campaign, walked at random: code, database trigger and the law of ends must agree."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from majung.campaigns.enums import ENDED, MOVES, OPEN, WRITABLE, Move, State, after
from majung.campaigns.models import _TRANSITIONS

pytestmark = pytest.mark.product("M5")


class Walk(RuleBasedStateMachine):
    """A campaign to which anything is tried at any time."""

    @initialize()
    def begin(self) -> None:
        self.state: str = State.DRAFT
        self.been = [self.state]
        self.tried: list[str] = []

    @rule(move=st.sampled_from(list(Move)))
    def attempt(self, move: Move) -> None:
        new = after(self.state, move)
        if new is not None:
            self.tried.append(move)
            self.state = new
            self.been.append(new)

    @invariant()
    def an_end_is_an_end(self) -> None:
        assert all(state not in ENDED for state in self.been[:-1])

    @invariant()
    def nothing_leaves_before_it_is_confirmed_and_frozen(self) -> None:
        if State.SENDING in self.been:
            first = self.been.index(State.SENDING)
            assert State.CONFIRMED in self.been[:first]
            assert State.FROZEN in self.been[:first]

    @invariant()
    def a_confirmed_campaign_is_never_written_again(self) -> None:
        if State.CONFIRMED in self.been:
            assert WRITABLE.isdisjoint(self.been[self.been.index(State.CONFIRMED) :])

    @invariant()
    def what_was_sending_is_never_recalled_or_refused(self) -> None:
        if State.SENDING in self.been:
            assert self.state not in (State.RECALLED, State.REFUSED)

    @invariant()
    def only_a_checked_campaign_was_confirmed(self) -> None:
        for before, now in zip(self.been, self.been[1:], strict=False):
            if now == State.CONFIRMED:
                assert before == State.CHECKED


Walk.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestWalk = Walk.TestCase


def test_every_state_is_of_one_phase() -> None:
    assert set(State) == WRITABLE | OPEN | ENDED
    assert not (WRITABLE & OPEN or OPEN & ENDED or WRITABLE & ENDED)


def test_every_open_state_can_end() -> None:
    for state in OPEN | WRITABLE:
        reached, frontier = {state}, [state]
        while frontier:
            here = frontier.pop()
            found = {new for (old, _), new in MOVES.items() if old == here} - reached
            reached |= found
            frontier += found
        assert reached & ENDED, state


def test_the_database_knows_exactly_these_moves() -> None:
    assert set(_TRANSITIONS) == {(str(old), str(new)) for (old, _), new in MOVES.items()}
