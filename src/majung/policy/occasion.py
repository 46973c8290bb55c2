"""The occasion of a decision: everything the rules look at that is not the person. Frozen with a campaign as JSON."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time
from typing import Any

from majung.policy.enums import Medium, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """What the messenger itself prints around a message. Declared per medium; judged on what the friend sees."""

    label: bool
    sender: bool
    opt_out: bool


# kakao.md 3.3: KakaoTalk shows the mark, the profile's name and the way out on brand messages. A text carries its own.
PRINTED: dict[Medium, Prints] = {
    Medium.KAKAO_AD: Prints(label=True, sender=True, opt_out=True),
    Medium.KAKAO_ALIM: Prints(label=False, sender=True, opt_out=True),
    Medium.KAKAO_CHAT: Prints(label=False, sender=True, opt_out=False),
    Medium.SMS: Prints(label=False, sender=False, opt_out=False),
    Medium.EMAIL: Prints(label=False, sender=False, opt_out=False),
    Medium.PUSH: Prints(label=False, sender=True, opt_out=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was written, and what its writer declares about it. ``cleared`` names doubtful signs the writer looked at
    and declares harmless (``policy.lint``); signs that are beyond doubt cannot be cleared.
    """

    text: str
    title: str = ""
    buttons: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    is_commercial: bool = False
    supports: bool = False
    favours_contender: bool = False
    illegal_goods: bool = False
    goods_class: str = ""
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What is known of the sender's account and papers. ``window_*`` is the vendor's own day for brand messages; the
    stricter of it and Kakao's 08:00–20:50 holds. ``safe_cutoff``: no hand-over of advertising begins after it (ADV-10).
    """

    sender_name: str = ""
    contact: str = ""
    sender_number: str = ""
    sender_number_registered: bool = False
    refusal_number: str = ""
    certificate_until: date | None = None
    template_approved: bool = False
    roll_by_law: bool = False
    window_from: time = time(8)
    window_until: time = time(20, 50)
    safe_cutoff: time | None = time(20, 50)
    prints: Prints | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One message of one sender by one medium at one moment, perhaps on one channel.

    ``unit_id`` is the sending unit; ``entity_id`` answers for the sending. ``channel_entity_id``: the legal entity of
    the channel, when it is another one; it must then be allowed everything that the sender must be (GEN-06).
    ``essential``: a party notice nobody can turn off (dues, eligibility, vote, breach, leave), also not by the hour.
    ``weekly``: how many messages of each purpose a person gets in seven days (0: without limit), ``campaign_id`` the
    campaign whose own place does not count against it, ``leaves_on`` the Seoul date on which it is to leave.
    ``fallback_of``: the channel whose message did not arrive, when this is the text sent in its stead, and since when.
    """

    root_id: int
    organisation_kind: str
    purpose: Purpose
    medium: Medium
    entity_id: int
    unit_id: int
    unit_path: str
    at: datetime
    content: Content
    channel_id: int | None = None
    channel_entity_id: int | None = None
    account: AccountFacts = field(default_factory=AccountFacts)
    essential: bool = False
    targets_sensitive: bool = False
    fallback_of: int | None = None
    fallback_since: datetime | None = None
    weekly: tuple[tuple[str, int], ...] = ()
    campaign_id: int | None = None
    leaves_on: date | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an occasion's moment needs a time zone")

    @property
    def prints(self) -> Prints:
        """What the messenger prints for this medium: the account's own declaration, or the default."""
        return self.account.prints or PRINTED[self.medium]

    def to_json(self) -> dict[str, Any]:
        """A plain dict for a jsonb column; ``from_json`` gives the equal occasion back."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self), default=_plain, ensure_ascii=False))
        return found


def _plain(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def from_json(stored: dict[str, Any]) -> Occasion:
    """The occasion that ``to_json`` wrote. Raises KeyError, TypeError or ValueError on what it never writes."""
    content: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored["content"].items()}
    account = dict(stored["account"])
    account["certificate_until"] = account["certificate_until"] and date.fromisoformat(account["certificate_until"])
    for name in ("window_from", "window_until", "safe_cutoff"):
        account[name] = account[name] and time.fromisoformat(account[name])
    account["prints"] = account["prints"] and Prints(**account["prints"])
    facts: dict[str, Any] = stored | {
        "purpose": Purpose(stored["purpose"]),
        "medium": Medium(stored["medium"]),
        "at": datetime.fromisoformat(stored["at"]),
        "weekly": tuple((purpose, most) for purpose, most in stored["weekly"]),
        "leaves_on": stored["leaves_on"] and date.fromisoformat(stored["leaves_on"]),
        "fallback_since": stored["fallback_since"] and datetime.fromisoformat(stored["fallback_since"]),
        "content": Content(**content),
        "account": AccountFacts(**account),
    }
    return Occasion(**facts)
