"""Tables of a campaign as files: counts only, formula-safe, with who took them out and why (M9)."""

import csv
import io
from collections.abc import Sequence

from django.db import transaction
from openpyxl import Workbook

from majung.activity import services as activity
from majung.audience.counts import Count
from majung.campaigns import report
from majung.campaigns.errors import CannotWrite
from majung.campaigns.models import Campaign, Export
from majung.core import clock, text
from majung.tree.actor import Actor
from majung.tree.enums import Act

TABLES = {
    "units": "조직별", "left_out": "제외한 까닭", "refused": "거절된 까닭", "fell_back": "대체 문자로 보낸 까닭", "money": "비용",
}  # fmt: skip
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
MAX_WHY = 200

Row = Sequence[str | int | float]


@transaction.atomic
def make(actor: Actor, campaign: Campaign, *, table: str, form: str, why: str) -> Export:
    """The table as the actor may know it, kept as a file. Raises CannotWrite, Forbidden."""
    actor.require(Act.REPORTS_EXPORT, campaign.unit)
    if table not in TABLES or form not in TYPES:
        raise CannotWrite(problem="내려받을 표와 형식을 골라 주세요.")
    reason = text.nfc(why)
    if not 0 < len(reason) <= MAX_WHY:
        raise CannotWrite(problem=f"내보내지 않았습니다. 내려받는 까닭을 {MAX_WHY}자까지 적어 주세요.")
    rows = rows_of(actor, campaign, table)
    made = Export.objects.create(
        root_id=campaign.root_id, campaign=campaign, table=table, form=form, why=reason, rows=len(rows) - 1,
        content=_csv(rows) if form == "csv" else _xlsx(rows), made_by=actor.user, made_at=clock.now(),
    )  # fmt: skip
    activity.write(
        actor, "campaigns.exported", unit_id=campaign.unit_id, object_kind="campaign", object_id=campaign.pk,
        facts={"table": table, "rows": made.rows, "why": reason},
    )  # fmt: skip
    return made


def rows_of(actor: Actor, campaign: Campaign, table: str) -> list[Row]:
    """Head and rows of one table."""
    if table == "units":
        head: Row = ("조직", "채널", "보낼 사람", "접수", "도착", "거절", "확인 중", "남음", "다음 채널로", "대체 문자")
        lines: list[Row] = [
            (
                row.unit, row.channel, _cell(row.planned), _cell(row.accepted), _cell(row.delivered),
                _cell(row.refused), _cell(row.in_doubt), _cell(row.not_yet), _cell(row.moved_on),
                _cell(row.fell_back),
            )
            for row in report.by_unit(actor, campaign)
        ]  # fmt: skip
        return [head, *lines]
    if table == "money":
        return [
            ("종류", "단가(원)", "넘김(통)", "돌아옴(통)", "낸 것(통)", "낸 돈(원)"),
            *(
                (row.label, row.unit_centiwon / 100, row.charged, row.returned, row.paid, row.cost_centiwon / 100)
                for row in report.money(actor, campaign).kinds
            ),
        ]
    tell = {"left_out": report.left_out, "refused": report.refused, "fell_back": report.fell_back}[table]
    return [
        ("까닭", "근거", "코드", "사람"),
        *((row.sentence, row.law, row.code, _cell(row.people)) for row in tell(actor, campaign)),
    ]


def _cell(count: Count) -> str | int:
    return count.shown if count.number is None else count.number


def safe(cell: str | int | float) -> str | int | float:
    """What a spreadsheet will not run: text that begins like a formula gets an apostrophe before it."""
    return text.shown(cell) if isinstance(cell, str) else cell


def _csv(rows: Sequence[Row]) -> bytes:
    """UTF-8 with a mark in front, as Korean spreadsheets want it."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([safe(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _xlsx(rows: Sequence[Row]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("표")
    for row in rows:
        sheet.append([safe(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def file_name(made: Export) -> str:
    """A plain name; the campaign's title stays inside."""
    return f"majung-{made.table}-{clock.seoul(made.made_at):%Y%m%d-%H%M}.{made.form}"
