"""Reads an uploaded list into sealed rows, in blocks that commit: a step that is cut off goes on where it stopped."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

import psycopg
from django.db import transaction

from majung.core import arrays, clock, db, sql
from majung.core.garbage import uncollected
from majung.core.sealing import Place, Sealer
from majung.core.text import fold
from majung.people.imports import reader, store
from majung.people.imports.clean import Cleaner, CleanRow
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
    cursor = psycopg.Cursor(db.raw()).execute(statement(name), params)
    return cursor.fetchall() if cursor.description else []


def _place(source: ImportFile, column: str) -> Place:
    """Where staged rows are sealed: one ``row`` that has a problem, or a ``block`` under the number of its last row."""
    return Place(root=source.root_id, table=f"import_row/{source.pk}", column=column)


_folded = lru_cache(maxsize=2_000)(fold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Districts:
    """Districts and unit codes below the importing unit: what a cell may say, and which code that is."""

    by_word: dict[str, str]
    unit_codes: dict[str, int]

    @classmethod
    def below(cls, unit: Unit) -> "Districts":
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
        return cls(by_word={word: code for word, code in by_word.items() if word not in double}, unit_codes=codes)

    def district(self, row: CleanRow) -> str | None:
        """The code of the district that a row says: "" for none, None for one that is not here."""
        return self.by_word.get(_folded(row.district)) if row.district else ""

    def unit(self, row: CleanRow) -> int | None:
        """The number of the unit whose code a row says, if it is here."""
        return self.unit_codes.get(_folded(row.unit_code))

    def problems(self, row: CleanRow) -> tuple[str, ...]:
        """What a clean row says that does not exist here."""
        found = []
        if self.district(row) is None:
            found.append("bad_district")
        if row.unit_code and self.unit(row) is None:
            found.append("bad_unit")
        return tuple(found)


def read_all(source: ImportFile) -> bool:
    """Every row of the file is staged, while it is being read. Raises reader.Unreadable for one that breaks in the middle.

    False when another job has overtaken this one, which is not to touch the import any more.
    """
    seal = sealer()
    body = store.opener(seal, source.root_id, source.stored_as)
    sheet = reader.inspect(body)
    clean = Cleaner([Column(value) for value in source.columns], today=clock.today())
    districts = Districts.below(source.unit)
    begun = source.next_row
    lines = (line for line in reader.rows(body, sheet) if line[0] > begun)
    while True:
        with uncollected(), transaction.atomic():
            batch = list(islice(lines, BLOCK))
            if not batch:
                return True
            reading = ImportFile.objects.filter(pk=source.pk, state=ImportState.READING, next_row=source.next_row)
            if not reading.update(next_row=batch[-1][0]):
                return False
            _stage(seal, source, clean, districts, batch, sheet.formula_rows)
        source.next_row = batch[-1][0]


def _stage(
    seal: Sealer,
    source: ImportFile,
    clean: Cleaner,
    districts: Districts,
    batch: list[tuple[int, list[str]]],
    formula_rows: frozenset[int],
) -> None:
    people: list[tuple[int, CleanRow]] = []
    nobody: list[tuple[int, Sequence[object], str]] = []
    for number, cells in batch:
        row, wrong = (None, ("formula",)) if number in formula_rows else clean(cells)
        if row is None:
            nobody.append((number, cells, ",".join(wrong)))
        elif missing := districts.problems(row):
            nobody.append((number, cells, ",".join(missing)))
        else:
            people.append((number, row))
    if people:
        blind, root, last, rows = seal.blind, source.root_id, people[-1][0], [row for _, row in people]
        run(
            "stage",
            import_id=source.pk,
            last_row=last,
            rows=arrays.int4s([number for number, _ in people]),
            sealed=seal.seal(
                _place(source, "block"), last, json.dumps(rows, default=date.isoformat, ensure_ascii=False)
            ),
            numbers=arrays.byteas([blind(root, "mobile", row.mobile) for row in rows]),
            names=arrays.byteas([blind(root, "name", fold(row.name)) if row.name else None for row in rows]),
        )
    _stage_nobody(seal, source, nobody)


def _stage_nobody(seal: Sealer, source: ImportFile, rows: Sequence[tuple[int, Sequence[object], str]]) -> None:
    """Rows that become nobody (number, cells, problems) are kept for the file of problems."""
    if rows:
        plain = [(number, json.dumps(cells, default=str, ensure_ascii=False)) for number, cells, _ in rows]
        run(
            "stage_problems",
            import_id=source.pk,
            rows=arrays.int4s([number for number, _, _ in rows]),
            problems=[problems for _, _, problems in rows],
            sealed=arrays.byteas(seal.seal_many(_place(source, "row"), plain)),
        )


def mark_duplicates(source: ImportFile) -> None:
    """Rows whose person came earlier in the file are left out, and told to the operator. Done twice, it does nothing more."""
    for last_row, repeats in run("duplicates", import_id=source.pk):
        [(rows, _, sealed)] = run("block", import_id=source.pk, last_row=last_row)
        people = dict(zip(rows, opened(source, last_row, sealed), strict=True))
        said = [(row, [people[row].name, people[row].mobile], "duplicate") for row in repeats]
        _stage_nobody(sealer(), source, said)
        run("mark_duplicates", import_id=source.pk, last_row=last_row, rows=repeats)


def opened(source: ImportFile, last_row: int, sealed: bytes) -> list[CleanRow]:
    """The people of a staged block, in order."""
    text = sealer().open(_place(source, "block"), last_row, bytes(sealed))
    rows = json.loads(text)
    for row in rows:
        row[-2] = tuple(row[-2])
        if row[-1]:
            row[-1] = date.fromisoformat(row[-1])
    return [CleanRow._make(row) for row in rows]


def problem_rows(source: ImportFile, *, after: int, limit: int) -> Iterator[tuple[int, list[str], list[str]]]:
    """(row number, codes of problems, cells as far as the file showed them) of rows that become nobody, behind row ``after``."""
    rows = run("problem_rows", import_id=source.pk, after=after, limit=limit)
    numbers, sealed = [number for number, _, _ in rows], [bytes(value) for _, _, value in rows]
    plain = sealer().open_many(_place(source, "row"), numbers, sealed)
    for (number, problems, _), text in zip(rows, plain, strict=True):
        yield number, problems, json.loads(text)
