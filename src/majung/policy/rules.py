"""The rules of law.md G.3, G.4 and G.7 as a list: id, code, article, sentence, order, dates, and what each looks at.

A rule is a gate (message, account, moment: the same for all), a set (people: an expression over base sets) or a turn
(the message is really of another purpose). Order is by the stages of G.2; within a stage as the tables have it. The
codes are for ever. Each person has exactly one reason: the first rule that stops.
"""

from hashlib import sha256
from typing import Final

from majung.crowd.expression import Leaf, Not
from majung.policy import looks, marks
from majung.policy.enums import BUILT, Medium, OrganisationKind, Purpose
from majung.policy.rule import Rule, channel, gate, reserved, set_of, turn, wait

# ── G.3: for all purposes ────────────────────────────────────────────────────────────────────────────────────────────

COMMON: Final = (
    set_of(
        110,
        "C1",
        "NO_BASIS",
        "개인정보 보호법 제15조",
        "이 사람의 정보를 쓸 근거가 적혀 있지 않습니다.",
        looks.without_basis,
    ),
    set_of(
        120,
        "C2",
        "ENTITY_BOUNDARY",
        "개인정보 보호법 제17조",
        "다른 법인이 모은 사람이고, 제공에 동의한 기록이 없습니다.",
        looks.foreign,
    ),
    set_of(
        130,
        "C3",
        "UNDER14",
        "개인정보 보호법 제22조의2",
        "만 14세 미만이고, 법정대리인의 동의를 확인하지 못했습니다.",
        looks.under_14,
    ),
    set_of(
        140,
        "C4",
        "PROC_STOP",
        "개인정보 보호법 제37조",
        "본인이 처리를 멈춰 달라고 했습니다.",
        lambda _: Leaf("stopped"),
        by_entity=False,
    ),
    set_of(150, "C4b", "RETENTION", "개인정보 보호법 제21조", "동의받은 보유기간이 지났습니다.", looks.outlived),
    channel(290, "C7", "CHANNEL_BLOCKED", "정보통신망법 제50조 제2항", "이 채널을 차단했습니다.", looks.blocked),
    channel(295, "C7b", "NOT_FRIEND", "카카오 비즈메시지 운영정책", "이 채널의 친구가 아닙니다.", looks.not_friend),
    set_of(
        310,
        "C5",
        "SENSITIVE_NO_CONSENT",
        "개인정보 보호법 제23조",
        "민감정보로 고른 대상인데, 민감정보 처리 동의가 없습니다.",
        lambda case: looks.no_sensitive_consent(case) if case.occasion.targets_sensitive else None,
    ),
    gate(
        320,
        "C8",
        "ILLEGAL_GOODS",
        "정보통신망법 제50조의8",
        "법으로 팔 수 없는 것을 알리는 메시지는 보낼 수 없습니다.",
        lambda case: case.occasion.content.illegal_goods,
    ),
    gate(
        330,
        "C9",
        "ALIM_PURPOSE",
        "카카오 알림톡 심사기준",
        "알림톡은 승인된 틀로, 광고 없는 안내만 보낼 수 있습니다.",
        lambda case: (
            case.occasion.medium is Medium.KAKAO_ALIM
            and (not case.occasion.account.template_approved or case.facts.ad_element)
        ),
    ),
    gate(
        340,
        "C10",
        "GIFT_BAN",
        "공직선거법 제114조",
        "정당과 정치인은 금품이나 이익을 주겠다고 알릴 수 없습니다.",
        lambda case: case.occasion.organisation_kind == OrganisationKind.POLITICAL and case.facts.benefit_offer,
    ),
    gate(
        390,
        "R1",
        "RULES_NOT_BUILT",
        "마중 운영 원칙",
        "이 목적의 규칙은 아직 준비되지 않아 보내지 않습니다. 다른 목적으로 바꾸어 보내지도 않습니다.",
        lambda case: case.purpose not in BUILT or case.asked not in BUILT,
    ),
    wait(
        550,
        "A7",
        "KAKAO_WINDOW",
        "카카오 비즈메시지 운영정책",
        "채널 메시지는 정해진 시간에만 나갑니다.",
        looks.kakao_window,
    ),
    gate(
        610,
        "C6",
        "SENDER_NUMBER",
        "전기통신사업법 제84조의2",
        "등록하지 않은 발신번호로는 문자를 보낼 수 없습니다.",
        lambda case: case.occasion.medium is Medium.SMS and not case.occasion.account.sender_number_registered,
    ),
    set_of(
        690,
        "R2",
        "NO_CONTACT",
        "마중 운영 원칙",
        "보낼 휴대전화번호나 전자우편 주소가 없습니다.",
        looks.unreachable,
        by_entity=False,
    ),
    reserved(
        695,
        "R3",
        "WEEKLY_CAP",
        "마중 운영 원칙",
        "한 사람이 일주일에 받을 수 있는 수를 이미 채웠습니다. 다른 조직이 보낸 것도 함께 셉니다.",
        looks.week_is_full,
    ),
)

# ── G.4 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

ADVERTISING: Final = (
    turn(
        100,
        "A1",
        "RECLASS_NOT_AD",
        "정보통신망법 제50조",
        "영리 목적이 아니어서 광고성 정보가 아닙니다.",
        looks.not_commercial,
    ),
    turn(
        105,
        "A1b",
        "RECLASS_ELEC",
        "공직선거법 제58조",
        "정당이나 후보를 지지·반대하면 광고가 아니라 선거운동입니다.",
        looks.campaigning,
    ),
    set_of(
        210, "A2", "OPTED_OUT", "정보통신망법 제50조 제2항", "수신을 거부했거나 동의를 철회했습니다.", looks.refused_ads
    ),
    set_of(
        220,
        "A10b",
        "CHANNEL_BLOCKED",
        "정보통신망법 제50조 제2항",
        "채널을 차단한 사람에게 문자로 대신 보낼 수 없습니다.",
        looks.blocked_before,
        by_entity=False,
    ),
    set_of(
        410,
        "A3a",
        "TXEXC_EXPIRED",
        "정보통신망법 시행령 제61조 제1항",
        "거래가 끝난 지 6개월이 지났고, 광고 수신동의가 없습니다.",
        looks.deal_expired,
    ),
    set_of(
        420,
        "A3b",
        "TXEXC_KIND",
        "정보통신망법 시행령 제61조 제1항",
        "거래한 것과 종류가 다르고, 광고 수신동의가 없습니다.",
        looks.deal_of_other_kind,
    ),
    set_of(
        430,
        "A3",
        "NO_CONSENT",
        "정보통신망법 제50조 제1항",
        "이 매체로 광고를 받겠다는 동의가 없습니다.",
        looks.no_ad_consent,
    ),
    set_of(
        440,
        "A4",
        "RECONFIRM_OVERDUE",
        "정보통신망법 제50조 제8항",
        "2년마다 하는 수신동의 확인을 보내지 않았습니다.",
        looks.check_overdue,
    ),
    wait(
        510,
        "A6",
        "NIGHT",
        "정보통신망법 제50조 제3항",
        "밤 9시부터 아침 8시까지는 광고를 보내지 않습니다.",
        looks.night,
    ),
    wait(
        520,
        "A6b",
        "SAFE_CUTOFF",
        "정보통신망법 제50조 제3항",
        "밤 9시를 넘기지 않도록 오후 8시 50분부터는 새로 넘기지 않습니다.",
        looks.cutoff,
    ),
    gate(
        530,
        "A10",
        "FALLBACK_LATE",
        "정보통신망법 제50조 제3항",
        "채널 메시지를 대신하는 문자는 그날 안에만 보냅니다.",
        looks.stale_fallback,
    ),
    gate(
        620,
        "A5",
        "VENDOR_UNCERTIFIED",
        "정보통신망법 제50조의3 제1항",
        "전송자격인증을 받지 않은 곳으로 광고 문자를 보낼 수 없습니다.",
        looks.uncertified,
        since="ICNA_2026_10",
    ),
    gate(
        710,
        "A8",
        "LABEL",
        "정보통신망법 제50조 제4항",
        "‘(광고)’ 표시, 보내는 이, 연락처, 무료 수신거부 방법이 빠졌거나 자리가 다릅니다.",
        lambda case: bool(marks.missing(case.occasion, case.facts)),
    ),
)

# ── G.5, only what turns: the table itself is not built ──────────────────────────────────────────────────────────────

INFORMATIONAL: Final = (
    turn(
        100,
        "I1",
        "RECLASS_AD",
        "정보통신망법 제50조",
        "광고가 한 군데라도 들어 있으면 전체가 광고성 정보입니다.",
        looks.ad_in_disguise,
    ),
    turn(
        105,
        "I6",
        "RECLASS_ELEC",
        "공직선거법 제58조",
        "정당이나 후보를 지지·반대하면 선거운동입니다.",
        looks.campaigning,
    ),
)

# ── G.7, without the rows that need the election calendar (P7–P9) ────────────────────────────────────────────────────

PARTY_NOTICE: Final = (
    turn(
        100,
        "P5",
        "RECLASS_ELEC",
        "공직선거법 제58조",
        "후보를 지지·반대하거나 선거운동을 부탁하면 당원 소식이 아니라 선거운동입니다.",
        looks.campaigning,
    ),
    turn(
        105,
        "P10",
        "RECLASS_AD",
        "정보통신망법 제50조",
        "물건이나 유료 서비스를 팔면 광고성 정보입니다.",
        lambda case: Purpose.ADVERTISING if case.facts.sells else None,
    ),
    set_of(
        160,
        "P1",
        "NOT_MEMBER",
        "정당법 제23조·제25조",
        "당원명부에 있는 당원이 아닙니다.",
        lambda case: Not(case.leaf("member")),
    ),
    set_of(
        170,
        "P3",
        "SCOPE",
        "개인정보의 안전성 확보조치 기준 제5조",
        "보내는 조직의 범위 밖에 있는 사람입니다.",
        lambda case: Not(Leaf("scope", (case.occasion.unit_id,))),
        by_entity=False,
    ),
    set_of(210, "P4", "OPTED_OUT_INFO", "마중 운영 원칙", "선택 소식을 받지 않겠다고 했습니다.", looks.refused_notices),
    gate(
        350,
        "P6",
        "PRIMARY_METHOD",
        "공직선거법 제57조의3",
        "당내경선에서 한 후보에게 유리한 내용은 보낼 수 없습니다.",
        lambda case: case.occasion.content.favours_contender,
    ),
    set_of(
        410,
        "P2",
        "SENSITIVE_NO_CONSENT",
        "개인정보 보호법 제23조",
        "당원이라는 민감정보를 쓸 동의나 법의 근거가 없습니다.",
        lambda case: None if case.occasion.account.roll_by_law else looks.no_sensitive_consent(case),
    ),
    wait(
        510,
        "P11",
        "QUIET_POLICY",
        "마중 운영 원칙",
        "밤 9시부터 아침 8시까지는 급하지 않은 소식을 보내지 않습니다.",
        looks.quiet,
    ),
)

TABLES: Final[dict[Purpose, tuple[Rule, ...]]] = {
    purpose: tuple(sorted((*COMMON, *own), key=lambda rule: rule.order))
    for purpose, own in {
        Purpose.ADVERTISING: ADVERTISING,
        Purpose.PARTY_NOTICE: PARTY_NOTICE,
        Purpose.INFORMATIONAL: INFORMATIONAL,
        Purpose.ELECTION_CAMPAIGN: (),
    }.items()
}
WEEKLY_CAP: Final = "WEEKLY_CAP"
ALLOWED: Final = {Purpose.ADVERTISING: "OK_AD", Purpose.PARTY_NOTICE: "OK_PARTY"}
RULES: Final[dict[str, Rule]] = {rule.id: rule for table in TABLES.values() for rule in table}


def of_code(code: str) -> Rule:
    """The first rule with that reason code, for showing a stored reason. Raises KeyError."""
    found = min((rule for rule in RULES.values() if rule.code == code), key=lambda rule: rule.order, default=None)
    if found is None:
        raise KeyError(code)
    return found


def _digest() -> str:
    said = sorted(
        (r.id, r.code, r.article, r.sentence, r.kind.value, r.order, str(r.since), str(r.until)) for r in RULES.values()
    )
    return sha256(repr(said).encode()).hexdigest()[:8]


# The release says which reading of the law the functions above have; the digest, which words, order and dates.
RULE_SET_VERSION: Final = f"2026.11.3-{_digest()}"
