"""What the planner is asked for and what it answers: order, decision, frozen plan, estimate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from majung.core import clock
from majung.crowd.expression import And, Expression, Leaf
from majung.delivery.render import Template
from majung.delivery.route import Stop
from majung.policy.occasion import Occasion


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One campaign to be planned. ``occasion`` is that of the sender, without a channel, at the moment of planning.

    ``stops`` are the channels the account can send for; of a medium without channels (a text) it is empty.
    ``unit_centiwon`` is what one message costs at worst. ``grant_id`` is None only for the system's own campaigns.
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

    @property
    def root_id(self) -> int:
        """The organisation."""
        return self.occasion.root_id

    @property
    def audience(self) -> Expression:
        """Everyone in scope and segment, before policy."""
        return And((Leaf("scope", (self.scope_unit_id,)), self.criteria))


def dated(order: Order) -> Order:
    """The order whose occasion knows its campaign and the Seoul date on which it is to leave."""
    day = clock.seoul(max(order.occasion.at, order.not_before)).date()
    return replace(order, occasion=replace(order.occasion, campaign_id=order.campaign_id, leaves_on=day))


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
