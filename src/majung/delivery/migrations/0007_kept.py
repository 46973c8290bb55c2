"""What proves later what was sent is written once (sql/tables.sql, "kept")."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):
    dependencies = [("delivery", "0006_once")]

    operations = [
        migrations.RunSQL(
            sql.load("majung.delivery", "tables", "kept"), sql.load("majung.delivery", "tables", "not_kept")
        )
    ]
