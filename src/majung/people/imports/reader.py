"""Turns an uploaded list (CSV in CP949, UTF-8 or UTF-16; XLSX) into numbered rows of text cells. Plain; no Django."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from itertools import chain

from python_calamine import CalamineError, load_workbook

from majung.people.imports import workbook
from majung.people.imports.workbook import Unreadable as Unreadable
from majung.people.phones import normalise

MAX_COLUMNS = 200
MAX_CELL = 2_000
SAMPLE_ROWS = 20
DELIMITERS = ",\t;|"

_NO_TEXT = "글자가 아닌 내용이 들어 있습니다. 엑셀에서 CSV나 .xlsx로 다시 저장해 주세요."
_END = "\0end"  # comes after the last line; who finds it inside a cell has found a quote that is never closed

csv.field_size_limit(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A list that can be read: how it was written, and its first rows.

    ``header`` is made up (열 1, 열 2 …) when the first row is a person already. ``formula_rows`` are row numbers.
    """

    kind: str
    encoding: str
    delimiter: str
    has_header: bool
    header: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    formula_rows: frozenset[int]


def inspect(body: bytes) -> Sheet:
    """What ``body`` is and how it begins. Raises Unreadable."""
    if not body.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise Unreadable(problem="빈 파일입니다.")
    if body[:4] == b"PK\x03\x04":
        kind, encoding, delimiter, formulas = "xlsx", "", "", workbook.formula_rows(body)
    elif body[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Unreadable(problem="옛 엑셀(.xls)이거나 암호가 걸린 파일입니다. 암호를 풀고 .xlsx나 CSV로 저장해 주세요.")
    else:
        kind, encoding, formulas = "csv", _encoding(body), frozenset()
        delimiter = _delimiter(body, encoding)
    plain = Sheet(
        kind=kind, encoding=encoding, delimiter=delimiter, has_header=False, header=(), sample=(), formula_rows=formulas
    )
    lines = rows(body, plain)
    try:
        _, first = next(lines)
    except StopIteration:
        raise Unreadable(problem="줄이 하나도 없습니다.") from None
    if len(first) >= MAX_COLUMNS:
        raise Unreadable(problem=f"열이 너무 많습니다. {MAX_COLUMNS - 1}개까지 읽습니다.")
    has_header = not any(normalise(cell) for cell in first)
    sample = [] if has_header else [tuple(first)]
    sample += [tuple(cells) for _, (_, cells) in zip(range(SAMPLE_ROWS), lines, strict=False)]
    if kind == "csv" and any("\0" in cell for cells in (first, *sample) for cell in cells):
        raise Unreadable(problem=_NO_TEXT)
    width = max(len(cells) for cells in (first, *sample))
    header = [*first, *[""] * (width - len(first))] if has_header else [f"열 {i + 1}" for i in range(width)]
    return replace(plain, has_header=has_header, header=tuple(header), sample=tuple(sample))


def rows(body: bytes, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """(row number from 1, cells) of every row that is not blank, without the header. Raises Unreadable on the way."""
    source = _xlsx_rows(body) if sheet.kind == "xlsx" else _csv_rows(body, sheet.encoding, sheet.delimiter)
    filled = ((number, cells) for number, cells in source if any(cell.strip() for cell in cells))
    if sheet.has_header:
        next(filled, None)
    yield from filled


def _encoding(body: bytes) -> str:
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if body.startswith(mark):
            return name
    head = body[:4096]
    if b"\0" in head:
        # Text without a mark whose every other byte is zero: UTF-16 as some accounting programs write it.
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if max(even, odd) < len(head) // 8:
            raise Unreadable(problem=_NO_TEXT)
        return "utf-16-le" if odd > even else "utf-16-be"
    failures = []
    for name in ("utf-8", "cp949"):
        failed_at = _first_undecodable(body, name)
        if failed_at is None:
            return name
        failures.append(failed_at)
    # The encoding that came further is the one that was meant.
    line = body.count(b"\n", 0, max(failures)) + 1
    raise Unreadable(problem=f"{line}번째 줄의 글자를 읽을 수 없습니다. 엑셀에서 ‘CSV UTF-8’로 다시 저장해 주세요.")


def _first_undecodable(body: bytes, encoding: str) -> int | None:
    """Where ``body`` stops being ``encoding``, read in blocks so that a large file is not held twice; None if nowhere."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    view = memoryview(body)
    for start in range(0, len(body), 1 << 20):
        try:
            decoder.decode(view[start : start + (1 << 20)], start + (1 << 20) >= len(body))
        except UnicodeDecodeError as error:
            return start + error.start
    return None


def _delimiter(body: bytes, encoding: str) -> str:
    try:
        first = next(iter(io.TextIOWrapper(io.BytesIO(body), encoding, errors="strict", newline=None)), "")
    except UnicodeError:
        raise Unreadable(problem="글자를 읽을 수 없습니다. 엑셀에서 ‘CSV UTF-8’로 다시 저장해 주세요.") from None
    return max(DELIMITERS, key=first.count)


def _csv_rows(body: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    text = io.TextIOWrapper(io.BytesIO(body), encoding, errors="strict", newline="")
    reader = csv.reader(chain(text, (_END,)), delimiter=delimiter)
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
        yield number, [cell[:MAX_CELL] for cell in cells[:MAX_COLUMNS]]


def _xlsx_rows(body: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        book = load_workbook(io.BytesIO(body))
        sheet = book.get_sheet_by_index(0)
        source = sheet.iter_rows()
        first = (sheet.start or (0, 0))[0] + 1
        for number, cells in enumerate(source, start=first):
            yield number, [_cell(cell) for cell in cells[:MAX_COLUMNS]]
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
    return "" if value is None else str(value)[:MAX_CELL]
