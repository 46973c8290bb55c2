"""The line to a dealer against servers that misbehave: nothing is ever sent twice by itself, and doubt is told from certainty."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from majung.channels import line as lines
from majung.channels.adapters.solapi import Solapi
from majung.channels.adapters.terms import Account, Reply, Session, Wire
from majung.channels.line import Line, Lost, Unsent
from majung.core import clock
from majung.core.errors import Outside

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request with the next of ``answers``; hangs up where one is empty or says so."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers, self.requests, self.connections = answers, [], 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    requests: list[bytes]

    def _serve(self) -> None:
        while self.answers:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with sock:
                while self.answers and (request := _read(sock)):
                    self.requests.append(request)
                    answer = self.answers.pop(0)
                    sock.sendall(answer)
                    if not answer or b"Connection: close" in answer or b"Content-Length: 99" in answer:
                        break

    def close(self) -> None:
        self._listener.close()


def _read(sock: socket.socket) -> bytes:
    held = b""
    while b"\r\n\r\n" not in held:
        more = sock.recv(65536)
        if not more:
            return b""
        held += more
    head, _, rest = held.partition(b"\r\n\r\n")
    size = int(next(part for part in head.split(b"\r\n") if part.startswith(b"Content-Length")).split(b":")[1])
    while len(rest) < size:
        rest += sock.recv(65536)
    return head + b"\r\n\r\n" + rest


Serve = Callable[..., tuple[Server, Line]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Server] = []

    def start(*answers: bytes) -> tuple[Server, Line]:
        server = Server(list(answers))
        made.append(server)
        return server, Line(Solapi(Account(base_url=server.url, key="K", secret="S")))

    yield start
    for server in made:
        server.close()


def wire(server: Server, body: bytes = b"", path: str = "/a?b=1") -> Wire:
    return Wire("POST", server.url + path, {"Content-Type": "application/json"}, body)


def test_a_kept_alive_line_asks_and_is_answered(serve: Serve) -> None:
    server, line = serve(OK, OK)
    assert (line.call(wire(server, b"{}")).body, line.call(wire(server)).status) == (b"ok", 200)
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /a?b=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert server.requests[0].endswith(b"\r\n\r\n{}")
    assert server.requests[0] != server.requests[1], "each request is signed anew"


def test_chunked_answers_interim_ones_and_goodbyes_are_read(serve: Serve) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n"
    interim = b"HTTP/1.1 100 Continue\r\n\r\n" + OK
    goodbye = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate"
    server, line = serve(chunked, interim, goodbye, OK)
    assert [line.call(wire(server)).body for _ in range(3)] == [b"ok!", b"ok", b"late"]
    assert line.call(wire(server)).status == 200
    assert server.connections == 2


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nha", b"SMTP ready\r\n\r\n" * 3])
def test_a_lost_answer_is_told_and_the_request_not_repeated(serve: Serve, answer: bytes) -> None:
    server, line = serve(answer, OK)
    with pytest.raises(Lost):
        line.call(wire(server))
    assert len(server.requests) == 1
    assert line.call(wire(server)).status == 200, "the next call opens a new connection"


def test_a_question_is_asked_once_more(serve: Serve) -> None:
    server, line = serve(b"", OK)
    assert line.ask(wire(server)).status == 200
    assert len(server.requests) == 2


def test_nobody_there_means_certainly_nothing_arrived() -> None:
    with pytest.raises(Unsent):
        Line(Solapi(Account(base_url="http://127.0.0.1:1", key="K", secret="S"))).call(
            Wire("GET", "http://127.0.0.1:1/")
        )


def test_another_service_of_the_dealer_gets_a_connection_of_its_own(serve: Serve) -> None:
    first, line = serve(OK, OK)
    second, _ = serve(OK)

    answers = [line.call(wire(server)).body for server in (first, second, first)]

    assert answers == [b"ok"] * 3
    assert (first.connections, second.connections) == (2, 1)
    assert second.requests[0].split(b"\r\n")[1] == b"Host: " + second.url.removeprefix("http://").encode()


class WithSessions(Solapi):
    """A dealer that wants a token first."""

    def session_request(self, now: datetime, salt: str) -> Wire | None:
        return Wire("POST", self.url("/token"))

    def decode_session(self, reply: Reply, now: datetime) -> Session:
        return Session(reply.body.decode(), now + timedelta(minutes=30))

    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        return replace(wire, headers={**wire.headers, "Authorization": f"Bearer {session}"})


def test_a_session_is_opened_once_and_used_until_it_is_old(serve: Serve) -> None:
    server, _ = serve(OK, OK, OK, OK, OK)
    line = Line(WithSessions(Account(base_url=server.url, key="K", secret="S")))
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)

    for minutes in (0, 29, 31):
        with clock.frozen(noon + timedelta(minutes=minutes)):
            line.call(wire(server))

    paths = [request.split(b" ", 2)[1] for request in server.requests]
    assert paths == [b"/token", b"/a?b=1", b"/a?b=1", b"/token", b"/a?b=1"]
    assert b"Authorization: Bearer ok\r\n" in server.requests[1]


def test_a_lost_session_means_certainly_nothing_arrived(serve: Serve) -> None:
    server, _ = serve(b"", OK)
    with pytest.raises(Unsent):
        Line(WithSessions(Account(base_url=server.url, key="K", secret="S"))).call(wire(server))


def test_an_endless_answer_is_cut(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_ANSWER", 10)
    server, line = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11)
    with pytest.raises(Lost):
        line.call(wire(server))


def test_an_idle_line_is_opened_anew(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "IDLE_SECONDS", -1.0)
    server, line = serve(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", OK)
    assert [line.call(wire(server)).status for _ in range(2)] == [200, 200]
    assert server.connections == 2


@pytest.mark.parametrize("url", ["ftp://dealer", "dealer", "http://"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(Outside):
        Line(Solapi(Account(base_url=url, key="K", secret="S")))


def test_a_line_break_cannot_enter_a_header(serve: Serve) -> None:
    server, line = serve(OK)
    with pytest.raises(Outside):
        line.call(Wire("GET", server.url, {"X": "a\r\nY: b"}))
    assert server.requests == []
