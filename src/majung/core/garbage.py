"""Python's search for cycles among objects: out of the way of work that makes them by the hundred thousand."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: for pieces of work that hold many objects at once and leave none behind.

    Each search looks through all that is alive, again and again while it is being made: a third of the time of an import.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
