"""Adding and changing dealer accounts, their sealed keys and their prices (M7, M10)."""

import json
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from django.conf import settings
from django.db import IntegrityError, transaction

from majung.activity import services as activity
from majung.channels.adapters.registry import ADAPTERS
from majung.channels.enums import AccountState, MessageKind, Mode
from majung.channels.keys import account_place
from majung.channels.models import DealerAccount, Price
from majung.core.errors import Conflict, Invalid
from majung.core.text import nfc
from majung.people.vault import sealer
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Unit

LONGEST_KEY = 200
NOTHING: Mapping[str, str] = MappingProxyType({})


def address_of(adapter: str, mode: Mode) -> str:
    """Where an account of that mode is reached: the dealer's own address, or this installation's sandbox."""
    return ADAPTERS[adapter].live_url if mode == Mode.LIVE else settings.SANDBOX_URL


@transaction.atomic
def add_account(
    actor: Actor,
    unit: Unit,
    *,
    name: str,
    adapter: str,
    mode: Mode,
    key: str = "",
    secret: str = "",
    more: Mapping[str, str] = NOTHING,
    refusal_number: str = "",
) -> DealerAccount:
    """The unit holds an account more; nothing is asked of the dealer yet. The mode never changes afterwards."""
    actor.require(Act.CHANNELS_MANAGE, unit)
    name = nfc(name)
    if not name or adapter not in ADAPTERS:
        raise Invalid(problem="계정 이름과 대행사를 적어 주세요.")
    try:
        with transaction.atomic():
            account = DealerAccount.objects.create(
                root_id=actor.root_id, unit=unit, entity=unit.entity, name=name, adapter=adapter, mode=mode,
                base_url=address_of(adapter, mode), refusal_number=refusal_number,
            )  # fmt: skip
    except IntegrityError:
        raise Conflict(problem="같은 이름의 계정이 이미 있습니다.") from None
    store_keys(account, key=key, secret=secret, more=more)
    activity.write(
        actor, "channels.account_added", unit_id=unit.pk, object_kind="dealer_account", object_id=account.pk,
        facts={"mode": str(mode)},
    )  # fmt: skip
    return account


@transaction.atomic
def change_account(
    actor: Actor,
    account: DealerAccount,
    *,
    name: str,
    refusal_number: str,
    sender_certificate: str,
    low_balance_centiwon: int,
    key: str = "",
    secret: str = "",
    more: Mapping[str, str] = NOTHING,
) -> None:
    """The account is as said; keys change only in whole pairs, those that are not given stay."""
    actor.require(Act.CHANNELS_MANAGE, account.unit)
    given = {name: value for name, value in {"key": key, "secret": secret, **more}.items() if value}
    if any((one in given) != (other in given) for one, other in ADAPTERS[account.adapter].pairs):
        raise Invalid(problem="키와 비밀값은 함께 바꿉니다.")
    account.name = nfc(name) or account.name
    account.refusal_number, account.sender_certificate = refusal_number, nfc(sender_certificate)
    account.low_balance_centiwon = low_balance_centiwon
    try:
        with transaction.atomic():
            account.save(update_fields=["name", "refusal_number", "sender_certificate", "low_balance_centiwon"])
    except IntegrityError:
        raise Conflict(problem="같은 이름의 계정이 이미 있습니다.") from None
    if given:
        _store(account, _stored(account) | given)
    activity.write(
        actor, "channels.account_changed", unit_id=account.unit_id, object_kind="dealer_account", object_id=account.pk,
        facts={"keys": bool(given)},
    )  # fmt: skip


def store_keys(account: DealerAccount, *, key: str = "", secret: str = "", more: Mapping[str, str] = NOTHING) -> None:
    """Key, secret and what else the dealer wants are sealed on the account. Raises Invalid for what cannot be one."""
    _store(account, {"key": key, "secret": secret, **more})


def _store(account: DealerAccount, said: Mapping[str, str]) -> None:
    made = ADAPTERS[account.adapter]
    known = {one.name for one in made.credentials}
    given = {name: value for name, value in said.items() if value and name in known}
    if problem := made.lacking(given):
        raise Invalid(problem=problem)
    words = {one.name for one in made.credentials if one.is_words}
    if any(len(given[name]) > LONGEST_KEY or not given[name].isprintable() for name in words & given.keys()):
        raise Invalid(problem=f"이름과 비밀번호는 한 줄, {LONGEST_KEY}자까지 적을 수 있습니다.")
    for value in (value for name, value in given.items() if name not in words):
        if (
            not 4 <= len(value) <= LONGEST_KEY
            or not value.isascii()
            or not value.isprintable()
            or set(value) & set(" ,=")
        ):
            raise Invalid(problem="API 키나 비밀값의 꼴이 아닙니다. 대행사 화면에서 그대로 옮겨 주세요.")
    others = {name: value for name, value in given.items() if name not in ("key", "secret")}
    account.key_sealed = _sealed(account, "key", given.get("key", ""))
    account.secret_sealed = _sealed(account, "secret", given.get("secret", ""))
    account.more_sealed = _sealed(account, "more", json.dumps(others) if others else "")
    account.problem = ""
    account.save(update_fields=["key_sealed", "secret_sealed", "more_sealed", "problem"])


def _sealed(account: DealerAccount, column: str, value: str) -> bytes:
    return sealer().seal(account_place(account.root_id, column), account.pk, value) if value else b""


def _stored(account: DealerAccount) -> dict[str, str]:
    """What is stored now, opened."""

    def opened(column: str, sealed: bytes | memoryview) -> str:
        return sealer().open(account_place(account.root_id, column), account.pk, bytes(sealed)) if sealed else ""

    others: dict[str, str] = json.loads(opened("more", account.more_sealed) or "{}")
    return {"key": opened("key", account.key_sealed), "secret": opened("secret", account.secret_sealed), **others}


@transaction.atomic
def close_account(actor: Actor, account: DealerAccount) -> None:
    """Nothing more is sent through the account, and its keys are gone."""
    actor.require(Act.CHANNELS_MANAGE, account.unit)
    account.state, account.key_sealed, account.secret_sealed, account.more_sealed = AccountState.CLOSED, b"", b"", b""
    account.save(update_fields=["state", "key_sealed", "secret_sealed", "more_sealed"])
    activity.write(
        actor, "channels.account_closed", unit_id=account.unit_id, object_kind="dealer_account", object_id=account.pk
    )


@transaction.atomic
def set_price(actor: Actor, account: DealerAccount, kind: MessageKind, centiwon: int, valid_from: date) -> Price:
    """From that Seoul day on a message of the kind costs this much; what has been charged before stays as it was."""
    actor.require(Act.CHANNELS_MANAGE, account.unit)
    if not 0 < centiwon <= 1_000_000:
        raise Invalid(problem="한 통 값은 0원보다 크고 10,000원을 넘지 않아야 합니다.")
    price, _ = Price.objects.update_or_create(
        account=account, kind=kind, valid_from=valid_from, defaults={"centiwon": centiwon}
    )
    activity.write(
        actor, "channels.price_set", unit_id=account.unit_id, object_kind="dealer_account", object_id=account.pk,
        facts={"kind": str(kind), "centiwon": centiwon, "from": valid_from.isoformat()},
    )  # fmt: skip
    return price
