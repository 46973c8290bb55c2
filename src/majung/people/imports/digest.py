"""What is staged of the rows of a list: cleaned, indexed, packed and sealed. Plain, so that processes beside the job can do it."""

import gc
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Final

from majung.core import arrays
from majung.core.sealing import Place, Sealer, sealer_at
from majung.core.text import fold
from majung.people.imports.clean import Cleaner, CleanRow

Lines = list[tuple[int, list[str]]]
"""Row numbers and cells."""
Nobody = tuple[int, Sequence[object], str]
"""A row that becomes nobody: its number, its cells, and the codes of its problems."""

HELPERS: Final = 2
AHEAD: Final = 4
"""Blocks in the hands of helpers: what bounds the memory of a long list."""
HELPED_BYTES: Final = 4 * 2**20
"""A file smaller than this is read sooner than helpers have started."""

_folded = lru_cache(maxsize=2_000)(fold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Districts:
    """Districts and unit codes below the importing unit: what a cell may say, and which code or unit that is."""

    by_word: dict[str, str]
    unit_codes: dict[str, int]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What became of a block of rows: what the statements ``stage`` and ``stage_problems`` are told, None for nothing."""

    last_line: int
    people: dict[str, Any] | None
    nobody: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digester:
    """Makes blocks of one list what is staged of them. ``key``: the key file."""

    key: Path
    root: int
    import_id: int
    clean: Cleaner
    districts: Districts
    formula_rows: frozenset[int]

    def __call__(self, batch: Lines) -> Staged:
        """The block; it has at least one row."""
        people: list[tuple[int, CleanRow]] = []
        nobody: list[Nobody] = []
        for number, cells in batch:
            row, wrong = (None, ("formula",)) if number in self.formula_rows else self.clean(cells)
            if row is None:
                nobody.append((number, cells, ",".join(wrong)))
            elif missing := self.districts.problems(row):
                nobody.append((number, cells, ",".join(missing)))
            else:
                people.append((number, row))
        sealer = sealer_at(self.key)
        return Staged(
            last_line=batch[-1][0],
            people=self._people(sealer, people) if people else None,
            nobody=sealed_nobody(sealer, self.root, self.import_id, nobody) if nobody else None,
        )

    def _people(self, sealer: Sealer, people: list[tuple[int, CleanRow]]) -> dict[str, Any]:
        blind, root, last, rows = sealer.blind, self.root, people[-1][0], [row for _, row in people]
        text = json.dumps(rows, default=date.isoformat, ensure_ascii=False)
        return {
            "last_row": last,
            "rows": arrays.int4s([number for number, _ in people]),
            "sealed": sealer.seal(place(root, self.import_id, "block"), last, text),
            "numbers": arrays.byteas([blind(root, "mobile", row.mobile) for row in rows]),
            "names": arrays.byteas([blind(root, "name", fold(row.name)) if row.name else None for row in rows]),
        }


def place(root: int, import_id: int, column: str) -> Place:
    """Where staged rows are sealed: one ``row`` that has a problem, or a ``block`` under the number of its last row."""
    return Place(root=root, table=f"import_row/{import_id}", column=column)


def sealed_nobody(sealer: Sealer, root: int, import_id: int, rows: Sequence[Nobody]) -> dict[str, Any]:
    """Rows that become nobody as ``stage_problems`` takes them; they are kept for the file of problems."""
    plain = [(number, json.dumps(cells, default=str, ensure_ascii=False)) for number, cells, _ in rows]
    return {
        "rows": arrays.int4s([number for number, _, _ in rows]),
        "problems": [problems for _, _, problems in rows],
        "sealed": arrays.byteas(sealer.seal_many(place(root, import_id, "row"), plain)),
    }


def digested(digester: Digester, blocks: Iterable[Lines], size_bytes: int) -> Iterator[Staged]:
    """The blocks in their order; those of a large file by processes beside this one."""
    if size_bytes < HELPED_BYTES:
        yield from map(digester, blocks)
        return
    helpers = ProcessPoolExecutor(HELPERS, mp_context=get_context("spawn"), initializer=_begin, initargs=(digester,))
    try:
        waiting: deque[Future[Staged]] = deque()
        for block in blocks:
            waiting.append(helpers.submit(_digest, block))
            if len(waiting) >= AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        helpers.shutdown(cancel_futures=True)


# ── in a helper ──────────────────────────────────────────────────────────────────────────────────────────────────────

_mine: list[Digester] = []


def _begin(digester: Digester) -> None:
    """This process digests blocks of one list, and ends with its parent. It makes no cycles of objects to be searched for."""
    _mine.append(digester)
    gc.disable()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
    os._exit(1)


def _digest(batch: Lines) -> Staged:
    return _mine[0](batch)
