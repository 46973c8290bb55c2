"""``majung test``: the project's tests, over an embedded database and a vault key of their own."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from majung.cli.main import project_folder
from majung.cli.processes import end_in_order, undisturbed
from majung.core.embedded import Embedded
from majung.core.sealing import Keyring

FORGOTTEN = (
    "MAJUNG_CLOCK",
    "MAJUNG_ROLE",
    "MAJUNG_VAULT_KEY",
    "MAJUNG_BASE_URL",
    "MAJUNG_INGEST_URL",
    "MAJUNG_SANDBOX_URL",
)


def run(arguments: argparse.Namespace) -> int:
    """Run pytest in the checkout with whatever arguments follow. ``DATABASE_URL`` names another server to test on."""
    end_in_order()
    command = [sys.executable, "-m", "pytest", *arguments.paths, *arguments.rest]
    with _installation() as environment:
        return subprocess.run(command, cwd=project_folder(), env=environment, check=False).returncode


@contextmanager
def _installation() -> Iterator[dict[str, str]]:
    """A folder with a key and a running server, and the environment that names them."""
    home = Path(tempfile.mkdtemp(prefix="majung-test-"))
    home.chmod(0o755)
    (home / "static").mkdir()
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
            shutil.rmtree(home, ignore_errors=True)
