"""What is staged of the rows of a list: cleaned, indexed, packed and sealed. Plain, so that processes beside the job can do it."""

import gc
import json
import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import compress
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Final

import orjson

from majung.core import arrays
from majung.core.sealing import Place, Sealer, sealer_at
from majung.core.text import fold
from majung.people.imports.clean import Cleaner, CleanRows, Problems

Lines = list[tuple[int, list[str]]]
"""Row numbers and cells."""
Nobody = tuple[int, Sequence[object], str]
"""A row that becomes nobody: its number, its cells, and the codes of its problems."""

HELPERS: Final = 2
AHEAD: Final = 4
"""Blocks in the hands of helpers: what bounds the memory of a long list."""
HELPED_BYTES: Final = 4 * 2**20
"""A file smaller than this is read sooner than helpers have started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Districts:
    """Districts and unit codes below the importing unit: what a cell may say, and which code or unit that is."""

    by_word: dict[str, str]
    unit_codes: dict[str, int]

    def district(self, said: str) -> str | None:
        """The code of the district that a row says: "" for none, None for one that is not here."""
        return self.by_word.get(fold(said)) if said else ""

    def unit(self, said: str) -> int | None:
        """The number of the unit whose code a row says, if it is here."""
        return self.unit_codes.get(fold(said))

    def look(self, people: CleanRows, problems: Problems) -> None:
        """Adds to ``problems`` what rows without one say that does not exist here."""
        districts = {said for said in {*people.district} if self.district(said) is None}
        units = {said for said in {*people.unit_code} if said and self.unit(said) is None}
        if not districts and not units:
            return
        for at, (district, unit) in enumerate(zip(people.district, people.unit_code, strict=True)):
            if (district in districts or unit in units) and at not in problems:
                found = (("bad_district", district in districts), ("bad_unit", unit in units))
                problems[at] = [code for code, is_wrong in found if is_wrong]


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
        numbers = [number for number, _ in batch]
        people, problems = self.clean.block([cells for _, cells in batch])
        self.districts.look(people, problems)
        if self.formula_rows:
            problems |= {at: ["formula"] for at, number in enumerate(numbers) if number in self.formula_rows}
        sealer = sealer_at(self.key)
        nobody = [(*batch[at], ",".join(problems[at])) for at in sorted(problems)]
        if problems:
            kept = [at not in problems for at in range(len(batch))]
            people, numbers = people.where(kept), list(compress(numbers, kept))
        return Staged(
            last_line=batch[-1][0],
            people=self._people(sealer, numbers, people) if numbers else None,
            nobody=sealed_nobody(sealer, self.root, self.import_id, nobody) if nobody else None,
        )

    def _people(self, sealer: Sealer, numbers: list[int], people: CleanRows) -> dict[str, Any]:
        blind, root = sealer.blind, self.root
        names = {name: blind(root, "name", fold(name)) if name else None for name in {*people.name}}
        return {
            "last_row": numbers[-1],
            "rows": arrays.int4s(numbers),
            "sealed": sealer.seal(place(root, self.import_id, "block"), numbers[-1], orjson.dumps(tuple(people))),
            "numbers": arrays.byteas([blind(root, "mobile", mobile) if mobile else None for mobile in people.mobile]),
            "names": arrays.byteas([names[name] for name in people.name]),
            "mails": arrays.byteas([blind(root, "email", fold(email)) if email else None for email in people.email])
            if any(people.email)
            else None,
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


def digested(digester: Digester, blocks: Iterable[Lines], size_bytes: int) -> Generator[Staged, None, None]:
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
