"""What one campaign says: its message with ``#{변수}``, where each variable comes from, and whether it can be said.

The message is frozen as JSON on the dispatch; the adapter turns it into bytes once a chunk (perf.md section c). Values
of the unit are constants of a channel, values of the person are columns of a chunk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from majung.channels.adapters.terms import VARIABLE, Button, Kind, KindFacts, Message
from majung.core import text as korean
from majung.core.errors import Refusal

NAME = "이름"
PREFERENCES = "수신설정"
UNIT_VARIABLES = {"조직": "unit", "대표": "leader", "전화": "phone", "채널": "channel"}
VARIABLES = (NAME, *UNIT_VARIABLES, PREFERENCES)
"""Every variable there is: the person's name, what is local to the unit, and the link to one's own settings."""

FALLBACKS = {NAME: "회원", "대표": "", "전화": ""}
LONGEST_NAME = 20


class UnknownVariable(Refusal):
    """The text uses a variable that does not exist."""

    code = "delivery.unknown_variable"
    sentence = "#{%(name)s}은(는) 없는 변수입니다. 쓸 수 있는 변수: %(known)s"
    fields = ("name", "known")


class TooLong(Refusal):
    """The message does not fit the kind, even at its longest values."""

    code = "delivery.too_long"
    sentence = "%(part)s이(가) 너무 깁니다: %(size)s%(unit)s, 한도 %(limit)s%(unit)s."
    fields = ("part", "size", "limit", "unit")


class CannotSay(Refusal):
    """The message cannot be put into the wire format of its kind."""

    code = "delivery.cannot_say"
    sentence = "%(problem)s"
    fields = ("problem",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What is local to one channel: its id at the dealer and the words of its unit."""

    channel_id: int
    pf_id: str
    unit: str
    leader: str = ""
    phone: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The message of one campaign with everything that its rendering needs, frozen with the audience."""

    kind: Kind
    message: Message
    sender: str = ""
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    locals: tuple[Local, ...] = ()
    link_base: str = ""

    @property
    def needs_name(self) -> bool:
        """Whether people's names are opened for it."""
        return NAME in self.message.variables()

    @property
    def needs_link(self) -> bool:
        """Whether each person gets a link of their own; a letter is refused and returned by it."""
        return self.kind is Kind.EMAIL or PREFERENCES in self.message.variables()

    def local(self, channel_id: int) -> Local:
        """The words of that channel. Raises KeyError."""
        for one in self.locals:
            if one.channel_id == channel_id:
                return one
        raise KeyError(f"no channel {channel_id} in this template")

    def constants(self, channel_id: int) -> dict[str, str]:
        """The unit's variables for a channel, with fallbacks for what the unit has not said."""
        words = self.local(channel_id)
        said = {name: str(getattr(words, attribute)) for name, attribute in _ATTRIBUTES}
        return {name: value or self.fallback(name) for name, value in said.items()}

    def fallback(self, name: str) -> str:
        """What stands where a value is missing."""
        return self.fallbacks.get(name) or FALLBACKS.get(name, "")

    def columns(self, names: Sequence[bytes] | None, links: Sequence[bytes] | None) -> dict[str, Sequence[bytes]]:
        """The person's variables of a chunk, from the opened names (b"" for none) and the links."""
        columns: dict[str, Sequence[bytes]] = {}
        if names is not None:
            missing = self.fallback(NAME).encode()
            columns[NAME] = names if all(names) else [name or missing for name in names]
        if links is not None:
            columns[PREFERENCES] = links
        return columns

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``dispatch.template``."""
        return {**asdict(self), "kind": str(self.kind)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Template":
        """What ``to_json`` wrote."""
        return cls(
            kind=Kind(stored["kind"]),
            message=message_from_json(stored["message"]),
            sender=stored["sender"],
            fallbacks=stored["fallbacks"],
            locals=tuple(Local(**one) for one in stored["locals"]),
            link_base=stored["link_base"],
        )


def message_from_json(stored: Mapping[str, Any]) -> Message:
    """The message that ``asdict`` made plain."""
    return Message(**{**stored, "buttons": tuple(Button(**button) for button in stored["buttons"])})


_ATTRIBUTES = tuple(UNIT_VARIABLES.items())


def fill(said: str, values: Mapping[str, str]) -> str:
    """``said`` with its variables replaced (previews and length checks; the hot path is the adapter's)."""
    return VARIABLE.sub(lambda found: values.get(found[1], found[0]), said)


def check(template: Template, facts: KindFacts) -> None:
    """Raises UnknownVariable, TooLong or CannotSay when the message cannot be said in its kind to everybody.

    Lengths are taken with the longest values of all channels and a name of twenty letters.
    """
    message = template.message
    for name in message.variables():
        if name not in VARIABLES:
            raise UnknownVariable(name=name, known=", ".join(VARIABLES))
    longest = longest_values(template)
    body = fill(message.text, longest)
    if not body.strip():
        raise CannotSay(problem="보낼 글이 비어 있습니다.")
    if facts.characters and len(body) > facts.characters:
        raise TooLong(part="본문", size=len(body), limit=facts.characters, unit="자")
    if facts.line_breaks and body.count("\n") > facts.line_breaks:
        raise TooLong(part="본문", size=body.count("\n"), limit=facts.line_breaks, unit="줄바꿈")
    if facts.bytes:
        _check_bytes("본문", body, facts.bytes)
    if facts.subject_bytes and message.subject:
        _check_bytes("제목", fill(message.subject, longest), facts.subject_bytes)
    if len(message.buttons) > facts.buttons:
        raise CannotSay(problem=f"이 종류에는 버튼을 {facts.buttons}개까지 달 수 있습니다.")
    for button in message.buttons:
        _check_button(button, longest, facts)
    if facts.needs_sender and not template.sender:
        raise CannotSay(problem="등록된 발신번호를 골라 주세요.")


def longest_values(template: Template) -> dict[str, str]:
    """For each variable the longest value that anybody may see."""
    longest = {NAME: "가" * LONGEST_NAME, PREFERENCES: template.link_base + "x" * 40}
    for name, attribute in _ATTRIBUTES:
        values = [str(getattr(one, attribute)) or template.fallback(name) for one in template.locals]
        longest[name] = max(values, key=len, default="")
    return longest


def _check_bytes(part: str, said: str, limit: int) -> None:
    try:
        size = korean.sms_bytes(said)
    except UnicodeEncodeError as error:
        problem = f"{part}에 문자로 보낼 수 없는 글자가 있습니다: {said[error.start : error.end]}"
        raise CannotSay(problem=problem) from None
    if size > limit:
        raise TooLong(part=part, size=size, limit=limit, unit="바이트")


def _check_button(button: Button, longest: Mapping[str, str], facts: KindFacts) -> None:
    name = fill(button.name, longest)
    if button.type != "AC" and not name.strip():
        raise CannotSay(problem="버튼 이름을 적어 주세요.")
    if len(name) > facts.button_name:
        raise TooLong(part="버튼 이름", size=len(name), limit=facts.button_name, unit="자")
    for link in (button.link_mobile, button.link_pc):
        filled = fill(link, longest)
        if len(filled) > facts.link:
            raise TooLong(part="버튼 주소", size=len(filled), limit=facts.link, unit="자")
        if filled and not filled.startswith(("https://", "http://")):
            raise CannotSay(problem="버튼 주소는 https://로 시작해야 합니다.")
