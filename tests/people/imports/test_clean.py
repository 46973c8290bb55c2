"""Rows become people, in all the spellings found in lists (F2)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.people.imports.clean import PROBLEMS, Cleaner, birth_month, day
from majung.people.imports.mapping import Column, fingerprint, guess, problem

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    "text",
    [
        "1980-01-02",
        "1980.1.2",
        "1980. 1. 2.",
        "1980/01/02",
        "80.1.2",
        "1980년 1월 2일",
        "19800102",
        "800102",
        "29222",
        "１９８０－０１－０２",
    ],
)
def test_days_in_every_spelling(text: str) -> None:
    assert day(text, today=TODAY) == date(1980, 1, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1980", 198012),
        ("1980년생", 198012),
        ("1980.3", 198003),
        ("8001021", 198001),
        ("0101023", 200101),
        ("2012-11-30", 201211),
    ],
)
def test_birth_months(text: str, expected: int) -> None:
    assert birth_month(text, today=TODAY) == expected


@pytest.mark.parametrize(
    "text", ["2027-01-01", "99999999", "어제", "1980-13-01", "1980-02-30", "1899", "፩፱፰፩፩፪፫፬", "፩፱፰፩፩፪", "𐩀𐩁𐩀𐩁𐩀𐩁1"]
)
def test_impossible_births_are_refused(text: str) -> None:
    assert birth_month(text, today=TODAY) is None


@pytest.mark.product("F2")
def test_header_synonyms_and_unknown_columns() -> None:
    header = ["번호", "성 명", "휴대폰 번호(필수)", "생년월일", "비고", "연락처"]
    assert guess(header, []) == [Column.IGNORE, Column.NAME, Column.MOBILE, Column.BIRTH, Column.IGNORE, Column.IGNORE]


def test_mobile_column_is_found_by_its_cells() -> None:
    assert guess(["열 1", "열 2"], [("가", "010-0123-4567"), ("나", "01001234568")])[1] is Column.MOBILE


def test_mapping_without_mobile_is_refused() -> None:
    assert problem([Column.NAME]) and not problem([Column.NAME, Column.MOBILE])
    assert fingerprint(["이 름"]) == fingerprint(["이름"])


COLUMNS = [Column.NAME, Column.MOBILE, Column.BIRTH, Column.GENDER, Column.TAGS]
CLEAN = Cleaner(COLUMNS, today=TODAY)


def test_messy_row_becomes_a_person() -> None:
    row, problems = CLEAN(["홍길동", "＋８２ 10 0123 4567", "80.1.2", "남자", "열성, 봉사,열성"])
    assert problems == ()
    assert row is not None
    assert (row.name, row.mobile, row.birth_ym, row.gender, row.tags) == (
        "홍길동",
        "01001234567",
        198001,
        1,
        ("열성", "봉사"),
    )


def test_every_problem_is_told_at_once() -> None:
    row, problems = CLEAN(["<script>", "02-123-4567", "어제", "?"])
    assert row is None
    assert problems == ("landline", "bad_name", "bad_birth", "bad_gender")
    assert set(problems) <= PROBLEMS.keys()


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_cells_are_a_person_or_problems(cells: list[str]) -> None:
    row, problems = CLEAN(cells)
    assert (row is None) == bool(problems)
