"""The language in which an audience is asked for: conditions and groups as the form shows them and JSON keeps them.

It differs from a crowd expression in two ways: it says "forty to forty-nine" and "in the last 30 days" (counted from
the day it is asked), and it says only what the form can show, so that the two turn into each other without loss.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

MAX_DEPTH = 6
MAX_CONDITIONS = 60
MAX_VALUES = 100
MAX_NUMBER = 10_000
MAX_TEXT = 64

ALL, ANY, LEAST = "all", "any", "least"
JOINS = {ALL: "모두 맞는 사람", ANY: "하나라도 맞는 사람", LEAST: "몇 가지 이상 맞는 사람"}


class Unreadable(ValueError):
    """The criteria cannot be understood; the message is a Korean sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One question: the people whose ``field`` is one of ``values``, or lies from ``low`` to ``high``."""

    field: str
    values: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions joined: all of them, any of them, or at least ``least`` of them. An empty group asks nothing."""

    join: str = ALL
    parts: tuple["Node", ...] = ()
    least: int = 1
    negated: bool = False


Node = Condition | Group
EVERYONE = Group()


def conditions(node: Node) -> Iterator[Condition]:
    """Every condition of ``node``, from left to right."""
    if isinstance(node, Condition):
        yield node
        return
    for part in node.parts:
        yield from conditions(part)


def depth(node: Node) -> int:
    """How many groups lie inside each other; a condition has none."""
    return 0 if isinstance(node, Condition) else 1 + max((depth(part) for part in node.parts), default=0)


def to_json(node: Node) -> dict[str, Any]:
    """``node`` as plain values; what has its default is left out."""
    if isinstance(node, Condition):
        said: dict[str, Any] = {"field": node.field}
        if node.values:
            said["values"] = list(node.values)
        said |= {key: value for key, value in (("low", node.low), ("high", node.high)) if value is not None}
    else:
        said = {"join": node.join, "parts": [to_json(part) for part in node.parts]}
        if node.join == LEAST:
            said["least"] = node.least
    return said | ({"not": True} if node.negated else {})


def from_json(value: object) -> Group:
    """The criteria that ``value`` (parsed JSON) says. Raises Unreadable; never recurses past MAX_DEPTH."""
    node = _node(value, 1)
    if isinstance(node, Condition):
        node = Group(parts=(node,))
    check_size(node)
    return node


def check_size(node: Group) -> None:
    """Raises Unreadable for more than the form can show."""
    if depth(node) > MAX_DEPTH:
        raise Unreadable(f"묶음은 {MAX_DEPTH}겹까지 넣을 수 있습니다.")
    if sum(1 for _ in conditions(node)) > MAX_CONDITIONS:
        raise Unreadable(f"조건은 {MAX_CONDITIONS}개까지 넣을 수 있습니다.")


def _node(value: object, level: int) -> Node:
    if not isinstance(value, dict):
        raise Unreadable("조건은 이름과 값의 묶음이어야 합니다.")
    if level > MAX_DEPTH + 1:
        raise Unreadable(f"묶음은 {MAX_DEPTH}겹까지 넣을 수 있습니다.")
    return _group(value, level) if "join" in value else _condition(value)


def _group(value: Mapping[str, Any], level: int) -> Group:
    _only(value, {"join", "parts", "least", "not"})
    join, parts, least = value["join"], value.get("parts", []), value.get("least", 1)
    if not isinstance(join, str) or join not in JOINS:
        raise Unreadable("묶는 방법을 알 수 없습니다. all, any, least 가운데 하나입니다.")
    if not isinstance(parts, list) or len(parts) > MAX_CONDITIONS:
        raise Unreadable(f"조건은 {MAX_CONDITIONS}개까지 넣을 수 있습니다.")
    if "least" in value and join != LEAST:
        raise Unreadable("‘몇 가지 이상’의 수는 least 묶음에만 적습니다.")
    return Group(
        join=join,
        parts=tuple(_node(part, level + 1) for part in parts),
        least=_number(least, "몇 가지 이상인지", least=1, most=MAX_CONDITIONS),
        negated=_flag(value.get("not", False)),
    )


def _condition(value: Mapping[str, Any]) -> Condition:
    _only(value, {"field", "values", "low", "high", "not"})
    field, values = value.get("field"), value.get("values", [])
    if not isinstance(field, str) or not 0 < len(field) <= MAX_TEXT:
        raise Unreadable("조건에 이름(field)이 없습니다.")
    if not isinstance(values, list) or len(values) > MAX_VALUES:
        raise Unreadable(f"한 조건에서 {MAX_VALUES}개까지 고를 수 있습니다.")
    if not all(isinstance(one, str) and 0 < len(one) <= MAX_TEXT and "\0" not in one for one in values):
        raise Unreadable("조건의 값은 짧은 글자여야 합니다.")
    low, high = value.get("low"), value.get("high")
    return Condition(
        field=field,
        values=tuple(dict.fromkeys(values)),
        low=None if low is None else _number(low, "처음 값"),
        high=None if high is None else _number(high, "끝 값"),
        negated=_flag(value.get("not", False)),
    )


def _only(value: Mapping[str, Any], known: set[str]) -> None:
    if not known >= value.keys():
        raise Unreadable("조건에 알 수 없는 항목이 있습니다.")


def _number(value: object, what: str, *, least: int = 0, most: int = MAX_NUMBER) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Unreadable(f"{what}은 {least:,}부터 {most:,}까지의 수입니다.")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unreadable("‘아닌 사람’ 표시는 참이나 거짓입니다.")
    return value


# ── changing one place ───────────────────────────────────────────────────────────────────────────────────────────────

Path = tuple[int, ...]


def append(group: Group, path: Path, node: Node) -> Group:
    """``group`` with ``node`` put last into the group at ``path``. Raises Unreadable when there is none."""
    if not path:
        changed = replace(group, parts=(*group.parts, node))
        check_size(changed)
        return changed
    changed = replace(group, parts=_replaced(group, path[0], append(_inner(group, path[0]), path[1:], node)))
    check_size(changed)
    return changed


def without(group: Group, path: Path) -> Group:
    """``group`` with the node at ``path`` taken out. The top itself is emptied. Raises Unreadable."""
    if not path:
        return replace(group, parts=())
    if len(path) == 1:
        if not 0 <= path[0] < len(group.parts):
            raise Unreadable("지우려는 조건이 없습니다.")
        return replace(group, parts=group.parts[: path[0]] + group.parts[path[0] + 1 :])
    return replace(group, parts=_replaced(group, path[0], without(_inner(group, path[0]), path[1:])))


def _inner(group: Group, position: int) -> Group:
    inner = group.parts[position] if 0 <= position < len(group.parts) else None
    if not isinstance(inner, Group):
        raise Unreadable("넣으려는 묶음이 없습니다.")
    return inner


def _replaced(group: Group, position: int, node: Node) -> tuple[Node, ...]:
    return (*group.parts[:position], node, *group.parts[position + 1 :])
