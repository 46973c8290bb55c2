"""The web's probes answer in front of Django, whatever name they are asked under, and tell strangers nothing (O3)."""

from collections.abc import Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from majung.console.probes import Front

pytestmark = [pytest.mark.django_db, pytest.mark.product("O3")]


def url() -> str:
    known = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    return make_conninfo(**{k: connection.settings_dict[n] for n, k in known.items() if connection.settings_dict[n]})


def behind(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("404 Not Found", [])
    return [b"django"]


def ask(front: Front, path: str, peer: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    environ: dict[str, Any] = {
        "PATH_INFO": path,
        "REMOTE_ADDR": peer,
        **{f"HTTP_{n.upper()}": v for n, v in headers.items()},
    }
    setup_testing_defaults(environ)
    said: list[str] = []
    body = b"".join(front(environ, lambda status, lines, *rest: said.append(status)))  # type: ignore[arg-type,return-value]
    return int(said[0][:3]), body.decode()


def test_health_is_told_to_everybody() -> None:
    assert ask(Front(behind, url, ""), "/healthz", peer="203.0.113.9", host="no-such-name") == (200, "ok\n")
    down = Front(behind, lambda: "host=127.0.0.1 port=1 connect_timeout=1", "")
    assert ask(down, "/healthz") == (503, "no database\n")


def test_figures_are_told_to_this_machine_or_to_the_token() -> None:
    near, shut = Front(behind, url, ""), Front(behind, url, "long-token")
    assert ask(near, "/elsewhere") == (404, "django")
    status, page = ask(near, "/metrics")
    assert status == 200 and "majung_up 1\n" in page and 'majung_web_answers_total{status="4xx"} 1\n' in page
    assert ask(near, "/metrics", peer="203.0.113.9") == (403, "forbidden\n")
    assert ask(near, "/metrics", x_forwarded_for="203.0.113.9") == (403, "forbidden\n")
    assert ask(shut, "/metrics") == (403, "forbidden\n")
    assert ask(shut, "/metrics", peer="203.0.113.9", authorization="Bearer long-token")[0] == 200


def test_the_entry_of_the_web_has_them() -> None:
    from majung.wsgi import application

    assert ask(application, "/healthz", host="no-such-name")[0] in (200, 503)
