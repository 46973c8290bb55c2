"""Imports: the files, and their sealed rows (SQL: sql/imports.sql)."""

import django.contrib.postgres.fields
import django.db.models.deletion
import majung.core.clock
import majung.core.ids
from django.conf import settings
from django.db import migrations, models

from majung.core import sql


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0001_initial'),
        ('tree', '0002_attenuation'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ImportFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=majung.core.ids.uuid7, editable=False, unique=True)),
                ('uploaded_at', models.DateTimeField(default=majung.core.clock.now)),
                ('file_name', models.CharField(max_length=120)),
                ('size_bytes', models.PositiveBigIntegerField()),
                ('stored_as', models.CharField(blank=True, max_length=80)),
                ('state', models.CharField(choices=[('uploaded', '열 맞추기'), ('reading', '읽는 중'), ('ready', '확인 기다림'), ('applying', '넣는 중'), ('done', '끝남'), ('undoing', '되돌리는 중'), ('undone', '되돌림'), ('failed', '멈춤'), ('discarded', '버림')], default='uploaded', max_length=12)),
                ('problem', models.CharField(blank=True, max_length=200)),
                ('header', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), size=None)),
                ('fingerprint', models.CharField(max_length=32)),
                ('columns', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), default=list, size=None)),
                ('basis', models.PositiveSmallIntegerField(choices=[(0, '근거 없음'), (1, '정보주체 동의'), (2, '계약 이행'), (3, '법령'), (4, '정당·단체 가입'), (5, '공개된 정보')], default=0)),
                ('notice_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('media', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=12), default=list, size=None)),
                ('are_members', models.BooleanField(default=False)),
                ('evidence', models.CharField(blank=True, max_length=200)),
                ('obtained_on', models.DateField(null=True)),
                ('next_row', models.PositiveIntegerField(default=0)),
                ('total_rows', models.PositiveIntegerField(null=True)),
                ('new_rows', models.PositiveIntegerField(default=0)),
                ('merged_rows', models.PositiveIntegerField(default=0)),
                ('duplicate_rows', models.PositiveIntegerField(default=0)),
                ('problem_rows', models.PositiveIntegerField(default=0)),
                ('applied_rows', models.PositiveIntegerField(default=0)),
                ('finished_at', models.DateTimeField(null=True)),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.organisation')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.unit')),
                ('uploaded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-uploaded_at', '-id'),
                'indexes': [models.Index(fields=['root', 'fingerprint'], name='import_by_header')],
            },
        ),
        migrations.RunSQL(
            sql.load("majung.people", "imports", "create"),
            sql.load("majung.people", "imports", "drop"),
        ),
    ]
