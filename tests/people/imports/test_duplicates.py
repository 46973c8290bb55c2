"""Which rows of a file are repeats: held against the plain words of the rule, row by row."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core import db, sql

pytestmark = [pytest.mark.product("F2"), pytest.mark.django_db]
SOME = st.sampled_from([None, "a", "b"])


def _blind(letter: str | None) -> bytes | None:
    return None if letter is None else letter.encode() * 16


@given(rows=st.lists(st.tuples(SOME, SOME, st.sampled_from([1, 1, 1, 2, 3])), max_size=14))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_repeats_an_earlier_one_of_the_same_number_and_name(rows: list[tuple[Any, Any, int]]) -> None:
    connection = db.raw()
    connection.execute("DELETE FROM import_row")
    for number, (phone, name, state) in enumerate(rows, start=1):
        connection.execute(
            "INSERT INTO import_row (import_id, row, state, sealed, blind, name_blind) VALUES (1, %s, %s, '', %s, %s)",
            [number, state, _blind(phone), _blind(name)],
        )

    connection.execute(sql.load("majung.people", "imports", "mark_duplicates").encode(), {"import_id": 1})

    repeats = {
        at
        for at, (phone, name, state) in enumerate(rows, start=1)
        if state == 1 and phone is not None
        and any(p == phone and s in (1, 3) and name in (None, n) for p, n, s in rows[: at - 1])
    }  # fmt: skip
    marked = connection.execute("SELECT row FROM import_row WHERE problems = '{duplicate}'").fetchall()
    assert {row for (row,) in marked} == repeats
