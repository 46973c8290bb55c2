"""Messy files are read, broken ones are refused with a sentence (F2)."""

import io
import zipfile
from dataclasses import replace

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.people.imports import reader
from majung.people.imports.reader import Unreadable, inspect, rows

TABLE = '이름,휴대전화,주소\r\n홍길동,010-0123-4567,"서울\r\n종로구"\r\n\r\n성춘향,01001234568,남원\r\n'
READ = [["홍길동", "010-0123-4567", "서울\r\n종로구"], ["성춘향", "01001234568", "남원"]]


@pytest.mark.product("F2")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_reads_the_same(encoding: str) -> None:
    body = TABLE.encode(encoding)
    sheet = inspect(body)
    assert sheet.header == ("이름", "휴대전화", "주소")
    assert [cells for _, cells in rows(body, sheet)] == READ


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_seen(delimiter: str) -> None:
    body = f"이름{delimiter}전화\n홍길동{delimiter}01001234567\n".encode()
    assert inspect(body).header == ("이름", "전화")


def test_list_without_header_keeps_its_first_person() -> None:
    body = "홍길동,010-0123-4567\n성춘향,010-0123-4568\n".encode()
    sheet = inspect(body)
    assert sheet.header == ("열 1", "열 2")
    assert [number for number, _ in rows(body, sheet)] == [1, 2]


def workbook(*lines: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_xlsx_numbers_and_formulas() -> None:
    body = workbook(["이름", "전화", "나이"], ["홍길동", 1001234567, 30], ["성춘향", "01001234568", "=1+1"])
    sheet = inspect(body)
    assert next(cells for _, cells in rows(body, sheet)) == ["홍길동", "1001234567", "30"]
    assert sheet.formula_rows == {3}


def test_formulas_are_found_in_a_list_that_begins_further_down() -> None:
    body = workbook([], [], ["이름", "전화"], ["홍길동", "01001234567"], ["성춘향", "=A1"])
    sheet = inspect(body)
    assert [number for number, _ in rows(body, sheet)] == [4, 5]
    assert sheet.formula_rows == {5}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \r\n\t",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100,
        b"PK\x03\x04 not a zip",
        "이름,전화\n".encode() + b"\xff\xfe\xff",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
        b"\x89PNG\r\n\x1a\n" + bytes(3_000),
        ('이름,전화\n"홍길동' + "가" * 1_100_000).encode(),
        ('이름,전화\n"홍길동,01001234567\n' + "성춘향,01001234568\n" * 50).encode(),
        "이름,전화\n홍길동,01001234567\n".encode("utf-32"),
    ],
    ids=[
        "empty",
        "blank",
        "old-excel",
        "torn-zip",
        "torn-text",
        "picture",
        "picture-of-zeros",
        "open-quote",
        "open-quote-to-the-end",
        "utf-32",
    ],
)
def test_broken_files_are_refused_in_korean(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        sheet = inspect(body)
        list(rows(body, sheet))
    assert any("가" <= c <= "힣" for c in str(refused.value))


def test_zip_bomb_is_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BOUNDS", replace(reader.BOUNDS, unpacked_bytes=10_000))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 1_000_000)
    with pytest.raises(Unreadable, match="나누어"):
        inspect(out.getvalue())


@given(st.binary(max_size=400))
def test_no_bytes_crash_the_reader(body: bytes) -> None:
    try:
        sheet = inspect(body)
        list(rows(body, sheet))
    except Unreadable:
        pass


def test_a_broken_byte_is_named_by_its_line() -> None:
    lines = "이름,전화\n" + "홍길동,01001234567\n" * 5
    for encoding in ("utf-8", "cp949"):
        with pytest.raises(Unreadable, match="7번째 줄"):
            inspect(lines.encode(encoding) + b"\xff\xff,010\n")


@pytest.mark.parametrize("far", ["XFD1048576", "BZ1048576", "XFD2000"])
def test_two_far_cells_do_not_take_all_memory(far: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(["이름", "전화"], ["홍길동", "01001234567"])))
    book.active[far] = "x"
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(Unreadable, match="너무 큽니다"):
        inspect(out.getvalue())


def changed(body: bytes, part: str, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in archive.namelist():
            content = archive.read(name)
            assert name != part or old in content
            copy.writestr(name, content.replace(old, new) if name == part else content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'r="A1"', b'r="ZZZZZZ99999999999"'),
        (b'r="A1"', b'r="ZZZZZZZZZZZZZZZZ1"'),
        (b' r="A1"', b""),
        (b"<sheetData>", b'<!-- <c " --><sheetData>'),
        (b"<sheetData>", b"<sheetData" + b" " * 90_000_000 + b">"),
    ],
    ids=["far-row", "far-column", "no-place", "comment", "blanks"],
)
def test_hostile_sheets_are_refused(old: bytes, new: bytes) -> None:
    body = workbook(["이름", "전화"], ["홍길동", "01001234567"])
    with pytest.raises(Unreadable):
        inspect(changed(body, "xl/worksheets/sheet1.xml", old, new))


def test_formulas_are_looked_for_in_the_sheet_that_stands_first() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(["이름", "전화"])))
    first = book.create_sheet("명단", 0)
    for line in (["이름", "전화"], ["홍길동", "01001234567"], ["성춘향", "=A1"]):
        first.append(line)
    out = io.BytesIO()
    book.save(out)
    # A spreadsheet that is told to put a sheet first keeps the name of its part.
    body = changed(out.getvalue(), "xl/_rels/workbook.xml.rels", b"sheet1.xml", b"sheetX.xml")
    body = changed(body, "xl/_rels/workbook.xml.rels", b"sheet2.xml", b"sheet1.xml")
    body = changed(body, "xl/_rels/workbook.xml.rels", b"sheetX.xml", b"sheet2.xml")
    assert inspect(body).formula_rows == frozenset()
    assert inspect(out.getvalue()).formula_rows == {3}


@given(at=st.integers(0, 4_000), byte=st.integers(0, 255))
def test_no_torn_spreadsheet_crashes_the_reader(at: int, byte: int) -> None:
    body = bytearray(workbook(["이름", "전화"], ["홍길동", "01001234567"]))
    body[at] = byte
    try:
        sheet = inspect(bytes(body))
        list(rows(bytes(body), sheet))
    except Unreadable:
        pass
