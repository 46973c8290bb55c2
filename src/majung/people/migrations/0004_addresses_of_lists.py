"""Mail addresses of imported lists; adding contact points looks at each value once (SQL: sql/imports.sql, sql/tables.sql)."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0003_pages'),
    ]

    operations = [
        migrations.RunSQL(
            sql.load("majung.people", "imports", "add_addresses"),
            sql.load("majung.people", "imports", "drop_addresses"),
        ),
        migrations.RunSQL(sql.load("majung.people", "tables", "contact_added"), migrations.RunSQL.noop),
    ]
