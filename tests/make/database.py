"""Connections of their own to the test database, for races that one session cannot show."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def second_connection(*, autocommit: bool = False) -> Iterator[psycopg.Connection[Any]]:
    """A psycopg connection beside Django's, as the owner of the test database; what is not committed is rolled back."""
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    parts = {key: connection.settings_dict[name] for name, key in known.items() if connection.settings_dict[name]}
    with psycopg.connect(**parts, autocommit=autocommit) as other:
        try:
            yield other
        finally:
            if not other.closed and not autocommit:
                other.rollback()
