"""What the planner is asked for and what it answers: order, decision, frozen plan, estimate."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from majung.channels.adapters.outcomes import UNREACHED
from majung.channels.adapters.terms import Kind, Message
from majung.core import clock
from majung.crowd.expression import And, Expression, Leaf
from majung.delivery.render import NAME, Template, message_from_json
from majung.delivery.route import Stop
from majung.policy import occasion as policy_occasion
from majung.policy.enums import Medium
from majung.policy.occasion import Occasion


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """The text that is sent instead to whom the messenger did not reach, for these ``reasons`` only (M7).

    ``reasons`` are numbers of outcomes, all of them in ``UNREACHED``; ``occasion`` is that of the text, by which its people
    are judged anew. Words of units and people's variables are the campaign's own.
    """

    reasons: tuple[int, ...]
    kind: Kind
    message: Message
    sender: str
    occasion: Occasion
    unit_centiwon: int

    def __post_init__(self) -> None:
        if not self.reasons or not set(self.reasons) <= {int(outcome) for outcome in UNREACHED}:
            raise ValueError("a text instead is for those only whom the messenger did not reach")
        if self.kind not in (Kind.SMS, Kind.LMS) or self.occasion.medium is not Medium.SMS:
            raise ValueError("what is sent instead is a text")

    def to_json(self) -> dict[str, Any]:
        """As it stands in ``dispatch.fallback``."""
        return {
            "reasons": list(self.reasons), "kind": str(self.kind), "message": asdict(self.message), "sender": self.sender,
            "occasion": self.occasion.to_json(), "unit_centiwon": self.unit_centiwon,
        }  # fmt: skip

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Fallback":
        """What ``to_json`` wrote."""
        return cls(
            reasons=tuple(stored["reasons"]), kind=Kind(stored["kind"]), message=message_from_json(stored["message"]),
            sender=stored["sender"], occasion=policy_occasion.from_json(stored["occasion"]),
            unit_centiwon=stored["unit_centiwon"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One campaign to be planned. ``occasion`` is that of the sender, without a channel, at the moment of planning.

    ``stops`` are the channels the account can send for; of a medium without channels (a text) it is empty.
    ``unit_centiwon`` is what one message costs. ``grant_id`` is None only for the system's own campaigns.
    """

    campaign_id: int
    account_id: int
    scope_unit_id: int
    grant_id: int | None
    occasion: Occasion
    criteria: Expression
    template: Template
    stops: tuple[Stop, ...]
    unit_centiwon: int
    not_before: datetime
    fallback: Fallback | None = None

    @property
    def worst_centiwon(self) -> int:
        """What one person costs at worst: the dearer of the message and the text instead. Never both are paid."""
        return max(self.unit_centiwon, self.fallback.unit_centiwon if self.fallback else 0)

    @property
    def needs_name(self) -> bool:
        """Whether people's names are opened, for the message or for the text instead."""
        return self.template.needs_name or (self.fallback is not None and NAME in self.fallback.message.variables())

    @property
    def root_id(self) -> int:
        """The organisation."""
        return self.occasion.root_id

    @property
    def audience(self) -> Expression:
        """Everyone in scope and segment, before policy."""
        return And((Leaf("scope", (self.scope_unit_id,)), self.criteria))


def dated(order: Order) -> Order:
    """The order whose occasion, and that of its text, knows its campaign and the Seoul date on which it is to leave."""
    day = clock.seoul(max(order.occasion.at, order.not_before)).date()

    def known(occasion: Occasion) -> Occasion:
        return replace(occasion, campaign_id=order.campaign_id, leaves_on=day)

    text = order.fallback and replace(order.fallback, occasion=known(order.fallback.occasion))
    return replace(order, occasion=known(order.occasion), fallback=text)


def on_channel(occasion: Occasion, stop: Stop) -> Occasion:
    """The occasion of one channel."""
    other = stop.entity_id if stop.entity_id != occasion.entity_id else None
    return replace(occasion, channel_id=stop.channel_id, channel_entity_id=other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A plan that is written down. ``left_out`` maps reasons to people counted; books: audience = left out + planned."""

    campaign_id: int
    audience: int
    left_out: Mapping[str, int]
    planned: int
    chunks: int
    channels: int
    worst_centiwon: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a plan would be now. ``saving_centiwon``: against sending the same people a long text message."""

    audience: int
    left_out: Mapping[str, int]
    planned: int
    by_channel: Mapping[int, int]
    cost_centiwon: int
    worst_centiwon: int
    lms_centiwon: int

    @property
    def saving_centiwon(self) -> int:
        """Saved against a long text message, if all of them arrive."""
        return self.lms_centiwon - self.cost_centiwon
