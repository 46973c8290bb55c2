"""Hand-written SQL: named statements in ``sql/*.sql`` files, one file a subject, found by room and name."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def statements(package: str, file: str) -> dict[str, str]:
    """Every named statement of ``<package>/sql/<file>.sql``; the name line itself is left out."""
    source = files(package).joinpath("sql", f"{file}.sql").read_text("utf-8")
    parts = _NAME.split(source)
    found = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    if len(found) != len(parts[1::2]):
        raise ValueError(f"{package}/sql/{file}.sql names a statement twice")
    return found


def load(package: str, file: str, name: str) -> str:
    """One named statement. Raises KeyError naming what exists."""
    found = statements(package, file)
    if name not in found:
        raise KeyError(f"{package}/sql/{file}.sql has {sorted(found)}, not {name}")
    return found[name]


def prepared(
    connection: psycopg.Connection[Any], text: str, params: Mapping[str, Any], *, binary: bool = False
) -> psycopg.Cursor[Any]:
    """``text`` has been run as a prepared statement of this connection: for small statements that are run again and again.

    Django's connections prepare nothing by themselves.
    """
    before = connection.prepare_threshold
    connection.prepare_threshold = 0
    try:
        return psycopg.Cursor(connection).execute(text.encode(), params, prepare=True, binary=binary)
    finally:
        connection.prepare_threshold = before


def planned(
    connection: psycopg.Connection[Any], text: str, params: Mapping[str, Any], *, binary: bool = False
) -> psycopg.Cursor[Any]:
    """``text`` has been run, planned anew: for statements that read much, or are hardly run twice."""
    return psycopg.Cursor(connection).execute(text.encode(), params, prepare=False, binary=binary)
