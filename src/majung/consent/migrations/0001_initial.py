"""Notices (Django); ledgers, state tables and their triggers (sql/tables.sql)."""

import django.contrib.postgres.fields
import django.db.models.deletion
import majung.core.clock
import majung.core.ids
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from majung.core import sql


def _run(name: str) -> str:
    return sql.load('majung.consent', 'tables', name)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('activity', '0001_initial'),
        ('crowd', '0001_initial'),
        ('tree', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=majung.core.ids.uuid7, editable=False, unique=True)),
                ('code', models.CharField(max_length=40)),
                ('version', models.PositiveIntegerField()),
                ('purpose', models.CharField(choices=[('service', '개인정보 수집·이용'), ('sensitive', '민감정보 처리'), ('advertising', '광고성 정보 수신'), ('night', '밤 시간 광고 수신'), ('party_notice', '선택 소식 수신'), ('provision', '제3자 제공')], max_length=20)),
                ('media', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('KAKAO_AD', '카카오톡 채널 메시지'), ('KAKAO_ALIM', '알림톡'), ('KAKAO_CHAT', '채널 대화'), ('SMS', '문자'), ('EMAIL', '전자우편'), ('PUSH', '앱 알림'), ('*', '모든 소식')], max_length=12), blank=True, default=list, size=None)),
                ('required', models.BooleanField(default=False)),
                ('title', models.CharField(max_length=100)),
                ('purpose_text', models.TextField(blank=True)),
                ('items_text', models.TextField(blank=True)),
                ('retention_text', models.TextField(blank=True)),
                ('retention_months', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('refusal_text', models.TextField(blank=True)),
                ('recipients_text', models.TextField(blank=True)),
                ('state', models.CharField(choices=[('draft', '쓰는 중'), ('published', '공개'), ('retired', '거둠')], default='draft', max_length=10)),
                ('created_at', models.DateTimeField(default=majung.core.clock.now)),
                ('published_at', models.DateTimeField(null=True)),
                ('retired_at', models.DateTimeField(null=True)),
                ('text_hash', models.CharField(blank=True, max_length=64)),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.legalentity')),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.organisation')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.unit')),
                ('written_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('code', '-version'),
                'constraints': [models.UniqueConstraint(fields=('root', 'code', 'version'), name='notice_version_once'), models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('root', 'code'), name='notice_one_draft'), models.UniqueConstraint(condition=models.Q(('state', 'published')), fields=('root', 'code'), name='notice_one_published'), models.CheckConstraint(condition=models.Q(('state', 'draft'), models.Q(('published_at__isnull', False), models.Q(('text_hash', ''), _negated=True), models.Q(('title', ''), _negated=True), models.Q(('purpose_text', ''), _negated=True), models.Q(('items_text', ''), _negated=True), models.Q(('retention_text', ''), _negated=True), models.Q(('refusal_text', ''), _negated=True)), _connector='OR'), name='notice_published_whole'), models.CheckConstraint(condition=models.Q(models.Q(('required', True), _negated=True), models.Q(('purpose__in', ('advertising', 'night', 'party_notice')), _negated=True), _connector='OR'), name='notice_ads_never_required')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='notice',
            trigger=pgtrigger.compiler.Trigger(name='published_stands', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.state <> 'draft')", func="\n                IF TG_OP = 'DELETE'\n                   OR to_jsonb(NEW) - ARRAY['state', 'retired_at'] <> to_jsonb(OLD) - ARRAY['state', 'retired_at']\n                   OR (NEW.state <> OLD.state AND NOT (OLD.state = 'published' AND NEW.state = 'retired')) THEN\n                    RAISE EXCEPTION 'a published notice stands as it is' USING ERRCODE = 'insufficient_privilege';\n                END IF;\n                RETURN NEW;\n                ", hash='0a1665ea176d5acb0ade05ab083fa9b56e5f2246', operation='UPDATE OR DELETE', pgid='pgtrigger_published_stands_cb485', table='consent_notice', when='BEFORE')),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL([_run('due'), _run('create'), _run('fold'), _run('crowd')], [_run('drop')]),
            ],
            state_operations=[
                migrations.CreateModel(
                    name='ConsentEntry',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('id', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('purpose', models.TextField(choices=[('service', '개인정보 수집·이용'), ('sensitive', '민감정보 처리'), ('advertising', '광고성 정보 수신'), ('night', '밤 시간 광고 수신'), ('party_notice', '선택 소식 수신'), ('provision', '제3자 제공')])),
                        ('medium', models.TextField(choices=[('KAKAO_AD', '카카오톡 채널 메시지'), ('KAKAO_ALIM', '알림톡'), ('KAKAO_CHAT', '채널 대화'), ('SMS', '문자'), ('EMAIL', '전자우편'), ('PUSH', '앱 알림'), ('*', '모든 소식')])),
                        ('act', models.TextField(choices=[('granted', '동의'), ('withdrawn', '철회'), ('confirmed', '수신동의 확인 보냄')])),
                        ('notice_id', models.BigIntegerField(null=True)),
                        ('unit_id', models.BigIntegerField(null=True)),
                        ('how', models.TextField(choices=[('web', '웹 화면'), ('link', '수신 설정 링크'), ('paper', '서명한 종이'), ('phone', '전화'), ('email', '전자우편 회신'), ('channel', '채널'), ('import', '명단 가져오기'), ('staff', '담당자 기록'), ('system', '시스템')])),
                        ('at', models.DateTimeField()),
                        ('proof', models.JSONField(default=dict)),
                        ('actor_kind', models.TextField()),
                        ('actor_id', models.BigIntegerField(null=True)),
                    ],
                    options={
                        'db_table': 'consent_entry',
                    },
                ),
                migrations.CreateModel(
                    name='ConsentState',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'entity_id', 'purpose', 'medium', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('purpose', models.TextField(choices=[('service', '개인정보 수집·이용'), ('sensitive', '민감정보 처리'), ('advertising', '광고성 정보 수신'), ('night', '밤 시간 광고 수신'), ('party_notice', '선택 소식 수신'), ('provision', '제3자 제공')])),
                        ('medium', models.TextField(choices=[('KAKAO_AD', '카카오톡 채널 메시지'), ('KAKAO_ALIM', '알림톡'), ('KAKAO_CHAT', '채널 대화'), ('SMS', '문자'), ('EMAIL', '전자우편'), ('PUSH', '앱 알림'), ('*', '모든 소식')])),
                        ('root_id', models.IntegerField()),
                        ('granted_on', models.DateField(null=True)),
                        ('withdrawn_at', models.DateTimeField(null=True)),
                        ('checked_on', models.DateField(null=True)),
                        ('due_on', models.DateField(null=True)),
                        ('kept_until', models.DateField(null=True)),
                        ('notice_id', models.BigIntegerField(null=True)),
                        ('unit_id', models.BigIntegerField(null=True)),
                        ('changed_at', models.DateTimeField()),
                    ],
                    options={
                        'db_table': 'consent_state',
                    },
                ),
                migrations.CreateModel(
                    name='Deal',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'entity_id', 'goods_class', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('goods_class', models.TextField()),
                        ('root_id', models.IntegerField()),
                        ('ended_on', models.DateField()),
                        ('is_direct', models.BooleanField()),
                    ],
                    options={
                        'db_table': 'deal',
                    },
                ),
                migrations.CreateModel(
                    name='GuardianConsent',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'entity_id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('method', models.TextField(choices=[('sms', '보호자 휴대전화 문자'), ('card', '보호자 카드 정보'), ('phone_identity', '보호자 휴대전화 본인확인'), ('paper', '보호자 서명 종이'), ('email', '보호자 전자우편 회신'), ('call', '보호자 전화 통화')])),
                        ('notice_id', models.BigIntegerField()),
                        ('at', models.DateTimeField()),
                        ('proof', models.JSONField(default=dict)),
                    ],
                    options={
                        'db_table': 'guardian_consent',
                    },
                ),
                migrations.CreateModel(
                    name='Provision',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'from_entity', 'to_entity', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('from_entity', models.BigIntegerField()),
                        ('to_entity', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('at', models.DateTimeField()),
                        ('ended_at', models.DateTimeField(null=True)),
                    ],
                    options={
                        'db_table': 'provision',
                    },
                ),
                migrations.CreateModel(
                    name='Refusal',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'entity_id', 'medium', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('medium', models.TextField(choices=[('KAKAO_AD', '카카오톡 채널 메시지'), ('KAKAO_ALIM', '알림톡'), ('KAKAO_CHAT', '채널 대화'), ('SMS', '문자'), ('EMAIL', '전자우편'), ('PUSH', '앱 알림'), ('*', '모든 소식')])),
                        ('root_id', models.IntegerField()),
                        ('since', models.DateTimeField()),
                        ('path', models.TextField(choices=[('link', '수신 설정 링크'), ('080', '무료수신거부 전화'), ('block', '채널 차단'), ('reply', '회신'), ('dealer', '대행사 거부 응답'), ('staff', '담당자에게 말함'), ('complaint', '민원')])),
                    ],
                    options={
                        'db_table': 'refusal',
                    },
                ),
                migrations.CreateModel(
                    name='RefusalEntry',
                    fields=[
                        ('pk', models.CompositePrimaryKey('person_id', 'id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('person_id', models.BigIntegerField()),
                        ('id', models.BigIntegerField()),
                        ('root_id', models.IntegerField()),
                        ('entity_id', models.BigIntegerField()),
                        ('medium', models.TextField(choices=[('KAKAO_AD', '카카오톡 채널 메시지'), ('KAKAO_ALIM', '알림톡'), ('KAKAO_CHAT', '채널 대화'), ('SMS', '문자'), ('EMAIL', '전자우편'), ('PUSH', '앱 알림'), ('*', '모든 소식')])),
                        ('act', models.TextField(choices=[('refused', '거부'), ('cleared', '거부 거둠')])),
                        ('path', models.TextField(choices=[('link', '수신 설정 링크'), ('080', '무료수신거부 전화'), ('block', '채널 차단'), ('reply', '회신'), ('dealer', '대행사 거부 응답'), ('staff', '담당자에게 말함'), ('complaint', '민원')])),
                        ('at', models.DateTimeField()),
                        ('proof', models.JSONField(default=dict)),
                        ('actor_kind', models.TextField()),
                        ('actor_id', models.BigIntegerField(null=True)),
                    ],
                    options={
                        'db_table': 'refusal_entry',
                    },
                ),
            ],
        ),
    ]
