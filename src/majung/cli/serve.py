"""``majung web``, ``ingest`` and ``worker``: one process each, in the foreground."""

import argparse
import os
import sys

from majung.cli import database, installation
from majung.core.embedded import APP, WORKER
from majung.core.errors import Misconfigured
from majung.core.sealing import Keyring


def web(arguments: argparse.Namespace) -> int:
    """The console, the portal and the API: WSGI on threads, as the web role."""
    _require(APP)
    options = ("--interface", "wsgi", "--workers", "1", "--no-ws", "--log-level", "warning", "--blocking-threads", "4")
    return _become(arguments, "granian", *options, "majung.wsgi:application")


def ingest(arguments: argparse.Namespace) -> int:
    """Webhooks and delivery reports: a server of its own without Django, as the web role."""
    _require(APP)
    return _become(arguments, "majung.ingest.server")


def _become(arguments: argparse.Namespace, module: str, *more: str) -> int:
    """This process goes on as a server that listens where it was asked to."""
    installation.require_port(arguments.port, arguments.host)
    installation.say(f"http://{arguments.host}:{arguments.port} 에서 듣습니다.  (끄기: Ctrl-C)")
    where = ("--host", arguments.host, "--port", str(arguments.port))
    os.execv(sys.executable, [sys.executable, "-m", module, *where, *more])


def worker(arguments: argparse.Namespace) -> int:
    """Jobs and dispatchers run until asked to stop; a dispatcher that falls is started again."""
    _require(WORKER)
    from majung.cli.worker import run

    installation.say(f"일꾼을 켭니다: 예약된 일 하나, 발송 {arguments.senders}.  (끄기: Ctrl-C)")
    installation.require_port(arguments.probe_port)
    return run(arguments.senders, arguments.probe_port)


def _require(role: str) -> None:
    """Keys and tables are there and the database answers this role. Raises Misconfigured, before anything is started."""
    os.environ.setdefault("MAJUNG_ROLE", role)
    home = installation.found()
    from majung import settings

    with database.connect(settings.database_url(settings.ROLE)) as connection:
        if connection.execute("SELECT to_regclass('tree_organisation')").fetchall() == [(None,)]:
            raise Misconfigured("데이터베이스에 표가 없습니다. majung migrate 를 돌려 주세요.")
    try:
        Keyring.load(settings.VAULT_KEY)
    except Misconfigured as error:
        raise Misconfigured(
            f"금고 열쇠를 열 수 없습니다: {error}\n이 설치의 열쇠를 그 자리에 두고 chmod 600 해 주세요."
        ) from error
    if not settings.SECRET_KEY:
        raise Misconfigured(f"서명 열쇠가 없습니다: {home / 'secret.key'}에 두거나 MAJUNG_SECRET_KEY로 정해 주세요.")
    with installation.writable(home):
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
