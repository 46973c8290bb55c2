"""Applying a compared file, by a job: under the root's lock, to the very tree it was compared with, all of it or nothing."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction

from majung.core import clock, jobs
from majung.core.errors import Forbidden, Invalid, NotYours, Refusal
from majung.tree import services
from majung.tree.actor import Actor, actor_of_user
from majung.tree.enums import Act, SheetState, UnitState
from majung.tree.errors import TreeMoved
from majung.tree.models import SheetDraft, Unit
from majung.tree.services.records import lock_root
from majung.tree.sheets.diff import Diff, Planned, diff, fingerprint
from majung.tree.sheets.read import Row

KEPT = timedelta(days=1)
EVERY_SECONDS = 0.4  # how often progress is written
UNFORESEEN = "뜻밖의 일로 멈추었습니다. 아무것도 바꾸지 않았습니다. 다시 해 보고, 또 멈추면 관리자에게 알려 주세요."


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


def nobody(done: int) -> None:
    """Hears of progress and tells nobody."""


@transaction.atomic
def apply(actor: Actor, compared: Diff, told: Callable[[int], None] = nobody) -> int:
    """The tree is as the file says. Returns how many acts that took. Raises Invalid (errors), TreeMoved; then nothing is done.

    ``told`` hears after each row how many are through.
    """
    lock_root(actor.root_id)
    _require_applicable(compared)
    with services.respanned_once(actor.root_id):
        _act(actor, compared, told)
    return compared.changes


def _act(actor: Actor, compared: Diff, told: Callable[[int], None]) -> None:
    kinds = {name: services.add_kind(actor, name) for name in compared.new_kinds}
    entities = {name: services.add_entity(actor, name) for name in compared.new_entities}
    units: dict[str, Unit] = {unit.code: unit for unit in Unit.objects.filter(root_id=actor.root_id)}
    ordered = _parents_first(compared)
    for done, plan in enumerate(ordered):
        told(done)
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


def _require_applicable(compared: Diff) -> None:
    if compared.errors:
        raise Invalid(problem=f"고칠 줄이 {len(compared.errors)}개 있어 적용하지 않았습니다.")
    if fingerprint(compared.root_id) != compared.fingerprint:
        raise TreeMoved(problem="그사이 조직이 바뀌었습니다. 아무것도 바꾸지 않았습니다. 다시 비교한 뒤 적용해 주세요.")


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


@transaction.atomic
def begin(actor: Actor, waiting: SheetDraft) -> SheetDraft:
    """The file will be applied in the background. Raises Invalid, TreeMoved; pressed again, nothing more happens."""
    locked = SheetDraft.objects.select_for_update(no_key=True).get(pk=waiting.pk)
    if locked.state in (SheetState.APPLYING, SheetState.DONE):
        return locked
    found = compare(actor, locked)
    _require_applicable(found)
    locked.state, locked.problem, locked.done, locked.total = SheetState.APPLYING, "", 0, len(found.planned)
    locked.save(update_fields=["state", "problem", "done", "total"])
    jobs.defer("tree.apply_sheet", draft_id=locked.pk)
    return locked


def run(draft_id: int) -> None:
    """The file is applied as a whole, or the draft says why nothing was changed. Cut off, it begins anew; done, it rests."""
    waiting = SheetDraft.objects.filter(pk=draft_id, state=SheetState.APPLYING).select_related("by").first()
    if waiting is None:
        return
    problem = UNFORESEEN
    try:
        _apply_all(waiting)
    except Refusal as refusal:
        problem = str(refusal)
    except Exception:
        _fail(waiting, problem)
        raise
    else:
        return
    _fail(waiting, problem)


@transaction.atomic
def _apply_all(waiting: SheetDraft) -> None:
    lock_root(waiting.root_id)
    if not SheetDraft.objects.filter(pk=waiting.pk, state=SheetState.APPLYING).exists():
        return  # another worker was quicker
    actor = actor_of_user(waiting.by, waiting.root_id) if waiting.by.is_active else None
    if actor is None:
        raise Invalid(problem="올린 분의 권한이 그사이 끝나 적용하지 않았습니다.")
    found = compare(actor, waiting)
    with Teller(waiting.pk) as told:
        apply(actor, found, told)
    SheetDraft.objects.filter(pk=waiting.pk).update(state=SheetState.DONE, done=waiting.total, result=found.counts())


def _fail(waiting: SheetDraft, problem: str) -> None:
    mine = SheetDraft.objects.filter(pk=waiting.pk, state=SheetState.APPLYING)
    mine.update(state=SheetState.FAILED, problem=problem[:300], done=0)


class Teller:
    """Writes progress through a connection of its own, since the work is one transaction that nobody else sees into."""

    def __init__(self, draft_id: int) -> None:
        self.draft_id = draft_id
        self.last = 0.0

    def __enter__(self) -> "Teller":
        self.other = connection.copy()
        return self

    def __call__(self, done: int) -> None:
        """``done`` rows are through, if it is time to say so."""
        if (now := time.monotonic()) - self.last < EVERY_SECONDS:
            return
        self.last = now
        with self.other.cursor() as cursor:
            cursor.execute("UPDATE tree_sheetdraft SET done = %s WHERE id = %s", [done, self.draft_id])

    def __exit__(self, *failure: object) -> None:
        self.other.close()


def compare(actor: Actor, waiting: SheetDraft) -> Diff:
    """The draft against the tree as it is now, bound to the tree as it was when the file came."""
    found = diff(actor, rows_of(waiting))
    return replace(found, fingerprint=bytes(waiting.fingerprint))
