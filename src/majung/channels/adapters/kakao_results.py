"""Kakao's own result codes of AlimTalk and brand message, which dealers pass on as they are (kakao.md §3.6)."""

from majung.channels.adapters.outcomes import Outcome

TABLE: dict[Outcome, tuple[int, ...]] = {
    Outcome.ACCEPTED: (3005,),  # sent, unconfirmed: it may still arrive
    Outcome.DELIVERED: (1000,),
    Outcome.NO_TALK: (3019,),
    Outcome.TALK_BLOCKED: (3018, 3020),
    Outcome.OUT_OF_HOURS: (3022,),
    Outcome.BAD_NUMBER: (1020, 3008),
    Outcome.HANDSET: (3021,),
    Outcome.NETWORK: (2001, 3000, 3006, 3010, 3012, 9998, 9999),
    Outcome.BAD_PROFILE: (1002, 1003, 1006, 1007, 1011, *range(1021, 1026), 1027),
    Outcome.BAD_TEMPLATE: (3015, 3016, 4132, 4133, 4134),
    Outcome.BAD_CONTENT: (
        1001, 1004, 1012, 1013, 1015, 1028, 1030, 1033, 3011, 3013, 3014, 3023, *range(3025, 3059),
    ),
    Outcome.TOO_LONG: (4144,),
    Outcome.BAD_IMAGE: (2005, 3024),
    Outcome.DUPLICATE: (4131,),
    Outcome.ACCOUNT_BLOCKED: (4138,),
}  # fmt: skip
OUTCOMES: dict[int, int] = {code: int(outcome) for outcome, codes in TABLE.items() for code in codes}
