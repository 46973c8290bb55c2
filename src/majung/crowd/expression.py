"""Expressions over base sets: what they are, and how they travel as JSON, with limits against hostile input."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from majung.crowd import registry
from majung.crowd.registry import Argument

DEEPEST: Final = 30
MOST_NODES: Final = 200
LONGEST_TEXT: Final = 100
FARTHEST_AGO: Final = 50_000


class Expression:
    """A set of people described by base sets. Nothing in it depends on when it is looked at, but ``Ago`` bounds."""

    __slots__ = ()

    def __and__(self, other: "Expression") -> "Expression":
        return And((self, other))

    def __or__(self, other: "Expression") -> "Expression":
        return Or((self, other))

    def __invert__(self) -> "Expression":
        return Not(self)

    def __sub__(self, other: "Expression") -> "Expression":
        return And((self, Not(other)))


@dataclass(frozen=True, slots=True)
class Leaf(Expression):
    """One base set. Of a bucketed family: all of its buckets."""

    family: str
    args: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Ago:
    """A bound that moves with time: so many days or months (as the family is bucketed) before the Seoul date of evaluation."""

    count: int


@dataclass(frozen=True, slots=True)
class Range(Expression):
    """The union of the buckets from ``first`` to ``last``, both included; None is without bound."""

    family: str
    args: tuple[Argument, ...] = ()
    first: int | Ago | None = None
    last: int | Ago | None = None


@dataclass(frozen=True, slots=True)
class And(Expression):
    """Those in every part; everyone when there is none."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """Those in any part; nobody when there is none."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """Everyone of the root but those in ``part``."""

    part: Expression


@dataclass(frozen=True, slots=True)
class AtLeast(Expression):
    """Those in at least ``k`` of the parts."""

    k: int
    parts: tuple[Expression, ...]

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError("at least one of the parts")


EVERYONE: Final = And(())
NOBODY: Final = Or(())


def leaves(expression: Expression) -> Iterator[Leaf | Range]:
    """Every leaf and range, from left to right."""
    match expression:
        case Leaf() | Range():
            yield expression
        case And(parts) | Or(parts) | AtLeast(_, parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)


def resolve(expression: Expression, today: date) -> Expression:
    """The same with unions spelled out, moving bounds fixed as of ``today`` and leaves of bucketed families as ranges.

    Raises ValueError for an unknown family or arguments that do not fit it.
    """
    match expression:
        case Leaf(family, args):
            _fit(family, args)
            names = registry.parts(family)
            if names is not None:
                return Or(tuple(Leaf(name, args) for name in names))
            return Range(family, args) if registry.get(family).buckets else expression
        case Range(family, args, first, last):
            buckets = _check_range(_fit(family, args))
            bounds = (
                registry.bucket_ago(buckets, today, bound.count) if isinstance(bound, Ago) else bound
                for bound in (first, last)
            )
            return Range(family, args, *bounds)
        case And(parts):
            return And(tuple(resolve(part, today) for part in parts))
        case Or(parts):
            return Or(tuple(resolve(part, today) for part in parts))
        case AtLeast(k, parts):
            return AtLeast(k, tuple(resolve(part, today) for part in parts))
        case Not(part):
            return Not(resolve(part, today))
    raise TypeError(type(expression))


def _fit(family: str, args: Sequence[object]) -> registry.BaseSet | registry.Union:
    found = registry.known(family)
    if found is None:
        raise ValueError(f"모르는 조건입니다: {family[:LONGEST_TEXT]}")
    if tuple(map(type, args)) != registry.types(family):
        raise ValueError(f"‘{found.label}’ 조건의 값이 맞지 않습니다.")
    return found


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def to_json(expression: Expression) -> dict[str, Any]:
    """Plain values for ``jsonb`` and for the API."""
    match expression:
        case Leaf(family, args):
            return {"set": family, "args": list(args)}
        case Range(family, args, first, last):
            bounds = {"from": _bound_to_json(first), "to": _bound_to_json(last)}
            return {"set": family, "args": list(args), **bounds}
        case And(parts):
            return {"and": [to_json(part) for part in parts]}
        case Or(parts):
            return {"or": [to_json(part) for part in parts]}
        case AtLeast(k, parts):
            return {"at_least": k, "of": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
    raise TypeError(type(expression))


def _bound_to_json(bound: int | Ago | None) -> int | dict[str, int] | None:
    return {"ago": bound.count} if isinstance(bound, Ago) else bound


def from_json(value: object) -> Expression:
    """The expression that parsed JSON describes. Raises ValueError with a Korean sentence on anything else.

    At most 30 levels and 200 nodes; only registered families, with arguments of the declared types.
    """
    return _Reader().read(value, 1)


def check(expression: Expression) -> Expression:
    """The expression itself, when it travels as JSON and back. Raises ValueError with a Korean sentence otherwise."""
    nodes = 0
    level: list[Expression] = [expression]
    for _ in range(DEEPEST):
        nodes += len(level)
        _few(nodes)
        below: list[Expression] = []
        for one in level:
            match one:
                case And(parts) | Or(parts):
                    below += parts
                case AtLeast(k, parts):
                    _check_least(k, parts)
                    below += parts
                case Not(part):
                    below.append(part)
                case Leaf(family, args):
                    _check_args(family, args)
                case Range(family, args, first, last):
                    _check_range(_check_args(family, args))
                    _ordered(_bound(_bound_to_json(first)), _bound(_bound_to_json(last)))
        if not below:
            return expression
        level = below
    raise ValueError(f"조건이 너무 깊습니다. {DEEPEST}단계까지 쓸 수 있습니다.")


def _few(nodes: int) -> None:
    if nodes > MOST_NODES:
        raise ValueError(f"조건이 너무 많습니다. {MOST_NODES}개까지 쓸 수 있습니다.")


class _Reader:
    """One reading; counts the nodes."""

    def __init__(self) -> None:
        self.nodes = 0

    def read(self, value: object, depth: int) -> Expression:
        self.nodes += 1
        if depth > DEEPEST:
            raise ValueError(f"조건이 너무 깊습니다. {DEEPEST}단계까지 쓸 수 있습니다.")
        _few(self.nodes)
        if not isinstance(value, dict):
            raise ValueError("조건을 읽을 수 없습니다. 조건은 이름과 값의 묶음이어야 합니다.")
        keys = frozenset(value)
        if keys == {"and"}:
            return And(self._parts(value["and"], depth))
        if keys == {"or"}:
            return Or(self._parts(value["or"], depth))
        if keys == {"not"}:
            return Not(self.read(value["not"], depth + 1))
        if keys == {"at_least", "of"}:
            parts = self._parts(value["of"], depth)
            return AtLeast(_check_least(value["at_least"], parts), parts)
        if "set" in keys and keys <= {"set", "args", "from", "to"}:
            return self._set(value, is_range=bool(keys & {"from", "to"}))
        raise ValueError("조건을 읽을 수 없습니다. and, or, not, at_least, set 가운데 하나를 써 주세요.")

    def _parts(self, value: object, depth: int) -> tuple[Expression, ...]:
        if not isinstance(value, list):
            raise ValueError("조건을 읽을 수 없습니다. 여러 조건은 목록이어야 합니다.")
        if len(value) > MOST_NODES:
            raise ValueError(f"조건이 너무 많습니다. {MOST_NODES}개까지 쓸 수 있습니다.")
        return tuple(self.read(part, depth + 1) for part in value)

    def _set(self, value: dict[Any, Any], *, is_range: bool) -> Expression:
        family, args = value["set"], value.get("args", [])
        if not isinstance(family, str) or not isinstance(args, list) or len(args) > 10:
            raise ValueError("조건을 읽을 수 없습니다. 조건의 이름과 값을 확인해 주세요.")
        found = _check_args(family, args)
        if not is_range:
            return Leaf(family, tuple(args))
        _check_range(found)
        return Range(family, tuple(args), *_ordered(_bound(value.get("from")), _bound(value.get("to"))))


def _check_args(family: str, args: Sequence[Argument]) -> registry.BaseSet | registry.Union:
    found = _fit(family, args)
    for arg in args:
        if isinstance(arg, int):
            if not -(2**63) <= arg < 2**63:
                raise ValueError("조건의 수가 너무 큽니다.")
        elif len(arg) > LONGEST_TEXT or not arg.isprintable():
            raise ValueError("조건의 글자를 읽을 수 없습니다.")
    return found


def _check_range(found: registry.BaseSet | registry.Union) -> registry.Buckets:
    if not isinstance(found, registry.BaseSet) or found.buckets is None:
        raise ValueError(f"‘{found.label}’ 조건에는 기간을 쓸 수 없습니다.")
    return found.buckets


def _check_least(k: object, parts: Sequence[Expression]) -> int:
    if type(k) is not int or not 1 <= k <= len(parts):
        raise ValueError("‘몇 개 이상’의 수는 1부터 조건의 수까지여야 합니다.")
    return k


def _ordered(first: int | Ago | None, last: int | Ago | None) -> tuple[int | Ago | None, int | Ago | None]:
    if isinstance(first, int) and isinstance(last, int) and first > last:
        raise ValueError("기간의 처음이 끝보다 뒤에 있습니다.")
    return first, last


def _bound(value: object) -> int | Ago | None:
    if value is None:
        return None
    if isinstance(value, dict) and set(value) == {"ago"} and type(value["ago"]) is int:
        if abs(value["ago"]) > FARTHEST_AGO:
            raise ValueError("기간이 너무 깁니다.")
        return Ago(value["ago"])
    if type(value) is int and -(2**31) <= value < 2**31:
        return value
    raise ValueError("기간을 읽을 수 없습니다. 날짜 번호나 ‘며칠 전’을 써 주세요.")
