"""Folding channel events into friendships, people, refusals and activity, in sets. Plain; the caller's transaction.

Any order, any number of times: newer news win, what is known already leaves nothing behind, and a block refuses whatever
came after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.channels import friends, identities
from majung.channels.friends import FriendState, How, Seen
from majung.channels.inbox import Friends
from majung.consent import ledger
from majung.consent.ledger import By
from majung.core import arrays, ids, sql

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spaces:
    """The id spaces of a fold, numbered from 1: root, name and the entity to which their people belong."""

    roots: Numbers
    names: list[str]
    entities: Numbers

    def facts(self) -> dict[str, Any]:
        """As parameters."""
        return {"roots": arrays.int4s(self.roots), "apps": self.names, "entities": arrays.int8s(self.entities)}


def fold(connection: psycopg.Connection[Any], events: Friends, now: datetime) -> None:
    """Everything that follows from these events is in the database when the caller's transaction commits."""
    apps = {app: (root, entity) for app, root, entity in _rows(connection, "apps", apps=_each(events["app"]))}
    channels = {
        c: (unit, entity) for c, unit, entity in _rows(connection, "channels", channels=_each(events["channel"]))
    }
    connection.execute(_sql("heard_apps"), {"at": now, "apps": sorted(apps)})
    placed = events[np.isin(events["app"], list(apps)) & np.isin(events["channel"], list(channels))]
    if not len(placed):
        return
    seen = Seen(
        people=_people(connection, placed, apps, now), channels=placed["channel"], states=placed["state"].astype(np.int64),
        roots=_mapped(placed["app"], {app: root for app, (root, _) in apps.items()}), at=placed["at"],
    )  # fmt: skip
    for one in _rounds(seen):
        _note(connection, friends.observe_many(connection, one, How.WEBHOOK), channels)
    _refuse(connection, seen, channels)
    connection.execute(_sql("heard_channels"), {"at": now, "channels": sorted(channels)})


def _people(
    connection: psycopg.Connection[Any], placed: Friends, apps: dict[int, tuple[int, int]], now: datetime
) -> Numbers:
    """The person of each event; who was never heard of becomes somebody known only by (app, id)."""
    keys, space_of = np.unique(placed["app"] * 2 + placed["is_open_id"], return_inverse=True)
    of_app = [apps[key // 2] for key in keys.tolist()]
    spaces = _Spaces(
        roots=np.array([root for root, _ in of_app]), entities=np.array([entity for _, entity in of_app]),
        names=[
            identities.space(key // 2, identities.OPEN_ID if key % 2 else identities.APP_USER_ID)
            for key in keys.tolist()
        ],
    )  # fmt: skip
    people = np.zeros(len(placed), np.int64)
    facts = spaces.facts() | {"at": now}
    for name in ("known", "claim", "known"):
        unknown = np.flatnonzero(people == 0)
        if not len(unknown):
            break
        facts |= {
            "places": arrays.int4s(unknown), "spaces": arrays.int4s(space_of[unknown] + 1),
            "blinds": arrays.blobs(placed["blind"][unknown]),
        }  # fmt: skip
        if name == "claim":
            facts["public_ids"] = arrays.uuids(ids.uuid7_many(len(unknown)))
        [(found, numbers)] = connection.execute(_sql(name), facts, binary=True, prepare=False).fetchall()
        if found is not None:
            people[found] = numbers
    return people


def _rounds(seen: Seen) -> Iterator[Seen]:
    """The first news of every pair, then the second of those that have two, and so on; a block after an add of the same instant."""
    order = np.lexsort((seen.states, seen.at, seen.channels, seen.people))
    people, channels = seen.people[order], seen.channels[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (people[1:] != people[:-1]) | (channels[1:] != channels[:-1])
    starts = np.flatnonzero(is_first)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    for turn in range(int(rank.max()) + 1):
        yield seen.only(order[rank == turn])


def _note(connection: psycopg.Connection[Any], news: Seen, channels: dict[int, tuple[int, int]]) -> None:
    if not len(news):
        return
    facts = {
        "people": arrays.int4s(news.people), "channels": arrays.int8s(news.channels), "roots": arrays.int4s(news.roots),
        "states": arrays.int2s(news.states), "ats": arrays.instants(news.at), "ids": list(channels),
        "units": [unit for unit, _ in channels.values()],
    }  # fmt: skip
    connection.execute(_sql("activity"), facts, prepare=False)


def _refuse(connection: psycopg.Connection[Any], seen: Seen, channels: dict[int, tuple[int, int]]) -> None:
    """A block refuses advertising by channel message to the entity that runs the channel (law.md ADV-11, KKO-09)."""
    blocks = seen.only(np.flatnonzero(seen.states == FriendState.BLOCKED))
    entities = _mapped(blocks.channels, {channel: entity for channel, (_, entity) in channels.items()})
    ledger.refuse_each(
        connection, "KAKAO_AD", "block", roots=blocks.roots, people=blocks.people, entities=entities, at=blocks.at,
        by=By(kind="person"),
    )  # fmt: skip


def _mapped(values: Numbers, to: dict[int, int]) -> Numbers:
    each, place_of = np.unique(values, return_inverse=True)
    return np.array([to[value] for value in each.tolist()], np.int64)[place_of]


def _each(values: Numbers) -> list[int]:
    return [int(value) for value in np.unique(values)]


def _rows(connection: psycopg.Connection[Any], name: str, **facts: Any) -> list[Any]:
    return connection.execute(_sql(name), facts).fetchall()


def _sql(name: str) -> str:
    return sql.load("majung.ingest", "fold", name)
