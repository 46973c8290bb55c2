"""Draws one cell of a table or of the tree. In Python and not as a component, because a page has thousands of them."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from majung.ui import scales, text
from majung.ui.values import Column, Part

NOTHING = SafeString("")


def value_of(row: Any, key: str) -> Any:
    """row[key], or the attribute of that name, or None."""
    return row.get(key) if isinstance(row, Mapping) else getattr(row, key, None)


def number_of(value: object) -> text.Number | None:
    """What a template hands over as a number: None and "" are unknown, words become numbers, nonsense is unknown."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    if isinstance(value, int | float | Decimal):
        return value
    try:
        return Decimal(str(value).replace(",", ""))
    except ArithmeticError:
        return None


WRITERS: dict[str, Callable[[Any], str]] = {
    "number": lambda value: text.number(number_of(value)),
    "signed": lambda value: text.signed(number_of(value)),
    "percent": lambda value: text.percent(number_of(value)),
    "won": text.won,
    "size": text.size,
    "day": text.table_day,
    "moment": text.table_moment,
}


def bar(part: Part, label: str) -> SafeString:
    """A bar as long as the part's share of one."""
    width = f"{scales.share(part.value, 1) * 100:.2f}".rstrip("0").rstrip(".")
    return format_html(
        '<svg class="mj-bar" role="img" aria-label="{}"><rect class="mj-f-{}" width="{}%" height="100%"/></svg>',
        f"{label} {text.percent(part.value)}", part.tone, width,
    )  # fmt: skip


def pips(states: Any) -> SafeString:
    """A row of small squares; the status beside them says the same in words."""
    squares = format_html_join("", '<i class="{}"></i>', ((state,) for state in states))
    return format_html('<span class="mj-pips" aria-hidden="true">{}</span>', squares)


def inside(row: Any, column: Column, *, total: bool = False) -> SafeString:
    """What stands in the cell, written as the column says; in a total row the unknown is left out."""
    value = value_of(row, column.key)
    if value is None:
        return NOTHING if total else format_html('<span class="z">{}</span>', text.UNKNOWN)
    if column.kind == "bar":
        return bar(value if isinstance(value, Part) else Part(value=float(value), tone=column.tone), column.label)
    if column.kind in ("status", "tag"):
        name = "mj-st" if column.kind == "status" else "mj-tag"
        tone, word = value_of(value, "tone"), value_of(value, "word")
        shown = format_html(
            '<span class="{}{}">{}</span>', name, f" {name}--{tone}" if tone else "", value if word is None else word
        )
        states = value_of(row, "pips") if name == "mj-st" else None
        return format_html("{}{}", pips(states), shown) if states else shown
    write = WRITERS.get(column.kind)
    said = write(value) if write else value
    if said in ("0", text.UNKNOWN):
        return format_html('<span class="z">{}</span>', said)
    return (
        format_html('{}<span class="mj-unit">{}</span>', said, column.unit) if column.unit else format_html("{}", said)
    )


def head_cell(row: Any, column: Column) -> SafeString:
    """The first cell of a row: its name, linked where the row has a `url`."""
    said, url = inside(row, column), value_of(row, "url")
    return (
        format_html('<th scope="row"><a href="{}">{}</a></th>', url, said)
        if url
        else format_html('<th scope="row">{}</th>', said)
    )


def cell(row: Any, column: Column, *, role: str = "", total: bool = False) -> SafeString:
    """One cell that is not the first; `data-label` names it where the table turns into rows."""
    classes = " ".join(
        name for name, on in (("r", column.right), ("mj-hide-s", column.hide), ("wide", column.wide)) if on
    )
    return format_html(
        '<td{}{} data-label="{}">{}</td>',
        format_html(' role="{}"', role) if role else NOTHING,
        format_html(' class="{}"', classes) if classes else NOTHING,
        column.label,
        inside(row, column, total=total),
    )
