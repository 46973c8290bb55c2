"""The database keeps an attempt from being charged twice, and finds what is out by its group (sql/tables.sql, "once")."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):
    dependencies = [("delivery", "0005_noting")]

    operations = [
        migrations.RunSQL(
            sql.load("majung.delivery", "tables", "once"), sql.load("majung.delivery", "tables", "not_once")
        )
    ]
