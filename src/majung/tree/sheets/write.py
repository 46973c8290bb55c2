"""Writing the units in sight as a file that reads back as it is."""

import csv
import io
from collections.abc import Iterator

from openpyxl import Workbook
from openpyxl.styles import Font

from majung.core.text import shown
from majung.tree import rules
from majung.tree.actor import Actor
from majung.tree.enums import UnitState
from majung.tree.models import Unit
from majung.tree.sheets.read import COLUMNS


def rows(actor: Actor) -> Iterator[list[str]]:
    """Header and one row a unit in sight, parents first. A parent out of sight is left empty."""
    yield [header for _, header, _ in COLUMNS]
    codes: dict[str, str] = {}
    unit: Unit
    for unit in actor.units().select_related("kind", "entity"):
        codes[unit.path] = unit.code
        yield [
            shown(value)
            for value in (
                unit.code,
                codes.get(unit.path[: -rules.STEP], ""),
                unit.kind.name,
                unit.name,
                unit.entity.name,
                unit.leader,
                unit.phone,
                unit.district_code,
                UnitState(unit.state).label,
            )
        ]


def to_csv(actor: Actor) -> bytes:
    """UTF-8 with a mark, so that spreadsheets read Korean."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows(actor))
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(actor: Actor) -> bytes:
    """One sheet of texts, header frozen."""
    book = Workbook(write_only=False)
    sheet = book.active
    sheet.title = "조직"
    for line in rows(actor):
        sheet.append(line)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for column in sheet.iter_cols():
        for cell in column:
            cell.data_type, cell.number_format = "s", "@"
        sheet.column_dimensions[column[0].column_letter].width = min(
            40, 4 + 2 * max(len(str(cell.value or "")) for cell in column)
        )
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
