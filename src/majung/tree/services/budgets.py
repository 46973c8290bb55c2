"""Budgets that flow down, and what campaigns set aside of them and of their grants' quotas (T3, T7, M7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import F, Sum

from majung.activity.services import write
from majung.core import clock, db, money
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.tree import live, rules
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.tree.errors import OutOfBudget, OverLent, UnitStopped
from majung.tree.models import Budget, Grant, Reservation, Unit
from majung.tree.services.grants import chain_numbers
from majung.tree.services.records import lock_root, record

MOST_CENTIWON = 10**15  # ten trillion won: more is a slip of the keyboard


def month_of(day: date) -> date:
    """The first day of its month, as budgets name it."""
    return day.replace(day=1)


def budgets_upwards(unit: Unit, month: date) -> list[Budget]:
    """The budgets of the unit and of those above it in that month, the nearest first. Where none is set, none limits."""
    found = Budget.objects.filter(
        unit__root_id=unit.root_id, unit__path__in=rules.ancestors(unit.path), month=month_of(month)
    ).select_related("unit")
    return sorted(found, key=lambda budget: -len(budget.unit.path))


def left_centiwon(budget: Budget) -> int:
    """What may still be reserved out of ``budget`` itself."""
    return budget.limit_centiwon - budget.reserved_centiwon - budget.spent_centiwon


@transaction.atomic
def set_budget(actor: Actor, unit: Unit, month: date, limit_centiwon: int) -> Budget:
    """The unit may spend that much in the Seoul month. What remains of it never exceeds what remains above it.

    Set from above, for the top by whoever manages the top. Raises Forbidden, OutOfBudget, Invalid.
    """
    lock_root(actor.root_id)
    fresh = Unit.objects.filter(root_id=actor.root_id, pk=unit.pk).first()
    if fresh is None:
        raise NotYours()
    actor.require(Act.TREE_MANAGE, fresh)
    above = (
        Unit.objects.filter(root_id=actor.root_id, path=fresh.path[: -rules.STEP]).first() if fresh.depth > 1 else fresh
    )
    if above is None or not actor.may(Act.TREE_MANAGE, above):
        raise Forbidden()
    month = month_of(month)
    if not 0 <= limit_centiwon <= MOST_CENTIWON:
        raise Invalid(problem="예산을 0원 이상으로, 10조 원까지 적어 주세요.")
    if month < month_of(clock.today()):
        raise Invalid(problem="지난달의 예산은 고칠 수 없습니다.")
    own = Budget.objects.filter(unit=fresh, month=month).first() or _opened(fresh, month)
    used = own.reserved_centiwon + own.spent_centiwon
    if limit_centiwon < used:
        raise Invalid(problem=f"이미 {money.won(used):,.0f}원을 썼거나 예약해 그보다 줄일 수 없습니다.")
    upper = [b for b in budgets_upwards(fresh, month) if b.unit_id != fresh.pk]
    for budget in upper:
        if limit_centiwon - used > left_centiwon(budget):
            raise _out(budget, limit_centiwon - used)
    own.limit_centiwon = limit_centiwon
    own.save()
    record(actor, "tree.budget_set", own, unit_id=fresh.pk, limit_centiwon=limit_centiwon)
    return own


def _opened(unit: Unit, month: date) -> Budget:
    """A budget not yet saved, already charged with what the subtree reserved and spent in the month without one."""
    rows = Reservation.objects.filter(root_id=unit.root_id, month=month, unit__path__startswith=unit.path)
    held = rows.filter(state=Reservation.State.HELD).aggregate(n=Sum("centiwon"))["n"] or 0
    spent = rows.filter(state=Reservation.State.SPENT).aggregate(n=Sum("spent_centiwon"))["n"] or 0
    return Budget(unit=unit, month=month, limit_centiwon=0, reserved_centiwon=held, spent_centiwon=spent)


def _out(budget: Budget, asked: int) -> OutOfBudget:
    return OutOfBudget(
        unit=budget.unit.name,
        month=f"{budget.month.month}월",
        left_won=f"{money.won(left_centiwon(budget)):,.0f}",
        asked_won=f"{money.won(asked):,.0f}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What was set aside or spent out of one grant, by itself and by all lent on from it."""

    messages_today: int
    messages_total: int
    centiwon_today: int
    centiwon_total: int


def use_of(grant: Grant, day: date) -> Use:
    """What counts against the grant's quotas on the Seoul ``day`` and in total."""
    rows = Reservation.objects.filter(root_id=grant.root_id, grants__contains=[grant.pk])
    counted = {"messages_today": 0, "messages_total": 0, "centiwon_today": 0, "centiwon_total": 0}
    sums = (
        rows.exclude(state=Reservation.State.RELEASED)
        .values("state", "on")
        .annotate(m=Sum("messages"), c=Sum("centiwon"), sm=Sum("spent_messages"), sc=Sum("spent_centiwon"))
    )
    for line in sums:
        is_spent = line["state"] == Reservation.State.SPENT
        messages, centiwon = (line["sm"], line["sc"]) if is_spent else (line["m"], line["c"])
        counted["messages_total"] += messages
        counted["centiwon_total"] += centiwon
        if line["on"] == day:
            counted["messages_today"] += messages
            counted["centiwon_today"] += centiwon
    return Use(**counted)


@transaction.atomic
def reserve(
    actor: Actor, unit: Unit, *, campaign_id: int, messages: int, centiwon: int, grant: Grant | None = None
) -> Reservation:
    """Messages and worst-case money are set aside out of every grant of the chain and every budget above the unit.

    ``grant`` is the campaign's own when the system acts on; otherwise the first of the actor's that is wide enough is
    charged. A reservation still held, or released, for the same campaign is replaced. Raises OverLent, OutOfBudget,
    UnitStopped, Forbidden, NotYours, Conflict (already settled).
    """
    if messages < 0 or centiwon < 0:
        raise ValueError("nothing negative is set aside")
    lock_root(actor.root_id)
    fresh = Unit.objects.filter(root_id=actor.root_id, pk=unit.pk).first()
    if fresh is None:
        raise NotYours()
    old = Reservation.objects.select_for_update().filter(campaign_id=campaign_id).first()
    if old is not None and old.root_id != actor.root_id:
        raise NotYours()
    if old is not None and old.state == Reservation.State.SPENT:
        raise Conflict(problem="이미 정산한 메시지입니다.")
    if grant is None:
        actor.require(Act.CAMPAIGNS_SEND, fresh)
    elif grant.root_id != actor.root_id or not live.chain_in_force(db.raw(), grant.pk, clock.now()):
        raise Forbidden()
    if not live.unit_works(db.raw(), fresh.pk):
        raise UnitStopped(unit=fresh.name)
    if old is not None and old.state == Reservation.State.HELD:
        _give_back(old)
    day = clock.today()
    chosen, chain = _affordable(
        [grant] if grant is not None else actor.grants_for(Act.CAMPAIGNS_SEND, fresh), messages, centiwon, day
    )
    budgets = budgets_upwards(fresh, day)
    for budget in budgets:
        if centiwon > left_centiwon(budget):
            raise _out(budget, centiwon)
    numbers = [budget.pk for budget in budgets]
    Budget.objects.filter(pk__in=numbers).update(reserved_centiwon=F("reserved_centiwon") + centiwon)
    reservation, _ = Reservation.objects.update_or_create(
        campaign_id=campaign_id,
        defaults={
            "root_id": actor.root_id,
            "grant": chosen,
            "unit": fresh,
            "grants": chain,
            "budgets": numbers,
            "month": month_of(day),
            "on": day,
            "messages": messages,
            "centiwon": centiwon,
            "spent_messages": 0,
            "spent_centiwon": 0,
            "state": Reservation.State.HELD,
        },
    )
    write(
        actor, "tree.reserved", unit_id=fresh.pk, object_kind="campaign", object_id=campaign_id,
        facts={"messages": messages, "centiwon": centiwon, "grant": chosen.pk},
    )  # fmt: skip
    return reservation


def _affordable(grants: Sequence[Grant], messages: int, centiwon: int, day: date) -> tuple[Grant, list[int]]:
    """The first grant whose whole chain still affords it, with the chain. Raises the refusal of the first."""
    first: OverLent | None = None
    for grant in grants:
        numbers = chain_numbers(grant)
        rows = {g.pk: g for g in Grant.objects.filter(pk__in=numbers).select_related("unit", "parent__unit")}
        refused = next((r for n in numbers if (r := _over(rows[n], messages, centiwon, day)) is not None), None)
        if refused is None:
            return grant, numbers
        first = first or refused
    raise first or Forbidden()


def _over(grant: Grant, messages: int, centiwon: int, day: date) -> OverLent | None:
    limits = (grant.messages_per_day, grant.messages_total, grant.centiwon_per_day, grant.centiwon_total)
    if limits == (None, None, None, None):
        return None
    used = use_of(grant, day)
    lender = grant.parent.unit.name if grant.parent else grant.unit.name
    checks = (
        ("하루 통수", grant.messages_per_day, used.messages_today, messages, 1),
        ("전체 통수", grant.messages_total, used.messages_total, messages, 1),
        ("하루 금액", grant.centiwon_per_day, used.centiwon_today, centiwon, 100),
        ("전체 금액", grant.centiwon_total, used.centiwon_total, centiwon, 100),
    )
    for which, limit, spent, asked, unit_size in checks:
        left = rules.left(limit, [spent])
        if left is not None and asked > left:
            counter = "통" if unit_size == 1 else "원"
            return OverLent(
                left=f"{left // unit_size:,}{counter}",
                asked=f"{-(-asked // unit_size):,}{counter}",
                which=which,
                lender=lender,
            )
    return None


def _give_back(reservation: Reservation) -> None:
    Budget.objects.filter(pk__in=reservation.budgets).update(
        reserved_centiwon=F("reserved_centiwon") - reservation.centiwon
    )


def _locked(campaign_id: int) -> Reservation | None:
    root = Reservation.objects.filter(campaign_id=campaign_id).values_list("root_id", flat=True).first()
    if root is None:
        return None
    lock_root(root)
    return Reservation.objects.get(campaign_id=campaign_id)


@transaction.atomic
def keep(campaign_id: int, *, messages: int, centiwon: int) -> Reservation | None:
    """Of what the campaign holds no more than this stays set aside, the rest is free again; it never grows.

    None when nothing is held (any more).
    """
    held = _locked(campaign_id)
    if held is None or held.state != Reservation.State.HELD:
        return None
    kept, people = min(centiwon, held.centiwon), min(messages, held.messages)
    if (kept, people) != (held.centiwon, held.messages):
        Budget.objects.filter(pk__in=held.budgets).update(
            reserved_centiwon=F("reserved_centiwon") - (held.centiwon - kept)
        )
        held.centiwon, held.messages = kept, people
        held.save(update_fields=["centiwon", "messages"])
    return held


@transaction.atomic
def settle(campaign_id: int, *, messages: int, centiwon: int) -> Reservation | None:
    """What was really sent and paid is charged, the rest is free again. Called again, the newer figures count.

    None when nothing was ever reserved. Raises ValueError for more than was set aside: the worst case was none.
    """
    held = _locked(campaign_id)
    if held is None:
        return None
    if not (0 <= messages <= held.messages and 0 <= centiwon <= held.centiwon):
        raise ValueError(f"campaign {campaign_id} settles more than it reserved")
    if held.state == Reservation.State.RELEASED:
        raise Conflict(problem="예약이 풀린 메시지는 정산할 수 없습니다.")
    charged = Budget.objects.filter(pk__in=held.budgets)
    if held.state == Reservation.State.HELD:
        charged.update(
            reserved_centiwon=F("reserved_centiwon") - held.centiwon, spent_centiwon=F("spent_centiwon") + centiwon
        )
    else:
        charged.update(spent_centiwon=F("spent_centiwon") + centiwon - held.spent_centiwon)
    held.state, held.spent_messages, held.spent_centiwon = Reservation.State.SPENT, messages, centiwon
    held.save(update_fields=["state", "spent_messages", "spent_centiwon"])
    return held


@transaction.atomic
def release(campaign_id: int) -> bool:
    """What was set aside is free again. False when nothing was held (any more)."""
    held = _locked(campaign_id)
    if held is None or held.state != Reservation.State.HELD:
        return False
    _give_back(held)
    held.state = Reservation.State.RELEASED
    held.save(update_fields=["state"])
    return True
