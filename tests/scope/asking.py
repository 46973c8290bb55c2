"""Asking one address as one role about one place, without leaving a trace; and what of an answer may differ."""

import re
from typing import Any
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from majung.api.app import api
from tests.scope.world import World, undone

NUMBERED, TOKENED = {"person", "duty"}, {"link", "invitation"}
OWN_HEADERS = {"Date", "X-Request-Id", "Set-Cookie"}
# A CSRF token as Django masks it.
_TOKEN = re.compile(rb"[A-Za-z0-9]{64}")


def names() -> list[str]:
    """Every URL name of the project, with the namespace before it; each address of it once."""
    return [name for name, _ in _walk(get_resolver().url_patterns, "")]


def _walk(patterns: Any, before: str) -> list[tuple[str, str]]:
    found = []
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            found.append((f"{before}{pattern.name}", str(pattern.pattern)))
        else:
            found += _walk(pattern.url_patterns, f"{before}{pattern.namespace}:" if pattern.namespace else before)
    return found


def operations() -> dict[str, list[str]]:
    """Methods of each operation of the API, by URL name."""
    found: dict[str, list[str]] = {}
    for _, router in api._routers:
        for view in router.path_operations.values():
            for operation in view.operations:
                found.setdefault(f"api:{operation.view_func.__name__}", []).extend(operation.methods)
    return found


_browser = Client()


def client_of(world: World, role: str) -> Client:
    """A browser in which ``role`` is signed in: always the same one (its middleware is slow to load), with new cookies."""
    _browser.cookies.clear()
    if role != "anonymous":
        _browser.cookies[settings.SESSION_COOKIE_NAME] = world.sessions[role]
    return _browser


def ask(
    world: World,
    role: str,
    name: str,
    thing: str,
    place: str,
    method: str,
    *,
    data: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: dict[str, Any] | None = None,
) -> HttpResponseBase:
    """The answer; whatever was done is undone. ``data`` is a query or a form, ``body`` a call's instead of the usual one."""
    kind, words = split(thing)
    given, data, headers = dict(words), dict(data or {}), dict(headers or {})
    if name == "campaigns:export":
        data |= {key: given.pop(key) for key in ("why", "table", "form")}
    number = world.id_of(kind, place, role) if kind else None
    if "delivery" in given:
        # The log's line goes with its endpoint: own's, sister's, another's.
        given["delivery"] = world.id_of("delivery", place, role)
    body = body or (_body(name, number) if name.startswith("api:") else {})
    if kind and not (body and kind == "unit"):
        given["number" if kind in NUMBERED else "token" if kind in TOKENED else "public_id"] = number
    client, url = client_of(world, role), reverse(name, kwargs=given)
    with undone():
        if name.startswith("api:"):
            if role != "anonymous":
                headers["authorization"] = f"Bearer {world.keys[role]}"
            query = f"?{urlencode(data)}" if data else ""
            return client.generic(method, url + query, _json(body), content_type="application/json", headers=headers)
        call = client.get if method == "GET" else client.post
        return call(url, data, headers=headers)


def split(thing: str) -> tuple[str, dict[str, str]]:
    """The kind of thing, and more words of the address."""
    words = thing.split()
    pairs = dict(word.split("=", 1) for word in words if "=" in word)
    return " ".join(word for word in words if "=" not in word), pairs


def _body(name: str, unit: Any) -> dict[str, Any]:
    """A body that says everything, so that only the place is judged."""
    criteria = {"join": "all", "parts": []}
    bodies: dict[str, dict[str, Any]] = {
        "api:find": {"mobile": "010-0000-0000"},
        "api:add": {"unit": str(unit), "people": [{"mobile": "010-3333-4444", "name": "새사람"}]},
        "api:count": {"unit": str(unit), "criteria": criteria},
        "api:save": {"unit": str(unit), "criteria": criteria, "name": "새 대상"},
        "api:add_webhook": {
            "unit": str(unit),
            "label": "새 알림",
            "url": "https://hooks.example/new",
            "events": ["campaign.finished"],
        },
        "api:write": {"unit": str(unit), "title": "새 소식", "text": "안녕하세요."},
    }
    return bodies.get(name, {})


def _json(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body) if body else b""


def seen(answer: HttpResponseBase, number: Any) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body as the asker sees them: without what differs each time, and without the id that was asked for."""
    # A bare number would be found everywhere; in an address it stands between strokes.
    asked, instead = (f"/{number}/", "/‥/") if isinstance(number, int) else (str(number), "‥")
    headers = {key: value.replace(asked, instead) for key, value in answer.items() if key not in OWN_HEADERS}
    headers.pop("Content-Length", None)
    body = b"".join(answer) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return answer.status_code, headers, _TOKEN.sub(b"", body.replace(asked.encode(), instead.encode()))
