"""The psycopg connection behind Django's, for the rooms' plain modules: same session, same transaction."""

from typing import Any

import psycopg
from django.db import connection


def raw() -> psycopg.Connection[Any]:
    """Django's own psycopg 3 connection of this thread, opened if need be."""
    connection.ensure_connection()
    wrapped = connection.connection
    if not isinstance(wrapped, psycopg.Connection):
        raise TypeError(f"not a psycopg 3 connection: {wrapped!r}")
    return wrapped
