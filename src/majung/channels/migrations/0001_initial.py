"""Tables of the room; friendship, inbox and dealer_wake are written in SQL (sql/tables.sql)."""

import django.db.models.deletion
import majung.core.clock
import majung.core.ids
from django.conf import settings
from django.db import migrations, models

from majung.core import sql


def _run(name: str) -> str:
    return sql.load("majung.channels", "tables", name)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('crowd', '0001_initial'),
        ('tree', '0002_attenuation'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL([_run("create"), _run("triggers")], [_run("drop")]),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.CreateModel(
            name='DealerWake',
            fields=[
                ('pk', models.CompositePrimaryKey('account_id', 'group_ref', blank=True, editable=False, primary_key=True, serialize=False)),
                ('account_id', models.BigIntegerField()),
                ('group_ref', models.TextField()),
                ('ref', models.TextField(default='')),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': 'dealer_wake',
            },
        )]),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.CreateModel(
            name='Friendship',
            fields=[
                ('pk', models.CompositePrimaryKey('person_id', 'channel_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('person_id', models.BigIntegerField()),
                ('channel_id', models.BigIntegerField()),
                ('root_id', models.IntegerField()),
                ('state', models.SmallIntegerField()),
                ('seen_at', models.DateTimeField()),
                ('how', models.SmallIntegerField()),
            ],
            options={
                'db_table': 'friendship',
            },
        )]),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.CreateModel(
            name='Inbox',
            fields=[
                ('seq', models.BigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.SmallIntegerField()),
                ('source', models.BigIntegerField()),
                ('n', models.IntegerField()),
                ('at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('body', models.BinaryField()),
                ('problem', models.TextField(null=True)),
            ],
            options={
                'db_table': 'inbox',
            },
        )]),
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=majung.core.ids.uuid7, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('profile_id', models.CharField(blank=True, max_length=40)),
                ('search_id', models.CharField(blank=True, max_length=40)),
                ('kind', models.CharField(choices=[('general', '일반 채널'), ('business', '비즈니스 채널')], default='general', max_length=10)),
                ('reach', models.CharField(choices=[('near', '제 조직 사람'), ('wide', '아래 조직까지')], default='near', max_length=6)),
                ('state', models.CharField(choices=[('active', '쓰는 중'), ('paused', '잠시 멈춤'), ('closed', '닫음')], default='active', max_length=8)),
                ('heard_at', models.DateTimeField(null=True)),
                ('counted_friends', models.PositiveIntegerField(null=True)),
                ('counted_on', models.DateField(null=True)),
                ('created_at', models.DateTimeField(default=majung.core.clock.now)),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.organisation')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.unit')),
            ],
        ),
        migrations.CreateModel(
            name='DealerAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=majung.core.ids.uuid7, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('adapter', models.CharField(default='solapi', max_length=20)),
                ('mode', models.CharField(choices=[('sandbox', '모의'), ('live', '실제')], default='sandbox', max_length=8)),
                ('base_url', models.CharField(max_length=200)),
                ('key_sealed', models.BinaryField(default=b'')),
                ('secret_sealed', models.BinaryField(default=b'')),
                ('more_sealed', models.BinaryField(default=b'')),
                ('report_token', models.CharField(default=majung.core.ids.token, editable=False, max_length=64, unique=True)),
                ('state', models.CharField(choices=[('new', '연결 전'), ('ready', '연결됨'), ('failing', '연결 안 됨'), ('closed', '닫음')], default='new', max_length=8)),
                ('problem', models.CharField(blank=True, max_length=300)),
                ('checked_at', models.DateTimeField(null=True)),
                ('balance_centiwon', models.BigIntegerField(null=True)),
                ('balance_at', models.DateTimeField(null=True)),
                ('low_balance_centiwon', models.BigIntegerField(default=0)),
                ('refusal_number', models.CharField(blank=True, max_length=20)),
                ('sender_certificate', models.CharField(blank=True, max_length=60)),
                ('reported_at', models.DateTimeField(null=True)),
                ('blocks_pulled_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=majung.core.clock.now)),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.legalentity')),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.organisation')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.unit')),
            ],
        ),
        migrations.CreateModel(
            name='AccountJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('check', '연결·잔액·발신번호 확인'), ('templates', '템플릿 상태 가져오기'), ('profiles', '발신 프로필 가져오기'), ('prices', '가격표 가져오기'), ('blocks', '수신거부 목록 가져오기'), ('picture', '그림 올리기'), ('test', '시험 발송')], max_length=10)),
                ('state', models.CharField(choices=[('asked', '하는 중'), ('done', '마침'), ('failed', '안 됨')], default='asked', max_length=8)),
                ('asked_at', models.DateTimeField(default=majung.core.clock.now)),
                ('object_id', models.BigIntegerField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('result', models.CharField(blank=True, max_length=300)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='jobs', to='channels.dealeraccount')),
            ],
            options={
                'ordering': ('-asked_at', '-pk'),
            },
        ),
        migrations.CreateModel(
            name='DealerProfile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pf_id', models.CharField(max_length=80)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='profiles', to='channels.dealeraccount')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='profiles', to='channels.channel')),
            ],
        ),
        migrations.CreateModel(
            name='KakaoApp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=majung.core.ids.uuid7, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('admin_key_sealed', models.BinaryField(default=b'')),
                ('path_token', models.CharField(default=majung.core.ids.token, editable=False, max_length=64, unique=True)),
                ('key_set_at', models.DateTimeField(null=True)),
                ('heard_at', models.DateTimeField(null=True)),
                ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.legalentity')),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.organisation')),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tree.unit')),
            ],
        ),
        migrations.AddField(
            model_name='channel',
            name='kakao_app',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='channels.kakaoapp'),
        ),
        migrations.CreateModel(
            name='Picture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=majung.core.ids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('ALIM', '알림톡'), ('BRAND', '브랜드 메시지'), ('SMS', '단문'), ('LMS', '장문'), ('EMAIL', '전자우편')], max_length=8)),
                ('name', models.CharField(max_length=120)),
                ('dealer_id', models.CharField(blank=True, max_length=500)),
                ('content', models.BinaryField(null=True)),
                ('width', models.PositiveIntegerField()),
                ('height', models.PositiveIntegerField()),
                ('digest', models.BinaryField(max_length=32)),
                ('preview', models.BinaryField()),
                ('uploaded_at', models.DateTimeField(default=majung.core.clock.now)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pictures', to='channels.dealeraccount')),
            ],
            options={
                'ordering': ('-uploaded_at',),
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('ALIM', '알림톡'), ('BRAND', '브랜드 메시지'), ('SMS', '단문'), ('LMS', '장문'), ('EMAIL', '전자우편')], max_length=8)),
                ('centiwon', models.PositiveIntegerField()),
                ('valid_from', models.DateField()),
                ('valid_until', models.DateField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='prices', to='channels.dealeraccount')),
            ],
            options={
                'ordering': ('kind', '-valid_from'),
            },
        ),
        migrations.CreateModel(
            name='SenderNumber',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=12)),
                ('is_default', models.BooleanField(default=False)),
                ('seen_at', models.DateTimeField(default=majung.core.clock.now)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='senders', to='channels.dealeraccount')),
            ],
        ),
        migrations.CreateModel(
            name='Template',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('dealer_id', models.CharField(max_length=80)),
                ('name', models.CharField(max_length=200)),
                ('content', models.TextField()),
                ('buttons', models.JSONField(default=list)),
                ('state', models.CharField(choices=[('PENDING', '쓰는 중'), ('INSPECTING', '심사 중'), ('APPROVED', '승인'), ('REJECTED', '반려'), ('GONE', '대행사에 없음')], max_length=12)),
                ('comment', models.TextField(blank=True)),
                ('synced_at', models.DateTimeField(default=majung.core.clock.now)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='templates', to='channels.dealeraccount')),
                ('channel', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='channels.channel')),
            ],
            options={
                'ordering': ('name', 'pk'),
            },
        ),
        migrations.CreateModel(
            name='TestSend',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=majung.core.ids.uuid7, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('ALIM', '알림톡'), ('BRAND', '브랜드 메시지'), ('SMS', '단문'), ('LMS', '장문'), ('EMAIL', '전자우편')], max_length=8)),
                ('at', models.DateTimeField(default=majung.core.clock.now)),
                ('number_sealed', models.BinaryField(default=b'')),
                ('number_blind', models.BinaryField(max_length=16)),
                ('number_hint', models.CharField(max_length=16)),
                ('message', models.JSONField()),
                ('group_ref', models.CharField(blank=True, max_length=64)),
                ('outcome', models.PositiveSmallIntegerField(default=0)),
                ('dealer_code', models.CharField(blank=True, max_length=8)),
                ('settled_at', models.DateTimeField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='channels.dealeraccount')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('channel', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='channels.channel')),
            ],
        ),
        migrations.CreateModel(
            name='ChannelStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.CharField(choices=[('create', '채널을 만들었습니다'), ('master', '마스터와 매니저를 정했습니다'), ('business', '비즈니스 채널 심사를 마쳤습니다'), ('politics', '정치 메시지를 보내도 되는지 카카오의 답을 받았습니다'), ('app_link', '카카오 앱과 채널을 연결했습니다'), ('webhook', '추가·차단 알림 주소를 카카오 앱에 넣었습니다'), ('dealer', '대행사에 발신 프로필을 등록했습니다'), ('centre', '고객센터 번호와 080 번호를 프로필에 적었습니다')], max_length=12)),
                ('done_at', models.DateTimeField(default=majung.core.clock.now)),
                ('note', models.CharField(blank=True, max_length=500)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='channels.channel')),
                ('done_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('channel', 'step'), name='step_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='dealeraccount',
            constraint=models.UniqueConstraint(fields=('root', 'name'), name='account_name_once'),
        ),
        migrations.AddConstraint(
            model_name='dealeraccount',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('balance_at__isnull', True), ('balance_centiwon__isnull', True)), models.Q(('balance_at__isnull', False), ('balance_centiwon__isnull', False)), _connector='OR'), name='balance_has_time'),
        ),
        migrations.AddIndex(
            model_name='accountjob',
            index=models.Index(fields=['account', '-asked_at'], name='jobs_of_account'),
        ),
        migrations.AddConstraint(
            model_name='dealerprofile',
            constraint=models.UniqueConstraint(fields=('account', 'channel'), name='profile_of_channel_once'),
        ),
        migrations.AddConstraint(
            model_name='dealerprofile',
            constraint=models.UniqueConstraint(fields=('account', 'pf_id'), name='pf_id_once'),
        ),
        migrations.AddConstraint(
            model_name='kakaoapp',
            constraint=models.UniqueConstraint(fields=('root', 'name'), name='kakao_app_name_once'),
        ),
        migrations.AddIndex(
            model_name='channel',
            index=models.Index(fields=['root', 'unit'], name='channels_of_unit'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.UniqueConstraint(condition=models.Q(('profile_id', ''), _negated=True), fields=('root', 'profile_id'), name='profile_id_once'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.UniqueConstraint(condition=models.Q(('search_id', ''), _negated=True), fields=('root', 'search_id'), name='search_id_once'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(('profile_id', ''), ('profile_id__startswith', '_'), _connector='OR'), name='profile_id_form'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(('search_id', ''), ('search_id__startswith', '@'), _connector='OR'), name='search_id_form'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('counted_friends__isnull', True), ('counted_on__isnull', True)), models.Q(('counted_friends__isnull', False), ('counted_on__isnull', False)), _connector='OR'), name='count_has_day'),
        ),
        migrations.AddConstraint(
            model_name='picture',
            constraint=models.UniqueConstraint(fields=('account', 'kind', 'digest'), name='picture_once'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.UniqueConstraint(fields=('account', 'kind', 'valid_from'), name='price_once_a_day'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.CheckConstraint(condition=models.Q(('valid_until__isnull', True), ('valid_until__gt', models.F('valid_from')), _connector='OR'), name='price_days_in_order'),
        ),
        migrations.AddConstraint(
            model_name='sendernumber',
            constraint=models.UniqueConstraint(fields=('account', 'number'), name='sender_once'),
        ),
        migrations.AddConstraint(
            model_name='sendernumber',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('account',), name='one_default_sender'),
        ),
        migrations.AddConstraint(
            model_name='template',
            constraint=models.UniqueConstraint(fields=('account', 'dealer_id'), name='template_once'),
        ),
        migrations.AddIndex(
            model_name='testsend',
            index=models.Index(fields=['by', 'at'], name='test_sends_of_user'),
        ),
        migrations.RunSQL([_run("channel_trigger")], [_run("drop_channel_trigger")]),
    ]
