"""Friendship as a dated observation (F1), plain: a psycopg connection in, rows out. Only this writes ``friendship``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.core import sql


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
    """One observation of one person and one channel."""

    root_id: int
    channel_id: int
    person_id: int
    state: FriendState
    at: datetime


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


def observe_many(connection: psycopg.Connection[Any], seen: Sequence[Seen], how: How) -> int:
    """As ``observe`` for many channels in one statement. Returns rows changed."""
    if not seen:
        return 0
    facts = {
        "people": [s.person_id for s in seen], "channels": [s.channel_id for s in seen], "how": int(how),
        "roots": [s.root_id for s in seen], "states": [int(s.state) for s in seen], "ats": [s.at for s in seen],
    }  # fmt: skip
    return connection.execute(_sql("observe_rows"), facts).rowcount


def _sql(name: str) -> str:
    return sql.load("majung.channels", "friends", name)
