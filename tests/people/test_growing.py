"""What is added where much was taken away: statistics that know of two rows in large indexes mislead nobody (C1)."""

import pytest
from django.db import transaction

from majung.core.db import raw
from tests.make import consent as make
from tests.make import tree

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.product("C1")]


class Undone(Exception):
    """Everything of the transaction goes back."""


def read_one_after_the_other() -> int:
    """Rows of contacts that this transaction read by going through the table."""
    [(rows,)] = raw().execute(
        "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'contact_point'"
    ).fetchall()  # fmt: skip
    return int(rows)


def test_an_import_after_undone_ones_does_not_read_every_row_for_each() -> None:
    unit = tree.organisation().top
    for _ in range(2):
        with pytest.raises(Undone), transaction.atomic():
            make.people(6000, unit=unit)
            raise Undone
    make.people(2, unit=tree.organisation().top)
    raw().execute("VACUUM (ANALYZE, TRUNCATE off) contact_point")

    with transaction.atomic():
        make.people(3000, unit=unit)

        assert read_one_after_the_other() < 3000
