"""Reading a tree file: bounds first, then encoding, header and rows. What cannot be read is refused with what to mend."""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from openpyxl import load_workbook

from majung.core.errors import Invalid
from majung.core.text import fold, nfc

MOST_BYTES = 20 * 2**20
MOST_UNPACKED = 300 * 2**20
MOST_ROWS = 20_000
MOST_CELL = 500
MOST_COLUMNS = 100
MOST_LINES = 10 * MOST_ROWS  # with the blank ones between them

# Key of a column, the header we write, other words for it.
COLUMNS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("code", "코드", ("조직코드", "code")),
    ("parent", "윗조직 코드", ("상위코드", "상위조직코드", "상위", "부모코드", "parent", "parentcode")),
    ("kind", "갈래", ("종류", "구분", "단계", "kind")),
    ("name", "이름", ("조직명", "조직이름", "명칭", "name")),
    ("entity", "법인", ("법인명", "entity", "legalentity")),
    ("leader", "대표자", ("대표", "위원장", "책임자", "leader")),
    ("phone", "전화", ("전화번호", "연락처", "phone")),
    ("district", "선거구 코드", ("선거구", "선거구번호", "district", "districtcode")),
    ("state", "상태", ("state",)),
)
NEEDED = ("code", "parent", "name")
_KEYS = {fold(word): key for key, header, others in COLUMNS for word in (header, *others)}
_HEADERS = {key: header for key, header, _ in COLUMNS}
FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the file: its number as a spreadsheet shows it, its values, and cells that hold a formula.

    A key that is missing had no column: what is there stays. An empty text was an empty cell.
    """

    line: int
    values: dict[str, str]
    formulas: tuple[str, ...] = field(default=())


def read(file: BinaryIO, name: str, *, size: int | None = None) -> list[Row]:
    """The rows of a CSV or XLSX file, blank lines left out. Raises Invalid; ``size`` is looked at before any byte."""
    if size is None:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
    if size > MOST_BYTES:
        raise Invalid(
            problem=f"파일이 {size // 2**20}MB입니다. {MOST_BYTES // 2**20}MB까지 읽습니다. 아무것도 바꾸지 않았습니다."
        )
    raw = file.read(MOST_BYTES + 1)
    if not raw.strip():
        raise Invalid(problem="빈 파일입니다.")
    if raw[:2] == b"PK":
        cells = _xlsx(raw)
    elif raw[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise Invalid(problem="옛 엑셀(.xls)이거나 암호가 걸린 파일입니다. 암호 없이 .xlsx나 CSV로 저장해 올려 주세요.")
    else:
        cells = _csv(raw)
    return _rows(cells)


def _decoded(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif b"\0" in raw[:2000]:
        # No mark: the zero half of each Latin letter, comma and line end says which half comes first.
        encodings = ["utf-16-le" if raw[1:2000:2].count(0) >= raw[:2000:2].count(0) else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Invalid(problem="글자를 읽지 못했습니다. CSV를 UTF-8로 저장하거나 엑셀 파일(.xlsx)로 올려 주세요.")


def _csv(raw: bytes) -> Iterator[tuple[int, list[Any]]]:
    text = _decoded(raw)
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise Invalid(problem=f"{reader.line_num}줄의 따옴표나 쉼표가 맞지 않아 읽지 못했습니다.") from error


class _Formula(str):
    """A cell that a spreadsheet would compute."""

    __slots__ = ()


def _xlsx(raw: bytes) -> Iterator[tuple[int, list[Any]]]:
    broken = Invalid(problem="엑셀 파일을 열지 못했습니다. 암호를 풀고 .xlsx로 다시 저장해 주세요.")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise Invalid(problem="풀면 너무 커지는 파일입니다. 표 하나만 남겨 다시 저장해 주세요.")
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
    except Invalid:
        raise
    except Exception as error:  # what a torn archive or part raises, from zlib to the parser, is listed nowhere
        raise broken from error
    try:
        sheet = book.worksheets[0] if book.worksheets else None
        if sheet is None:
            raise broken
        # Without a bound on columns every blank row is padded as far as the farthest cell of the sheet.
        for number, cells in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS), start=1):
            if number > MOST_LINES:
                raise Invalid(problem=f"{MOST_LINES:,}줄 아래에도 무언가 적혀 있습니다. 표만 남겨 다시 저장해 주세요.")
            yield number, [_Formula(cell.value) if cell.data_type == "f" else cell.value for cell in cells]
    except Invalid:
        raise
    except Exception as error:
        raise broken from error
    finally:
        book.close()


def _text(cell: Any) -> str:
    """A cell as text: whole numbers without ``.0``, a quote that protects a leading ``=`` taken off."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = nfc(str(cell))
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA else text


def _is_formula(key: str, cell: Any) -> bool:
    text = str(cell or "").strip()
    if isinstance(cell, _Formula):
        return True
    if not isinstance(cell, str) or text[:1] not in FORMULA:
        return False
    return not (key == "phone" and text[1:2].isdigit()) and text not in ("-", "+")


def _rows(lines: Iterable[tuple[int, Sequence[Any]]]) -> list[Row]:
    keys: list[str | None] | None = None
    rows: list[Row] = []
    for number, cells in lines:
        if not any(_text(cell) for cell in cells):
            continue
        if keys is None:
            keys = _header(cells)
            continue
        if len(rows) >= MOST_ROWS:
            raise Invalid(problem=f"{MOST_ROWS:,}줄까지 읽습니다. 나누어 올려 주세요.")
        known = [(key, cell) for key, cell in zip(keys, cells, strict=False) if key is not None]
        values = {key: "" for key in keys if key is not None} | {key: _text(cell) for key, cell in known}
        if any(len(value) > MOST_CELL for value in values.values()):
            raise Invalid(
                problem=f"{number}줄에 {MOST_CELL}자가 넘는 칸이 있습니다. 따옴표가 빠진 곳이 없는지 보아 주세요."
            )
        formulas = tuple(_HEADERS[key] for key, cell in known if _is_formula(key, cell))
        rows.append(Row(line=number, values=values, formulas=formulas))
    if keys is None or not rows:
        raise Invalid(problem="머리글 아래에 줄이 없습니다.")
    return rows


def _header(cells: Sequence[Any]) -> list[str | None]:
    keys = [_KEYS.get(fold(_text(cell))) for cell in cells]
    found = [key for key in keys if key is not None]
    if missing := [f"‘{_HEADERS[key]}’" for key in NEEDED if key not in found]:
        raise Invalid(problem=f"첫 줄에 {', '.join(missing)} 칸이 없습니다. 내려받은 파일의 첫 줄을 그대로 써 주세요.")
    if twice := [f"‘{_HEADERS[key]}’" for key in dict.fromkeys(found) if found.count(key) > 1]:
        raise Invalid(problem=f"{', '.join(twice)} 칸이 두 번 있습니다.")
    return keys
