"""What became of each person: the one-byte outcomes of the chunk ledger, and the states of chunks and dispatches.

Outcome bytes are printable letters, so that SQL can count them without unpacking and a reader of the raw table
understands them. They stand in ``campaign_chunk.outcome``, aligned with ``campaign_chunk.people``.
"""

from enum import IntEnum, StrEnum

NOT_YET = ord("n")
ACCEPTED = ord("a")
DELIVERED = ord("d")
REFUSED = ord("r")
MOVED_ON = ord("m")
LEFT_OUT = ord("l")
IN_DOUBT = ord("q")

FINAL = frozenset({DELIVERED, REFUSED, MOVED_ON, LEFT_OUT})
"""Outcomes that no later answer changes. ``ACCEPTED`` becomes final only when reports have stopped coming."""

SENTENCES = {
    NOT_YET: "아직 보내지 않음",
    ACCEPTED: "대행사가 받음",
    DELIVERED: "도착",
    REFUSED: "받지 못함",
    MOVED_ON: "친구가 아니어서 다음 채널로",
    LEFT_OUT: "보내기 직전에 제외",
    IN_DOUBT: "확인하는 중",
}


class ChunkState(IntEnum):
    """Where a chunk stands. READY → CLAIMED (leased; its group is being filled) → HANDED (sent) → SETTLED."""

    READY = 0
    CLAIMED = 1
    HANDED = 2
    SETTLED = 3


class DispatchState(StrEnum):
    """Where a dispatch stands. Only ``sending`` is claimed from."""

    FROZEN = "frozen"
    SENDING = "sending"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class PauseReason(StrEnum):
    """Why a dispatch stands still."""

    ASKED = "asked"
    NO_BALANCE = "no_balance"
    GRANT_ENDED = "grant_ended"
    ACCOUNT = "account"
    RULE = "rule"
    OUTSIDE = "outside"


class Reason(StrEnum):
    """Reasons of leaving out that belong to delivery; all others are codes of policy's rules."""

    NO_CONTACT = "NO_CONTACT"
    NO_CHANNEL = "NO_CHANNEL"
    SAME_CONTACT = "SAME_CONTACT"
    STOPPED = "STOPPED"


REASONS = {
    Reason.NO_CONTACT: "휴대전화 번호가 없습니다.",
    Reason.NO_CHANNEL: "이 사람에게 닿는 채널이 범위 안에 없습니다.",
    Reason.SAME_CONTACT: "같은 번호를 쓰는 다른 사람에게 보냅니다.",
    Reason.STOPPED: "보내는 도중에 그만두었습니다.",
}

NOT_FRIEND = "NOT_FRIEND"
REPEAT = "REPEAT"
"""Code of an exception row: this person was sent once more under the same id, because the provider had no record."""


def letter(outcome: int) -> str:
    """The outcome as SQL compares it."""
    return chr(outcome)
