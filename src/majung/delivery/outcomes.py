"""What became of each person: the one-byte outcomes of the chunk ledger, and the states of chunks and dispatches.

The byte stands in ``campaign_chunk.outcome``, aligned with ``campaign_chunk.people``. Seven outcomes are printable letters,
so that SQL counts them without unpacking; every byte below 97 is a refusal and is the adapter's own outcome number
(``channels.adapters.outcomes.Outcome``), so that the reason needs no row of its own. A byte from 128 on is the refusal
128 below it, of somebody who gets a text instead: who stands once more in a chunk of texts, and is counted there.
"""

from enum import IntEnum, StrEnum

from majung.channels.adapters.outcomes import WORDS, Category, Outcome, category

NOT_YET = ord("n")
ACCEPTED = ord("a")
DELIVERED = ord("d")
MOVED_ON = ord("m")
WAITED = ord("w")
LEFT_OUT = ord("l")
IN_DOUBT = ord("q")
FELL_BACK = 128
"""Added to a refusal when a text is planned in its stead."""
NOT_A_FRIEND = int(Outcome.NOT_A_FRIEND)
OUT_OF_HOURS = int(Outcome.OUT_OF_HOURS)

_BY_CATEGORY = {
    Category.NOT_YET: NOT_YET,
    Category.ACCEPTED: ACCEPTED,
    Category.DELIVERED: DELIVERED,
    Category.IN_DOUBT: IN_DOUBT,
}
LEDGER = bytes(_BY_CATEGORY.get(category(byte), byte) for byte in range(256))
"""``told.translate(LEDGER)`` turns an adapter's outcome bytes into the ledger's."""

SENTENCES = {
    NOT_YET: "아직 보내지 않음",
    ACCEPTED: "대행사가 받음",
    DELIVERED: "도착",
    MOVED_ON: "친구가 아니어서 다음 채널로",
    WAITED: "대행사가 그때 받지 않아 나중에 다시",
    LEFT_OUT: "보내기 직전에 제외",
    IN_DOUBT: "확인하는 중",
}


def is_refused(byte: int) -> bool:
    """Whether the byte is a refusal."""
    return byte < 97


def fell_back(byte: int) -> bool:
    """Whether a text was planned instead; the refusal was ``byte - FELL_BACK``."""
    return byte > FELL_BACK


def code(byte: int) -> str:
    """The reason code of an outcome byte: ``DELIVERED``, ``NO_TALK`` and so on; ``NO_TALK_FELL_BACK`` where a text followed."""
    if fell_back(byte):
        return f"{Outcome(byte - FELL_BACK).name}_FELL_BACK"
    names = {NOT_YET: "NOT_YET", ACCEPTED: "ACCEPTED", DELIVERED: "DELIVERED", MOVED_ON: "MOVED_ON", WAITED: "WAITED"}
    names |= {LEFT_OUT: "LEFT_OUT", IN_DOUBT: "IN_DOUBT"}
    return names.get(byte) or Outcome(byte).name


def sentence(byte: int) -> str:
    """The outcome in Korean."""
    if fell_back(byte):
        return f"{WORDS[Outcome(byte - FELL_BACK)]} · 대체 문자로"
    return SENTENCES.get(byte) or WORDS[Outcome(byte)]


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
    SUSPENDED = "suspended"
    ACCOUNT = "account"
    RULE = "rule"
    OUTSIDE = "outside"


class Reason(StrEnum):
    """Reasons of leaving out that belong to delivery; all others are codes of policy's rules."""

    NO_CHANNEL = "NO_CHANNEL"
    SAME_CONTACT = "SAME_CONTACT"
    STOPPED = "STOPPED"


REASONS = {
    Reason.NO_CHANNEL: "이 사람에게 닿는 채널이 범위 안에 없습니다.",
    Reason.SAME_CONTACT: "같은 번호를 쓰는 다른 사람에게 보냅니다.",
    Reason.STOPPED: "보내는 도중에 그만두었습니다.",
}

REPEAT = "REPEAT"
"""Code of an exception row: this person was sent once more under the same id, because the provider had no record."""
