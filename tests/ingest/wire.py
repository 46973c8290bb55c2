"""A running inlet inside the test's process, and raw calls to it over a socket, well-formed or not."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from majung.core.sealing import Sealer
from majung.ingest import server


@contextmanager
def listening(url: str, sealer: Sealer) -> Iterator[int]:
    """The port of an inlet that runs in a thread, on the loop it has in production."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    loop = server.uvloop.new_event_loop()
    stop = asyncio.Event()
    serving = server.serve(url, sealer, "127.0.0.1", port, stop)
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    try:
        while thread.is_alive() and not _is_there(port):
            time.sleep(0.01)
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def _is_there(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def request(path: str, body: bytes = b"", *, method: str = "POST", chunks: int = 1, **headers: str) -> bytes:
    """The bytes of one call; ``chunks`` > 1 sends the body in pieces without a length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items())]
    if chunks == 1:
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body
    size = -(-len(body) // chunks) or 1
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode("latin-1") + pieces + b"0\r\n\r\n"


def say(port: int, raw: bytes, *, seconds: float = 20.0, answers: int = 1) -> list[int]:
    """The statuses answered to these bytes on one connection; fewer when it was closed before."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        with suppress(OSError):  # refused before it was all said
            line.sendall(raw)
        return read_statuses(line, answers)


def read_statuses(line: socket.socket, answers: int) -> list[int]:
    """The next statuses that come over an open connection."""
    held = b""
    while held.count(b"\r\n\r\n") < answers:
        try:
            more = line.recv(65536)
        except ConnectionError:
            break
        if not more:
            break
        held += more
    return [int(part.split(b" ", 2)[1]) for part in held.split(b"\r\n\r\n") if part.startswith(b"HTTP/1.1 ")]


def post(port: int, path: str, body: bytes = b"", **rest: object) -> int:
    """The status of one call."""
    [status] = say(port, request(path, body, **rest))  # type: ignore[arg-type]
    return status
