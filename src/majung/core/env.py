"""Settings from the environment: typed readers that refuse nonsense and name the variable, and remember what they read."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar

from majung.core.errors import Misconfigured

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One variable, for the table in the docs and for ``majung doctor``."""

    name: str
    default: str
    help: str
    secret: bool


REGISTER: dict[str, Setting] = {}


def _read(name: str, default: T, help_text: str, parse: Callable[[str], T], *, secret: bool = False) -> T:
    REGISTER[name] = Setting(name=name, default="" if secret else str(default), help=help_text, secret=secret)
    raw = os.environ.get(name)
    if secret and raw is None and (path := os.environ.get(f"{name}_FILE")):
        try:
            raw = Path(path).read_text("utf-8").strip()
        except OSError as error:
            raise Misconfigured(f"{name}_FILE: {error}") from error
    if raw is None or raw == "":
        return default
    try:
        return parse(raw)
    except ValueError as error:
        raise Misconfigured(f"{name}={'…' if secret else raw!r}: {error}") from error


def text(name: str, default: str, help_text: str) -> str:
    """A line of text."""
    return _read(name, default, help_text, str)


def home() -> Path:
    """The folder of this installation; known without the settings, which cannot be read before its database runs."""
    own = "/var/lib/majung" if os.geteuid() == 0 else str(Path.home() / ".local" / "share" / "majung")
    return Path(text("MAJUNG_HOME", own, "Folder of this installation: embedded database, vault key, uploads, logs."))


def secret(name: str, help_text: str) -> str:
    """A secret, from ``NAME`` or from the file that ``NAME_FILE`` names; empty when neither is set."""
    return _read(name, "", help_text, str, secret=True)


def number(name: str, default: int, help_text: str, *, least: int = 0) -> int:
    """A whole number, at least ``least``."""

    def parse(raw: str) -> int:
        value = int(raw)
        if value < least:
            raise ValueError(f"must be at least {least}")
        return value

    return _read(name, default, help_text, parse)


def flag(name: str, default: bool, help_text: str) -> bool:
    """Yes or no: 1/0, true/false, yes/no, on/off."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

    def parse(raw: str) -> bool:
        try:
            return words[raw.strip().lower()]
        except KeyError:
            raise ValueError("write 1 or 0") from None

    return _read(name, default, help_text, parse)


def words(name: str, default: tuple[str, ...], help_text: str) -> list[str]:
    """A comma-separated list."""
    return list(_read(name, default, help_text, lambda raw: tuple(w.strip() for w in raw.split(",") if w.strip())))


def networks(name: str, help_text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """A comma-separated list of networks (``10.0.0.0/8,fd00::/8``) or single addresses; none by default."""

    def parse(raw: str) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(word.strip()) for word in raw.split(",") if word.strip())

    return _read(name, (), help_text, parse)
