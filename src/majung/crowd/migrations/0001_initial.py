"""The change log and the stored bitmaps, written in SQL (sql/tables.sql); the room has no models."""

from django.db import migrations

from majung.core import sql


def _run(name: str) -> str:
    return sql.load("majung.crowd", "tables", name)


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [migrations.RunSQL([_run("create"), _run("functions")], [_run("drop")])]
