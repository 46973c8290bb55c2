"""One line a run, kept beside the installation, so that a proof goes on where it was broken off."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

TOTALS = ("kills", "faults", "lost", "unknown_doubles", "known_repeats", "seconds")


NOT_RUN = tuple(
    f"src/majung/cli/{name}.py"
    for name in (
        "backup", "bench", "books", "checks", "demo", "distribute", "doctor", "manifest", "owner", "restore", "returns",
        "scratch", "tests", "up", "wake",
    )
)  # fmt: skip
"""Commands that no run gives."""
NOT_VISITED = re.compile(r"src/majung/(api/.*|\w+/(console|console_\w+|forms)\.py)")
"""Faces that no run looks at: what they do is in services and queries, which count. The portal is visited, and counts."""


@lru_cache
def code() -> str:
    """A digest of everything that runs: runs of another version prove nothing about this one.

    Templates, styles and words are no part of it, nor what ``is_beside`` names: mending a page leaves a proof as it is.
    """
    found = hashlib.sha256()
    source = Path(__file__).resolve().parents[4]
    for root in (source / "src" / "majung", source / "sandbox"):
        for path in sorted((*root.rglob("*.py"), *root.rglob("*.sql"))):
            name = str(path.relative_to(source))
            if not is_beside(name):
                found.update(name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def is_beside(name: str) -> bool:
    """Whether a source file can change nothing about a run."""
    return name in NOT_RUN or NOT_VISITED.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The lines of one file; those of this version and this size are the proof."""

    path: Path
    people: int

    def add(self, line: dict[str, Any]) -> None:
        """A line of its own, also behind one that was torn by the last crash."""
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                file.write(b"" if file.read(1) == b"\n" else b"\n")
            file.write(json.dumps({"code": code(), "people": self.people, **line}, ensure_ascii=False).encode() + b"\n")

    def lines(self) -> Iterator[dict[str, Any]]:
        """The runs of the proof, one a seed: a failure does not go away when the seed is run again and passes."""
        by_seed: dict[int, dict[str, Any]] = {}
        for text in self.path.read_text("utf-8", "replace").splitlines() if self.path.exists() else ():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if line["code"] == code() and line["people"] == self.people:
                known = by_seed.setdefault(line["seed"], line)
                if has_failed(line) and not has_failed(known):
                    by_seed[line["seed"]] = line
        yield from by_seed.values()

    def missing(self, runs: int) -> list[int]:
        """Seeds from 1 to ``runs`` that have not been run."""
        there = {line["seed"] for line in self.lines()}
        return [seed for seed in range(1, runs + 1) if seed not in there]


def has_failed(line: dict[str, Any]) -> bool:
    """Whether a run lost or doubled anything."""
    return bool(line["lost"] or line["unknown_doubles"])


def totals(lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The last line of the command."""
    runs = list(lines)
    sums = {name: sum(line[name] for line in runs) for name in TOTALS}
    return {"runs": len(runs), **sums, "seconds": round(sums["seconds"], 1)}
