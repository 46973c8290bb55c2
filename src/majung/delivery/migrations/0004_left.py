"""When what is in doubt was asked for, by the database's clock (sql/tables.sql, "left")."""

from django.db import migrations, models

from majung.core import sql


class Migration(migrations.Migration):
    dependencies = [("delivery", "0003_pace")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    sql.load("majung.delivery", "tables", "left"), sql.load("majung.delivery", "tables", "not_left")
                )
            ],
            state_operations=[
                migrations.AddField(model_name="chunk", name=name, field=models.DateTimeField(null=True))
                for name in ("keyed_at", "left_at")
            ],
        )
    ]
