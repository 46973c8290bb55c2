"""The refusals of campaigns."""

from typing import ClassVar

from majung.core import errors
from majung.core.errors import Invalid, Refusal


class Conflict(errors.Conflict):
    """A conflict with facts of its own."""

    fields: ClassVar[tuple[str, ...]] = ("problem",)  # type: ignore[assignment]  # the base knows one fact only


class Unlawful(errors.Unlawful):
    """A law's word with facts of its own."""

    fields: ClassVar[tuple[str, ...]] = ("problem", "article")  # type: ignore[assignment]  # the base knows two


class WrongMoment(Conflict):
    """The campaign is not in a state in which this can be done."""

    code = "campaigns.wrong_moment"
    sentence = "지금은 ‘%(state)s’ 상태여서 ‘%(move)s’를 할 수 없습니다. 아무것도 바꾸지 않았습니다."
    fields = ("state", "move")


class CannotSend(Conflict):
    """Something stands in the way; ``problems`` are whole sentences."""

    code = "campaigns.cannot_send"
    sentence = "보내지 않았습니다. %(problem)s"
    fields = ("problem", "problems")


class Forbids(Unlawful):
    """A rule forbids the message for everybody; ``reason`` is its code."""

    code = "campaigns.forbidden_by_rule"
    sentence = "보내지 않았습니다. %(problem)s (%(article)s)"
    fields = ("problem", "article", "reason")


class SaidAlready(Conflict):
    """The same message to the same audience was confirmed a moment ago."""

    code = "campaigns.said_already"
    sentence = (
        "보내지 않았습니다. 같은 내용을 같은 대상에게 %(ago)s 보내기로 했습니다. 한 번 더 보내려면 다시 눌러 주세요."
    )
    fields = ("ago", "campaign")


class TooLate(Conflict):
    """The recall window is over."""

    code = "campaigns.too_late"
    sentence = "거두지 못했습니다. 회수 시간이 끝나 나가기 시작했습니다. 남은 것은 ‘그만두기’로 멈출 수 있습니다."
    fields = ()


class CannotWrite(Invalid):
    """What was typed does not fit any campaign."""

    code = "campaigns.cannot_write"


class TooFew(Refusal):
    """A blind sender addresses no audience under thirty (T5)."""

    code = "campaigns.too_few"
    sentence = "보내지 않았습니다. 받을 사람이 30명보다 적어, 누구인지 드러날 수 있는 대상에게는 보낼 수 없습니다."
    fields = ()


class DeniedAtFreeze(Conflict):
    """Something that began to hold between confirming and writing the list."""

    code = "campaigns.denied_at_freeze"
    sentence = "%(problem)s"
    fields = ("problem",)
