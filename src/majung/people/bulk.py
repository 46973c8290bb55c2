"""Adding people in sets: numbers in one block, names and numbers sealed before they leave this process, rows by COPY."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg

from majung.core import arrays, ids, sql
from majung.core.sealing import Sealer
from majung.core.text import fold
from majung.people.enums import Basis, ContactKind, Gender, MemberState
from majung.people.vault import Field, place

# COPY takes the bytes that a column's type has on the wire, and not all types are written equally fast: an instant is an int8 of
# microseconds since 2000, a uuid sixteen bytes.
_PERSON: Final = (
    "id int8, root_id int4, public_id bytea, entity_id int8, home_unit_id int8, name_sealed bytea, name_blind bytea, birth_ym int4,"
    " gender int2, region_code text, district_code text, state int2, basis int2, import_id int8, created_at int8, salt bytea"
)
_CONTACT: Final = "person_id int8, kind int2, root_id int4, sealed bytea, blind bytea, created_at int8"
_MEMBERSHIP: Final = "person_id int8, entity_id int8, root_id int4, state int2, since date"
_TAG: Final = "person_id int8, tag_id int8, root_id int4"
_IDENTITY: Final = "root_id int4, app text, blind bytea, person_id int8"

_CONTACTS: Final[tuple[tuple[ContactKind, Field], ...]] = (
    (ContactKind.MOBILE, "mobile"),
    (ContactKind.LANDLINE, "landline"),
    (ContactKind.EMAIL, "email"),
)


class NewPerson(NamedTuple):
    """Somebody to be added. Numbers as ``phones.normalise`` gives them, text as ``core.text.nfc`` does; empty is unknown.

    A tuple, since imports make millions of them; written with names only. The blind indexes of name and mobile number are given
    by who has them already (``vault.blind``), else worked out.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Row ``index`` is the same person as ``person_id``: same mobile number, and no other name."""

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
    """``rows`` are people of ``root`` now, except duplicates by mobile number and name, among them or with those before."""
    blind = sealer.blind
    names = [row.name_blind or blind(root, "name", fold(row.name)) if row.name else None for row in rows]
    mobiles = [row.mobile_blind or blind(root, "mobile", row.mobile) if row.mobile else None for row in rows]
    known = _known(connection, root, list({mobile for mobile in mobiles if mobile}))
    fresh = _numbers(connection, len(rows))
    numbers: list[int | None] = []
    duplicates = []
    for index, (number, name, mobile) in enumerate(zip(fresh, names, mobiles, strict=True)):
        numbers.append(number)
        if mobile is None:
            continue
        holders = known.setdefault(mobile, [])
        same = next((other for other, called in holders if name == called or not name), None)
        if same is None:
            holders.append((number, name))
        else:
            duplicates.append(Duplicate(index=index, person_id=same))
            numbers[-1] = None
    taken = [(number, row, name) for number, row, name in zip(numbers, rows, names, strict=True) if number is not None]
    _copy_people(connection, sealer, root, taken, at)
    _copy_contacts(connection, sealer, root, numbers, rows, mobiles, at)
    _copy(
        connection,
        "membership",
        _MEMBERSHIP,
        (
            (number, row.entity_id, root, int(row.member), row.member_since or at.date())
            for number, row, _ in taken
            if row.member is not None
        ),
    )
    _copy(
        connection,
        "person_tag",
        _TAG,
        ((number, tag, root) for number, row, _ in taken for tag in sorted(set(row.tags))),
    )
    _copy(
        connection,
        "external_identity",
        _IDENTITY,
        (
            (root, app, sealer.blind(root, f"app/{app}", key), number)
            for number, row, _ in taken
            for app, key in row.identities
        ),
    )
    return Added(numbers=numbers, duplicates=duplicates)


def _known(
    connection: psycopg.Connection[Any], root: int, blinds: list[bytes]
) -> dict[bytes, list[tuple[int, bytes | None]]]:
    found: dict[bytes, list[tuple[int, bytes | None]]] = {}
    if blinds:
        statement = sql.load("majung.people", "people", "known_mobiles")
        for blind, number, name in psycopg.Cursor(connection).execute(
            statement, {"root": root, "blinds": arrays.byteas(blinds)}
        ):
            found.setdefault(bytes(blind), []).append((number, bytes(name) if name is not None else None))
    return found


def _numbers(connection: psycopg.Connection[Any], count: int) -> list[int]:
    [(numbers,)] = psycopg.Cursor(connection).execute(sql.load("majung.people", "people", "numbers"), {"n": count})
    return list(numbers or ())


def _microseconds(at: datetime) -> int:
    return (at - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _copy_people(
    connection: psycopg.Connection[Any],
    sealer: Sealer,
    root: int,
    taken: list[tuple[int, NewPerson, bytes | None]],
    at: datetime,
) -> None:
    sealed = iter(sealer.seal_many(place(root, "name"), ((number, row.name) for number, row, _ in taken if row.name)))
    drawn, created = os.urandom(16 * len(taken)), _microseconds(at)
    salts = (drawn[start : start + 16] for start in range(0, len(drawn), 16))
    _copy(
        connection,
        "person",
        _PERSON,
        (
            (
                number, root, public_id, row.entity_id, row.home_unit_id, next(sealed) if name else None, name, row.birth_ym,
                row.gender, row.region_code, row.district_code, 1, row.basis, row.import_id, created, salt,
            )
            for (number, row, name), public_id, salt in zip(taken, ids.uuid7_many(len(taken)), salts, strict=True)
        ),
    )  # fmt: skip


def _copy_contacts(
    connection: psycopg.Connection[Any],
    sealer: Sealer,
    root: int,
    numbers: list[int | None],
    people: Sequence[NewPerson],
    mobiles: list[bytes | None],
    at: datetime,
) -> None:
    """All kinds in one COPY: one statement, one look at who shares what."""
    rows: list[tuple[object, ...]] = []
    created = _microseconds(at)
    for kind, field in _CONTACTS:
        values = [str(getattr(row, field)) for row in people]
        held = [(number, value) for number, value in zip(numbers, values, strict=True) if number is not None and value]
        if field == "mobile":
            blinds = [blind for number, blind in zip(numbers, mobiles, strict=True) if number is not None and blind]
        else:
            blinds = [sealer.blind(root, field, fold(value) if field == "email" else value) for _, value in held]
        rows.extend(
            (number, int(kind), root, sealed, blind, created)
            for (number, _), sealed, blind in zip(held, sealer.seal_many(place(root, field), held), blinds, strict=True)
        )
    _copy(connection, "contact_point", _CONTACT, rows)


def _copy(connection: psycopg.Connection[Any], table: str, columns: str, rows: Iterable[tuple[object, ...]]) -> None:
    rows = list(rows)
    if not rows:
        return
    names, types = zip(*(column.split() for column in columns.split(", ")), strict=True)
    statement = psycopg.sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        psycopg.sql.Identifier(table), psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, names))
    )
    with psycopg.Cursor(connection).copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
