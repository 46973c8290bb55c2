"""``majung web``, ``ingest`` and ``worker``: one process each, in the foreground."""

import argparse
import os
import sys

from majung.core.embedded import APP, WORKER


def web(arguments: argparse.Namespace) -> int:
    """The console, the portal and the API: WSGI on threads, as the web role."""
    os.environ.setdefault("MAJUNG_ROLE", APP)
    return _granian("majung.wsgi:application", "wsgi", arguments, "--blocking-threads", "4")


def ingest(arguments: argparse.Namespace) -> int:
    """Webhooks and delivery reports: a bare ASGI app, as the web role."""
    os.environ.setdefault("MAJUNG_ROLE", APP)
    return _granian("majung.ingest.app:application", "asginl", arguments)


def _granian(target: str, interface: str, arguments: argparse.Namespace, *more: str) -> int:
    os.execv(
        sys.executable,
        [
            sys.executable, "-m", "granian", "--interface", interface, "--host", arguments.host, "--port", str(arguments.port),
            "--workers", "1", "--no-ws", "--log-level", "warning", *more, target,
        ],
    )  # fmt: skip


def worker(arguments: argparse.Namespace) -> int:
    """Jobs and dispatchers run until asked to stop; a dispatcher that falls is started again."""
    os.environ.setdefault("MAJUNG_ROLE", WORKER)
    from majung.cli.worker import run

    return run(arguments.senders)
