"""Rows that are put together for COPY arrive as the values they were made of."""

from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core import copying, db

pytestmark = pytest.mark.django_db
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)
ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1), st.none() | st.integers(-(2**15), 2**15 - 1), st.integers(-(2**31), 2**31 - 1),
    st.none() | WORDS, st.none() | st.binary(max_size=12), st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1)),
)  # fmt: skip


@given(rows=st.lists(ROW, max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_arrive_whole(rows: list[tuple[Any, ...]]) -> None:
    connection = db.raw()
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS arrived (a bigint, b smallint, c int, d text, e bytea, f date)"
    )
    connection.execute("TRUNCATE arrived")
    a, b, c, d, e, f = ([row[at] for row in rows] for at in range(6))
    few = copying.few

    columns = {
        "a": copying.int8s(a), "b": few(b, copying.int2), "c": few(c, copying.int4), "d": few(d, copying.text),
        "e": copying.blobs(e), "f": few(f, copying.day),
    }  # fmt: skip
    copying.copy(connection, "arrived", columns)

    assert psycopg.Cursor(connection).execute("SELECT * FROM arrived ORDER BY ctid").fetchall() == rows
