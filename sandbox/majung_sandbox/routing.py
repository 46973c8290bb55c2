"""A table of routes: method and path pattern to a named handler."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from majung_sandbox.accounts import Account
from majung_sandbox.errors import GatewayError
from majung_sandbox.http import Request, Response


@dataclass(slots=True)
class Call:
    """A request that found its handler; `account` is set where the route asks for a signature."""

    request: Request
    params: dict[str, str]
    account: Account


@dataclass(slots=True, frozen=True)
class Route:
    """`pattern` has segments, of which `{name}` matches any one."""

    method: str
    pattern: tuple[str, ...]
    endpoint: str
    handler: Callable[[Call], Response]

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Parameters of a path that fits, else None."""
        params = {}
        for wanted, got in zip(self.pattern, segments, strict=True):
            if wanted[:1] == "{":
                if not got:
                    return None
                params[wanted[1:-1]] = got
            elif wanted != got:
                return None
        return params


class Router:
    """Finds a handler by number of segments, then in order of registration."""

    def __init__(self) -> None:
        self._by_size: dict[int, list[Route]] = {}
        self.endpoints: list[str] = []

    def add(self, method: str, path: str, endpoint: str, handler: Callable[[Call], Response]) -> None:
        """Register a route."""
        pattern = tuple(path.removeprefix("/").split("/"))
        self._by_size.setdefault(len(pattern), []).append(Route(method, pattern, endpoint, handler))
        if endpoint not in self.endpoints:
            self.endpoints.append(endpoint)

    def find(self, method: str, segments: list[str]) -> tuple[Route, dict[str, str]] | None:
        """The route of a request, None if no path fits; raises 405 if only the method does not."""
        fitting = False
        for route in self._by_size.get(len(segments), ()):
            params = route.match(segments)
            if params is not None:
                if route.method == method:
                    return route, params
                fitting = True
        if fitting:
            raise GatewayError(405, "MethodNotAllowed", f"{method} 요청은 받지 않습니다.")
        return None


def limit_of(query: dict[str, Any], default: int = 20, most: int = 1000) -> int:
    """The page size asked for, within 1–`most`."""
    text = str(query.get("limit", "") or default)
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text[:9]) <= most:
        raise GatewayError(400, "ValidationError", f"limit는 1–{most} 사이의 수여야 합니다.")
    return int(text)
