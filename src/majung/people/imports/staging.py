"""Reads an uploaded list into sealed rows, in blocks that commit: a step that is cut off goes on where it stopped."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import dropwhile, islice
from typing import Any

import orjson
import psycopg
from django.conf import settings
from django.db import transaction

from majung.core import clock, db, sql
from majung.core.garbage import uncollected
from majung.core.text import fold
from majung.people.imports import reader, store
from majung.people.imports.clean import Cleaner, CleanRows
from majung.people.imports.digest import Digester, Districts, Lines, Staged, digested, place, sealed_nobody
from majung.people.imports.mapping import Column
from majung.people.imports.models import ImportFile, ImportState
from majung.people.vault import sealer
from majung.tree.models import Unit

BLOCK = 10_000
READABLE, NEW, MERGED = 1, 4, 5
NOBODY = 0
"""Stands among the people of a block for a row that became nobody."""


def statement(name: str) -> str:
    """A statement of ``sql/imports.sql``."""
    return sql.load("majung.people", "imports", name)


def run(name: str, **params: Any) -> list[Any]:
    """Its rows."""
    cursor = psycopg.Cursor(db.raw()).execute(statement(name), params, binary=True)
    return cursor.fetchall() if cursor.description else []


def districts_below(unit: Unit) -> Districts:
    """Those of ``unit``'s subtree. A short name that two districts share means neither."""
    by_word: dict[str, str] = {}
    double: set[str] = set()
    codes: dict[str, int] = {}
    for row in Unit.objects.filter(root_id=unit.root_id, path__startswith=unit.path).only(
        "pk", "code", "name", "district_code"
    ):
        codes[fold(row.code)] = row.pk
        if not row.district_code:
            continue
        short = row.name.split(" ", 1)[-1]
        for word in {fold(row.name), fold(short), row.district_code}:
            if by_word.get(word, row.district_code) != row.district_code:
                double.add(word)
            by_word[word] = row.district_code
    return Districts(by_word={word: code for word, code in by_word.items() if word not in double}, unit_codes=codes)


def read_all(source: ImportFile) -> bool:
    """Every row of the file is staged, while it is being read. Raises reader.Unreadable for one that breaks in the middle.

    False when another job has overtaken this one, which is not to touch the import any more.
    """
    body = store.opener(sealer(), source.root_id, source.stored_as)
    sheet = reader.inspect(body)
    digester = Digester(
        key=settings.VAULT_KEY,
        root=source.root_id,
        import_id=source.pk,
        clean=Cleaner([Column(value) for value in source.columns], today=clock.today()),
        districts=districts_below(source.unit),
        formula_rows=sheet.formula_rows,
    )
    begun = source.next_row
    lines = dropwhile(lambda line: line[0] <= begun, reader.rows(body, sheet))
    with closing(digested(digester, _blocks(lines), source.size_bytes)) as blocks:
        return all(_stage(source, staged) for staged in blocks)


def _blocks(lines: Iterator[tuple[int, list[str]]]) -> Iterator[Lines]:
    while True:
        with uncollected():
            block = list(islice(lines, BLOCK))
        if not block:
            return
        yield block


@transaction.atomic
def _stage(source: ImportFile, staged: Staged) -> bool:
    """The block is staged, if no other job was quicker."""
    reading = ImportFile.objects.filter(pk=source.pk, state=ImportState.READING, next_row=source.next_row)
    if not reading.update(next_row=staged.last_line):
        return False
    if staged.people:
        run("stage", import_id=source.pk, **staged.people)
    if staged.nobody:
        run("stage_problems", import_id=source.pk, **staged.nobody)
    source.next_row = staged.last_line
    return True


def mark_duplicates(source: ImportFile) -> None:
    """Rows whose person came earlier in the file are left out, and told to the operator. Done twice, it does nothing more."""
    for last_row, repeats in run("duplicates", import_id=source.pk):
        [(rows, _, sealed)] = run("block", import_id=source.pk, last_row=last_row)
        people, places = opened(source, last_row, sealed), {row: at for at, row in enumerate(rows)}
        said = []
        for row in repeats:
            person = people.row(places[row])
            said.append((row, [person.name, person.mobile or person.email], "duplicate"))
        run("stage_problems", import_id=source.pk, **sealed_nobody(sealer(), source.root_id, source.pk, said))
        run("mark_duplicates", import_id=source.pk, last_row=last_row, rows=repeats)


def opened(source: ImportFile, last_row: int, sealed: bytes) -> CleanRows:
    """The people of a staged block, in order."""
    text = sealer().open_bytes(place(source.root_id, source.pk, "block"), last_row, sealed)
    columns: list[Any] = orjson.loads(text)
    columns[-2:] = [*map(tuple, columns[-2])], [date.fromisoformat(day) if day else None for day in columns[-1]]
    return CleanRows(*columns)


def problem_rows(source: ImportFile, *, after: int, limit: int) -> Iterator[tuple[int, list[str], list[str]]]:
    """(row number, codes of problems, cells as far as the file showed them) of rows that become nobody, behind row ``after``."""
    rows = run("problem_rows", import_id=source.pk, after=after, limit=limit)
    numbers, sealed = [number for number, _, _ in rows], [bytes(value) for _, _, value in rows]
    plain = sealer().open_many(place(source.root_id, source.pk, "row"), numbers, sealed)
    for (number, problems, _), text in zip(rows, plain, strict=True):
        yield number, problems, json.loads(text)
