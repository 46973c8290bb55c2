"""``majung distribute``: declares the big tables to Citus, where that extension is, and says which ones cannot be yet (O2).

Nothing else in Majung knows of Citus: without it every statement is PostgreSQL's own. What stands in the way of a table is read out
of the catalogue each time, so this list cannot promise what the tables do not keep.
"""

import argparse
from dataclasses import dataclass
from typing import Any

from psycopg import sql as compose

from majung.cli import database, installation
from majung.cli.database import Connection
from majung.core import sql
from majung.core.errors import Misconfigured

GROUPS: dict[str, tuple[str, ...]] = {
    "campaign_id": ("campaign_chunk", "campaign_left_out", "chunk_exception", "cost_entry"),
    "person_id": (
        "person", "contact_point", "person_tag", "membership", "friendship", "consent_entry", "consent_state", "refusal_entry",
        "refusal", "deal", "provision", "guardian_consent",
    ),
    "root_id": (
        "contact_claim", "external_identity", "crowd_bitmap", "crowd_change", "sealed_page", "sealed_page_change", "reached_day",
        "week_hold",
        "activity", "access_log", "access_link",
    ),
}  # fmt: skip
"""The big tables by the column that spreads them; tables of one group with the same value lie together."""
OWN_NAME = {"person": "id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One table: by which column, beside which table, and what is in the way."""

    table: str
    column: str
    beside: str
    obstacles: tuple[str, ...]

    @property
    def statement(self) -> str:
        """What Citus is told."""
        return f"SELECT create_distributed_table('{self.table}', '{self.column}', colocate_with => '{self.beside}')"


def run(arguments: argparse.Namespace) -> int:
    """Say what would be done, and do it unless asked only to say."""
    with installation.awake(installation.found()):
        from majung import settings

        with database.connect(settings.database_url()) as connection:
            steps = plan(connection)
            for step in steps:
                why = "; ".join(step.obstacles)
                print(f"남김  {step.table} ({step.column}): {why}" if why else f"나눔  {step.statement}")
            spread = [step for step in steps if not step.obstacles]
            print(f"\n나눌 수 있는 표 {len(spread)}, 남기는 표 {len(steps) - len(spread)}")
            if arguments.dry_run:
                print("--dry-run: 아무것도 바꾸지 않았습니다.")
                return 0
            require_citus(connection)
            done = apply(connection, spread)
            print(f"{done}개 표를 나누었습니다.")
    return 0


def plan(connection: Connection) -> list[Step]:
    """Every big table that there is, with what stands in its way."""
    steps = []
    for column, tables in GROUPS.items():
        beside = "none"
        for table in tables:
            if _rows(connection, "exists", table=table) != [(True,)]:
                continue
            own = OWN_NAME.get(table, column)
            keys = [name for (name,) in _rows(connection, "keys", table=table, column=own)]
            triggers = [name for (name,) in _rows(connection, "triggers", table=table)]
            obstacles = [f"유일 색인에 {own}이(가) 없음: {', '.join(keys)}"] * bool(keys)
            obstacles += [f"다른 표에 쓰는 방아쇠: {', '.join(triggers)}"] * bool(triggers)
            steps.append(Step(table=table, column=own, beside=beside, obstacles=tuple(obstacles)))
            beside = table if beside == "none" and not obstacles else beside
    return steps


def require_citus(connection: Connection) -> None:
    """Raises Misconfigured unless the extension is made in this database."""
    [(version, is_available)] = _rows(connection, "extension")
    if version is None:
        how = (
            "관리자로 한 번: CREATE EXTENSION citus;"
            if is_available
            else "이 PostgreSQL에는 Citus가 없습니다. Citus가 든 서버의 DATABASE_URL을 정하거나, 나누지 않고 그대로 쓰세요."
        )
        raise Misconfigured(f"Citus 없이는 나눌 수 없습니다. 바꾼 것은 없습니다.\n{how}")


def apply(connection: Connection, steps: list[Step]) -> int:
    """Each table is spread, all or none; those that are already stay as they are. Returns how many were."""
    done = 0
    with connection.transaction():
        # Ours only refuse changes of the row at hand, so they hold on each shard by themselves.
        connection.execute("SET LOCAL citus.enable_unsafe_triggers = on")
        for step in steps:
            if _rows(connection, "is_spread", table=step.table) == [(True,)]:
                continue
            installation.say(f"{step.table}을(를) 나눕니다.")
            connection.execute(
                compose.SQL("SELECT create_distributed_table({}, {}, colocate_with => {})").format(
                    step.table, step.column, step.beside
                )
            )
            done += 1
    return done


def _rows(connection: Connection, name: str, **facts: Any) -> list[tuple[Any, ...]]:
    return connection.execute(sql.load("majung.cli", "distribute", name).encode(), facts or None).fetchall()
