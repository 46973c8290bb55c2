"""What a campaign says: its message, the variables it may use, and whether it fits its kind at its longest. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from majung.campaigns.enums import Kind
from majung.channels.adapters import limits
from majung.channels.adapters.limits import Size
from majung.channels.adapters.terms import Button, KindFacts, Message
from majung.channels.adapters.terms import Kind as WireKind
from majung.delivery.render import NAME, PREFERENCES, UNIT_VARIABLES, Template, longest_values

HAND_FACTS = KindFacts(
    medium="KAKAO_AD", characters=1300, line_breaks=99, buttons=2, button_name=8, link=1000, takes_image=True
)
"""The partner centre counts for itself when the text is typed in; bounds as for a brand message (kakao.md §3.3)."""
WIRE: Mapping[str, WireKind] = {
    Kind.BRAND: WireKind.BRAND,
    Kind.ALIM: WireKind.ALIM,
    Kind.SMS: WireKind.SMS,
    Kind.LMS: WireKind.LMS,
    Kind.EMAIL: WireKind.EMAIL,
    Kind.HAND: WireKind.BRAND,
}
BUTTON_TYPES: Mapping[str, str] = {"WL": "웹 주소", "AC": "채널 추가"}
ADD_CHANNEL = "채널 추가"
MEANINGS: Mapping[str, str] = {
    NAME: "받는 사람의 이름",
    "조직": "보내는 채널의 조직",
    "대표": "그 조직의 대표",
    "전화": "그 조직의 전화",
    "채널": "보내는 채널의 이름",
    PREFERENCES: "받는 사람의 수신 설정 주소",
}
MAX_TITLE, MAX_SUBJECT, MAX_TEXT, MAX_FALLBACK, MAX_BUTTONS, MAX_LINK, MAX_BUTTON_NAME = 80, 40, 4000, 30, 5, 1000, 30
INVENTED_NAME = "이수아"
"""The person of previews and test sends (T5): nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a writer typed: the columns of a campaign that make its message."""

    kind: str
    text: str
    subject: str = ""
    buttons: Sequence[Mapping[str, Any]] = ()
    image_id: str = ""
    template_id: str = ""

    def message(self) -> Message:
        """The message, without what the kind has no place for."""
        takes_buttons = self.kind in (Kind.BRAND, Kind.ALIM, Kind.EMAIL, Kind.HAND)
        return Message(
            text=self.text,
            subject=self.subject if self.kind in (Kind.LMS, Kind.EMAIL) else "",
            buttons=tuple(_button(one) for one in self.buttons) if takes_buttons else (),
            image_id=self.image_id if self.kind in (Kind.BRAND, Kind.HAND) else "",
            template_id=self.template_id if self.kind == Kind.ALIM else "",
        )


def _button(said: Mapping[str, Any]) -> Button:
    link = said.get("link", "")
    return Button(name=said["name"], type=said["type"], link_mobile=link, link_pc=link)


def seen_by(template: Template, channel_id: int, name: str) -> Message:
    """The message as one person named ``name`` sees it from that channel; an empty name shows the fallback."""
    values = template.constants(channel_id) | {
        NAME: name or template.fallback(NAME),
        PREFERENCES: f"{template.link_base}0000",
    }
    message = template.message
    return replace(message, text=limits.fill(message.text, values), subject=limits.fill(message.subject, values))


def size(facts: KindFacts, template: Template) -> Size:
    """How long the text gets at most, and how much there may be."""
    return limits.size(facts, template.message.text, longest_values(template))


def problems(facts: KindFacts, template: Template) -> list[str]:
    """Everything about the words that keeps the message from being sent, as Korean sentences."""
    found = limits.problems(template.kind, facts, template.message, longest_values(template))
    if not facts.is_personal and not template.message.template_id:
        found += [
            f"이 대행사는 이 종류를 모두에게 같은 글로만 보냅니다. ‘#{{{name}}}’을 빼거나 다른 대행사 계정을 골라 주세요."
            for name in template.message.variables()
            if name in (NAME, PREFERENCES)
        ]
    for name in template.message.variables():
        if name == NAME and not template.fallback(name).strip():
            found.append("이름을 모르는 사람에게 쓸 말을 적어 주세요.")
        elif name in UNIT_VARIABLES and not template.fallback(name).strip():
            lacking = sum(1 for one in template.locals if not str(getattr(one, UNIT_VARIABLES[name])))
            if lacking:
                found.append(f"#{{{name}}}: 적어 두지 않은 조직이 {lacking:,}곳입니다. 대신 쓸 말을 적어 주세요.")
    if any("#{" in instead or len(instead) > MAX_FALLBACK for instead in template.fallbacks.values()):
        found.append(f"대신 쓸 말은 변수 없이 {MAX_FALLBACK}자까지 적어 주세요.")
    return found
