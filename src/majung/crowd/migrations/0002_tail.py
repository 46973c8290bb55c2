"""Reading the end of the change log (SQL: sql/tail.sql)."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):

    dependencies = [
        ('crowd', '0001_initial'),
    ]

    operations = [
        migrations.RunSQL(sql.load("majung.crowd", "tail", "create"), sql.load("majung.crowd", "tail", "drop")),
    ]
