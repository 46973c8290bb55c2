"""Expressions as JSON: round trip, and every hostile body gets a Korean sentence (M2)."""

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.crowd import catalogue
from majung.crowd.expression import (
    EVERYONE,
    NOBODY,
    Ago,
    And,
    AtLeast,
    Expression,
    Leaf,
    Not,
    Or,
    Range,
    from_json,
    to_json,
)

catalogue.load()

LEAVES = st.one_of(
    st.just(Leaf("person")),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: Leaf("home", (n,))),
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), max_size=50).map(
        lambda code: Leaf("district", (code,))
    ),
    st.tuples(st.integers(190001, 199912), st.integers(200001, 202612)).map(lambda pair: Range("born", (), *pair)),
    st.integers(0, 1000).map(lambda n: Range("born", (), Ago(n), None)),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AtLeast(len(parts), tuple(parts))),
    ),
    max_leaves=10,
)


@given(TREES)
def test_json_round_trip(expression: Expression) -> None:
    assert from_json(json.loads(json.dumps(to_json(expression)))) == expression


def test_everyone_and_nobody_have_a_body() -> None:
    assert from_json({"and": []}) == EVERYONE
    assert from_json({"or": []}) == NOBODY


def deep(levels: int) -> Any:
    value: Any = {"set": "person"}
    for _ in range(levels):
        value = {"not": value}
    return value


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (deep(10_000), "너무 깊습니다"),
        (deep(30), "너무 깊습니다"),
        ({"and": [{"set": "person"}] * 200}, "너무 많습니다"),
        ({"or": [{"and": [{"set": "person"}] * 50}] * 5}, "너무 많습니다"),
        ({"and": [None] * 10**6}, "너무 많습니다"),
        (None, "읽을 수 없습니다"),
        ([], "읽을 수 없습니다"),
        ("person", "읽을 수 없습니다"),
        ({}, "읽을 수 없습니다"),
        ({"and": {}}, "목록이어야"),
        ({"and": [], "or": []}, "읽을 수 없습니다"),
        ({"set": "person", "extra": 1}, "읽을 수 없습니다"),
        ({"set": "nothing such"}, "모르는 조건"),
        ({"set": "x" * 10**6}, "모르는 조건"),
        ({"set": 7}, "읽을 수 없습니다"),
        ({"set": "home"}, "값이 맞지 않습니다"),
        ({"set": "home", "args": ["1"]}, "값이 맞지 않습니다"),
        ({"set": "home", "args": [True]}, "값이 맞지 않습니다"),
        ({"set": "home", "args": [1.5]}, "값이 맞지 않습니다"),
        ({"set": "home", "args": [2**63]}, "너무 큽니다"),
        ({"set": "home", "args": [[1]]}, "값이 맞지 않습니다"),
        ({"set": "home", "args": {"unit_id": 1}}, "읽을 수 없습니다"),
        ({"set": "district", "args": ["a\x00b"]}, "읽을 수 없습니다"),
        ({"set": "district", "args": ["\ud800"]}, "읽을 수 없습니다"),
        ({"set": "district", "args": ["가" * 101]}, "읽을 수 없습니다"),
        ({"set": "home", "args": [1], "from": 1}, "기간을 쓸 수 없습니다"),
        ({"set": "scope", "args": [1], "to": 1}, "기간을 쓸 수 없습니다"),
        ({"set": "born", "from": "1990"}, "기간을 읽을 수 없습니다"),
        ({"set": "born", "from": 2**31}, "기간을 읽을 수 없습니다"),
        ({"set": "born", "from": {"ago": 10**9}}, "너무 깁니다"),
        ({"set": "born", "from": {"ago": True}}, "기간을 읽을 수 없습니다"),
        ({"set": "born", "from": 200001, "to": 199901}, "뒤에 있습니다"),
        ({"at_least": 0, "of": [{"set": "person"}]}, "몇 개 이상"),
        ({"at_least": 2, "of": [{"set": "person"}]}, "몇 개 이상"),
        ({"at_least": True, "of": [{"set": "person"}]}, "몇 개 이상"),
        ({"at_least": 1}, "읽을 수 없습니다"),
    ],
)
def test_hostile_bodies_get_a_sentence(value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        from_json(value)
    assert re.search("[가-힣]", str(caught.value))
    assert len(str(caught.value)) < 200


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["and", "or", "not", "set", "args", "from", "to", "at_least", "of", "ago", "x"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(ANY_JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        found = from_json(value)
    except ValueError:
        return
    assert from_json(orjson.loads(orjson.dumps(to_json(found)))) == found
