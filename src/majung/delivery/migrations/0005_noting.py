"""Fewer people are named in the change log where a chunk leaves alone (sql/reached.sql, "noting")."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):
    dependencies = [("delivery", "0004_left")]

    operations = [migrations.RunSQL(sql.load("majung.delivery", "reached", "noting"), migrations.RunSQL.noop)]
