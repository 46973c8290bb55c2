"""``majung up`` and ``majung migrate``."""

import argparse
import os
import time

from majung.cli.installation import alone, choose_ports, prepared, running, say
from majung.cli.processes import Family, end_in_order
from majung.core import env

LOOK_SECONDS = 2.0


def run(arguments: argparse.Namespace) -> int:
    """Everything runs on this machine until Ctrl-C."""
    end_in_order()
    home = env.home()
    try:
        with alone(home):
            ports = choose_ports(arguments.port, sandbox=False)
            with prepared(home), running(home, ports, senders=senders()) as family:
                say(f"마중이 켜졌습니다: {os.environ['MAJUNG_BASE_URL']}  (끄기: Ctrl-C)")
                while True:
                    watch(family)
    except KeyboardInterrupt:
        say("껐습니다.")
        return 0


def watch(family: Family) -> None:
    """A while passes, and whatever fell in it was started again."""
    time.sleep(LOOK_SECONDS)
    for name in family.check():
        say(f"{name}이(가) 멈춰 다시 켰습니다. 기록: {family.logs / f'{name}.log'}")


def senders() -> int:
    """Sending processes for this machine: one a core, at most four by default."""
    return max(1, min(4, os.cpu_count() or 1))


def migrate(arguments: argparse.Namespace) -> int:
    """The tables fit this version."""
    with prepared(env.home()):
        say("표가 이 판에 맞습니다.")
    return 0
