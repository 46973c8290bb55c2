"""What became of a campaign: the books, tables by unit and by reason, told as the actor may know them (M9, T5)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from majung.audience import counts
from majung.audience.counts import Count, Sight
from majung.campaigns.fallback import KIND_WORDS
from majung.campaigns.models import Campaign
from majung.channels.adapters.terms import Kind as WireKind
from majung.channels.models import Channel
from majung.core import db, sql
from majung.delivery import books as ledger
from majung.delivery import outcomes
from majung.delivery.books import Books
from majung.delivery.models import Dispatch
from majung.delivery.planner import NO_CHANNEL
from majung.policy import rules
from majung.policy.enums import Purpose
from majung.tree.actor import Actor

KINDS: Mapping[str, str] = {**KIND_WORDS, WireKind.BRAND: "브랜드 메시지", WireKind.ALIM: "알림톡"}
DELIVERY_REASONS: Mapping[str, tuple[str, str]] = {
    "NO_CONTACT": ("휴대전화 번호가 없음", "마중 운영 원칙"),
    "NO_CHANNEL": ("닿는 채널이 범위 안에 없음", "마중 운영 원칙"),
    "SAME_CONTACT": ("같은 번호를 쓰는 다른 사람에게 보냄", "한 사람 한 통"),
    "STOPPED": ("보내는 도중에 그만둠", "사람이 멈춤"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonRow:
    """One reason of leaving out or of refusal: words, law, and people as the actor may know them."""

    code: str
    sentence: str
    law: str
    people: Count
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """What left through the channels of one unit, everyone once; ``fell_back`` of them got a text instead."""

    unit: str
    channel: str
    planned: Count
    accepted: Count
    delivered: Count
    refused: Count
    in_doubt: Count
    not_yet: Count
    moved_on: Count
    fell_back: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """Money of one kind of message: handed over and charged, given back as undelivered, paid for. Of the blind, all is of
    people rounded to tens.
    """

    kind: str
    label: str
    unit_centiwon: int
    charged: int
    returned: int
    paid: int
    cost_centiwon: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a campaign has cost so far, by kind of message, and what long texts to the same people would have."""

    kinds: tuple[KindRow, ...]
    cost_centiwon: int
    lms_centiwon: int

    @property
    def saving_centiwon(self) -> int:
        """Saved against long texts; below zero when they would have been cheaper, or have no price."""
        return self.lms_centiwon - self.cost_centiwon


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The five terms as the actor may know them; exact unless the actor is blind. ``fell_back``: who got a text instead."""

    audience: int
    left_out: int
    accepted: int
    refused: int
    in_doubt: int
    not_yet: int
    delivered: int
    fell_back: int
    cost_centiwon: int
    is_balanced: bool
    is_rounded: bool

    @property
    def done_share(self) -> float:
        """How much of what was planned has an answer."""
        planned = self.audience - self.left_out
        return (self.accepted + self.refused) / planned if planned else 0.0


def words_of(code: str, purpose: str = "") -> tuple[str, str]:
    """Sentence and article of a stored reason; an unknown one shows itself.

    Rules of one code say different sentences: that of the ``purpose``'s own table comes before the common one.
    """
    if code in DELIVERY_REASONS:
        return DELIVERY_REASONS[code]
    table = rules.TABLES[Purpose(purpose)] if purpose else ()
    own = next((rule for rule in table if rule.code == code and rule not in rules.COMMON), None)
    try:
        rule = own or rules.of_code(code)
    except KeyError:
        return code, ""
    return rule.sentence, rule.article


def progress(actor: Actor, campaign: Campaign) -> Progress | None:
    """The books as they stand, or None before the list was written."""
    if not Dispatch.objects.filter(campaign_id=campaign.pk).exists():
        return None
    found: Books = ledger.books(db.raw(), campaign.pk)
    terms = {"audience": found.audience, **found.counts, "delivered": found.delivered, "fell_back": found.fell_back}
    blind = counts.sight(actor, campaign.scope) == "blind"
    shown = {name: counts.round_to_ten(n) if blind else n for name, n in terms.items()}
    if blind:  # rounded parts must still add up on the screen: what is over goes to the largest
        parts = list(found.counts)
        largest = max(parts, key=shown.__getitem__)
        shown[largest] += shown["audience"] - sum(shown[name] for name in parts)
    cost = sum(row.cost_centiwon for row in _by_kind(campaign, is_blind=True)) if blind else found.cost_centiwon
    return Progress(**shown, cost_centiwon=cost, is_balanced=found.balances, is_rounded=blind)


def money(actor: Actor, campaign: Campaign) -> Money:
    """What it has cost so far: every kind of message with its price, and the saving (M7)."""
    blind = counts.sight(actor, campaign.scope) == "blind"
    kinds = _by_kind(campaign, is_blind=blind)
    checked, planned = campaign.estimate.get("money", {}), campaign.estimate.get("planned", 0)
    long_text = checked.get("lms_centiwon", 0) // planned if planned else 0
    return Money(
        kinds=tuple(kinds),
        cost_centiwon=sum(row.cost_centiwon for row in kinds),
        lms_centiwon=long_text * sum(row.paid for row in kinds),
    )


def _by_kind(campaign: Campaign, *, is_blind: bool) -> list[KindRow]:
    rows = []
    for cost in ledger.costs(db.raw(), campaign.pk):
        charged, returned = cost.charged, cost.returned
        if is_blind:
            charged, returned = counts.round_to_ten(charged), counts.round_to_ten(returned)
        unit = cost.charged_centiwon // cost.charged if cost.charged else 0
        rows.append(
            KindRow(
                kind=cost.message_kind, label=KINDS.get(cost.message_kind, cost.message_kind), unit_centiwon=unit,
                charged=charged, returned=returned, paid=charged - returned, cost_centiwon=unit * (charged - returned),
            )
        )  # fmt: skip
    return rows


def fell_back(actor: Actor, campaign: Campaign) -> list[ReasonRow]:
    """Everybody to whom a text goes instead, by what the messenger told."""
    return _by_byte(actor, campaign, outcomes.fell_back)


def left_out(actor: Actor, campaign: Campaign) -> list[ReasonRow]:
    """Everybody left out so far, by reason: of the written list, or of the check while there is none."""
    stored = db.raw().execute(_sql("left_out"), {"campaign": campaign.pk}).fetchall()
    if not stored and campaign.frozen_at is None:
        stored = sorted(campaign.estimate.get("left_out", {}).items(), key=lambda row: (-row[1], row[0]))
    return reason_rows(counts.sight(actor, campaign.scope), stored, campaign.purpose)


def reason_rows(sight: Sight, stored: Sequence[tuple[str, int]], purpose: str = "") -> list[ReasonRow]:
    """Reasons with their words, as told under ``sight``."""
    rows = []
    told_ones = counts.parts([int(people) for _, people in stored], sight)
    for (code, _), told in zip(stored, told_ones, strict=True):
        sentence, law = words_of(code, purpose)
        rows.append(ReasonRow(code=code, sentence=sentence, law=law, people=told, weight=told.number or 0))
    return rows


def refused(actor: Actor, campaign: Campaign) -> list[ReasonRow]:
    """Everybody whom the provider refused, by its answer."""
    return _by_byte(actor, campaign, outcomes.is_refused)


def _by_byte(actor: Actor, campaign: Campaign, is_meant: Callable[[int], bool]) -> list[ReasonRow]:
    totals = np.zeros(256, dtype=np.int64)
    for histogram in histograms(campaign.pk).values():
        totals += histogram
    found = [(byte, int(n)) for byte, n in enumerate(totals) if n and is_meant(byte)]
    sight = counts.sight(actor, campaign.scope)
    found.sort(key=lambda row: -row[1])
    rows = []
    for (byte, _), told in zip(found, counts.parts([people for _, people in found], sight), strict=True):
        rows.append(
            ReasonRow(
                code=outcomes.code(byte), sentence=outcomes.sentence(byte), law="", people=told, weight=told.number or 0
            )
        )
    return rows


def by_unit(actor: Actor, campaign: Campaign) -> list[UnitRow]:
    """What left through each channel, in tree order; a unit that is not one's own hides what could point at somebody."""
    found = histograms(campaign.pk)
    channels = Channel.objects.filter(root_id=campaign.root_id).select_related("unit").in_bulk(list(found))
    rows = []
    for number in sorted(found, key=lambda n: (channels[n].unit.path, n) if n in channels else ("", n)):
        channel = channels.get(number)
        unit = channel.unit if channel else campaign.unit
        sight, bins = counts.sight(actor, unit), found[number]
        terms = {
            "accepted": bins[outcomes.ACCEPTED] + bins[outcomes.DELIVERED],
            "refused": bins[:97].sum(),
            "in_doubt": bins[outcomes.IN_DOUBT],
            "not_yet": bins[outcomes.NOT_YET],
            "moved_on": bins[outcomes.MOVED_ON] + bins[outcomes.WAITED],
        }
        told = dict(zip(terms, counts.parts([int(n) for n in terms.values()], sight), strict=True))
        told["delivered"] = counts.part(int(bins[outcomes.DELIVERED]), sight)
        told["fell_back"] = counts.part(int(bins[outcomes.FELL_BACK :].sum()), sight)
        told["planned"] = counts.part(int(bins[: outcomes.FELL_BACK].sum()), sight)
        shown = channel.name if channel else "문자" if number == NO_CHANNEL else "–"
        rows.append(UnitRow(unit=unit.name, channel=shown, **told))
    return rows


def histograms(campaign_id: int) -> dict[int, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """For each channel how many people have each outcome byte; shape (256,)."""
    rows = db.raw().execute(_sql("outcomes"), {"campaign": campaign_id}).fetchall()
    return {
        channel: np.bincount(np.frombuffer(bytes(outcome), dtype=np.uint8), minlength=256).astype(np.int64)
        for channel, outcome in rows
    }


def _sql(name: str) -> str:
    return sql.load("majung.campaigns", "report", name)
