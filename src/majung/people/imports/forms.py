"""Forms of the import pages: the upload, and the choice of columns and basis."""

from typing import Any

from django import forms

from majung.people.enums import Basis
from majung.people.imports.basis import Ground
from majung.people.imports.mapping import LABELS, Column
from majung.people.imports.models import ImportFile
from majung.tree.models import Unit

BASES = [
    (Basis.CONSENT, "본인이 동의했습니다 (고지문을 고릅니다)"),
    (Basis.MEMBERSHIP, "당원·회원 명부입니다"),
    (Basis.CONTRACT, "계약을 이행하려고 받았습니다"),
    (Basis.LAW, "법령이 정한 일입니다"),
    (Basis.NONE, "근거를 모릅니다 (넣되 메시지는 보내지 않습니다)"),
]


class UploadForm(forms.Form):
    """A list for a unit."""

    unit = forms.ModelChoiceField(
        label="어느 조직의 명단인가요", queryset=Unit.objects.none(), to_field_name="public_id"
    )
    file = forms.FileField(label="명단 파일", help_text="CSV(UTF-8·CP949·UTF-16)나 엑셀 .xlsx, 200MB까지")

    def __init__(self, units: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]  # the field is declared above


class MappingForm(forms.Form):
    """What each column is, and on what ground the list is held. Fields ``column-0`` … are made from the header."""

    basis = forms.TypedChoiceField(
        label="이 명단을 가진 근거",
        choices=BASES,
        coerce=int,
        widget=forms.RadioSelect,
        help_text="근거가 없으면 메시지를 보낼 수 없습니다.",
    )
    notices = forms.TypedMultipleChoiceField(
        label="동의받은 고지문", coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    agreed_media = forms.MultipleChoiceField(label="동의받은 매체", required=False, widget=forms.CheckboxSelectMultiple)
    obtained_on = forms.DateField(
        label="동의·가입을 받은 날", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    evidence = forms.CharField(
        label="증명 자료", required=False, max_length=200, help_text="예: 2026년 창당대회 입당원서 원본, 총무국 보관"
    )
    are_members = forms.BooleanField(label="이 명단의 사람은 모두 당원(회원)입니다", required=False)

    def __init__(self, source: ImportFile, grounds: list[Ground], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fields["notices"].choices = [(g.notice_id, g.title) for g in grounds]  # type: ignore[attr-defined]
        media = {code: word for g in grounds for code, word in zip(g.media, g.media_words, strict=True)}
        self.fields["agreed_media"].choices = sorted(media.items())  # type: ignore[attr-defined]
        choices = [(str(column), LABELS[column]) for column in (Column.IGNORE, *(c for c in Column if c))]
        for position, title in enumerate(source.header):
            self.fields[f"column-{position}"] = forms.ChoiceField(
                label=title or f"열 {position + 1}", choices=choices, required=False,
                initial=source.columns[position] if position < len(source.columns) else "",
            )  # fmt: skip

    def columns(self) -> list[str]:
        """The chosen meaning of each column."""
        return [value for name, value in self.cleaned_data.items() if name.startswith("column-")]

    def column_fields(self) -> list[forms.BoundField]:
        """The fields of the columns, in order."""
        return [self[name] for name in self.fields if name.startswith("column-")]
