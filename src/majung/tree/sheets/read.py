"""Reading a tree file: what its header and rows say (``core.sheets`` reads the file), refused with what to mend."""

import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from majung.core import sheets
from majung.core.errors import Invalid
from majung.core.sheets import Bounds
from majung.core.text import COMPUTED, fold, nfc

MOST_BYTES = 20 * 2**20
MOST_ROWS = 20_000
MOST_CELL = 500
# Blank rows between the others count as cells too.
BOUNDS = Bounds(columns=100, letters=MOST_CELL + 1, unpacked_bytes=300 * 2**20, cells=20 * MOST_ROWS * 10)

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
    written = sheets.recognise(raw, BOUNDS)
    return _rows(sheets.rows(raw, written, BOUNDS), written.formulas)


def _text(cell: str) -> str:
    """A cell as text: a quote that protects a leading ``=`` taken off."""
    text = nfc(cell)
    return text[1:] if text[:1] == "'" and text[1:].startswith(COMPUTED) else text


def _is_formula(key: str, cell: str) -> bool:
    text = cell.strip()
    if not text.startswith(COMPUTED):
        return False
    return not (key == "phone" and text[1:2].isdigit()) and text not in ("-", "+")


def _rows(lines: Iterable[tuple[int, list[str]]], computed: Collection[tuple[int, int]]) -> list[Row]:
    keys: list[str | None] | None = None
    rows: list[Row] = []
    computed_rows = {row for row, _ in computed}
    for number, cells in lines:
        if not any(map(_text, cells)) and number not in computed_rows:
            continue
        if keys is None:
            keys = _header(cells)
            continue
        if len(rows) >= MOST_ROWS:
            raise Invalid(problem=f"{MOST_ROWS:,}줄까지 읽습니다. 나누어 올려 주세요.")
        known = [(at, key, cell) for at, (key, cell) in enumerate(zip(keys, cells, strict=False)) if key is not None]
        values = {key: "" for key in keys if key is not None} | {key: _text(cell) for _, key, cell in known}
        if any(len(value) > MOST_CELL for value in values.values()):
            raise Invalid(
                problem=f"{number}줄에 {MOST_CELL}자가 넘는 칸이 있습니다. 따옴표가 빠진 곳이 없는지 보아 주세요."
            )
        formulas = tuple(_HEADERS[key] for at, key, cell in known if (number, at) in computed or _is_formula(key, cell))
        rows.append(Row(line=number, values=values, formulas=formulas))
    if keys is None or not rows:
        raise Invalid(problem="머리글 아래에 줄이 없습니다.")
    return rows


def _header(cells: Sequence[str]) -> list[str | None]:
    keys = [_KEYS.get(fold(_text(cell))) for cell in cells]
    found = [key for key in keys if key is not None]
    if missing := [f"‘{_HEADERS[key]}’" for key in NEEDED if key not in found]:
        raise Invalid(problem=f"첫 줄에 {', '.join(missing)} 칸이 없습니다. 내려받은 파일의 첫 줄을 그대로 써 주세요.")
    if twice := [f"‘{_HEADERS[key]}’" for key in dict.fromkeys(found) if found.count(key) > 1]:
        raise Invalid(problem=f"{', '.join(twice)} 칸이 두 번 있습니다.")
    return keys
