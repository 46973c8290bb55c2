"""The check before sending: what stands in the way, who is left out and why, what it costs, when it may leave."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from majung.activity import services as activity
from majung.audience import counts
from majung.campaigns import fallback, message, plan
from majung.campaigns.enums import Move, State, after
from majung.campaigns.errors import WrongMoment
from majung.campaigns.fallback import Instead
from majung.campaigns.models import Campaign
from majung.campaigns.plan import Plan
from majung.channels.adapters.outcomes import Outcome
from majung.core import clock, db
from majung.crowd import catalogue
from majung.delivery import planner
from majung.delivery.order import Estimate
from majung.policy import judge, rules
from majung.policy.enums import Purpose
from majung.policy.judge import Gate
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import Budget
from majung.tree.queries import grant_chain
from majung.tree.services import budgets

FRESH = timedelta(minutes=30)
"""A check older than this is made again before anything is confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that keeps the campaign from being sent. ``law`` is the article or rule; ``code`` the reason, if any."""

    sentence: str
    law: str = ""
    code: str = ""
    step: str = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What it costs if the messenger reaches all, what at worst, and what is left to pay it from (None: without limit).

    ``unit_centiwon`` is the price of the message, ``text_centiwon`` that of the text instead (0: none). VAT is not in it.
    """

    unit_centiwon: int
    text_centiwon: int
    cost_centiwon: int
    worst_centiwon: int
    lms_centiwon: int
    budget_left_centiwon: int | None
    budget_unit: str
    messages_left: int | None
    grant_left_centiwon: int | None

    @property
    def saving_centiwon(self) -> int:
        """Saved against sending the same people a long text message."""
        return self.lms_centiwon - self.worst_centiwon


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What the check found. ``estimate`` is None when the criteria cannot be asked."""

    campaign: Campaign
    plan: Plan
    gate: Gate
    estimate: Estimate
    money: Money
    problems: tuple[Problem, ...]
    at: datetime

    @property
    def may_send(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.problems


def content_hash(campaign: Campaign) -> str:
    """What is said to whom by whom, in one number; the hour and the title are not in it."""
    said: dict[str, Any] = {
        name: getattr(campaign, name)
        for name in ("root_id", "unit_id", "scope_id", "purpose", "kind", "is_essential", "subject", "text", "buttons",
                     "fallbacks", "picture_id", "template_id", "account_id", "friend_group", "fallback_text", "fallback_subject",
                     "fallback_sender", "fallback_reasons", "criteria", "declared")
    }  # fmt: skip
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@transaction.atomic
def check(actor: Actor, campaign: Campaign) -> Check:
    """The campaign is checked as it stands; the result is kept with it. Nothing is reserved, nothing leaves."""
    current = (
        Campaign.objects.select_for_update(no_key=True, of=("self",))
        .select_related("unit__entity", "scope", "root", "account", "template", "picture")
        .get(pk=campaign.pk)
    )
    actor.require(Act.CAMPAIGNS_WRITE, current.unit)
    new = after(current.state, Move.CHECK)
    if new is None:
        raise WrongMoment(state=State(current.state).label, move=Move.CHECK.label)
    found = look(actor, current)
    current.state, current.checked_at = new, found.at
    current.checked_hash = content_hash(current)
    current.estimate = stored(found)
    current.planned = current.audience = None
    current.worst_centiwon = found.money.worst_centiwon
    current.save(update_fields=["state", "checked_at", "checked_hash", "estimate", "worst_centiwon"])
    activity.write(
        actor, "campaigns.checked", unit_id=current.unit_id, object_kind="campaign", object_id=current.pk,
        facts={"planned": found.estimate.planned, "problems": [p.code for p in found.problems]},
    )  # fmt: skip
    return found


def look(actor: Actor, campaign: Campaign) -> Check:
    """The same without keeping anything."""
    catalogue.load()
    now = clock.now()
    leaves_at = max(campaign.send_at or now, now)
    act = Act.CAMPAIGNS_SEND if actor.may(Act.CAMPAIGNS_SEND, campaign.unit) else Act.CAMPAIGNS_WRITE
    actor.require(act, campaign.scope)
    found = plan.look_up(campaign, lambda unit: actor.may(act, unit), leaves_at)
    grant = actor.grant_for(act, campaign.scope)
    criteria = plan.criteria_of(actor, campaign, alone=grant is not None and not grant.covers_subtree)
    gate = judge.gates(found.occasion)
    order = found.order(criteria, grant_id=grant.pk if grant else None, not_before=leaves_at)
    now_order = replace(order, occasion=replace(found.occasion, at=now))
    guess = planner.estimate(db.raw(), now_order, lms_centiwon=found.lms_centiwon)
    money = _money(actor, campaign, found, guess)
    problems = [
        *(Problem(sentence=sentence, step="message") for sentence in found.lacking),
        *(Problem(sentence=sentence) for sentence in message.problems(found.facts, found.template)),
        *_by_gate(gate),
        *_by_text(found.instead),
        *_by_number(actor, campaign, guess, money),
    ]
    return Check(
        campaign=campaign, plan=found, gate=gate, estimate=guess, money=money, problems=tuple(problems), at=now
    )


def stored(found: Check) -> dict[str, Any]:
    """The check as the campaign keeps it, for its pages."""
    guess = found.estimate
    return {
        "audience": guess.audience,
        "left_out": dict(guess.left_out),
        "planned": guess.planned,
        "by_channel": {str(channel): people for channel, people in guess.by_channel.items()},
        "money": asdict(found.money),
        "problems": [asdict(problem) for problem in found.problems],
        "verdict": str(found.gate.verdict),
        "gate_code": found.gate.code,
        "until": found.gate.until.isoformat() if found.gate.until else None,
        "turned_to": str(found.gate.purpose),
        "instead": _text_stored(found.plan.instead),
        "signs": [
            {"kind": sign.kind, "words": sign.words, "certain": sign.certain, "sentence": sign.sentence}
            for sign in found.gate.warnings
        ],
        "rule_set": rules.RULE_SET_VERSION,
        "channels": len(found.plan.stops),
    }


def _text_stored(instead: Instead | None) -> dict[str, Any] | None:
    if instead is None:
        return None
    return {
        "kind": str(instead.template.kind), "used": instead.size.used, "most": instead.size.most,
        "sender": instead.template.sender, "reasons": [reason.name for reason in instead.reasons],
    }  # fmt: skip


def _by_gate(gate: Gate) -> list[Problem]:
    found = [
        Problem(sentence=rule.sentence, law=rule.article, code=rule.code)
        for rule in gate.denials
        if rule.code != "LABEL" or not gate.missing
    ]
    found += [Problem(sentence=one.sentence, law="정보통신망법 제50조 제4항", code="LABEL") for one in gate.missing]
    return found


def _by_text(instead: Instead | None) -> list[Problem]:
    """What keeps the text from being sent instead: its words, what is around it, and the rules for texts."""
    if instead is None:
        return []
    gate = judge.gates(instead.occasion)
    said = list(instead.problems())
    if gate.purpose is Purpose.ADVERTISING and Outcome.TALK_BLOCKED in instead.reasons:
        said += fallback.forbidden([Outcome.TALK_BLOCKED])
    found = [Problem(sentence=sentence) for sentence in dict.fromkeys(said)] + _by_gate(gate)
    return [replace(one, sentence=f"대체 문자: {one.sentence}", step="fallback") for one in found]


def _by_number(actor: Actor, campaign: Campaign, guess: Estimate, money: Money) -> list[Problem]:
    found = []
    if guess.planned == 0:
        found.append(
            Problem(sentence="받을 사람이 없습니다. 대상을 넓히거나 제외한 까닭을 살펴보세요.", step="audience")
        )
    elif actor.is_blind and guess.planned < counts.FLOOR:
        found.append(
            Problem(sentence=f"받을 사람이 {counts.FLOOR}명보다 적습니다. 대상을 넓혀 주세요.", law="가림 발송 규칙",
                    code="TOO_FEW", step="audience")
        )  # fmt: skip
    if not actor.may(Act.CAMPAIGNS_SEND, campaign.unit) or not actor.may(Act.CAMPAIGNS_SEND, campaign.scope):
        found.append(
            Problem(sentence="보내는 권한을 빌리지 않았습니다. 권한이 있는 분에게 보내 달라고 하세요.", step="send")
        )
        return found
    if money.messages_left is not None and guess.planned > money.messages_left:
        more = counts.round_to_ten(guess.planned - money.messages_left + counts.STEP // 2 - 1)
        lacking = more if actor.is_blind else guess.planned - money.messages_left
        sentence = f"빌린 한도가 {money.messages_left:,}통 남아 {lacking:,}통을 더 빌려야 합니다."
        found.append(Problem(sentence=sentence, law="빌린 한도", code="OVER_LENT", step="send"))
    if money.grant_left_centiwon is not None and money.worst_centiwon > money.grant_left_centiwon:
        sentence = f"빌린 한도가 {money.grant_left_centiwon // 100:,}원 남았습니다."
        found.append(Problem(sentence=sentence, law="빌린 한도", code="OVER_LENT", step="send"))
    if money.budget_left_centiwon is not None and money.worst_centiwon > money.budget_left_centiwon:
        sentence = f"{money.budget_unit}의 이번 달 예산이 {money.budget_left_centiwon // 100:,}원 남았습니다."
        found.append(Problem(sentence=sentence, law="예산", code="OUT_OF_BUDGET", step="send"))
    return found


def _money(actor: Actor, campaign: Campaign, found: Plan, guess: Estimate) -> Money:
    """The tightest of the budgets upwards, and the quotas of the grant that would be charged."""
    today = clock.today()
    above: list[Budget] = budgets.budgets_upwards(campaign.unit, today)
    tightest = min(above, key=budgets.left_centiwon, default=None)
    messages, centiwon = _lent(actor, campaign)
    worst = guess.worst_centiwon
    return Money(
        unit_centiwon=found.unit_centiwon,
        text_centiwon=found.instead.unit_centiwon if found.instead else 0,
        cost_centiwon=guess.cost_centiwon,
        worst_centiwon=worst,
        lms_centiwon=guess.lms_centiwon,
        budget_left_centiwon=budgets.left_centiwon(tightest) if tightest else None,
        budget_unit=tightest.unit.name if tightest else "",
        messages_left=messages,
        grant_left_centiwon=centiwon,
    )


def _lent(actor: Actor, campaign: Campaign) -> tuple[int | None, int | None]:
    """What the widest grant's whole chain still lends in messages and money; None is without limit."""
    grant = actor.grant_for(Act.CAMPAIGNS_SEND, campaign.unit)
    messages: list[int] = []
    centiwon: list[int] = []
    for link in grant_chain(grant) if grant else ():
        limits: Mapping[str, int | None] = {
            "messages_today": link.messages_per_day, "messages_total": link.messages_total,
            "centiwon_today": link.centiwon_per_day, "centiwon_total": link.centiwon_total,
        }  # fmt: skip
        if all(limit is None for limit in limits.values()):
            continue
        used = asdict(budgets.use_of(link, clock.today()))
        for name, limit in limits.items():
            if limit is not None:
                (messages if name.startswith("messages") else centiwon).append(max(limit - used[name], 0))
    return min(messages, default=None), min(centiwon, default=None)
