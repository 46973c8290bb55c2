"""What Aligo says of a message as outcomes: Kakao's result codes as they are, our own words for a state above three million."""

from majung.channels.adapters import kakao_results
from majung.channels.adapters.aligo import assumed
from majung.channels.adapters.outcomes import Outcome

WAITING, DONE, FAILED, UNKNOWN = 3_000_000, 3_000_001, 3_000_002, 3_000_003

OUTCOMES: dict[int, int] = kakao_results.OUTCOMES | {
    WAITING: int(Outcome.ACCEPTED), DONE: int(Outcome.DELIVERED), FAILED: int(Outcome.FAILED), UNKNOWN: int(Outcome.IN_DOUBT),
}  # fmt: skip


def outcome(code: int) -> int:
    """The outcome byte: a code that is not in the table is a failure, which is how Aligo marks the row it stands in."""
    return OUTCOMES.get(code, int(Outcome.FAILED))


def kakao(result: str, *, has_date: bool) -> int:
    """The code of a row of AlimTalk. 3005 stays open: it may still arrive."""
    if not has_date or not result:
        return WAITING
    if result in assumed.KAKAO_DONE:
        return DONE
    return int(result) if result.isascii() and result.isdecimal() and len(result) == 4 else FAILED


def text(state: str) -> int:
    """The code of a row of a text message, whose state is told in words."""
    words = state.replace(" ", "")
    for known, code in ((assumed.TEXT_FAILED, FAILED), (assumed.TEXT_OPEN, WAITING), (assumed.TEXT_DONE, DONE)):
        if any(word in words for word in known):
            return code
    return UNKNOWN if words else WAITING
