"""One installation on this machine: its folder, keys, database and processes."""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from majung.cli.processes import Family, free_port, wait_for
from majung.core.embedded import APP, WORKER, Embedded
from majung.core.sealing import Keyring


def say(sentence: str) -> None:
    """A line of progress, on stderr so that stdout stays for results."""
    print(sentence, file=sys.stderr, flush=True)


def prepare(home: Path) -> Embedded | None:
    """Folder, secret key and vault key exist, the database runs; returns the embedded server, None with ``DATABASE_URL``.

    Sets ``MAJUNG_HOME`` and ``MAJUNG_SECRET_KEY`` for this process and its children.
    """
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755 if os.geteuid() == 0 else 0o700)
    os.environ["MAJUNG_HOME"] = str(home)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "majung.settings")
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
    if os.environ.get("DATABASE_URL"):
        return None
    server = Embedded(base=home / "postgres")
    if not server.is_running():
        say("데이터베이스를 켭니다.")
    server.start()
    return server


def migrate() -> None:
    """The tables fit this version, and the roles have exactly their rights."""
    import django  # noqa: PLC0415  slow, and needs the environment that prepare() sets
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    from majung.core import roles  # noqa: PLC0415

    roles.apply()


def choose_addresses(port: int | None, *, sandbox: bool) -> None:
    """Free ports for every process, put into the environment before anybody reads the settings."""
    os.environ["MAJUNG_BASE_URL"] = f"http://127.0.0.1:{free_port(port or 8000)}"
    os.environ["MAJUNG_INGEST_URL"] = f"http://127.0.0.1:{free_port(8001)}"
    if sandbox:
        os.environ["MAJUNG_SANDBOX_URL"] = f"http://127.0.0.1:{free_port(8790)}"


@contextmanager
def running(home: Path, *, senders: int, sandbox: bool = False) -> Iterator[Family]:
    """Web, ingest, worker (and sandbox) run and answer inside the block, at the chosen addresses."""
    family = Family(home / "logs")
    web, ingest = os.environ["MAJUNG_BASE_URL"], os.environ["MAJUNG_INGEST_URL"]
    python = sys.executable
    try:
        if sandbox:
            at = os.environ["MAJUNG_SANDBOX_URL"]
            messenger = [python, "-m", "majung_sandbox", "--port", _port(at), "--state", str(home / "sandbox.sqlite")]
            wait_for(f"{at}/_control/health", family.start("sandbox", messenger))
        majung = [python, "-m", "majung"]
        pages = family.start("web", [*majung, "web", "--port", _port(web)], MAJUNG_ROLE=APP)
        inlet = family.start("ingest", [*majung, "ingest", "--port", _port(ingest)], MAJUNG_ROLE=APP)
        family.start("worker", [*majung, "worker", "--senders", str(senders)], MAJUNG_ROLE=WORKER)
        wait_for(f"{web}/accounts/login/", pages)
        wait_for(f"{ingest}/healthz", inlet)
        yield family
    finally:
        family.stop()


def _port(url: str) -> str:
    return url.rsplit(":", 1)[1]
