"""What became of one message: one byte a person on the chunk, its category, its reason code and its Korean words."""

from dataclasses import dataclass
from enum import IntEnum


class Category(IntEnum):
    """How the books count an outcome."""

    NOT_YET = 0  # nothing was tried, or it did not leave and nobody is to blame: may be tried
    ACCEPTED = 1  # taken by the provider, result still open
    DELIVERED = 2
    NOT_A_FRIEND = 3  # the next channel of the route may be tried
    REFUSED = 4  # final; ``Outcome.name`` is the reason code
    IN_DOUBT = 5  # the answer was lost: ask, never resend


class Outcome(IntEnum):
    """The byte. Numbers are for ever: they lie in the ledger."""

    NOT_YET = 0
    ACCEPTED = 1
    DELIVERED = 2
    NO_BALANCE = 3
    NOT_A_FRIEND = 10
    NO_TALK = 11
    TALK_BLOCKED = 12
    OUT_OF_HOURS = 13
    OPTED_OUT = 20
    NUMBER_BLOCKED = 21
    KISA_BLOCK = 22
    HANDSET_REFUSED = 23
    BAD_NUMBER = 30
    HANDSET = 31
    NETWORK = 32
    SPAM = 33
    AGE_CHECK = 34
    BAD_ADDRESS = 35
    MAILBOX_FULL = 36
    BAD_SENDER = 40
    BAD_PROFILE = 41
    BAD_TEMPLATE = 42
    BAD_CONTENT = 43
    TOO_LONG = 44
    BAD_CHARACTERS = 45
    BAD_IMAGE = 46
    DUPLICATE = 47
    ACCOUNT_BLOCKED = 48
    NOT_TAKEN = 49
    FAILED = 90
    IN_DOUBT = 255


UNREACHED = (Outcome.NOT_A_FRIEND, Outcome.NO_TALK, Outcome.TALK_BLOCKED)
"""What a messenger tells when it could not deliver to somebody who may still be reached by a text: the only reasons for
which one may be sent instead (M7). Nobody in here refused anything of ours, and nothing in here is in doubt."""

WORDS: dict[Outcome, str] = {
    Outcome.NOT_YET: "아직 보내지 않음",
    Outcome.ACCEPTED: "접수됨",
    Outcome.DELIVERED: "도착",
    Outcome.NO_BALANCE: "잔액이 모자라 보내지 않음",
    Outcome.NOT_A_FRIEND: "채널 친구가 아님",
    Outcome.NO_TALK: "카카오톡을 쓰지 않는 번호",
    Outcome.TALK_BLOCKED: "오래 쓰지 않았거나 알림을 막음",
    Outcome.OUT_OF_HOURS: "카카오가 받지 않는 시간",
    Outcome.OPTED_OUT: "080으로 수신거부함",
    Outcome.NUMBER_BLOCKED: "대행사 계정이 막은 번호",
    Outcome.KISA_BLOCK: "인터넷진흥원이 막은 번호",
    Outcome.HANDSET_REFUSED: "받는 기기가 거절함",
    Outcome.BAD_NUMBER: "없는 번호",
    Outcome.HANDSET: "기기 문제",
    Outcome.NETWORK: "통신망 문제",
    Outcome.SPAM: "스팸으로 걸러짐",
    Outcome.AGE_CHECK: "나이 확인이 필요함",
    Outcome.BAD_ADDRESS: "없는 전자우편 주소",
    Outcome.MAILBOX_FULL: "편지함이 가득 참",
    Outcome.BAD_SENDER: "등록되지 않은 발신번호",
    Outcome.BAD_PROFILE: "발신 프로필이 올바르지 않음",
    Outcome.BAD_TEMPLATE: "템플릿이 없거나 다름",
    Outcome.BAD_CONTENT: "내용의 꼴이 올바르지 않음",
    Outcome.TOO_LONG: "너무 긴 내용",
    Outcome.BAD_CHARACTERS: "문자로 보낼 수 없는 글자",
    Outcome.BAD_IMAGE: "그림을 찾을 수 없음",
    Outcome.DUPLICATE: "한 묶음에 같은 번호",
    Outcome.ACCOUNT_BLOCKED: "대행사 계정이 막힘",
    Outcome.NOT_TAKEN: "대행사의 접수 목록에 없음",
    Outcome.FAILED: "알 수 없는 까닭으로 실패",
    Outcome.IN_DOUBT: "확인 중",
}


def category(outcome: int) -> Category:
    """The category of an outcome byte; a byte that is no outcome is in doubt."""
    if outcome in (Outcome.NOT_YET, Outcome.NO_BALANCE):
        return Category.NOT_YET
    if outcome == Outcome.ACCEPTED:
        return Category.ACCEPTED
    if outcome == Outcome.DELIVERED:
        return Category.DELIVERED
    if outcome == Outcome.NOT_A_FRIEND:
        return Category.NOT_A_FRIEND
    return Category.REFUSED if 10 < outcome <= Outcome.FAILED else Category.IN_DOUBT


CATEGORIES = bytes(category(byte) for byte in range(256))
"""``outcomes.translate(CATEGORIES)`` turns a chunk's outcome bytes into categories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """A refusal that an outcome means: of these media, by this path (``consent.enums.RefusalPath``)."""

    media: tuple[str, ...]
    path: str


CONSEQUENCES: dict[Outcome, Consequence] = {
    # An 080 call refuses all advertising that names that 080 number (law.md ADV-11: entity and media sharing the path).
    Outcome.OPTED_OUT: Consequence(media=("SMS", "KAKAO_AD"), path="080"),
    # The account's own block list stops everything that the account sends.
    Outcome.NUMBER_BLOCKED: Consequence(media=("SMS", "KAKAO_AD", "KAKAO_ALIM"), path="dealer"),
}
"""Refusal codes that become refusals (kakao.md §4.1, §8); whoever settles a chunk writes them, in sets."""
