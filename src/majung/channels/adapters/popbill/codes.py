"""What Popbill says of a message as outcomes: its results as they are (three digits), our own words for a state above a million."""

from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.popbill import assumed

WAITING, CANCELLED, UNKNOWN, FAILED = 1_000_000, 1_000_001, 1_000_002, 1_000_003

OUTCOMES: dict[int, int] = {
    int(assumed.DELIVERED_RESULT): int(Outcome.DELIVERED),
    WAITING: int(Outcome.ACCEPTED), CANCELLED: int(Outcome.FAILED), UNKNOWN: int(Outcome.IN_DOUBT), FAILED: int(Outcome.FAILED),
    **{code: int(outcome) for code, outcome in assumed.RESULTS.items()},
}  # fmt: skip


def outcome(code: int) -> int:
    """The outcome byte: a result that is not in the table is a failure, which is how Popbill marks the row it stands in."""
    return OUTCOMES.get(code, int(Outcome.FAILED))


def of_row(state: str, result: str) -> int:
    """The code of a message in a list. Without a result it is open, whatever the state."""
    if state in assumed.OPEN_STATES or not state:
        return WAITING
    if state == assumed.CANCELLED_STATE:
        return CANCELLED
    if state != assumed.DONE_STATE:
        return UNKNOWN
    if not result:
        return WAITING
    return int(result) if result.isascii() and result.isdecimal() and len(result) < 6 else FAILED
