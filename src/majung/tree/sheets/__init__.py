"""The whole tree out and in as CSV or XLSX: read, compare, apply as a whole or not at all (T6)."""

from majung.tree.sheets.apply import apply, begin, draft
from majung.tree.sheets.diff import Diff, Planned, RowError, diff
from majung.tree.sheets.read import COLUMNS, Row, read
from majung.tree.sheets.write import to_csv, to_xlsx

__all__ = [
    "COLUMNS",
    "Diff",
    "Planned",
    "Row",
    "RowError",
    "apply",
    "begin",
    "diff",
    "draft",
    "read",
    "to_csv",
    "to_xlsx",
]
