"""Sealed pages (SQL: sql/pages.sql)."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0002_imports'),
    ]

    operations = [
        migrations.RunSQL(sql.load("majung.people", "pages", "create"), sql.load("majung.people", "pages", "drop")),
    ]
