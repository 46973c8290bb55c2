"""Counting and keeping audiences: the right people, told as the actor may know them, and nobody else's ids."""

import uuid
from datetime import UTC, datetime

import pytest

from majung.audience import criteria, queries, services
from majung.audience.criteria import Condition, Group
from majung.audience.errors import CannotAsk, NameTaken
from majung.core import clock
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree.enums import Role
from tests.audience.conftest import World, channel, person, tag
from tests.make import tree as make_tree

pytestmark = [pytest.mark.django_db, pytest.mark.product("M2", "T5")]


def ask(field: str, *values: str, **rest: object) -> Condition:
    return Condition(field=field, values=values, **rest)  # type: ignore[arg-type]


def count(world: World, *parts: criteria.Node, join: str = criteria.ALL, least: int = 1, at: int = 0) -> int | None:
    group = Group(join=join, parts=parts, least=least)
    return services.count(world.ours.actor, world.ours.units[at], group).count.number


def test_nothing_asked_is_everyone_in_reach(world: World) -> None:
    assert count(world) == 60
    assert services.count(world.ours.actor, world.ours.units[1], Group()).count.number == 30


def test_conditions_join_as_they_say(world: World) -> None:
    women, forties = ask("gender", "2"), ask("age", low=41, high=45)
    with clock.frozen(datetime(2027, 6, 15, tzinfo=UTC)):
        assert count(world, women) == 30
        assert count(world, forties) == 30  # born in January of 1982 to 1986, five of each ten
        assert count(world, women, forties) == 12
        assert count(world, women, forties, join=criteria.ANY) == 48
        assert count(world, women, forties, join=criteria.LEAST, least=2) == 12
        assert count(world, Condition(field="gender", values=("2",), negated=True)) == 30
        assert count(world, Group(parts=(women, forties), negated=True)) == 48


def test_age_turns_with_the_month_of_birth(world: World) -> None:
    person(world.ours.units[1], birth_ym=200003)
    twenty_six = ask("age", low=26, high=26)

    with clock.frozen(datetime(2027, 2, 27, tzinfo=UTC)):
        assert count(world, twenty_six) == 1
    with clock.frozen(datetime(2027, 2, 28, 15, tzinfo=UTC)):  # the first of March in Seoul
        assert count(world, twenty_six) == 0
        assert count(world, ask("age", low=27, high=27)) == 1


def test_homes_tags_places_and_friends(world: World) -> None:
    province, district = world.ours.units[1], world.ours.units[3]
    tagged = tag("모임", district, world.people[district.pk][:4])
    near = channel(district, 7, world.people[district.pk][:3])

    assert count(world, ask("home", str(district.public_id))) == 10
    assert count(world, ask("home_below", str(province.public_id))) == 30
    assert count(world, ask("tag", str(tagged.pk))) == 4
    assert count(world, ask("region", "11", "26")) == 60
    assert count(world, ask("district", "2110101")) == 60
    assert count(world, ask("friend_of", str(near.public_id))) == 3
    assert count(world, ask("blocked", str(near.public_id))) == 0
    assert count(world, ask("friend_any", "1")) == 3
    assert count(world, ask("friend_any", "0")) == 57
    assert count(world, ask("member")) == 0
    assert count(world, ask("mobile")) == 0


def test_what_is_not_whole_is_passed_over_and_named(world: World) -> None:
    group = Group(parts=(ask("gender"), ask("age", low=50, high=40), Group(join=criteria.ANY), ask("gender", "1")))

    counted = services.count(world.ours.actor, world.ours.top, group)

    assert counted.count.number == 30
    assert counted.missing == ("‘성별’에서 하나 이상 골라 주세요.", "‘나이’의 처음이 끝보다 큽니다.")


def test_foreign_ids_read_like_missing_ones(world: World) -> None:
    their_channel = channel(world.theirs.top, 9)
    their_tag = tag("남의 태그", world.theirs.top, [])
    sister_channel = channel(world.ours.units[4], 10)
    district = make_tree.lent(world.ours, world.ours.units[3])
    foreign = [
        ask("home", str(world.theirs.top.public_id)),
        ask("friend_of", str(their_channel.public_id)),
        ask("tag", str(their_tag.pk)),
        ask("friend_of", str(sister_channel.public_id)),
        ask("home", str(world.ours.units[4].public_id)),
    ]
    missing = [ask("home", str(uuid.uuid4())), ask("friend_of", "x"), ask("tag", "9" * 20), ask("tag", "-1")]

    said = set()
    for one in (*foreign, *missing):
        with pytest.raises(CannotAsk) as refused:
            services.count(district, world.ours.units[3], Group(parts=(one,)))
        said.add(str(refused.value))

    assert len(said) == 1


@pytest.mark.parametrize(
    "condition",
    [
        ask("salary", "1"),
        ask("gender", "9"),
        ask("gender", "1", low=3),
        ask("age", low=200),
        ask("member", "1"),
        ask("district", "'; DROP TABLE person; --"),
        ask("consent", "advertising"),
        ask("messaged", high=9999),
        ask("received", "x"),
    ],
)
def test_nonsense_is_refused(world: World, condition: Condition) -> None:
    with pytest.raises(CannotAsk):
        services.count(world.ours.actor, world.ours.top, Group(parts=(condition,)))


def test_more_than_can_travel_is_refused_in_words(world: World) -> None:
    codes = [str(10000 + i) for i in range(100)]

    assert count(world, ask("district", *codes)) == 0
    with pytest.raises(CannotAsk, match="너무 많습니다"):
        count(world, ask("district", *codes), ask("district", *codes), ask("region", "11"))


def test_a_blind_sender_hears_tens_and_nothing_below_thirty(world: World) -> None:
    blind = make_tree.lent(world.ours, world.ours.units[1], role=Role.BLIND_SENDER)
    unit = world.ours.units[1]
    person(unit), person(unit), person(unit)

    whole = services.count(blind, unit, Group()).count
    half = services.count(blind, unit, Group(parts=(ask("gender", "2"),))).count

    assert (whole.number, whole.shown, whole.enough) == (30, "약 30명", True)
    assert (half.number, half.shown, half.enough) == (None, "30명 미만", False)


def test_few_are_hidden_outside_ones_own_unit(world: World) -> None:
    district = world.ours.units[3]
    few = Group(parts=(ask("age", low=0, high=45), ask("home", str(district.public_id))))

    with clock.frozen(datetime(2027, 6, 15, tzinfo=UTC)):
        mine = make_tree.lent(world.ours, district)
        above = make_tree.lent(world.ours, world.ours.units[1])
        assert services.count(mine, district, few).count.shown == "8명"
        hidden = services.count(above, district, few).count
    assert (hidden.number, hidden.shown) == (None, "10명 미만")


def test_reach_ends_where_the_grant_ends(world: World) -> None:
    alone = make_tree.lent(world.ours, world.ours.units[1], covers_subtree=False)
    district = make_tree.lent(world.ours, world.ours.units[3])

    assert services.count(alone, world.ours.units[1], Group()).count.number == 10
    with pytest.raises(NotYours):
        services.count(district, world.ours.units[4], Group())
    with pytest.raises(NotYours):
        services.count(district, world.theirs.top, Group())
    viewer = make_tree.lent(world.ours, world.ours.units[3], role=Role.VIEWER)
    with pytest.raises(Forbidden):
        services.count(viewer, world.ours.units[3], Group())


def test_a_segment_is_kept_copied_deleted_and_brought_back(world: World) -> None:
    actor, unit = world.ours.actor, world.ours.units[1]
    group = Group(parts=(ask("gender", "2"),))

    kept = services.save_segment(actor, unit, name="  여성  ", group=group)
    copied = services.copy_segment(actor, kept)
    again = services.copy_segment(actor, kept)

    assert [kept.name, copied.name, again.name] == ["여성", "여성 사본", "여성 사본 2"]
    assert services.parse(copied.criteria) == group
    with pytest.raises(NameTaken):
        services.save_segment(actor, unit, name="여성", group=group)
    services.delete_segment(actor, kept)
    assert set(queries.segments(actor)) == {copied, again}
    with pytest.raises(NotYours):
        queries.segment(actor, kept.public_id)
    services.restore_segment(actor, queries.segment(actor, kept.public_id, deleted=True))
    assert queries.segment(actor, kept.public_id) == kept
    assert [s.name for s in queries.segments(actor, search="사본 2")] == ["여성 사본 2"]


@pytest.mark.parametrize("name", ["", "   ", "가" * 61])
def test_a_segment_needs_a_name(world: World, name: str) -> None:
    with pytest.raises(Invalid):
        services.save_segment(world.ours.actor, world.ours.top, name=name, group=Group())


def test_what_is_not_whole_is_not_kept(world: World) -> None:
    with pytest.raises(CannotAsk):
        services.save_segment(world.ours.actor, world.ours.top, name="반", group=Group(parts=(ask("gender"),)))


def test_sister_and_foreign_segments_are_not_there(world: World) -> None:
    kept = services.save_segment(world.ours.actor, world.ours.units[4], name="옆", group=Group())
    sister = make_tree.lent(world.ours, world.ours.units[3])

    for stranger in (sister, world.theirs.actor):
        assert list(queries.segments(stranger)) == []
        with pytest.raises(NotYours):
            queries.segment(stranger, kept.public_id)
        with pytest.raises(NotYours):
            services.copy_segment(stranger, kept)
