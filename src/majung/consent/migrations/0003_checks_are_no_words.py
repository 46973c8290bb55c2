"""A two-year check no longer hides a withdrawal that is told after it (sql/tables.sql, fold_2)."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):

    dependencies = [("consent", "0002_codes_of_units")]

    operations = [
        migrations.RunSQL(
            sql.load("majung.consent", "tables", "fold_2"),
            migrations.RunSQL.noop,
        ),
    ]
