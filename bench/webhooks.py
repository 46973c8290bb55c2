"""What bench/friend_webhooks.py and bench/receipts.py share: the load generator and the processes measured."""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import kit
from bench.kit import ROOT

LIMIT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a load generator saw."""

    seconds: float
    not_200: int
    p50_ms: float
    p99_ms: float


class Generator:
    """K kept-alive connections that send request after request: C when there is a compiler, threads of Python otherwise."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="majung-bench-"))
        compiler = shutil.which("gcc") or shutil.which("cc")
        self.program = self.folder / "load" if compiler else None
        if compiler and self.program:
            source = Path(__file__).with_name("webhooks.c")
            subprocess.run([compiler, "-O2", "-o", str(self.program), str(source)], check=True)

    def store(self, requests: Iterable[bytes]) -> Path:
        """Requests in a file, ready to be sent."""
        target = self.folder / "requests"
        with target.open("wb") as file:
            for one in requests:
                file.write(struct.pack("<I", len(one)) + one)
        return target

    def send(self, port: int, connections: int, requests: Path) -> Load:
        """Send them all; returns when each is answered."""
        if self.program is None:
            return _threads(port, connections, requests)
        command = [str(self.program), str(port), str(connections), str(requests)]
        told = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT_SECONDS
        ).stdout.split()
        return Load(
            seconds=float(told[0]), not_200=int(told[1]), p50_ms=int(told[2]) / 1000, p99_ms=int(told[3]) / 1000
        )

    def close(self) -> None:
        """Nothing is left behind."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _threads(port: int, connections: int, requests: Path) -> Load:
    """The same without a compiler; slower, so that it measures itself too."""
    raw, at, waiting, lock = requests.read_bytes(), 0, [], threading.Lock()
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at)
        waiting.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    waiting.reverse()
    spent: list[float] = []
    bad: list[bytes] = []

    def one() -> None:
        with socket.create_connection(("127.0.0.1", port)) as line:
            while True:
                with lock:
                    if not waiting:
                        return
                    request = waiting.pop()
                begun = time.perf_counter()
                line.sendall(request)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += line.recv(4096)
                spent.append(time.perf_counter() - begun)
                if answer[9:12] != b"200":
                    bad.append(answer)

    threads = [threading.Thread(target=one) for _ in range(min(connections, 32))]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent.sort()
    seconds = time.perf_counter() - begun
    return Load(
        seconds=seconds,
        not_200=len(bad),
        p50_ms=spent[len(spent) // 2] * 1000,
        p99_ms=spent[len(spent) * 99 // 100] * 1000,
    )


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, port: int = 0) -> Iterator[int]:
    """A Python process of Majung's own environment; gives its pid once it listens on ``port``."""
    url = os.environ["DATABASE_URL"]
    environment = {
        "PYTHONPATH": f"{ROOT}/src:{ROOT}", "MAJUNG_LOG_LEVEL": "WARNING", "DATABASE_URL_APP": url, "DATABASE_URL_WORKER": url,
    }  # fmt: skip
    started = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=os.environ | environment)
    try:
        deadline = time.monotonic() + 30
        while port and time.monotonic() < deadline and started.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield started.pid
    finally:
        started.terminate()
        started.wait(30)


def cpu_seconds(*pids: int) -> float:
    """User and system time of processes."""
    return sum(map(kit.cpu_seconds, pids))


def backends(database: str) -> list[int]:
    """The server's processes that serve a database."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if f" {database} ".encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def wait_until_folded(connection: psycopg.Connection[Any]) -> None:
    """Nothing waits in the inbox."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while connection.execute("SELECT EXISTS (SELECT FROM inbox WHERE problem IS NULL)").fetchone() == (True,):
        if time.monotonic() > deadline:
            raise SystemExit("the inbox does not get empty")
        time.sleep(0.02)
    if connection.execute("SELECT count(*) FROM inbox").fetchone() != (0,):
        raise SystemExit("something was set aside")


def parse_only(port: int, put: str) -> None:
    """The inlet, but what its writer's method ``put`` would write is answered at once: the floor of both programs."""
    import uvloop

    from majung import settings
    from majung.core.sealing import sealer_at
    from majung.ingest import server
    from majung.ingest.writer import Writer

    setattr(Writer, put, lambda _self, _written, call: call.answer(200))
    uvloop.run(
        server.serve(os.environ["DATABASE_URL"], sealer_at(settings.VAULT_KEY), "127.0.0.1", port, asyncio.Event())
    )
