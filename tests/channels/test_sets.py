"""Friends as sets: the bitmap follows every observation and every move, and agrees with the tables (F1, M2)."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.channels import friends
from majung.channels.friends import FriendState, How
from majung.channels.models import Channel
from majung.core import clock
from majung.core.db import raw
from majung.crowd import catalogue, evaluate
from majung.crowd.expression import And, Expression, Leaf, Not, Or
from tests.make import channels as make
from tests.make import people, tree

pytestmark = [pytest.mark.product("F1"), pytest.mark.django_db]

STEPS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(FriendState), st.sets(st.integers(0, 11), max_size=6), st.integers(-5, 5),
    ),
    max_size=6,
)  # fmt: skip


class World:
    def __init__(self) -> None:
        catalogue.load()
        self.made, other = tree.organisation(depth=2, width=2), tree.organisation()
        self.root = self.made.root.pk
        self.people = people.crowd(12, units=self.made.units)
        self.channels = [make.channel(unit=unit, number=at) for at, unit in enumerate(self.made.units)]
        self.foreign = make.channel(unit=other.top, number=9)
        strangers = people.crowd(3, units=[other.top])
        make.friends_of(channel=self.foreign, people=strangers)

    def expressions(self) -> list[Expression]:
        leaves: list[Expression] = [Leaf("friend_any", (int(state),)) for state in FriendState]
        for channel in [*self.channels, self.foreign]:
            leaves += [Leaf("friend", (channel.pk, int(state))) for state in FriendState]
            leaves.append(Leaf("friend_known", (channel.pk,)))
        leaves += [Leaf(family, (unit.pk,)) for unit in self.made.units for family in ("scope", "here")]
        known = Leaf("friend_known", (self.channels[0].pk,))
        return [*leaves, Not(known), And((Not(known), Or((leaves[0], leaves[1]))))]

    def agree(self) -> None:
        for expression in self.expressions():
            bitmap = evaluate.bitmap(raw(), self.root, expression)
            assert bitmap == evaluate.members(raw(), self.root, expression), expression
            assert evaluate.holds_many(raw(), self.root, expression, self.people) == set(bitmap), expression


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, move=st.booleans())
def test_bitmaps_follow_observations_and_moves(
    db: None, steps: list[tuple[int, FriendState, set[int], int]], move: bool
) -> None:
    world = World()
    world.agree()
    now = clock.now()
    for at, state, who, seconds in steps:
        chosen = [world.people[n] for n in sorted(who)]
        friends.observe(
            raw(), world.root, world.channels[at].pk, chosen, state, now + timedelta(seconds=seconds), How.WEBHOOK
        )
        world.agree()
    if move:
        Channel.objects.filter(pk=world.channels[1].pk).update(unit=world.made.units[2])
        world.agree()
    with raw().cursor() as cursor:
        cursor.execute("DELETE FROM friendship WHERE channel_id = %s", [world.channels[0].pk])
    world.agree()


def test_a_friend_of_a_channel_is_in_its_units_scope() -> None:
    world = World()
    person = people.person(unit=world.made.units[1])
    make.friends_of(channel=world.channels[2], people=[person])

    scopes = {
        unit.pk: person in evaluate.bitmap(raw(), world.root, Leaf("scope", (unit.pk,))) for unit in world.made.units
    }

    assert scopes == {unit.pk: True for unit in world.made.units}
    make.friends_of(
        channel=world.channels[2], people=[person], state=FriendState.BLOCKED, at=clock.now() + timedelta(days=1)
    )
    assert person not in evaluate.bitmap(raw(), world.root, Leaf("scope", (world.made.units[2].pk,)))


def test_a_friendship_never_changes_hands() -> None:
    from django.db import IntegrityError, connection

    world = World()
    make.friends_of(channel=world.channels[0], people=world.people[:1])

    with pytest.raises(IntegrityError, match="keeps person, channel and root"), connection.cursor() as cursor:
        cursor.execute("UPDATE friendship SET root_id = root_id + 1 WHERE channel_id = %s", [world.channels[0].pk])
