"""Two organisations with people at each place: whose they are is in the names of the fixtures."""

from dataclasses import dataclass

import pytest

from majung.tree.actor import Actor
from majung.tree.enums import Role
from majung.tree.models import Unit
from tests.make import people, tree


@dataclass(frozen=True)
class Place:
    """A top with two branches of two leaves each; an operator at the first branch; one person at each place."""

    made: tree.Organised
    operator: Actor
    own: int
    below: int
    sister: int
    top: int
    foreign: int
    homeless: int

    @property
    def root(self) -> int:
        """The organisation's number."""
        return self.made.root.pk

    @property
    def branch(self) -> Unit:
        """The operator's unit."""
        return self.made.units[1]

    @property
    def sister_branch(self) -> Unit:
        """The unit beside it."""
        return self.made.units[2]

    def lent(self, role: Role, *, subtree: bool = True) -> Actor:
        """Another actor at the branch."""
        return tree.lent(self.made, self.branch, role=role, covers_subtree=subtree)


@pytest.fixture
def place(db: None) -> Place:
    made, other = tree.organisation(depth=3), tree.organisation(depth=1)
    top, branch, sister, leaf = made.units[0], made.units[1], made.units[2], made.units[3]
    return Place(
        made=made,
        operator=tree.lent(made, branch, role=Role.OPERATOR),
        own=people.person(unit=branch, name="가람이", mobile="01011112222"),
        below=people.person(unit=leaf, name="나루이", mobile="01022223333"),
        sister=people.person(unit=sister, name="다래이", mobile="01033334444"),
        top=people.person(unit=top, name="라온이", mobile="01044445555"),
        foreign=people.person(unit=other.units[0], name="마루이", mobile="01055556666"),
        homeless=people.person(unit=top, name="바다이", mobile="01066667777", home_unit_id=None),
    )
