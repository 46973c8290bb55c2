"""Forms of the channel and dealer pages. Keys are typed into fields that never show what is stored."""

from decimal import Decimal

from django import forms
from django.db.models import QuerySet

from majung.channels.adapters.base import Adapter
from majung.channels.adapters.registry import ADAPTERS
from majung.channels.adapters.terms import Kind
from majung.channels.enums import ChannelKind, ChannelState, MessageKind, Mode, Reach
from majung.channels.models import Channel, KakaoApp
from majung.core.money import centiwon
from majung.tree.models import Unit


def _secret(label: str, help_text: str = "") -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=False)
    return forms.CharField(label=label, max_length=200, widget=widget, help_text=help_text, strip=True)


def _credentials(dealer: type[Adapter], *, is_new: bool) -> dict[str, forms.Field]:
    """A field for each credential the dealer wants; of an account that has them, none need be given."""
    fields: dict[str, forms.Field] = {}
    for one in dealer.credentials:
        label = one.label if is_new else f"새 {one.label}"
        plain = forms.CharField(label=label, max_length=200, help_text=one.help)
        fields[one.name] = _secret(label, one.help) if one.is_secret else plain
        fields[one.name].required = is_new and one.is_required
    last = [one.name for one in dealer.credentials if one.is_secret][-1]
    said = "넣은 뒤에는 다시 보여 드리지 않습니다." if is_new else "비워 두면 그대로입니다."
    fields[last].help_text = f"{fields[last].help_text} {said}".strip()
    return fields


def _is_for_letters(dealer: type[Adapter]) -> bool:
    """Whether the account sends nothing but letters: nobody calls an 080 number to refuse those."""
    return set(dealer.kinds) == {Kind.EMAIL}


class UnitField(forms.ModelChoiceField):  # type: ignore[type-arg]  # Django's is generic only for mypy
    """One of the actor's units, in tree order, indented by depth."""

    def label_from_instance(self, obj: Unit) -> str:
        """The unit's name under those above it."""
        return f"{'　' * (obj.depth - 1)}{obj.name}"


class ChannelForm(forms.Form):
    """What an operator says of a channel."""

    unit = UnitField(label="조직", queryset=Unit.objects.none())
    name = forms.CharField(label="채널 이름", max_length=80)
    search_id = forms.CharField(
        label="검색용 아이디", max_length=40, required=False, help_text="@로 시작합니다. 한 번 정하면 바꿀 수 없습니다."
    )
    profile_id = forms.CharField(
        label="프로필 ID", max_length=40, required=False, help_text="채널 주소의 끝부분으로, 밑줄(_)로 시작합니다."
    )
    kind = forms.ChoiceField(label="종류", choices=ChannelKind.choices)
    reach = forms.ChoiceField(label="누구를 위한 채널", choices=Reach.choices)
    kakao_app = forms.ModelChoiceField(
        label="카카오 앱", queryset=KakaoApp.objects.none(), required=False, empty_label="연결하지 않음",
        help_text="같은 법인의 앱만 고를 수 있습니다.",
    )  # fmt: skip
    state = forms.ChoiceField(label="상태", choices=ChannelState.choices, initial=ChannelState.ACTIVE)
    counted_friends = forms.IntegerField(
        label="친구 수", min_value=0, max_value=50_000_000, required=False,
        help_text="파트너센터에서 본 수를 적습니다. 카카오는 이 수를 알려 주지 않습니다.",
    )  # fmt: skip

    def __init__(
        self,
        *args: object,
        units: QuerySet[Unit],
        apps: QuerySet[KakaoApp],
        channel: Channel | None = None,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        self.fields["kakao_app"].queryset = apps  # type: ignore[attr-defined]  # a model choice field
        if channel is None:
            self.fields["unit"].queryset = units  # type: ignore[attr-defined]
        else:
            del self.fields["unit"]
            self.fields["search_id"].disabled = bool(channel.search_id)


class StepForm(forms.Form):
    """The note that goes with a step done by hand."""

    note = forms.CharField(label="적어 둘 것", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))


class AppForm(forms.Form):
    """A new Kakao app."""

    unit = UnitField(label="조직", queryset=Unit.objects.none(), help_text="이 조직의 법인 앱이 됩니다.")
    name = forms.CharField(label="앱 이름", max_length=80)
    admin_key = _secret("어드민 키", "앱 설정의 대표(primary) 어드민 키입니다. 넣은 뒤에는 다시 보여 드리지 않습니다.")

    def __init__(self, *args: object, units: QuerySet[Unit], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]


class AppKeyForm(forms.Form):
    """A new key for an app."""

    admin_key = _secret("새 어드민 키", "바꾸는 즉시 옛 키로 오는 알림은 받지 않습니다.")


class AccountForm(forms.Form):
    """A new dealer account."""

    unit = UnitField(
        label="조직",
        queryset=Unit.objects.none(),
        empty_label="골라 주세요",
        help_text="이 조직과 그 아래가 이 계정으로 보낼 수 있습니다.",
    )
    name = forms.CharField(label="계정 이름", max_length=80)
    adapter = forms.ChoiceField(
        choices=[(code, made.name) for code, made in ADAPTERS.items()], widget=forms.HiddenInput
    )
    mode = forms.ChoiceField(
        label="어디로 나가는지", widget=forms.RadioSelect, initial=Mode.SANDBOX,
        choices=[(Mode.SANDBOX, "모의 · 실제 사람에게 닿지 않습니다"), (Mode.LIVE, "실제 · 사람에게 닿고, 돈이 듭니다")],
        help_text="나중에 바꿀 수 없습니다. 모의와 실제는 계정을 따로 둡니다.",
    )  # fmt: skip
    refusal_number = forms.CharField(label="080 무료수신거부 번호", max_length=20, required=False)

    def __init__(self, *args: object, units: QuerySet[Unit], dealer: type[Adapter], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["unit"].queryset = units  # type: ignore[attr-defined]
        self.fields["adapter"].initial = dealer.code
        if _is_for_letters(dealer):
            del self.fields["refusal_number"]
        self.fields |= _credentials(dealer, is_new=True)


class AccountEditForm(forms.Form):
    """What may change of an account; empty key fields leave the keys as they are."""

    name = forms.CharField(label="계정 이름", max_length=80)
    refusal_number = forms.CharField(label="080 무료수신거부 번호", max_length=20, required=False)
    sender_certificate = forms.CharField(
        label="전송자격인증 번호", max_length=60, required=False, help_text="2026년 10월부터 광고 문자에 필요합니다."
    )
    low_balance = forms.DecimalField(
        label="잔액 알림", min_value=0, max_value=10**10, decimal_places=2, required=False,
        help_text="잔액이 이 값(원) 아래로 내려가면 할 일에 올립니다.",
    )  # fmt: skip

    def __init__(self, *args: object, dealer: type[Adapter], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields |= _credentials(dealer, is_new=False)


class PriceForm(forms.Form):
    """A price from a day on."""

    kind = forms.ChoiceField(label="종류", choices=MessageKind.choices)
    won = forms.DecimalField(
        label="한 통 값(원, 부가세 별도)", min_value=Decimal("0.01"), max_value=Decimal(10_000), decimal_places=2
    )
    valid_from = forms.DateField(label="언제부터", widget=forms.DateInput(attrs={"type": "date"}))

    def centiwon(self) -> int:
        """The price in 1/100 won."""
        return centiwon(self.cleaned_data["won"])


class ProfilesForm(forms.Form):
    """A list of profile ids."""

    file = forms.FileField(
        label="목록 파일",
        help_text="CSV나 XLSX. 첫 줄에 ‘검색용 아이디’와 ‘발신 프로필 ID’라는 열 이름이 있어야 합니다.",
    )


class PictureForm(forms.Form):
    """A picture for messages."""

    file = forms.FileField(label="그림", help_text="jpg나 png, 5MB까지, 가로 500픽셀 이상.")


TRIED = (MessageKind.BRAND, MessageKind.SMS, MessageKind.LMS)
"""Kinds that can be tried on one's own number: AlimTalk needs its template's words, a letter an address."""


class TrialForm(forms.Form):
    """A test message to one's own confirmed number."""

    kind = forms.ChoiceField(label="종류", choices=[c for c in MessageKind.choices if c[0] in TRIED])
    channel = forms.ModelChoiceField(
        label="채널", queryset=Channel.objects.none(), required=False, empty_label="채널을 고르세요",
        help_text="브랜드 메시지에만 필요합니다.",
    )  # fmt: skip
    text = forms.CharField(label="내용", widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)

    def __init__(self, *args: object, channels: QuerySet[Channel], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["channel"].queryset = channels  # type: ignore[attr-defined]
