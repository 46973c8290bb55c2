"""Solapi's status codes as outcomes (kakao.md §4.1, table "Status codes")."""

from majung.channels.adapters.outcomes import Outcome

_TABLE: dict[Outcome, tuple[int, ...]] = {
    Outcome.ACCEPTED: (2000, 3000),
    Outcome.DELIVERED: (4000,),
    Outcome.NO_BALANCE: (1030, 2230),
    Outcome.NOT_A_FRIEND: (3102,),
    Outcome.NO_TALK: (3104,),
    Outcome.TALK_BLOCKED: (3107,),
    Outcome.OUT_OF_HOURS: (3108,),
    Outcome.OPTED_OUT: (1061, 2061),
    Outcome.NUMBER_BLOCKED: (1060, 2060),
    Outcome.KISA_BLOCK: (1064, 2064),
    Outcome.HANDSET_REFUSED: (3047,),
    Outcome.BAD_NUMBER: (3010, 3031, 3032),
    Outcome.HANDSET: (*range(3041, 3047), *range(3050, 3054)),
    Outcome.NETWORK: (1024, 1058, 3040, 3056, 3057, 3058),
    Outcome.SPAM: (2254, 3054, 3055),
    Outcome.AGE_CHECK: (3060,),
    Outcome.BAD_SENDER: (1062, 2062, 3013, 3059),
    Outcome.BAD_PROFILE: (3101, 3106),
    Outcome.BAD_TEMPLATE: (3103, 3105),
    Outcome.BAD_CONTENT: (1010, 1011, 1013, 1014, 1025, 1032, 1033, *range(1041, 1054)),
    Outcome.TOO_LONG: (1031,),
    Outcome.BAD_CHARACTERS: (1028, 1029),
    Outcome.BAD_IMAGE: (1023, 1034),
    Outcome.DUPLICATE: (1026,),
    Outcome.ACCOUNT_BLOCKED: (1020, 1021, 1022, 2063),
}
OUTCOMES: dict[int, int] = {code: int(outcome) for outcome, codes in _TABLE.items() for code in codes}


def outcome(code: int) -> int:
    """The outcome byte of a status code: unknown 1xxx, 2xxx and 3xxx are failures, anything else is in doubt."""
    found = OUTCOMES.get(code)
    if found is not None:
        return found
    return int(Outcome.FAILED if 1000 <= code < 4000 else Outcome.IN_DOUBT)
