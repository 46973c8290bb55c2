"""What a message may hold: its variables, lengths and buttons, measured for the longest that can come out. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from majung.campaigns.enums import Kind
from majung.channels.adapters.base import VARIABLE, Button, KindFacts, Message
from majung.core import text as texts

NAME, UNIT, LEADER, UNIT_PHONE, PREFERENCES = "이름", "조직", "대표", "조직전화", "수신설정"
VARIABLES: Mapping[str, str] = {
    NAME: "받는 사람의 이름",
    UNIT: "보내는 채널의 조직",
    LEADER: "그 조직의 대표",
    UNIT_PHONE: "그 조직의 전화",
    PREFERENCES: "받는 사람의 수신 설정 주소",
}
MAY_BE_EMPTY = (NAME, LEADER, UNIT_PHONE)
"""Variables that somebody or some unit may lack, and that therefore need something to say instead."""
LONGEST: Mapping[str, str] = {
    NAME: "가" * 12,
    UNIT: "가" * 20,
    LEADER: "가" * 10,
    UNIT_PHONE: "0" * 13,
    PREFERENCES: "x" * 90,
}
"""What stands in for a variable when the real values are not looked up: bounds of the vault and the tree's forms."""

HAND_FACTS = KindFacts(
    medium="KAKAO_AD", characters=1300, line_breaks=99, buttons=2, button_name=8, link=1000, takes_image=True
)
"""The partner centre counts for itself when the text is typed in; bounds as for a brand message (kakao.md §3.3)."""
BUTTON_TYPES: Mapping[str, str] = {"WL": "웹 주소", "AC": "채널 추가"}
ADD_CHANNEL_NAME = "채널 추가"
MAX_TITLE, MAX_FALLBACK, MAX_RAW_TEXT = 80, 30, 8000
_LOOSE = re.compile(r"#\{|#\s*\{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about the message: ``stop`` keeps it from being sent, ``warn`` wants a look. ``at`` names the field."""

    tone: Literal["stop", "warn"]
    at: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How long the message is at its longest, in what the kind counts, and how much it may be."""

    used: int
    limit: int
    unit: Literal["자", "바이트"]
    buttons: int
    most_buttons: int

    @property
    def is_over(self) -> bool:
        """Whether it may not be sent so."""
        return self.used > self.limit


def message_of(kind: str, said: Mapping[str, Any]) -> Message:
    """The message that columns of a campaign (``text subject buttons fallbacks``) say, picture and template aside."""
    buttons = tuple(
        Button(name=b["name"], type=b["type"], link_mobile=b.get("link", ""), link_pc=b.get("link", ""))
        for b in said["buttons"]
    )
    has_buttons = kind in (Kind.BRAND, Kind.ALIM, Kind.HAND)
    return Message(
        text=said["text"],
        subject=said["subject"] if kind == Kind.LMS else "",
        buttons=buttons if has_buttons else (),
    )


def filled(message: Message, values: Mapping[str, str], fallbacks: Mapping[str, str]) -> Message:
    """``message`` with every variable said: by ``values``, by its fallback where that is empty, or by nothing."""

    def say(text: str) -> str:
        return VARIABLE.sub(lambda found: values.get(found[1]) or fallbacks.get(found[1], ""), text)

    buttons = tuple(
        replace(b, name=say(b.name), link_mobile=say(b.link_mobile), link_pc=say(b.link_pc)) for b in message.buttons
    )
    return replace(message, text=say(message.text), subject=say(message.subject), buttons=buttons)


def longest(message: Message, fallbacks: Mapping[str, str], values: Mapping[str, str] = LONGEST) -> Message:
    """``message`` as long as it can come out: each variable by its longest value or its longer fallback."""
    widest = {name: max(LONGEST[name], values.get(name, ""), fallbacks.get(name, ""), key=len) for name in LONGEST}
    if values is not LONGEST:
        widest |= {name: max(value, fallbacks.get(name, ""), key=len) for name, value in values.items()}
    return filled(message, widest, {})


def measure(
    facts: KindFacts, message: Message, fallbacks: Mapping[str, str], values: Mapping[str, str] = LONGEST
) -> Measure:
    """The length of the message at its longest."""
    text = longest(message, fallbacks, values).text
    in_bytes = facts.characters == 0
    return Measure(
        used=_bytes(text) if in_bytes else len(text),
        limit=facts.bytes if in_bytes else facts.characters,
        unit="바이트" if in_bytes else "자",
        buttons=len(message.buttons),
        most_buttons=facts.buttons,
    )


def lint(
    facts: KindFacts,
    message: Message,
    fallbacks: Mapping[str, str],
    values: Mapping[str, str] = LONGEST,
    *,
    has_picture: bool = False,
) -> list[Finding]:
    """Everything that stands in the way of sending ``message`` as this kind, then what wants a look."""
    found = [*_variables(message, fallbacks), *_lengths(facts, message, fallbacks, values), *_buttons(facts, message)]
    if has_picture and not facts.takes_image:
        found.append(Finding(tone="stop", at="picture", sentence="이 종류에는 그림을 넣을 수 없습니다."))
    if facts.characters == 0:
        found += _encoding(message, fallbacks)
    return sorted(found, key=lambda one: one.tone != "stop")


def _variables(message: Message, fallbacks: Mapping[str, str]) -> Iterator[Finding]:
    known = " ".join(f"#{{{name}}}" for name in VARIABLES)
    for name in message.variables():
        if name not in VARIABLES:
            yield Finding(
                tone="stop", at="text", sentence=f"#{{{name}}}은 모르는 변수입니다. 쓸 수 있는 변수는 {known}입니다."
            )
        elif name in MAY_BE_EMPTY and not fallbacks.get(name, "").strip():
            yield Finding(
                tone="stop", at=f"fallback_{name}", sentence=f"#{{{name}}}이 없는 사람에게 쓸 말을 적어 주세요."
            )
    for text in message.texts():
        if len(_LOOSE.findall(text)) != len(VARIABLE.findall(text)):
            yield Finding(
                tone="stop", at="text", sentence="닫히지 않았거나 잘못 쓴 변수가 있습니다. #{이름}처럼 적어 주세요."
            )
            break
    for name, instead in fallbacks.items():
        if "#{" in instead or len(instead) > MAX_FALLBACK:
            yield Finding(
                tone="stop", at=f"fallback_{name}", sentence=f"대신 쓸 말은 변수 없이 {MAX_FALLBACK}자까지 적어 주세요."
            )


def _lengths(
    facts: KindFacts, message: Message, fallbacks: Mapping[str, str], values: Mapping[str, str]
) -> Iterator[Finding]:
    if not message.text.strip():
        yield Finding(tone="stop", at="text", sentence="보낼 글이 없습니다.")
        return
    size = measure(facts, message, fallbacks, values)
    if size.is_over:
        yield Finding(
            tone="stop",
            at="text",
            sentence=f"글이 가장 길 때 {size.used:,}{size.unit}여서 {size.limit:,}{size.unit}를 넘습니다. "
            f"{size.used - size.limit:,}{size.unit}를 줄여 주세요.",
        )
    if facts.line_breaks and (breaks := message.text.count("\n")) > facts.line_breaks:
        yield Finding(
            tone="stop",
            at="text",
            sentence=f"줄을 {breaks}번 바꾸었습니다. {facts.line_breaks}번까지 바꿀 수 있습니다.",
        )
    if facts.subject_bytes and (size_of := _bytes(longest(message, fallbacks, values).subject)) > facts.subject_bytes:
        yield Finding(
            tone="stop",
            at="subject",
            sentence=f"제목이 {size_of}바이트입니다. {facts.subject_bytes}바이트까지 쓸 수 있습니다.",
        )


def _buttons(facts: KindFacts, message: Message) -> Iterator[Finding]:
    if len(message.buttons) > facts.buttons:
        yield Finding(tone="stop", at="buttons", sentence=f"버튼은 {facts.buttons}개까지 넣을 수 있습니다.")
    for number, button in enumerate(message.buttons, start=1):
        if button.type not in BUTTON_TYPES:
            yield Finding(tone="stop", at="buttons", sentence=f"버튼 {number}의 종류를 알 수 없습니다.")
        if not button.name.strip():
            yield Finding(tone="stop", at="buttons", sentence=f"버튼 {number}에 이름이 없습니다.")
        if len(button.name) > facts.button_name:
            yield Finding(
                tone="stop", at="buttons", sentence=f"버튼 {number}의 이름은 {facts.button_name}자까지 쓸 수 있습니다."
            )
        if "#{" in button.name:
            yield Finding(tone="stop", at="buttons", sentence=f"버튼 {number}의 이름에는 변수를 쓸 수 없습니다.")
        if button.type == "AC" and button.name != ADD_CHANNEL_NAME:
            yield Finding(tone="stop", at="buttons", sentence=f"채널 추가 버튼의 이름은 ‘{ADD_CHANNEL_NAME}’입니다.")
        if button.type == "WL" and not _is_link(button.link_mobile, facts.link):
            yield Finding(tone="stop", at="buttons", sentence=f"버튼 {number}의 주소를 https://로 시작해 적어 주세요.")


def _is_link(link: str, most: int) -> bool:
    """Whether a browser could open it; the address of a preference page stands alone, nothing is put before it."""
    if link == f"#{{{PREFERENCES}}}":
        return True
    if not 0 < len(link) <= (most or 500) or any(c.isspace() or not c.isprintable() for c in link):
        return False
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in parts.netloc and "#{" not in parts.netloc


def _encoding(message: Message, fallbacks: Mapping[str, str]) -> Iterator[Finding]:
    """Carriers take EUC-KR only (kakao.md §5); Python's codec hides syllables outside it in eight bytes."""
    said = "".join((message.text, message.subject, *fallbacks.values()))
    if lost := dict.fromkeys(c for c in said if not _can_be_said(c)):
        yield Finding(
            tone="stop", at="text", sentence=f"문자로 보낼 수 없는 글자가 있습니다: {' '.join(list(lost)[:10])}"
        )
    if risky := dict.fromkeys(
        c for c in said if _can_be_said(c) and "가" <= c <= "힣" and len(c.encode("euc-kr")) == 8
    ):
        yield Finding(
            tone="warn",
            at="text",
            sentence=f"일부 전화기에서 깨질 수 있는 글자가 있습니다: {' '.join(list(risky)[:10])}",
        )


def _can_be_said(character: str) -> bool:
    try:
        character.encode("cp949")
    except UnicodeEncodeError:
        return False
    return True


def _bytes(text: str) -> int:
    """Bytes as carriers count; what cannot be said counts two and is reported by itself."""
    try:
        return texts.sms_bytes(text)
    except UnicodeEncodeError:
        return sum(texts.sms_bytes(c) if _can_be_said(c) else 2 for c in text)
