"""How much one person gets in a week, how fast what may leave, and whose share is how large: set, and told in words (M5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from majung.activity import services as activity
from majung.campaigns.models import Campaign
from majung.channels.models import Channel, DealerAccount
from majung.core import db
from majung.core.errors import Invalid, NotYours
from majung.delivery import pace, week
from majung.delivery.pace import Pace
from majung.policy.enums import BUILT, PURPOSE_NAMES, Purpose
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.models import LegalEntity, Unit

MOST_PER_MINUTE = 10_000_000
MOST_SHARES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """The weekly cap of one purpose; 0 is without limit."""

    purpose: str
    name: str
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account, channel or legal entity whose pace may be limited."""

    target: str
    name: str
    per_minute: int | None
    words: str
    is_slow: bool


def top_of(root_id: int) -> Unit:
    """The organisation's highest unit."""
    found: Unit = Unit.objects.get(root_id=root_id, depth=1)
    return found


def caps(actor: Actor) -> list[Cap]:
    """The caps of purposes whose rules are built."""
    limits = dict(week.limits(db.raw(), actor.root_id))
    return [Cap(purpose=str(one), name=PURPOSE_NAMES[one], most=limits[str(one)]) for one in Purpose if one in BUILT]


@transaction.atomic
def set_cap(actor: Actor, purpose: str, most: str) -> None:
    """From the next list on a person gets so many messages of the purpose in seven days. Raises Invalid, Forbidden."""
    top = top_of(actor.root_id)
    actor.require(Act.TREE_MANAGE, top)
    if purpose not in {str(one) for one in BUILT}:
        raise Invalid(problem="알 수 없는 종류의 메시지입니다.")
    number = _number(
        most, week.MOST, "일주일에 받을 수를 0부터 100까지의 숫자로 적어 주세요. 0은 한도를 두지 않는다는 뜻입니다."
    )
    week.set_limit(db.raw(), actor.root_id, Purpose(purpose), number)
    activity.write(
        actor, "campaigns.weekly_cap_set", unit_id=top.pk, object_kind="unit", object_id=top.pk,
        facts={"purpose": purpose, "most": number},
    )  # fmt: skip


@transaction.atomic
def set_limit(actor: Actor, target: str, per_minute: str) -> None:
    """So many messages a minute through an account or a channel, or for a legal entity; empty takes the limit away.

    ``target`` is ``kind:id`` as ``lines`` gives it. Raises Invalid, Forbidden, NotYours.
    """
    kind, _, name = target.partition(":")
    number, unit = _found(actor, kind, name)
    actor.require(Act.TREE_MANAGE if kind == "entity" else Act.CHANNELS_MANAGE, unit)
    wrong = "1분에 보낼 수를 1부터 10,000,000까지의 숫자로 적어 주세요. 비우면 한도가 없습니다."
    limit = _number(per_minute, MOST_PER_MINUTE, wrong, least=1) if per_minute.strip() else None
    pace.set_pace(db.raw(), actor.root_id, (kind, number), per_minute=limit)
    activity.write(
        actor, "campaigns.pace_set", unit_id=unit.pk, object_kind=kind, object_id=number, facts={"per_minute": limit}
    )


@transaction.atomic
def set_share(actor: Actor, unit_id: str, shares: str) -> None:
    """The unit gets so many shares where several wait. Raises Invalid, Forbidden, NotYours."""
    top = top_of(actor.root_id)
    actor.require(Act.TREE_MANAGE, top)
    unit = Unit.objects.filter(root_id=actor.root_id, public_id=_uuid(unit_id)).first()
    if unit is None:
        raise NotYours()
    number = _number(shares, MOST_SHARES, "몫을 1부터 100까지의 숫자로 적어 주세요.", least=1)
    pace.set_pace(db.raw(), actor.root_id, ("unit", unit.pk), per_minute=None, weight=number)
    activity.write(
        actor, "campaigns.share_set", unit_id=unit.pk, object_kind="unit", object_id=unit.pk, facts={"shares": number}
    )


def lines(actor: Actor) -> list[Line]:
    """Accounts, channels and legal entities in sight, slow and limited ones first."""
    known, at = pace.of_root(db.raw(), actor.root_id)
    units = actor.units(Act.CHANNELS_VIEW)
    accounts = DealerAccount.objects.filter(root_id=actor.root_id, unit__in=units).order_by("name")
    channels = Channel.objects.filter(root_id=actor.root_id, unit__in=units).order_by("name")
    found = [_line("account", f"계정 {one.name}", one.pk, str(one.public_id), known, at) for one in accounts]
    found += [_line("channel", f"채널 {one.name}", one.pk, str(one.public_id), known, at) for one in channels]
    if actor.may(Act.TREE_MANAGE, top_of(actor.root_id)):
        entities = LegalEntity.objects.filter(root_id=actor.root_id).order_by("name")
        found += [_line("entity", f"법인 {one.name}", one.pk, str(one.pk), known, at) for one in entities]
    return sorted(found, key=lambda line: (not line.is_slow, line.per_minute is None))


def slow_words(campaign: Campaign) -> list[str]:
    """Why the campaign leaves more slowly than it could, in sentences; empty when nothing holds it."""
    known, at = pace.of_root(db.raw(), campaign.root_id)
    keys = (("account", campaign.account_id or 0), ("entity", campaign.unit.entity_id))
    return [words for key in keys if key in known and (words := words_of(known[key], at))]


def words_of(known: Pace, at: float) -> str:
    """What holds an account, a channel or an entity back now; empty: nothing."""
    learned = known.learned.now(at) if known.learned else None
    said = []
    if learned is not None and known.learned is not None:
        minutes = -(-(known.learned.before - learned) * pace.RECOVERY_SECONDS / known.learned.before // 60)
        said.append(
            f"{known.trouble} 이 계정만 1분에 {learned:,.0f}통으로 늦추어 보냅니다. 별일이 없으면 {minutes:.0f}분 안에 "
            "본래 빠르기로 돌아옵니다."
        )
    if known.per_minute or known.declared:
        limit = min(one for one in (known.per_minute, known.declared) if one)
        said.append(f"정해 둔 한도에 맞추어 1분에 {limit:,}통까지 보냅니다.")
    if said and known.free_at - at >= 1:
        said.append(f"다음은 {known.free_at - at:,.0f}초 뒤에 나갑니다.")
    return " ".join(said)


def _line(kind: str, name: str, number: int, public: str, known: dict[pace.Key, Pace], at: float) -> Line:
    one = known.get((kind, number))
    is_slow = one is not None and one.learned is not None and one.learned.now(at) is not None
    return Line(
        target=f"{kind}:{public}", name=name, per_minute=one.per_minute if one else None,
        words=words_of(one, at) if one else "", is_slow=is_slow,
    )  # fmt: skip


def _found(actor: Actor, kind: str, name: str) -> tuple[int, Unit]:
    """The number of what is meant and the unit whose right decides. Raises NotYours."""
    if kind == "entity":
        entity = (
            LegalEntity.objects.filter(root_id=actor.root_id, pk=int(name)).first()
            if name.isdecimal() and name.isascii() and len(name) < 10
            else None
        )
        if entity is not None:
            return entity.pk, top_of(actor.root_id)
    elif kind in ("account", "channel"):
        model = DealerAccount if kind == "account" else Channel
        thing = model.objects.filter(root_id=actor.root_id, public_id=_uuid(name)).select_related("unit").first()
        if thing is not None and actor.may(Act.CHANNELS_VIEW, thing.unit):
            return thing.pk, thing.unit
    raise NotYours()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotYours() from error


def _number(text: str, most: int, problem: str, *, least: int = 0) -> int:
    digits = text.strip().replace(",", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 12 and least <= int(digits) <= most):
        raise Invalid(problem=problem)
    return int(digits)


def units_of(actor: Actor) -> Iterable[tuple[str, str, int]]:
    """Units with more than one share: id, name, shares."""
    known, _ = pace.of_root(db.raw(), actor.root_id)
    weights = {ref: one.weight for (kind, ref), one in known.items() if kind == "unit" and one.weight > 1}
    found = Unit.objects.filter(root_id=actor.root_id, pk__in=weights).order_by("path")
    return [(str(unit.public_id), unit.name, weights[unit.pk]) for unit in found]
