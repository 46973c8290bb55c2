"""NHN's result codes as outcomes (kakao.md §3.6, §4.2.5, §4.2.6).

Three tables share numbers, so each has its own range: Kakao's as they are, the text service's a million higher (its
``E900`` and so on two million), and our own words for a state above three million.
"""

from majung.channels.adapters import kakao_results
from majung.channels.adapters.nhn.assumed import NOT_A_FRIEND_CODES
from majung.channels.adapters.outcomes import Outcome

TEXT, TEXT_E = 1_000_000, 2_000_000
WAITING, CANCELLED, NOT_ADDED, FAILED = 3_000_000, 3_000_001, 3_000_002, 3_000_003

_TABLE: dict[Outcome, tuple[int, ...]] = {
    Outcome.ACCEPTED: (0, WAITING, TEXT),
    Outcome.DELIVERED: (TEXT + 1000,),
    Outcome.NOT_A_FRIEND: (NOT_ADDED,),
    Outcome.OUT_OF_HOURS: (TEXT_E + 919,),
    Outcome.OPTED_OUT: (-3301, TEXT - 6001),
    Outcome.KISA_BLOCK: (TEXT + 3019,),
    Outcome.HANDSET_REFUSED: (TEXT + 3006, TEXT + 3013),
    Outcome.BAD_NUMBER: (-5000, TEXT - 2019, TEXT + 1002, TEXT + 1003, TEXT + 3001, TEXT + 3003, TEXT + 3004),
    Outcome.HANDSET: (*range(TEXT + 2001, TEXT + 2008), TEXT + 3000, TEXT + 3010),
    Outcome.NETWORK: (TEXT + 1001, TEXT + 1019, TEXT + 2000, TEXT + 3015),
    Outcome.SPAM: (TEXT + 3012,),
    Outcome.BAD_SENDER: (TEXT - 2312, TEXT - 2313, TEXT + 3017, TEXT + 3018),
    Outcome.BAD_PROFILE: (-1024, -1027, -2017),
    Outcome.BAD_TEMPLATE: (-3003, -3004, -3005, -3010, -3011),
    Outcome.BAD_CONTENT: (
        4, -8006, -8008, *range(-2005, -1999), -3298, *range(-3349, -3302), TEXT - 6003, TEXT - 6004,
    ),
    Outcome.TOO_LONG: (-2019, TEXT + 3016),
    Outcome.BAD_CHARACTERS: (TEXT - 2023,),
    Outcome.DUPLICATE: (TEXT_E + 915,),
    Outcome.ACCOUNT_BLOCKED: (-4029, TEXT - 2052),
    Outcome.FAILED: (CANCELLED, FAILED),
}  # fmt: skip
OUTCOMES: dict[int, int] = kakao_results.OUTCOMES | {
    code: int(outcome) for outcome, codes in _TABLE.items() for code in codes
}


def outcome(code: int) -> int:
    """The outcome byte: a code that is not in the table is a failure, which is how NHN marks the row it stands in."""
    return OUTCOMES.get(code, int(Outcome.FAILED))


def kakao(status: str, code: str, is_added: object) -> int:
    """The code of a row of AlimTalk or brand message. 3005 stays open: it may still arrive."""
    if status == "COMPLETED":
        return 1000
    if status == "CANCEL":
        return CANCELLED
    if status != "FAILED":
        return WAITING
    number = int(code) if code.isascii() and code.isdecimal() and len(code) < 6 else FAILED
    if is_added is False and (number in NOT_A_FRIEND_CODES or number not in OUTCOMES):
        return NOT_ADDED
    return FAILED if number == 0 else number


def text(status: str, code: str) -> int:
    """The code of a row of a text message."""
    if status == "3":
        return TEXT + 1000
    if status in ("1", "2", "7", ""):
        return WAITING
    if status == "4":
        return CANCELLED
    if status == "5":
        return TEXT_E + 915
    digits = code.removeprefix("E")
    if not (digits.isascii() and digits.isdecimal() and 0 < len(digits) < 6) or code == "1000":
        return FAILED
    return (TEXT_E if digits != code else TEXT) + int(digits)
