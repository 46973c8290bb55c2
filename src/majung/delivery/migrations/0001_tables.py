"""The chunk ledger and its company, in SQL (sql/tables.sql), and Django's state of it."""

import django.contrib.postgres.fields
from django.db import migrations, models

import majung.activity.models
from majung.core import sql


def _run(name: str) -> str:
    return sql.load("majung.delivery", "tables", name)


class Migration(migrations.Migration):
    initial = True

    dependencies = [("activity", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    [
                        *map(_run, ("dispatch", "left_out", "chunk", "ahead", "outcome_count", "exception", "cost")),
                        "SELECT campaign_chunk_ahead(255)",
                        sql.load("majung.delivery", "installation", "create"),
                    ],
                    [_run("drop"), sql.load("majung.delivery", "installation", "drop")],
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    name='Chunk',
                    fields=[
                        ('pk', models.CompositePrimaryKey('campaign_id', 'chunk_no', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('campaign_id', models.BigIntegerField()),
                        ('chunk_no', models.IntegerField()),
                        ('wave', models.SmallIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('channel_id', models.BigIntegerField()),
                        ('message_kind', models.TextField()),
                        ('unit_centiwon', models.IntegerField()),
                        ('parent_chunk', models.IntegerField(null=True)),
                        ('off_route', models.BooleanField(default=False)),
                        ('state', models.SmallIntegerField()),
                        ('attempt', models.SmallIntegerField()),
                        ('lease_until', models.DateTimeField(null=True)),
                        ('worker', models.TextField(null=True)),
                        ('group_ref', models.TextField(null=True)),
                        ('n', models.IntegerField()),
                        ('first_person', models.IntegerField()),
                        ('last_person', models.IntegerField()),
                        ('people', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                        ('sealed', models.BinaryField(null=True)),
                        ('outcome', models.BinaryField()),
                        ('ahead', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                        ('open_ahead', models.BinaryField(null=True)),
                        ('told_at', models.DateTimeField(null=True)),
                        ('noted_by', majung.activity.models.Xid8Field(null=True)),
                        ('request_hash', models.BinaryField(null=True)),
                        ('watermark', majung.activity.models.Xid8Field()),
                        ('made_by', majung.activity.models.Xid8Field()),
                        ('rule_set', models.TextField(null=True)),
                        ('judged_at', models.DateTimeField(null=True)),
                        ('handed_at', models.DateTimeField(null=True)),
                        ('settled_at', models.DateTimeField(null=True)),
                    ],
                    options={
                        'db_table': 'campaign_chunk',
                    },
                ),
                migrations.CreateModel(
                    name='ChunkException',
                    fields=[
                        ('pk', models.CompositePrimaryKey('campaign_id', 'chunk_no', 'seq', 'attempt', 'code', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('campaign_id', models.BigIntegerField()),
                        ('chunk_no', models.IntegerField()),
                        ('seq', models.SmallIntegerField()),
                        ('attempt', models.SmallIntegerField()),
                        ('code', models.TextField()),
                        ('person_id', models.IntegerField()),
                        ('detail', models.TextField(default='')),
                        ('at', models.DateTimeField()),
                    ],
                    options={
                        'db_table': 'chunk_exception',
                    },
                ),
                migrations.CreateModel(
                    name='CostEntry',
                    fields=[
                        ('pk', models.CompositePrimaryKey('campaign_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('campaign_id', models.BigIntegerField()),
                        ('chunk_no', models.IntegerField()),
                        ('attempt', models.SmallIntegerField()),
                        ('kind', models.TextField()),
                        ('message_kind', models.TextField()),
                        ('root_id', models.IntegerField()),
                        ('account_id', models.BigIntegerField()),
                        ('unit_id', models.BigIntegerField()),
                        ('n', models.IntegerField()),
                        ('centiwon', models.BigIntegerField()),
                        ('at', models.DateTimeField()),
                        ('seq', models.BigIntegerField()),
                    ],
                    options={
                        'db_table': 'cost_entry',
                    },
                ),
                migrations.CreateModel(
                    name='Dispatch',
                    fields=[
                        ('campaign_id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('root_id', models.IntegerField()),
                        ('account_id', models.BigIntegerField()),
                        ('unit_id', models.BigIntegerField()),
                        ('scope_unit_id', models.BigIntegerField()),
                        ('grant_id', models.BigIntegerField(null=True)),
                        ('purpose', models.TextField()),
                        ('medium', models.TextField()),
                        ('occasion', models.JSONField()),
                        ('template', models.JSONField()),
                        ('segment', models.JSONField()),
                        ('fallback', models.JSONField(null=True)),
                        ('state', models.TextField()),
                        ('pause_reason', models.TextField(default='')),
                        ('problem', models.TextField(default='')),
                        ('not_before', models.DateTimeField()),
                        ('rest_until', models.DateTimeField()),
                        ('watermark', majung.activity.models.Xid8Field()),
                        ('rule_set', models.TextField()),
                        ('unit_centiwon', models.IntegerField()),
                        ('worst_centiwon', models.BigIntegerField()),
                        ('audience', models.IntegerField()),
                        ('left_out', models.IntegerField()),
                        ('planned', models.IntegerField()),
                        ('chunks', models.IntegerField()),
                        ('next_chunk', models.IntegerField()),
                        ('frozen_at', models.DateTimeField()),
                        ('first_claim_at', models.DateTimeField(null=True)),
                        ('last_settled_at', models.DateTimeField(null=True)),
                        ('finished_at', models.DateTimeField(null=True)),
                    ],
                    options={
                        'db_table': 'dispatch',
                    },
                ),
                migrations.CreateModel(
                    name='LeftOut',
                    fields=[
                        ('pk', models.CompositePrimaryKey('campaign_id', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('campaign_id', models.BigIntegerField()),
                        ('seq', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('stage', models.TextField()),
                        ('reason', models.TextField()),
                        ('n', models.IntegerField()),
                        ('people', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                        ('at', models.DateTimeField()),
                    ],
                    options={
                        'db_table': 'campaign_left_out',
                    },
                ),
            ],
        ),
    ]
