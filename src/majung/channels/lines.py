"""Which line leads to whom: HTTP to dealers, SMTP to mail servers."""

from majung.channels.adapters.base import Adapter
from majung.channels.adapters.smtp.adapter import Smtp
from majung.channels.line import ANSWER_SECONDS, Line, Told
from majung.channels.mail_line import LetterLine

AnyLine = Line | LetterLine


def open_line(adapter: Adapter, answer_seconds: float = ANSWER_SECONDS, *, told: Told | None = None) -> AnyLine:
    """A line for one thread to whatever is behind ``adapter``; nothing is connected yet."""
    if isinstance(adapter, Smtp):
        return LetterLine(adapter, answer_seconds, told=told)
    return Line(adapter, answer_seconds, told=told)
