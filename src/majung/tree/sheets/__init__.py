"""The whole tree out and in as CSV or XLSX: read, compare, apply at once or not at all (T6)."""

from majung.tree.sheets.apply import apply, draft
from majung.tree.sheets.diff import Diff, Planned, RowError, diff
from majung.tree.sheets.read import COLUMNS, Row, read
from majung.tree.sheets.write import to_csv, to_xlsx

__all__ = ["COLUMNS", "Diff", "Planned", "Row", "RowError", "apply", "diff", "draft", "read", "to_csv", "to_xlsx"]
