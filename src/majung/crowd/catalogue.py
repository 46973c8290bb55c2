"""Imports every room's declared base sets, once."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec

ROOMS = ("people", "consent", "channels", "mail", "delivery")


@cache
def load() -> None:
    """The base sets of all rooms are registered (``<room>/sets.py``, plain modules)."""
    for room in ROOMS:
        if find_spec(f"majung.{room}.sets"):
            import_module(f"majung.{room}.sets")
