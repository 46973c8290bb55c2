"""The installation that is proved on: its server and processes, how each is killed and started, and how a run begins anew."""

import os
import random
import shutil
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from majung.cli import installation as place
from majung.cli.processes import Child, Family, wait_for
from majung.cli.prove.plan import LEASE_SECONDS, SENDERS, Way
from majung.cli.prove.warm import PROGRAMS, Actor, Warm
from majung.core import clock
from majung.core.embedded import APP, DATABASE, OWNER, WORKER, Embedded
from majung.core.errors import Misconfigured

LOOK_SECONDS, SLOTS = "0.1", "2"
UP_SECONDS = 60.0
MORNING, EVENING = 10, 18
"""Hours in Seoul between which runs take place."""


def pristine(way: Way | None = None) -> str:
    """The database that runs of that way begin from; without one, that which all of them were made from."""
    return f"{DATABASE}_pristine_{way}" if way else f"{DATABASE}_pristine"


@dataclass(slots=True, kw_only=True)
class Stage:
    """Server and processes, and how to kill and start each of them."""

    home: Path
    server: Embedded
    ports: place.Ports
    family: Family
    warm: Warm
    children: dict[str, Child] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    fell: list[str] = field(default_factory=list)
    flushes: bool | None = None

    # processes
    def raise_up(self) -> None:
        """Web, inlet and sandbox run and answer; the others are started by the runs."""
        here = "http://127.0.0.1:{}".format
        of_sender = ("--slots", SLOTS, "--lease-seconds", str(LEASE_SECONDS), "--look-seconds", LOOK_SECONDS)
        of_web = (
            "--interface",
            "wsgi",
            "--workers",
            "1",
            "--no-ws",
            "--log-level",
            "warning",
            "--blocking-threads",
            "4",
        )
        state = str(self.home / "sandbox.sqlite")
        table: dict[str, tuple[tuple[str, ...], int | None, str]] = {
            "sandbox": (("--state", state), self.ports.sandbox, "/_control/health"),
            "web": (("majung.wsgi:application", *of_web), self.ports.web, "/accounts/login/"),
            "ingest": ((), self.ports.ingest, "/healthz"),
            **{f"sender-{number}": (of_sender, None, "") for number in range(SENDERS)},
            "folder": ((), None, ""),
        }
        for name, (argv, port, path) in table.items():
            listens, address = (("--port", str(port)), here(port) + path) if port else ((), "")
            child = Actor(
                name=name, argv=(*argv, *listens), env={}, log=self.family.logs / f"{name}.log", address=address,
                warm=self.warm, call=PROGRAMS[name.partition("-")[0]],
            )  # fmt: skip
            self.children[name] = child
            self.family.children.append(child)
            self.down.add(name)
        listening = ("sandbox", "web", "ingest")
        self.flush(on=False)
        for name in listening:
            self.start(name)
        for name in listening:
            self.wait(name)

    def start(self, name: str, **environment: str) -> None:
        """The process runs (again), with these variables in its environment."""
        child = self.children[name]
        child.env = {**self._role(name), **environment}
        child.start()
        self.down.discard(name)

    def _role(self, name: str) -> Mapping[str, str]:
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
    def flush(self, on: bool) -> None:
        """Whether the server waits for the disk: yes while a campaign is sent, no while files are copied or made good.

        A recovery first flushes every file of every database, for seconds; after a SIGKILL the kernel still has them all.
        """
        if on != self.flushes:
            self.flushes = on
            (self.server.data / "postgresql.auto.conf").write_text("" if on else "fsync = off\n", "ascii")
            with suppress(OSError, ValueError):
                os.kill(self._postmaster(), signal.SIGHUP)

    def _postmaster(self) -> int:
        return int((self.server.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def kill_server(self) -> bool:
        """Every process of PostgreSQL is dead, and what was committed is in its files. False when it was dead already."""
        try:
            pid = self._postmaster()
        except FileNotFoundError:
            return False
        # Whom it forked between the look and its end would outlive it, and no server starts beside such a one.
        _stand_still(pid)
        family = [pid, *_children(pid)]
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.flush(on=False)
        while any(map(_is_alive, family)):
            time.sleep(0.005)
        # Until somebody buries the dead one its number is taken, and the next one would not dare to start.
        (self.server.data / "postmaster.pid").unlink(missing_ok=True)
        return True

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
            self.flush(on=False)  # read before the recovery begins, which waits until all others have gone
        return True

    # one run
    def renew(self, way: Way) -> None:
        """Database and sandbox are as they were when a campaign of that way was frozen; web and inlet find them so."""
        from django.db import connections

        connections.close_all()
        self.flush(on=False)
        for name in self.children:
            if name.startswith("sender") or name == "folder":
                self.kill(name)
        self.kill("sandbox")
        for path in self.home.glob("sandbox.sqlite*"):  # the journal of a killed sandbox belongs to no other file
            path.unlink()
        shutil.copy(self.home / "pristine.sqlite", self.home / "sandbox.sqlite")
        self.start("sandbox")
        if clock.seoul().hour >= EVENING:
            self._back_to_morning()
        self.copy(pristine(way), DATABASE)
        from majung.delivery import installation

        with psycopg.connect(self.server.url(OWNER), autocommit=True) as connection:
            installation.wake(connection, self.home)  # a copied database sends nothing before somebody says so
        self.wait("sandbox")
        self.flush(on=True)

    def _back_to_morning(self) -> None:
        """A long proof does not come into the night, when nothing may be sent."""
        os.environ[clock.VARIABLE] = f"{clock.offset_seconds() - (EVENING - MORNING) * 3600:.3f}"
        for name in ("web", "ingest"):
            self.kill(name)
            self.start(name)
            self.wait(name)

    def copy(self, template: str, name: str) -> None:
        """The database ``name`` is a copy of another, which nobody uses."""
        with psycopg.connect(self.server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [template],
            )
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
            connection.execute(copy.format(*map(sql.Identifier, (name, template, OWNER))))
            # A copied sequence believes that its next 32 values are in the log of this database. They are not, and a crash
            # would hand them out twice; behind a checkpoint it writes them down anew.
            connection.execute("CHECKPOINT")


def kill(child: Child) -> bool:
    """SIGKILL for the process and its own children, which share its session."""
    if child.process is None or child.process.poll() is not None:
        return False
    with suppress(ProcessLookupError):
        os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()
    return True


def _state(pid: int) -> str:
    """The kernel's letter for what the process is doing; X when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _is_alive(pid: int) -> bool:
    return _state(pid) not in ("Z", "X")


def _stand_still(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    while _state(pid) not in ("T", "Z", "X"):
        time.sleep(0.001)


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
        except OSError:
            continue
    return found
