"""What every reader of files relies on: numbers of rows and columns, formulas, bounds (people and tree test the rest)."""

import io
from dataclasses import replace

import openpyxl
import pytest

from majung.core import sheets
from majung.core.sheets import Bounds, Unreadable

BOUNDS = Bounds(columns=5, letters=10, unpacked_bytes=10**8, cells=1_000)


def book(**cells: object) -> bytes:
    made = openpyxl.Workbook()
    for place, value in cells.items():
        made.active[place] = value
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read(body: bytes, bounds: Bounds = BOUNDS) -> list[tuple[int, list[str]]]:
    return list(sheets.rows(body, sheets.recognise(body, bounds), bounds))


def test_rows_and_columns_are_those_a_spreadsheet_shows() -> None:
    body = book(B3="이름", C3="번호", B6="홍길동", C6=1001234567, D6="=C6+1")

    assert [(number, cells[:3]) for number, cells in read(body)] == [
        (3, ["", "이름", "번호"]), (6, ["", "홍길동", "1001234567"]),
    ]  # fmt: skip
    assert sheets.recognise(body, BOUNDS).formulas == {(6, 3)}


def test_a_row_of_nothing_but_formulas_is_not_passed_over() -> None:
    body = book(A1="이름", A2="=B2", A4="홍길동")

    assert [number for number, _ in read(body)] == [1, 2, 4]


def test_a_quoted_line_end_counts_one_row() -> None:
    assert [number for number, _ in read('가,"나\r\n다"\r\n\r\n라,마\r\n'.encode())] == [1, 3]


def test_a_nul_far_down_is_no_text() -> None:
    with pytest.raises(Unreadable, match="글자가 아닌"):
        read(("가,나\n" * 5_000 + "다,\0라\n").encode())


def test_what_lies_beyond_the_bounds_is_cut_or_refused() -> None:
    assert read("가나다라마바사아자차카,나,다,라,마,바".encode()) == [
        (1, ["가나다라마바사아자차", "나", "다", "라", "마"])
    ]
    with pytest.raises(Unreadable, match="너무 큽니다"):
        read(book(A1="이름", E201="x"))
    with pytest.raises(Unreadable, match="풀면"):
        read(book(A1="이름"), replace(BOUNDS, unpacked_bytes=100))
