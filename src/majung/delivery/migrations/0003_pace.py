"""Places in people's weeks (sql/week.sql), pace and turns (sql/pace.sql), and Django's state of them."""

from django.db import migrations, models

from majung.core import sql


def _run(room: str, name: str) -> str:
    return sql.load("majung.delivery", room, name)


class Migration(migrations.Migration):
    dependencies = [("delivery", "0002_reached")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL([_run("week", "create"), _run("pace", "create")], [_run("week", "drop"), _run("pace", "drop")])
            ],
            state_operations=[
                migrations.CreateModel(
                    name='DispatchTurn',
                    fields=[
                        ('campaign_id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('unit_id', models.BigIntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('began', models.BigIntegerField()),
                        ('turn', models.BigIntegerField()),
                    ],
                    options={
                        'db_table': 'dispatch_turn',
                    },
                ),
                migrations.CreateModel(
                    name='Pace',
                    fields=[
                        ('pk', models.CompositePrimaryKey('kind', 'ref', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('kind', models.TextField()),
                        ('ref', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('per_minute', models.IntegerField(null=True)),
                        ('declared', models.IntegerField(null=True)),
                        ('learned', models.FloatField(null=True)),
                        ('before', models.FloatField(null=True)),
                        ('changed_at', models.DateTimeField(null=True)),
                        ('trouble', models.TextField(default='')),
                        ('free_at', models.DateTimeField()),
                        ('weight', models.SmallIntegerField(default=1)),
                    ],
                    options={
                        'db_table': 'pace',
                    },
                ),
                migrations.CreateModel(
                    name='WeekHold',
                    fields=[
                        ('pk', models.CompositePrimaryKey('root_id', 'day', 'campaign_id', 'block', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('root_id', models.IntegerField()),
                        ('day', models.IntegerField()),
                        ('campaign_id', models.BigIntegerField()),
                        ('block', models.IntegerField()),
                        ('purpose', models.TextField()),
                        ('bits', models.BinaryField()),
                    ],
                    options={
                        'db_table': 'week_hold',
                    },
                ),
                migrations.CreateModel(
                    name='WeekLimit',
                    fields=[
                        ('pk', models.CompositePrimaryKey('root_id', 'purpose', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('root_id', models.IntegerField()),
                        ('purpose', models.TextField()),
                        ('most', models.SmallIntegerField()),
                    ],
                    options={
                        'db_table': 'week_limit',
                    },
                ),
            ],
        )
    ]
