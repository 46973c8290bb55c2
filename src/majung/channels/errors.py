"""What this room refuses, and how a dealer's errors are told to an operator."""

from majung.channels.adapters.base import DealerRefused
from majung.core.errors import Outside, OverQuota, Refusal


class TooManyTests(OverQuota):
    """More test messages than one person may send (they pass no campaign's rules)."""

    code = "channels.too_many_tests"
    sentence = "%(problem)s"
    fields = ("problem",)


class NoKeys(Refusal):
    """The account has no keys yet."""

    code = "channels.no_keys"
    sentence = "이 계정에 API 키가 없습니다. 키와 비밀값을 먼저 넣어 주세요."


_SENTENCES = {
    "ACCOUNT_KEY": "대행사가 키를 받지 않습니다. 키와 비밀값을 다시 넣어 주세요.",
    "ACCOUNT_CLOSED": "대행사에서 계정이 멈춰 있습니다. 대행사에 문의해 주세요.",
    "CLOCK_SKEW": "대행사와 시각이 15분 넘게 다릅니다. 이 서버의 시계를 맞춰 주세요.",
    "NO_BALANCE": "대행사 잔액이 모자랍니다. 충전한 뒤 다시 해 주세요.",
}


def told(failure: Outside) -> str:
    """A Korean sentence for what a dealer (or the way to it) answered."""
    if isinstance(failure, DealerRefused):
        known = _SENTENCES.get(failure.pause)
        return known or f"대행사가 거절했습니다({failure.code}). 잠시 뒤 다시 해 주세요."
    return "대행사의 답을 듣지 못했습니다. 주소와 통신을 확인하고 다시 해 주세요."
