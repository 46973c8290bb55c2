"""Tree files as people send them, and every way one can be bad (T6)."""

import io
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from majung.core.errors import Invalid
from majung.tree import sheets
from majung.tree.sheets.read import MOST_BYTES
from tests.make.sheets import HEAD, read

pytestmark = pytest.mark.product("T6")

TEXT = "코드,윗조직 코드,이름\nA,B,가나다라\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_and_delimiters_are_recognised(encoding: str, delimiter: str) -> None:
    rows = read(TEXT.replace(",", delimiter).encode(encoding))

    assert [row.values for row in rows] == [{"code": "A", "parent": "B", "name": "가나다라"}]


def test_headers_have_synonyms_in_any_order_and_width() -> None:
    rows = read("조직명,상위 코드,Ｃｏｄｅ,메모\n가,B,A,x\n,,,\n 나 ,B,C,y")

    assert [(row.line, row.values) for row in rows] == [
        (2, {"name": "가", "parent": "B", "code": "A"}),
        (4, {"name": "나", "parent": "B", "code": "C"}),
    ]


def book(*lines: list[Any]) -> bytes:
    made = Workbook()
    for values in lines:
        made.active.append(values)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_spreadsheets_with_numbers_and_formulas() -> None:
    head = ["코드", "윗조직 코드", "이름", "전화"]
    rows = read(book(head, [11, 1.0, "가", None], ["B", "=A2", '=HYPERLINK("http://x")', "02-1"]), "t.xlsx")

    assert rows[0].values == {"code": "11", "parent": "1", "name": "가", "phone": ""}
    assert (rows[0].formulas, rows[1].formulas) == ((), ("윗조직 코드", "이름"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   \n\n",
        b"\x00\x01\x02\x03" * 50,
        b"\xff\xfe\x00",
        b"\x80\x81\xff\xff" * 20,
        b"PK\x03\x04 not a zip",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old",
        "코드,이름\nA,가".encode(),
        "코드,윗조직 코드,이름,이름\nA,B,가,나".encode(),
        "코드,윗조직 코드,이름".encode(),
        '코드,윗조직 코드,이름\nA,B,"닫히지 않은'.encode(),
        ("코드,윗조직 코드,이름\nA,B," + "가" * 200_000).encode(),
        "<html><body>표</body></html>".encode(),
        book(),
        book(["코드", "윗조직 코드"]),
        book(["코드", "윗조직 코드", "이름"], ["A", "B", "가"])[:600],
    ],
)
def test_unreadable_files_are_refused_with_a_sentence(raw: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read(raw)
    assert re.search(r"(니다|세요)\.", str(caught.value))


def test_size_is_looked_at_before_a_byte_is_read() -> None:
    class Untouchable(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("read")

    with pytest.raises(Invalid, match="300MB"):
        sheets.read(Untouchable(), "big.csv", size=300 * 2**20)
    with pytest.raises(Invalid):
        sheets.read(io.BytesIO(b"x" * (MOST_BYTES + 1)), "big.csv")


def test_a_small_zip_that_unpacks_to_much_is_refused() -> None:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"xl/{number}.xml", b"0" * 90 * 2**20)
    assert len(out.getvalue()) < 2 * 2**20

    with pytest.raises(Invalid, match="풀면"):
        read(out.getvalue(), "bomb.xlsx")


def spreadsheet(*far: str) -> bytes:
    book = Workbook()
    for cells in (HEAD.split(","), ["A", "", "중앙당", "가"], ["B", "A", "시도당", "나"]):
        book.active.append(cells)
    for cell in far:
        book.active[cell] = "x"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("far", ["XFD1048576", "A1048576"])
def test_a_cell_at_the_far_end_of_the_sheet_is_no_work_of_hours(far: str) -> None:
    with pytest.raises(Invalid, match="너무 큽니다"):
        read(spreadsheet(far), "tree.xlsx")


@given(at=st.integers(60, 4_000), byte=st.integers(0, 255))
def test_a_torn_spreadsheet_is_read_or_refused(at: int, byte: int) -> None:
    raw = bytearray(spreadsheet())
    raw[at] = byte
    try:
        read(bytes(raw), "tree.xlsx")
    except Invalid as refused:
        assert re.search(r"(니다|세요)\.", str(refused))


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(Invalid, match="20,000줄"):
        read("코드,윗조직 코드,이름\n" + "A,B,가\n" * 20_001)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: (TEXT + text).encode("utf-8", "ignore")))
def test_any_bytes_end_in_rows_or_a_refusal(raw: bytes) -> None:
    try:
        rows = read(raw)
    except Invalid:
        return
    assert all({"code", "parent", "name"} <= row.values.keys() for row in rows)
