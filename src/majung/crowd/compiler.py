"""Base sets as SQL: each by its declared statement, parameters renamed so that many fit into one query."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from majung.crowd import registry
from majung.crowd.expression import Leaf, Range

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@dataclass(slots=True)
class Compiler:
    """Builds statements for one root and gathers their parameters. With ``people``, every base set is narrowed to them."""

    root: int
    people: list[int] | None = None
    params: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.params["root"] = self.root
        if self.people is not None:
            self.params["people"] = self.people

    def base(self, leaf: Leaf | Range, people: Iterable[int] | None = None) -> str:
        """The declared SELECT of ``leaf`` (with its bucket column, if it has one), for its own ``people`` if given."""
        declared = registry.get(leaf.family)
        prefix = f"s{len(self.params)}_"
        values = dict(zip(declared.names, leaf.args, strict=True))

        def rename(found: re.Match[str]) -> str:
            name = found[1]
            if name == "root":
                return "%(root)s"
            self.params[prefix + name] = values[name]
            return f"%({prefix}{name})s"

        text = _PLACEHOLDER.sub(rename, declared.sql)
        narrowed = ""
        if people is not None:
            self.params[f"{prefix}people"] = f"{{{','.join(map(str, people))}}}"
            narrowed = f"AND {declared.person_column} = ANY(%({prefix}people)s::bigint[])"
        elif self.people is not None:
            narrowed = f"AND {declared.person_column} = ANY(%(people)s::bigint[])"
        return text.replace(registry.PEOPLE, narrowed)

    def rows(self, leaf: Leaf | Range) -> str:
        """A SELECT of the one column person_id: the people of ``leaf``, some perhaps twice."""
        text = self.base(leaf)
        if not isinstance(leaf, Range):
            return f"SELECT b.person_id FROM ({text}) AS b(person_id)"
        bounds = []
        for sign, bound in ((">=", leaf.first), ("<=", leaf.last)):
            if bound is not None:
                name = f"b{len(self.params)}"
                self.params[name] = bound
                bounds.append(f"b.bucket {sign} %({name})s")
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        return f"SELECT b.person_id FROM ({text}) AS b(person_id, bucket){where}"
