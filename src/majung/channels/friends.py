"""Friendship as a dated observation (F1), plain: a psycopg connection in, rows out. Only this writes ``friendship``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.core import arrays, sql


class FriendState(IntEnum):
    """What was last seen of one person and one channel; nothing seen is no row (F1)."""

    ADDED = 1
    BLOCKED = 2
    NOT_A_FRIEND = 3


class How(IntEnum):
    """By what a friendship was seen."""

    WEBHOOK = 1
    SENDING = 2
    LOGIN = 3
    CHATBOT = 4
    IMPORT = 5
    FORM = 6
    HAND = 7


HOW_WORDS: dict[How, str] = {
    How.WEBHOOK: "카카오 알림",
    How.SENDING: "발송 결과",
    How.LOGIN: "로그인",
    How.CHATBOT: "챗봇",
    How.IMPORT: "명단",
    How.FORM: "가입 양식",
    How.HAND: "손으로",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Observations as columns of one length, one for each pair of person and channel; ``at`` in microseconds since 1970."""

    people: NDArray[np.int64]
    channels: NDArray[np.int64]
    roots: NDArray[np.int64]
    states: NDArray[np.int64]
    at: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.people)

    def only(self, which: NDArray[Any]) -> "Seen":
        """Those at these places."""
        return Seen(
            people=self.people[which], channels=self.channels[which], roots=self.roots[which], states=self.states[which],
            at=self.at[which],
        )  # fmt: skip


def observe(
    connection: psycopg.Connection[Any],
    root: int,
    channel_id: int,
    people: Sequence[int],
    state: FriendState,
    at: datetime,
    how: How,
) -> int:
    """What was seen of these people is known; older news than what is known changes nothing. Returns rows changed."""
    return observe_pairs(connection, root, list(people), [channel_id] * len(people), state, at, how)


def observe_pairs(
    connection: psycopg.Connection[Any],
    root: int,
    people: Sequence[int] | NDArray[np.int32],
    channels: Sequence[int],
    state: FriendState,
    at: datetime,
    how: How,
) -> int:
    """As ``observe``, each person on the channel at the same place of ``channels``."""
    if not len(people):
        return 0
    facts = {
        "root": root, "channels": channels, "people": people, "state": int(state), "at": at, "how": int(how),
    }  # fmt: skip
    # Planned anew each time: the table grows under a running campaign, and a plan kept from its beginning goes stale.
    return connection.execute(_sql("observe"), facts, prepare=False).rowcount


def observe_many(connection: psycopg.Connection[Any], seen: Seen, how: How) -> Seen:
    """As ``observe`` for many channels in one statement. Returns what was news. The connection knows ``core.arrays``."""
    if not len(seen):
        return seen
    facts = {
        "people": arrays.int4s(seen.people), "channels": arrays.int8s(seen.channels), "roots": arrays.int4s(seen.roots),
        "states": arrays.int2s(seen.states), "ats": arrays.instants(seen.at), "how": int(how),
    }  # fmt: skip
    rows = connection.execute(_sql("observe_rows"), facts, binary=True, prepare=False).fetchall()
    people, channels = rows[0]
    if people is None:
        return seen.only(np.empty(0, np.int64))
    if len(people) == len(seen):
        return seen
    each = np.unique(seen.channels)
    told = seen.people * len(each) + np.searchsorted(each, seen.channels)
    news = people.astype(np.int64) * len(each) + np.searchsorted(each, channels)
    return seen.only(np.flatnonzero(np.isin(told, news)))


def _sql(name: str) -> str:
    return sql.load("majung.channels", "friends", name)
