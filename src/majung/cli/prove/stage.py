"""The installation that is proved on: its own folder, server, party and people, loaded once; every run begins from a copy."""

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from majung.cli import installation as place
from majung.cli.processes import Child, Family, wait_for
from majung.cli.prove import record
from majung.cli.prove.plan import SENDERS
from majung.core import clock
from majung.core.embedded import APP, DATABASE, OWNER, WORKER, Embedded
from majung.core.errors import Misconfigured

PRISTINE = "majung_pristine"
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
LEASE_SECONDS, LOOK_SECONDS, SLOTS = "2", "0.1", "2"
UP_SECONDS = 60.0
MORNING, EVENING = 10, 18
"""Hours in Seoul between which runs take place."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """Server and processes, and how to kill and start each of them."""

    home: Path
    server: Embedded
    ports: place.Ports
    family: Family
    children: dict[str, Child] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    fell: list[str] = field(default_factory=list)

    # processes
    def start(self, name: str, **environment: str) -> None:
        """The process runs (again), with these variables in its environment."""
        child = self.children[name]
        child.env = {**self._role(name), **environment}
        child.start()
        self.down.discard(name)

    def _role(self, name: str) -> dict[str, str]:
        if name.startswith("sender"):
            return {"MAJUNG_ROLE": WORKER, "MAJUNG_DISPATCH_URL": self.server.url(WORKER)}
        if name == "folder":
            return {"MAJUNG_ROLE": WORKER}
        return {"MAJUNG_ROLE": APP} if name in ("web", "ingest") else {}

    def kill(self, name: str) -> bool:
        """The process and all it started are dead at once; False when it was dead already. It stays down until ``start``."""
        self.down.add(name)
        return kill(self.children[name])

    def has_ended(self, name: str) -> bool:
        """Whether the process is not running."""
        process = self.children[name].process
        return process is None or process.poll() is not None

    def supervise(self) -> None:
        """As ``majung worker`` and a service manager do: what fell by itself is started again."""
        for name, child in self.children.items():
            if name not in self.down and child.process is not None and child.process.poll() is not None:
                self.fell.append(name)
                child.start()

    def wait(self, name: str) -> None:
        """The process answers at its address."""
        wait_for(self.children[name].address, self.children[name], UP_SECONDS)

    # the server
    def kill_server(self) -> None:
        """Every process of PostgreSQL is dead, as after a power cut; what was committed is on the disk."""
        pid = int((self.server.data / "postmaster.pid").read_text().split("\n", 1)[0])
        family = [pid, *_children(pid)]
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    def start_server(self) -> None:
        """The server answers again. What is left of the dead one may be in its way for a moment."""
        deadline = time.monotonic() + UP_SECONDS
        while True:
            try:
                self.server.start()
                return
            except (Misconfigured, psycopg.OperationalError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def kill_backend(self, dice: random.Random) -> bool:
        """One connection's process is dead; PostgreSQL then restarts all of them. False when nobody was connected."""
        with psycopg.connect(self.server.url("postgres", "postgres"), autocommit=True) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() ORDER BY pid",
                [DATABASE],
            ).fetchall()
        if not rows:
            return False
        with suppress(ProcessLookupError):
            os.kill(dice.choice(rows)[0], signal.SIGKILL)
        return True

    # one run
    def renew(self) -> None:
        """Database and sandbox are as they were when everything was loaded; web and ingest find them so by themselves."""
        from django.db import connections

        connections.close_all()
        for name in self.children:
            if name.startswith("sender") or name == "folder":
                self.kill(name)
        self.kill("sandbox")
        if clock.seoul().hour >= EVENING:
            self._back_to_morning()
        with psycopg.connect(self.server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
            connection.execute(copy.format(*map(sql.Identifier, (DATABASE, PRISTINE, OWNER))))
            # A copied sequence believes that its next 32 values are in the log of this database. They are not, and a crash
            # would hand them out twice; behind a checkpoint it writes them down anew.
            connection.execute("CHECKPOINT")
        from majung.delivery import installation

        with psycopg.connect(self.server.url(OWNER), autocommit=True) as connection:
            installation.wake(connection, self.home)  # a copied database sends nothing before somebody says so
        for path in self.home.glob("sandbox.sqlite*"):  # the journal of a killed sandbox belongs to no other file
            path.unlink()
        shutil.copy(self.home / "pristine.sqlite", self.home / "sandbox.sqlite")
        self.start("sandbox")
        self.wait("sandbox")

    def _back_to_morning(self) -> None:
        """A long proof does not come into the night, when nothing may be sent."""
        os.environ[clock.VARIABLE] = f"{clock.offset_seconds() - (EVENING - MORNING) * 3600:.3f}"
        for name in ("web", "ingest"):
            self.kill(name)
            self.start(name)
            self.wait(name)

    def keep(self) -> None:
        """What is there now is what every run begins with."""
        with psycopg.connect(self.server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(PRISTINE)))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [DATABASE],
            )
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
            connection.execute(copy.format(*map(sql.Identifier, (PRISTINE, DATABASE, OWNER))))
        shutil.copy(self.home / "sandbox.sqlite", self.home / "pristine.sqlite")


def kill(child: Child) -> bool:
    """SIGKILL for the process and its own children, which share its session."""
    if child.process is None or child.process.poll() is not None:
        return False
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()
    return True


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What an installation for proofs was made with; one of another version or size is made anew."""

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


def _code() -> str:
    """What the loaded installation depends on: all but this command."""
    return record.code(but="src/majung/cli/")


def _morning() -> datetime:
    return datetime.combine(clock.today(), datetime.min.time().replace(hour=MORNING), clock.SEOUL)


@contextmanager
def standing(home: Path, people: int) -> Iterator[Stage]:
    """The stage with ``people`` invented people stands inside the block; loaded the first time."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    with ExitStack() as stack:
        with place.writable(home):
            home.mkdir(parents=True, exist_ok=True)
        stack.enter_context(place.alone(home))
        loaded = Loaded.read(home)
        if loaded is None or (loaded.code, loaded.people) != (_code(), people):
            loaded = None
            _clear(home)
        begin = datetime.fromisoformat(loaded.begin) if loaded else _morning()
        os.environ[clock.VARIABLE] = f"{clock.offset_to(begin):.3f}"
        ports = place.choose_ports(None, sandbox=True)
        stack.enter_context(place.prepared(home))
        stage = Stage(home=home, server=Embedded(base=home / "postgres"), ports=ports, family=Family(home / "logs"))
        stack.callback(stage.family.stop)
        _raise_up(stage)
        if loaded is None:
            _load(stage, people)
            made = Loaded(code=_code(), people=people, begin=clock.now().isoformat())
            (home / "loaded.json").write_text(
                json.dumps({name: getattr(made, name) for name in ("code", "people", "begin")})
            )
        yield stage


def _clear(home: Path) -> None:
    """What an earlier version left is gone, its runs' lines aside."""
    Embedded(base=home / "postgres").stop()
    for path in (home / "postgres", home / "uploads", home / "static", home / "logs"):
        shutil.rmtree(path, ignore_errors=True)
    for path in (*home.glob("*.sqlite*"), home / "loaded.json", home / "vault.key", home / "secret.key"):
        path.unlink(missing_ok=True)


def _raise_up(stage: Stage) -> None:
    """Every process but the senders runs; those are started by the runs."""
    ports, majung = stage.ports, [sys.executable, "-m", "majung"]
    local = "http://127.0.0.1:{}".format
    table: dict[str, tuple[list[str], str]] = {
        "sandbox": (
            [
                sys.executable,
                "-m",
                "majung_sandbox",
                "--port",
                str(ports.sandbox),
                "--state",
                str(stage.home / "sandbox.sqlite"),
            ],
            f"{local(ports.sandbox)}/_control/health",
        ),
        "web": ([*majung, "web", "--port", str(ports.web)], f"{local(ports.web)}/accounts/login/"),
        "ingest": ([*majung, "ingest", "--port", str(ports.ingest)], f"{local(ports.ingest)}/healthz"),
    }
    sender = [
        "-m",
        "majung.delivery.worker",
        "--slots",
        SLOTS,
        "--lease-seconds",
        LEASE_SECONDS,
        "--look-seconds",
        LOOK_SECONDS,
    ]
    for number in range(SENDERS):
        table[f"sender-{number}"] = ([sys.executable, *sender], "")
    table["folder"] = ([sys.executable, "-m", "majung.ingest.folder"], "")
    for name, (argv, address) in table.items():
        child = Child(name, argv, {}, stage.family.logs / f"{name}.log", address)
        stage.children[name] = child
        stage.family.children.append(child)
        stage.down.add(name)
    for name in ("sandbox", "web", "ingest"):
        stage.start(name)
    for name in ("sandbox", "web", "ingest"):
        stage.wait(name)


def _load(stage: Stage, people: int) -> None:
    """The demo's party with ``people`` people, and its account checked by a job."""
    from majung.demo import run as demo

    jobs = stage.family.start(
        "jobs", [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", "2"],
        MAJUNG_ROLE=WORKER, DJANGO_SETTINGS_MODULE="majung.settings",
    )  # fmt: skip
    demo.load(people, say=place.say)
    kill(jobs)
    stage.family.children.remove(jobs)
    # The sandbox writes its state down a moment after it changed.
    stage.children["sandbox"].process.terminate()  # type: ignore[union-attr]
    stage.children["sandbox"].process.wait(20)  # type: ignore[union-attr]
    from django.db import connections

    connections.close_all()
    stage.keep()


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
