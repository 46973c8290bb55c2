"""Words of policy: purposes, media, kinds of rule, outcomes. Plain, so that the dispatcher can use them."""

from enum import StrEnum


class Purpose(StrEnum):
    """What a message is for in law (law.md G.1)."""

    ADVERTISING = "ADVERTISING"
    INFORMATIONAL = "INFORMATIONAL"
    ELECTION_CAMPAIGN = "ELECTION_CAMPAIGN"
    PARTY_NOTICE = "PARTY_NOTICE"


# Purposes whose table of rules is written. All others are refused with RULES_NOT_BUILT, never sent as something else.
BUILT = frozenset({Purpose.ADVERTISING, Purpose.PARTY_NOTICE})

PURPOSE_NAMES = {
    Purpose.ADVERTISING: "광고성 정보",
    Purpose.INFORMATIONAL: "정보성 안내",
    Purpose.ELECTION_CAMPAIGN: "선거운동정보",
    Purpose.PARTY_NOTICE: "당원 소식",
}


class Medium(StrEnum):
    """By what a message travels. A text message of any length or with pictures is SMS."""

    SMS = "SMS"
    KAKAO_ALIM = "KAKAO_ALIM"
    KAKAO_AD = "KAKAO_AD"
    KAKAO_CHAT = "KAKAO_CHAT"
    EMAIL = "EMAIL"
    PUSH = "PUSH"


KAKAO = frozenset({Medium.KAKAO_ALIM, Medium.KAKAO_AD, Medium.KAKAO_CHAT})
# Media that go to a mobile number.
BY_NUMBER = frozenset({Medium.SMS, Medium.KAKAO_ALIM, Medium.KAKAO_AD})
# Media that only reach friends of the channel (brand messages go out as targeting I, kakao.md 3.3).
FRIENDS_ONLY = frozenset({Medium.KAKAO_AD, Medium.KAKAO_CHAT})


class Kind(StrEnum):
    """What a rule looks at: the message and moment (gate), people (set), or the purpose itself (turn)."""

    GATE = "gate"
    SET = "set"
    TURN = "turn"


class Verdict(StrEnum):
    """What the gates say for all."""

    ALLOW = "allow"
    DENY = "deny"
    DEFER = "defer"


class Outcome(StrEnum):
    """What one rule did in one person's case."""

    PASSED = "passed"
    STOPPED = "stopped"
    DEFERRED = "deferred"
    TURNED = "turned"
    NOT_LOOKED_AT = "not_looked_at"
    ALSO = "also"


class OrganisationKind(StrEnum):
    """The kinds of ``tree.enums.OrganisationKind``, without Django (a test compares the two)."""

    POLITICAL = "political"
    LOCAL_GOV = "local_gov"
    COMMERCIAL = "commercial"
    CIVIC = "civic"
