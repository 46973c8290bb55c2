"""Who may knock: the secret paths, keys and channels of all organisations, read anew every few seconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from majung.channels import keys
from majung.channels.adapters.base import Adapter
from majung.channels.adapters.registry import ADAPTERS
from majung.core import sql
from majung.core.sealing import Sealer, Unreadable

MAX_AGE_SECONDS = 5.0
MIN_AGE_SECONDS = 0.5  # an unknown path asks again at most this often


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One Kakao app: its primary admin key, its channels by profile and search id, and who runs each channel."""

    app_id: int
    root_id: int
    entity_id: int
    admin_key: bytes = field(repr=False)
    channels: Mapping[str, int]
    units: Mapping[int, int]
    entities: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Account:
    """One dealer account, and the adapter that reads its reports."""

    account_id: int
    adapter: type[Adapter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Everything by secret path token."""

    apps: Mapping[str, App]
    accounts: Mapping[str, Account]


def read(connection: psycopg.Connection[Any], sealer: Sealer) -> Directory:
    """The directory as the database has it now. An app whose key cannot be opened is left out."""
    channels: dict[int, dict[str, int]] = {}
    units: dict[int, dict[int, int]] = {}
    entities: dict[int, dict[int, int]] = {}
    for channel_id, app_id, profile_id, search_id, unit_id, entity_id in connection.execute(_sql("channels")):
        by_name = channels.setdefault(app_id, {})
        by_name.update({name: channel_id for name in (profile_id, search_id) if name})
        units.setdefault(app_id, {})[channel_id] = unit_id
        entities.setdefault(app_id, {})[channel_id] = entity_id
    apps = {}
    for app_id, root_id, entity_id, token, sealed in connection.execute(_sql("apps")):
        try:
            key = sealer.open_bytes(keys.admin_key_place(root_id), app_id, bytes(sealed))
        except Unreadable:
            continue
        apps[token] = App(
            app_id=app_id, root_id=root_id, entity_id=entity_id, admin_key=key, channels=channels.get(app_id, {}),
            units=units.get(app_id, {}), entities=entities.get(app_id, {}),
        )  # fmt: skip
    rows = connection.execute(_sql("accounts")).fetchall()
    return Directory(apps=apps, accounts={t: Account(number, ADAPTERS[code]) for t, number, code in rows})


class Kept:
    """A directory that is read again when it is old, or when somebody asks for a path it does not know."""

    def __init__(self, read_now: Callable[[], Directory], seconds: Callable[[], float]) -> None:
        self._read_now, self._seconds = read_now, seconds
        self._directory = Directory(apps={}, accounts={})
        self._read_at = float("-inf")

    def is_stale(self, token: str) -> bool:
        """Whether the directory must be read before ``token`` is looked up."""
        age = self._seconds() - self._read_at
        known = token in self._directory.apps or token in self._directory.accounts
        return age > (MAX_AGE_SECONDS if known else MIN_AGE_SECONDS)

    def refresh(self) -> None:
        """Read it now (blocks)."""
        self._directory = self._read_now()
        self._read_at = self._seconds()

    def app(self, token: str) -> App | None:
        """The Kakao app of a path."""
        return self._directory.apps.get(token)

    def account(self, token: str) -> Account | None:
        """The dealer account of a path."""
        return self._directory.accounts.get(token)


def _sql(name: str) -> str:
    return sql.load("majung.ingest", "ingest", name)
