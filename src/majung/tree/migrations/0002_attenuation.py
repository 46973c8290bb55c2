"""Triggers on grants: never wider than the parent, written once, revoked with all that was lent on."""

from django.db import migrations

from majung.core import sql


class Migration(migrations.Migration):
    dependencies = [("tree", "0001_initial"), ("activity", "0001_initial")]

    operations = [
        migrations.RunSQL(
            [sql.load("majung.tree", "attenuation", "create")], [sql.load("majung.tree", "attenuation", "drop")]
        ),
    ]
