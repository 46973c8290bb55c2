"""A running messenger sandbox for tests, spoken to over HTTP only."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

KEY, SECRET = "SANDBOXKEY", "SANDBOX-SECRET"


@dataclass(frozen=True)
class Sandbox:
    """One sandbox process and its control calls."""

    url: str

    def control(self, path: str, body: Any = None) -> Any:
        """A control call: POST with a body, GET without; the parsed answer."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_control/{path}", data=data, headers={"Content-Type": "application/json"})
        with urlopen(request, timeout=10) as answer:
            found = answer.read()
        return json.loads(found) if found[:1] in b"[{" else found.decode()

    def last_text(self, number: str) -> str:
        """What the phone of that number shows last."""
        bubbles = self.control(f"phones/{number}")
        return str(bubbles[-1]["text"]) if bubbles else ""

    @property
    def mail_port(self) -> int:
        """Where it takes letters."""
        return int(self.control("mail")["port"])

    def reset(self) -> None:
        """No faults, results at once, an account with money and numbers."""
        self.control("faults", {"reset": True})
        self.control("clock", {"offset_seconds": 0})
        self.control("settings", {"report_delay_seconds": 0.05})
        self.control(
            "accounts",
            {
                "apiKey": KEY,
                "apiSecret": SECRET,
                "balance": 1_000_000,
                "senders": ["0212345678"],
                "blocked": [],
                "any_sender": True,
                "webhook_url": "",
                "prices": {"BMS_FREE": 25},
            },
        )


@contextmanager
def running() -> Iterator[Sandbox]:
    """A sandbox on a free port; stopped at the end."""
    environment = {name: value for name, value in os.environ.items() if name != "MAJUNG_CLOCK"}
    process = subprocess.Popen(
        [sys.executable, "-m", "majung_sandbox", "--port", "0", "--mail-port", "0"], stdout=subprocess.PIPE, text=True,
        env={**environment, "PYTHONPATH": "sandbox", "MAJUNG_SANDBOX_KEY": KEY, "MAJUNG_SANDBOX_SECRET": SECRET},
        cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listens on" in line, line
        yield Sandbox(line.rsplit(" ", 1)[1].strip())
    finally:
        process.terminate()
        process.wait(10)
