"""Work that is stuck: what has not moved for longer than its state allows, why, what to do, and a re-trigger that sends nothing.

Plain. A re-trigger (``nudge``) only makes due what is out, so that the dealer is asked, and ends a rest, so that what is certainly
not sent may be claimed: by the same claims, leases and fences as ever (docs/developers/delivery.md, *Stuck work*).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg

from majung.channels import inbox
from majung.core import clock, sql

Connection = psycopg.Connection[Any]

PATIENCE_SECONDS = 120.0
"""So long after it could have gone on may nothing happen."""
START_SECONDS = 15.0
"""Workers that are being started take a moment to say that they live."""
DOUBT_SECONDS = 600.0
SILENCE_SECONDS = 1800.0
"""A group of which not one result is known so long after it left; single people may well take three days."""
REST_SECONDS = 600.0
"""A rest that lasts longer than this is said, and may be ended."""
TRIES = 5
"""Attempts after which a chunk that has never left is failing; a dealer that is busy is said to be."""
SILENT_WORKER_SECONDS = 60.0
INBOX_SECONDS = 60.0


class Kind(StrEnum):
    """What is stuck."""

    NO_SENDER = "no_sender"
    MUTED = "muted"
    NOT_LEAVING = "not_leaving"
    FAILING = "failing"
    RESTING = "resting"
    DROPPED = "dropped"
    UNLOOKED = "unlooked"
    DOUBTED = "doubted"
    SILENT = "silent"
    NOT_CLOSED = "not_closed"
    INBOX = "inbox"
    ASIDE = "aside"
    WAKES = "wakes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What has happened, and what to do."""

    name: str
    means: str
    todo: str


WORDS: Mapping[Kind, Words] = {
    Kind.NO_SENDER: Words(
        name="발송 일꾼이 없음",
        means="보내거나 물어볼 것이 있는데 살아 있는 발송 일꾼이 하나도 없습니다. 잃은 것은 없고, 일꾼을 켜면 이어집니다.",
        todo="관리자가 majung up이나 majung worker를 켜 주세요.",
    ),
    Kind.MUTED: Words(
        name="이 설치는 보내지 않음",
        means="되살렸거나 옮긴 설치라서, 옛 설치가 꺼졌다고 확인해 줄 때까지 일꾼이 아무것도 보내지 않습니다.",
        todo="관리자가 옛 설치가 꺼진 것을 확인하고 majung wake를 돌려 주세요.",
    ),
    Kind.NOT_LEAVING: Words(
        name="나가지 않음",
        means="보낼 차례가 된 것이 있고 일꾼도 살아 있는데 2분 넘게 아무도 집지 않았습니다.",
        todo="‘다시 해 보기’를 누르고, 그래도 그대로면 관리자가 기록(logs/sender-*.log)을 봐 주세요.",
    ),
    Kind.FAILING: Words(
        name="집을 때마다 실패",
        means="일꾼이 여러 번 집었지만 넘기지 못하고 돌려놓은 묶음이 있습니다. 그 사람들에게는 나가지 않았습니다.",
        todo="관리자가 기록(logs/sender-*.log)에서 까닭을 보고 고쳐 주세요. 고치면 저절로 이어집니다.",
    ),
    Kind.RESTING: Words(
        name="오래 쉼",
        means="대행사가 오래 기다리라고 했거나 닿지 않아 쉬고 있습니다.",
        todo="대행사 쪽 문제가 풀렸으면 ‘다시 해 보기’를 누르세요. 기다려도 저절로 이어집니다.",
    ),
    Kind.DROPPED: Words(
        name="집은 일꾼이 사라짐",
        means="묶음을 집은 일꾼의 시한이 지났는데 아무도 이어받지 않았습니다. 나갔는지 먼저 대행사에 물은 뒤에 이어갑니다.",
        todo="‘다시 해 보기’를 누르고, 그래도 그대로면 관리자가 일꾼이 살아 있는지 majung doctor로 봐 주세요.",
    ),
    Kind.UNLOOKED: Words(
        name="결과를 물을 때가 지남",
        means="넘긴 묶음의 결과를 물을 때가 지났는데 아무도 묻지 않았습니다.",
        todo="‘다시 해 보기’를 누르고, 그래도 그대로면 관리자가 일꾼이 살아 있는지 majung doctor로 봐 주세요.",
    ),
    Kind.DOUBTED: Words(
        name="나갔는지 알 수 없음",
        means="나갔는지 10분 넘게 거듭 물었지만 대행사가 답하지 못했습니다. 두 번 가지 않도록 다시 보내지 않습니다.",
        todo="대행사 계정의 연결을 확인하고 ‘다시 해 보기’를 누르세요. 다시 보내지 않고 한 번 더 묻기만 합니다.",
    ),
    Kind.SILENT: Words(
        name="결과가 하나도 오지 않음",
        means="넘긴 지 30분이 지났는데, 보고도 오지 않고 물어도 결과가 하나도 없는 묶음이 있습니다. 72시간까지 기다립니다.",
        todo="대행사 누리집에서 발송이 밀렸는지 보고, ‘다시 해 보기’로 지금 한 번 더 물을 수 있습니다.",
    ),
    Kind.NOT_CLOSED: Words(
        name="끝났는데 닫히지 않음",
        means="더 보낼 것도 물을 것도 없는데 장부를 닫지 못했습니다. 합이 맞지 않으면 닫지 않습니다.",
        todo="관리자가 majung books로 어느 줄이 맞지 않는지 보고 알려 주세요.",
    ),
    Kind.INBOX: Words(
        name="받은 보고가 밀림",
        means="대행사의 결과 보고와 카카오의 친구 알림을 받아 두었지만, 1분 넘게 장부에 옮기지 못했습니다. 잃은 것은 없습니다.",
        todo="관리자가 일꾼(majung worker)이 켜져 있는지 보고, 기록(logs/folder.log)을 봐 주세요.",
    ),
    Kind.ASIDE: Words(
        name="옮기지 못해 따로 둔 보고",
        means="읽을 수 없거나 옮기다 실패한 보고를 따로 두었습니다. 다른 보고는 막지 않습니다.",
        todo="관리자가 기록에서 까닭을 보고 고친 뒤 majung nudge --inbox 로 다시 옮겨 주세요.",
    ),
    Kind.WAKES: Words(
        name="보고를 보고도 묻지 않음",
        means="결과가 나왔다는 보고가 왔는데 1분 넘게 아무 일꾼도 결과를 묻지 않았습니다.",
        todo="관리자가 발송 일꾼이 살아 있는지 majung doctor로 봐 주세요.",
    ),
}  # fmt: skip

NUDGEABLE = frozenset({Kind.NOT_LEAVING, Kind.RESTING, Kind.DROPPED, Kind.UNLOOKED, Kind.DOUBTED, Kind.SILENT})
"""Where a re-trigger can help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """One thing that is stuck: of a campaign, or of the whole installation (None). ``number``: chunks, or items that wait."""

    kind: Kind
    campaign_id: int | None
    number: int
    seconds: float
    detail: str = ""

    @property
    def words(self) -> Words:
        """What has happened, and what to do."""
        return WORDS[self.kind]

    @property
    def can_be_nudged(self) -> bool:
        """Whether a re-trigger can help."""
        return self.kind in NUDGEABLE


def look(connection: Connection, campaign: int | None = None) -> list[Stuck]:
    """Everything that is stuck in the dispatches that are not finished, of one campaign or of all."""
    facts = {
        "now": clock.now(), "campaign": campaign, "patience": PATIENCE_SECONDS, "doubt": DOUBT_SECONDS,
        "silence": SILENCE_SECONDS, "tries": TRIES,
    }  # fmt: skip
    cursor = psycopg.Cursor(connection, row_factory=psycopg.rows.dict_row)
    rows = cursor.execute(_sql("look"), facts).fetchall()
    if not rows:
        return []
    [(awake, muted)] = _rows(connection, "senders", silent=SILENT_WORKER_SECONDS)
    return [stuck for row in rows for stuck in _of(row, awake=awake, muted=muted)]


def _of(row: Mapping[str, Any], *, awake: int, muted: int) -> list[Stuck]:
    """What is stuck in one dispatch. Where nobody could do anything, that alone is said."""
    still, campaign = float(row["still"]), int(row["campaign_id"])

    def stuck(kind: Kind, number: int = 0, detail: str = "") -> Stuck:
        return Stuck(kind=kind, campaign_id=campaign, number=number, seconds=max(still, 0.0), detail=detail)

    is_sending = row["state"] == "sending"
    could_go_on = (row["ready"] if is_sending and still > START_SECONDS else 0) + row["dropped"] + row["unlooked"]
    if could_go_on and not awake:
        return [stuck(Kind.MUTED if muted else Kind.NO_SENDER, could_go_on)]
    found = []
    is_resting = row["rest"] > 0
    if is_sending and is_resting and row["rest"] > REST_SECONDS:
        found.append(stuck(Kind.RESTING, row["ready"], row["problem"]))
    if still > PATIENCE_SECONDS and not is_resting:
        if is_sending and row["failing"]:
            found.append(stuck(Kind.FAILING, row["failing"], row["problem"]))
        elif is_sending and row["ready"] and not row["is_paced"] and not row["held"]:
            found.append(stuck(Kind.NOT_LEAVING, row["ready"], row["problem"]))
        elif not row["ready"] and not row["held"]:
            found.append(stuck(Kind.NOT_CLOSED, row["told"], row["problem"]))
    counted = (Kind.DROPPED, Kind.UNLOOKED, Kind.DOUBTED, Kind.SILENT)
    return found + [stuck(kind, row[str(kind)]) for kind in counted if row[str(kind)]]


def shared(connection: Connection) -> list[Stuck]:
    """What is stuck of the installation: the inbox, what was set aside in it, and reports that nobody has looked at."""
    waiting, aside, oldest = inbox.waiting(connection)
    [(wakes, since)] = _rows(connection, "wakes", now=clock.now())
    found = []
    if waiting and oldest > INBOX_SECONDS:
        found.append(Stuck(kind=Kind.INBOX, campaign_id=None, number=waiting, seconds=oldest))
    if aside:
        found.append(Stuck(kind=Kind.ASIDE, campaign_id=None, number=aside, seconds=0.0))
    if wakes and since > INBOX_SECONDS:
        found.append(Stuck(kind=Kind.WAKES, campaign_id=None, number=wakes, seconds=since))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudged:
    """What a re-trigger made due: chunks to be asked for, and whether a rest was ended."""

    asked: int
    woke: bool


def nudge(connection: Connection, campaign: int) -> Nudged:
    """What is out of the campaign is asked for now, and a rest is over. Nothing is sent by it; called again it does no more."""
    with connection.transaction():
        asked = psycopg.Cursor(connection).execute(_sql("ask"), {"campaign": campaign}).rowcount
        woke = psycopg.Cursor(connection).execute(_sql("wake_up"), {"campaign": campaign}).rowcount
    return Nudged(asked=asked, woke=bool(woke))


def _rows(connection: Connection, name: str, **facts: Any) -> list[tuple[Any, ...]]:
    return psycopg.Cursor(connection).execute(_sql(name), facts).fetchall()


def _sql(name: str) -> bytes:
    return sql.load("majung.delivery", "stuck", name).encode()
