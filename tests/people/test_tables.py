"""The tables keep what they promise without any Python: chain, claims, refusals, and what feeds the sets (X1, X2)."""

import pytest
from django.apps import apps
from django.db import connection

pytestmark = pytest.mark.django_db


def test_state_and_catalogue_agree() -> None:
    with connection.cursor() as cursor:
        for model in apps.get_app_config("people").get_models():
            cursor.execute(
                "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns WHERE table_name = %s",
                [model._meta.db_table],
            )
            stored = dict(cursor.fetchall())
            assert stored == {f.column: f.null for f in model._meta.concrete_fields if f.name != "pk"}
