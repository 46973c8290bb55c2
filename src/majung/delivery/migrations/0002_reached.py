"""Who was reached by what, beside the chunk ledger, and the triggers that feed it and the change log (sql/reached.sql)."""

from django.db import migrations

from majung.core import sql


def _run(name: str) -> str:
    return sql.load("majung.delivery", "reached", name)


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_tables"), ("crowd", "0001_initial")]

    operations = [
        migrations.RunSQL([_run("create"), _run("triggers"), _run("noting"), _run("noting_trigger")], [_run("drop")])
    ]
