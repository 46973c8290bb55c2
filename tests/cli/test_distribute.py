"""What would be spread over several servers is told from the catalogue; without Citus nothing is changed (O2)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from majung.cli import distribute
from majung.cli.distribute import GROUPS, OWN_NAME
from majung.core.db import raw
from majung.core.errors import Misconfigured
from tests.cli.test_backup import around
from tests.cli.test_main import majung

pytestmark = [pytest.mark.django_db, pytest.mark.product("O2")]

KEYS_WITHOUT = {"person", "crowd_change", "activity", "access_log", "access_link"}
"""Tables of which a unique index does not contain the column; docs/operators/machines.md says why each."""


def test_every_big_tables_primary_key_holds_its_column() -> None:
    """Of each declared table; those that do not are known by name."""
    steps = {step.table: step for step in distribute.plan(raw())}
    assert steps.keys() == {table for tables in GROUPS.values() for table in tables}
    without = {name for name, step in steps.items() if any("유일 색인" in one for one in step.obstacles)}
    assert without == KEYS_WITHOUT
    assert steps["person"].column == OWN_NAME["person"] == "id"


def test_what_cannot_be_spread_says_why() -> None:
    steps = {step.table: step for step in distribute.plan(raw())}
    assert steps["cost_entry"].obstacles == ()
    assert "campaign_chunk_updated" in steps["campaign_chunk"].obstacles[0]
    assert "append_only" not in " ".join(one for step in steps.values() for one in step.obstacles)
    free = [step for step in steps.values() if not step.obstacles]
    assert [step.beside for step in free if step.column == "campaign_id"] == [
        "none",
        "campaign_left_out",
        "campaign_left_out",
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_without_citus_it_says_so_and_changes_nothing(tmp_path: Path) -> None:
    told = majung("distribute", "--dry-run", home=tmp_path, **around())
    assert (told.returncode, "아무것도 바꾸지 않았습니다" in told.stdout) == (0, True), told.stderr
    assert "create_distributed_table('cost_entry', 'campaign_id'" in told.stdout
    done = majung("distribute", home=tmp_path, **around())
    assert (done.returncode, "Citus" in done.stderr, "Traceback" in done.stderr) == (2, True, False)


@pytest.fixture
def pretended() -> Iterator[None]:
    """Citus' own names, so that the statements run; what Citus would do with them was never seen here."""
    raw().execute("CREATE TABLE pg_dist_partition (logicalrelid regclass)")
    raw().execute(
        "CREATE FUNCTION create_distributed_table(t regclass, c text, colocate_with text) RETURNS void LANGUAGE sql AS"
        " 'INSERT INTO pg_dist_partition VALUES (t)'"
    )
    yield
    raw().execute("DROP FUNCTION create_distributed_table")
    raw().execute("DROP TABLE pg_dist_partition")


def test_each_table_is_declared_once(pretended: None) -> None:
    free = [step for step in distribute.plan(raw()) if not step.obstacles]
    assert distribute.apply(raw(), free) == len(free) > 5
    assert distribute.apply(raw(), free) == 0


def test_it_needs_the_extension() -> None:
    with pytest.raises(Misconfigured, match="Citus"):
        distribute.require_citus(raw())
