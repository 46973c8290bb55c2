"""Words of the room: what a person's row, contact points and memberships may say. Numbers, because the tables are big."""

from django.db.models import IntegerChoices


class PersonState(IntegerChoices):
    """Whether the person may be worked with."""

    ACTIVE = 1, "이용 중"
    STOPPED = 2, "처리정지"
    ERASED = 3, "파기됨"


class Gender(IntegerChoices):
    """As the person or the list said it; nothing is guessed."""

    UNKNOWN = 0, "모름"
    MALE = 1, "남"
    FEMALE = 2, "여"


class Basis(IntegerChoices):
    """On what ground of law the row is held (PIP-01). Without one, nothing may be sent (C1, NO_BASIS)."""

    NONE = 0, "근거 없음"
    CONSENT = 1, "정보주체 동의"
    CONTRACT = 2, "계약 이행"
    LAW = 3, "법령"
    MEMBERSHIP = 4, "정당·단체 가입"
    PUBLIC = 5, "공개된 정보"


class ContactKind(IntegerChoices):
    """Kinds of contact points; a person has at most one of each."""

    MOBILE = 1, "휴대전화"
    LANDLINE = 2, "유선전화"
    EMAIL = 3, "전자우편"


class MemberState(IntegerChoices):
    """Where a membership stands (PTY-04: who only applied is no member)."""

    APPLIED = 1, "가입 신청"
    MEMBER = 2, "회원"
    LEFT = 3, "탈퇴"
    EXPELLED = 4, "제명"


class Why(IntegerChoices):
    """Why masked data is opened; the reviewer of the access log reads it (SEC-05)."""

    REQUEST = 1, "본인 요청에 답하기"
    CONTACT = 2, "연락처 확인"
    SAFETY = 3, "행사 안전 연락"
    OTHER = 4, "그 밖"
