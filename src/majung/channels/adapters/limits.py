"""Whether a message can be said on a kind, judged when it is written, as the friend would see it (M10, kakao.md §5).

``check`` raises CannotSay with Korean sentences; ``seen`` says whether label, sender and opt-out stand on what arrives,
whoever prints them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from majung.channels.adapters.terms import VARIABLE, Button, Kind, KindFacts, Message, Printer
from majung.core.errors import Refusal
from majung.core.text import sms_bytes

AD_LABEL = "(광고)"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER_080 = re.compile(r"080[-. ]?\d{3,4}[-. ]?\d{4}")
_LINK = re.compile(r"https?://[^\s/?#]+(?:[/?]\S*|#(?!\{)\S*)?|#\{[^{}#\n]{1,30}\}\S*")
"""An address, or a variable that is one. No variable may stand in the host: it would choose where people are led."""
_BROKEN = re.compile(r"#\{|[#＃]｛|#\s+\{")
_BUTTONS = {"WL", "AL", "AC", "BK", "MD", "BC", "BT"}


class CannotSay(Refusal):
    """The message does not fit the kind. ``problems`` are whole Korean sentences, each naming what to mend."""

    code = "channels.cannot_say"
    sentence = "%(problem)s"
    fields = ("problem", "problems")

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem found, in the order of the message."""
        found: tuple[str, ...] = self.facts["problems"]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long a text gets at most, in the unit the kind counts, and how much there may be."""

    used: int
    most: int
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What stands on the message as it arrives, whoever prints it (law.md ADV-17 to 19)."""

    label: bool
    sender: bool
    opt_out: bool


def check(kind: Kind, facts: KindFacts, message: Message, longest: Mapping[str, str]) -> None:
    """Return when the message can be said; raises CannotSay with every problem.

    ``longest`` gives, for each variable allowed here, the longest value it can have: lengths are judged with it.
    """
    found = problems(kind, facts, message, longest)
    if found:
        raise CannotSay(problem=" ".join(found), problems=tuple(found))


def problems(kind: Kind, facts: KindFacts, message: Message, longest: Mapping[str, str]) -> list[str]:
    """Everything that keeps the message from being said, as Korean sentences; empty when nothing does."""
    found = []
    if not message.text.strip():
        found.append("내용이 비어 있습니다.")
    unknown = [name for name in message.variables() if name not in longest]
    found += [f"‘#{{{name}}}’은 쓸 수 없는 변수입니다." for name in unknown]
    if any(_BROKEN.search(VARIABLE.sub("", text)) for text in message.texts()):
        found.append("닫히지 않았거나 이름이 너무 긴 변수가 있습니다. ‘#{이름}’처럼 적어 주세요.")
    if any(_CONTROL.search(text) for text in message.texts()):
        found.append("보이지 않는 제어 문자가 있습니다. 지우고 다시 적어 주세요.")
    found += _of_text(facts, message, longest)
    found += _of_buttons(kind, facts, message, longest)
    if facts.needs_template and not message.template_id:
        found.append("알림톡은 승인된 템플릿으로만 보낼 수 있습니다.")
    if message.image_id and not facts.takes_image:
        found.append("이 종류의 메시지에는 그림을 붙일 수 없습니다.")
    if message.image_link and not message.image_id:
        found.append("그림이 없어 그림의 연결 주소를 쓸 수 없습니다.")
    if message.image_link and not _is_link(message.image_link):
        found.append("그림의 연결 주소는 https://로 시작해야 합니다.")
    return found


def size(facts: KindFacts, text: str, longest: Mapping[str, str]) -> Size:
    """How long the text gets with the longest values. Characters that no carrier can write count two bytes."""
    full = fill(text, longest)
    if facts.bytes:
        return Size(used=len(full.encode("cp949", errors="replace")), most=facts.bytes, unit="바이트")
    return Size(used=len(full), most=facts.characters, unit="자")


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced; unknown ones stay as they are written."""
    return VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)


def seen(facts: KindFacts, message: Message, sender_name: str) -> Seen:
    """What the friend sees of label, sender and opt-out: printed by the messenger, or standing in our own text."""
    first_line = message.text.lstrip().split("\n", 1)[0]
    return Seen(
        label=facts.label is Printer.MESSENGER or first_line.startswith(AD_LABEL),
        sender=facts.sender is Printer.MESSENGER or bool(sender_name and sender_name in message.text),
        opt_out=facts.opt_out is Printer.MESSENGER or _NUMBER_080.search(message.text) is not None,
    )


def as_advertising(facts: KindFacts, message: Message, sender_name: str, refusal_number: str) -> Message:
    """The message with the marks that must stand in our own text (kakao.md §5): ``(광고)`` first, 080 last."""
    marks = seen(facts, message, sender_name)
    text = message.text
    if not (marks.label and marks.sender):
        body = text.lstrip().removeprefix(AD_LABEL)
        text = f"{AD_LABEL}{body}" if marks.sender else f"{AD_LABEL}{sender_name}\n{body.lstrip()}"
    if not marks.opt_out and refusal_number:
        text = f"{text.rstrip()}\n무료수신거부 {refusal_number}"
    return Message(
        text=text, subject=message.subject, buttons=message.buttons, image_id=message.image_id,
        image_link=message.image_link, template_id=message.template_id,
    )  # fmt: skip


def as_letter(message: Message, sender_name: str, phone: str, address: str) -> Message:
    """The letter with what must stand below it: who writes and where they are, and the way out in two languages (ADV-18, 19).

    What the writer has put in already is not said twice.
    """
    text = message.text.rstrip()
    told = "수신거부" in text and "unsubscribe" in text.lower()
    lines = [part for part in (sender_name, phone, address) if part and part not in text]
    foot = [" · ".join(lines)] if lines else []
    foot += [] if told else ["수신거부 / Unsubscribe: #{수신설정}"]
    return replace(message, text="\n".join([text, "", *foot]) if foot else text)


def _of_text(facts: KindFacts, message: Message, longest: Mapping[str, str]) -> list[str]:
    found = []
    counted = size(facts, message.text, longest)
    if counted.used > counted.most:
        found.append(
            f"내용이 길게는 {counted.used:,}{counted.unit}입니다. {counted.most:,}{counted.unit}까지 보낼 수 있습니다."
        )
    breaks = fill(message.text, longest).count("\n")
    if facts.line_breaks and breaks > facts.line_breaks:
        found.append(f"줄을 {breaks}번 바꾸었습니다. {facts.line_breaks}번까지 됩니다.")
    if facts.bytes:
        bad = unwritable(message.text + message.subject)
        if bad:
            found.append(f"문자로 보낼 수 없는 글자가 있습니다: {' '.join(bad[:10])}")
    if message.subject and not facts.subject_bytes:
        found.append("이 종류의 메시지에는 제목이 없습니다.")
    elif message.subject:
        used = len(fill(message.subject, longest).encode("cp949", errors="replace"))
        if used > facts.subject_bytes:
            found.append(f"제목이 길게는 {used}바이트입니다. {facts.subject_bytes}바이트까지 됩니다.")
    return found


def unwritable(text: str) -> list[str]:
    """Characters that a text message cannot carry, each once: outside CP949, or outside KS X 1001 (kakao.md §5)."""
    bad = []
    for character in dict.fromkeys(text):
        try:
            sms_bytes(character)
            if len(character.encode("euc-kr")) == 8:  # the codec's make-up sequence for syllables outside KS X 1001
                bad.append(character)
        except UnicodeEncodeError:
            bad.append(character)
    return bad


def _of_buttons(kind: Kind, facts: KindFacts, message: Message, longest: Mapping[str, str]) -> list[str]:
    buttons = message.buttons
    if not buttons:
        return []
    if not facts.buttons:
        return ["이 종류의 메시지에는 버튼을 붙일 수 없습니다."]
    found = []
    if len(buttons) > facts.buttons:
        found.append(f"버튼은 {facts.buttons}개까지 붙일 수 있습니다.")
    for position, button in enumerate(buttons, 1):
        found += [f"버튼 {position}: {problem}" for problem in _of_button(kind, facts, button, longest)]
    if any(b.type == "AC" for b in buttons[1:]):
        found.append("채널 추가 버튼은 맨 앞에 하나만 둘 수 있습니다.")
    return found


def _of_button(kind: Kind, facts: KindFacts, button: Button, longest: Mapping[str, str]) -> list[str]:
    if button.type not in _BUTTONS:
        return ["이 대행사에 없는 종류입니다."]
    found = []
    if button.type == "AC":
        return ["이름은 ‘채널 추가’로 정해져 있습니다."] if button.name not in ("", "채널 추가") else []
    name = fill(button.name, longest)
    if not name.strip() or len(name) > facts.button_name:
        found.append(f"이름은 1–{facts.button_name}자로 적어 주세요.")
    if kind is Kind.ALIM and VARIABLE.search(button.name):
        found.append("알림톡 버튼 이름에는 변수를 쓸 수 없습니다.")
    links = [link for link in (button.link_mobile, button.link_pc) if link]
    if button.type == "WL" and not button.link_mobile:
        found.append("연결 주소가 필요합니다.")
    if button.type == "AL" and sum(map(bool, (button.link_mobile, button.link_android, button.link_ios))) < 2:
        found.append("앱 버튼에는 모바일·안드로이드·iOS 주소 가운데 둘이 필요합니다.")
    if any(not _is_link(link) for link in links):
        found.append("연결 주소는 https://로 시작하고 빈칸이 없어야 합니다.")
    if any(len(fill(link, longest)) > facts.link for link in (*links, button.link_android, button.link_ios)):
        found.append(f"연결 주소는 {facts.link:,}자까지 됩니다.")
    return found


def _is_link(text: str) -> bool:
    return _LINK.fullmatch(text) is not None
