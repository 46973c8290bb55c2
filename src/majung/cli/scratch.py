"""An installation of its own for tests and benchmarks: a folder, a key and an embedded server that touch no other."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from majung.cli.processes import undisturbed
from majung.core.embedded import Embedded
from majung.core.sealing import Keyring

FORGOTTEN = (
    "MAJUNG_CLOCK",
    "MAJUNG_CLOCK_ERROR",
    "MAJUNG_ROLE",
    "MAJUNG_VAULT_KEY",
    "MAJUNG_BASE_URL",
    "MAJUNG_INGEST_URL",
    "MAJUNG_SANDBOX_URL",
)
"""What the environment may say of a real installation."""


@contextmanager
def installation(prefix: str, kept: Path | None = None) -> Iterator[dict[str, str]]:
    """A folder with a key and a running server, and the environment that names them; ``DATABASE_URL`` names another server.

    The folder is temporary, or ``kept`` with whatever an earlier call left there.
    """
    home = kept.absolute() if kept else Path(tempfile.mkdtemp(prefix=prefix))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    (home / "static").mkdir(exist_ok=True)
    if not (home / "vault.key").exists():
        Keyring.fresh().save(home / "vault.key")
    environment = {name: value for name, value in os.environ.items() if name not in FORGOTTEN}
    environment |= {"MAJUNG_HOME": str(home), "MAJUNG_SECRET_KEY": "tests-only"}
    server = None if environment.get("DATABASE_URL") else Embedded(base=home / "postgres")
    try:
        if server is not None:
            server.start()
            environment["DATABASE_URL"] = server.url()
        yield environment
    finally:
        with undisturbed():
            if server is not None:
                server.stop()
            if kept is None:
                shutil.rmtree(home, ignore_errors=True)
