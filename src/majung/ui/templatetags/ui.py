"""Template filters and tags of the design system; every one is a thin face of `ui.text`, `ui.scales` or `ui.forms`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import segno
from django import template
from django.forms import BoundField
from django.forms.utils import flatatt
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString

from majung.core import clock
from majung.ui import cells, forms, scales, text
from majung.ui.values import Column, Part

register = template.Library()


@register.filter(is_safe=True)
def josa(word: object, pair: str) -> str:
    """{{ name|josa:"을를" }} → 서울시당을."""
    shown = str(word)
    return shown + text.particle(shown, pair)


@register.filter
def number(value: object, places: int | None = None) -> str:
    """1,234; the unknown is "–"."""
    return text.number(cells.number_of(value), places)


@register.filter
def signed(value: object, places: int | None = None) -> str:
    """A change with its sign."""
    return text.signed(cells.number_of(value), places)


@register.filter
def percent(share: object, places: int = 1) -> str:
    """A share of one as per cent."""
    return text.percent(cells.number_of(share), places)


@register.filter
def month_of(on: date | datetime) -> str:
    """11월."""
    return f"{text.seoul_date(on).month}월"


@register.filter
def day_of(on: date | datetime) -> str:
    """05."""
    return f"{text.seoul_date(on).day:02}"


@register.filter
def depth(level: int) -> int:
    """How far a row of the tree is set in: the first level not at all, from the fifth on all alike."""
    return min(int(level) - 1, 4)


@register.filter
def percent_change(share: object, places: int = 1) -> str:
    """A relative change as per cent with its sign."""
    return text.percent_change(cells.number_of(share), places)


@register.filter
def points(difference: object, places: int = 1) -> str:
    """A difference of shares as %p."""
    return text.points(cells.number_of(difference), places)


@register.filter
def won(centiwon: int | None) -> str:
    """Centiwon as won in full digits."""
    return text.won(centiwon)


@register.filter
def won_in_words(centiwon: int | None) -> str:
    """Centiwon as won in 만 and 억."""
    return text.won_in_words(centiwon)


@register.filter
def few(count: int | None, unit: str = "명") -> str:
    """A count that is hidden under ten."""
    return text.few(count, unit)


@register.filter
def size(count: int | None) -> str:
    """Bytes as KB, MB, GB."""
    return text.size(count)


@register.filter
def heading_day(day: date | datetime | None) -> str:
    """11월 20일 금요일."""
    return text.heading_day(day)


@register.filter
def moment(at: datetime | None) -> str:
    """11월 23일 월 09:00."""
    return text.moment(at, clock.now())


@register.filter
def day(on: date | datetime | None) -> str:
    """2026.07.04."""
    return text.table_day(on)


@register.filter
def table_moment(at: datetime | None) -> str:
    """2026.07.04 15:26."""
    return text.table_moment(at)


@register.filter
def hour(at: datetime | time | None) -> str:
    """09:00."""
    return text.hour(at)


@register.filter
def spoken_hour(at: datetime | time | None) -> str:
    """오전 9시."""
    return text.spoken_hour(at)


@register.filter
def remaining(due: datetime) -> str:
    """2일 남음."""
    return text.remaining(due, clock.now())


@register.filter
def ago(at: datetime) -> str:
    """8분 전."""
    return text.ago(at, clock.now())


@register.filter
def mask_name(name: str | None) -> str:
    """홍*동."""
    return text.mask_name(name)


@register.filter
def mask_phone(phone: str | None) -> str:
    """010-****-1234."""
    return text.mask_phone(phone)


@register.filter
def mask_email(address: str | None) -> str:
    """ab***@example.org."""
    return text.mask_email(address)


@register.filter
def safe_attrs(attrs: Mapping[str, Any]) -> SafeString:
    """What a component was given beyond its own attributes, escaped. Cotton's own {{ attrs }} does not escape."""
    given = attrs.attrs_dict() if hasattr(attrs, "attrs_dict") else dict(attrs)
    return flatatt({key: value for key, value in given.items() if value is not None and value is not False})


@register.filter
def get(mapping: Any, key: str) -> Any:
    """mapping[key], or the attribute of that name, or nothing."""
    return cells.value_of(mapping, key)


@register.filter
def qr_code(value: str) -> SafeString:
    """A QR picture of `value` (error correction M, four modules of quiet edge)."""
    code = segno.make(value, error="m", micro=False)
    width, height = code.symbol_size(border=4)
    squares = (
        f"M{x},{y}h1v1h-1z" for y, row in enumerate(code.matrix_iter(border=4)) for x, dark in enumerate(row) if dark
    )
    return format_html(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="QR" shape-rendering="crispEdges"><path d="{}"/></svg>',
        width, height, "".join(squares),
    )  # fmt: skip


@register.filter
def spark(series: Sequence[float]) -> str:
    """The points of a small line."""
    return scales.spark_points(series)


@register.filter
def share_of(part: object, whole: object) -> str:
    """How long a bar is, in per cent for an SVG attribute: {{ used|share_of:limit }} → "71.6"."""
    return f"{scales.share(float(cells.number_of(part) or 0), float(cells.number_of(whole) or 0)) * 100:.2f}".rstrip(
        "0"
    ).rstrip(".")


@register.filter
def bar_rects(parts: Sequence[Part], total: object = None) -> list[dict[str, Any]]:
    """Start and width of each part of a bar, in per cent."""
    shown = list(parts)
    whole = float(cells.number_of(total) or sum(part.value for part in shown))
    spans = scales.bar_spans([part.value for part in shown], whole)
    placed = zip(shown, spans, strict=True)
    return [{"x": f"{x:g}", "width": f"{width:g}", "tone": part.tone} for part, (x, width) in placed]


@register.simple_tag
def table_cell(row: Any, column: Column, lead: bool = False, role: str = "", total: bool = False) -> SafeString:
    """One cell of a table; `lead` is the first of its row."""
    return cells.head_cell(row, column) if lead else cells.cell(row, column, role=role, total=total)


@register.filter
def plain(value: object) -> str:
    """A number for an attribute that a script reads: no separators, "" for the unknown."""
    shown = cells.number_of(value)
    return "" if shown is None else f"{Decimal(str(shown)).normalize():f}"


@register.filter
def breaks_of(rows: Sequence[Any], given: Sequence[float] | None = None) -> list[float]:
    """The class breaks of a map: as `given`, otherwise readable ones for the values of `rows` (Place records)."""
    if given:
        return sorted(given)
    return scales.readable_breaks([float(row.value) for row in rows if row.value is not None])


@register.filter
def class_lows(breaks: Sequence[float]) -> list[dict[str, Any]]:
    """The legend of a map: each class with where it starts, the first one with where it ends."""
    return [{"number": i, "at": at} for i, at in enumerate([*breaks[:1], *breaks], start=1)]


@register.filter
def book_sum(books: Any) -> dict[str, Any]:
    """Whether the books balance, by how much not, and the bar of their parts."""
    terms = {
        "idle": books.left_out, "acc": books.accepted, "danger": books.refused, "doubt": books.in_doubt,
        "rest": books.not_yet,
    }  # fmt: skip
    parts = [Part(value=value, tone=tone) for tone, value in terms.items()]
    difference = books.audience - sum(terms.values())
    whole = max(books.audience, sum(terms.values()))
    return {"balanced": difference == 0, "difference": difference, "rects": bar_rects(parts, whole)}


@register.filter
def control(field: BoundField) -> SafeString:
    """The widget of a form field, dressed."""
    return forms.control(field)


@register.filter
def field_kind(field: BoundField) -> str:
    """How a form field is laid out."""
    return forms.kind(field)


@register.filter
def used(due: datetime, since: datetime | None) -> float:
    """The share of the time from `since` to `due` that has passed; 0 when the start is not known."""
    if since is None:
        return 0.0
    return scales.share((clock.now() - since).total_seconds(), (due - since).total_seconds())


@register.filter
def used_percent(due: datetime, since: datetime | None) -> str:
    """The share of the time that has passed, in per cent for an SVG attribute."""
    return f"{used(due, since) * 100:.1f}"


@register.filter
def near(due: datetime, since: datetime | None) -> bool:
    """Whether a deadline needs a look now: under a tenth of its time is left, or under six hours of an unknown time."""
    if since is None:
        return due - clock.now() < timedelta(hours=6)
    return used(due, since) > 0.9


@register.filter
def left_short(due: datetime) -> str:
    """What is left as a ring shows it: "7:42"."""
    seconds = max(0, int((due - clock.now()).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02}"


@register.filter
def past(due: datetime) -> bool:
    """Whether a deadline is over."""
    return due <= clock.now()


@register.filter
def send_day(opens: time, closes: time) -> dict[str, Any]:
    """Where the sendable hours and the present moment lie on a day drawn 288 wide (five minutes a unit)."""
    now = clock.seoul()
    start, end, at = ((one.hour * 60 + one.minute) / 5 for one in (opens, closes, now))
    is_open = start <= at < end
    today = clock.seoul().replace(second=0, microsecond=0)
    if is_open:
        left = today.replace(hour=closes.hour, minute=closes.minute) - today
        sentence = f"{text.hour(closes)}까지 {text.duration(left)}"
    else:
        sentence = f"{'오늘' if at < start else '내일'} {text.hour(opens)}부터"
    return {
        "now": now, "open": is_open, "sentence": sentence, "start": f"{start:g}", "width": f"{end - start:g}",
        "passed": f"{at - start:g}" if is_open else "", "at": f"{at:g}",
    }  # fmt: skip


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """This page's query string with `changes`; a change to None or "" drops the key."""
    request = context.get("request")
    query = request.GET.copy() if request is not None else QueryDict(mutable=True)
    for key, value in changes.items():
        query.pop(key, None)
        if value not in (None, ""):
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def page_link(context: template.Context, key: str, number: int) -> str:
    """The address of page `number` with everything else of the query kept."""
    return with_query(context, **{key: number})
