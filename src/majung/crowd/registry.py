"""The base sets: named sets of people, each declared once by the room that owns its table, with the SQL that defines it."""

import re
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from typing import Final, Literal

Argument = int | str
Buckets = Literal["day", "month"]

PEOPLE: Final = "/*people*/"
EVERYONE_FAMILY: Final = "person"

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseSet:
    """A family of sets of people: one set for each choice of ``params``.

    ``params`` are names; a name is a whole number, ``name:text`` a text. ``sql`` is a SELECT of one column, the person's
    number, over ``%(root)s`` and the named params, and is bound to the root itself. Wherever rows can be narrowed to
    some people it has the marker ``/*people*/`` after a condition; it becomes ``AND <person_column> = ANY(…)``. A literal
    per cent sign is doubled. It must depend on nothing but the tables: no clock, no settings.

    ``changes`` are the families of ``crowd_change`` that can touch it. A change with a subject touches only the sets
    whose first param equals it, unless ``narrow`` is off (the subject means something else here).

    A *bucketed* family (``buckets``) selects a second column, the bucket: ``registry.day(date)`` or ``registry.month(date)``
    as a number. Expressions take a range of buckets, so that time passes in the expression and never in a bitmap.
    """

    family: str
    label: str
    sql: str
    changes: tuple[str, ...]
    params: tuple[str, ...] = ()
    person_column: str = "person_id"
    buckets: Buckets | None = None
    narrow: bool = True

    def __post_init__(self) -> None:
        if PEOPLE not in self.sql:
            raise ValueError(f"base set {self.family}: the mandatory marker {PEOPLE} is missing")
        if not self.changes:
            raise ValueError(f"base set {self.family}: nothing feeds it")
        used = set(_PLACEHOLDER.findall(self.sql))
        if used != {"root", *self.names}:
            raise ValueError(
                f"base set {self.family}: declares {sorted(('root', *self.names))}, its SQL uses {sorted(used)}"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The params' names, in order."""
        return tuple(param.partition(":")[0] for param in self.params)

    @property
    def types(self) -> tuple[type[Argument], ...]:
        """The params' types, in order."""
        return types_of(self.params)

    def is_touched(self, args: tuple[Argument, ...], family: str, subject: int | None) -> bool:
        """Whether a change of ``family`` about ``subject`` may have changed the set with ``args``."""
        if family not in self.changes:
            return False
        return subject is None or not self.narrow or not args or self.types[0] is not int or args[0] == subject

    def key(self, args: tuple[Argument, ...]) -> str:
        """The stored bitmap's key; a changed definition gets another key."""
        fingerprint = blake2b(f"{self.sql}\n{self.person_column}\n{self.changes}".encode(), digest_size=4).hexdigest()
        return f"{self.family}/{fingerprint}/{args!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """A family that is the union of parts declared by several rooms, each with the same params (``scope``)."""

    family: str
    label: str
    params: tuple[str, ...]


_holders: list[str] = []
_sets: dict[str, BaseSet] = {}
_families: set[str] = set()
_types: dict[str, tuple[type[Argument], ...]] = {}
_unions: dict[str, Union] = {}
_parts: dict[str, list[str]] = {}


def types_of(params: tuple[str, ...]) -> tuple[type[Argument], ...]:
    """The types of params, in order."""
    return tuple(str if param.endswith(":text") else int for param in params)


def types(family: str) -> tuple[type[Argument], ...]:
    """The types of the arguments of a base set or union."""
    return _types[family]


def register(base_set: BaseSet) -> BaseSet:
    """``base_set`` is known under its family. Raises ValueError when another set has that name."""
    if _sets.get(base_set.family, base_set) != base_set or base_set.family in _unions:
        raise ValueError(f"two base sets are called {base_set.family}")
    _sets[base_set.family] = base_set
    _families.update(base_set.changes)
    _types[base_set.family] = base_set.types
    return base_set


def register_union(union: Union) -> Union:
    """``union`` is known, without parts so far."""
    if _unions.get(union.family, union) != union or union.family in _sets:
        raise ValueError(f"two base sets are called {union.family}")
    _unions[union.family] = union
    _types[union.family] = types_of(union.params)
    _parts.setdefault(union.family, [])
    return union


def add_part(family: str, base_set: BaseSet) -> None:
    """``base_set`` is registered and counts as a part of the union ``family`` from now on."""
    if len(base_set.params) != len(_unions[family].params) or base_set.buckets:
        raise ValueError(f"{base_set.family} cannot be a part of {family}")
    register(base_set)
    if base_set.family not in _parts[family]:
        _parts[family].append(base_set.family)


def hold_changes(rows: str) -> None:
    """The change log is kept for whom ``rows``, a SELECT of (root_id, watermark), names: they have still to read from there on."""
    if rows not in _holders:
        _holders.append(rows)


def holders() -> tuple[str, ...]:
    """What ``hold_changes`` was told."""
    return tuple(_holders)


def get(family: str) -> BaseSet:
    """The base set of that name. Raises LookupError."""
    return _sets[family]


def of_key(key: str) -> tuple[str, tuple[Argument, ...]] | None:
    """The family and arguments whose stored bitmap has that key; None when it is of another definition than today's."""
    family, _, rest = key.partition("/")
    declared = _sets.get(family)
    try:
        args = literal_eval(rest.partition("/")[2])
    except (ValueError, SyntaxError):
        return None
    return (family, args) if declared is not None and isinstance(args, tuple) and declared.key(args) == key else None


def parts(family: str) -> tuple[str, ...] | None:
    """The families whose union ``family`` is; None when it is a set of its own. Raises LookupError when unknown."""
    if family in _unions:
        return tuple(_parts[family])
    get(family)
    return None


def known(family: str) -> BaseSet | Union | None:
    """The base set or union of that name, or None."""
    return _sets.get(family) or _unions.get(family)


def families() -> list[str]:
    """Every family of changes that touches some set."""
    return sorted(_families)


def everything() -> Iterator[BaseSet]:
    """Every base set, in order of registration."""
    yield from _sets.values()


def day(on: date) -> int:
    """The bucket of a Seoul date: days since 1970-01-01 (in SQL: ``on - DATE '1970-01-01'``)."""
    return (on - _EPOCH).days


def month(on: date) -> int:
    """The bucket of a month: yyyymm."""
    return on.year * 100 + on.month


def bucket_ago(buckets: Buckets, today: date, count: int) -> int:
    """The bucket ``count`` days or months before ``today``."""
    if buckets == "day":
        return day(today - timedelta(days=count))
    whole = today.year * 12 + today.month - 1 - count
    return whole // 12 * 100 + whole % 12 + 1
