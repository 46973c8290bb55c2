"""The books of one campaign: each term with the SQL behind it, and whether they balance (M9). Plain."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg.sql import SQL

from majung.core import sql

TERMS = ("left_out", "accepted", "refused", "in_doubt", "not_yet")
OVER_CHUNKS = (
    "accepted", "delivered", "refused", "in_doubt", "not_yet", "dropped", "moved_on", "later_waves", "fell_back",
    "texts_instead",
)  # fmt: skip
APART = ("audience", "dropped_sets", "repeats", "cost_centiwon")
NAMES = {
    "audience": "대상",
    "left_out": "제외",
    "accepted": "접수",
    "refused": "거절",
    "in_doubt": "확인 중",
    "not_yet": "남음",
}


@dataclass(frozen=True, kw_only=True)
class Books:
    """The terms of one campaign. ``delivered`` is part of ``accepted``; ``left_out`` maps reasons to people.

    Whoever moved on to another channel, or fell back to a text, is counted in that chunk only.
    """

    campaign_id: int
    audience: int
    left_out: dict[str, int]
    accepted: int
    delivered: int
    refused: int
    in_doubt: int
    not_yet: int
    dropped: int
    dropped_sets: int
    moved_on: int
    later_waves: int
    fell_back: int
    texts_instead: int
    repeats: int
    cost_centiwon: int

    @cached_property
    def counts(self) -> dict[str, int]:
        """The five terms that make up the audience."""
        found = {name: int(getattr(self, name)) for name in TERMS if name != "left_out"}
        return {"left_out": sum(self.left_out.values()), **found}

    @property
    def is_balanced(self) -> bool:
        """Everyone exactly once, and what stands twice (drops, moves, texts instead) the same in both places."""
        return (
            self.audience == sum(self.counts.values())
            and self.dropped == self.dropped_sets
            and self.moved_on == self.later_waves
            and self.fell_back == self.texts_instead
        )

    balances = is_balanced


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Money of one kind of message in one campaign: messages and centiwon charged, and given back as undelivered."""

    message_kind: str
    charged: int
    charged_centiwon: int
    returned: int
    returned_centiwon: int

    @property
    def messages(self) -> int:
        """Messages that are paid for."""
        return self.charged - self.returned

    @property
    def centiwon(self) -> int:
        """What they cost."""
        return self.charged_centiwon - self.returned_centiwon


def costs(connection: psycopg.Connection[Any], campaign_id: int) -> list[Cost]:
    """The money of a campaign by kind of message; together it is ``cost_centiwon``."""
    names = ("message_kind", "charged", "charged_centiwon", "returned", "returned_centiwon")
    rows = psycopg.Cursor(connection).execute(statement("by_kind").encode(), {"campaign": campaign_id}).fetchall()
    return [Cost(**dict(zip(names, row, strict=True))) for row in rows]


def in_words(found: Books) -> str:
    """The books for a person at a terminal: each term with its number and the SQL behind it, and the verdict."""
    parts = [f"{NAMES['audience']} {found.audience:,}", *_indented("audience")]
    for name, n in found.counts.items():
        parts += ["", f"{NAMES[name]} {n:,}"]
        if name == "left_out":
            parts += [f"    {reason} {people:,}" for reason, people in found.left_out.items()]
        if name == "accepted":
            parts.append(f"    그 가운데 도착 {found.delivered:,}")
        if name == "refused" and found.fell_back:
            parts.append(f"    카카오톡으로 닿지 않아 대체 문자로 보낸 {found.fell_back:,}명은 문자의 결과로 셉니다")
        parts += _indented(name)
    terms = " + ".join(f"{n:,}" for n in found.counts.values())
    verdict = "맞습니다" if found.is_balanced else "맞지 않습니다"
    return "\n".join([*parts, "", f"{found.audience:,} = {terms}: 합이 {verdict}."])


def _indented(name: str) -> list[str]:
    return [f"    {line}" for line in statement(name).splitlines() if line.strip()]


def books(connection: psycopg.Connection[Any], campaign_id: int) -> Books:
    """The books as they stand now, in one snapshot. Raises LookupError for a campaign without a dispatch."""
    apart = [SQL("({})").format(SQL(statement(name).rstrip(";"))) for name in APART]
    whole = SQL("SELECT (SELECT jsonb_object_agg(reason, n) FROM ({}) AS r(reason, n))::text, {}, sums.* FROM ({}) AS sums").format(
        SQL(statement("left_out").rstrip(";")), SQL(", ").join(apart), SQL(_over_chunks(OVER_CHUNKS).rstrip(";")),
    )  # fmt: skip
    [(left_out, audience, *numbers)] = psycopg.Cursor(connection).execute(whole, {"campaign": campaign_id}).fetchall()
    if audience is None:
        raise LookupError(f"campaign {campaign_id} has no dispatch")
    found = dict(zip((*APART[1:], *OVER_CHUNKS), map(int, numbers), strict=True))
    by_number = dict(sorted(json.loads(left_out or "{}").items(), key=lambda item: (-item[1], item[0])))
    return Books(campaign_id=campaign_id, audience=audience, left_out=by_number, **found)


def statement(name: str) -> str:
    """The SQL of one term, as it can be run by hand."""
    return _over_chunks([name]) if name in OVER_CHUNKS else sql.load("majung.delivery", "books", name)


def _over_chunks(names: Sequence[str]) -> str:
    """One pass over the chunks that tells all of these terms."""
    return sql.load("majung.delivery", "books", "over_chunks").format(sums=sums(names))


def sums(names: Sequence[str]) -> str:
    """These terms as columns of a SELECT over chunks, of one campaign or of several."""
    terms = ((name, _uncommented(sql.load("majung.delivery", "books", name))) for name in names)
    return ", ".join(f"coalesce(sum({term}), 0)::bigint AS {name}" for name, term in terms)


def _uncommented(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))
