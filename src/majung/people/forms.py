"""Forms of the person's page: the reason for opening, tags, home, processing, erasing."""

from typing import TYPE_CHECKING, Any

from django import forms

from majung.people.enums import Why
from majung.people.models import Tag
from majung.people.vault import LONGEST_WHY
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

if TYPE_CHECKING:
    _UnitField = forms.ModelChoiceField[Unit]
else:
    _UnitField = forms.ModelChoiceField


class RevealForm(forms.Form):
    """Why somebody's data is opened."""

    reason = forms.TypedChoiceField(choices=Why, coerce=int, error_messages={"required": "까닭을 골라 주세요."})
    note = forms.CharField(max_length=LONGEST_WHY - 20, error_messages={"required": "어떤 일 때문인지 적어 주세요."})

    @property
    def why(self) -> str:
        """The reason as the log keeps it."""
        return f"{Why(self.cleaned_data['reason']).label}: {self.cleaned_data['note']}"


class UnitChoice(_UnitField):
    """Units in tree order, indented."""

    def label_from_instance(self, obj: Unit) -> str:
        """The unit's name at its depth."""
        return f"{'　' * (obj.depth - 1)}{obj.name}"


class HomeForm(forms.Form):
    """The unit a person is at home in."""

    unit = UnitChoice(Unit.objects.none(), to_field_name="public_id", label="소속 조직", empty_label=None)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = actor.units(Act.PEOPLE_EDIT)  # type: ignore[attr-defined]


class TagForm(forms.Form):
    """A tag to put on: one that is there, or a new word."""

    name = forms.CharField(label="꼬리표", max_length=40, error_messages={"required": "꼬리표를 적어 주세요."})


class TakeTagForm(forms.Form):
    """A tag to take off."""

    tag = forms.ModelChoiceField(Tag.objects.none())

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tag"].queryset = Tag.objects.filter(root_id=actor.root_id)  # type: ignore[attr-defined]


class EraseForm(forms.Form):
    """Why a person is destroyed, and that it is meant."""

    why = forms.CharField(label="까닭", max_length=LONGEST_WHY, error_messages={"required": "까닭을 적어 주세요."})
    sure = forms.BooleanField(
        label="되돌릴 수 없다는 것을 알고 있습니다", error_messages={"required": "되돌릴 수 없습니다. 확인해 주세요."}
    )
