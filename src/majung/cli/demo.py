"""``majung demo``: an invented party, its people and its main campaign, on a clock that starts at 10:00 in Seoul."""

import argparse
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from majung.cli.installation import alone as only_one
from majung.cli.installation import choose_ports, prepared, running, say
from majung.cli.up import senders
from majung.core import clock, env
from majung.core.errors import Invalid

if TYPE_CHECKING:
    from majung.cli.processes import Family
    from majung.demo.run import Outcome

LATEST_HOUR = 20
OWN = (
    "DATABASE_URL", "DATABASE_URL_APP", "DATABASE_URL_WORKER", "MAJUNG_VAULT_KEY", "MAJUNG_SECRET_KEY", "MAJUNG_BASE_URL",
    "MAJUNG_INGEST_URL",
)  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Run the demo: once in a temporary folder, or stay up over a folder that keeps its data."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    begin = instant(arguments.at)
    if arguments.once:
        with temporary() as home:
            return _once(home, begin, arguments)
    home = Path(os.environ.get("MAJUNG_HOME") or f"{env.home()}-demo")
    return _stay(home, begin, arguments)


def instant(text: str) -> datetime:
    """The Seoul wall-clock time ``text`` of the current day."""
    for form in ("%H:%M:%S", "%H:%M"):
        try:
            at = datetime.strptime(text, form).time()  # noqa: DTZ007  a time of day, put on the Seoul clock below
        except ValueError:
            continue
        return datetime.combine(clock.today(), at, clock.SEOUL)
    raise Invalid(problem=f"--at {text}: 10:00 이나 20:49:30 처럼 적어 주세요.")


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder for one run."""
    home = Path(tempfile.mkdtemp(prefix="majung-demo-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _once(home: Path, begin: datetime, arguments: argparse.Namespace) -> int:
    with world(home, begin, port=arguments.port, alone=arguments.once) as family:
        outcome = _load_and_send(family, arguments.people)
        print(json.dumps(outcome.figures(), ensure_ascii=False) if arguments.json else outcome.in_words(), flush=True)
    return 0 if outcome.balances else 1


def _stay(home: Path, begin: datetime, arguments: argparse.Namespace) -> int:
    mark = home / "demo-clock"
    if mark.exists():
        # Time never runs backwards: a second start on the same day goes on where the first one ended.
        last = datetime.fromisoformat(mark.read_text("ascii").strip())
        if last > begin and clock.seoul(last).hour < LATEST_HOUR:
            begin = last + timedelta(minutes=1)
    with world(home, begin, port=arguments.port, alone=arguments.once) as family:
        try:
            if not (home / "demo-ready").exists():
                say(_load_and_send(family, arguments.people).in_words())
                (home / "demo-ready").touch()
            from majung.demo.run import welcome

            say(welcome())
            while True:
                time.sleep(2)
                mark.write_text(clock.now().isoformat(), "ascii")
                for name in family.check():
                    say(f"{name}이(가) 멈춰 다시 켰습니다. 기록: {family.logs / f'{name}.log'}")
        except KeyboardInterrupt:
            say("끕니다. 다시 켜면 데이터가 그대로 있습니다.")
            return 0


@contextmanager
def world(home: Path, begin: datetime, *, port: int | None, alone: bool) -> "Iterator[Family]":
    """Database, tables and processes run inside the block, all on one clock; ``alone`` forgets what the environment names."""
    os.environ[clock.VARIABLE] = f"{clock.offset_to(begin):.3f}"
    if alone:
        for name in OWN:
            os.environ.pop(name, None)
    ports = choose_ports(port, sandbox=True)
    with only_one(home), prepared(home), running(home, ports, senders=senders()) as family:
        yield family


def _load_and_send(family: "Family", people: int) -> "Outcome":
    from majung.demo import run as demo

    demo.load(people, say=say)
    return demo.send(family, say=say)
