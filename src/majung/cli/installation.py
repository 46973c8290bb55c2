"""One installation on this machine: its folder, keys, database and processes."""

import fcntl
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from majung.cli.processes import Family, free_port, wait_for
from majung.core.embedded import APP, WORKER, Embedded
from majung.core.errors import Misconfigured
from majung.core.sealing import Keyring


def say(sentence: str) -> None:
    """A line of progress, on stderr so that stdout stays for results."""
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def prepared(home: Path) -> Iterator[None]:
    """Folder, keys and tables exist, and the database runs inside the block; a server that ran before runs on after it.

    Sets ``MAJUNG_HOME`` and the secret key's variable for this process and its children.
    """
    _make_keys(home)
    server = None if os.environ.get("DATABASE_URL") else Embedded(base=home / "postgres")
    mine = server if server is not None and not server.is_running() else None
    try:
        if server is not None:
            if mine is not None:
                say("데이터베이스를 켭니다.")
            server.start()
        migrate()
        yield
    finally:
        if mine is not None:
            mine.stop()


def _make_keys(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755 if os.geteuid() == 0 else 0o700)
    (home / "static").mkdir(exist_ok=True)
    os.environ["MAJUNG_HOME"] = str(home)
    if not os.environ.get("MAJUNG_SECRET_KEY") and not os.environ.get("MAJUNG_SECRET_KEY_FILE"):
        path = home / "secret.key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(48), "ascii")
        os.environ["MAJUNG_SECRET_KEY_FILE"] = str(path)
    vault = Path(os.environ.get("MAJUNG_VAULT_KEY") or home / "vault.key")
    if not vault.exists():
        Keyring.fresh().save(vault)
        say(f"금고 열쇠를 만들었습니다: {vault}  (잃으면 개인정보를 다시 열 수 없습니다. 다른 곳에 복사해 두세요.)")


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Nobody else runs the processes of ``home`` inside the block. Raises Misconfigured when somebody does."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "running.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Misconfigured(f"{home}의 마중이 이미 켜져 있습니다. 그것을 쓰거나, 끄고 다시 켜 주세요.") from None
        yield


def migrate() -> None:
    """The tables fit this version, and the roles have exactly their rights."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from majung.core import roles

    roles.apply()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the processes of this machine listen, on loopback."""

    web: int
    ingest: int
    sandbox: int | None


def choose_ports(web: int | None, *, sandbox: bool) -> Ports:
    """Free ports. Addresses that the environment does not name yet follow from them, before anybody reads the settings."""
    ports = Ports(web=free_port(web or 8000), ingest=free_port(8001), sandbox=free_port(8790) if sandbox else None)
    os.environ.setdefault("MAJUNG_BASE_URL", _local(ports.web))
    os.environ.setdefault("MAJUNG_INGEST_URL", _local(ports.ingest))
    if ports.sandbox is not None:
        os.environ["MAJUNG_SANDBOX_URL"] = _local(ports.sandbox)
    return ports


@contextmanager
def running(home: Path, ports: Ports, *, senders: int) -> Iterator[Family]:
    """Web, ingest, worker (and sandbox) run and answer inside the block."""
    family = Family(home / "logs")
    python = sys.executable
    try:
        if ports.sandbox is not None:
            messenger = [
                python,
                "-m",
                "majung_sandbox",
                "--port",
                str(ports.sandbox),
                "--state",
                str(home / "sandbox.sqlite"),
            ]
            wait_for(f"{_local(ports.sandbox)}/_control/health", family.start("sandbox", messenger))
        majung = [python, "-m", "majung"]
        pages = family.start("web", [*majung, "web", "--port", str(ports.web)], MAJUNG_ROLE=APP)
        inlet = family.start("ingest", [*majung, "ingest", "--port", str(ports.ingest)], MAJUNG_ROLE=APP)
        family.start("worker", [*majung, "worker", "--senders", str(senders)], MAJUNG_ROLE=WORKER)
        wait_for(f"{_local(ports.web)}/accounts/login/", pages)
        wait_for(f"{_local(ports.ingest)}/healthz", inlet)
        yield family
    finally:
        family.stop()


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"
