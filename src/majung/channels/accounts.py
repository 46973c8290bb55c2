"""A dealer account ready to work with, plain: keys opened, profile ids, default sender, prices of a day (M7, M10)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import orjson
import psycopg

from majung.channels.adapters.base import Adapter, Basket
from majung.channels.adapters.registry import adapter
from majung.channels.adapters.terms import Account
from majung.channels.keys import account_place
from majung.core import sql
from majung.core.errors import Misconfigured
from majung.core.sealing import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccount:
    """One account as a worker needs it. The adapter holds open keys: never log it."""

    account_id: int
    root_id: int
    entity_id: int
    mode: str
    state: str
    adapter: Adapter = field(repr=False)
    pf_ids: Mapping[int, str]
    sender: str
    refusal_number: str
    certificate: str

    @property
    def basket(self) -> Basket:
        """The adapter, of a dealer with baskets."""
        if not isinstance(self.adapter, Basket):
            raise TypeError(f"{self.adapter.code} has no baskets")
        return self.adapter


def load(connection: psycopg.Connection[Any], sealer: Sealer, account_id: int) -> LiveAccount:
    """The account, its keys opened. Raises LookupError when there is none, Misconfigured when it has no keys."""
    row = connection.execute(_sql("account"), {"account": account_id}).fetchone()
    if row is None:
        raise LookupError(f"no dealer account {account_id}")
    number, root, code, mode, state, base_url, key, secret, more, refusal_number, certificate, entity = row

    def opened(column: str, sealed: bytes) -> str:
        return sealer.open(account_place(root, column), number, bytes(sealed)) if sealed else ""

    known = {"key": opened("key", key), "secret": opened("secret", secret)}
    others: dict[str, str] = orjson.loads(opened("more", more) or "{}")
    made = adapter(code)
    if made.lacking(known | others):
        raise Misconfigured(f"dealer account {account_id} has no keys")
    account = Account(base_url=base_url, **known, more=others)
    profiles = connection.execute(_sql("profiles"), {"account": account_id}).fetchall()
    sender = connection.execute(_sql("default_sender"), {"account": account_id}).fetchone()
    return LiveAccount(
        account_id=number, root_id=root, entity_id=entity, mode=mode, state=state, adapter=made(account),
        pf_ids=dict(profiles), sender=sender[0] if sender else "", refusal_number=refusal_number, certificate=certificate,
    )  # fmt: skip


def people_per_chunk(connection: psycopg.Connection[Any], account_id: int) -> int:
    """How many people of a chunk the account's dealer can be told of at most. Raises LookupError when there is no such account."""
    row = connection.execute(_sql("adapter"), {"account": account_id}).fetchone()
    if row is None:
        raise LookupError(f"no dealer account {account_id}")
    made = adapter(row[0])
    return made.people_per_chunk or made.people_per_request


def prices_on(connection: psycopg.Connection[Any], account_id: int, on: date) -> dict[str, int]:
    """1/100 won by kind on a Seoul day, excluding VAT; a kind without a price is missing."""
    return dict(connection.execute(_sql("prices_on"), {"account": account_id, "on": on}).fetchall())


def _sql(name: str) -> str:
    return sql.load("majung.channels", "accounts", name)
