"""Makes the stage: a folder with the demo's party and people, and a frozen campaign of every way, loaded once and copied."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from majung.cli import installation as place
from majung.cli.processes import Family
from majung.cli.prove import campaigns, record
from majung.cli.prove.stage import MORNING, Stage, kill, pristine
from majung.cli.prove.warm import Warm
from majung.core import clock
from majung.core.embedded import DATABASE, WORKER, Embedded
from majung.core.errors import Misconfigured

FOREIGN = (
    "DATABASE_URL",
    "DATABASE_URL_APP",
    "DATABASE_URL_WORKER",
    "MAJUNG_VAULT_KEY",
    "MAJUNG_SECRET_KEY",
    "MAJUNG_SECRET_KEY_FILE",
    "MAJUNG_BASE_URL",
    "MAJUNG_INGEST_URL",
    "MAJUNG_ROLE",
)
"""What the environment may say of other installations: a proof kills its own server, never anybody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a stage was made with; one of another version or size is made anew."""

    code: str
    people: int
    begin: str

    @staticmethod
    def read(home: Path) -> "Loaded | None":
        """None where nothing was loaded to the end."""
        try:
            return Loaded(**json.loads((home / "loaded.json").read_text("ascii")))
        except (OSError, ValueError, TypeError):
            return None

    @property
    def is_current(self) -> bool:
        """Whether this version would make the same."""
        return self.code == record.code()


def is_loaded(home: Path, people: int) -> bool:
    """Whether the stage in ``home`` is of this version and this size."""
    found = Loaded.read(home)
    return found is not None and found.is_current and found.people == people


def copied(source: Path, target: Path) -> None:
    """A stage that stands beside a loaded one and is like it. Neither may run. Raises Misconfigured."""
    with place.alone(source), place.alone(target):
        _clear(target)
        for name in ("postgres", "pristine.sqlite", "vault.key", "secret.key", "loaded.json"):
            # Owners matter: the server's files belong to its own user.
            done = subprocess.run(
                ["cp", "-a", "--reflink=auto", str(source / name), str(target / name)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise Misconfigured(f"{target}: {done.stderr.strip()[-500:]}")


@contextmanager
def standing(home: Path, people: int) -> Iterator[Stage]:
    """The stage with ``people`` invented people stands inside the block; loaded the first time."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    with ExitStack() as stack:
        with place.writable(home):
            home.mkdir(parents=True, exist_ok=True)
        stack.enter_context(place.alone(home))
        loaded = Loaded.read(home) if is_loaded(home, people) else None
        if loaded is None:
            _clear(home)
        begin = datetime.fromisoformat(loaded.begin) if loaded else _morning()
        os.environ[clock.VARIABLE] = f"{clock.offset_to(begin):.3f}"
        ports = place.choose_ports(None, sandbox=True)
        stack.enter_context(place.prepared(home))
        family = Family(home / "logs")
        warm = Warm(family.logs / "warm.log")
        stack.callback(warm.close)
        stage = Stage(home=home, server=Embedded(base=home / "postgres"), ports=ports, family=family, warm=warm)
        stack.callback(family.stop)
        if loaded is not None:
            shutil.copy(home / "pristine.sqlite", home / "sandbox.sqlite")
        stage.raise_up()
        if loaded is None:
            _load(stage, people)
            made = Loaded(code=record.code(), people=people, begin=clock.now().isoformat())
            (home / "loaded.json").write_text(json.dumps(asdict(made)))
        yield stage


def _morning() -> datetime:
    return datetime.combine(clock.today(), datetime.min.time().replace(hour=MORNING), clock.SEOUL)


def _clear(home: Path) -> None:
    """What an earlier version left is gone."""
    Embedded(base=home / "postgres").stop()
    for path in (home / "postgres", home / "uploads", home / "static", home / "logs"):
        shutil.rmtree(path, ignore_errors=True)
    for path in (*home.glob("*.sqlite*"), *home.glob("*.json"), home / "vault.key", home / "secret.key"):
        path.unlink(missing_ok=True)


def _load(stage: Stage, people: int) -> None:
    """The demo's party with ``people`` people, its account checked by a job; then a campaign of each way, frozen."""
    from django.db import connections

    from majung.demo import run as demo

    jobs = stage.family.start(
        "jobs", [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", "2"],
        MAJUNG_ROLE=WORKER, DJANGO_SETTINGS_MODULE="majung.settings",
    )  # fmt: skip
    demo.load(people, say=place.say)
    kill(jobs)
    stage.family.children.remove(jobs)
    connections.close_all()
    stage.copy(DATABASE, pristine())
    for way in campaigns.WAYS:
        campaigns.frozen(way)
        connections.close_all()
        stage.copy(DATABASE, pristine(way))
        stage.copy(pristine(), DATABASE)
    # The sandbox writes its state down a moment after it changed.
    sandbox = stage.children["sandbox"].process
    assert sandbox is not None  # noqa: S101  it was started with the stage
    sandbox.terminate()
    sandbox.wait(20)
    shutil.copy(stage.home / "sandbox.sqlite", stage.home / "pristine.sqlite")


def numbers(root: int) -> dict[int, str]:
    """Every person's mobile number as the messenger must see it, opened with the installation's key."""
    from majung.core import db
    from majung.people import vault

    rows: list[tuple[int, Any]] = db.raw().execute(
        "SELECT person_id, sealed FROM contact_point WHERE root_id = %s AND kind = 1 ORDER BY person_id", [root]
    ).fetchall()  # fmt: skip
    people, sealed = [row[0] for row in rows], [bytes(row[1]) for row in rows]
    opened = vault.sealer().open_many(vault.place(root, "mobile"), people, sealed)
    return dict(zip(people, (number.decode() for number in opened), strict=True))
