"""The form of criteria: names and values of its inputs, read and written without loss, and its buttons.

Every input is called ``c.<path>.<what>``: the top group is ``c.0``, its second part ``c.0-1``, and so on. A page
without script sends the whole form with the pressed button in ``do`` (``add:0``, ``group:0-1``, ``drop:0-2``).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from majung.audience import criteria
from majung.audience.criteria import ALL, JOINS, LEAST, MAX_CONDITIONS, Condition, Group, Node, Path, Unreadable

_NAME = re.compile(r"^c\.(0(?:-\d{1,3}){0,8})\.(join|least|not|field|value|low|high)$")
_PRESS = re.compile(r"^(add|group|drop):(0(?:-\d{1,3}){0,8})$")
MAX_INPUTS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A node with the place it has in the form: ``name`` is the prefix of its inputs, ``at`` what buttons say."""

    node: Node
    name: str
    at: str
    parts: tuple["Placed", ...] = ()

    @property
    def is_group(self) -> bool:
        """Whether parts can be put into it."""
        return isinstance(self.node, Group)


def placed(node: Node, path: Path = (0,)) -> Placed:
    """``node`` with the names of its inputs, as a template walks it."""
    at = "-".join(map(str, path))
    parts = node.parts if isinstance(node, Group) else ()
    inner = tuple(placed(part, (*path, i)) for i, part in enumerate(parts))
    return Placed(node=node, name=f"c.{at}", at=at, parts=inner)


def inputs(group: Group) -> dict[str, list[str]]:
    """Every input of the form that shows ``group``."""
    found: dict[str, list[str]] = {}
    _inputs(placed(group), found)
    return found


def _inputs(place: Placed, found: dict[str, list[str]]) -> None:
    node, name = place.node, place.name
    if isinstance(node, Group):
        found[f"{name}.join"] = [node.join]
        if node.join == LEAST:
            found[f"{name}.least"] = [str(node.least)]
    else:
        found[f"{name}.field"] = [node.field]
        if node.values:
            found[f"{name}.value"] = list(node.values)
        found |= {
            f"{name}.{key}": [str(value)]
            for key, value in (("low", node.low), ("high", node.high))
            if value is not None
        }
    if node.negated:
        found[f"{name}.not"] = ["on"]
    for part in place.parts:
        _inputs(part, found)


def read(sent: Iterable[tuple[str, list[str]]]) -> Group:
    """The criteria a sent form says; other inputs are passed over. Raises Unreadable."""
    nodes: dict[Path, dict[str, list[str]]] = {}
    for count, (name, values) in enumerate(sent):
        if count > MAX_INPUTS:
            raise Unreadable("칸이 너무 많습니다.")
        if (found := _NAME.match(name)) is not None:
            nodes.setdefault(_path(found[1]), {})[found[2]] = values
    if not nodes:
        return criteria.EVERYONE
    children: dict[Path, list[Path]] = {}
    for path in sorted(nodes):
        children.setdefault(path[:-1], []).append(path)
    top = _read_node((0,), nodes, children, 1)
    if isinstance(top, Condition):
        raise Unreadable("맨 위에는 묶음이 있어야 합니다.")
    criteria.check_size(top)
    return top


def _read_node(
    path: Path, nodes: Mapping[Path, Mapping[str, list[str]]], children: Mapping[Path, list[Path]], level: int
) -> Node:
    said = nodes.get(path, {})
    negated = bool(said.get("not"))
    if "field" in said:
        value: dict[str, object] = {"field": said["field"][0], "not": negated}
        value["values"] = [one for one in said.get("value", []) if one]
        for key in ("low", "high"):
            if text := (said.get(key) or [""])[0].strip():
                value[key] = _whole(text)
        return criteria.from_json(value).parts[0]
    if level > criteria.MAX_DEPTH:
        raise Unreadable(f"묶음은 {criteria.MAX_DEPTH}겹까지 넣을 수 있습니다.")
    join = (said.get("join") or [ALL])[0]
    if join not in JOINS:
        raise Unreadable("묶는 방법을 알 수 없습니다.")
    least = _whole((said.get("least") or ["1"])[0].strip() or "1") if join == LEAST else 1
    if not 1 <= least <= MAX_CONDITIONS:
        raise Unreadable(f"‘몇 가지 이상’은 1부터 {MAX_CONDITIONS}까지 적습니다.")
    parts = tuple(_read_node(child, nodes, children, level + 1) for child in children.get(path, []))
    return Group(join=join, parts=parts, least=least, negated=negated)


def press(group: Group, button: str, new: Condition | None) -> Group:
    """``group`` after the pressed ``button``; ``new`` is what ``add`` puts in. An empty button changes nothing."""
    if not button:
        return group
    found = _PRESS.match(button)
    if found is None:
        raise Unreadable("누른 단추를 알 수 없습니다.")
    path = _path(found[2])[1:]
    if found[1] == "drop":
        return criteria.without(group, path)
    if found[1] == "group":
        return criteria.append(group, path, Group(join=criteria.ANY))
    if new is None:
        raise Unreadable("넣을 조건을 골라 주세요.")
    return criteria.append(group, path, new)


def _path(text: str) -> Path:
    return tuple(int(part) for part in text.split("-"))


def _whole(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise Unreadable("수는 0부터 9,999까지의 정수로 적어 주세요.")
    return int(text)
