"""Questions about what was delivered: one person's history."""

from dataclasses import dataclass
from datetime import datetime

from majung.core import db, sql
from majung.delivery import outcomes
from majung.people.scope import person_in_scope
from majung.tree.actor import Actor
from majung.tree.enums import Act

MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One campaign in one person's life: what became of it, or why it did not come. ``kind``: that of the message, or empty."""

    campaign_id: int
    channel_id: int | None
    wave: int
    code: str
    at: datetime | None
    message_id: str
    kind: str = ""


def person_history(actor: Actor, person_id: int) -> list[Received]:
    """The person's messages and omissions of units the actor sees, newest first. Raises NotYours."""
    person_in_scope(actor, person_id)
    units = list(actor.units(Act.CAMPAIGNS_VIEW).values_list("pk", flat=True))
    facts = {"root": actor.root_id, "person": person_id, "units": units, "most": MOST}
    rows = db.raw().execute(sql.load("majung.delivery", "history", "of_person").encode(), facts).fetchall()
    return [
        Received(
            campaign_id=campaign,
            channel_id=channel,
            wave=wave,
            code=reason or outcomes.code(byte),
            at=at,
            message_id=f"{campaign}-{chunk}-{seq}" if chunk is not None else "",
            kind=kind or "",
        )
        for campaign, chunk, seq, channel, wave, byte, reason, at, kind, _ in rows
    ]
