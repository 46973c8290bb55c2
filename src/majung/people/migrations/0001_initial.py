"""Tags; persons, contact points and the access log (SQL: sql/tables.sql)."""

import django.db.models.deletion
from django.db import migrations, models

import majung.core.clock
from majung.core import sql


def _run(name: str) -> str:
    return sql.load("majung.people", "tables", name)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('activity', '0001_initial'),
        ('crowd', '0001_initial'),
        ('tree', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40)),
                ('created_at', models.DateTimeField(default=majung.core.clock.now)),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.organisation')),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(fields=('root', 'name'), name='tag_name_once')],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    [_run(part) for part in ("create", "access_log", "crowd_triggers", "contact_added", "contact_triggers")],
                    [_run("drop")],
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    name='AccessEntry',
                    fields=[
                        ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('root_id', models.IntegerField()),
                        ('at', models.DateTimeField()),
                        ('actor_kind', models.TextField()),
                        ('actor_id', models.BigIntegerField(null=True)),
                        ('unit_id', models.BigIntegerField(null=True)),
                        ('person_id', models.BigIntegerField(null=True)),
                        ('n', models.IntegerField()),
                        ('what', models.TextField()),
                        ('why', models.TextField()),
                        ('address', models.TextField()),
                    ],
                    options={
                        'db_table': 'access_log',
                    },
                ),
                migrations.CreateModel(
                    name='ContactClaim',
                    fields=[
                        ('pk', models.CompositePrimaryKey('root_id', 'kind', 'blind', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('root_id', models.IntegerField()),
                        ('kind', models.SmallIntegerField(choices=[(1, '휴대전화'), (2, '유선전화'), (3, '전자우편')])),
                        ('blind', models.BinaryField()),
                        ('person_id', models.BigIntegerField()),
                        ('holders', models.IntegerField()),
                    ],
                    options={
                        'db_table': 'contact_claim',
                    },
                ),
                migrations.CreateModel(
                    name='ContactPoint',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'kind', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('kind', models.SmallIntegerField(choices=[(1, '휴대전화'), (2, '유선전화'), (3, '전자우편')])),
                        ('root_id', models.IntegerField()),
                        ('sealed', models.BinaryField()),
                        ('blind', models.BinaryField()),
                        ('created_at', models.DateTimeField()),
                    ],
                    options={
                        'db_table': 'contact_point',
                    },
                ),
                migrations.CreateModel(
                    name='ExternalIdentity',
                    fields=[
                        ('pk', models.CompositePrimaryKey('root_id', 'app', 'blind', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('root_id', models.IntegerField()),
                        ('app', models.TextField()),
                        ('blind', models.BinaryField()),
                        ('person_id', models.BigIntegerField()),
                    ],
                    options={
                        'db_table': 'external_identity',
                    },
                ),
                migrations.CreateModel(
                    name='Membership',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'entity_id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('state', models.SmallIntegerField(choices=[(1, '가입 신청'), (2, '회원'), (3, '탈퇴'), (4, '제명')])),
                        ('since', models.DateField()),
                    ],
                    options={
                        'db_table': 'membership',
                    },
                ),
                migrations.CreateModel(
                    name='Person',
                    fields=[
                        ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('root_id', models.IntegerField()),
                        ('public_id', models.UUIDField(unique=True)),
                        ('entity_id', models.BigIntegerField()),
                        ('home_unit_id', models.BigIntegerField(null=True)),
                        ('name_sealed', models.BinaryField(null=True)),
                        ('name_blind', models.BinaryField(null=True)),
                        ('birth_ym', models.IntegerField(null=True)),
                        ('gender', models.SmallIntegerField(choices=[(0, '모름'), (1, '남'), (2, '여')])),
                        ('region_code', models.TextField()),
                        ('district_code', models.TextField()),
                        ('state', models.SmallIntegerField(choices=[(1, '이용 중'), (2, '처리정지'), (3, '파기됨')])),
                        ('basis', models.SmallIntegerField(choices=[(0, '근거 없음'), (1, '정보주체 동의'), (2, '계약 이행'), (3, '법령'), (4, '정당·단체 가입'), (5, '공개된 정보')])),
                        ('import_id', models.BigIntegerField(null=True)),
                        ('created_at', models.DateTimeField()),
                        ('salt', models.BinaryField(null=True)),
                    ],
                    options={
                        'db_table': 'person',
                    },
                ),
                migrations.CreateModel(
                    name='PersonTag',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'tag_id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('tag_id', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                    ],
                    options={
                        'db_table': 'person_tag',
                    },
                ),
            ],
        ),
    ]
