"""Phone numbers come in any spelling and are kept in one (F2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.people.phones import Kind, Phone, normalise, spoken

MOBILE = Phone(Kind.MOBILE, "01012345678")


@pytest.mark.product("F2")
@pytest.mark.parametrize(
    "text",
    [
        "01012345678",
        "010-1234-5678",
        "010 1234 5678",
        "010.1234.5678",
        "(010)1234-5678",
        "０１０－１２３４－５６７８",
        "+82 10-1234-5678",
        "+82-10-1234-5678",
        "+82 010 1234 5678",
        "82 10 1234 5678",
        "8201012345678",
        "0082-10-1234-5678",
        "1012345678",
        "10-1234-5678",
        " 010–1234–5678 ",
        "'01012345678",
        "H.P: 010-1234-5678",
        "휴대폰: 010-1234-5678",
        "010\u00a01234\u20115678",
        "010ー1234ー5678",
    ],
)
def test_mobile_in_any_spelling(text: str) -> None:
    assert normalise(text) == MOBILE


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("02-312-3456", "023123456"),
        ("031)765-4321", "0317654321"),
        ("+82 2 6123 4567", "0261234567"),
        ("070-8765-4321", "07087654321"),
    ],
)
def test_landline_keeps_its_area_code(text: str, digits: str) -> None:
    assert normalise(text) == Phone(Kind.LANDLINE, digits)


@pytest.mark.product("F2")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "없음",
        "1234-5678",
        "312-3456",
        "011-234-5678",
        "016-1234-5678",
        "019-234-5678",
        "1588-1234",
        "0507-1234-5678",
        "010-1234-567",
        "010-1234-56789",
        "+1 212 555 0123",
        "010-1234-5678 / 010-9876-5432",
        "010-1234-5678x",
        "1.01235E+09",
        "+",
        "++82 10 1234 5678",
        "010-1234-5678" * 100,
        "٠١٠١٢٣٤٥٦٧٨x",
        "0" * 11,
        "02-000-0000",
        "\x00",
        "\ud800",
    ],
)
def test_unreachable_numbers_are_refused(text: str) -> None:
    assert normalise(text) is None


@given(st.text(max_size=70))
def test_any_text_gives_one_spelling_or_nothing(text: str) -> None:
    found = normalise(text)
    assert found is None or (found.digits.isascii() and found.digits.isdigit() and normalise(found.digits) == found)


PIECES = st.sampled_from(["", "-", " ", ".", "–", " - "])


@given(
    st.integers(0, 10**8 - 1),
    PIECES,
    PIECES,
    st.sampled_from(["010", "+8210", "82 10", "+82-010", "0082 10"]),
    st.booleans(),
)
def test_every_mobile_round_trips(number: int, first: str, second: str, prefix: str, wide: bool) -> None:
    rest = f"{number:08}"
    text = f"{prefix}{first}{rest[:4]}{second}{rest[4:]}"
    if wide:
        text = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in text)
    assert normalise(text) == Phone(Kind.MOBILE, f"010{rest}")


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("01012345678", "010-1234-5678"),
        ("023123456", "02-312-3456"),
        ("0212345678", "02-1234-5678"),
        ("0317654321", "031-765-4321"),
        ("", ""),
    ],
)
def test_numbers_are_read_in_groups(digits: str, said: str) -> None:
    assert spoken(digits) == said
    assert not digits or normalise(said) == normalise(digits)
