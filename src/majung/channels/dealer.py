"""One request to a dealer at a time, for account jobs: signed, bounded, never redirected. Never inside a transaction."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from majung.channels.adapters.account_calls import Listed
from majung.channels.adapters.base import Adapter
from majung.channels.adapters.terms import Reply, Wire
from majung.channels.line import Lost
from majung.channels.lines import open_line
from majung.core.errors import Outside

T = TypeVar("T")

ANSWER_SECONDS = 15.0
MOST_PAGES = 10_000


def call(adapter: Adapter, wire: Wire) -> Reply:
    """The dealer's answer to one signed request over a line of its own. Raises Outside; a job may simply ask again."""
    line = open_line(adapter, ANSWER_SECONDS)
    try:
        return line.call(wire)
    except Lost as lost:
        raise Outside(str(lost), retryable=True, after_seconds=5.0) from lost
    finally:
        line.close()


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
