"""The books of a campaign line by line: what each number means, of what it is made, and that it adds up (M9, T5).

A line is a name, a sentence and a way to count it (``figures.Pick``); what it is made of are lines again, counted by
themselves, so that the sum that is shown is a check and no repetition. Who may not know exact numbers gets them told as
``audience.counts`` says, and no line finer than that allows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from majung.audience import counts
from majung.audience.counts import Sight
from majung.campaigns import chapters
from majung.campaigns.chapters import Term, Unit
from majung.campaigns.models import Campaign
from majung.channels.models import Channel
from majung.core import db
from majung.core.errors import NotYours
from majung.delivery import figures
from majung.delivery.figures import Row
from majung.tree.actor import Actor
from majung.ui.text import number, won


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """How a line adds up, as it is shown: the whole, and each part with its sign. ``is_exact``: nothing of it was hidden."""

    whole: str
    parts: tuple[tuple[str, str], ...]
    is_right: bool
    is_exact: bool

    @property
    def says_more(self) -> bool:
        """Whether it tells anything that the lines themselves do not."""
        return len(self.parts) > 1 or not self.is_right


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as it is shown. ``sign`` is how it goes into the line above it; ``has_more``: channels and hours can be seen."""

    key: str
    name: str
    means: str
    shown: str
    sign: str = "+"
    todo: str = ""
    law: str = ""
    tone: str = ""
    parts: tuple["Line", ...] = ()
    sum: Sum | None = None
    has_more: bool = False
    is_none: bool = False

    @property
    def is_calm(self) -> bool:
        """Whether the line and all below it add up."""
        return (self.sum is None or self.sum.is_right) and all(part.is_calm for part in self.parts)


def explained(actor: Actor, campaign: Campaign) -> list[Line]:
    """The books line by line, each chapter one line with its parts; empty before the list was written."""
    rows = figures.read(db.raw(), campaign.pk)
    if not any(row.what == "dispatch" for row in rows):
        return []
    sight = counts.sight(actor, campaign.scope)
    few = figures.collapsed(rows)
    return [_line(term, few, sight) for term in chapters.of(campaign, few, sight)]


def found(actor: Actor, campaign: Campaign, key: str) -> tuple[Term, list[Row], Sight] | None:
    """The line of that name with the rows that it is counted from; None when there is none that may be looked into."""
    rows = figures.read(db.raw(), campaign.pk)
    sight = counts.sight(actor, campaign.scope)
    for term in _every(chapters.of(campaign, figures.collapsed(rows), sight)):
        if term.key == key and term.is_open:
            return term, rows, sight
    return None


def _every(terms: Iterable[Term]) -> Iterable[Term]:
    for term in terms:
        yield term
        yield from _every(term.parts)


def _line(term: Term, rows: Sequence[Row], sight: Sight) -> Line:
    """The line and everything below it, as told under ``sight``."""
    mine = figures.total(rows, term.pick)
    return _told(term, rows, sight, mine, shown(mine, term.unit, sight))


def _told(term: Term, rows: Sequence[Row], sight: Sight, mine: int, as_shown: str) -> Line:
    kept = [(part, n) for part in term.parts if (n := figures.total(rows, part.pick)) or part.always]
    parts = tuple(
        _told(part, rows, sight, n, told)
        for (part, n), told in zip(kept, _told_parts([(part.unit, n) for part, n in kept], sight), strict=True)
    )
    added_up = sum(n if part.sign == "+" else -n for part, n in kept)
    made = None
    if parts:
        made = Sum(
            whole=as_shown, parts=tuple((part.sign, part.shown) for part in parts), is_exact=sight == "exact",
            is_right=added_up == mine and all(n >= 0 for _, n in kept),
        )  # fmt: skip
    return Line(
        key=term.key, name=term.name, means=term.means, shown=as_shown, sign=term.sign, todo=term.todo if mine else "",
        law=term.law, tone=term.tone, parts=parts, has_more=term.is_open and bool(mine),
        is_none=not mine, sum=made,
    )  # fmt: skip


def shown(n: int, unit: Unit, sight: Sight) -> str:
    """A number as it is told; money of the blind is that of tens of people already, where it is shown at all."""
    if unit == "원":
        return won(n)
    if sight == "exact" or n == 0:
        return f"{number(n)}{unit}"
    return counts.part(n, sight, unit).shown


def _told_parts(parts: Sequence[tuple[Unit, int]], sight: Sight) -> list[str]:
    """Parts of one line: where one alone would be hidden, subtraction must not find it."""
    people = iter(counts.parts([n for unit, n in parts if unit != "원"], sight))
    return [won(n) if unit == "원" else next(people).shown.replace("명", unit) for unit, n in parts]


# ── one line, looked into ────────────────────────────────────────────────────────────────────────────────────────────

HOURS: Mapping[str, str] = {
    "chunk": "대행사에 넘긴 때", "left_out": "제외한 때", "exception": "다시 보내기로 적은 때", "cost": "장부에 적은 때",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Part of a line: those of one channel, or of one hour (None: not handed over yet)."""

    unit: str
    channel: str
    at: datetime | None
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """One line by channel and by hour. ``hours`` says what the hours are; ``is_exact``: all numbers are."""

    name: str
    means: str
    todo: str
    law: str
    shown: str
    by_channel: tuple[Piece, ...]
    by_hour: tuple[Piece, ...]
    hours: str
    is_exact: bool


def inside(actor: Actor, campaign: Campaign, key: str) -> Inside:
    """One line of the books, looked into. Raises NotYours for a line that there is not, or not for this actor.

    Where the line comes together with others that are told, exact numbers of somebody else's unit could be subtracted from
    each other: they are told in tens.
    """
    told = found(actor, campaign, key)
    if told is None:
        raise NotYours()
    term, rows, sight = told
    whole = figures.total(rows, term.pick)
    by_channel = figures.by_channel(rows, term.pick)
    known = (
        Channel.objects.filter(root_id=campaign.root_id).select_related("unit").in_bulk([c for c in by_channel if c])
    )
    channels: list[tuple[int, Piece]] = []
    is_exact = sight == "exact"
    for number_of, n in by_channel.items():
        channel = known.get(number_of or 0)
        own = counts.sight(actor, channel.unit if channel else campaign.unit)
        is_exact = is_exact and own == "exact"
        piece = Piece(
            unit=channel.unit.name if channel else "", channel=channel.name if channel else "채널 없음", at=None,
            shown=_coarse(n, term.unit, own),
        )  # fmt: skip
        # In the order of what is told: that of hidden numbers would tell of them.
        channels.append((n if own == "exact" else counts.part(n, "blind").number or 0, piece))
    channels.sort(key=lambda pair: (-pair[0], pair[1].channel))
    hours = figures.by_hour(rows, term.pick)
    what = {row.what for row in rows if term.pick(row)}
    return Inside(
        name=term.name, means=term.means, todo=term.todo, law=term.law, shown=shown(whole, term.unit, sight),
        by_channel=tuple(piece for _, piece in channels) if any(by_channel) else (),
        by_hour=tuple(
            Piece(unit="", channel="", at=at, shown=_coarse(n, term.unit, sight))
            for at, n in sorted(hours.items(), key=lambda item: (item[0] is None, item[0] or campaign.created_at))
        ),
        hours=next((HOURS[one] for one in HOURS if one in what), "때"), is_exact=is_exact,
    )  # fmt: skip


def _coarse(n: int, unit: Unit, sight: Sight) -> str:
    if sight == "exact" or unit == "원":
        return shown(n, unit, sight)
    return counts.part(n, "blind", unit).shown
