"""``majung test``: the project's tests, in a fresh embedded database."""

import argparse
import os
import subprocess
import sys

from majung.cli.main import project_folder


def run(arguments: argparse.Namespace) -> int:
    """Run pytest in the checkout with whatever arguments follow."""
    chosen = [*arguments.paths, *arguments.rest]
    environment = {name: value for name, value in os.environ.items() if name not in {"MAJUNG_CLOCK", "MAJUNG_ROLE"}}
    command = [sys.executable, "-m", "pytest", *chosen]
    return subprocess.run(command, cwd=project_folder(), env=environment, check=False).returncode
