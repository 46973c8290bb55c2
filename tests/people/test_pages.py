"""Sealed pages: many people's names and numbers at once, never out of date, and gone with an erased person (X1, X5)."""

import numpy as np
import psycopg
import pytest

from majung.core.db import raw
from majung.core.sealing import Unreadable
from majung.people import pages, services, tasks, vault
from majung.people.pages import Field
from majung.tree.actor import system_actor
from tests.make import people as make_people
from tests.make import tree as make_tree
from tests.make.database import second_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.product("X1")]


def values(root: int, people: list[int], field: Field) -> list[str]:
    """As ``pages.read`` tells them."""
    sizes, joined = pages.read(raw(), vault.sealer(), root, np.array(people), field).of(np.array(people))
    ends = np.cumsum(sizes)
    return [joined[end - size : end].decode() for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)]


def stored(root: int) -> int:
    return int(raw().execute("SELECT count(*) FROM sealed_page WHERE root_id = %s", [root]).fetchone()[0])  # type: ignore[index]


@pytest.fixture
def people() -> tuple[int, list[int]]:
    """A root, and two people with names and numbers and one with neither."""
    made = make_tree.organisation()
    unit = made.units[-1]
    one = make_people.person(unit=unit, name="가람이", mobile="01011112222")
    two = make_people.person(unit=unit, name="나", mobile="01033334444")
    return made.root.pk, [one, two, make_people.person(unit=unit, name="", mobile="")]


@pytest.mark.parametrize("is_stored", [False, True])
def test_values_come_in_order_with_or_without_pages(people: tuple[int, list[int]], is_stored: bool) -> None:
    root, (one, two, none) = people
    if is_stored:
        assert pages.freshen(raw(), vault.sealer(), root) == stored(root) >= 2
        assert pages.freshen(raw(), vault.sealer(), root) == 0
    assert values(root, [one, two, none], Field.MOBILE) == ["01011112222", "01033334444", ""]
    assert values(root, [none, two], Field.NAME) == ["", "나"]


def test_a_change_takes_its_page_out_of_use_in_the_same_transaction(people: tuple[int, list[int]]) -> None:
    root, (one, two, _) = people
    pages.freshen(raw(), vault.sealer(), root)
    sealed = vault.sealer().seal(vault.place(root, "mobile"), one, "01099990000")
    raw().execute("UPDATE contact_point SET sealed = %s WHERE person_id = %s AND kind = 1", [sealed, one])
    raw().execute("DELETE FROM contact_point WHERE person_id = %s AND kind = 1", [two])

    assert values(root, [one, two], Field.MOBILE) == ["01099990000", ""]
    assert values(root, [one], Field.NAME) == ["가람이"]
    assert pages.freshen(raw(), vault.sealer(), root) == 1
    assert values(root, [one, two], Field.MOBILE) == ["01099990000", ""]


def test_a_page_made_while_a_change_was_open_is_not_believed_after_it(people: tuple[int, list[int]]) -> None:
    """The maker does not see what another transaction is changing; its page must not outlive that commit."""
    root, (one, *_) = people
    sealed = vault.sealer().seal(vault.place(root, "mobile"), one, "01099990000")
    with second_connection() as other:
        other.execute("UPDATE contact_point SET sealed = %s WHERE person_id = %s AND kind = 1", [sealed, one])
        pages.freshen(raw(), vault.sealer(), root)
        assert values(root, [one], Field.MOBILE) == ["01011112222"]
        other.commit()
    assert values(root, [one], Field.MOBILE) == ["01099990000"]


@pytest.mark.product("X5")
def test_erasing_somebody_destroys_the_page_at_once(people: tuple[int, list[int]]) -> None:
    root, (one, two, _) = people
    pages.freshen(raw(), vault.sealer(), root)
    services.erase(system_actor(root), [one], why="본인 요청")
    assert stored(root) == 0
    assert values(root, [one, two], Field.MOBILE) == ["", "01033334444"]


def test_a_page_moved_to_another_place_does_not_open(people: tuple[int, list[int]]) -> None:
    root, (one, *_) = people
    pages.freshen(raw(), vault.sealer(), root)
    raw().execute(
        "UPDATE sealed_page SET sealed = (SELECT sealed FROM sealed_page WHERE field = 0 LIMIT 1) WHERE field = 1"
    )
    with pytest.raises(Unreadable):
        values(root, [one], Field.MOBILE)


def test_a_page_holds_no_plain_value(people: tuple[int, list[int]]) -> None:
    root, _ = people
    pages.freshen(raw(), vault.sealer(), root)
    for (sealed,) in psycopg.Cursor(raw()).execute("SELECT sealed FROM sealed_page", binary=True):
        assert b"0101111" not in sealed and "가람".encode() not in sealed


def test_the_night_makes_pages_of_every_organisation(people: tuple[int, list[int]]) -> None:
    root, (one, *_) = people
    tasks.freshen_all_pages(0)
    assert stored(root) >= 2
    assert values(root, [one], Field.NAME) == ["가람이"]
