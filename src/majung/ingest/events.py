"""What comes in, read and bounded: Kakao's channel events and dealers' reports (kakao.md §1.5, §4.1). Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from majung.channels.adapters.base import Adapter, Report, Reported, our_ids
from majung.channels.friends import FriendState
from majung.channels.identities import APP_USER_ID, OPEN_ID
from majung.channels.inbox import Told

_STATES = {"added": int(FriendState.ADDED), "blocked": int(FriendState.BLOCKED)}
_ID_TYPES = (APP_USER_ID, OPEN_ID)
_LONGEST_ID = 200
_AHEAD = timedelta(minutes=5)
_OLDEST = datetime(2015, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_REF = 64
_LARGEST_SEQ = 2**16
_LARGEST_CHUNK = 2**31


class Unreadable(Exception):
    """The body is not what this address takes; the message says why, without repeating any of it."""


class ChannelEvent(NamedTuple):
    """Somebody added or blocked a channel. ``at`` in microseconds since 1970."""

    state: int
    id: str
    id_type: str
    profile_id: str
    search_id: str
    at: int


def channel_event(body: bytes, now: datetime) -> ChannelEvent:
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
    if isinstance(identity, bool) or not isinstance(identity, int | str):
        raise Unreadable("no id")
    identity = str(identity)
    if not 0 < len(identity) <= _LONGEST_ID:
        raise Unreadable("no id")
    profile_id = _text(told, "channel_public_id", "plus_friend_public_id")
    search_id = _text(told, "channel_uuid", "plus_friend_uuid")
    if not profile_id and not search_id:
        raise Unreadable("no channel")
    at = _instant(told.get("updated_at", told.get("timestamp")))
    if at > now + _AHEAD:
        at = now
    return ChannelEvent(state, identity, id_type, profile_id, search_id, (at - _EPOCH) // _MICROSECOND)


def dealer_report(adapter: type[Adapter], body: bytes) -> tuple[list[Told], list[Reported]]:
    """What a dealer's report tells of messages, if the adapter's reports are to be believed, and what is to be looked at.

    Raises Unreadable. Items that are neither are passed over; a group of which messages are told needs no look.
    """
    try:
        report = adapter.decode_report(body)
    except ValueError as problem:
        raise Unreadable(str(problem)) from None
    told = _told(report) if adapter.proves_reports_by_group else []
    known = {one.group for one in told}
    about = report.about | {Reported(group) for group in set(report.of) if group not in known}
    looks = {Reported(one.ref, one.key if _is_ref(one.key) else "") for one in about if _is_ref(one.ref)}
    return told, sorted(looks, key=lambda one: (one.ref, one.key))


def _is_ref(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_REF and text.isascii() and text.isprintable()


def _told(report: Report) -> list[Told]:
    """The messages of a report by group and campaign. Ids that are not ours are passed over."""
    if not report.ids:
        return []
    numbers, outcomes = our_ids(report.ids), np.frombuffer(report.outcomes, np.uint8)
    places = {group: place for place, group in enumerate(dict.fromkeys(report.of))}
    of = np.array([places[group] for group in report.of]) if len(places) > 1 else np.zeros(len(numbers), np.int64)
    ours = (numbers > 0)[:, :2].all(axis=1) & (numbers[:, 1] < _LARGEST_CHUNK) & (numbers[:, 2] < _LARGEST_SEQ)
    found = []
    for group, place in places.items():
        here: NDArray[np.bool_] = ours & (of == place) & _is_ref(group)
        for campaign in np.unique(numbers[here, 0]).tolist():
            some = here & (numbers[:, 0] == campaign)
            found.append(
                Told(
                    campaign=campaign, group=group, chunks=numbers[some, 1], seqs=numbers[some, 2],
                    outcomes=outcomes[some],
                )
            )  # fmt: skip
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("the body is no JSON") from None
    if not isinstance(told, dict):
        raise Unreadable("the body is no object")
    return told


def _text(told: dict[str, Any], name: str, old_name: str) -> str:
    for value in (told.get(name), told.get(old_name)):
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
