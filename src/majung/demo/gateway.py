"""Talks to the sandbox's control API over HTTP: sets its world up, and asks what it counted from the raw requests."""

import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.error import HTTPError

import numpy as np
from numpy.typing import NDArray

from majung.core.errors import Outside


class Gateway:
    """The control API at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def post(self, path: str, body: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Change something; returns the answer."""
        return json.loads(self._call(path, json.dumps(body).encode()))

    def get(self, path: str) -> Any:
        """Ask something."""
        return json.loads(self._call(path, None))

    def books(self, campaign: int) -> dict[str, Any]:
        """What the sandbox counted of one campaign."""
        found: dict[str, Any] = self.get(f"books?campaign={campaign}")
        return found

    def ids(self, campaign: int, state: str) -> NDArray[np.int64]:
        """The message ids in a state (``taken``, ``delivered``), each as chunk × 1,000 + seq, sorted."""
        lines = self._call(f"books/ids?campaign={campaign}&state={state}", None).decode().split()
        codes = np.fromiter((_code(line) for line in lines), dtype=np.int64, count=len(lines))
        return np.sort(codes)

    def lines(self, campaign: int) -> list[str]:
        """``id number pfId code`` of every message that came, in order of arrival, once for every time it came."""
        return self._call(f"books/messages?campaign={campaign}", None).decode().splitlines()

    def _call(self, path: str, body: bytes | None) -> bytes:
        request = urllib.request.Request(  # noqa: S310  the sandbox's own loopback address
            f"{self._url}/_control/{path}", data=body, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310
                read: bytes = answer.read()
                return read
        except HTTPError as error:
            raise Outside(f"sandbox {path}: {error.code}", retryable=False, raw=error.read()) from error
        except OSError as error:
            raise Outside(f"sandbox {path}: {error}", retryable=True) from error


def _code(message_id: str) -> int:
    _, chunk, seq = message_id.split("-")
    return int(chunk) * 1000 + int(seq)
