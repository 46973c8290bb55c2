"""Tables that people send as files: read within bounds, refused with a sentence. Rooms say what the columns mean."""

from majung.core.sheets.reader import Body, Bounds, Written, recognise, rows
from majung.core.sheets.workbook import Unreadable

__all__ = ["Body", "Bounds", "Unreadable", "Written", "recognise", "rows"]
