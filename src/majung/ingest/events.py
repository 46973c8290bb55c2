"""What comes in, read and bounded: Kakao's channel events and dealers' reports (kakao.md §1.5, §4.1). Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import orjson

from majung.channels.adapters.base import Adapter, Reported
from majung.channels.friends import FriendState
from majung.channels.identities import APP_USER_ID, OPEN_ID

_STATES = {"added": FriendState.ADDED, "blocked": FriendState.BLOCKED}
_ID_TYPES = (APP_USER_ID, OPEN_ID)
_LONGEST_ID = 200
_AHEAD = timedelta(minutes=5)
_OLDEST = datetime(2015, 1, 1, tzinfo=UTC)
_LONGEST_REF = 64


class Unreadable(Exception):
    """The body is not what this address takes; the message says why, without repeating any of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEvent:
    """Somebody added or blocked a channel. ``key`` is equal only for a repeat of the very same news."""

    state: FriendState
    id: str
    id_type: str
    profile_id: str
    search_id: str
    at: datetime
    key: bytes


def channel_event(body: bytes, resource_id: str, app_id: int, now: datetime) -> ChannelEvent:
    """The event in a webhook's body; old names of fields are taken too. Raises Unreadable.

    A moment ahead of our clock by more than five minutes is taken as now: it would hide all later news.
    """
    told = _object(body)
    event = told.get("event")
    state = _STATES.get(event) if isinstance(event, str) else None
    if state is None:
        raise Unreadable("event is neither added nor blocked")
    id_type = told.get("id_type", APP_USER_ID)
    if id_type not in _ID_TYPES:
        raise Unreadable("unknown id_type")
    identity = told.get("id")
    if isinstance(identity, bool) or not isinstance(identity, int | str) or not 0 < len(str(identity)) <= _LONGEST_ID:
        raise Unreadable("no id")
    profile_id = _text(told, "channel_public_id", "plus_friend_public_id")
    search_id = _text(told, "channel_uuid", "plus_friend_uuid")
    if not profile_id and not search_id:
        raise Unreadable("no channel")
    at = _instant(told.get("updated_at", told.get("timestamp")))
    if at > now + _AHEAD:
        at = now
    same = orjson.dumps([app_id, resource_id, state, id_type, str(identity), profile_id, search_id, at])
    return ChannelEvent(
        state=state, id=str(identity), id_type=id_type, profile_id=profile_id, search_id=search_id, at=at,
        key=blake2b(same, digest_size=16).digest(),
    )  # fmt: skip


def reported(adapter: type[Adapter], body: bytes) -> set[Reported]:
    """What a dealer's report speaks of, read as its adapter reads it; what cannot be a reference is passed over."""
    try:
        found = adapter.reported(body)
    except ValueError as problem:
        raise Unreadable(str(problem)) from None
    return {Reported(one.ref, one.key if _is_ref(one.key) else "") for one in found if _is_ref(one.ref)}


def _is_ref(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_REF and text.isascii() and text.isprintable()


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("the body is no JSON") from None


def _object(body: bytes) -> dict[str, Any]:
    told = _parsed(body)
    if not isinstance(told, dict):
        raise Unreadable("the body is no object")
    return told


def _text(told: dict[str, Any], *names: str) -> str:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and value:
            if len(value) > _LONGEST_ID or not value.isprintable():
                raise Unreadable(f"{name} is no id")
            return value
    return ""


def _instant(value: Any) -> datetime:
    """RFC 3339 text, or milliseconds since 1970 in the old form."""
    try:
        if isinstance(value, bool):
            raise ValueError
        if isinstance(value, int):
            at = datetime.fromtimestamp(value / 1000, UTC)
        else:
            at = datetime.fromisoformat(value)
            at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise Unreadable("no moment") from None
    if at < _OLDEST:
        raise Unreadable("the moment is before there were channels")
    return at
