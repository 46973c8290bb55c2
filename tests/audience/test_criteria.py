"""The language of criteria: JSON and form turn into each other without loss, and hostile input is refused in words."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from majung.audience import builder, criteria
from majung.audience.criteria import Condition, Group, Unreadable

pytestmark = pytest.mark.product("M2")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=criteria.MAX_TEXT)
numbers = st.none() | st.integers(0, criteria.MAX_NUMBER)
asked = st.builds(
    Condition,
    field=texts,
    values=st.lists(texts, max_size=4, unique=True).map(tuple),
    low=numbers,
    high=numbers,
    negated=st.booleans(),
)


def groups(level: int = 1) -> st.SearchStrategy[Group]:
    inner = asked if level >= criteria.MAX_DEPTH else st.one_of(asked, st.deferred(lambda: groups(level + 1)))
    parts = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Group, join=st.sampled_from([criteria.ALL, criteria.ANY]), parts=parts, negated=st.booleans()),
        st.builds(Group, join=st.just(criteria.LEAST), least=st.integers(1, 60), parts=parts, negated=st.booleans()),
    )


def fits(group: Group) -> bool:
    return sum(1 for _ in criteria.conditions(group)) <= criteria.MAX_CONDITIONS


@settings(max_examples=150, deadline=None)
@given(groups().filter(fits))
def test_json_and_back_is_the_same(group: Group) -> None:
    text = json.dumps(criteria.to_json(group))

    assert criteria.from_json(orjson.loads(text)) == group


@settings(max_examples=150, deadline=None)
@given(groups().filter(fits))
def test_form_and_back_is_the_same(group: Group) -> None:
    assert builder.read(builder.inputs(group).items()) == group


@pytest.mark.parametrize(
    "text",
    [
        '{"join":"all","parts":[' * 500 + "]}" * 500,
        '{"join":"all","parts":[' * 7 + '{"field":"gender"}' + "]}" * 7,
        "null",
        "7",
        '{"join":"xor","parts":[]}',
        '{"join":["all"],"parts":[]}',
        '{"join":"all","parts":{}}',
        '{"join":"least","least":0,"parts":[]}',
        '{"join":"least","least":true,"parts":[]}',
        '{"join":"all","least":2,"parts":[]}',
        '{"join":"all","parts":[],"sql":"1=1"}',
        '{"field":"gender","values":"F"}',
        '{"field":"gender","values":[1]}',
        '{"field":"gender","values":["F\\u0000"]}',
        '{"field":"age","low":-1}',
        '{"field":"age","low":1e3}',
        '{"field":"age","low":99999999999999999999}',
        '{"field":7}',
        '{"field":"gender","not":"yes"}',
        json.dumps({"join": "all", "parts": [{"field": "gender"}] * 61}),
        json.dumps({"field": "tag", "values": [str(i) for i in range(101)]}),
    ],
)
def test_hostile_json_is_refused_in_korean(text: str) -> None:
    with pytest.raises(Unreadable) as refused:
        criteria.from_json(orjson.loads(text))

    assert any("가" <= letter <= "힣" for letter in str(refused.value))


def test_parsed_json_of_ten_thousand_levels_is_refused_without_recursion() -> None:
    value: object = {"field": "gender"}
    for _ in range(10_000):
        value = {"join": "all", "parts": [value]}

    with pytest.raises(Unreadable, match="겹"):
        criteria.from_json(value)


def test_a_single_condition_is_a_group_of_one() -> None:
    assert criteria.from_json({"field": "gender", "values": ["2"]}) == Group(
        parts=(Condition(field="gender", values=("2",)),)
    )


def test_buttons_add_group_and_drop() -> None:
    asks = Condition(field="gender")
    group = builder.press(criteria.EVERYONE, "add:0", asks)
    group = builder.press(group, "group:0", None)
    group = builder.press(group, "add:0-1", asks)

    assert group == Group(parts=(asks, Group(join=criteria.ANY, parts=(asks,))))
    assert builder.press(group, "drop:0-1-0", None) == Group(parts=(asks, Group(join=criteria.ANY)))
    assert builder.press(group, "drop:0", None) == Group()
    assert builder.press(group, "", None) == group


@pytest.mark.parametrize("button", ["add:0-0", "add:0-9", "drop:0-9", "drop:0-0-0", "drop:1", "x", "add:", "group:0-0"])
def test_a_button_that_points_nowhere_is_refused(button: str) -> None:
    group = Group(parts=(Condition(field="gender"),))

    with pytest.raises(Unreadable):
        builder.press(group, button, Condition(field="gender"))


def test_groups_stop_at_the_depth_the_form_can_show() -> None:
    group, button = criteria.EVERYONE, "0"
    for _ in range(criteria.MAX_DEPTH - 1):
        group = builder.press(group, f"group:{button}", None)
        button += "-0"

    with pytest.raises(Unreadable, match="겹"):
        builder.press(group, f"group:{button}", None)


@pytest.mark.parametrize(
    "sent",
    [
        {"c.0.join": ["xor"]},
        {"c.0.join": ["least"], "c.0.least": ["-1"]},
        {"c.0.join": ["least"], "c.0.least": ["9999999999"]},
        {"c.0.join": ["all"], "c.0-0.field": ["age"], "c.0-0.low": ["마흔"]},
        {"c.0.field": ["age"]},
        {f"c.0-{i}.field": ["gender"] for i in range(61)} | {"c.0.join": ["all"]},
    ],
)
def test_a_hostile_form_is_refused(sent: dict[str, list[str]]) -> None:
    with pytest.raises(Unreadable):
        builder.read(sent.items())


def test_inputs_of_others_are_passed_over() -> None:
    sent = {"name": ["x"], "c.0.join": ["any"], "c.0-0.field": ["gender"], "c.0-0.sql": ["1"], "c.x.join": ["y"]}

    assert builder.read(sent.items()) == Group(join=criteria.ANY, parts=(Condition(field="gender"),))
