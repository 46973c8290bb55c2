"""Why one person did or did not get one campaign: what is written in the books, then every rule in order (C3)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from majung.campaigns import plan, report
from majung.campaigns.models import Campaign
from majung.core import clock, db, sql
from majung.crowd import catalogue, evaluate
from majung.delivery import outcomes
from majung.delivery.models import Dispatch
from majung.delivery.order import Fallback, on_channel
from majung.delivery.route import Router
from majung.people.models import Person
from majung.policy import judge
from majung.policy.enums import Outcome
from majung.policy.judge import Finding
from majung.policy.occasion import from_json
from majung.tree.actor import Actor
from majung.tree.models import Unit
from majung.ui.values import Rule, Tone

STATES: dict[Outcome, Literal["passed", "stopped", "skipped"]] = {
    Outcome.PASSED: "passed",
    Outcome.TURNED: "passed",
    Outcome.STOPPED: "stopped",
    Outcome.DEFERRED: "stopped",
    Outcome.ALSO: "stopped",
    Outcome.NOT_LOOKED_AT: "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The verdict first, then the rules in order."""

    verdict: str
    sentence: str
    tone: Tone
    rules: tuple[Rule, ...]


def why(actor: Actor, campaign: Campaign, person: Person) -> Answer:
    """The answer for a person whom the actor may see."""
    person_id = person.pk
    catalogue.load()
    dispatch = Dispatch.objects.filter(campaign_id=campaign.pk).only("occasion", "fallback").first()
    channel, byte, parent, since, reason = None, None, None, None, None
    if dispatch is not None:
        row = db.raw().execute(_sql("channel_of"), {"campaign": campaign.pk, "person": person_id}).fetchone()
        channel, byte, parent, since = row or (None, None, None, None)
        found = db.raw().execute(_sql("reason_of"), {"campaign": campaign.pk, "person": person_id}).fetchone()
        reason = found[0] if found else None
    if dispatch is not None and parent is not None:
        findings = _of_text(dispatch, channel, since, person_id)
    else:
        findings = _findings(actor, campaign, dispatch, channel, person)
    rules = tuple(_rule(finding) for finding in findings)
    if byte is not None and byte != outcomes.LEFT_OUT:
        refused = outcomes.is_refused(byte)
        verdict = (
            "거절됨" if refused else "보냈습니다" if byte in (outcomes.ACCEPTED, outcomes.DELIVERED) else "보내는 중"
        )
        sentence = outcomes.sentence(byte)
        if parent is not None:
            sentence = f"카카오톡으로 닿지 않아 대체 문자를 보냅니다. 문자: {sentence}"
        return Answer(verdict=verdict, sentence=sentence, tone="danger" if refused else "ok", rules=rules)
    if reason is not None:
        sentence, law = report.words_of(reason, campaign.purpose)
        before = "카카오톡으로 닿지 않았고, 대체 문자는 보내지 않았습니다. " if parent is not None else ""
        return Answer(verdict="제외했습니다", sentence=f"{before}{sentence} {law}".strip(), tone="warn", rules=rules)
    if dispatch is not None:
        return Answer(
            verdict="대상이 아니었습니다", sentence="명단을 굳힐 때 조건에 맞지 않았습니다.", tone="warn", rules=()
        )
    if not evaluate.holds(db.raw(), campaign.root_id, plan.criteria_of(actor, campaign, alone=False), person_id):
        return Answer(verdict="대상이 아닙니다", sentence="범위나 조건에 맞지 않습니다.", tone="warn", rules=())
    stop = next((rule for rule in rules if rule.state == "stopped"), None)
    if stop is not None:
        return Answer(verdict="지금은 제외됩니다", sentence=stop.text, tone="warn", rules=rules)
    return Answer(verdict="받을 사람입니다", sentence="아직 명단을 굳히지 않았습니다.", tone="ok", rules=rules)


def _findings(
    actor: Actor, campaign: Campaign, dispatch: Dispatch | None, channel: int | None, person: Person
) -> list[Finding]:
    """Rules as they hold now: of the written occasion if there is one, on the channel where the person stood."""
    found = plan.look_up(campaign, lambda unit: actor.sees(unit), clock.now())
    occasion = replace(from_json(dispatch.occasion), at=clock.now()) if dispatch else found.occasion
    if channel is None and found.stops:
        units = dict(Unit.objects.filter(root_id=campaign.root_id).values_list("pk", "path"))
        route = Router(found.stops, units, campaign.scope.path).route(person.home_unit_id)
        channel = next(iter((*route.near, *route.far)), None)
    stop = next((one for one in found.stops if one.channel_id == channel), None)
    if stop is not None:
        occasion = on_channel(occasion, stop)
    return judge.why(db.raw(), occasion, person.pk)


def _of_text(dispatch: Dispatch, channel: int | None, since: datetime | None, person: int) -> list[Finding]:
    """Rules as they hold now for the text that goes instead of the message of that channel."""
    text = Fallback.from_json(dispatch.fallback or {}).occasion
    return judge.why(db.raw(), replace(text, at=clock.now(), fallback_of=channel, fallback_since=since), person)


def _rule(finding: Finding) -> Rule:
    """The sentence says what the rule stops; of one that let pass it is said that it does not apply."""
    state: Literal["passed", "stopped", "skipped"] = STATES[finding.outcome]
    text = f"해당 없음 · {finding.rule.sentence}" if state == "passed" else finding.rule.sentence
    return Rule(state=state, text=text, law=finding.rule.article)


def _sql(name: str) -> str:
    return sql.load("majung.campaigns", "report", name)
