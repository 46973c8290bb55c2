"""Words of consent: purposes, media, acts, ways, paths of refusal and states of a notice."""

from django.db.models import TextChoices

EVERY = "*"


class ConsentPurpose(TextChoices):
    """What a consent is for. None implies another (law.md PIP-03, PIP-08)."""

    SERVICE = "service", "개인정보 수집·이용"
    SENSITIVE = "sensitive", "민감정보 처리"
    ADVERTISING = "advertising", "광고성 정보 수신"
    NIGHT = "night", "밤 시간 광고 수신"
    PARTY_NOTICE = "party_notice", "선택 소식 수신"
    PROVISION = "provision", "제3자 제공"


class ConsentMedium(TextChoices):
    """By what a message comes. ``*`` stands where a purpose has no media, and for everything in a refusal."""

    KAKAO_AD = "KAKAO_AD", "카카오톡 채널 메시지"
    KAKAO_ALIM = "KAKAO_ALIM", "알림톡"
    KAKAO_CHAT = "KAKAO_CHAT", "채널 대화"
    SMS = "SMS", "문자"
    EMAIL = "EMAIL", "전자우편"
    PUSH = "PUSH", "앱 알림"
    EVERY = "*", "모든 소식"


# Purposes that are given and withdrawn medium by medium (ADV-05 e); all others are recorded with the medium ``*``.
BY_MEDIUM = frozenset({ConsentPurpose.ADVERTISING, ConsentPurpose.PARTY_NOTICE})
# Purposes whose consent must be confirmed every second year (ADV-14: general and night).
CONFIRMED = frozenset({ConsentPurpose.ADVERTISING, ConsentPurpose.NIGHT})


class ConsentAct(TextChoices):
    """An entry of the ledger. ``confirmed``: the two-year check was sent (silence keeps the consent, ADV-16)."""

    GRANTED = "granted", "동의"
    WITHDRAWN = "withdrawn", "철회"
    CONFIRMED = "confirmed", "수신동의 확인 보냄"


class How(TextChoices):
    """By what way somebody said it (PIPD art. 17)."""

    WEB = "web", "웹 화면"
    LINK = "link", "수신 설정 링크"
    PAPER = "paper", "서명한 종이"
    PHONE = "phone", "전화"
    EMAIL = "email", "전자우편 회신"
    CHANNEL = "channel", "채널"
    IMPORT = "import", "명단 가져오기"
    STAFF = "staff", "담당자 기록"
    SYSTEM = "system", "시스템"


class RefusalPath(TextChoices):
    """By what path a refusal came (ADV-11: any)."""

    LINK = "link", "수신 설정 링크"
    NUMBER_080 = "080", "무료수신거부 전화"
    BLOCK = "block", "채널 차단"
    REPLY = "reply", "회신"
    DEALER = "dealer", "대행사 거부 응답"
    STAFF = "staff", "담당자에게 말함"
    COMPLAINT = "complaint", "민원"


# What a path stops when the person named no medium: the entity's media that share the path (ADV-11, design default).
# Messages by text and by channel carry the same 080 number; staff and complaints mean everything.
PATH_MEDIA: dict[RefusalPath, tuple[ConsentMedium, ...]] = {
    RefusalPath.LINK: (ConsentMedium.EVERY,),
    RefusalPath.NUMBER_080: (ConsentMedium.SMS, ConsentMedium.KAKAO_AD),
    RefusalPath.BLOCK: (ConsentMedium.KAKAO_AD,),
    RefusalPath.REPLY: (ConsentMedium.SMS, ConsentMedium.KAKAO_AD),
    RefusalPath.DEALER: (ConsentMedium.SMS, ConsentMedium.KAKAO_AD),
    RefusalPath.STAFF: (ConsentMedium.EVERY,),
    RefusalPath.COMPLAINT: (ConsentMedium.EVERY,),
}


class NoticeState(TextChoices):
    """A draft may change; once published a notice never does."""

    DRAFT = "draft", "쓰는 중"
    PUBLISHED = "published", "공개"
    RETIRED = "retired", "거둠"


class GuardianMethod(TextChoices):
    """How a legal guardian was verified (PIPD art. 17-2)."""

    SMS = "sms", "보호자 휴대전화 문자"
    CARD = "card", "보호자 카드 정보"
    PHONE_IDENTITY = "phone_identity", "보호자 휴대전화 본인확인"
    PAPER = "paper", "보호자 서명 종이"
    EMAIL = "email", "보호자 전자우편 회신"
    CALL = "call", "보호자 전화 통화"
