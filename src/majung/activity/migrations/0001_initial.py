"""The stream (SQL), its readers' cursors and duties."""

import django.contrib.postgres.fields
from django.db import migrations, models

import majung.activity.models
import majung.core.clock
from majung.core import sql


def _run(name: str) -> str:
    return sql.load("majung.activity", "activity", name)


KINDS = [("user", "운영자"), ("api_key", "API 키"), ("person", "본인"), ("system", "시스템")]


class Migration(migrations.Migration):
    initial = True

    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL([_run("append_only"), _run("create")], [_run("drop")])],
            state_operations=[
                migrations.CreateModel(
                    name="Activity",
                    fields=[
                        ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("xid", majung.activity.models.Xid8Field()),
                        ("root_id", models.IntegerField()),
                        ("at", models.DateTimeField()),
                        ("actor_kind", models.TextField(choices=KINDS)),
                        ("actor_id", models.BigIntegerField(null=True)),
                        ("kind", models.TextField()),
                        ("unit_id", models.BigIntegerField(null=True)),
                        ("person_id", models.BigIntegerField(null=True)),
                        ("object_kind", models.TextField(default="")),
                        ("object_id", models.BigIntegerField(null=True)),
                        ("facts", models.JSONField(default=dict)),
                        (
                            "people",
                            django.contrib.postgres.fields.ArrayField(
                                base_field=models.IntegerField(), null=True, size=None
                            ),
                        ),
                    ],
                    options={"db_table": "activity"},
                ),
            ],
        ),
        migrations.CreateModel(
            name="Reader",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("xid", models.BigIntegerField(default=0)),
                ("seq", models.BigIntegerField(default=0)),
            ],
            options={"db_table": "activity_reader"},
        ),
        migrations.CreateModel(
            name="Duty",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("root_id", models.IntegerField()),
                ("unit_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=200)),
                ("owed_at", models.DateTimeField(default=majung.core.clock.now)),
                ("due_at", models.DateTimeField()),
                (
                    "people",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), null=True, size=None),
                ),
                ("object_kind", models.CharField(blank=True, max_length=40)),
                ("object_id", models.BigIntegerField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("done_by_kind", models.CharField(blank=True, max_length=10)),
                ("done_by_id", models.BigIntegerField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("done_at__isnull", True)),
                        fields=["root_id", "due_at"],
                        name="duties_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("done_at__isnull", True)),
                        fields=("root_id", "unit_id", "kind", "object_kind", "object_id"),
                        name="duty_open_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
