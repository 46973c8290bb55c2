"""What survives a restart: a small SQLite file of named JSON sections, written when something changed."""

import sqlite3
from typing import Any

import orjson


class State:
    """Sections by name. Without a path nothing is kept."""

    def __init__(self, path: str | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("CREATE TABLE IF NOT EXISTS section (name TEXT PRIMARY KEY, body BLOB NOT NULL)")
        self._written: dict[str, bytes] = {}

    def read(self) -> dict[str, Any]:
        """All sections."""
        self._written = dict(self._db.execute("SELECT name, body FROM section"))
        return {name: orjson.loads(body) for name, body in self._written.items()}

    def write(self, sections: dict[str, Any]) -> None:
        """Put sections down in one transaction, those that did not change left alone."""
        rows = [(name, orjson.dumps(value)) for name, value in sections.items()]
        rows = [(name, body) for name, body in rows if self._written.get(name) != body]
        if rows:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO section VALUES (?, ?)", rows)
            self._db.execute("COMMIT")
            self._written.update(rows)

    def close(self) -> None:
        """Release the file."""
        self._db.close()
