"""Which rows of a file are repeats: held against the plain words of the rule, row by row."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from majung.core import db, sql

pytestmark = [pytest.mark.product("F2"), pytest.mark.django_db]
KEYS = [("a", None), ("b", None), ("b", "c"), (None, "c"), (None, "d")]
"""Number and address of a row: by the first that is there somebody is known."""
SOME = st.sampled_from([None, "a", "b"])


def _blind(letter: str | None) -> bytes | None:
    return None if letter is None else letter.encode() * 16


def _known_by(key: tuple[str | None, str | None]) -> str | None:
    return key[0] or key[1]


@given(
    rows=st.lists(st.tuples(st.sampled_from(KEYS), SOME, st.sampled_from([1, 1, 1, 3])), max_size=14),
    size=st.integers(min_value=1, max_value=14),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_row_repeats_an_earlier_one_of_the_same_number_and_name(rows: list[tuple[Any, Any, int]], size: int) -> None:
    connection = db.raw()
    connection.execute("DELETE FROM import_block")
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        connection.execute(
            """INSERT INTO import_block (import_id, last_row, rows, states, sealed, numbers, names, mails)
               VALUES (1, %s, %s, %s, 'x', %s, %s, %s)""",
            [
                start + len(block), list(range(start + 1, start + len(block) + 1)), [state for _, _, state in block],
                [_blind(phone) for (phone, _), _, _ in block], [_blind(name) for _, name, _ in block],
                [_blind(address) for (_, address), _, _ in block],
            ],
        )  # fmt: skip

    found = connection.execute(sql.load("majung.people", "imports", "duplicates").encode(), {"import_id": 1}).fetchall()
    for last_row, repeating in found:
        statement = sql.load("majung.people", "imports", "mark_duplicates").encode()
        connection.execute(statement, {"import_id": 1, "last_row": last_row, "rows": repeating})

    repeats = {
        at
        for at, (key, name, state) in enumerate(rows, start=1)
        if state == 1 and any(_known_by(k) == _known_by(key) and name in (None, n) for k, n, _ in rows[: at - 1])
    }
    kept = "SELECT r.row, r.state FROM import_block b, unnest(b.rows, b.states) AS r(row, state) ORDER BY 1"
    marked = [3 if at in repeats else state for at, (_, _, state) in enumerate(rows, start=1)]
    assert connection.execute(kept).fetchall() == list(enumerate(marked, start=1))
