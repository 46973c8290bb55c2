"""The stream against servers that hang up, drip, lie and speak TLS: nothing is sent twice, and what is not known is lost."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from majung.channels import stream as streams
from majung.channels.adapters.terms import Wire
from majung.channels.line import Unsent, tls
from majung.channels.stream import Fate, Stream
from majung.core.errors import Outside

WIRE = Wire("POST", "http://x/send", {"Content-Type": "application/json"})
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers each request by ``answer`` (its number over all connections); b"" hangs up. Counts what arrived."""

    def __init__(
        self, answer: Callable[[int], bytes], wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock
    ) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answer, self._wrap = answer, wrap
        self.arrived: list[bytes] = []
        self.connections = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        held = b""
        try:
            sock = self._wrap(sock)
            while True:
                while b"\r\n\r\n" not in held:
                    if not (more := sock.recv(65536)):
                        return
                    held += more
                head, _, rest = held.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                while len(rest) < length:
                    rest += sock.recv(65536)
                body, held = rest[:length], rest[length:]
                with self._lock:
                    self.arrived.append(body)
                    number = len(self.arrived) - 1
                said = self._answer(number)
                if not said:
                    return
                sock.sendall(said)
        except OSError:
            return
        finally:
            sock.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def start(answer: Callable[[int], bytes], **wrap: Callable[[socket.socket], socket.socket]) -> Server:
        made.append(Server(answer, **wrap))
        return made[-1]

    yield start
    for server in made:
        server.close()


def bodies(count: int) -> list[bytes]:
    return [b"%d" % place for place in range(count)]


def crossed(
    server: Server, count: int, width: int = 4, url: str = "", **options: Any
) -> tuple[list[int], dict[int, tuple[int, bytes]]]:
    """The fate of each of ``count`` requests, and the answers."""
    stream, found = Stream(url or server.url, width, **options), dict[int, tuple[int, bytes]]()
    fates = stream.run(
        stream.requests(WIRE, [b"X: y"] * count, bodies(count)),
        lambda at, *reply: not found.update({at: reply}),  # type: ignore[dict-item]
    )
    stream.close()
    return fates.tolist(), found


@pytest.mark.parametrize("width", [1, 4, 64])
def test_each_is_sent_once_and_hears_its_own_answer(width: int, serve: Callable[..., Server]) -> None:
    def echo(number: int) -> bytes:
        time.sleep(0.001 * (number % 3))
        body = server.arrived[number]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    server = serve(echo)

    fates, found = crossed(server, 150, width)

    assert sorted(server.arrived) == sorted(bodies(150)) and fates == [Fate.ANSWERED] * 150
    # With one connection at a time an answer is its own request's; the server answers in the order of arrival per connection.
    if width == 1:
        assert [found[at] for at in range(150)] == [(200, body) for body in bodies(150)]
    assert server.connections <= width


@pytest.mark.parametrize("in_flight", [3, 8, 64])
def test_a_connection_carries_several_and_each_hears_its_own_answer(
    in_flight: int, serve: Callable[..., Server]
) -> None:
    def echo(number: int) -> bytes:
        body = server.arrived[number]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    server = serve(echo)

    fates, found = crossed(server, 500, in_flight, depth=8)

    assert sorted(server.arrived) == sorted(bodies(500)) and fates == [Fate.ANSWERED] * 500
    assert server.connections <= -(-in_flight // 8)
    if server.connections == 1:
        assert [found[at] for at in range(500)] == [(200, body) for body in bodies(500)]


def test_a_connection_is_left_before_the_server_ends_it(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a hundred requests and hangs up: nobody stands behind the last."""
    monkeypatch.setattr(streams, "MOST_ON_ONE", 90)
    server = serve(lambda _: GOOD)

    fates, _ = crossed(server, 400, 8, depth=8)

    assert fates == [Fate.ANSWERED] * 400 and 5 <= server.connections <= 6


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", GOOD + GOOD[:20]]
)
def test_where_several_are_not_taken_those_behind_are_doubt_and_from_then_on_each_waits(
    said: bytes, serve: Callable[..., Server]
) -> None:
    """A server that hangs up behind the first, or says so, or begins an answer and falls silent."""

    def answer(number: int) -> bytes:
        if number == 20:
            time.sleep(0.05)  # those before it have been answered, and others are behind it
        if number == 20 and not said:
            return b""
        return said if number == 20 else GOOD

    server = serve(answer)
    stream, heard = Stream(server.url, 8, 0.3, depth=8), list[int]()

    fates = stream.run(
        stream.requests(WIRE, [b"X: y"] * 200, bodies(200)), lambda at, *_: not heard.append(at)
    ).tolist()

    lost = fates.count(Fate.LOST)
    assert 1 <= lost <= 8 and fates.count(Fate.ANSWERED) == 200 - lost == len(heard)
    assert len(server.arrived) == len(set(server.arrived)), "nothing twice"
    assert stream._depth == 1 and 1 < server.connections <= 9


def test_a_connection_that_dies_without_an_answer_is_not_tried_again(serve: Callable[..., Server]) -> None:
    server = serve(lambda number: b"" if number == 5 else GOOD)

    fates, found = crossed(server, 40)

    assert sorted(server.arrived) == sorted(bodies(40)), "nothing twice"
    assert fates.count(Fate.LOST) == 1 and fates.count(Fate.ANSWERED) == 39 == len(found)


def test_after_some_losses_nothing_more_is_begun(serve: Callable[..., Server]) -> None:
    server = serve(lambda number: b"" if number >= 10 else GOOD)

    fates, _ = crossed(server, 100)

    assert streams.MOST_LOST <= fates.count(Fate.LOST) <= streams.MOST_LOST + 4
    assert fates.count(Fate.UNSENT) + len(server.arrived) == 100


@pytest.mark.parametrize(
    "said",
    [
        GOOD + GOOD, b"SSH-2.0-x\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", b"\x00" * 200,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_doubt(said: bytes, serve: Callable[..., Server]) -> None:
    fates, found = crossed(serve(lambda _: said), 1)

    assert (fates, found) == ([Fate.LOST], {})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, (200, b"{}")),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", (503, b"")),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", (200, b"{}")),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", (200, b"{}")),
    ],
)
def test_answers_of_other_forms_are_read(said: bytes, told: tuple[int, bytes], serve: Callable[..., Server]) -> None:
    """Several in a row, so that the way for heads that were seen before is taken too."""
    fates, found = crossed(serve(lambda _: said), 6, 2)

    assert fates == [Fate.ANSWERED] * 6 and set(found.values()) == {told}


def test_a_known_head_with_another_body_is_read_anew(serve: Callable[..., Server]) -> None:
    """The head promises two bytes; only one comes at once, then the other: not whole before both are there."""
    server = serve(lambda number: GOOD[:-1] if number == 3 else GOOD)

    fates, found = crossed(server, 5, 1, answer_seconds=0.3)

    assert [found.get(at) for at in range(3)] == [(200, b"{}")] * 3
    assert fates[3] == Fate.LOST and found.get(4) == (200, b"{}")


def test_too_late_is_lost(serve: Callable[..., Server]) -> None:
    server = serve(lambda _: b"HTTP/1.1 200 OK\r\n")

    fates, _ = crossed(server, 2, 2, answer_seconds=0.2)

    assert fates == [Fate.LOST] * 2


def test_nobody_there_is_unsent() -> None:
    stream = Stream("http://127.0.0.1:9", 4)

    with pytest.raises(Unsent):
        stream.run(stream.requests(WIRE, [b"X: y"], [b"1"]), lambda *_: True)


def test_who_hears_a_no_stops_the_rest(serve: Callable[..., Server]) -> None:
    server = serve(lambda _: GOOD)
    stream = Stream(server.url, 2)

    fates = stream.run(stream.requests(WIRE, [b"X: y"] * 50, bodies(50)), lambda at, *_: at < 10)

    assert 10 < len(server.arrived) <= 13 and np.count_nonzero(fates == Fate.UNSENT) == 50 - len(server.arrived)


def test_may_begin_is_asked_between_rounds(serve: Callable[..., Server]) -> None:
    server = serve(lambda _: GOOD)
    stream = Stream(server.url, 2)

    fates = stream.run(
        stream.requests(WIRE, [b"X: y"] * 500, bodies(500)), lambda *_: True, lambda: len(server.arrived) < 20
    )

    assert 20 <= len(server.arrived) < 60 and np.count_nonzero(fates == Fate.ANSWERED) == len(server.arrived)


def test_a_connection_that_was_closed_while_idle_is_not_used(serve: Callable[..., Server]) -> None:
    server = serve(lambda number: GOOD)
    stream = Stream(server.url, 1)
    one = stream.requests(WIRE, [b"X: y"], [b"1"])
    stream.run(one, lambda *_: True)
    next(iter(stream._pipes.values())).sock.shutdown(socket.SHUT_RD)

    assert stream.run(one, lambda *_: True).tolist() == [Fate.ANSWERED] and server.connections == 2


@pytest.mark.parametrize("proof", [b"X: y\r\nZ: 1", b"X: y\nZ"])
def test_a_line_break_in_a_proof_is_refused(proof: bytes) -> None:
    stream = Stream("http://127.0.0.1:9", 1)

    with pytest.raises(Outside, match="line break"):
        stream.requests(WIRE, [proof], [b"1"])
    with pytest.raises(Outside, match="line break"):
        stream.questions([WIRE], [proof])


@pytest.mark.parametrize("depth", [1, 4])
def test_large_requests_and_answers_cross_whole(depth: int, serve: Callable[..., Server]) -> None:
    """Several of a connection do not leave at once: the first is answered while the last is still leaving."""
    body = b"x" * 3_000_000
    server = serve(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    stream, found = Stream(server.url, 2 * depth, depth=depth), list[bytes]()

    fates = stream.run(stream.requests(WIRE, [b"X: y"] * 9, [body] * 9), lambda _, __, told: not found.append(told))

    assert fates.tolist() == [Fate.ANSWERED] * 9 and found == [body] * 9 == server.arrived


def test_what_became_of_calls_is_told(serve: Callable[..., Server]) -> None:
    server = serve(lambda number: [GOOD, b"HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n", b""][number % 3])
    told: dict[str, int] = {}
    stream = Stream(server.url, 1, told=lambda answer, seconds: told.update({answer: len(seconds)}))

    stream.run(stream.requests(WIRE, [b"X: y"] * 6, bodies(6)), lambda *_: True)

    assert told == {"good": 2, "refused": 2, "lost": 2}


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's context for localhost, and a client that believes it."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    subprocess.run(
        [*command, "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    believing = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(streams, "tls", lambda: believing)
    return context


@pytest.mark.parametrize("size", [2, 100_000])
def test_tls(size: int, serve: Callable[..., Server], certified: ssl.SSLContext) -> None:
    body = b"x" * size
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)
    server = serve(lambda _: answer, wrap=lambda sock: certified.wrap_socket(sock, server_side=True))

    fates, found = crossed(server, 60, 3, url=server.url.replace("http://127.0.0.1", "https://localhost"))

    assert fates == [Fate.ANSWERED] * 60 and set(found.values()) == {(200, body)}
    assert sorted(server.arrived) == sorted(bodies(60)) and server.connections == 3


def test_a_certificate_that_is_not_believed_is_unsent(
    serve: Callable[..., Server], certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda _: GOOD, wrap=lambda sock: certified.wrap_socket(sock, server_side=True))
    monkeypatch.setattr(streams, "tls", tls)

    with pytest.raises(Unsent):
        crossed(server, 1, url=server.url.replace("http://127.0.0.1", "https://localhost"))
    assert server.arrived == []
