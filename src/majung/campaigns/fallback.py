"""The text that goes instead of a KakaoTalk message: its words with the law's marks, its kind by bytes, its price, its reasons.

What becomes of it is ``delivery.fallback``'s; here is what the writer sees of it before anything is sent (M7, M10).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from majung.campaigns import message
from majung.campaigns.enums import Kind
from majung.campaigns.models import Campaign
from majung.channels.adapters import limits
from majung.channels.adapters.limits import Size
from majung.channels.adapters.outcomes import UNREACHED, WORDS, Outcome
from majung.channels.adapters.registry import adapter
from majung.channels.adapters.terms import Kind as WireKind
from majung.channels.adapters.terms import KindFacts, Message
from majung.channels.enums import MessageKind
from majung.channels.models import DealerAccount, SenderNumber
from majung.delivery.order import Fallback
from majung.delivery.render import Template, longest_values
from majung.policy.enums import Medium, Purpose
from majung.policy.lint import LABEL
from majung.policy.occasion import Occasion

KIND_WORDS: Mapping[str, str] = {WireKind.SMS: "단문 문자", WireKind.LMS: "장문 문자"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """The text of a campaign, finished or not. ``lacking`` are sentences about what is missing around it."""

    facts: KindFacts
    template: Template
    occasion: Occasion
    reasons: tuple[Outcome, ...]
    unit_centiwon: int
    size: Size
    lacking: tuple[str, ...]

    def problems(self) -> list[str]:
        """Everything that keeps the text from being sent, as Korean sentences."""
        return [*self.lacking, *message.problems(self.facts, self.template)]

    def order(self) -> Fallback | None:
        """What delivery is asked for; None while no reason is chosen."""
        if not self.reasons:
            return None
        return Fallback(
            reasons=tuple(map(int, self.reasons)), kind=self.template.kind, message=self.template.message,
            sender=self.template.sender, occasion=self.occasion, unit_centiwon=self.unit_centiwon,
        )  # fmt: skip


def offered(kind: str, purpose: str) -> tuple[Outcome, ...]:
    """The reasons for which a text can go instead of that kind of message, for that purpose.

    An AlimTalk needs no friend. ``TALK_BLOCKED`` is told of the idle and of those who blocked alike: to whom of them one may not
    advertise is not told, so no advertising goes to any (law.md KKO-09).
    """
    found = [outcome for outcome in UNREACHED if kind == Kind.BRAND or outcome is not Outcome.NOT_A_FRIEND]
    return tuple(one for one in found if purpose != Purpose.ADVERTISING or one is not Outcome.TALK_BLOCKED)


def words_of(reasons: Sequence[Outcome]) -> list[str]:
    """The reasons in Korean."""
    return [WORDS[reason] for reason in reasons]


def forbidden(reasons: Sequence[Outcome]) -> list[str]:
    """What is said of reasons that cannot be chosen."""
    return [
        f"‘{WORDS[one]}’: 이 까닭으로는 이 메시지를 문자로 대신 보낼 수 없습니다. 고르지 말아 주세요."
        for one in reasons
    ]


def look_up(
    campaign: Campaign, account: DealerAccount | None, template: Template, occasion: Occasion, prices: Mapping[str, int]
) -> Instead | None:
    """The text instead of the message of ``template``, judged like ``occasion`` but as a text; None when there is to be none."""
    if not campaign.falls_back:
        return None
    kinds = adapter(account.adapter if account else "solapi").kinds
    short, long = kinds.get(WireKind.SMS), kinds.get(WireKind.LMS)
    if short is None or long is None:
        return None
    sender, is_registered = _sender(campaign, account)
    words = Message(text=campaign.fallback_text)
    if campaign.purpose == Purpose.ADVERTISING:
        refusal_number = account.refusal_number if account else ""
        words = limits.as_advertising(short, words, campaign.unit.entity.name, refusal_number)
    said = replace(template, kind=WireKind.SMS, message=words, sender=sender)
    facts, size = short, limits.size(short, words.text, longest_values(said))
    if size.used > size.most:
        subject = campaign.fallback_subject
        if campaign.purpose == Purpose.ADVERTISING and subject and not subject.startswith(LABEL):
            subject = f"{LABEL} {subject}"
        said = replace(said, kind=WireKind.LMS, message=replace(words, subject=subject))
        facts, size = long, limits.size(long, words.text, longest_values(said))
    reasons = tuple(one for one in UNREACHED if one.name in campaign.fallback_reasons)
    account_facts = replace(
        occasion.account, contact=sender, sender_number=sender, sender_number_registered=is_registered
    )  # fmt: skip
    content = replace(occasion.content, text=said.message.text, title=said.message.subject, buttons=())
    return Instead(
        facts=facts, template=said, reasons=reasons, size=size,
        occasion=replace(occasion, medium=Medium.SMS, content=content, account=account_facts),
        unit_centiwon=prices.get(MessageKind(said.kind), 0),
        lacking=tuple(_lacking(campaign, said.kind, reasons, prices, sender, is_registered=is_registered)),
    )  # fmt: skip


def senders(account: DealerAccount | None) -> list[SenderNumber]:
    """The registered numbers of an account, the usual one first."""
    return list(SenderNumber.objects.filter(account=account).order_by("-is_default", "number")) if account else []


def _sender(campaign: Campaign, account: DealerAccount | None) -> tuple[str, bool]:
    """The number the text comes from, and whether it is registered: the chosen one, else the account's usual one."""
    registered = senders(account)
    usual = next((one.number for one in registered if one.is_default), "")
    chosen = campaign.fallback_sender or usual
    return chosen, any(one.number == chosen for one in registered)


def _lacking(
    campaign: Campaign,
    kind: WireKind,
    reasons: Sequence[Outcome],
    prices: Mapping[str, int],
    sender: str,
    *,
    is_registered: bool,
) -> list[str]:
    found = []
    if not reasons:
        found.append("어떤 까닭으로 닿지 않았을 때 보낼지 골라 주세요.")
    found += forbidden([one for one in reasons if one not in offered(campaign.kind, campaign.purpose)])
    if not sender:
        found.append("등록한 발신번호가 없습니다. 대행사 화면에서 발신번호를 가져와 주세요.")
    elif not is_registered:
        found.append(f"발신번호 {sender}이(가) 대행사에 등록되어 있지 않습니다. 다른 번호를 골라 주세요.")
    if MessageKind(kind) not in prices:
        found.append(f"{KIND_WORDS[kind]}의 오늘 단가가 가격표에 없습니다. 대행사 화면에서 단가를 적어 주세요.")
    return found
