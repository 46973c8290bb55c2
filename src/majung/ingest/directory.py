"""Who may knock: the secret paths, keys and channels of all organisations, read anew every few seconds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from majung.channels import identities, keys
from majung.channels.adapters.base import Adapter
from majung.channels.adapters.registry import ADAPTERS
from majung.core import sql
from majung.core.sealing import Sealer, Unreadable

MAX_AGE_SECONDS = 5.0
RENEW_SECONDS = 2.0  # renewed before it is too old, so that nobody waits for it
MIN_AGE_SECONDS = 0.5  # an unknown path or channel asks again at most this often


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One Kakao app: the header that proves it, its channels by profile and search id, and its id spaces by id type."""

    app_id: int
    root_id: int
    admin_key: bytes = field(repr=False)
    channels: Mapping[str, int]
    spaces: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One dealer account that may report."""

    account_id: int
    adapter: type[Adapter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Everything by secret path token."""

    apps: Mapping[str, App]
    senders: Mapping[str, Sender]


def read(connection: psycopg.Connection[Any], sealer: Sealer) -> Directory:
    """The directory as the database has it now. An app whose key cannot be opened is left out."""
    channels: dict[int, dict[str, int]] = {}
    for channel_id, app_id, profile_id, search_id in connection.execute(_sql("channels")):
        by_name = channels.setdefault(app_id, {})
        by_name.update({name: channel_id for name in (profile_id, search_id) if name})
    apps = {}
    for app_id, root_id, token, sealed in connection.execute(_sql("apps")):
        try:
            key = sealer.open_bytes(keys.admin_key_place(root_id), app_id, bytes(sealed))
        except Unreadable:
            continue
        spaces = {kind: identities.space(app_id, kind) for kind in (identities.APP_USER_ID, identities.OPEN_ID)}
        apps[token] = App(
            app_id=app_id, root_id=root_id, admin_key=key, channels=channels.get(app_id, {}), spaces=spaces
        )
    senders = {
        token: Sender(account_id=account, adapter=ADAPTERS[code])
        for token, account, code in connection.execute(_sql("accounts"))
        if code in ADAPTERS
    }
    return Directory(apps=apps, senders=senders)


class Kept:
    """A directory that is read again when it is old, or when somebody asks for a path it does not know."""

    def __init__(self, read_now: Callable[[], Directory], seconds: Callable[[], float]) -> None:
        self._read_now, self._seconds = read_now, seconds
        self._directory = Directory(apps={}, senders={})
        self._read_at = float("-inf")

    @property
    def age_seconds(self) -> float:
        """How long ago it was read."""
        return self._seconds() - self._read_at

    def is_stale(self, token: str) -> bool:
        """Whether the directory must be read before ``token`` is looked up."""
        known = token in self._directory.apps or token in self._directory.senders
        return self.age_seconds > (MAX_AGE_SECONDS if known else MIN_AGE_SECONDS)

    def refresh(self) -> None:
        """Read it now (blocks)."""
        begun = self._seconds()
        self._directory = self._read_now()
        self._read_at = begun

    def app(self, token: str) -> App | None:
        """The Kakao app of a path."""
        return self._directory.apps.get(token)

    def sender(self, token: str) -> Sender | None:
        """The dealer account of a path."""
        return self._directory.senders.get(token)


def _sql(name: str) -> str:
    return sql.load("majung.ingest", "directory", name)
