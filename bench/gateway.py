"""Compiles, starts and asks the bench's gateway (``gateway.c``): Solapi's wire format at the speed of the sockets.

    python bench/gateway.py [--port 8790] [--delay-ms 200] [--not-friend 0.1 --refused 0.01]

Without shares the outcome goes by the last two digits of the number, as in the sandbox. Its books answer like the
sandbox's: ``GET /_control/books?campaign=N``, ``…/books/ids?campaign=N&state=taken``, and as sets in ``Gateway.ids``.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = ("-O3", "-march=native", "-std=gnu11")
PLAIN_FLAGS = ("-O2", "-std=gnu11")
"""For compilers that know no ``-march=native``."""


class NoCompiler(Exception):
    """There is nothing to compile the gateway with."""

    def __init__(self) -> None:
        super().__init__(
            "C 컴파일러가 없어 빠른 관문을 만들 수 없습니다.  Debian·Ubuntu: apt install gcc libc6-dev  "
            "(없이도 모래밭으로 잴 수 있습니다.)"
        )


def built() -> Path:
    """The program, compiled when this source has not been yet. Raises NoCompiler, or SystemExit with the compiler's words."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "majung" / "bench"
    mark = hashlib.sha256(SOURCE.read_bytes() + os.uname().machine.encode() + _processor()).hexdigest()[:16]
    program = folder / f"gateway-{mark}"
    if program.exists():
        return program
    if compiler is None:
        raise NoCompiler
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / "gateway"
        for flags in (FLAGS, PLAIN_FLAGS):
            done = subprocess.run([compiler, *flags, "-o", made, SOURCE], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                made.replace(program)
                return program
    raise SystemExit(f"{compiler} could not compile {SOURCE.name}:\n{done.stderr}")


def _processor() -> bytes:
    """What ``-march=native`` depends on: a cache folder may be shared by machines."""
    try:
        told = Path("/proc/cpuinfo").read_bytes()
    except OSError:
        return b""
    return next((line for line in told.splitlines() if line.startswith((b"flags", b"Features"))), b"")


def hashes(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The gateway's 64-bit hashes of phone numbers; a number is its digits behind a leading 1. One to one (splitmix64)."""
    x = numbers.astype(np.uint64)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return x ^ x >> np.uint64(31)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway."""

    url: str
    pid: int

    def ask(self, path: str, body: Any = None) -> bytes:
        """The answer to a call under ``/_control``: POST with a body, GET without."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_control/{path}", data=data)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return bytes(answer.read())

    def control(self, path: str, body: Any = None) -> Any:
        """The same, parsed."""
        return json.loads(self.ask(path, body))

    def books(self, campaign: int) -> dict[str, Any]:
        """Every count of a campaign, named as in the sandbox's books."""
        return dict(self.control(f"books?campaign={campaign}"))

    def ids(self, campaign: int, state: str = "taken") -> NDArray[np.uint64]:
        """``chunk << 32 | seq`` of every message in a state (taken, accepted, refused, delivered, arrived), repeats too."""
        return np.frombuffer(self.ask(f"books/binary?campaign={campaign}&state={state}&of=ids"), np.uint64)

    def number_hashes(self, campaign: int, state: str = "delivered") -> NDArray[np.uint64]:
        """``hashes`` of their numbers, in the same order."""
        return np.frombuffer(self.ask(f"books/binary?campaign={campaign}&state={state}&of=numbers"), np.uint64)

    def forget(self) -> None:
        """All baskets and books are gone: for the next run."""
        self.ask("forget", {})

    def cpu_seconds(self) -> float:
        """What the process has spent on the CPU, kernel included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(port: int = 0, key: str = "", **settings: float) -> Iterator[Gateway]:
    """A gateway on a loopback port (0: a free one), stopped at the end.

    ``key`` is the API key whose account id answers carry; ``settings`` are ``report_delay_seconds``, ``not_friend_share``
    and ``refused_share``. Its clock is that of ``MAJUNG_CLOCK``. Raises NoCompiler.
    """
    process = subprocess.Popen([built(), str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if "listens on" not in line:
            raise SystemExit("the gateway did not start")
        gateway = Gateway(line.rsplit(" ", 1)[1].strip(), process.pid)
        if key:
            gateway.control("accounts", {"accountId": hashlib.sha256(key.encode()).hexdigest()[:14]})
        if settings:
            gateway.control("settings", settings)
        yield gateway
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--delay-ms", type=float, default=200)
    parser.add_argument("--not-friend", type=float)
    parser.add_argument("--refused", type=float)
    asked = parser.parse_args()
    given = {"not_friend_share": asked.not_friend, "refused_share": asked.refused}
    settings = {name: share for name, share in given.items() if share is not None}
    try:
        with running(asked.port, report_delay_seconds=asked.delay_ms / 1000, **settings) as gateway:
            print(gateway.url, flush=True)
            os.waitpid(gateway.pid, 0)
    except NoCompiler as sorry:
        sys.exit(str(sorry))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
