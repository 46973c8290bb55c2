"""Writing to the ledgers of consent and refusal, in sets. Plain: webhooks and the dispatcher refuse without Django.

What is written takes effect with the connection's transaction: the state tables follow in the same statement, and the
judge reads them anew at the moment of hand-over. Notices of result (ADV-13) are owed in the same transaction.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.core import arrays, clock, sql

RESULT_DAYS: Final = 14  # 정보통신망법 시행령 제62조의2: within 14 days of the expression

GRANTED, WITHDRAWN, REFUSED = "granted", "withdrawn", "refused"
_TITLES: Final = {
    GRANTED: "광고 수신동의 처리 결과 알리기",
    WITHDRAWN: "수신동의 철회 처리 결과 알리기",
    REFUSED: "수신거부 처리 결과 알리기",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who said it or wrote it down."""

    kind: str = "system"
    number: int | None = None


SYSTEM: Final = By()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How, when and by whom something was said. ``proof`` holds ids, hashes and keyed hashes: never a name or number."""

    how: str
    at: datetime
    by: By = SYSTEM
    proof: Mapping[str, Any] | None = None

    def params(self) -> dict[str, Any]:
        """As parameters of a statement."""
        proof = json.dumps(dict(self.proof or {}), ensure_ascii=False, default=str)
        return {"how": self.how, "at": self.at, "proof": proof, "actor_kind": self.by.kind, "actor": self.by.number}


def refuse(
    connection: psycopg.Connection[Any],
    root: int,
    people: Collection[int],
    entity: int,
    media: Collection[str],
    path: str,
    *,
    at: datetime,
    by: By = SYSTEM,
    proof: Mapping[str, Any] | None = None,
    notify: bool = True,
) -> list[int]:
    """From now on ``entity`` sends these people nothing by ``media`` (``*``: nothing at all). Those for whom that is news.

    Comes twice without harm. A refusal told late does not undo a later word to go on. ``notify``: the notice of result
    is owed by this entity (of many that one word stops, one is enough).
    """
    params = Said(how=path, at=at, by=by, proof=proof).params() | {"path": path, "media": sorted(media)}
    news = _people(connection, "refuse", root, people, entity, params)
    if news and notify:
        owe_result(connection, root, entity, news, REFUSED, at=at)
    return news


def refuse_each(
    connection: psycopg.Connection[Any],
    medium: str,
    path: str,
    *,
    roots: NDArray[np.int64],
    people: NDArray[np.int64],
    entities: NDArray[np.int64],
    at: NDArray[np.int64],
    by: By = SYSTEM,
) -> None:
    """As ``refuse`` by one medium, for columns of one length; ``at`` in microseconds. The connection knows ``core.arrays``."""
    if not len(people):
        return
    params = Said(how=path, at=clock.now(), by=by).params() | {
        "medium": medium, "path": path, "roots": arrays.int4s(roots), "people": arrays.int4s(people),
        "entities": arrays.int8s(entities), "ats": arrays.instants(at),
    }  # fmt: skip
    news: dict[tuple[int, int, date], list[tuple[datetime, int]]] = {}
    for root, entity, person, when in connection.execute(_sql("refuse_each"), params, prepare=False):
        news.setdefault((root, entity, clock.seoul(when).date()), []).append((when, person))
    for (root, entity, _), told in sorted(news.items()):
        owe_result(connection, root, entity, {person for _, person in told}, REFUSED, at=min(when for when, _ in told))


def clear_refusal(
    connection: psycopg.Connection[Any],
    root: int,
    people: Collection[int],
    entity: int,
    media: Collection[str],
    path: str,
    *,
    at: datetime,
    by: By = SYSTEM,
) -> list[int]:
    """The refusals of exactly these media are taken back. Consents are what they were. Those for whom that is news."""
    params = Said(how=path, at=at, by=by).params() | {"path": path, "media": sorted(media)}
    return _people(connection, "clear", root, people, entity, params)


def withdraw(
    connection: psycopg.Connection[Any],
    root: int,
    people: Collection[int],
    entity: int,
    purpose: str,
    media: Collection[str],
    said: Said,
) -> list[int]:
    """The consents are withdrawn from now on. Those for whom that is news."""
    params = said.params() | {"purpose": purpose, "media": sorted(media)}
    news = _people(connection, "withdraw", root, people, entity, params)
    if news and purpose in ("advertising", "night"):
        owe_result(connection, root, entity, news, WITHDRAWN, at=said.at)
    return news


def owe_result(
    connection: psycopg.Connection[Any], root: int, entity: int, people: Collection[int], what: str, *, at: datetime
) -> None:
    """The entity owes these people the notice of result, due within 14 days (ADV-13). One open duty a day and kind."""
    day = clock.seoul(at).date()
    connection.execute(
        sql.load("majung.activity", "duties", "owe"),
        {
            "root": root,
            "unit": answering_unit(connection, root, entity),
            "kind": f"consent.result.{what}",
            "title": _TITLES[what],
            "now": at,
            "due_at": end_of(day + timedelta(days=RESULT_DAYS)),
            "people": sorted(people),
            "object_kind": f"entity/{day.isoformat()}",
            "object": entity,
        },
    )


def end_of(day: date) -> datetime:
    """The last second of a Seoul day."""
    return datetime.combine(day, time(23, 59, 59), clock.SEOUL)


def entities(connection: psycopg.Connection[Any], root: int) -> list[int]:
    """Every legal entity of a root, also one that has no unit at the moment."""
    return [number for (number,) in connection.execute(_sql("entities"), {"root": root})]


def answering_unit(connection: psycopg.Connection[Any], root: int, entity: int) -> int:
    """The unit that owes what the entity owes: its highest, or the top while it has none. A refusal never waits for one."""
    [(unit,)] = connection.execute(_sql("answering"), {"root": root, "entity": entity}).fetchall()
    return int(unit)


def _people(
    connection: psycopg.Connection[Any],
    statement: str,
    root: int,
    people: Collection[int],
    entity: int,
    params: dict[str, Any],
) -> list[int]:
    if not people:
        return []
    whole = params | {"root": root, "people": list(people), "entity": entity}
    # Planned anew each time: the ledger grows under a running campaign, and a plan kept from its beginning goes stale.
    return sorted({row[0] for row in connection.execute(_sql(statement), whole, prepare=False)})


def _sql(name: str) -> str:
    return sql.load("majung.consent", "ledger", name)
