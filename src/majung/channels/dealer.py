"""One request to a dealer at a time, for account jobs: signed, bounded, never redirected. Never inside a transaction."""

import http.client
import secrets
import ssl
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from majung.channels.adapters.base import Adapter, Listed, Reply, Wire
from majung.core import clock
from majung.core.errors import Misconfigured, Outside

T = TypeVar("T")

TIMEOUT_SECONDS = 15.0
LARGEST_ANSWER = 16 * 2**20
MOST_PAGES = 10_000


def call(adapter: Adapter, wire: Wire) -> Reply:
    """The dealer's answer to one signed request. Raises Outside when none came."""
    address = urlsplit(wire.url)
    host = address.hostname or ""
    if address.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, address.port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    elif address.scheme == "http":
        connection = http.client.HTTPConnection(host, address.port, timeout=TIMEOUT_SECONDS)
    else:
        raise Misconfigured(f"a dealer's address begins with http, not {address.scheme!r}")
    headers = {**wire.headers, **adapter.sign(clock.now(), secrets.token_hex(16))}
    target = address.path + (f"?{address.query}" if address.query else "")
    try:
        connection.request(wire.method, target, body=wire.body or None, headers=headers)
        answer = connection.getresponse()
        body = answer.read(LARGEST_ANSWER + 1)
    except (OSError, http.client.HTTPException) as error:
        raise Outside(f"no answer: {type(error).__name__}", retryable=True, after_seconds=5.0) from error
    finally:
        connection.close()
    if len(body) > LARGEST_ANSWER:
        raise Outside("the answer is too large", retryable=False)
    return Reply(answer.status, body)


def pages(adapter: Adapter, ask: Callable[[str], Wire], read: Callable[[Reply], Listed[T]]) -> Iterator[T]:
    """Every row of a list, page after page. Raises Outside when a page repeats its own key."""
    key = ""
    for _ in range(MOST_PAGES):
        page = read(call(adapter, ask(key)))
        yield from page.rows
        if not page.next_key:
            return
        if page.next_key == key:
            break
        key = page.next_key
    raise Outside("the list does not end", retryable=False)
