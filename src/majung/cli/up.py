"""``majung up`` and ``majung migrate``."""

import argparse
import os
import signal
import time

from majung.cli.installation import choose_ports, prepare, running, say
from majung.cli.installation import migrate as migrate_tables
from majung.core import env


def run(arguments: argparse.Namespace) -> int:
    """Everything runs on this machine until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ports = choose_ports(arguments.port, sandbox=False)
    home = env.home()
    server = prepare(home)
    try:
        migrate_tables()
        with running(home, ports, senders=senders()) as family:
            say(f"마중이 켜졌습니다: {os.environ['MAJUNG_BASE_URL']}  (끄기: Ctrl-C)")
            while True:
                time.sleep(2)
                for name in family.check():
                    say(f"{name}이(가) 멈춰 다시 켰습니다. 기록: {family.logs / f'{name}.log'}")
    except KeyboardInterrupt:
        say("끕니다.")
        return 0
    finally:
        if server is not None:
            server.stop()


def senders() -> int:
    """Sending processes for this machine: one a core, at most four by default."""
    return max(1, min(4, os.cpu_count() or 1))


def migrate(arguments: argparse.Namespace) -> int:
    """The tables fit this version."""
    prepare(env.home())
    migrate_tables()
    say("표가 이 판에 맞습니다.")
    return 0
