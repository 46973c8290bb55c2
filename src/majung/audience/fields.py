"""What may be asked of people: each field with its words, its shape in the form, and the crowd expression it means."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from majung.audience.criteria import ALL, LEAST, Condition, Group, Node, Unreadable
from majung.crowd.expression import EVERYONE, Ago, And, AtLeast, Expression, Leaf, Not, Or, Range

Shape = Literal["choices", "range", "days", "flag"]
Reference = Literal["unit", "channel", "tag", "campaign", "import"]

REGIONS: Mapping[str, str] = {
    "11": "서울특별시", "26": "부산광역시", "27": "대구광역시", "28": "인천광역시", "29": "광주광역시",
    "30": "대전광역시", "31": "울산광역시", "36": "세종특별자치시", "41": "경기도", "51": "강원특별자치도",
    "43": "충청북도", "44": "충청남도", "52": "전북특별자치도", "46": "전라남도", "47": "경상북도", "48": "경상남도",
    "50": "제주특별자치도",
}  # fmt: skip
"""Codes of provinces as in the population statistics (행정안전부)."""
GENDERS: Mapping[str, str] = {"2": "여", "1": "남", "0": "모름"}
FRIENDS: Mapping[str, str] = {"1": "친구", "2": "차단", "3": "친구 아님", "0": "모름"}
MEDIA: Mapping[str, str] = {"KAKAO_AD": "카카오톡 채널 메시지", "KAKAO_ALIM": "알림톡", "SMS": "문자"}
CONSENTS: Mapping[str, str] = {
    **{f"advertising:{code}": f"광고 수신 · {word}" for code, word in MEDIA.items() if code != "KAKAO_ALIM"},
    **{f"party_notice:{code}": f"선택 소식 · {word}" for code, word in MEDIA.items()},
    "sensitive:*": "민감정보 처리",
    "night:*": "밤 시간 광고",
}
REFUSALS: Mapping[str, str] = {**MEDIA, "*": "모든 소식"}
OLDEST, LONGEST_DAYS = 120, 3650
OPINIONS = frozenset({"member", "tag"})
"""Fields that tell a political opinion when a party asks for them (개인정보 보호법 제23조, law.md PIP-12)."""
_DISTRICT = re.compile(r"\d{5,10}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a question is asked: the legal entity of the unit, and the numbers behind the ids it mentions."""

    entity_id: int
    numbers: Mapping[tuple[Reference, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the form. ``refers`` says whose ids its values are; ``choices`` are fixed words for fixed values."""

    code: str
    label: str
    shape: Shape
    section: str
    means: Callable[[Condition, Place], Expression]
    choices: Mapping[str, str] | None = None
    refers: Reference | None = None
    most: int = 0
    suffix: str = ""
    hint: str = ""


def _any(parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _leaves(family: str) -> Callable[[Condition, Place], Expression]:
    return lambda asked, _place: _any([Leaf(family, (value,)) for value in asked.values])


def _numbers(family: str, reference: Reference) -> Callable[[Condition, Place], Expression]:
    return lambda asked, place: _any([Leaf(family, (place.numbers[reference, value],)) for value in asked.values])


def _gender(asked: Condition, _place: Place) -> Expression:
    return _any([Leaf("gender", (int(value),)) for value in asked.values])


def _age(asked: Condition, _place: Place) -> Expression:
    """Whole years as counted from the month of birth; that month counts as past."""
    first = None if asked.high is None else Ago(12 * asked.high + 11)
    last = None if asked.low is None else Ago(12 * asked.low)
    return Range("born", (), first, last)


def _friend_any(asked: Condition, _place: Place) -> Expression:
    return _any([_unseen([]) if value == "0" else Leaf("friend_any", (int(value),)) for value in asked.values])


def _unseen(channels: list[int]) -> Expression:
    """Of whom nothing was ever seen: on these channels, or on any."""
    if channels:
        return Not(Or(tuple(Leaf("friend", (channel, state)) for channel in channels for state in (1, 2, 3))))
    return Not(Or(tuple(Leaf("friend_any", (state,)) for state in (1, 2, 3))))


def _friend_of(state: int) -> Callable[[Condition, Place], Expression]:
    return lambda asked, place: _any(
        [Leaf("friend", (place.numbers["channel", value], state)) for value in asked.values]
    )


def _consent(asked: Condition, place: Place) -> Expression:
    return _any([Leaf("consent", (place.entity_id, *value.split(":"))) for value in asked.values])


def _refused(asked: Condition, place: Place) -> Expression:
    return _any([Leaf("refused", (place.entity_id, value)) for value in asked.values])


def _consented_lately(asked: Condition, place: Place) -> Expression:
    parts: list[Expression] = []
    for value in asked.values:
        purpose, medium = value.split(":")
        parts.append(Range("consent_since", (place.entity_id, purpose, medium), _first_day(asked), None))
    return _any(parts)


def _messaged(asked: Condition, _place: Place) -> Expression:
    return Range("messaged", (), _first_day(asked), None)


def _first_day(asked: Condition) -> Ago:
    """A week is today and the six Seoul days before it."""
    return Ago(max((asked.high or 1) - 1, 0))


def _member(_asked: Condition, place: Place) -> Expression:
    return Leaf("member", (place.entity_id,))


def _flag(family: str) -> Callable[[Condition, Place], Expression]:
    return lambda _asked, _place: Leaf(family)


WHO, WHERE, TIE, SAID = "어떤 사람", "어디 사람", "맺은 것", "받은 것"

FIELDS: Mapping[str, Field] = {
    one.code: one
    for one in (
        Field(code="gender", label="성별", shape="choices", section=WHO, choices=GENDERS, means=_gender),
        Field(code="age", label="나이", shape="range", section=WHO, most=OLDEST, suffix="살", means=_age),
        Field(code="tag", label="태그", shape="choices", section=WHO, refers="tag", means=_numbers("tag", "tag")),
        Field(code="member", label="당원·회원", shape="flag", section=WHO, means=_member, hint="명부에 있는 사람"),
        Field(code="mobile", label="휴대전화 번호 있음", shape="flag", section=WHO, means=_flag("has_mobile")),
        Field(
            code="import", label="명단", shape="choices", section=WHO, refers="import",
            means=_numbers("imported", "import"),
        ),
        Field(
            code="home", label="소속 조직", shape="choices", section=WHERE, refers="unit",
            means=_numbers("home", "unit"),
        ),
        Field(
            code="home_below", label="소속 조직과 그 아래", shape="choices", section=WHERE, refers="unit",
            means=_numbers("scope_home", "unit"),
        ),
        Field(code="region", label="시·도", shape="choices", section=WHERE, choices=REGIONS, means=_leaves("region")),
        Field(code="district", label="지역구", shape="choices", section=WHERE, means=_leaves("district")),
        Field(
            code="friend_of", label="채널 친구", shape="choices", section=TIE, refers="channel", means=_friend_of(1),
            hint="추가한 것을 본 적이 있는 사람",
        ),
        Field(
            code="blocked", label="채널을 차단함", shape="choices", section=TIE, refers="channel", means=_friend_of(2)
        ),
        Field(
            code="friend_any", label="어느 채널이든", shape="choices", section=TIE, choices=FRIENDS, means=_friend_any
        ),
        Field(code="consent", label="동의", shape="choices", section=TIE, choices=CONSENTS, means=_consent),
        Field(
            code="consented", label="최근에 동의함", shape="days", section=TIE, choices=CONSENTS, most=LONGEST_DAYS,
            suffix="일 안에", means=_consented_lately,
        ),
        Field(code="refused", label="수신거부", shape="choices", section=TIE, choices=REFUSALS, means=_refused),
        Field(
            code="received", label="이 메시지를 받음", shape="choices", section=SAID, refers="campaign",
            means=_numbers("received", "campaign"), hint="도착했거나 도착을 기다리는 사람",
        ),
        Field(
            code="messaged", label="최근에 메시지를 받음", shape="days", section=SAID, most=LONGEST_DAYS,
            suffix="일 안에", means=_messaged, hint="우리 모든 조직의 메시지, 1일은 오늘",
        ),
    )
}  # fmt: skip


def problem(asked: Condition) -> str:
    """What keeps the condition from being asked yet, in Korean; "" when it is whole. Raises Unreadable for nonsense."""
    found = FIELDS.get(asked.field)
    if found is None:
        raise Unreadable("모르는 조건이 있습니다.")
    if found.choices is not None and not found.choices.keys() >= set(asked.values):
        raise Unreadable(f"‘{found.label}’에서 고를 수 없는 값입니다.")
    if asked.field == "district" and not all(_DISTRICT.fullmatch(value) for value in asked.values):
        raise Unreadable("지역구 번호는 숫자입니다.")
    if found.shape not in ("range", "days") and (asked.low is not None or asked.high is not None):
        raise Unreadable(f"‘{found.label}’에는 처음과 끝을 적지 않습니다.")
    if found.shape == "days" and asked.low is not None:
        raise Unreadable(f"‘{found.label}’에는 날수 하나만 적습니다.")
    if found.most and max(asked.low or 0, asked.high or 0) > found.most:
        raise Unreadable(f"‘{found.label}’은 {found.most:,}까지 적을 수 있습니다.")
    if found.shape == "range":
        if asked.low is None and asked.high is None:
            return f"‘{found.label}’의 처음이나 끝을 적어 주세요."
        if asked.low is not None and asked.high is not None and asked.low > asked.high:
            return f"‘{found.label}’의 처음이 끝보다 큽니다."
    if found.shape == "days" and not asked.high:
        return f"‘{found.label}’의 날수를 1부터 {found.most:,}까지 적어 주세요."
    needs_value = found.shape == "choices" or (found.shape == "days" and found.choices is not None)
    if needs_value and not asked.values:
        return f"‘{found.label}’에서 하나 이상 골라 주세요."
    if not needs_value and asked.values:
        raise Unreadable(f"‘{found.label}’에는 고를 것이 없습니다.")
    return ""


def is_whole(node: Node) -> bool:
    """Whether the node asks anything yet; what is not whole is passed over, so that a count can follow the writing."""
    return not problem(node) if isinstance(node, Condition) else any(is_whole(part) for part in node.parts)


def expression(group: Group, place: Place) -> Expression:
    """The crowd expression of ``group``. Raises Unreadable for nonsense, KeyError for an id that ``place`` lacks."""
    return _expression(group, place) if is_whole(group) else EVERYONE


def _expression(node: Node, place: Place) -> Expression:
    meant = FIELDS[node.field].means(node, place) if isinstance(node, Condition) else _group(node, place)
    return Not(meant) if node.negated else meant


def _group(group: Group, place: Place) -> Expression:
    parts = tuple(_expression(part, place) for part in group.parts if is_whole(part))
    if group.join == LEAST:
        return AtLeast(min(group.least, len(parts)), parts)
    return parts[0] if len(parts) == 1 else And(parts) if group.join == ALL else Or(parts)
