"""Adding and changing people: in sets, scoped, recorded; duplicates and shared numbers told apart (F1–F3, X1)."""

from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import connection

from majung.core import db
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.crowd import evaluate
from majung.crowd.expression import Leaf
from majung.people import services, vault
from majung.people.enums import ContactKind, MemberState
from majung.people.models import ContactClaim, ContactPoint, Membership, Person, PersonTag, Tag
from majung.people.services import NewPerson, add_people
from majung.tree.actor import system_actor
from majung.tree.enums import Role
from majung.tree.models import Unit
from tests.make import people, tree
from tests.people.conftest import Place


def new(place: Place, **columns: Any) -> NewPerson:
    return NewPerson(
        **{"entity_id": place.made.entity.pk, "home_unit_id": place.branch.pk, "name": "새별이", **columns}
    )


@pytest.mark.product("F2", "F3")
def test_added_people_are_whole(place: Place) -> None:
    tag = Tag.objects.create(root_id=place.root, name="자원봉사")
    row = new(
        place,
        mobile="01099990000",
        landline="023123456",
        email="Sae@Example.com",
        birth_ym=199003,
        gender=2,
        region_code="11",
        district_code="2110101",
        basis=1,
        member=MemberState.MEMBER,
        member_since=date(2020, 5, 1),
        tags=(tag.pk,),
        identities=(("kakao/1", "U1"),),
    )
    added = add_people(place.operator, [row])
    [number] = added.people
    person = Person.objects.get(pk=number)
    assert (person.root_id, person.home_unit_id, person.birth_ym, person.gender) == (
        place.root,
        place.branch.pk,
        199003,
        2,
    )
    assert (person.region_code, person.district_code, person.basis, person.state) == ("11", "2110101", 1, 1)
    assert vault.reveal(place.operator, number, fields=vault.FIELDS, why="확인 요청", address="") == {
        "name": "새별이",
        "mobile": "01099990000",
        "landline": "023123456",
        "email": "Sae@Example.com",
    }
    assert vault.find(place.operator, "sae@example.com") == [number]
    assert Membership.objects.get(person_id=number).since == date(2020, 5, 1)
    assert PersonTag.objects.filter(person_id=number, tag_id=tag.pk).exists()
    assert list(ContactPoint.objects.filter(person_id=number).values_list("kind", flat=True).order_by("kind")) == [
        1,
        2,
        3,
    ]


@pytest.mark.product("F2")
def test_same_number_and_name_is_a_duplicate_and_another_name_shares(place: Place) -> None:
    rows = [
        new(place, name="가 람 이", mobile="01011112222"),  # known before
        new(place, name="", mobile="01011112222"),
        new(place, name="달님이", mobile="01011112222"),  # shares
        new(place, name="달님이", mobile="01011112222"),  # twice in this list
        new(place, name="달님이", mobile=""),  # nothing to tell by
        new(place, name="달님이", mobile=""),
    ]
    added = add_people(place.operator, rows)
    assert [number is None for number in added.numbers] == [True, True, False, True, False, False]
    shared = added.numbers[2]
    assert [(d.index, d.person_id) for d in added.duplicates] == [(0, place.own), (1, place.own), (3, shared)]
    [claim] = ContactClaim.objects.filter(root_id=place.root)
    assert (claim.person_id, claim.holders, claim.kind) == (place.own, 2, ContactKind.MOBILE)
    loser = Leaf("shared_contact")
    assert set(evaluate.members(db.raw(), place.root, loser)) == {shared}
    services.erase(place.operator, [place.own], why="본인 요청")
    assert set(evaluate.bitmap(db.raw(), place.root, loser)) == set()
    assert not ContactClaim.objects.filter(root_id=place.root).exists()


def test_other_roots_numbers_are_no_duplicates(place: Place) -> None:
    assert add_people(place.operator, [new(place, name="마루이", mobile="01055556666")]).duplicates == []


def test_nobody_adds_where_nothing_was_lent(place: Place) -> None:
    foreign = Person.objects.get(pk=place.foreign)
    with pytest.raises(NotYours):
        add_people(place.operator, [new(place, home_unit_id=place.sister_branch.pk)])
    with pytest.raises(NotYours):
        add_people(place.operator, [new(place, home_unit_id=foreign.home_unit_id)])
    with pytest.raises(NotYours):
        add_people(place.operator, [new(place, home_unit_id=None)])
    with pytest.raises(Invalid):
        add_people(place.operator, [new(place, entity_id=foreign.entity_id)])
    with pytest.raises(Forbidden):
        add_people(place.lent(Role.WRITER), [new(place)])
    tag = Tag.objects.create(root_id=foreign.root_id, name="남의 것")
    with pytest.raises(Invalid):
        add_people(place.operator, [new(place, tags=(tag.pk,))])
    assert add_people(place.made.actor, [new(place, home_unit_id=None)]).people


@pytest.mark.product("F3")
def test_moving_home_needs_both_ends(place: Place) -> None:
    leaf = place.made.units[3]
    assert services.set_home(place.operator, [place.own, place.below], leaf) == [place.own]
    with pytest.raises(NotYours):
        services.set_home(place.operator, [place.own], place.sister_branch)
    with pytest.raises(NotYours):
        services.set_home(place.operator, [place.own, place.sister], place.branch)
    with pytest.raises(Forbidden):
        services.set_home(place.lent(Role.WRITER), [place.own], place.branch)
    assert Person.objects.get(pk=place.own).home_unit_id == leaf.pk


def test_tags_go_on_and_off_once(place: Place) -> None:
    tag = services.make_tag(place.operator, "  자원　봉사 ")
    assert tag.name == "자원 봉사"
    assert services.make_tag(place.operator, "자원 봉사") == tag
    assert services.put_tag(place.operator, [place.own, place.below], tag) == [place.own, place.below]
    assert services.put_tag(place.operator, [place.own], tag) == []
    assert set(evaluate.bitmap(db.raw(), place.root, Leaf("tag", (tag.pk,)))) == {place.own, place.below}
    assert services.take_tag(place.operator, [place.own], tag) == [place.own]
    assert set(evaluate.bitmap(db.raw(), place.root, Leaf("tag", (tag.pk,)))) == {place.below}


@pytest.mark.parametrize("name", ["", "  ", "가" * 41, "010-1234-5678", "김씨 01012345678"])
def test_a_tag_is_a_word(place: Place, name: str) -> None:
    with pytest.raises(Invalid):
        services.make_tag(place.operator, name)


@pytest.mark.product("X1")
def test_erased_people_are_in_no_set_and_hold_nothing(place: Place) -> None:
    tag = services.make_tag(place.operator, "봉사")
    services.put_tag(place.operator, [place.own], tag)
    services.set_membership(place.operator, [place.own], place.made.entity.pk, MemberState.MEMBER, date(2026, 1, 1))
    assert services.erase(place.operator, [place.own], why="동의 철회") == [place.own]
    with pytest.raises(NotYours):
        services.erase(place.operator, [place.own], why="동의 철회")
    row = Person.objects.get(pk=place.own)
    assert (row.name_sealed, row.name_blind, row.birth_ym, row.home_unit_id, row.salt) == (None, None, None, None, None)
    for table in (ContactPoint, PersonTag, Membership):
        assert not table.objects.filter(person_id=place.own).exists()
    for leaf in (
        Leaf("person"),
        Leaf("tag", (tag.pk,)),
        Leaf("member", (place.made.entity.pk,)),
        Leaf("scope", (place.made.top.pk,)),
    ):
        assert place.own not in evaluate.bitmap(db.raw(), place.root, leaf)
        assert place.own not in evaluate.members(db.raw(), place.root, leaf)


@pytest.mark.product("F3")
def test_a_district_resolves_to_the_unit_of_the_day(place: Place) -> None:
    branch, leaf = place.branch, place.made.units[3]
    Unit.objects.filter(pk__in=[branch.pk, leaf.pk]).update(district_code="2110101", opened_on=date(2020, 1, 1))
    foreign = Unit.objects.get(pk=Person.objects.get(pk=place.foreign).home_unit_id)
    Unit.objects.filter(pk=foreign.pk).update(district_code="2110102")
    before, opened = (services.units_of_districts(place.root, date(*day)) for day in ((2019, 12, 31), (2026, 11, 21)))
    Unit.objects.filter(pk=branch.pk).update(state="closed", closed_on=date(2026, 11, 21))
    last, closed = (services.units_of_districts(place.root, date(2026, 11, day)) for day in (20, 21))

    assert (before, opened) == ({}, {"2110101": branch.pk})
    assert (last, closed) == ({"2110101": branch.pk}, {"2110101": leaf.pk})


def test_queries_do_not_grow_with_the_people(place: Place, django_assert_max_num_queries: Any) -> None:
    statements = []
    inner = psycopg.Cursor.execute

    def count(self: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(args[0])
        return inner(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", count)
        people.crowd(10, units=[place.branch], seed=5)
        few, statements[:] = len(statements), []
        people.crowd(300, units=[place.branch], seed=6)
    assert len(statements) == few


@pytest.mark.product("X1")
@pytest.mark.django_db(transaction=True)
def test_a_dump_of_the_database_shows_no_name_and_no_number() -> None:
    """Every table of the test database, dumped as text: no sentinel, in any spelling of it."""
    made = tree.organisation(depth=2)
    names = [f"비밀{c}솔" for c in "가나다라마바사아자차"]
    rows = [
        NewPerson(
            entity_id=made.entity.pk,
            home_unit_id=made.top.pk,
            name=name,
            mobile=f"0108642{n:04}",
            landline=f"031864{n:04}",
            email=f"{n}sentinel@example.net",
        )
        for n, name in enumerate(names)
    ]
    numbers = add_people(system_actor(made.root.pk), rows).people
    actor = made.actor
    for name in names:
        vault.find(actor, name)
    vault.reveal(actor, numbers[0], fields=vault.FIELDS, why="확인 요청", address="192.0.2.1")
    services.set_home(actor, numbers, made.units[1])
    services.erase(actor, numbers[:2], why="본인 요청")
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        dump = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            dump += [row for (row,) in cursor.fetchall()]
    text = "\n".join(dump)
    assert len(dump) > 50
    assert made.root.name in text  # the dump does show what is not personal
    numbers_spelled = [
        spelling
        for row in rows
        for spelling in (row.mobile[-8:], f"{row.mobile[3:7]}-{row.mobile[7:]}", row.landline[-8:])
    ]
    hidden = [name.encode().hex() for name in names] + [row.mobile.encode().hex() for row in rows]
    for secret in [*names, *hidden, *numbers_spelled, "sentinel"]:
        assert secret not in text, secret
