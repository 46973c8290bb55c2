"""Forms of the room: bounds of what can be typed. What is allowed, the services decide."""

from typing import Any

from django import forms

from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.forms import UnitField
from majung.webhooks.enums import Event, act_for


class EndpointForm(forms.Form):
    """What an endpoint is called, where it is, and what it is told; without ``unit`` for one that stands."""

    label = forms.CharField(label="쓰임", max_length=60, help_text="예: 회원 관리 프로그램")
    url = forms.CharField(
        label="받을 주소", max_length=500, help_text="https://로 시작하는 주소. 안쪽 통신망의 주소로는 보내지 않습니다.",
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, actor: Actor, *args: Any, is_new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["events"] = forms.MultipleChoiceField(
            label="알릴 일", choices=[(e.value, e.label) for e in Event if act_for(e) in actor.acts],
            widget=forms.CheckboxSelectMultiple,
        )  # fmt: skip
        if is_new:
            self.fields["unit"] = UnitField(actor, Act.GRANTS_LEND, label="조직", help_text="코드나 이름")
            self.fields["covers_subtree"] = forms.BooleanField(label="아래 조직까지", required=False)
            self.order_fields(("unit", "covers_subtree", "label", "url", "events"))
