"""One installation on this machine: its folder, keys, database and processes."""

import errno
import fcntl
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from majung.cli import database
from majung.cli.processes import Family, free_port, is_free, undisturbed
from majung.core import env
from majung.core.embedded import APP, WORKER, Embedded
from majung.core.errors import Misconfigured
from majung.core.sealing import Keyring

WEB_PORT, INGEST_PORT, SANDBOX_PORT = 8000, 8001, 8790
_held: set[Path] = set()


class Busy(Misconfigured):
    """Another command runs the processes of the folder."""


def say(sentence: str) -> None:
    """A line of progress, on stderr so that stdout stays for results."""
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def prepared(home: Path) -> Iterator[None]:
    """Folder, keys and tables exist, and the database answers inside the block.

    Sets ``MAJUNG_HOME`` and the secret key's variable for this process and its children.
    """
    with writable(home):
        make_folders(home)
    with awake(home):
        with writable(home):
            make_keys(home)
        migrate()
        yield


@contextmanager
def awake(home: Path) -> Iterator[None]:
    """The database answers inside the block. The embedded one is started when nothing runs in ``home``, and stopped after.

    Whoever holds ``home`` (``alone``) owns its server, also one that a killed command left behind; beside somebody else's
    processes it is theirs. Raises Misconfigured when the database of DATABASE_URL will not do.
    """
    if url := database.external():
        with database.connect(url) as connection:
            database.require(connection)
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(alone(home))
        except Busy:
            yield
            return
        server = Embedded(base=home / "postgres")
        if not server.is_running():
            say("데이터베이스를 켭니다.")
        try:
            server.start()
            yield
        finally:
            with undisturbed():
                server.stop()


@contextmanager
def writable(home: Path) -> Iterator[None]:
    """What the block cannot write below ``home`` is a sentence. Raises Misconfigured."""
    try:
        yield
    except OSError as error:
        raise Misconfigured(
            f"{error.filename or home}에 쓸 수 없습니다 ({error.strerror}). MAJUNG_HOME을 쓸 수 있는 폴더로 정해 주세요."
        ) from error


def make_folders(home: Path) -> None:
    """The folder and what lies in it, closed to others as far as the embedded server's own user allows."""
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755 if os.geteuid() == 0 else 0o700)
    for folder in ("static", "uploads", "logs"):
        (home / folder).mkdir(exist_ok=True, mode=0o700)
        if not os.access(home / folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(home / folder))


def make_keys(home: Path) -> None:
    """Both key files exist, and this process and its children know where."""
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
    """Nobody else runs the processes of ``home`` inside the block; within one process it may be entered again. Raises Busy."""
    home = home.absolute()
    if home in _held:
        yield
        return
    with ExitStack() as stack:
        with writable(home):
            home.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((home / "running.lock").open("a"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(f"{home}의 마중이 이미 켜져 있습니다. 그것을 쓰거나, 끄고 다시 켜 주세요.") from None
        _held.add(home)
        try:
            yield
        finally:
            _held.discard(home)


def is_busy(home: Path) -> bool:
    """Whether the processes of ``home`` run (or begin to)."""
    if not (home / "running.lock").exists():
        return False
    try:
        with alone(home):
            return False
    except Busy:
        return True


def found() -> Path:
    """The folder of the installation that the environment means. Raises Misconfigured when there is none."""
    home = env.home()
    if database.external() or (home / "postgres" / "passwords.json").exists():
        return home
    demo = demo_home()
    hint = f" 데모를 보려면 MAJUNG_HOME={demo} 을 앞에 붙여 주세요." if (demo / "postgres").exists() else ""
    raise Misconfigured(f"{home}에 아직 설치가 없습니다. majung up 으로 한 번 켜 주세요.{hint}")


def demo_home() -> Path:
    """The folder of the demo: ``MAJUNG_HOME``, else beside that of a real installation."""
    home = env.home()
    return home if os.environ.get("MAJUNG_HOME") else home.with_name(f"{home.name}-demo")


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
    """The web's port as it was asked for, else free ones. Raises Misconfigured when that one is taken.

    Addresses that the environment does not name yet follow from them, before anybody reads the settings.
    """
    require_port(web)
    ports = Ports(
        web=web or free_port(WEB_PORT), ingest=free_port(INGEST_PORT), sandbox=free_port(SANDBOX_PORT) if sandbox else None
    )  # fmt: skip
    os.environ.setdefault("MAJUNG_BASE_URL", _local(ports.web))
    os.environ.setdefault("MAJUNG_INGEST_URL", _local(ports.ingest))
    if ports.sandbox is not None:
        os.environ["MAJUNG_SANDBOX_URL"] = _local(ports.sandbox)
    return ports


def require_port(port: int | None, host: str = "127.0.0.1") -> None:
    """Raises Misconfigured when something listens there already."""
    if port is not None and not is_free(port, host):
        raise Misconfigured(
            f"{host}의 포트 {port}은(는) 쓸 수 없습니다(다른 프로그램이 쓰는 중). --port로 다른 포트를 골라 주세요."
        )


@contextmanager
def running(home: Path, ports: Ports, *, senders: int) -> Iterator[Family]:
    """Web, ingest, worker (and sandbox) run and answer inside the block."""
    family = Family(home / "logs")
    majung = [sys.executable, "-m", "majung"]
    try:
        if ports.sandbox is not None:
            state = str(home / "sandbox.sqlite")
            messenger = [sys.executable, "-m", "majung_sandbox", "--port", str(ports.sandbox), "--state", state]
            family.start("sandbox", messenger, f"{_local(ports.sandbox)}/_control/health")
            family.wait()
        pages, inlet = f"{_local(ports.web)}/accounts/login/", f"{_local(ports.ingest)}/healthz"
        family.start("web", [*majung, "web", "--port", str(ports.web)], pages, MAJUNG_ROLE=APP)
        family.start("ingest", [*majung, "ingest", "--port", str(ports.ingest)], inlet, MAJUNG_ROLE=APP)
        family.start("worker", [*majung, "worker", "--senders", str(senders)], MAJUNG_ROLE=WORKER)
        family.wait()
        yield family
    finally:
        family.stop()


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"
