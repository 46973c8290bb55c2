"""Calls an ASGI application as a server would, without one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


async def call(
    app: App, path: str, body: bytes = b"", *, method: str = "POST", chunks: int = 1, ends: bool = True, **headers: str
) -> int:
    """The status of the answer; ``chunks`` > 1 sends the body in pieces and without a length.

    Without ``ends`` the caller stays on the line after a part of the body and says nothing more.
    """
    size = -(-len(body) // chunks) or 1
    parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    if chunks == 1:
        named.append((b"content-length", str(len(body)).encode()))
    scope = {"type": "http", "method": method, "path": path, "headers": named, "query_string": b""}
    waiting = [{"type": "http.request", "body": p, "more_body": at < len(parts) - 1} for at, p in enumerate(parts)]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not ends:
            await asyncio.Event().wait()
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return int(sent[0]["status"])


def post(app: App, path: str, body: bytes = b"", **rest: Any) -> int:
    """One call in a loop of its own."""
    return asyncio.run(call(app, path, body, **rest))
