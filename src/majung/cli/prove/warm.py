"""The warmed parent of a stage's processes: it has imported what they need, and each of them is forked from it at once.

``python -m majung.cli.prove.warm`` reads one line of JSON for each process it is to start and answers with its number. Who
is forked is a process like any other: a session, a log and an environment of its own, and it dies by SIGKILL all the same.
"""

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from majung.cli.processes import Child, die_with_parent, tail
from majung.core.embedded import APP
from majung.core.errors import Misconfigured

PROGRAMS = {
    "sender": "majung.delivery.worker:main",
    "folder": "majung.ingest.folder:main",
    "ingest": "majung.ingest.server:main",
    "web": "granian.cli:entrypoint",
    "sandbox": "majung_sandbox.__main__:main",
}
"""What each process does when it is there, as it does in an installation."""
BEHIND_WEB = ("majung.wsgi", "majung.urls")
WAITS = {
    "majung.delivery.engine:TROUBLE_SECONDS": 0.5,
    "majung.delivery.handover:REST_SECONDS": 0.15,
    "majung.delivery.recovery:ASK_AGAIN_SECONDS": 0.3,
    "majung.delivery.direct:ASK_AGAIN_SECONDS": 0.3,
    "majung.ingest.folder:TROUBLE_SECONDS": 0.3,
}
"""How long is waited after trouble. An installation waits for seconds, which in a run would be time in which nothing happens."""
FIND_SECONDS = 0.5
"""How long a dealer may take to list a request: the sandbox does so at once."""
WARM_SECONDS = 60.0


@dataclass(slots=True)
class Forked:
    """A process that was forked from the warmed one, which is its parent; held by its descriptor."""

    pid: int
    _held: int | None

    def poll(self) -> int | None:
        """None while it runs."""
        if self._held is not None and select.select([self._held], [], [], 0)[0]:
            self._let_go()
        return None if self._held is not None else 0

    def wait(self, timeout: float | None = None) -> int:
        """It has ended. Raises subprocess.TimeoutExpired."""
        if self._held is not None:
            if not select.select([self._held], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            self._let_go()
        return 0

    def terminate(self) -> None:
        """Asks it to end."""
        if self._held is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._held, signal.SIGTERM)

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None


class Warm:
    """The warmed process of one stage, as whoever asks it sees it. It ends with this one."""

    def __init__(self, log: Path) -> None:
        self._log = log
        environment = {**os.environ, "MAJUNG_ROLE": APP, "OPENBLAS_NUM_THREADS": "1"}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "majung.cli.prove.warm"], env=environment, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=out, start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip

    def fork(self, call: str, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
        """A process that runs ``call`` with these arguments. Raises Misconfigured when the warmed one is gone."""
        asked = {"call": call, "argv": [call, *argv], "env": {**os.environ, **environment}, "log": str(log)}
        to, answers = self._process.stdin, self._process.stdout
        assert to is not None and answers is not None  # noqa: S101  both are pipes
        try:
            to.write(json.dumps(asked).encode() + b"\n")
            to.flush()
            pid = int(answers.readline())
        except (OSError, ValueError):
            raise Misconfigured(f"{self._log}\n{tail(self._log)}") from None
        try:
            return Forked(pid, os.pidfd_open(pid))
        except ProcessLookupError:
            return Forked(pid, None)

    def close(self) -> None:
        """It has ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(slots=True, kw_only=True)
class Actor(Child):
    """A child that is forked from the warmed process; ``call`` is what it runs, with ``argv`` as arguments."""

    warm: Warm
    call: str

    def start(self) -> None:
        """Start it; its output is appended to its log."""
        self.starts.append(time.monotonic())
        self.process = self.warm.fork(self.call, self.argv, self.env, self.log)


# The warmed process itself
def main() -> int:
    """Import everything, then fork whoever is asked for until nobody asks any more."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "majung.settings")
    _import_all()
    _hurry()
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        _bury()
        asked = json.loads(line)
        ready, begun = os.pipe()
        pid = os.fork()
        if pid == 0:
            _become(asked, begun)
        os.close(begun)
        os.read(ready, 1)  # its end: the process leads a session now, and can be killed with all that it starts
        os.close(ready)
        os.write(1, b"%d\n" % pid)
    return 0


def _bury() -> None:
    """Whoever died has left: until then its number is not given to anybody else."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _import_all() -> None:
    for module in (*BEHIND_WEB, *(call.partition(":")[0] for call in PROGRAMS.values())):
        importlib.import_module(module)


def _hurry() -> None:
    """Waits after trouble are as short as a run wants them. Raises AttributeError where one is called otherwise by now."""
    from majung.channels.adapters.nhn import Nhn

    for name, seconds in WAITS.items():
        module, _, wait = name.partition(":")
        getattr(sys.modules[module], wait)
        setattr(sys.modules[module], wait, seconds)
    Nhn.abilities = {kind: replace(able, find_seconds=FIND_SECONDS) for kind, able in Nhn.abilities.items()}


def _become(asked: Mapping[str, object], begun: int) -> NoReturn:
    """This process, just forked, is what was asked for, and ends as such."""
    status = 1
    try:
        os.setsid()
        os.close(begun)
        die_with_parent()
        nothing, log = (
            os.open(os.devnull, os.O_RDONLY),
            os.open(str(asked["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT),
        )
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        os.environ.clear()
        os.environ.update(asked["env"])  # type: ignore[call-overload]  # JSON of our own
        sys.argv = list(asked["argv"])  # type: ignore[call-overload]
        importlib.reload(sys.modules["majung.settings"])  # the role is another
        module, _, function = str(asked["call"]).partition(":")
        status = getattr(sys.modules[module], function)() or 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  a forked process must not go on as its parent
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
