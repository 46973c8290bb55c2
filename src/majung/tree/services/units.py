"""Adding, naming, moving, suspending and closing units (T1): one lock a root, the past kept in spans."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import transaction

from majung.core import clock, db, sql
from majung.core.errors import Conflict, Forbidden, Invalid, NotYours
from majung.core.text import nfc
from majung.tree import rules
from majung.tree.actor import Actor
from majung.tree.enums import Act, UnitState
from majung.tree.errors import UnitStopped, WouldCycle
from majung.tree.models import Grant, LegalEntity, Unit, UnitKind
from majung.tree.services.grants import revoke_all
from majung.tree.services.records import lock_root, record

CODE = re.compile(r"^[0-9A-Za-z가-힣][0-9A-Za-z가-힣._-]{0,39}$")
PHONE = re.compile(r"^[0-9+][0-9 -]{1,19}$")
DISTRICT = re.compile(r"^[0-9A-Za-z-]{1,10}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitColumns:
    """What is written about a unit, apart from its place and state."""

    kind: UnitKind
    entity: LegalEntity
    code: str
    name: str
    leader: str = ""
    phone: str = ""
    district_code: str = ""

    def cleaned(self, root_id: int) -> "UnitColumns":
        """The same, in NFC and within bounds. Raises Invalid, and NotYours for a kind or entity of another organisation."""
        if self.kind.root_id != root_id or self.entity.root_id != root_id:
            raise NotYours()
        clean = replace(
            self, code=nfc(self.code), name=nfc(self.name), leader=nfc(self.leader), phone=nfc(self.phone),
            district_code=nfc(self.district_code),
        )  # fmt: skip
        if not clean.name or len(clean.name) > 80:
            raise Invalid(problem="조직 이름을 1–80자로 적어 주세요.")
        if not CODE.match(clean.code):
            raise Invalid(problem="코드는 한글·영문·숫자와 . _ - 로 40자까지 적어 주세요.")
        if len(clean.leader) > 40:
            raise Invalid(problem="대표자 이름은 40자까지 적어 주세요.")
        if clean.phone and not PHONE.match(clean.phone):
            raise Invalid(problem="전화번호는 숫자와 - 로 20자까지 적어 주세요.")
        if clean.district_code and not DISTRICT.match(clean.district_code):
            raise Invalid(problem="선거구 코드는 영문·숫자로 10자까지 적어 주세요.")
        return clean


def columns_of(unit: Unit) -> UnitColumns:
    """What is written about ``unit`` now."""
    return UnitColumns(
        kind=unit.kind, entity=unit.entity, code=unit.code, name=unit.name, leader=unit.leader, phone=unit.phone,
        district_code=unit.district_code,
    )  # fmt: skip


def parent_of(unit: Unit) -> Unit | None:
    """The unit right above; None for the top."""
    if unit.depth == 1:
        return None
    rows = Unit.objects.select_related("kind", "entity")
    parent: Unit = rows.get(root_id=unit.root_id, path=unit.path[: -rules.STEP])
    return parent


def require_above(actor: Actor, unit: Unit) -> Unit:
    """The unit right above, where the actor manages. Moving, stopping and closing is for those above (raises Forbidden)."""
    actor.require(Act.TREE_MANAGE, unit)
    parent = parent_of(unit)
    if parent is None or not actor.may(Act.TREE_MANAGE, parent):
        raise Forbidden()
    return parent


def _fresh(actor: Actor, unit: Unit) -> Unit:
    """The unit as it is under the lock. Raises NotYours outside the actor's organisation."""
    rows = Unit.objects.filter(root_id=actor.root_id, pk=unit.pk)
    found: Unit | None = rows.select_related("kind", "entity").first()
    if found is None:
        raise NotYours()
    return found


def _code_is_free(unit: Unit | None, root_id: int, code: str) -> None:
    others = Unit.objects.filter(root_id=root_id, code=code)
    if (others if unit is None else others.exclude(pk=unit.pk)).exists():
        raise Invalid(problem=f"코드 ‘{code}’인 조직이 이미 있습니다.")


_respans_later: ContextVar[bool] = ContextVar("respans_later", default=False)


@contextmanager
def respanned_once(root_id: int) -> Iterator[None]:
    """Acts inside the block leave the spans alone; at its end all units of the root are respanned together."""
    token = _respans_later.set(True)
    try:
        yield
    finally:
        _respans_later.reset(token)
    respan(root_id, "")


def respan(root_id: int, path: str) -> None:
    """Every unit of the subtree (of the root, for an empty path) has an open span that says what it is now."""
    if _respans_later.get():
        return
    values = {"root": root_id, "path": path, "at": clock.now()}
    db.raw().execute(sql.load("majung.tree", "spans", "close"), values)
    db.raw().execute(sql.load("majung.tree", "spans", "open"), values)


@transaction.atomic
def add_unit(actor: Actor, parent: Unit, columns: UnitColumns) -> Unit:
    """A new unit below ``parent``. Raises NotYours, Forbidden, Invalid, UnitStopped."""
    lock_root(actor.root_id)
    parent = _fresh(actor, parent)
    actor.require(Act.TREE_MANAGE, parent)
    clean = columns.cleaned(actor.root_id)
    if parent.state == UnitState.CLOSED:
        raise UnitStopped(unit=parent.name)
    if parent.depth >= rules.MAX_DEPTH:
        raise Invalid(problem=f"조직은 {rules.MAX_DEPTH}단계까지 만들 수 있습니다.")
    _code_is_free(None, actor.root_id, clean.code)
    new = Unit(root_id=actor.root_id, opened_on=clock.today(), **by_name(clean))
    unit: Unit = Unit.objects.add_child(parent, instance=new)
    respan(actor.root_id, unit.path)
    record(actor, "tree.unit_added", unit, unit_id=unit.pk, parent=parent.pk)
    return unit


@transaction.atomic
def edit_unit(actor: Actor, unit: Unit, columns: UnitColumns) -> Unit:
    """The unit reads as ``columns`` say; nothing happens when it already does. Its legal entity is changed from above."""
    lock_root(actor.root_id)
    unit = _fresh(actor, unit)
    actor.require(Act.TREE_MANAGE, unit)
    clean = columns.cleaned(actor.root_id)
    before = columns_of(unit)
    if clean == before:
        return unit
    if clean.entity != before.entity and unit.depth > 1:
        require_above(actor, unit)
    if clean.code != before.code:
        _code_is_free(unit, actor.root_id, clean.code)
    values = by_name(clean)
    for name, value in values.items():
        setattr(unit, name, value)
    unit.save(update_fields=list(values))
    respan(actor.root_id, unit.path)
    changed = [name for name, value in by_name(before).items() if getattr(clean, name) != value]
    record(actor, "tree.unit_edited", unit, unit_id=unit.pk, changed=changed, was=before.name)
    return unit


def rename_unit(actor: Actor, unit: Unit, name: str) -> Unit:
    """The unit is called ``name``; what it was called before stays in its spans."""
    return edit_unit(actor, unit, replace(columns_of(_fresh(actor, unit)), name=name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Who is touched by a change of the tree, in counts, before it is done."""

    units: int
    operators: int
    grants_ended: int
    operators_ended: int


@transaction.atomic
def move_unit(actor: Actor, unit: Unit, target: Unit) -> Effect:
    """The unit and all below it hang under ``target``; grants that their lender no longer reaches are taken back.

    People, channels and history stay with the unit. Raises WouldCycle, UnitStopped, Forbidden, NotYours.
    """
    lock_root(actor.root_id)
    unit, target, parent = _movable(actor, unit, target)
    effect = _effect(unit, _out_of_reach(unit, target))
    if parent == target:
        return effect
    Unit.objects.move(unit, target, "last-child")
    unit = _fresh(actor, unit)
    respan(actor.root_id, unit.path)
    rows = db.raw().execute(
        sql.load("majung.tree", "grants", "out_of_reach"), {"root": actor.root_id, "path": unit.path}
    )
    revoke_all(actor, [number for (number,) in rows.fetchall()], why="moved_away")
    record(actor, "tree.unit_moved", unit, unit_id=unit.pk, was=parent.pk, now=target.pk, **asdict(effect))
    return effect


def preview_move(actor: Actor, unit: Unit, target: Unit) -> Effect:
    """What ``move_unit`` would touch; refuses what it would refuse."""
    unit, target, _ = _movable(actor, unit, target)
    return _effect(unit, _out_of_reach(unit, target))


def _movable(actor: Actor, unit: Unit, target: Unit) -> tuple[Unit, Unit, Unit]:
    unit, target = _fresh(actor, unit), _fresh(actor, target)
    parent = require_above(actor, unit)
    actor.require(Act.TREE_MANAGE, target)
    if rules.would_cycle(unit.path, target.path):
        raise WouldCycle(unit=unit.name)
    if target.state == UnitState.CLOSED:
        raise UnitStopped(unit=target.name)
    deepest = Unit.objects.filter(root_id=actor.root_id, path__startswith=unit.path).order_by("-depth")[0]
    if target.depth + 1 + deepest.depth - unit.depth > rules.MAX_DEPTH:
        raise Invalid(problem=f"조직은 {rules.MAX_DEPTH}단계까지 만들 수 있습니다.")
    return unit, target, parent


def _out_of_reach(unit: Unit, target: Unit) -> list[int]:
    rows = db.raw().execute(
        sql.load("majung.tree", "grants", "would_be_out_of_reach"),
        {"root": unit.root_id, "path": unit.path, "target": target.path},
    )
    return [number for (number,) in rows.fetchall()]


def _effect(unit: Unit, ending: list[int]) -> Effect:
    here = Grant.objects.filter(root_id=unit.root_id, unit__path__startswith=unit.path, revoked_at__isnull=True)
    rows = db.raw().execute(sql.load("majung.tree", "grants", "lent_on"), {"grants": ending}).fetchall()
    ended = Grant.objects.filter(pk__in=[number for (number,) in rows])
    return Effect(
        units=Unit.objects.filter(root_id=unit.root_id, path__startswith=unit.path).count(),
        operators=here.exclude(user=None).values("user").distinct().count(),
        grants_ended=ended.count(),
        operators_ended=ended.exclude(user=None).values("user").distinct().count(),
    )


def preview_stop(actor: Actor, unit: Unit, *, close: bool) -> Effect:
    """What suspending (everything below stops too) or closing (grants end for good) would touch."""
    unit = _fresh(actor, unit)
    require_above(actor, unit)
    ending = Grant.objects.filter(unit=unit, revoked_at__isnull=True).values_list("pk", flat=True) if close else ()
    return _effect(unit, list(ending))


@transaction.atomic
def suspend_unit(actor: Actor, unit: Unit) -> Unit:
    """Nobody can act at the unit or below it, in flight too, until it is resumed. Raises Conflict when closed."""
    return _set_state(actor, unit, UnitState.SUSPENDED, "tree.unit_suspended")


@transaction.atomic
def resume_unit(actor: Actor, unit: Unit) -> Unit:
    """The unit works again as before; grants that lasted still hold."""
    return _set_state(actor, unit, UnitState.ACTIVE, "tree.unit_resumed")


def _set_state(actor: Actor, unit: Unit, state: UnitState, kind: str) -> Unit:
    lock_root(actor.root_id)
    unit = _fresh(actor, unit)
    require_above(actor, unit)
    if unit.state == UnitState.CLOSED:
        raise UnitStopped(unit=unit.name)
    if unit.state != state:
        unit.state = state
        unit.save(update_fields=["state"])
        respan(actor.root_id, unit.path)
        record(actor, kind, unit, unit_id=unit.pk)
    return unit


@transaction.atomic
def close_unit(actor: Actor, unit: Unit) -> Unit:
    """The unit is closed for good and its grants are taken back; people, channels and history stay. Below it all is closed.

    Raises Conflict while a unit below is open.
    """
    lock_root(actor.root_id)
    unit = _fresh(actor, unit)
    require_above(actor, unit)
    if unit.state == UnitState.CLOSED:
        return unit
    below = Unit.objects.filter(root_id=actor.root_id, path__startswith=unit.path).exclude(pk=unit.pk)
    if still_open := below.exclude(state=UnitState.CLOSED).count():
        raise Conflict(problem=f"아래 조직 {still_open}곳이 열려 있어 닫지 않았습니다. 먼저 옮기거나 닫아 주세요.")
    unit.state, unit.closed_on = UnitState.CLOSED, max(clock.today(), unit.opened_on)
    unit.save(update_fields=["state", "closed_on"])
    respan(actor.root_id, unit.path)
    ending = Grant.objects.filter(unit=unit, revoked_at__isnull=True).values_list("pk", flat=True)
    revoke_all(actor, ending, why="unit_closed")
    record(actor, "tree.unit_closed", unit, unit_id=unit.pk)
    return unit


def by_name(columns: UnitColumns) -> dict[str, Any]:
    """The columns by name; rows stay rows (``dataclasses.asdict`` would copy them)."""
    return {name: getattr(columns, name) for name in UnitColumns.__slots__}
