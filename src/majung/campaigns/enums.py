"""Words of campaigns: kinds of message, states, and the only moves between them."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """How a campaign is said: which wire format, or no wire at all (*by hand*)."""

    BRAND = "brand", "브랜드 메시지(친구)"
    ALIM = "alim", "알림톡"
    SMS = "sms", "단문 문자"
    LMS = "lms", "장문 문자"
    EMAIL = "email", "전자우편"
    HAND = "hand", "손으로 보내기"


MEDIUM: dict[str, str] = {
    Kind.BRAND: "KAKAO_AD",
    Kind.ALIM: "KAKAO_ALIM",
    Kind.SMS: "SMS",
    Kind.LMS: "SMS",
    Kind.EMAIL: "EMAIL",
    Kind.HAND: "KAKAO_AD",
}
"""The medium that consent and refusal are asked for (law.md G.1)."""


FALLING_BACK = frozenset({Kind.BRAND, Kind.ALIM})
"""Kinds of message in whose stead a text can be sent."""


class State(TextChoices):
    """Where a campaign stands. ``frozen`` waits with its written list for the end of the recall window or its hour."""

    DRAFT = "draft", "쓰는 중"
    CHECKED = "checked", "점검함"
    CONFIRMED = "confirmed", "보내기로 함"
    FREEZING = "freezing", "명단 굳히는 중"
    FROZEN = "frozen", "시각을 기다림"
    SENDING = "sending", "보내는 중"
    PAUSED = "paused", "멈춤"
    FINISHED = "finished", "다 보냄"
    STOPPED = "stopped", "그만둠"
    RECALLED = "recalled", "거둠"
    REFUSED = "refused", "보내지 못함"


class Move(TextChoices):
    """Everything that may happen to a campaign."""

    EDIT = "edit", "고치기"
    CHECK = "check", "점검하기"
    CONFIRM = "confirm", "보내기"
    FREEZE = "freeze", "명단 굳히기"
    HOLD = "hold", "시각 기다리기"
    REFUSE = "refuse", "까닭이 있어 보내지 않음"
    START = "start", "내보내기 시작"
    PAUSE = "pause", "잠시 멈춤"
    RESUME = "resume", "다시 보내기"
    RECALL = "recall", "거두기"
    STOP = "stop", "그만두기"
    FINISH = "finish", "마치기"


MOVES: dict[tuple[str, str], str] = {
    (State.DRAFT, Move.EDIT): State.DRAFT,
    (State.CHECKED, Move.EDIT): State.DRAFT,
    (State.DRAFT, Move.CHECK): State.CHECKED,
    (State.CHECKED, Move.CHECK): State.CHECKED,
    (State.CHECKED, Move.CONFIRM): State.CONFIRMED,
    (State.CONFIRMED, Move.FREEZE): State.FREEZING,
    (State.CONFIRMED, Move.RECALL): State.RECALLED,
    (State.CONFIRMED, Move.REFUSE): State.REFUSED,
    # A killed freeze is begun again: it is one transaction, so nothing of the first try is left.
    (State.FREEZING, Move.FREEZE): State.FREEZING,
    (State.FREEZING, Move.HOLD): State.FROZEN,
    (State.FREEZING, Move.RECALL): State.RECALLED,
    (State.FREEZING, Move.REFUSE): State.REFUSED,
    (State.FROZEN, Move.START): State.SENDING,
    (State.FROZEN, Move.PAUSE): State.PAUSED,
    (State.FROZEN, Move.RECALL): State.RECALLED,
    (State.SENDING, Move.PAUSE): State.PAUSED,
    (State.SENDING, Move.STOP): State.STOPPED,
    (State.SENDING, Move.FINISH): State.FINISHED,
    (State.PAUSED, Move.RESUME): State.SENDING,
    (State.PAUSED, Move.STOP): State.STOPPED,
    (State.PAUSED, Move.FINISH): State.FINISHED,
}

OPEN = frozenset({State.CONFIRMED, State.FREEZING, State.FROZEN, State.SENDING, State.PAUSED})
"""States in which something may still leave."""
ENDED = frozenset({State.FINISHED, State.STOPPED, State.RECALLED, State.REFUSED})
WRITABLE = frozenset({State.DRAFT, State.CHECKED})


def after(state: str, move: str) -> str | None:
    """The state that ``move`` leads to, or None when it is not allowed in ``state``."""
    return MOVES.get((state, move))


class PauseReason(TextChoices):
    """Why a campaign stands still."""

    ASKED = "asked", "사람이 멈춤"
    LATE = "late", "정한 시각을 놓쳐 물어봅니다"
    NO_BALANCE = "no_balance", "대행사 잔액이 모자람"
    GRANT_ENDED = "grant_ended", "빌린 권한이 끝남"
    SUSPENDED = "suspended", "조직이 쉼"
    ACCOUNT = "account", "대행사 계정 문제"
    RULE = "rule", "규칙이 막음"
    OUTSIDE = "outside", "대행사가 답하지 않음"


class TaskState(TextChoices):
    """Where a by-hand task stands."""

    OPEN = "open", "할 일"
    DONE = "done", "보냄"
    REPORTED = "reported", "결과 적음"
    SKIPPED = "skipped", "보내지 않음"
