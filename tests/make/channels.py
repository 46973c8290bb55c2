"""Builders of this room: apps, channels, dealer accounts, prices, friendships. Keyword-only, no surprises."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from majung.channels import friends, services
from majung.channels.enums import AccountState, ChannelKind, MessageKind, Mode, Reach
from majung.channels.friends import FriendState, How
from majung.channels.models import Channel, DealerAccount, DealerProfile, KakaoApp, Price, SenderNumber
from majung.core.db import raw
from majung.tree.models import Unit

PRICES_WON = {
    MessageKind.ALIM: 10,
    MessageKind.BRAND: 25,
    MessageKind.SMS: 12,
    MessageKind.LMS: 39,
}  # kakao.md §3.5, H1


def kakao_app(*, unit: Unit, name: str = "", admin_key: str = "primary-admin-key") -> KakaoApp:
    """A Kakao app of the unit's entity, with its admin key sealed."""
    app = KakaoApp.objects.create(root=unit.root, unit=unit, entity=unit.entity, name=name or f"{unit.name} 앱")
    services.store_admin_key(app, admin_key)
    return app


def channel(*, unit: Unit, number: int, app: KakaoApp | None = None, name: str = "", **fields: Any) -> Channel:
    """A business channel of the unit; ``number`` makes its ids."""
    given = {"kind": ChannelKind.BUSINESS, "reach": Reach.NEAR} | fields
    return Channel.objects.create(
        root=unit.root, unit=unit, name=name or f"{unit.name} 채널", profile_id=f"_ch{number}", search_id=f"@ch{number}",
        kakao_app=app, **given,
    )  # fmt: skip


def account(
    *,
    unit: Unit,
    name: str = "모의 계정",
    base_url: str = "http://127.0.0.1:9",
    key: str = "SANDBOXKEY",
    secret: str = "SANDBOX-SECRET",
    with_prices: bool = True,
    sender: str = "0212345678",
    adapter: str = "solapi",
    more: Mapping[str, str] = MappingProxyType({}),
) -> DealerAccount:
    """A ready sandbox account held by the unit, with key, prices and a default sender."""
    made = DealerAccount.objects.create(
        root=unit.root, unit=unit, entity=unit.entity, name=name, mode=Mode.SANDBOX, base_url=base_url,
        state=AccountState.READY, refusal_number="080-1234-5678", adapter=adapter,
    )  # fmt: skip
    services.store_keys(made, key=key, secret=secret, more=more)
    if sender:
        SenderNumber.objects.create(account=made, number=sender, is_default=True)
    if with_prices:
        for kind, won in PRICES_WON.items():
            Price.objects.create(account=made, kind=kind, centiwon=won * 100, valid_from=date(2026, 1, 1))
    return made


def profile(*, account: DealerAccount, channel: Channel, pf_id: str = "") -> DealerProfile:
    """The account may send for the channel."""
    return DealerProfile.objects.create(account=account, channel=channel, pf_id=pf_id or f"PF{channel.profile_id}")


def friends_of(
    *,
    channel: Channel,
    people: list[int],
    state: FriendState = FriendState.ADDED,
    at: datetime = datetime(2026, 3, 1, tzinfo=UTC),
    how: How = How.IMPORT,
) -> None:
    """These people were seen in that state."""
    friends.observe(raw(), channel.root_id, channel.pk, people, state, at, how)
