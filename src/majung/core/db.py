"""The psycopg connection behind Django's, for the rooms' plain modules: same session, same transaction."""

from typing import Any

import psycopg
from django.db import connection


def raw() -> psycopg.Connection[Any]:
    """Django's own psycopg 3 connection of this thread, opened if need be."""
    connection.ensure_connection()
    wrapped = connection.connection
    assert isinstance(wrapped, psycopg.Connection)
    return wrapped
