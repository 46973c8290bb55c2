"""One POST: inner addresses refused as they are connected to, nothing followed, nothing waited for without end."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from majung.webhooks import post
from tests.webhooks.receiver import Receiver

pytestmark = [pytest.mark.product("O4", "X7")]
LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://a.example/", "https://", "https:///x", "https://user:secret@a.example/", "https://a.example:0/",
     "https://a.example:99999/", "https://a.example/\r\nX: 1", "https://a.example/ x", "https://가나.example/",
     "javascript:alert(1)", "https://a.example/#x", "https://[::1/", "//a.example/", "https:\\\\a.example",
     "https://a.example/" + "x" * 500],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(post.Unfit):
        post.parts_of(url)
    assert post.post(url, {}, b"", allowed=LOOPBACK).problem == "form"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "198.18.0.1", "192.0.2.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
     "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1"],
)  # fmt: skip
def test_inner_addresses_are_inner(address: str) -> None:
    assert post.is_inner(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_not(address: str) -> None:
    assert not post.is_inner(ip_address(address))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"]
)
def test_no_spelling_of_loopback_is_reached(receiver: Receiver, host: str) -> None:
    port = receiver.url.rsplit(":", 1)[1].split("/")[0]
    for scheme in ("http", "https"):
        assert post.post(f"{scheme}://{host}:{port}/", {}, b"").problem in {"inner", "name"}
    assert receiver.came == []


def _resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The name server is outside of this process; it answers otherwise each time it is asked."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        told = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in told]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_that_leads_inside_in_one_of_its_addresses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolver(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    assert post.post("https://hooks.example/", {}, b"").problem == "inner"


def test_a_name_is_asked_for_once_so_that_it_cannot_change_its_mind(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(receiver.url.rsplit(":", 1)[1].split("/")[0])
    asked = _resolver(monkeypatch, ["127.0.0.1"], ["10.255.255.1"])
    assert post.post(f"http://hooks.example:{port}/", {}, b"{}", allowed=LOOPBACK).status == 204
    assert asked == ["hooks.example"]
    assert receiver.came[0].headers["host"] == f"hooks.example:{port}"


def test_http_is_for_allowed_networks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolver(monkeypatch, ["8.8.8.8"])
    assert post.post("http://hooks.example/", {}, b"", allowed=LOOPBACK).problem == "inner"


def test_a_certificate_nobody_vouches_for_is_refused(receiver: Receiver) -> None:
    assert post.post(receiver.url.replace("http:", "https:"), {}, b"", allowed=LOOPBACK).problem == "certificate"


def test_body_and_headers_arrive_as_they_are(receiver: Receiver) -> None:
    answer = post.post(receiver.url, {"webhook-id": "one"}, b'{"a":1}', allowed=LOOPBACK)
    assert (answer.status, answer.problem, answer.is_taken) == (204, "", True)
    [came] = receiver.came
    assert (came.body, came.id, came.headers["content-type"]) == (b'{"a":1}', "one", "application/json")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers, receiver.headers = [status], {"Location": receiver.url}
    answer = post.post(receiver.url, {}, b"{}", allowed=LOOPBACK)
    assert (answer.status, answer.is_taken, len(receiver.came)) == (status, False, 1)


def test_retry_after_is_heard(receiver: Receiver) -> None:
    receiver.answers, receiver.headers = [503], {"Retry-After": "120"}
    assert post.post(receiver.url, {}, b"{}", allowed=LOOPBACK).retry_seconds == 120
    receiver.headers = {"Retry-After": "9" * 40}
    assert post.post(receiver.url, {}, b"{}", allowed=LOOPBACK).retry_seconds == 0


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says whatever ``talk`` does to one caller."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(10)

    def serve() -> None:
        try:
            caller, _ = listening.accept()
            with caller:
                caller.recv(65536)
                talk(caller)
        except OSError:
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.close()
        thread.join(10)


def _endless(part: bytes) -> Callable[[socket.socket], None]:
    def talk(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            caller.sendall(part)

    return talk


@pytest.mark.parametrize(
    ("told", "status", "problem"),
    [
        (b"", None, "answer"),
        (b"HTTP/1.1 200", None, "answer"),
        (b"\x00\xff\x00 what", None, "answer"),
        (b"SSH-2.0-x\r\n", None, "answer"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n", None, "answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nshort", 200, ""),
        (b"HTTP/1.0 500 No\r\n\r\nbody until the end", 500, ""),
    ],
)
def test_answers_of_all_kinds(told: bytes, status: int | None, problem: str) -> None:
    with raw_server(lambda caller: caller.sendall(told)) as url:
        answer = post.post(url, {}, b"{}", allowed=LOOPBACK)
    assert (answer.status, answer.problem) == (status, problem)


@pytest.mark.parametrize("part", [b"X-More: " + b"x" * 1000 + b"\r\n"], ids=["headers"])
def test_an_answer_without_end_is_cut_off(part: bytes) -> None:
    with raw_server(_endless(part)) as url:
        assert post.post(url, {}, b"{}", allowed=LOOPBACK).problem == "answer"


def test_a_body_without_end_is_cut_off_and_the_status_counts() -> None:
    with raw_server(_endless(b"\r\n" + b"x" * 10_000)) as url:
        assert post.post(url, {}, b"{}", allowed=LOOPBACK).status == 200


def test_who_answers_by_drops_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "SECONDS", 0.5)

    def talk(caller: socket.socket) -> None:
        while True:
            caller.sendall(b"H")
            time.sleep(0.05)

    with raw_server(talk) as url:
        assert post.post(url, {}, b"{}", allowed=LOOPBACK).problem in {"slow", "answer"}


def test_who_never_answers_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post, "SECONDS", 0.3)
    with raw_server(lambda caller: time.sleep(2)) as url:
        assert post.post(url, {}, b"{}", allowed=LOOPBACK).problem == "slow"


def test_nobody_listening() -> None:
    assert post.post("http://127.0.0.1:9/", {}, b"", allowed=LOOPBACK).problem == "connect"
