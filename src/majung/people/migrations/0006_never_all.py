"""Who adds contacts looks up who else has them by the index, whatever statistics say (sql/tables.sql, "contact_added")."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):
    dependencies = [("people", "0005_changes_by_column")]

    operations = [migrations.RunSQL(sql.load("majung.people", "tables", "contact_added"), migrations.RunSQL.noop)]
