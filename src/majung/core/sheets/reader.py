"""Reads a table out of a file: CSV in CP949, UTF-8 or UTF-16, or XLSX, into numbered rows of text. Plain."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import chain
from typing import BinaryIO, Final

from python_calamine import CalamineError, load_workbook

from majung.core.sheets import workbook
from majung.core.sheets.workbook import Unreadable

DELIMITERS: Final = ",\t;|"

_NO_TEXT = "글자가 아닌 내용이 들어 있습니다. 엑셀에서 CSV나 .xlsx로 다시 저장해 주세요."
_END = "\0end"  # comes after the last line; who finds it inside a cell has found a quote that is never closed

csv.field_size_limit(1_000_000)

Body = bytes | Callable[[], BinaryIO]
"""A file at hand, or how to open one that should not be held in memory: from its beginning, each time."""


def opened(body: Body) -> BinaryIO:
    """The file from its beginning."""
    return io.BytesIO(body) if isinstance(body, bytes) else body()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a file is read: what lies beyond ``columns`` and ``letters`` of a cell is cut off, all else is refused."""

    columns: int
    letters: int
    unpacked_bytes: int
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a table was written. ``formulas`` are (row from 1, column from 0) of cells that a spreadsheet computes."""

    kind: str
    encoding: str = ""
    delimiter: str = ""
    formulas: frozenset[tuple[int, int]] = frozenset()


def recognise(body: Body, bounds: Bounds) -> Written:
    """What ``body`` is. Raises Unreadable."""
    if not any(block.strip(b"\0 \t\r\n\xef\xbb\xbf") for block in _blocks(body)):
        raise Unreadable(problem="빈 파일입니다.")
    with opened(body) as file:
        head = file.read(8)
    if head[:4] == b"PK\x03\x04":
        with opened(body) as file:
            cells = workbook.formula_cells(file, unpacked_bytes=bounds.unpacked_bytes, cells=bounds.cells)
        return Written(kind="xlsx", formulas=cells)
    if head == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable(problem="옛 엑셀(.xls)이거나 암호가 걸린 파일입니다. 암호를 풀고 .xlsx나 CSV로 저장해 주세요.")
    encoding = _encoding(body)
    return Written(kind="csv", encoding=encoding, delimiter=_delimiter(body, encoding))


def rows(body: Body, written: Written, bounds: Bounds) -> Iterator[tuple[int, list[str]]]:
    """(row number from 1 as a spreadsheet shows it, cells) of every row that says anything. Raises Unreadable on the way."""
    if written.kind != "xlsx":
        return _csv_rows(body, written, bounds)
    computed = {row for row, _ in written.formulas}
    source = _xlsx_rows(body, bounds)
    return ((number, cells) for number, cells in source if number in computed or any(map(str.strip, cells)))


def _blocks(body: Body) -> Iterator[bytes]:
    with opened(body) as file:
        while block := file.read(1 << 20):
            yield block


def _encoding(body: Body) -> str:
    with opened(body) as file:
        head = file.read(4096)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    if b"\0" in head:
        # Text without a mark whose every other byte is zero: UTF-16 as some accounting programs write it.
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if max(even, odd) < len(head) // 8:
            raise Unreadable(problem=_NO_TEXT)
        return "utf-16-le" if odd > even else "utf-16-be"
    failures = []
    for name in ("utf-8", "cp949"):
        failed = _first_undecodable(body, name)
        if failed is None:
            return name
        failures.append(failed)
    # The encoding that came further is the one that was meant.
    _, line = max(failures)
    raise Unreadable(problem=f"{line}번째 줄의 글자를 읽을 수 없습니다. 엑셀에서 ‘CSV UTF-8’로 다시 저장해 주세요.")


def _first_undecodable(body: Body, encoding: str) -> tuple[int, int] | None:
    """Where ``body`` stops being ``encoding``, as byte and line; None if nowhere."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    start, line = 0, 1
    for block in chain(_blocks(body), (b"",)):
        pending = decoder.getstate()[0]
        try:
            decoder.decode(block, not block)
        except UnicodeDecodeError as error:
            # The decoder counts from what it still held of the block before, which has no line's end in it.
            at = error.start - len(pending)
            return start + at, line + block.count(b"\n", 0, max(at, 0))
        start, line = start + len(block), line + block.count(b"\n")
    return None


def _delimiter(body: Body, encoding: str) -> str:
    lines = io.TextIOWrapper(opened(body), encoding, errors="strict", newline=None)
    try:
        first = next((line for line in lines if line.strip()), "")
    except UnicodeError:
        raise Unreadable(problem="글자를 읽을 수 없습니다. 엑셀에서 ‘CSV UTF-8’로 다시 저장해 주세요.") from None
    return max(DELIMITERS, key=first.count)


def _csv_rows(body: Body, written: Written, bounds: Bounds) -> Iterator[tuple[int, list[str]]]:
    text = io.TextIOWrapper(opened(body), written.encoding, errors="strict", newline="")
    reader = csv.reader(chain(text, (_END,)), delimiter=written.delimiter)
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except UnicodeError:
            raise Unreadable(problem=f"{number + 1}번째 줄 가까이의 글자를 읽을 수 없습니다.") from None
        except csv.Error:
            raise Unreadable(
                problem=f"{number + 1}번째 줄에서 따옴표가 닫히지 않았거나 칸이 너무 깁니다. 그 줄을 고쳐 주세요."
            ) from None
        number += 1
        if cells and cells[-1].endswith(_END):
            if cells == [_END]:
                return
            raise Unreadable(problem=f"{number}번째 줄에서 따옴표가 열리고 닫히지 않았습니다. 그 줄을 고쳐 주세요.")
        said = "".join(cells)
        if "\0" in said:
            raise Unreadable(problem=_NO_TEXT)
        if len(said) > bounds.letters or len(cells) > bounds.columns:
            cells = [cell[: bounds.letters] for cell in cells[: bounds.columns]]
        if said and not said.isspace():
            yield number, cells


def _xlsx_rows(body: Body, bounds: Bounds) -> Iterator[tuple[int, list[str]]]:
    try:
        book = load_workbook(opened(body))
        sheet = book.get_sheet_by_index(0)
        # The library gives the blank rows above the table, but not the blank columns before it.
        margin = [""] * (sheet.start or (0, 0))[1]
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            yield number, [*margin, *(_cell(cell)[: bounds.letters] for cell in cells)][: bounds.columns]
    except BaseException as error:
        # What the library did not foresee it raises as a panic, which is no Exception.
        if not isinstance(error, CalamineError | IndexError | OSError | ValueError) and not _is_panic(error):
            raise
        raise Unreadable(problem="엑셀 파일이 손상되었거나 암호가 걸려 있습니다. 다시 저장해 주세요.") from error


def _is_panic(error: BaseException) -> bool:
    return type(error).__name__ == "PanicException"


def _cell(value: object) -> str:
    """A cell as somebody would type it: whole floats without ``.0`` (a telephone number stored as a number), ISO dates."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return "" if value is None else str(value)
