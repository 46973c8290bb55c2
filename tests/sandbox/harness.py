"""A running sandbox on a free port, and a client that signs as the wire wants it."""

import hashlib
import hmac
import http.client
import os
import secrets
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

SANDBOX = Path(__file__).parents[2] / "sandbox"
KEY, SECRET = "test-key", "test-secret"
NOON, NIGHT = 12, 23
WIDE = {"pfId": "PF-wide", "profileId": "_wide", "searchId": "@wide", "name": "가람당", "reach": "wide"}
NEAR = {"pfId": "PF-near", "profileId": "_near", "searchId": "@near", "name": "가람당 종로", "reach": "near"}


class Running:
    """A sandbox process."""

    def __init__(self, *arguments: str, clock: float | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(SANDBOX)}
        environment.pop("MAJUNG_CLOCK", None)
        if clock is not None:
            environment["MAJUNG_CLOCK"] = str(clock)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "majung_sandbox", "--port", "0", *arguments],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        line = self.process.stdout.readline().decode()
        assert "http://" in line, self.process.stderr.read().decode()
        self.port = int(line.rsplit(":", 1)[1])

    def stop(self) -> str:
        """Stop it as Ctrl-C does; returns what it complained about."""
        self.process.send_signal(signal.SIGINT)
        _, complaints = self.process.communicate(timeout=10)
        return complaints.decode()


class Client:
    """Calls over real HTTP; `offset` is what the client believes the clock to be off by."""

    def __init__(self, port: int, key: str = KEY, secret: str = SECRET) -> None:
        self.port, self.key, self.secret, self.offset = port, key, secret, 0.0
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.offset, UTC)

    def signed(
        self, date: str | None = None, salt: str | None = None, names: str = "apiKey date salt signature"
    ) -> str:
        date, salt = date or self.now().isoformat(), salt or secrets.token_hex(16)
        proof = hmac.new(self.secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
        pairs = zip(names.split(), (self.key, date, salt, proof), strict=True)
        return "HMAC-SHA256 " + ", ".join(f"{name}={value}" for name, value in pairs)

    def raw(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self.connection.close()
            raise

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """A signed call that must succeed; the parsed answer."""
        status, answer = self.status(method, path, body)
        assert status == 200, answer
        return answer

    def status(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        if not path.startswith("/_"):
            headers["Authorization"] = self.signed()
        status, answer = self.raw(method, path, None if body is None else orjson.dumps(body), **headers)
        return status, orjson.loads(answer) if answer[:1] in (b"{", b"[") else answer.decode()

    # everyday acts
    def set_hour(self, hour: int) -> None:
        seoul = self.now() - timedelta(seconds=self.offset) + timedelta(hours=9)
        self.offset = (hour - seoul.hour) * 3600.0
        self("POST", "/_control/clock", {"offset_seconds": self.offset})

    def put(self, messages: list[dict[str, Any]], **group: Any) -> tuple[str, dict[str, Any]]:
        group_id = self("POST", "/messages/v4/groups", group)["groupId"]
        return group_id, self("PUT", f"/messages/v4/groups/{group_id}/messages", {"messages": messages})

    def send(self, messages: list[dict[str, Any]], **group: Any) -> str:
        group_id, _ = self.put(messages, **group)
        self("POST", f"/messages/v4/groups/{group_id}/send")
        return group_id

    def settled(self, group_id: str) -> dict[str, Any]:
        """The group once it is complete."""
        return until(lambda: (g := self("GET", f"/messages/v4/groups/{group_id}"))["status"] == "COMPLETE" and g)

    def codes(self, group_id: str) -> dict[str, str]:
        """statusCode by recipient."""
        page = self("GET", f"/messages/v4/groups/{group_id}/messages?limit=1000")
        return {m["to"]: m["statusCode"] for m in page["messageList"].values()}


def until(question: Any, seconds: float = 5.0) -> Any:
    """The first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.01)
    raise AssertionError("it never became true")


def brand(to: str, message_id: str = "1-0-0", pf: str = "PF-wide", **bms: Any) -> dict[str, Any]:
    return {
        "to": to, "type": "BMS_FREE", "customFields": {"id": message_id},
        "kakaoOptions": {
            "pfId": pf, "disableSms": True,
            "bms": {"targeting": "I", "chatBubbleType": "TEXT", "content": "이번 주 모임에 오세요.", **bms},
        },
    }  # fmt: skip


def text(to: str, words: str, message_id: str = "1-0-0", **more: Any) -> dict[str, Any]:
    return {"to": to, "from": "0212345678", "text": words, "customFields": {"id": message_id}, **more}


def prepare(client: Client) -> None:
    """An account with money, two channels, quick results, noon."""
    client(
        "POST", "/_control/accounts",
        {"apiKey": KEY, "apiSecret": SECRET, "balance": 1_000_000, "senders": ["0212345678"]},
    )  # fmt: skip
    client("POST", "/_control/channels", [WIDE, NEAR])
    client("POST", "/_control/settings", {"report_delay_seconds": 0.02, "webhook_retry_seconds": 0.01})
    client.set_hour(NOON)
