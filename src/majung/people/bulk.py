"""Adding people in sets: numbers in one block, names and numbers sealed before they leave this process, rows by COPY."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import compress
from typing import Any, Final, NamedTuple, Self

import numpy as np
import psycopg
from numpy.typing import NDArray

from majung.core import arrays, copying, ids, sql
from majung.core.copying import few, int2, int4, int8, int8s, text
from majung.core.sealing import Sealer
from majung.core.text import fold
from majung.people.enums import Basis, ContactKind, Gender, MemberState
from majung.people.vault import Field, place

_CONTACTS: Final[tuple[tuple[ContactKind, Field], ...]] = (
    (ContactKind.MOBILE, "mobile"),
    (ContactKind.LANDLINE, "landline"),
    (ContactKind.EMAIL, "email"),
)


class NewPerson(NamedTuple):
    """Somebody to be added. Numbers as ``phones.normalise`` gives them, text as ``core.text.nfc`` does; empty is unknown.

    Written with names only. The blind indexes of name, mobile number and address are given by who has them already
    (``vault.blind``), else worked out.
    """

    entity_id: int
    name: str = ""
    mobile: str = ""
    landline: str = ""
    email: str = ""
    home_unit_id: int | None = None
    birth_ym: int | None = None
    gender: int = Gender.UNKNOWN
    region_code: str = ""
    district_code: str = ""
    basis: int = Basis.NONE
    import_id: int | None = None
    member: MemberState | None = None
    member_since: date | None = None
    tags: tuple[int, ...] = ()
    identities: tuple[tuple[str, str], ...] = ()
    name_blind: bytes | None = None
    mobile_blind: bytes | None = None
    email_blind: bytes | None = None


class NewPeople(NamedTuple):
    """People to be added, by columns: what ``NewPerson`` says of one, a list for each, and all lists equally long."""

    entity_id: list[int]
    name: list[str]
    mobile: list[str]
    landline: list[str]
    email: list[str]
    home_unit_id: list[int | None]
    birth_ym: list[int | None]
    gender: list[int]
    region_code: list[str]
    district_code: list[str]
    basis: list[int]
    import_id: list[int | None]
    member: list[MemberState | None]
    member_since: list[date | None]
    tags: list[tuple[int, ...]]
    identities: list[tuple[tuple[str, str], ...]]
    name_blind: list[bytes | None]
    mobile_blind: list[bytes | None]
    email_blind: list[bytes | None]

    @classmethod
    def of(cls, rows: Sequence[NewPerson]) -> Self:
        """Those of at least one row."""
        return cls(*map(list, zip(*rows, strict=True)))

    @classmethod
    def alike(cls, count: int, *, entity_id: int, **columns: Any) -> Self:
        """``count`` people: those columns; what else there is to say is one value, or unknown, for all of them."""
        said = {**NewPerson(entity_id=entity_id)._asdict(), **columns}
        return cls(
            *(value if isinstance(value, list) else [value] * count for value in map(said.__getitem__, cls._fields))
        )

    def where(self, kept: Sequence[bool]) -> Self:
        """Only those."""
        columns: list[Any] = [list(compress(column, kept)) for column in self]
        return type(self)(*columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Row ``index`` is the same person as ``person_id``: same number (or address, without one), and no other name."""

    index: int
    person_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of each row: ``numbers`` is aligned with the rows, None where a duplicate was left out."""

    numbers: list[int | None]
    duplicates: list[Duplicate]

    @property
    def people(self) -> list[int]:
        """The numbers that were given."""
        return [number for number in self.numbers if number is not None]


def add(
    connection: psycopg.Connection[Any], sealer: Sealer, root: int, rows: Sequence[NewPerson], at: datetime
) -> Added:
    """As ``add_columns``, by rows."""
    return add_columns(connection, sealer, root, NewPeople.of(rows), at) if rows else Added(numbers=[], duplicates=[])


def add_columns(
    connection: psycopg.Connection[Any], sealer: Sealer, root: int, people: NewPeople, at: datetime
) -> Added:
    """``people`` are of ``root`` now, except duplicates among them or with those before.

    Somebody is known by the mobile number and the name; without a number, by the mail address and the name.
    """
    blind = sealer.blind
    people = people._replace(
        name_blind=_blinds(people.name_blind, people.name, lambda name: blind(root, "name", fold(name))),
        mobile_blind=_blinds(people.mobile_blind, people.mobile, lambda mobile: blind(root, "mobile", mobile)),
        email_blind=_blinds(people.email_blind, people.email, lambda email: blind(root, "email", fold(email))),
    )
    keys = [number or address for number, address in zip(people.mobile_blind, people.email_blind, strict=True)]
    known = _known(connection, root, people)
    numbers: list[int | None] = list(_numbers(connection, len(keys)))
    duplicates = []
    for index, (key, name) in enumerate(zip(keys, people.name_blind, strict=True)):
        if key is None:
            continue
        holders = known.get(key)
        if holders is None:
            known[key] = [(numbers[index], name)]
            continue
        same = next((other for other, called in holders if name == called or not name), None)
        if same is None:
            holders.append((numbers[index], name))
        else:
            duplicates.append(Duplicate(index=index, person_id=same))
            numbers[index] = None
    kept = [number is not None for number in numbers]
    fresh = [number for number in numbers if number is not None]
    if fresh:
        _copy_all(connection, sealer, root, np.array(fresh), people.where(kept), at)
    return Added(numbers=numbers, duplicates=duplicates)


def _blinds(given: list[bytes | None], values: list[str], work_out: Callable[[str], bytes]) -> list[bytes | None]:
    """Those given, and of the other values those worked out."""
    return [had or (work_out(value) if value else None) for had, value in zip(given, values, strict=True)]


def _known(
    connection: psycopg.Connection[Any], root: int, people: NewPeople
) -> dict[bytes, list[tuple[int | None, bytes | None]]]:
    """Who holds the numbers of ``people`` already, or the addresses of those without one."""
    numbers, addresses = people.mobile_blind, people.email_blind
    alone = {address for number, address in zip(numbers, addresses, strict=True) if address and not number}
    found: dict[bytes, list[tuple[int | None, bytes | None]]] = {}
    for kind, asked in ((ContactKind.MOBILE, {number for number in numbers if number}), (ContactKind.EMAIL, alone)):
        if not asked:
            continue
        statement = sql.load("majung.people", "people", "known_holders")
        facts = {"root": root, "kind": int(kind), "blinds": arrays.byteas(sorted(asked))}
        for blind, number, name in psycopg.Cursor(connection).execute(statement, facts, binary=True):
            found.setdefault(blind, []).append((number, name))
    return found


def _numbers(connection: psycopg.Connection[Any], count: int) -> list[int]:
    statement = sql.load("majung.people", "people", "numbers")
    [(numbers,)] = psycopg.Cursor(connection).execute(statement, {"n": count}, binary=True)
    return list(numbers or ())


def _microseconds(at: datetime) -> int:
    return (at - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _copy_all(
    connection: psycopg.Connection[Any],
    sealer: Sealer,
    root: int,
    numbers: NDArray[np.int64],
    people: NewPeople,
    at: datetime,
) -> None:
    count, each = len(numbers), numbers.tolist()
    drawn, created = os.urandom(16 * count), _microseconds(at)
    copying.copy(
        connection,
        "person",
        {
            "id": int8s(numbers),
            "root_id": [int4(root)] * count,
            "public_id": copying.blobs(ids.uuid7_many(count)),
            "entity_id": few(people.entity_id, int8),
            "home_unit_id": few(people.home_unit_id, int8),
            "name_sealed": copying.blobs(_sealed(sealer, root, "name", each, people.name)),
            "name_blind": copying.blobs(people.name_blind),
            "birth_ym": few(people.birth_ym, int4),
            "gender": few(people.gender, int2),
            "region_code": few(people.region_code, text),
            "district_code": few(people.district_code, text),
            "state": [int2(1)] * count,
            "basis": few(people.basis, int2),
            "import_id": few(people.import_id, int8),
            "created_at": [int8(created)] * count,
            "salt": copying.blobs(drawn[start : start + 16] for start in range(0, len(drawn), 16)),
        },
    )
    _copy_contacts(connection, sealer, root, each, people, created)
    enrolled = zip(each, people.entity_id, people.member, people.member_since, strict=True)
    rolls = [(number, entity, state, since) for number, entity, state, since in enrolled if state is not None]
    copying.copy(
        connection,
        "membership",
        {
            "person_id": [int8(number) for number, _, _, _ in rolls],
            "entity_id": few((entity for _, entity, _, _ in rolls), int8),
            "root_id": [int4(root)] * len(rolls),
            "state": few((int(state) for _, _, state, _ in rolls), int2),
            "since": few((since or at.date() for _, _, _, since in rolls), copying.day),
        },
    )
    borne = [(number, tag) for number, tags in zip(each, people.tags, strict=True) if tags for tag in sorted({*tags})]
    copying.copy(
        connection,
        "person_tag",
        {
            "person_id": [int8(number) for number, _ in borne],
            "tag_id": few((tag for _, tag in borne), int8),
            "root_id": [int4(root)] * len(borne),
        },
    )
    known = [(number, app, key) for number, held in zip(each, people.identities, strict=True) for app, key in held]
    copying.copy(
        connection,
        "external_identity",
        {
            "root_id": [int4(root)] * len(known),
            "app": few((app for _, app, _ in known), text),
            "blind": copying.blobs(sealer.blind(root, f"app/{app}", key) for _, app, key in known),
            "person_id": [int8(number) for number, _, _ in known],
        },
    )


def _sealed(sealer: Sealer, root: int, field: Field, numbers: list[int], values: list[str]) -> list[bytes | None]:
    """Each value sealed for its person; None where there is none."""
    if all(values):
        return [*sealer.seal_many(place(root, field), zip(numbers, values, strict=True))]
    held = [(number, value) for number, value in zip(numbers, values, strict=True) if value]
    sealed = iter(sealer.seal_many(place(root, field), held))
    return [next(sealed) if value else None for value in values]


def _copy_contacts(
    connection: psycopg.Connection[Any], sealer: Sealer, root: int, numbers: list[int], people: NewPeople, created: int
) -> None:
    """All kinds in one COPY: one statement, one look at who shares what. In the order of the index by value: it is long, and who
    goes through it in order finds it twice as fast.
    """
    found: list[tuple[Any, ...]] = []
    for kind, field in _CONTACTS:
        values: list[str] = getattr(people, field)
        held = list(map(bool, values))
        if not any(held):
            continue
        own, said = list(compress(numbers, held)), list(compress(values, held))
        blinds: Iterable[bytes | None]
        if kind is ContactKind.LANDLINE:
            blinds = [sealer.blind(root, field, value) for value in said]
        else:
            blinds = compress(people.mobile_blind if kind is ContactKind.MOBILE else people.email_blind, held)
        found += sorted(zip(blinds, own, [int(kind)] * len(own), _sealed(sealer, root, field, own, said), strict=True))
    if not found:
        return
    each, owners, kinds, sealed = zip(*found, strict=True)
    copying.copy(
        connection,
        "contact_point",
        {
            "person_id": int8s(owners),
            "kind": few(kinds, int2),
            "root_id": [int4(root)] * len(owners),
            "sealed": copying.blobs(sealed),
            "blind": copying.blobs(each),
            "created_at": [int8(created)] * len(owners),
        },
    )
