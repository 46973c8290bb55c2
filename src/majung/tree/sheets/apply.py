"""Applying a compared file: under the root's lock, to the very tree it was compared with, all of it or nothing."""

from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from majung.core import clock
from majung.core.errors import Forbidden, Invalid, NotYours
from majung.tree import services
from majung.tree.actor import Actor
from majung.tree.enums import Act, UnitState
from majung.tree.errors import TreeMoved
from majung.tree.models import SheetDraft, Unit
from majung.tree.services.records import lock_root
from majung.tree.sheets.diff import Diff, Planned, diff, fingerprint
from majung.tree.sheets.read import Row

KEPT = timedelta(days=1)


@transaction.atomic
def draft(actor: Actor, rows: list[Row], name: str) -> SheetDraft:
    """The rows wait to be applied, bound to the tree as it is now. Older drafts of a day ago are swept."""
    if actor.user is None or Act.TREE_MANAGE not in actor.acts:
        raise Forbidden()
    SheetDraft.objects.filter(root_id=actor.root_id, made_at__lt=clock.now() - KEPT).delete()
    return SheetDraft.objects.create(
        root_id=actor.root_id, by=actor.user, name=name[-120:], rows=[asdict(row) for row in rows],
        fingerprint=fingerprint(actor.root_id),
    )  # fmt: skip


def own_draft(actor: Actor, public_id: UUID) -> SheetDraft:
    """The actor's own draft. Raises NotYours."""
    found = SheetDraft.objects.filter(root_id=actor.root_id, by=actor.user, public_id=public_id).first()
    if found is None:
        raise NotYours()
    return found


def rows_of(waiting: SheetDraft) -> list[Row]:
    """The rows as they were read."""
    return [Row(line=r["line"], values=r["values"], formulas=tuple(r["formulas"])) for r in waiting.rows]


@transaction.atomic
def apply(actor: Actor, compared: Diff) -> int:
    """The tree is as the file says. Returns how many acts that took. Raises Invalid (errors), TreeMoved; then nothing is done."""
    lock_root(actor.root_id)
    if compared.errors:
        raise Invalid(problem=f"고칠 줄이 {len(compared.errors)}개 있어 적용하지 않았습니다.")
    if fingerprint(actor.root_id) != compared.fingerprint:
        raise TreeMoved(problem="그사이 조직이 바뀌었습니다. 아무것도 바꾸지 않았습니다. 다시 비교한 뒤 적용해 주세요.")
    kinds = {name: services.add_kind(actor, name) for name in compared.new_kinds}
    entities = {name: services.add_entity(actor, name) for name in compared.new_entities}
    units: dict[str, Unit] = {unit.code: unit for unit in Unit.objects.filter(root_id=actor.root_id)}
    ordered = _parents_first(compared)
    for plan in ordered:
        kind, entity = plan.columns.kind, plan.columns.entity
        columns = replace(plan.columns, kind=kinds.get(kind.name, kind), entity=entities.get(entity.name, entity))
        if plan.unit is None:
            units[plan.code] = services.add_unit(actor, units[plan.parent], columns)
            continue
        if plan.is_moved:
            services.move_unit(actor, plan.unit, units[plan.parent])
        if plan.changes:
            services.edit_unit(actor, plan.unit, columns)
    for plan in reversed(ordered):
        _turn(actor, plan)
    return compared.changes


def _turn(actor: Actor, plan: Planned) -> None:
    """The unit's state as planned; called for children before parents."""
    if plan.unit is None or plan.unit.state == plan.state:
        return
    act = {
        UnitState.ACTIVE: services.resume_unit,
        UnitState.SUSPENDED: services.suspend_unit,
        UnitState.CLOSED: services.close_unit,
    }[plan.state]
    act(actor, plan.unit)


def _parents_first(compared: Diff) -> list[Planned]:
    """The plans so that each comes after its parent's: then no move passes through a cycle, since the end has none."""
    ordered: list[Planned] = []
    seen: set[str] = set()
    for code in compared.planned:
        way: list[Planned] = []
        at = code
        while at in compared.planned and at not in seen:
            seen.add(at)
            way.append(compared.planned[at])
            at = compared.planned[at].parent
        ordered += reversed(way)
    return ordered


def compare(actor: Actor, waiting: SheetDraft) -> Diff:
    """The draft against the tree as it is now, bound to the tree as it was when the file came."""
    found = diff(actor, rows_of(waiting))
    return replace(found, fingerprint=bytes(waiting.fingerprint))
