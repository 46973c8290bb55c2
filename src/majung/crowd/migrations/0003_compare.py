"""Stored bitmaps compared with SQL by night (SQL: sql/compare.sql)."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):

    dependencies = [
        ('crowd', '0002_tail'),
    ]

    operations = [
        migrations.RunSQL(sql.load("majung.crowd", "compare", "create"), sql.load("majung.crowd", "compare", "drop")),
    ]
