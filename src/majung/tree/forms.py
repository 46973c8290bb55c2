"""Forms of the tree's pages: bounds of what can be typed. What is allowed, the services decide."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django import forms

from majung.core import clock, money
from majung.tree.actor import Actor
from majung.tree.enums import ACTS, Act, OrganisationKind, Role
from majung.tree.models import LegalEntity, Unit, UnitKind
from majung.tree.rules import Quotas
from majung.tree.services.units import UnitColumns

LENDABLE = [role for role in Role if role != Role.OWNER]


class DayField(forms.DateField):
    """A day that a clock can be set to, with room for the day after it and for another time zone."""

    FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)

    def validate(self, value: date | None) -> None:
        """Raises ValidationError for days that no grant, budget or record has."""
        super().validate(value)
        if value is not None and not self.FIRST <= value <= self.LAST:
            raise forms.ValidationError(f"{self.FIRST.year}년부터 {self.LAST.year}년까지의 날짜를 적어 주세요.")


class UnitForm(forms.Form):
    """What is written about a unit."""

    name = forms.CharField(label="이름", max_length=80)
    code = forms.CharField(label="코드", max_length=40, help_text="단체 안에서 하나뿐인 짧은 이름입니다.")
    leader = forms.CharField(label="대표자", max_length=40, required=False)
    phone = forms.CharField(label="전화번호", max_length=20, required=False)
    district_code = forms.CharField(label="선거구 코드", max_length=10, required=False)

    def __init__(self, root_id: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = UnitKind.objects.filter(root_id=root_id)
        self.fields["kind"] = forms.ModelChoiceField(kinds, label="갈래", empty_label=None)
        self.fields["entity"] = forms.ModelChoiceField(
            LegalEntity.objects.filter(root_id=root_id).order_by("pk"), label="법인", empty_label=None,
            help_text="동의와 수신거부, 보낸이 이름이 법인을 따릅니다.",
        )  # fmt: skip
        self.order_fields(("name", "code", "kind", "entity", "leader", "phone", "district_code"))

    def columns(self) -> UnitColumns:
        """What was typed, for the services."""
        return UnitColumns(**self.cleaned_data)


class UnitField(forms.CharField):
    """A unit by its code (or exact name), where the actor was lent ``act``."""

    def __init__(self, actor: Actor, act: Act, **kwargs: Any) -> None:
        super().__init__(max_length=80, **kwargs)
        self.actor, self.act = actor, act

    def clean(self, value: Any) -> Unit | None:
        """The unit. One answer for what does not exist and what is out of sight."""
        text = super().clean(value)
        if not text:
            return None
        reach = self.actor.units(self.act).select_related("kind", "entity")
        unit: Unit | None = reach.filter(code=text).first()
        if unit is None:
            named = list(reach.filter(name=text)[:2])
            if len(named) == 2:
                raise forms.ValidationError("같은 이름이 여럿입니다. 코드로 적어 주세요.")
            unit = named[0] if named else None
        if unit is None:
            raise forms.ValidationError("그런 조직이 없습니다. 코드나 이름을 그대로 적어 주세요.")
        return unit


class MoveForm(forms.Form):
    """Where a unit is to hang."""

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"] = UnitField(actor, Act.TREE_MANAGE, label="옮길 곳", help_text="윗조직의 코드나 이름")


class WordForm(forms.Form):
    """A new tier or legal entity."""

    name = forms.CharField(label="이름", max_length=80)


class QuotaFields(forms.Form):
    """Until when, and how much; what is left empty is lent as the lender holds it."""

    until = DayField(
        label="마지막 날", required=False, widget=forms.DateInput(attrs={"type": "date"}),
        help_text="비우면 내 권한이 끝날 때까지입니다.",
    )  # fmt: skip
    messages_per_day = forms.IntegerField(label="하루 통수", required=False, min_value=0, max_value=2**31 - 1)
    messages_total = forms.IntegerField(label="전체 통수", required=False, min_value=0, max_value=2**31 - 1)
    won_per_day = forms.IntegerField(label="하루 금액(원)", required=False, min_value=0, max_value=10**13)
    won_total = forms.IntegerField(label="전체 금액(원)", required=False, min_value=0, max_value=10**13)

    def ends_at(self) -> datetime | None:
        """The first moment after the last day in Seoul."""
        day = self.cleaned_data.get("until")
        return None if day is None else datetime.combine(day, time(), clock.SEOUL) + timedelta(days=1)

    def quotas(self) -> Quotas:
        """The limits, money in 1/100 won."""
        typed = self.cleaned_data
        return Quotas(
            messages_per_day=typed.get("messages_per_day"),
            messages_total=typed.get("messages_total"),
            centiwon_per_day=_centiwon(typed.get("won_per_day")),
            centiwon_total=_centiwon(typed.get("won_total")),
        )


def _centiwon(won: int | None) -> int | None:
    return None if won is None else money.centiwon(Decimal(won))


def _roles(actor: Actor) -> list[tuple[str, str]]:
    """The roles that the actor could lend somewhere."""
    return [(role.value, role.label) for role in LENDABLE if ACTS[role] <= actor.acts]


class LendForm(QuotaFields):
    """Who gets what where: somebody at hand, or a one-time link for somebody new."""

    label = forms.CharField(
        label="표시 이름", max_length=60, required=False, help_text="목록에 보일 이름과 직책. 예: 종로 사무국"
    )
    covers_subtree = forms.BooleanField(label="아래 조직까지", required=False, initial=True)
    valid_days = forms.IntegerField(label="초대 링크 쓸 수 있는 날", min_value=1, max_value=30, initial=7)

    field_order = (
        "unit", "holder", "label", "role", "covers_subtree", "until", "messages_per_day", "messages_total", "won_per_day",
        "won_total", "valid_days",
    )  # fmt: skip

    def __init__(self, actor: Actor, holders: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"] = UnitField(actor, Act.GRANTS_LEND, label="조직", help_text="코드나 이름")
        self.fields["holder"] = forms.ChoiceField(
            label="누구에게", required=False, choices=[("", "새 운영자 · 초대 링크 만들기"), *holders],
            help_text="새 운영자는 초대 링크로 들어옵니다.",
        )  # fmt: skip
        self.fields["role"] = forms.ChoiceField(label="역할", choices=_roles(actor), initial=Role.OPERATOR)
        self.order_fields(self.field_order)


class KeyForm(forms.Form):
    """A key for a program."""

    label = forms.CharField(label="쓰임", max_length=80, help_text="예: 당원 명부 연동")
    covers_subtree = forms.BooleanField(label="아래 조직까지", required=False)
    until = DayField(
        label="마지막 날", widget=forms.DateInput(attrs={"type": "date"}), help_text="1년 안에서 정합니다."
    )

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"] = UnitField(actor, Act.GRANTS_LEND, label="조직", help_text="코드나 이름")
        self.fields["role"] = forms.ChoiceField(label="역할", choices=_roles(actor), initial=Role.VIEWER)
        self.order_fields(("unit", "label", "role", "covers_subtree", "until"))

    def expires_at(self) -> datetime:
        """The first moment after the last day in Seoul."""
        return datetime.combine(self.cleaned_data["until"], time(), clock.SEOUL) + timedelta(days=1)


class PapersForm(forms.Form):
    """What messages and rules need to know of a legal entity."""

    entity = forms.IntegerField(min_value=1)
    phone = forms.CharField(label="전화", max_length=20, required=False)
    registration_number = forms.CharField(label="등록번호", max_length=20, required=False)
    address = forms.CharField(label="주소", max_length=200, required=False)
    roll_basis = forms.CharField(label="당원명부의 근거", max_length=200, required=False)


class DayForm(forms.Form):
    """A day of the past."""

    day = DayField(label="날짜", widget=forms.DateInput(attrs={"type": "date"}))


class BudgetForm(forms.Form):
    """A month's budget of one unit."""

    month = DayField(
        label="달", input_formats=["%Y-%m"], widget=forms.DateInput(attrs={"type": "month"}, format="%Y-%m")
    )
    won = forms.IntegerField(label="예산(원)", min_value=0, max_value=10**13)


class CredentialsForm(forms.Form):
    """An address and a password to sign in with."""

    email = forms.EmailField(label="전자우편", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label="비밀번호", max_length=200, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="10자 이상으로 정합니다.",
    )  # fmt: skip


class StartForm(CredentialsForm):
    """The first organisation and its owner."""

    organisation = forms.CharField(label="단체 이름", max_length=80)
    kind = forms.ChoiceField(
        label="단체의 갈래", choices=OrganisationKind.choices, widget=forms.RadioSelect,
        help_text="어느 법의 규칙을 따르는지 정합니다. 나중에 바꿀 수 없습니다.",
    )  # fmt: skip
    entity = forms.CharField(label="법인 이름", max_length=80, help_text="동의와 수신거부의 상대가 되는 이름입니다.")

    field_order = ("organisation", "kind", "entity", "email", "password")


class SheetForm(forms.Form):
    """A file with the whole tree."""

    file = forms.FileField(label="CSV 또는 엑셀 파일", help_text="20MB까지. 먼저 내려받은 파일을 고쳐 올리면 쉽습니다.")
