"""The form in which a notice is written."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from majung.consent.enums import ConsentMedium, ConsentPurpose
from majung.consent.models import Notice
from majung.consent.notices import LONGEST_TEXT, Words
from majung.tree.models import Unit

# Media one can agree to: chat and app notices come with what sends them.
ASKABLE = (ConsentMedium.KAKAO_AD, ConsentMedium.KAKAO_ALIM, ConsentMedium.SMS, ConsentMedium.EMAIL)


class UnitChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only for the type checker
    """A unit by its public id, shown by name with its depth."""

    def label_from_instance(self, obj: Unit) -> str:
        """The unit's name, set in by its depth."""
        return f"{'· ' * (obj.depth - 1)}{obj.name}"


def _text(label: str, help_text: str, *, required: bool = True) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 2})
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=LONGEST_TEXT, widget=area)


class NoticeForm(forms.Form):
    """Everything a notice says; the four items that the law asks for are asked for."""

    unit = UnitChoice(queryset=Unit.objects.none(), to_field_name="public_id", label="조직", empty_label=None)
    code = forms.CharField(
        label="부호",
        max_length=40,
        required=False,
        help_text="이 조직 안에서 같은 고지문의 판을 묶는 이름입니다. 비우면 저절로 짓습니다.",
    )
    purpose = forms.ChoiceField(label="무엇에 대한 동의인가요", choices=ConsentPurpose.choices)
    title = forms.CharField(label="제목", max_length=100)
    by_media = forms.MultipleChoiceField(
        label="받을 매체",
        required=False,
        choices=[(medium.value, medium.label) for medium in ASKABLE],
        widget=forms.CheckboxSelectMultiple,
        help_text="광고와 선택 소식은 매체마다 따로 동의를 받습니다.",
    )
    required = forms.BooleanField(label="이 동의가 없으면 가입할 수 없습니다(필수)", required=False)
    purpose_text = _text("목적", "무엇에 쓰는지 적어 주세요.")
    items_text = _text("항목", "어떤 정보를 받는지 모두 적어 주세요.")
    retention_text = _text("보유기간", "언제까지 갖고 있는지 적어 주세요.")
    retention_months = forms.IntegerField(
        label="보유기간(개월)",
        required=False,
        min_value=1,
        max_value=1200,
        help_text="이 기간이 지나면 보내지 않습니다. 비우면 철회할 때까지입니다.",
    )
    refusal_text = _text("거부할 권리와 불이익", "거부할 수 있다는 것과, 거부하면 무엇을 할 수 없는지 적어 주세요.")
    recipients_text = _text("제공받는 자", "다른 곳에 제공할 때만 적습니다.", required=False)

    def __init__(self, units: QuerySet[Unit], *args: Any, draft: Notice | None = None, **kwargs: Any) -> None:
        if draft is not None:
            kwargs.setdefault("initial", initial(draft))
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]  # a ModelChoiceField
        if draft is not None:
            del self.fields["unit"], self.fields["code"]
            if draft.version > 1:
                del self.fields["purpose"]

    def words(self, draft: Notice | None = None) -> Words:
        """What was written. Only after ``is_valid``."""
        said = self.cleaned_data
        purpose = ConsentPurpose(said.get("purpose", draft.purpose if draft else ""))
        return Words(
            purpose=purpose,
            title=said["title"],
            media=tuple(ConsentMedium(medium) for medium in said["by_media"]),
            required=said["required"],
            purpose_text=said["purpose_text"],
            items_text=said["items_text"],
            retention_text=said["retention_text"],
            retention_months=said["retention_months"],
            refusal_text=said["refusal_text"],
            recipients_text=said["recipients_text"],
        )


def initial(notice: Notice) -> dict[str, Any]:
    """The form's values of a notice."""
    names: tuple[str, ...] = ("purpose", "title", "required", "retention_months", "recipients_text")
    names += ("purpose_text", "items_text", "retention_text", "refusal_text")
    return {"by_media": notice.media, **{name: getattr(notice, name) for name in names}}
