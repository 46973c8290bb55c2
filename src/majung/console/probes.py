"""The web's ``/healthz`` and ``/metrics``, in front of Django: they answer whatever host name, session or template is broken."""

from collections import Counter
from collections.abc import Callable, Iterable
from http import HTTPStatus
from threading import Lock
from time import monotonic
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from majung.core.exposition import Metric, labelled, single
from majung.delivery.probes import Probes


class Front:
    """A WSGI application that answers probes itself, and counts what the one behind it answers."""

    def __init__(self, behind: WSGIApplication, url: Callable[[], str], token: str) -> None:
        self._behind = behind
        self._probes = Probes("web", url, token, self._figures)
        self._counting = Lock()
        self._answers: Counter[str] = Counter()
        self._seconds = 0.0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        headers = {
            name[5:].replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        found = self._probes.answer(environ.get("PATH_INFO", ""), environ.get("REMOTE_ADDR", ""), headers)
        if found is not None:
            lines = [
                ("Content-Type", found.content_type),
                ("Content-Length", str(len(found.body))),
                ("Cache-Control", "no-store"),
            ]
            start_response(f"{found.status} {HTTPStatus(found.status).phrase}", lines)
            return [found.body]
        begun = monotonic()

        def counted(status: str, *rest: Any) -> Any:
            with self._counting:
                self._answers[f"{status[:1]}xx"] += 1
                self._seconds += monotonic() - begun
            return start_response(status, *rest)

        return self._behind(environ, counted)

    def _figures(self) -> list[Metric]:
        with self._counting:
            answers, seconds = dict(self._answers), self._seconds
        return [
            labelled(
                "majung_web_answers_total", "Answers of this web process by status.", "status", answers, "counter"
            ),
            single("majung_web_seconds_total", "Seconds until they began.", seconds, "counter"),
        ]
