"""What the rules look at: for each case a yes or no, a set of people, an instant to wait for, or another purpose. Pure."""

from datetime import timedelta
from typing import Final

from majung.core.clock import SEOUL
from majung.crowd import registry
from majung.crowd.expression import And, Expression, Leaf, Not, Or, Range
from majung.policy import times
from majung.policy.enums import BY_NUMBER, FRIENDS_ONLY, KAKAO, Medium, OrganisationKind, Purpose
from majung.policy.rule import Case, Hold

# States of friendship (channels.enums; a test compares).
BLOCKED: Final = 2
NOT_FRIEND: Final = 3
WEEK_DAYS: Final = 7
WEEK_FULL: Final = "week_full"
"""The base set of those who may not get one more message on a day (delivery.sets)."""


def without_basis(case: Case) -> Expression:
    """No ground of law on record, or the consent to the collection withdrawn by somebody who is no member either."""
    return Or((Leaf("no_basis"), And((case.leaf("withdrawn", "service", "*"), Not(case.leaf("member"))))))


def foreign(case: Case) -> Expression:
    """Neither the entity's own people, nor given to it, nor its members, nor its own consenters."""
    own = (case.leaf("entity"), case.leaf("provided"), case.leaf("member"), case.leaf("consent", "service", "*"))
    return Not(Or(own))


def under_14(case: Case) -> Expression:
    """Born too late to be 14 by the strict reading of a month of birth, and without a guardian's consent."""
    born_after = Range("born", (), first=_month_after(times.youngest_month(case.on)))
    return And((born_after, Not(case.leaf("guardian"))))


def _month_after(month: int) -> int:
    return month + 1 if month % 100 < 12 else month + 89


def outlived(case: Case) -> Expression:
    """The data was to be kept until a day before today."""
    return Range("kept_until", (case.occasion.entity_id,), last=registry.day(case.on - timedelta(days=1)))


def no_sensitive_consent(case: Case) -> Expression:
    """No separate consent for sensitive information."""
    return Not(case.leaf("consent", "sensitive", "*"))


def blocked(case: Case) -> Expression | None:
    """Those who blocked the channel."""
    occasion = case.occasion
    if occasion.medium in KAKAO and occasion.channel_id is not None:
        return Leaf("friend", (occasion.channel_id, BLOCKED))
    return None


def blocked_before(case: Case) -> Expression | None:
    """A block is a refusal of the channel's advertising; the text in its stead would go round it (KKO-09)."""
    occasion = case.occasion
    return None if occasion.fallback_of is None else Leaf("friend", (occasion.fallback_of, BLOCKED))


def not_friend(case: Case) -> Expression | None:
    """Those known not to be friends of the channel; unknown ones are tried (architecture, Friendship)."""
    occasion = case.occasion
    if occasion.medium in FRIENDS_ONLY and occasion.channel_id is not None:
        return Leaf("friend", (occasion.channel_id, NOT_FRIEND))
    return None


def unreachable(case: Case) -> Expression | None:
    """Without a mobile number, or a mail address from which nothing came back, where the medium needs one."""
    if case.occasion.medium is Medium.EMAIL:
        return Not(Leaf("mailable"))
    return Not(Leaf("has_mobile")) if case.occasion.medium in BY_NUMBER else None


def refused_ads(case: Case) -> Expression:
    """Refused the medium or everything, or withdrew the advertising consent for the medium."""
    medium = case.occasion.medium.value
    return Or((case.leaf("refused", medium), case.leaf("withdrawn", "advertising", medium)))


def week_is_full(case: Case) -> Expression | None:
    """Had, or was promised, as many messages of the purpose in some seven days as the organisation allows."""
    occasion = case.occasion
    most = dict(occasion.weekly).get(case.purpose.value, 0)
    if not most or occasion.essential:
        return None
    day = registry.day(max(case.on, occasion.leaves_on or case.on))
    return Range(WEEK_FULL, (case.purpose.value, most, occasion.campaign_id or 0), first=day, last=day)


def ad_consent(case: Case) -> Expression:
    """Agreed to advertising by the medium."""
    return case.leaf("consent", "advertising", case.occasion.medium.value)


def recent_deal(case: Case) -> Expression:
    """Bought goods of the kind, from the entity itself, at most six months ago (ADV-06)."""
    goods = case.occasion.content.goods_class
    if not goods:
        return Or(())
    first = registry.day(times.earliest_deal(case.on))
    return Range("deal", (case.occasion.entity_id, goods), first=first, last=registry.day(case.on))


def deal_expired(case: Case) -> Expression | None:
    """Without consent, and the last deal in the kind is older than six months."""
    goods = case.occasion.content.goods_class
    if not goods:
        return None
    return And((Not(ad_consent(case)), case.leaf("deal", goods), Not(recent_deal(case))))


def deal_of_other_kind(case: Case) -> Expression | None:
    """Without consent, and only deals in other kinds."""
    if not case.occasion.content.goods_class:
        return None
    return And((Not(ad_consent(case)), case.leaf("deal_any"), Not(recent_deal(case))))


def no_ad_consent(case: Case) -> Expression:
    """Neither consent nor the exception of an existing transaction."""
    return Not(Or((ad_consent(case), recent_deal(case))))


def overdue(case: Case, purpose: str, medium: str) -> Expression:
    """The two-year check of that consent was not sent in time (ADV-16)."""
    return Range("check_due", (case.occasion.entity_id, purpose, medium), last=registry.day(case.on))


def check_overdue(case: Case) -> Expression:
    """The two-year check of the advertising consent for the medium is overdue."""
    return overdue(case, "advertising", case.occasion.medium.value)


def uncertified(case: Case) -> bool:
    """A text through a sender without a certificate in force."""
    until = case.occasion.account.certificate_until
    return case.occasion.medium is Medium.SMS and (until is None or until < case.on)


def agreed_to_night(case: Case) -> Expression:
    """A general and a separate night consent, the latter not overdue; the deal exception never reaches the night."""
    return And((ad_consent(case), case.leaf("consent", "night", "*"), Not(overdue(case, "night", "*"))))


def night(case: Case) -> Hold | None:
    """Advertising waits out the night."""
    occasion = case.occasion
    if occasion.medium is Medium.EMAIL or not times.is_night(occasion.at):
        return None
    return Hold(until=times.next_at(occasion.at, times.NIGHT_UNTIL), unless=agreed_to_night(case))


def cutoff(case: Case) -> Hold | None:
    """Nothing that may still be on its way at 21:00 is handed over: the platform's own margin before the night."""
    occasion, cutoff = case.occasion, case.occasion.account.safe_cutoff
    if cutoff is None or occasion.medium is Medium.EMAIL or times.is_night(occasion.at):
        return None
    if occasion.at.astimezone(SEOUL).time() < cutoff:
        return None
    return Hold(until=times.next_at(occasion.at, times.NIGHT_UNTIL), unless=agreed_to_night(case))


def kakao_window(case: Case) -> Hold | None:
    """Brand messages wait for the messenger's day, whatever their purpose."""
    occasion = case.occasion
    if occasion.medium is not Medium.KAKAO_AD:
        return None
    opens, closes = times.kakao_day(occasion.account.window_from, occasion.account.window_until)
    return None if times.is_open(occasion.at, opens, closes) else Hold(until=times.next_at(occasion.at, opens))


def quiet(case: Case) -> Hold | None:
    """Notices that can wait do so until the morning."""
    occasion = case.occasion
    if occasion.essential or occasion.medium is Medium.EMAIL or not times.is_night(occasion.at):
        return None
    return Hold(until=times.next_at(occasion.at, times.NIGHT_UNTIL))


def stale_fallback(case: Case) -> bool:
    """The message this text stands in for was of another day."""
    since = case.occasion.fallback_since
    return since is not None and since.astimezone(SEOUL).date() != case.on


def ad_in_disguise(case: Case) -> Purpose | None:
    """One advertising element makes the whole message advertising."""
    return Purpose.ADVERTISING if case.facts.ad_element else None


def campaigning(case: Case) -> Purpose | None:
    """Whoever supports or opposes a party or candidate campaigns, whatever else the message is for."""
    return Purpose.ELECTION_CAMPAIGN if case.facts.supports else None


def not_commercial(case: Case) -> Purpose | None:
    """Parties and local governments that sell nothing do not advertise in law."""
    if case.facts.sells:
        return None
    return {
        OrganisationKind.POLITICAL.value: Purpose.PARTY_NOTICE,
        OrganisationKind.LOCAL_GOV.value: Purpose.INFORMATIONAL,
    }.get(case.occasion.organisation_kind)


def refused_notices(case: Case) -> Expression | None:
    """Refused the medium or everything, or withdrew from optional notices, and the notice can be refused."""
    medium = case.occasion.medium.value
    if case.occasion.essential:
        return None
    return Or((case.leaf("refused", medium), case.leaf("withdrawn", "party_notice", medium)))
