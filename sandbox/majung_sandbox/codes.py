"""Message kinds and status codes of the gateway, with the sentence printed beside each code (kakao.md §4.1)."""

from typing import Final

ACCEPTED: Final = 2000
WAITING: Final = 3000
DELIVERED: Final = 4000

MISSING: Final = 1010
FORMAT: Final = 1011
SUBJECT: Final = 1013
SERVER: Final = 1024
TYPE: Final = 1025
DUPLICATE: Final = 1026
UNPRINTABLE: Final = 1028
NOT_EUC_KR: Final = 1029
TOO_LONG: Final = 1031
CUSTOM_FIELDS: Final = 1032
OPTIONS: Final = 1033
IMAGE: Final = 1034
BUTTONS: Final = 1053
BLOCKED_NUMBER: Final = 1060
OPTED_OUT: Final = 1061
SENDER: Final = 1062

BAD_PROFILE: Final = 3101
NOT_A_FRIEND: Final = 3102
TEMPLATE_MISMATCH: Final = 3103
NO_TALK: Final = 3104
NO_TEMPLATE: Final = 3105
BLOCKS_TALK: Final = 3107
OUT_OF_HOURS: Final = 3108

SENTENCES: Final = {
    0: "삭제됨",
    ACCEPTED: "정상 접수(이통사로 접수 예정)",
    WAITING: "이통사로 접수 완료, 결과 대기",
    DELIVERED: "수신 완료",
    MISSING: "필수 값이 없음",
    FORMAT: "값의 형식이 올바르지 않음",
    SUBJECT: "제목이 올바르지 않음",
    SERVER: "서버 오류로 접수하지 못함",
    TYPE: "보낼 수 없는 메시지 종류",
    DUPLICATE: "한 그룹 안에 중복된 수신번호",
    UNPRINTABLE: "표시할 수 없는 문자",
    NOT_EUC_KR: "EUC-KR로 쓸 수 없는 문자",
    TOO_LONG: "본문이 너무 김",
    CUSTOM_FIELDS: "customFields가 올바르지 않음",
    OPTIONS: "kakaoOptions가 올바르지 않음",
    IMAGE: "이미지를 찾을 수 없음",
    BUTTONS: "버튼이 올바르지 않음",
    BLOCKED_NUMBER: "수신 차단된 번호",
    OPTED_OUT: "080 수신거부한 번호",
    SENDER: "등록되지 않은 발신번호",
    BAD_PROFILE: "발신 프로필이 올바르지 않음",
    NOT_A_FRIEND: "채널 친구가 아님",
    TEMPLATE_MISMATCH: "템플릿과 내용이 다름",
    NO_TALK: "카카오톡을 쓰지 않는 번호",
    NO_TEMPLATE: "등록되지 않은 템플릿",
    BLOCKS_TALK: "72시간 미사용 또는 알림톡 차단",
    OUT_OF_HOURS: "보낼 수 없는 시간(20:50–08:00)",
}

# What a message ended with → Kakao's result code, and the carriers' (which know only one end here).
KAKAO_RESULTS: Final = {
    DELIVERED: "1000", BAD_PROFILE: "1003", NOT_A_FRIEND: "3018", TEMPLATE_MISMATCH: "3016", NO_TALK: "3019",
    NO_TEMPLATE: "3015", BLOCKS_TALK: "3020", OUT_OF_HOURS: "3022",
}  # fmt: skip
WHOLE: Final = frozenset({TOO_LONG, BUTTONS, OPTIONS, IMAGE, SUBJECT, NOT_EUC_KR, UNPRINTABLE})
"""What is wrong with the message itself, and so with the whole request of a dealer that sends at once."""

# The order gives each kind its number inside the sandbox; only the names travel.
KINDS: Final = (
    "SMS", "LMS", "MMS", "ATA", "BMS_FREE", "BMS_TEXT", "BMS_IMAGE", "BMS_WIDE", "BMS_WIDE_ITEM_LIST",
    "BMS_CAROUSEL_FEED", "BMS_PREMIUM_VIDEO", "BMS_COMMERCE", "BMS_CAROUSEL_COMMERCE", "CTA", "CTI", "UNKNOWN",
)  # fmt: skip
KIND_NUMBER: Final = {name: number for number, name in enumerate(KINDS)}
SMS: Final = KIND_NUMBER["SMS"]
LMS: Final = KIND_NUMBER["LMS"]
MMS: Final = KIND_NUMBER["MMS"]
ATA: Final = KIND_NUMBER["ATA"]
BMS_FREE: Final = KIND_NUMBER["BMS_FREE"]
BMS_LAST: Final = KIND_NUMBER["BMS_CAROUSEL_COMMERCE"]
UNKNOWN: Final = KIND_NUMBER["UNKNOWN"]

# KRW per message excluding VAT (kakao.md §3.5, row H1); an account may carry its own.
PRICES_KRW: Final = {
    "SMS": 12.0, "LMS": 39.0, "MMS": 90.0, "ATA": 10.0,
    **{name: 25.0 for name in KINDS if name.startswith("BMS_")},
}  # fmt: skip


def is_brand(kind: int) -> bool:
    """Whether the kind is a brand message, which only friends get."""
    return BMS_FREE <= kind <= BMS_LAST


def sentence(code: int) -> str:
    """The gateway's words for a code."""
    return SENTENCES.get(code, "알 수 없는 상태")
