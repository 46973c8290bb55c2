"""Writes a batch of what came in, in one transaction: friendships, refusals, activities, baskets to look at."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from majung.channels import friends, identities, wakes
from majung.channels.adapters.base import Reported
from majung.channels.friends import FriendState, How, Seen
from majung.consent import ledger
from majung.consent.ledger import By
from majung.core import ids, sql
from majung.core.sealing import Sealer
from majung.ingest.directory import App
from majung.ingest.events import ChannelEvent

log = logging.getLogger(__name__)

_FRESH = timedelta(minutes=1)

Identity = tuple[int, str, bytes]  # root, app, blind index


@dataclass(frozen=True, slots=True, kw_only=True)
class Friend:
    """A channel event of an app that proved itself."""

    app: App
    event: ChannelEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Baskets and requests that a dealer reported about."""

    account_id: int
    told: frozenset[Reported]


Item = Friend | Report


def write(connection: psycopg.Connection[Any], sealer: Sealer, items: Sequence[Item], now: datetime) -> None:
    """All items are in the database when this returns; the caller's transaction makes them last."""
    _write_friends(connection, sealer, [item for item in items if isinstance(item, Friend)], now)
    reports = [item for item in items if isinstance(item, Report)]
    if reports:
        wakes.note(connection, [(report.account_id, one) for report in reports for one in report.told], now)
        connection.execute(_sql("reported"), {"at": now, "accounts": sorted({r.account_id for r in reports})})


def _write_friends(connection: psycopg.Connection[Any], sealer: Sealer, came: list[Friend], now: datetime) -> None:
    if not came:
        return
    keys = [friend.event.key for friend in came]
    fresh = {bytes(row[0]) for row in connection.execute(_sql("first_time"), {"keys": keys, "at": now})}
    news = [friend for friend in {f.event.key: f for f in came}.values() if friend.event.key in fresh]
    placed = [(friend, channel) for friend in news if (channel := _channel(friend)) is not None]
    connection.execute(_sql("heard_apps"), {"at": now, "apps": sorted({f.app.app_id for f in came})})
    if not placed:
        return
    people = _people(connection, sealer, [friend for friend, _ in placed], now)
    rows = [
        Seen(root_id=f.app.root_id, channel_id=channel, person_id=people[_identity(sealer, f)], state=f.event.state, at=f.event.at)
        for f, channel in placed
    ]  # fmt: skip
    friends.observe_many(connection, rows, How.WEBHOOK)
    _refuse(connection, placed, rows, now)
    _note(connection, placed, rows)
    connection.execute(_sql("heard_channels"), {"at": now, "channels": sorted({channel for _, channel in placed})})


def _channel(friend: Friend) -> int | None:
    """The channel of an event, if it is one of the app that sent it."""
    event, channels = friend.event, friend.app.channels
    found = channels.get(event.profile_id) or channels.get(event.search_id)
    if found is None:
        log.warning(
            "event of a channel that is not connected", extra={"app": friend.app.app_id, "profile_id": event.profile_id}
        )
    return found


def _identity(sealer: Sealer, friend: Friend) -> Identity:
    app = friend.app
    space = identities.space(app.app_id, friend.event.id_type)
    return app.root_id, space, identities.blind(sealer, app.root_id, space, friend.event.id)


def _people(
    connection: psycopg.Connection[Any], sealer: Sealer, came: list[Friend], now: datetime
) -> dict[Identity, int]:
    """A person for each identity; who was never heard of becomes somebody known only by (app, id)."""
    wanted = {_identity(sealer, friend): friend.app for friend in came}
    known = _known(connection, list(wanted))
    unknown = [identity for identity in wanted if identity not in known]
    if not unknown:
        return known
    claimed = {
        (root, app, bytes(blind)): person
        for root, app, blind, person in connection.execute(_sql("claim"), _columns(unknown))
    }
    if claimed:
        connection.execute(
            _sql("persons"),
            {
                "people": list(claimed.values()),
                "roots": [root for root, _, _ in claimed],
                "public_ids": [ids.uuid7() for _ in claimed],
                "entities": [wanted[identity].entity_id for identity in claimed],
                "at": now,
            },
        )
    known |= claimed
    elsewhere = [identity for identity in unknown if identity not in claimed]
    return known | _known(connection, elsewhere) if elsewhere else known


def _known(connection: psycopg.Connection[Any], wanted: list[Identity]) -> dict[Identity, int]:
    rows = connection.execute(_sql("known"), _columns(wanted))
    return {(root, app, bytes(blind)): person for root, app, blind, person in rows}


def _columns(wanted: list[Identity]) -> dict[str, list[Any]]:
    return {
        "roots": [root for root, _, _ in wanted],
        "apps": [app for _, app, _ in wanted],
        "blinds": [blind for _, _, blind in wanted],
    }


def _refuse(
    connection: psycopg.Connection[Any], placed: list[tuple[Friend, int]], rows: list[Seen], now: datetime
) -> None:
    """A block refuses advertising by channel message to the entity that runs the channel (law.md ADV-11, KKO-09).

    Blocks of the last minute count from now, so that a wave of them is one statement; late ones keep their second.
    """
    at_once: dict[tuple[int, int, datetime], set[int]] = {}
    for (friend, channel), row in zip(placed, rows, strict=True):
        if row.state is FriendState.BLOCKED:
            at = now if row.at > now - _FRESH else row.at.replace(microsecond=0)
            at_once.setdefault((row.root_id, friend.app.entities[channel], at), set()).add(row.person_id)
    for (root, entity, at), people in sorted(at_once.items()):
        ledger.refuse(connection, root, people, entity, ("KAKAO_AD",), "block", at=at, by=By(kind="person"))


def _note(connection: psycopg.Connection[Any], placed: list[tuple[Friend, int]], rows: list[Seen]) -> None:
    connection.execute(
        _sql("activity"),
        {
            "roots": [row.root_id for row in rows],
            "ats": [row.at for row in rows],
            "kinds": [f"channels.{row.state.name.lower()}" for row in rows],
            "units": [friend.app.units.get(channel) for friend, channel in placed],
            "people": [row.person_id for row in rows],
            "channels": [row.channel_id for row in rows],
        },
    )


def _sql(name: str) -> str:
    return sql.load("majung.ingest", "ingest", name)
