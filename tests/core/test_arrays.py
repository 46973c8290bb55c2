"""Packed arrays arrive as the values they were made of."""

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core import arrays, db

pytestmark = pytest.mark.django_db
CASES: list[tuple[Any, Any, str]] = [
    (arrays.int8s, st.integers(-(2**63), 2**63 - 1), "bigint[]"),
    (arrays.int4s, st.integers(-(2**31), 2**31 - 1), "integer[]"),
    (arrays.int2s, st.integers(-(2**15), 2**15 - 1), "smallint[]"),
    (arrays.byteas, st.none() | st.binary(max_size=40), "bytea[]"),
]


@pytest.mark.parametrize(("pack", "values", "name"), CASES, ids=[name for _, _, name in CASES])
def test_arrays_arrive_whole(pack: Any, values: Any, name: str) -> None:
    @given(first=st.lists(values, max_size=30), second=st.lists(values, max_size=3))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def holds(first: list[Any], second: list[Any]) -> None:
        answer = psycopg.Cursor(db.raw()).execute(
            "SELECT %s, pg_typeof(%s)::text, %s, %s", [pack(first), pack(second), pack(second), arrays.int2s([7])]
        )
        assert answer.fetchone() == (first, name, second, [7])

    holds()
