"""The inlet's own HTTP: what is no HTTP, too large, too slow, too much, and what ends when."""

import socket

import pytest

from majung.channels import inbox
from majung.core.db import raw
from majung.ingest import http
from tests.ingest import wire
from tests.ingest.conftest import ADMIN_KEY, Scene
from tests.ingest.test_kakao import body

pytestmark = [pytest.mark.product("F1", "M10"), pytest.mark.django_db(transaction=True)]

KEY = f"KakaoAK {ADMIN_KEY}"


@pytest.mark.parametrize(
    "raw_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00", b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"POST /k/x HTTP/9.9\r\n\r\n",
        b"POST /k/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /k/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /k/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /k/x HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"\x00" * 1000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused_and_the_next_caller_is_served(scene: Scene, raw_bytes: bytes) -> None:
    assert all(status in (400, 404, 413) for status in wire.say(scene.port, raw_bytes))

    assert wire.post(scene.port, scene.path, body(scene), authorization=KEY) == 200


def test_a_head_that_never_ends_is_cut(scene: Scene) -> None:
    assert wire.say(scene.port, b"POST /k/x HTTP/1.1\r\nX-Long: " + b"a" * 200_000) == [431]
    many = b"".join(b"X-%d: a\r\n" % number for number in range(20_000))
    assert wire.say(scene.port, b"POST /k/x HTTP/1.1\r\n" + many) == [431]


def test_one_connection_carries_many_calls(scene: Scene) -> None:
    with socket.create_connection(("127.0.0.1", scene.port), timeout=10) as line:
        for number in range(5):
            call = wire.request(scene.path, body(scene, id=str(number)), authorization=KEY)
            for at in range(0, len(call), 97):  # in pieces of any size
                line.sendall(call[at : at + 97])
            assert wire.read_statuses(line, 1) == [200]
        line.sendall(wire.request(scene.path, b"{", authorization=KEY))
        assert wire.read_statuses(line, 1) == [400], "a bad call ends no connection"
        line.sendall(wire.request(scene.path, body(scene), authorization=KEY, connection="close"))
        assert wire.read_statuses(line, 2) == [200]
    assert inbox.waiting(raw())[0] == 6


def test_what_is_pipelined_is_either_answered_in_order_or_not_taken(scene: Scene) -> None:
    calls = [wire.request(scene.path, body(scene, id=str(number)), authorization=KEY) for number in range(5)]

    statuses = wire.say(scene.port, b"".join(calls), answers=5)

    assert set(statuses) == {200} and inbox.waiting(raw())[0] == len(statuses)


def test_a_caller_who_asks_first_is_told_to_go_on(scene: Scene) -> None:
    call = wire.request(scene.path, body(scene), authorization=KEY, expect="100-continue")
    head, _, content = call.partition(b"\r\n\r\n")
    with socket.create_connection(("127.0.0.1", scene.port), timeout=10) as line:
        line.sendall(head + b"\r\n\r\n")
        assert wire.read_statuses(line, 1) == [100]
        line.sendall(content)
        assert wire.read_statuses(line, 1) == [200]


def test_a_refused_caller_is_not_listened_to(scene: Scene) -> None:
    """The answer comes before the body, which is thrown away as it comes."""
    head = f"POST {scene.path} HTTP/1.1\r\nAuthorization: KakaoAK wrong\r\nContent-Length: 60000\r\n\r\n".encode()

    assert wire.say(scene.port, head) == [401]
    assert wire.say(scene.port, head + b"x" * 60_000) == [401]


def test_who_leaves_before_the_answer_is_still_taken(scene: Scene) -> None:
    with socket.create_connection(("127.0.0.1", scene.port), timeout=10) as line:
        line.sendall(wire.request(scene.path, body(scene), authorization=KEY))
        line.shutdown(socket.SHUT_WR)
        assert wire.read_statuses(line, 1) == [200]

    assert inbox.waiting(raw())[0] == 1


def test_a_connection_that_says_nothing_is_closed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE_SECONDS", 0.05)

    assert wire.say(scene.port, b"") == []


def test_another_protocol_is_not_spoken(scene: Scene) -> None:
    call = wire.request(scene.path, body(scene), authorization=KEY, connection="Upgrade", upgrade="websocket")

    assert wire.say(scene.port, call) == [400], "its body is none of HTTP"
    assert wire.post(scene.port, scene.path, body(scene), authorization=KEY) == 200
