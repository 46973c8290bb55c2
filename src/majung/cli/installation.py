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


@contextmanager
def running(home: Path, *, port: int | None, senders: int, sandbox: bool = False, environment: dict[str, str] | None = None) -> Iterator[Family]:
    """Web, ingest, worker (and sandbox) run and answer inside the block."""
    family = Family(home / "logs")
    env = dict(environment or {})
    web = free_port(port or 8000)
    ingest = free_port(8001)
    os.environ["MAJUNG_BASE_URL"] = env["MAJUNG_BASE_URL"] = f"http://127.0.0.1:{web}"
    os.environ["MAJUNG_INGEST_URL"] = env["MAJUNG_INGEST_URL"] = f"http://127.0.0.1:{ingest}"
    try:
        python = sys.executable
        if sandbox:
            where = free_port(8790)
            os.environ["MAJUNG_SANDBOX_URL"] = env["MAJUNG_SANDBOX_URL"] = f"http://127.0.0.1:{where}"
            child = family.start(
                "sandbox", [python, "-m", "majung_sandbox", "--port", str(where), "--state", str(home / "sandbox.sqlite")], **env
            )
            wait_for(env["MAJUNG_SANDBOX_URL"], child)
        majung = [python, "-m", "majung"]
        pages = family.start("web", [*majung, "web", "--port", str(web)], MAJUNG_ROLE=APP, **env)
        inlet = family.start("ingest", [*majung, "ingest", "--port", str(ingest)], MAJUNG_ROLE=APP, **env)
        family.start("worker", [*majung, "worker", "--senders", str(senders)], MAJUNG_ROLE=WORKER, **env)
        wait_for(f"{env['MAJUNG_BASE_URL']}/accounts/login/", pages)
        wait_for(f"{env['MAJUNG_INGEST_URL']}/healthz", inlet)
        yield family
    finally:
        family.stop()
