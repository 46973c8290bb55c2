"""``majung demo``: an invented party, its people and its main campaign, on a clock that starts at 10:00 in Seoul."""

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from majung.cli import database
from majung.cli import installation as place
from majung.cli.installation import say
from majung.cli.processes import end_in_order, undisturbed
from majung.cli.up import senders, watch
from majung.core import clock
from majung.core.embedded import Embedded
from majung.core.errors import Invalid, Misconfigured
from majung.demo import tree as party

if TYPE_CHECKING:
    from majung.cli.processes import Family
    from majung.demo.run import Outcome

PEOPLE = 100_000
MORNING, EVENING = time(10), time(20)
OWN = (
    "DATABASE_URL_APP",
    "DATABASE_URL_WORKER",
    "MAJUNG_VAULT_KEY",
    "MAJUNG_SECRET_KEY",
    "MAJUNG_BASE_URL",
    "MAJUNG_INGEST_URL",
)
"""What the environment may say of a real installation and a run in a temporary folder must not touch."""


def run(arguments: argparse.Namespace) -> int:
    """Run the demo: once in a temporary folder, or stay up over a folder that keeps its data."""
    end_in_order()
    if arguments.json and not arguments.once:
        raise Invalid(problem="--json은 --once와 함께 씁니다.")
    at = instant(arguments.at)
    return _once(at, arguments) if arguments.once else _stay(place.demo_home(), at, arguments)


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
        with undisturbed():
            shutil.rmtree(home, ignore_errors=True)


def _once(at: datetime, arguments: argparse.Namespace) -> int:
    with ExitStack() as stack:
        home = stack.enter_context(temporary())
        if database.external():
            stack.enter_context(database.scratch())
        family = stack.enter_context(world(home, _start(at), port=arguments.port, alone=True))
        outcome = _load_and_send(family, arguments.people or PEOPLE, at)
        print(json.dumps(outcome.figures(), ensure_ascii=False) if arguments.json else outcome.in_words(), flush=True)
    return 0 if outcome.balances else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a demo that stays remembers of itself in its folder, and what tells its folder from a real installation's."""

    people: int
    clock: str
    is_whole: bool

    @staticmethod
    def read(home: Path) -> "Kept | None":
        """None where no demo has begun."""
        try:
            return Kept(**json.loads((home / "demo.json").read_text("ascii")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise Misconfigured(f"{home / 'demo.json'}을 읽을 수 없습니다. {home}을 지우고 다시 켜 주세요.") from error

    def write(self, home: Path) -> None:
        """Whole or not at all."""
        partial = home / "demo.json.new"
        with place.writable(home):
            partial.write_text(json.dumps(asdict(self)), "ascii")
            partial.replace(home / "demo.json")


def _stay(home: Path, at: datetime, arguments: argparse.Namespace) -> int:
    try:
        with place.alone(home):
            kept = _resume(home) or Kept(
                people=arguments.people or PEOPLE, clock=_start(at).isoformat(), is_whole=False
            )
            kept.write(home)
            if kept.is_whole:
                begin = onward(at, datetime.fromisoformat(kept.clock))
                say(f"지난번의 데모를 그대로 켭니다: {home}")
                if arguments.people not in (None, kept.people):
                    say(f"사람은 처음 만든 {kept.people:,}명 그대로입니다. 다시 만들려면 이 폴더를 지우고 켜 주세요.")
            else:
                begin = _start(at)
                say(f"데모를 만듭니다: {home}")
            with world(home, begin, port=arguments.port, alone=False) as family:
                _up(home, family, at, kept)
    except KeyboardInterrupt:
        left = Kept.read(home)
        again = "다시 켜면 데이터가 그대로 있습니다." if left and left.is_whole else "다시 켜면 처음부터 만듭니다."
        say(f"껐습니다. {again}")
    return 0


def _up(home: Path, family: "Family", at: datetime, kept: Kept) -> None:
    from majung.demo import run as demo

    if kept.is_whole:
        demo.rejoin()
    else:
        say(_load_and_send(family, kept.people, at).in_words())
        kept = replace(kept, is_whole=True)
    say(demo.welcome(home))
    while True:
        replace(kept, clock=clock.now().isoformat()).write(home)
        watch(family)


def _resume(home: Path) -> Kept | None:
    """The whole demo of ``home``, or None after making sure that nothing stands in the way of a new one."""
    kept = Kept.read(home)
    if kept is None and ((home / "vault.key").exists() or (home / "postgres").exists()):
        raise Misconfigured(f"{home}에는 데모가 아닌 설치가 있습니다. MAJUNG_HOME으로 다른 폴더를 정해 주세요.")
    if url := database.external():
        wanted = "demo" if kept and kept.is_whole else "nothing"
        with database.connect(url) as connection:
            if database.holds(connection, party.OWNER) != wanted:
                raise Misconfigured(
                    f"DATABASE_URL의 데이터베이스가 {home}의 데모와 맞지 않습니다. 빈 데이터베이스와 빈 MAJUNG_HOME을 정해 주세요."
                )
    elif kept and not kept.is_whole:
        say("지난번에 만들다 만 데모를 지우고 다시 만듭니다.")
        Embedded(base=home / "postgres").stop()
        for path in (home / "postgres", home / "uploads"):
            shutil.rmtree(path, ignore_errors=True)
        for path in home.glob("sandbox.sqlite*"):
            path.unlink()
    return kept if kept and kept.is_whole else None


def _start(at: datetime) -> datetime:
    """The demo is made in the morning, so that its clock can be put on to ``at`` when the message leaves."""
    return min(at, datetime.combine(at.date(), MORNING, clock.SEOUL))


def onward(at: datetime, last: datetime) -> datetime:
    """Where the clock of a second start begins: time never runs backwards, and a night is slept over."""
    if last < at:
        return at
    last = clock.seoul(last)
    if MORNING <= last.time() < EVENING:
        return last + timedelta(minutes=1)
    day = last.date() + timedelta(days=last.time() >= EVENING)
    return datetime.combine(day, MORNING, clock.SEOUL)


@contextmanager
def world(home: Path, begin: datetime, *, port: int | None, alone: bool) -> "Iterator[Family]":
    """Database, tables and processes run inside the block, all on one clock; ``alone`` forgets what the environment names."""
    os.environ[clock.VARIABLE] = f"{clock.offset_to(begin):.3f}"
    for name in OWN if alone else ():
        os.environ.pop(name, None)
    with place.alone(home):
        ports = place.choose_ports(port, sandbox=True)
        with place.prepared(home), place.running(home, ports, senders=senders()) as family:
            yield family


def _load_and_send(family: "Family", people: int, at: datetime) -> "Outcome":
    from majung.demo import run as demo

    demo.load(people, say=say)
    if clock.now() < at:
        demo.put_clock(family, at)
    return demo.send(family, say=say)
