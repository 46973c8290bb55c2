"""Child processes of one installation: started together, watched, stopped together."""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from majung.core.errors import Misconfigured

STOP_SECONDS = 20.0
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a polite kill, and the terminal that was closed: each ends a command in the same orderly way."""
_PR_SET_PDEATHSIG = 1


def end_in_order() -> None:
    """From here on each of ENDINGS raises KeyboardInterrupt, also in a process that a script put into the background."""
    for number in ENDINGS:
        signal.signal(number, signal.default_int_handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Inside the block ENDINGS are not heard: a second, impatient Ctrl-C must not leave half of the processes behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def die_with_parent() -> None:
    """Ask Linux to end this child when its parent is killed without a chance to stop it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Running(Protocol):
    """A process that was started, as ``subprocess.Popen`` shows it."""

    @property
    def pid(self) -> int:
        """Its number, which is that of its session too."""
        ...

    def poll(self) -> int | None:
        """None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """It has ended. Raises subprocess.TimeoutExpired."""
        ...

    def terminate(self) -> None:
        """Asks it to end."""
        ...


@dataclass(slots=True)
class Child:
    """One process and how to start it again; ``address`` answers when it is ready, if it has one."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    address: str = ""
    process: Running | None = None
    starts: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start it; its output is appended to its log."""
        self.starts.append(time.monotonic())
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.argv,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )


class Family:
    """Children that live and die together."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.children: list[Child] = []
        logs.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, name: str, argv: Sequence[str], address: str = "", **env: str) -> Child:
        """Start one child and keep it."""
        child = Child(name, argv, env, self.logs / f"{name}.log", address)
        child.start()
        self.children.append(child)
        return child

    def wait(self) -> None:
        """Every child that has an address answers there."""
        for child in self.children:
            if child.address:
                wait_for(child.address, child)

    def again(self, between: Callable[[], None], *, but: str) -> None:
        """Every child but one has ended, was started anew after ``between`` had changed the environment, and answers."""
        chosen = [child for child in self.children if child.name != but]
        _end(chosen)
        between()
        for child in chosen:
            child.starts.clear()
            child.start()
        self.wait()

    def check(self) -> list[str]:
        """Start again whatever ended by itself; returns the names. Raises Misconfigured when one keeps ending."""
        fallen = []
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                recent = [t for t in child.starts if t > time.monotonic() - 60]
                if len(recent) >= 5:
                    raise Misconfigured(f"{child.name}이(가) 자꾸 멈춥니다. 기록: {child.log}\n{tail(child.log)}")
                fallen.append(child.name)
                child.start()
        return fallen

    def stop(self) -> None:
        """Every child has ended: asked first, killed after a while."""
        with undisturbed():
            _end(self.children)
        self.children.clear()


def _end(children: Sequence[Child]) -> None:
    alive = [c.process for c in reversed(children) if c.process is not None and c.process.poll() is None]
    for process in alive:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in alive:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""


_claimed: list[int] = []
"""Descriptors whose locks say that a port is this process's."""


def free_port(preferred: int | None = None) -> int:
    """``preferred`` when nobody listens there, else a free one. Whoever else asks does not get it while this process lives."""
    port = preferred
    while port is None or not (is_free(port) and _claim(port)):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
    return port


def _claim(port: int) -> bool:
    """False: another command of this user has chosen it, and may not be listening yet."""
    folder = Path(tempfile.gettempdir()) / f"majung-ports-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return True  # without a place for locks a port is only looked at
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _claimed.append(lock)
    return True


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether this process could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def wait_for(url: str, child: Child, seconds: float = 60.0) -> None:
    """``url`` answers. Raises Misconfigured with the child's last words when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child.process is not None and child.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  our own loopback address
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise Misconfigured(f"{child.name}이(가) 켜지지 않았습니다. 기록: {child.log}\n{tail(child.log)}")
