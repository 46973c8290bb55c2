"""Builders of this room: a party with channels, an account and people, and orders to be planned."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from majung.channels.adapters.outcomes import UNREACHED, Outcome
from majung.channels.adapters.terms import Button, Kind, Message
from majung.channels.models import Channel, DealerAccount
from majung.core import clock, db
from majung.crowd.expression import EVERYONE, Expression
from majung.delivery.order import Fallback, Order
from majung.delivery.render import Local, Template
from majung.delivery.route import Stop
from majung.policy.enums import Medium, Purpose
from majung.policy.occasion import AccountFacts, Content, Occasion
from majung.tree.models import Unit
from tests.make import channels as make_channels
from tests.make import people as make_people
from tests.make import tree as make_tree

NOON = datetime.fromisoformat("2026-11-20T12:00:00+09:00")


@dataclass(frozen=True, kw_only=True)
class Party:
    """An organisation whose units have channels, with an account that sends for all of them."""

    made: make_tree.Organised
    channels: dict[int, Channel] = field(default_factory=dict)
    account: DealerAccount
    people: list[int] = field(default_factory=list)

    @property
    def root_id(self) -> int:
        return self.made.root.pk

    @property
    def top(self) -> Unit:
        return self.made.top


def party(
    *,
    depth: int = 3,
    width: int = 2,
    people: int = 0,
    base_url: str = "http://127.0.0.1:9",
    without: int = 0,
    adapter: str = "solapi",
    **given: Any,
) -> Party:
    """A party of ``depth`` tiers; the last ``without`` units have no channel of their own."""
    made = make_tree.organisation(depth=depth, width=width)
    more = {
        "nhn": {"sms_key": "SANDBOXKEY", "sms_secret": "SANDBOX-SECRET"}, "aligo": {"senders": "0212345678"},
        "popbill": {"corp": "1234567890"},
    }.get(adapter, {})  # fmt: skip
    secret = {"secret": base64.b64encode(b"SANDBOX-SECRET").decode()} if adapter == "popbill" else {}
    account = make_channels.account(unit=made.top, base_url=base_url, adapter=adapter, more=more, **secret)
    channels = {}
    for number, unit in enumerate(made.units[: len(made.units) - without], start=1):
        channels[unit.pk] = make_channels.channel(unit=unit, number=made.root.pk * 1000 + number)
        make_channels.profile(account=account, channel=channels[unit.pk])
    crowd = make_people.crowd(people, units=made.units, **given) if people else []
    return Party(made=made, channels=channels, account=account, people=crowd)


def stops(party: Party) -> tuple[Stop, ...]:
    """Every channel of the party as a stop."""
    units = {unit.pk: unit for unit in party.made.units}
    return tuple(
        Stop(
            channel_id=channel.pk, unit_id=unit, unit_path=units[unit].path, unit_code=units[unit].code,
            entity_id=units[unit].entity_id,
        )
        for unit, channel in party.channels.items()
    )  # fmt: skip


def template(
    party: Party, *, text: str = "#{이름} 님, #{조직} 소식입니다.", buttons: tuple[Button, ...] = ()
) -> Template:
    """A brand message with local variables."""
    units = {unit.pk: unit for unit in party.made.units}
    words = tuple(
        Local(
            channel_id=channel.pk, pf_id=f"PF{channel.profile_id}", unit=units[unit].name, leader=units[unit].leader,
            phone="02-700-0000", channel=channel.name,
        )
        for unit, channel in party.channels.items()
    )  # fmt: skip
    return Template(kind=Kind.BRAND, message=Message(text=text, buttons=buttons), locals=words)


def order(
    party: Party,
    *,
    campaign: int = 1,
    scope: Unit | None = None,
    criteria: Expression = EVERYONE,
    at: datetime = NOON,
    not_before: datetime | None = None,
    **changes: Any,
) -> Order:
    """A party notice from the top to everybody in ``scope``."""
    occasion = Occasion(
        root_id=party.root_id, organisation_kind="political", purpose=Purpose.PARTY_NOTICE, medium=Medium.KAKAO_AD,
        entity_id=party.made.entity.pk, unit_id=party.top.pk, unit_path=party.top.path, at=at,
        content=Content(text="당원 여러분께 알립니다."), account=AccountFacts(roll_by_law=True, sender_name="가람당"),
    )  # fmt: skip
    asked = Order(
        campaign_id=campaign, account_id=party.account.pk, scope_unit_id=(scope or party.top).pk,
        grant_id=party.made.owner_grant.pk, occasion=occasion, criteria=criteria, template=template(party),
        stops=stops(party), unit_centiwon=2500, not_before=not_before or at,
    )  # fmt: skip
    return replace(asked, **changes)


def fallback(asked: Order, *reasons: Outcome, text: str = "#{조직}에서 알립니다.", **changes: Any) -> Fallback:
    """A short text instead of the messages of ``asked``, for these reasons (default: all there are)."""
    sender = replace(
        asked.occasion.account, contact="0212345678", sender_number="0212345678", sender_number_registered=True
    )
    given: dict[str, Any] = {
        "reasons": tuple(map(int, reasons or UNREACHED)), "kind": Kind.SMS, "message": Message(text=text),
        "sender": "0212345678", "unit_centiwon": 1200,
        "occasion": replace(asked.occasion, medium=Medium.SMS, content=Content(text=text), account=sender),
    }  # fmt: skip
    return Fallback(**given | changes)


def now() -> datetime:
    """The present of the product's clock."""
    return clock.now()


CHUNK = 7
"""People of a chunk that ``handed`` makes: few, so that a handful of people stand in several."""


def handed(
    root: int,
    campaign: int,
    bytes_of: Mapping[int, str],
    at: datetime,
    *,
    unit: int = 1,
    account: int = 1,
    channel: int = 1,
) -> None:
    """A campaign in the ledger without planner and dealer: planned to these people, and handed over at ``at``.

    ``bytes_of`` says each person's outcome byte; chunks of people whose bytes are all ``n`` stay ready. No worker judges
    it again, so its watermark lies ahead of every change and keeps none from being forgotten.
    """
    raw, people = db.raw(), sorted(bytes_of)
    chunks = [people[start : start + CHUNK] for start in range(0, len(people), CHUNK)]
    raw.execute(
        """INSERT INTO dispatch (campaign_id, root_id, account_id, unit_id, scope_unit_id, purpose, medium, occasion, template,
                                 segment, state, not_before, watermark, rule_set, unit_centiwon, worst_centiwon, audience,
                                 left_out, planned, chunks, next_chunk, frozen_at)
           VALUES (%(campaign)s, %(root)s, %(account)s, %(unit)s, 1, 'party_notice', 'KAKAO_AD', '{}', '{}', '{}', 'sending',
                   %(at)s, '9000000000000000000', 'x', 0, 0,
                   %(people)s, 0, %(people)s, %(chunks)s, %(chunks)s + 1, %(at)s)""",
        {
            "campaign": campaign,
            "root": root,
            "unit": unit,
            "account": account,
            "at": at,
            "people": len(people),
            "chunks": len(chunks),
        },
    )
    for number, some in enumerate(chunks, start=1):
        raw.execute(
            """INSERT INTO campaign_chunk (campaign_id, chunk_no, wave, root_id, channel_id, message_kind, unit_centiwon, n,
                                           first_person, last_person, people, outcome, watermark)
               VALUES (%s, %s, 1, %s, %s, 'BRAND', 0, %s, %s, %s, %s::int[], %s, '1')""",
            (campaign, number, root, channel, len(some), some[0], some[-1], some, b"n" * len(some)),
        )
        if any(bytes_of[person] != "n" for person in some):
            raw.execute(
                """UPDATE campaign_chunk SET state = 2, worker = 'test', group_ref = 'G', lease_until = %(at)s, handed_at = %(at)s
                    WHERE campaign_id = %(campaign)s AND chunk_no = %(number)s""",
                {"at": at, "campaign": campaign, "number": number},
            )
    told(campaign, bytes_of)


def told(campaign: int, bytes_of: Mapping[int, str]) -> None:
    """The bytes of these people are now as said, in every chunk that has left."""
    rows = db.raw().execute(
        "SELECT chunk_no, people, outcome FROM campaign_chunk WHERE campaign_id = %s AND state = 2", [campaign]
    )
    for number, people, outcome in rows.fetchall():
        after = bytes(ord(bytes_of.get(person, chr(byte))) for person, byte in zip(people, outcome, strict=True))
        db.raw().execute(
            "UPDATE campaign_chunk SET outcome = %s WHERE campaign_id = %s AND chunk_no = %s", (after, campaign, number)
        )


def ended(campaign: int) -> None:
    """Nothing of the campaign is out any more: handed chunks are settled, the others left out; the dispatch is finished."""
    raw = db.raw()
    raw.execute(
        """UPDATE campaign_chunk SET state = 3, settled_at = coalesce(handed_at, now()), lease_until = NULL,
                  outcome = CASE WHEN state = 0 THEN decode(repeat('6c', n), 'hex') ELSE outcome END
            WHERE campaign_id = %s AND state < 3""",
        [campaign],
    )
    raw.execute("UPDATE dispatch SET state = 'finished', finished_at = now() WHERE campaign_id = %s", [campaign])
