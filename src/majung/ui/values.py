"""What other rooms hand to components: small frozen records, without models and without the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Tone = Literal["", "ok", "warn", "danger", "doubt", "idle", "live", "acc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NavItem:
    """One line of the navigation. `count` is what waits there; `hot` paints it as a duty past its time."""

    label: str
    url: str
    icon: str
    active: bool = False
    count: int = 0
    hot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """One step of the place in the tree or of the way to this page; the last one has no `url`."""

    label: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who is signed in, as the top bar shows it. `masked` names are the caller's business."""

    name: str
    role: str = ""
    initials: str = ""
    links: Sequence[Crumb] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A dot and a word; `tone` is one of `Tone`."""

    word: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of `<c-table :cols :rows>`: which key of a row it shows, and how.

    `kind`: text · number · signed · percent (share of one) · won (centiwon) · size · day · moment · status and tag (a
    `Status`) · bar (share of one, or a `Part` with a tone of its own). `wide` takes a row of its own on a phone; `hide`
    leaves it out there.
    """

    key: str
    label: str
    kind: str = "text"
    unit: str = ""
    tone: str = "acc"
    wide: bool = False
    hide: bool = False

    @property
    def right(self) -> bool:
        """Whether its cells are numbers, which stand at the right."""
        return self.kind in {"number", "signed", "percent", "won", "size"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One key figure: label, value already written out, its unit, the change and what the change means."""

    label: str
    value: str
    unit: str = ""
    change: str = ""
    change_tone: Tone = ""
    note: str = ""
    series: Sequence[float] = ()
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a bar: its share is `value` out of the bar's total."""

    value: float
    tone: str = "acc"
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The equation of a campaign: audience = left out + accepted + refused + in doubt + not yet."""

    audience: int
    left_out: int
    accepted: int
    refused: int
    in_doubt: int
    not_yet: int

    @property
    def balanced(self) -> bool:
        """Whether both sides of the equation are equal."""
        return self.audience == self.left_out + self.accepted + self.refused + self.in_doubt + self.not_yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much of what was lent is used: `limit` None means without limit."""

    label: str
    used: int
    limit: int | None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link of a chain of grants, the owner first."""

    holder: str
    what: str
    until: str = ""
    owner: bool = False
    icon: str = ""
    quotas: Sequence[Quota] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule as judged for one person: `state` is passed, stopped or skipped."""

    state: Literal["passed", "stopped", "skipped"]
    text: str
    law: str = ""
    law_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a wizard or of an approval: `state` is done, now or later."""

    label: str
    state: Literal["done", "now", "later"]
    url: str = ""
    note: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One tab, chip or segment: a plain link."""

    label: str
    url: str
    active: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentLine:
    """One of the four lines of a notice; `strong` is what the law wants to stand out (20 % larger and bold)."""

    label: str
    text: str
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a timeline."""

    at: datetime
    title: str
    note: str = ""
    icon: str = "point"
    tone: Tone = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One date on a friend's page: the day, what happens, where and when."""

    on: date | datetime
    title: str
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box of a matrix of choices; `label` is the word of its column."""

    name: str
    value: str
    label: str
    checked: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxRow:
    """One row of a matrix of choices; a None box cannot be chosen at all."""

    label: str
    boxes: Sequence[Box | None]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One district on the map: its `nec_code`, what to call it, the value, where a press leads."""

    nec_code: str
    label: str
    value: float | None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a comparison: `before` None was added, `after` None was removed, equal ones are context."""

    label: str
    before: str | None
    after: str | None
