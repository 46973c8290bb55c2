"""``majung test``: the project's tests, over an embedded database and a vault key of their own."""

import argparse
import subprocess
import sys

from majung.cli import scratch
from majung.cli.main import project_folder
from majung.cli.processes import end_in_order


def run(arguments: argparse.Namespace) -> int:
    """Run pytest in the checkout with whatever arguments follow. ``DATABASE_URL`` names another server to test on."""
    end_in_order()
    command = [sys.executable, "-m", "pytest", *arguments.paths, *arguments.rest]
    with scratch.installation("majung-test-") as environment:
        return subprocess.run(command, cwd=project_folder(), env=environment, check=False).returncode
