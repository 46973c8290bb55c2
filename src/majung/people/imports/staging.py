"""Reads an uploaded list into sealed rows, in batches that commit: a step that is cut off goes on where it stopped."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import islice
from typing import Any

import psycopg
from django.db import transaction

from majung.core import clock, db, sql
from majung.core.sealing import Place, Sealer
from majung.core.text import fold
from majung.people.imports import reader, store
from majung.people.imports.clean import CleanRow, clean
from majung.people.imports.mapping import Column
from majung.people.imports.models import ImportFile, ImportState
from majung.people.vault import blind, sealer
from majung.tree.models import Unit

BATCH = 5_000
READABLE, PROBLEM = 1, 2


def statement(name: str) -> str:
    """A statement of ``sql/imports.sql``."""
    return sql.load("majung.people", "imports", name)


def run(name: str, **params: Any) -> list[Any]:
    """Its rows."""
    cursor = psycopg.Cursor(db.raw()).execute(statement(name), params)
    return cursor.fetchall() if cursor.description else []


def place(source: ImportFile) -> Place:
    """Where a staged row is sealed; the subject is its row number."""
    return Place(root=source.root_id, table=f"import_row/{source.pk}", column="cells")


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

    def problems(self, row: CleanRow) -> tuple[str, ...]:
        """What a clean row says that does not exist here."""
        found = []
        if row.district and fold(row.district) not in self.by_word:
            found.append("bad_district")
        if row.unit_code and fold(row.unit_code) not in self.unit_codes:
            found.append("bad_unit")
        return tuple(found)


def read_all(source: ImportFile) -> None:
    """Every row of the file is staged, while it is being read. Raises reader.Unreadable for one that breaks in the middle."""
    seal = sealer()
    body = store.read(seal, source.root_id, source.stored_as)
    sheet = reader.inspect(body)
    columns = [Column(value) for value in source.columns]
    districts = Districts.below(source.unit)
    lines = (line for line in reader.rows(body, sheet) if line[0] > source.next_row)
    today = clock.today()
    while batch := list(islice(lines, BATCH)):
        with transaction.atomic():
            reading = ImportFile.objects.filter(pk=source.pk, state=ImportState.READING)
            if not reading.update(next_row=batch[-1][0]):
                return
            _stage(seal, source, columns, districts, batch, sheet.formula_rows, today)
    with transaction.atomic():
        run("mark_duplicates", import_id=source.pk)


def _stage(
    seal: Sealer,
    source: ImportFile,
    columns: Sequence[Column],
    districts: Districts,
    batch: list[tuple[int, list[str]]],
    formula_rows: frozenset[int],
    today: date,
) -> None:
    states, problems, plain, numbers, names = [], [], [], [], []
    for number, cells in batch:
        row, wrong = (None, ("formula",)) if number in formula_rows else clean(cells, columns, today=today)
        if row is not None and (missing := districts.problems(row)):
            row, wrong = None, missing
        states.append(READABLE if row else PROBLEM)
        problems.append(",".join(wrong))
        plain.append((number, json.dumps(_stored(row) if row else cells, ensure_ascii=False)))
        numbers.append(blind(source.root_id, "mobile", row.mobile) if row else None)
        names.append(blind(source.root_id, "name", row.name) if row and row.name else None)
    run(
        "stage",
        import_id=source.pk,
        rows=[number for number, _ in batch],
        states=states,
        problems=problems,
        sealed=seal.seal_many(place(source), plain),
        blinds=numbers,
        names=names,
    )


def _stored(row: CleanRow) -> dict[str, Any]:
    return asdict(row) | {"member_since": row.member_since.isoformat() if row.member_since else None}


def opened(source: ImportFile, rows: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, Any]]:
    """(row number, what was staged: a CleanRow's columns, or the cells as they stood)."""
    plain = sealer().open_many(place(source), [number for number, _ in rows], [bytes(sealed) for _, sealed in rows])
    for (number, _), text in zip(rows, plain, strict=True):
        yield number, json.loads(text)


def clean_row(stored: dict[str, Any]) -> CleanRow:
    """A staged row as the person it says."""
    since = stored["member_since"]
    return CleanRow(
        **{**stored, "tags": tuple(stored["tags"]), "member_since": date.fromisoformat(since) if since else None}
    )
