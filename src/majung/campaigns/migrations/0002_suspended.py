"""A resting unit is a reason of its own to stand still (T3)."""
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='campaign',
            name='pause_reason',
            field=models.CharField(blank=True, choices=[('asked', '사람이 멈춤'), ('late', '정한 시각을 놓쳐 물어봅니다'), ('no_balance', '대행사 잔액이 모자람'), ('grant_ended', '빌린 권한이 끝남'), ('suspended', '조직이 쉼'), ('account', '대행사 계정 문제'), ('rule', '규칙이 막음'), ('outside', '대행사가 답하지 않음')], max_length=12),
        ),
    ]
