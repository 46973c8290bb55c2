"""Comparing a file with the tree: what would be added, renamed, moved, changed, stopped and closed, and each bad row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from majung.core.errors import Invalid
from majung.tree import rules
from majung.tree.actor import Actor
from majung.tree.enums import Act, UnitState
from majung.tree.models import LegalEntity, Unit, UnitKind
from majung.tree.services.units import UnitColumns, columns_of
from majung.tree.sheets.read import Row

STATES = {state.label: state for state in UnitState} | {state.value: state for state in UnitState}
_WORDS = {
    "name": "이름",
    "kind": "갈래",
    "entity": "법인",
    "leader": "대표자",
    "phone": "전화",
    "district_code": "선거구 코드",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """A row that cannot be applied, and what to mend."""

    line: int
    code: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What one row asks for. ``unit`` is None for a new one; ``parent`` is a code (empty for the top)."""

    line: int
    code: str
    unit: Unit | None
    parent: str
    columns: UnitColumns
    state: UnitState
    is_moved: bool = False
    changes: tuple[tuple[str, str, str], ...] = ()

    @property
    def was(self) -> str:
        """The name before."""
        return self.unit.name if self.unit else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """The whole comparison. It can be applied when there are no errors and something would change."""

    root_id: int
    fingerprint: bytes
    added: Sequence[Planned] = ()
    renamed: Sequence[Planned] = ()
    moved: Sequence[Planned] = ()
    changed: Sequence[Planned] = ()
    stopped: Sequence[Planned] = ()
    resumed: Sequence[Planned] = ()
    closed: Sequence[Planned] = ()
    errors: Sequence[RowError] = ()
    new_kinds: Sequence[str] = ()
    new_entities: Sequence[str] = ()
    unchanged: int = 0
    absent: int = 0
    planned: Mapping[str, Planned] = field(default_factory=dict)

    @property
    def changes(self) -> int:
        """How many acts an application would do."""
        parts = (self.added, self.renamed, self.moved, self.changed, self.stopped, self.resumed, self.closed)
        return sum(len(part) for part in parts)

    def counts(self) -> dict[str, int]:
        """How many acts of each kind, by word; kinds of which there are none are left out."""
        words = ("새로 생김", "이름 바뀜", "옮김", "내용 바뀜", "정지", "다시 엶", "닫힘")
        parts = (self.added, self.renamed, self.moved, self.changed, self.stopped, self.resumed, self.closed)
        return {word: len(part) for word, part in zip(words, parts, strict=True) if part}

    @property
    def is_applicable(self) -> bool:
        """Whether it may be applied."""
        return not self.errors and self.changes > 0


def fingerprint(root_id: int) -> bytes:
    """A hash of the whole tree as it stands: equal exactly when no unit changed place, columns or state."""
    found = sha256()
    rows = Unit.objects.filter(root_id=root_id).order_by("pk")
    names = ("pk", "path", "kind_id", "entity_id", "code", "name", "leader", "phone", "district_code", "state")
    for row in rows.values_list(*names):
        found.update(repr(row).encode())
    return found.digest()


class _Comparison:
    """One comparison in progress: the tree in memory, rows judged one by one, then the whole."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        units: list[Unit] = list(Unit.objects.filter(root_id=actor.root_id).select_related("kind", "entity"))
        managed = set(actor.units(Act.TREE_MANAGE).values_list("pk", flat=True))
        by_path = {unit.path: unit for unit in units}
        self.taken = {unit.code for unit in units}
        self.units = {unit.code: unit for unit in units if unit.pk in managed}
        self.parents = {
            unit.code: above.code if (above := by_path.get(unit.path[: -rules.STEP])) else "" for unit in units
        }
        self.manages_top = any(unit.depth == 1 for unit in self.units.values())
        self.kinds = {kind.name: kind for kind in UnitKind.objects.filter(root_id=actor.root_id)}
        self.entities = {entity.name: entity for entity in LegalEntity.objects.filter(root_id=actor.root_id)}
        self.new_kinds: dict[str, UnitKind] = {}
        self.new_entities: dict[str, LegalEntity] = {}
        self.planned: dict[str, Planned] = {}
        self.errors: list[RowError] = []

    def error(self, line: int, code: str, problem: str) -> None:
        """One bad row more."""
        self.errors.append(RowError(line=line, code=code, problem=problem))

    def take(self, row: Row, file_codes: Mapping[str, Row]) -> None:
        """Judge one row by itself."""
        code = row.values.get("code", "")
        try:
            if row.formulas:
                raise Invalid(problem=f"{', '.join(row.formulas)} 칸에 수식이 있습니다. 값으로 바꾸어 주세요.")
            if not code:
                raise Invalid(problem="코드가 비었습니다.")
            if code in self.planned:
                raise Invalid(problem=f"같은 코드가 {self.planned[code].line}줄에도 있습니다.")
            if code in self.taken and code not in self.units:
                raise Invalid(problem="쓸 수 없는 코드입니다.")
            self.planned[code] = self.plan(row, code, file_codes)
        except Invalid as refusal:
            self.error(row.line, code, str(refusal))

    def plan(self, row: Row, code: str, file_codes: Mapping[str, Row]) -> Planned:
        """What the row asks for. Raises Invalid."""
        unit = self.units.get(code)
        given = row.values
        parent = given.get("parent", "")
        is_reach_top = unit is not None and self.parents[code] not in self.units
        if unit is not None and not parent and is_reach_top:
            parent = self.parents[code]
        elif not parent:
            raise Invalid(problem="윗조직 코드가 비었습니다.")
        elif parent not in self.units and parent not in file_codes:
            raise Invalid(problem=f"윗조직 ‘{parent}’이 없습니다.")
        columns = self.columns(given, unit, parent, file_codes).cleaned(self.actor.root_id)
        state = self.state(given.get("state", ""), unit)
        before = columns_of(unit) if unit else None
        changes = tuple(
            (word, str(getattr(before, name)), str(getattr(columns, name)))
            for name, word in _WORDS.items()
            if before is not None and _plain(getattr(before, name)) != _plain(getattr(columns, name))
        )
        is_moved = unit is not None and parent != self.parents[code]
        if unit is not None and (is_moved or state != unit.state) and is_reach_top:
            raise Invalid(problem="옮기거나 멈추는 일은 윗조직이 합니다.")
        if unit is not None and unit.state == UnitState.CLOSED and is_moved:
            raise Invalid(problem="닫은 조직은 옮길 수 없습니다.")
        return Planned(
            line=row.line,
            code=code,
            unit=unit,
            parent=parent,
            columns=columns,
            state=state,
            is_moved=is_moved,
            changes=changes,
        )

    def columns(
        self, given: Mapping[str, str], unit: Unit | None, parent: str, file_codes: Mapping[str, Row]
    ) -> UnitColumns:
        """The row's columns; without a column of the file what is there stays, new units take after their parent."""
        before = columns_of(unit) if unit else None
        kind, entity = given.get("kind", ""), given.get("entity", "")
        return UnitColumns(
            kind=self.kind(kind) if kind else unit.kind if unit else self.kind_below(parent, file_codes),
            entity=self.entity(entity or (unit.entity.name if unit else self.word_above("entity", parent, file_codes))),
            code=given["code"],
            name=given["name"],
            leader=given.get("leader", before.leader if before else ""),
            phone=given.get("phone", before.phone if before else ""),
            district_code=given.get("district", before.district_code if before else ""),
        )

    def word_above(self, key: str, parent: str, file_codes: Mapping[str, Row]) -> str:
        """The nearest name of a kind or legal entity from ``parent`` up, as the file says or the tree holds."""
        seen: set[str] = set()
        while parent not in seen:
            seen.add(parent)
            row, unit = file_codes.get(parent), self.units.get(parent)
            if row is not None and row.values.get(key):
                return row.values[key]
            if unit is not None:
                return str(getattr(unit, key).name)
            if row is None:
                raise Invalid(problem=f"윗조직 ‘{parent}’이 없습니다.")
            parent = row.values.get("parent", "")
        raise Invalid(problem="윗조직을 따라가면 자기에게 돌아옵니다.")

    def kind_below(self, parent: str, file_codes: Mapping[str, Row]) -> UnitKind:
        """The tier next below the parent's, or the parent's own when there is none."""
        name = self.word_above("kind", parent, file_codes)
        own = self.kinds.get(name)
        below = [kind for kind in self.kinds.values() if own is not None and kind.rank > own.rank]
        return min(below, key=lambda kind: kind.rank) if below else self.kind(name)

    def kind(self, name: str) -> UnitKind:
        """The tier of that name: known, or new."""
        if len(name) > 30:
            raise Invalid(problem="갈래 이름은 30자까지입니다.")
        if name not in self.kinds and not self.manages_top:
            raise Invalid(problem=f"‘{name}’이라는 갈래가 없습니다.")
        return self.kinds.get(name) or self.new_kinds.setdefault(name, UnitKind(root_id=self.actor.root_id, name=name))

    def entity(self, name: str) -> LegalEntity:
        """The legal entity of that name: known, or new."""
        if len(name) > 80:
            raise Invalid(problem="법인 이름은 80자까지입니다.")
        if name not in self.entities and not self.manages_top:
            raise Invalid(problem=f"‘{name}’이라는 법인이 없습니다.")
        known = self.entities.get(name)
        return known or self.new_entities.setdefault(name, LegalEntity(root_id=self.actor.root_id, name=name))

    def state(self, word: str, unit: Unit | None) -> UnitState:
        """The state asked for; empty keeps what is."""
        if not word:
            return UnitState(unit.state) if unit else UnitState.ACTIVE
        if word not in STATES:
            raise Invalid(problem=f"상태 ‘{word}’은 없습니다. 활동·정지·닫힘 가운데 하나를 적어 주세요.")
        state = STATES[word]
        if unit is None and state != UnitState.ACTIVE:
            raise Invalid(problem="새 조직은 활동으로 시작합니다.")
        if unit is not None and unit.state == UnitState.CLOSED and state != UnitState.CLOSED:
            raise Invalid(problem="닫은 조직은 다시 열 수 없습니다.")
        return state

    def judge_whole(self) -> None:
        """Judge the tree as it would be: no cycle, not too deep, nothing open below what is closed."""
        final = self.parents | {code: planned.parent for code, planned in self.planned.items()}
        states = {code: unit.state for code, unit in self.units.items()} | {c: p.state for c, p in self.planned.items()}
        bad = {error.code for error in self.errors}
        for code, planned in self.planned.items():
            depth, at = 1, planned.parent
            while at and at != code and depth <= len(final):
                depth, at = depth + 1, final.get(at, "")
            if at:
                self.error(planned.line, code, "윗조직을 따라가면 자기에게 돌아옵니다.")
            elif depth > rules.MAX_DEPTH:
                self.error(planned.line, code, f"조직은 {rules.MAX_DEPTH}단계까지 만들 수 있습니다.")
            elif planned.parent in bad:
                self.error(planned.line, code, f"윗조직 ‘{planned.parent}’의 줄을 먼저 고쳐 주세요.")
            elif states.get(planned.parent) == UnitState.CLOSED and planned.state != UnitState.CLOSED:
                self.error(planned.line, code, f"윗조직 ‘{planned.parent}’은 닫혔습니다.")
        below = {code for code, state in states.items() if state != UnitState.CLOSED and code in final}
        for code in below:
            planned_above = self.planned.get(final[code])
            if planned_above and planned_above.state == UnitState.CLOSED and code not in self.planned:
                self.error(planned_above.line, planned_above.code, "아래에 열린 조직이 있어 닫을 수 없습니다.")


def _plain(value: object) -> object:
    """Kinds and entities compare by name: a new one has no number yet."""
    return value.name if isinstance(value, UnitKind | LegalEntity) else value


def diff(actor: Actor, rows: Iterable[Row]) -> Diff:
    """The file against the units that the actor manages. Units that the file leaves out stay as they are."""
    comparison = _Comparison(actor)
    rows = list(rows)
    file_codes = {row.values["code"]: row for row in rows if row.values.get("code")}
    for row in rows:
        comparison.take(row, file_codes)
    comparison.judge_whole()
    plans = list(comparison.planned.values())
    old = [(plan, plan.unit) for plan in plans if plan.unit is not None]
    turned = [(plan, plan.state) for plan, unit in old if unit.state != plan.state]
    result = Diff(
        root_id=actor.root_id,
        fingerprint=fingerprint(actor.root_id),
        added=[plan for plan in plans if plan.unit is None],
        renamed=[plan for plan, _ in old if any(word == "이름" for word, _, _ in plan.changes)],
        moved=[plan for plan, _ in old if plan.is_moved],
        changed=[plan for plan, _ in old if any(word != "이름" for word, _, _ in plan.changes)],
        stopped=[plan for plan, state in turned if state == UnitState.SUSPENDED],
        resumed=[plan for plan, state in turned if state == UnitState.ACTIVE],
        closed=[plan for plan, state in turned if state == UnitState.CLOSED],
        errors=sorted(comparison.errors, key=lambda error: error.line),
        new_kinds=list(comparison.new_kinds),
        new_entities=list(comparison.new_entities),
        absent=len(comparison.units.keys() - file_codes.keys()),
        planned=comparison.planned,
    )
    same = sum(1 for plan, unit in old if not plan.is_moved and not plan.changes and unit.state == plan.state)
    return replace(result, unchanged=same)
