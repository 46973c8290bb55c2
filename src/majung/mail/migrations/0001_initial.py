"""Returned addresses (SQL: sql/returns.sql)."""

from django.db import migrations, models

from majung.core import sql


def _run(name: str) -> str:
    return sql.load("majung.mail", "returns", name)


class Migration(migrations.Migration):
    initial = True

    dependencies = [("people", "0001_initial"), ("crowd", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_run("create"), _run("drop"))],
            state_operations=[
                migrations.CreateModel(
                    name="Returned",
                    fields=[
                        ("pk", models.CompositePrimaryKey("root_id", "blind", blank=True, editable=False, primary_key=True, serialize=False)),
                        ("root_id", models.IntegerField()),
                        ("blind", models.BinaryField()),
                        ("since", models.DateTimeField()),
                        ("status", models.TextField()),
                        ("campaign_id", models.BigIntegerField(null=True)),
                    ],
                    options={"db_table": "mail_returned"},
                ),
            ],
        ),
    ]
