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


@pytest.mark.parametrize(
    "title", ["이메일", "메일", "email", "E-Mail", "전자 우편", "이메일 주소(선택)", "e-mail address"]
)
def test_a_column_of_addresses_is_recognised(title: str) -> None:
    assert guess([title], []) == [Column.EMAIL]


def test_a_column_of_addresses_is_found_by_its_cells() -> None:
    sample = [("a@b.example", "010-0123-4567"), ("", "01001234568"), ("c@d.example", "")]
    assert guess(["열 1", "열 2"], sample) == [Column.EMAIL, Column.MOBILE]


def test_mapping_without_number_and_address_is_refused() -> None:
    assert problem([Column.NAME])
    assert not problem([Column.NAME, Column.MOBILE]) and not problem([Column.NAME, Column.EMAIL])
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


BOTH = Cleaner([Column.NAME, Column.MOBILE, Column.EMAIL], today=TODAY)
ADDRESSES = Cleaner([Column.NAME, Column.EMAIL], today=TODAY)


@pytest.mark.product("F2")
def test_an_address_comes_in_one_spelling_and_blanks_are_said_in_many_ways() -> None:
    row, problems = BOTH(["홍길동", "010-0123-4567", " Hong@Mail.EXAMPLE "])
    assert (row and row.email, problems) == ("Hong@mail.example", ())
    for nothing in ("", "-", "없음", " N/A ", "해당 없음"):
        row, problems = BOTH(["홍길동", "010-0123-4567", nothing])
        assert (row and row.email, problems) == ("", ())


@pytest.mark.parametrize(
    "cell",
    ["hong@", "hong@b", "hong b@c.example", "a@b.example; c@d.example", "a@b.example\r\nBcc: c@d.example", "=a@b.example|x@",
     "홍@b.example", "a@-b.example", "x" * 300 + "@b.example", "a@" + "b" * 64 + ".example"],
)  # fmt: skip
def test_what_is_no_address_is_told(cell: str) -> None:
    assert BOTH(["홍길동", "010-0123-4567", cell]) == (None, ("bad_email",))


def test_a_row_needs_a_number_or_an_address() -> None:
    assert BOTH(["홍길동", "", "없음"]) == (None, ("no_contact",))
    assert CLEAN(["홍길동", " ", "", "", ""]) == (None, ("no_mobile",))
    assert ADDRESSES(["홍길동", "-"]) == (None, ("no_email",))
    row, problems = BOTH(["홍길동", "", "a@b.example"])
    assert (row and (row.mobile, row.email), problems) == (("", "a@b.example"), ())


CELLS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "홍길동", "010-0123-4567", "0212345678", "80.1.2", "1980-02-30", "남", "열성,봉사", "a@b.example"]
    ),
)


@given(blocks=st.lists(st.lists(st.lists(CELLS, max_size=7), min_size=1, max_size=5), max_size=4))
def test_rows_mean_the_same_in_any_company(blocks: list[list[list[str]]]) -> None:
    columns = [Column.NAME, Column.MOBILE, Column.EMAIL, Column.BIRTH, Column.TAGS, Column.MEMBER_SINCE]
    together = Cleaner(columns, today=TODAY)
    for rows in blocks:
        people, problems = together.block(rows)
        for at, cells in enumerate(rows):
            alone = Cleaner(columns, today=TODAY)(cells)
            assert alone == ((None, tuple(problems[at])) if at in problems else (people.row(at), ()))


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_cells_are_a_person_or_problems(cells: list[str]) -> None:
    row, problems = CLEAN(cells)
    assert (row is None) == bool(problems)
