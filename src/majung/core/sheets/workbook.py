"""Looks through an .xlsx before it is opened: what it unpacks to, how far its cells reach, where formulas are. Plain.

The reader lays a sheet out as one rectangle, so two cells in opposite corners of a file of five kilobytes would take
all memory there is. Nothing is opened here; parts are read as a stream of bytes.
"""

import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from majung.core.errors import Invalid

MAX_GROWTH = 200
SMALL_BYTES = 64 * 2**20

_BLOCK = 1 << 20
_OVERLAP = 512
_SHEET = re.compile(rb'<(?:\w+:)?sheet\s[^>]*?\bid\s*=\s*["\']([^"\']+)["\']')
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_PREFIX = re.compile(rb"(</?)\w+:(?=(?:c|f)[\s/>])")
_FORMULA = re.compile(rb'<c\s[^>]*?\br=["\']([A-Z]+)(\d+)["\'][^>]*>\s*<f[\s>/]')
_CELL = re.compile(rb'<c\s[^>]*?\br=["\']([A-Za-z]+)(\d+)["\'][^>/]*>')  # an empty one ends with a slash
_UNPLACED = re.compile(rb"<c(?:>|\s(?!r=)(?![^>]*\sr=)[^>/]*>)")
_BROKEN = "엑셀 파일이 손상되었습니다. 다시 저장해 주세요."


class Unreadable(Invalid):
    """The file cannot be read as a sheet; ``problem`` says where and what to do."""

    code = "unreadable_sheet"


def formula_cells(file: BinaryIO, *, unpacked_bytes: int, cells: int) -> frozenset[tuple[int, int]]:
    """(row from 1, column from 0) of the first sheet's cells with a formula: such a value cannot be trusted.

    Raises Unreadable, also for what unpacks to more than ``unpacked_bytes`` or spans more than ``cells``.
    """
    try:
        size = file.seek(0, os.SEEK_END)
        with zipfile.ZipFile(file) as archive:
            _refuse_bomb(archive, size, unpacked_bytes)
            first = _first_sheet(archive)
            names = {first, *(n for n in archive.namelist() if n.lower().startswith("xl/worksheets/sheet"))}
            found = [_look_through(archive, name, cells) for name in sorted(names, key=lambda name: name != first)]
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, ValueError, OSError, EOFError) as error:
        raise Unreadable(problem=_BROKEN) from error
    except RuntimeError as error:
        # Encrypted; or, as NotImplementedError, which is one, packed in a way that zipfile does not know.
        problem = "암호가 걸렸거나 풀 수 없는 방식으로 압축한 파일입니다. 암호를 풀고 .xlsx나 CSV로 다시 저장해 주세요."
        raise Unreadable(problem=problem) from error
    return frozenset(found[0])


def _refuse_bomb(archive: zipfile.ZipFile, size: int, most: int) -> None:
    unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > most:
        raise Unreadable(problem=f"풀면 {most // 2**20:,}MB가 넘는 파일입니다. 나누어 올려 주세요.")
    if unpacked > SMALL_BYTES and unpacked > MAX_GROWTH * size:
        raise Unreadable(problem="풀면 몇백 배로 커지는 파일입니다. 표만 새 파일에 옮겨 저장해 주세요.")


def _first_sheet(archive: zipfile.ZipFile) -> str:
    """The part of the sheet that stands first in the book, which need not be ``sheet1.xml``."""
    names = {name.lower(): name for name in archive.namelist()}
    sheet = _SHEET.search(archive.read(names["xl/workbook.xml"]))
    if sheet is None:
        raise Unreadable(problem="시트가 없는 엑셀 파일입니다.")
    for relation in _RELATION.findall(archive.read(names["xl/_rels/workbook.xml.rels"])):
        if _attribute(relation, b"Id") == sheet[1]:
            target = _attribute(relation, b"Target").decode("utf-8").lstrip("/").removeprefix("xl/")
            return names[f"xl/{target}".lower()]
    raise Unreadable(problem=_BROKEN)


def _attribute(tag: bytes, name: bytes) -> bytes:
    found = re.search(rb"\b" + name + rb'\s*=\s*["\']([^"\']*)["\']', tag)
    return found[1] if found else b""


def _look_through(archive: zipfile.ZipFile, name: str, most: int) -> set[tuple[int, int]]:
    formulas: set[tuple[int, int]] = set()
    used: set[bytes] = set()
    tall = 0
    for text in _blocks(archive, name):
        text = _PREFIX.sub(rb"\1", text)
        if b"\0" in text or b"<!" in text or _UNPLACED.search(text):
            raise Unreadable(problem=_BROKEN)
        for letter, row in set(_CELL.findall(text)):
            used.add(letter)
            tall = max(tall, int(row))
        if b"<f" in text:
            formulas.update((int(row), _column(letters) - 1) for letters, row in _FORMULA.findall(text))
    wide = max(map(_column, used), default=0)
    if wide * tall > most:
        raise Unreadable(
            problem=f"{wide:,}째 열과 {tall:,}째 줄까지 적혀 있어 너무 큽니다. 표만 새 파일에 옮겨 저장해 주세요."
        )
    return formulas


def _blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The part in pieces that overlap, so that no tag is cut in two everywhere."""
    with archive.open(name) as part:
        rest = b""
        while block := part.read(_BLOCK):
            yield rest + block
            rest = (rest + block)[-_OVERLAP:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
