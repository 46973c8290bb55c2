"""Changes of people noted by column (SQL: sql/changes.sql)."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0004_addresses_of_lists'),
    ]

    operations = [
        migrations.RunSQL(sql.load("majung.people", "changes", "create"), sql.load("majung.people", "changes", "drop")),
    ]
