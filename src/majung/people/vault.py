"""The vault: the only opener of names and numbers. Opening writes the access log first, in the same transaction (X1, X2)."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import psycopg
from django.conf import settings
from django.db import transaction

from majung.core import clock, db, sql
from majung.core.errors import Invalid
from majung.core.sealing import Place, Sealer, Unreadable, sealer_at
from majung.core.text import fold
from majung.people import addresses
from majung.people.enums import ContactKind
from majung.people.models import Person
from majung.people.phones import Kind, Phone, normalise
from majung.people.scope import person_in_scope, reachable
from majung.tree.actor import Actor
from majung.tree.enums import Act
from majung.ui.text import mask_email, mask_name, mask_phone

Field = Literal["name", "mobile", "landline", "email"]
FIELDS: Final[tuple[Field, ...]] = ("name", "mobile", "landline", "email")
LONGEST_WHY: Final = 200
MOST_FOUND: Final = 200
# Of one name there are some thousands in a million people; whom the actor sees is asked of all of them.
MOST_ASKED: Final = 20_000

_DIGITS = re.compile(r"(?:\d[\s\-.]?){7,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """One person as every screen may show them (PRZ-04)."""

    number: int
    name: str
    mobile: str
    landline: str
    email: str


def sealer() -> Sealer:
    """The sealer of this installation's key file."""
    return sealer_at(settings.VAULT_KEY)


def place(root: int, field: Field) -> Place:
    """Where a sealed ``field`` of a person stands; the subject is the person's number."""
    return Place(root=root, table="person" if field == "name" else "contact_point", column=field)


def blind(root: int, field: Field, value: str) -> bytes:
    """The blind index of a name (folded), number (digits) or address within one root."""
    return sealer().blind(root, field, fold(value) if field in ("name", "email") else value)


# ── the access log ───────────────────────────────────────────────────────────────────────────────────────────────────


def log(
    actor: Actor,
    what: str,
    *,
    why: str = "",
    address: str = "",
    person_id: int | None = None,
    unit_id: int | None = None,
    n: int = 1,
) -> int:
    """One more line of the access log, committing with the surrounding transaction. Returns its number.

    Without ``unit_id`` it is the highest unit of the actor's grants: there it is reviewed.
    """
    facts = _facts(actor, what, why=why, address=address)
    facts |= {"unit": unit_id if unit_id is not None else facts["unit"], "person": person_id, "n": n}
    row = psycopg.Cursor(db.raw()).execute(sql.load("majung.people", "vault", "log"), facts)
    [number] = row.fetchone() or (0,)
    return int(number)


def _facts(actor: Actor, what: str, *, why: str, address: str) -> dict[str, Any]:
    """What every line of the actor's act says; the unit is the highest of the actor's grants."""
    highest = min(actor.grants, key=lambda grant: (grant.unit.depth, grant.pk)) if actor.grants else None
    return {
        "root": actor.root_id, "at": clock.now(), "actor_kind": actor.kind, "actor_id": actor.number,
        "unit": highest.unit_id if highest else None, "what": what, "why": why, "address": address,
    }  # fmt: skip


@transaction.atomic
def broken(root: int) -> list[tuple[int, str]]:
    """Where the access log of ``root`` was tampered with: (number, missing|cut|changed|unlinked|shortened). Empty when whole."""
    cursor, statements = psycopg.Cursor(db.raw()), sql.statements("majung.people", "vault")
    cursor.execute(statements["link_now"])
    cursor.execute(statements["link_later"])
    cursor.execute(statements["link_waiting"], {"root": root})
    return cursor.execute(statements["broken"], {"root": root}).fetchall()


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def reveal(actor: Actor, person_id: int, *, fields: Collection[str], why: str, address: str) -> dict[str, str]:
    """The plain ``fields`` of one person (empty where there is none). Logged before anything is opened (X2).

    Raises NotYours or Forbidden where revealing was not lent, Invalid for a reason that is empty or names somebody.
    """
    person = person_in_scope(actor, person_id, Act.PEOPLE_REVEAL)
    return _reveal(actor, {person.pk: person.home_unit_id}, fields, why, address)[person.pk]


@transaction.atomic
def reveal_many(
    actor: Actor, people: Collection[int], *, fields: Collection[str], why: str, address: str
) -> dict[int, dict[str, str]]:
    """As ``reveal``, in order of number, for those of ``people`` at whom revealing was lent; each with a line in the log."""
    mine = reachable(actor, list(people), Act.PEOPLE_REVEAL) if people else set()
    homes = dict(Person.objects.filter(pk__in=mine).order_by("pk").values_list("pk", "home_unit_id"))
    return _reveal(actor, homes, fields, why, address) if homes else {}


def _reveal(
    actor: Actor, homes: Mapping[int, int | None], fields: Collection[str], why: str, address: str
) -> dict[int, dict[str, str]]:
    """Opened for people with their home units, whom the caller has scoped."""
    chosen = [field for field in FIELDS if field in fields]
    if len(chosen) != len(set(fields)) or not chosen:
        raise Invalid(problem="볼 항목을 골라 주세요.")
    reason = checked_reason(why)
    facts = _facts(actor, f"people.reveal:{','.join(chosen)}", why=reason, address=address)
    facts |= {"people": list(homes), "units": list(homes.values())}
    psycopg.Cursor(db.raw()).execute(sql.load("majung.people", "vault", "log_each"), facts)
    opened = _open(actor.root_id, list(homes))
    names = (found.get("name", "") for found in opened.values())
    if any(len(name) > 1 and fold(name) in fold(reason) for name in names):
        raise Invalid(problem="까닭에는 이름을 적지 마세요. 접속 기록에 그대로 남습니다.")
    return {person: {field: opened.get(person, {}).get(field, "") for field in chosen} for person in homes}


def checked_reason(why: str) -> str:
    """``why`` as it goes into the log. Raises Invalid when it is empty, too long, or holds what looks like a number."""
    reason = " ".join(why.split())
    if len(reason) < 2:
        raise Invalid(problem="보는 까닭을 적어 주세요.")
    if len(reason) > LONGEST_WHY or not reason.isprintable():
        raise Invalid(problem=f"까닭은 {LONGEST_WHY}자까지, 글자로만 적어 주세요.")
    if _DIGITS.search(reason):
        raise Invalid(problem="까닭에는 전화번호나 긴 번호를 적지 마세요. 접속 기록에 그대로 남습니다.")
    return reason


def masked(actor: Actor, people: Iterable[int], *, what: str = "people.list", address: str = "") -> dict[int, Masked]:
    """People as screens show them, by number. The caller has already scoped ``people``; the log gets one line with the count."""
    numbers = sorted(set(people))
    if not numbers:
        return {}
    log(actor, what, address=address, n=len(numbers), person_id=numbers[0] if len(numbers) == 1 else None)
    return {
        number: Masked(
            number=number,
            name=mask_name(found.get("name")),
            mobile=mask_phone(found.get("mobile")),
            landline=mask_phone(found.get("landline")),
            email=mask_email(found.get("email")),
        )
        for number, found in _open(actor.root_id, numbers).items()
    }


def _open(root: int, people: list[int]) -> dict[int, dict[str, str]]:
    rows = psycopg.Cursor(db.raw()).execute(
        sql.load("majung.people", "vault", "sealed"), {"root": root, "people": people}
    )
    seal = sealer()
    return {
        number: {
            field: seal.open(place(root, field), number, bytes(value))
            for field, value in zip(FIELDS, sealed, strict=True)
            if value is not None
        }
        for number, *sealed in rows
    }


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def find_by_phone(actor: Actor, text: str, *, address: str = "") -> int | None:
    """The person in the actor's sight with that number (of several, the lowest), or None. Logged either way."""
    found = find(actor, text, address=address)
    return found[0] if found and normalise(text) else None


@transaction.atomic
def find(actor: Actor, text: str, *, address: str = "") -> list[int]:
    """People in the actor's sight whose number, address or whole name is ``text``, in order, at most MOST_FOUND. Logged
    with the count.
    """
    connection, root = psycopg.Cursor(db.raw()), actor.root_id
    phone = normalise(text)
    if phone is not None or "@" in text:
        kind, field = _contact(phone)
        value = phone.digits if phone else addresses.normalise(text) or text
        connection.execute(
            sql.load("majung.people", "vault", "holders"),
            {"root": root, "kinds": [kind], "blinds": [blind(root, field, value)]},
        )
    else:
        connection.execute(
            sql.load("majung.people", "vault", "named"),
            {"root": root, "blind": blind(root, "name", text), "limit": MOST_ASKED},
        )
    candidates = [number for (number,) in connection.fetchmany(MOST_ASKED)]
    found = sorted(reachable(actor, candidates))[:MOST_FOUND] if candidates else []
    log(actor, "people.find", address=address, n=len(found), person_id=found[0] if len(found) == 1 else None)
    return found


def _contact(phone: Phone | None) -> tuple[int, Field]:
    if phone is None:
        return ContactKind.EMAIL, "email"
    return (ContactKind.MOBILE, "mobile") if phone.kind is Kind.MOBILE else (ContactKind.LANDLINE, "landline")


# ── what is kept in append-only rows ─────────────────────────────────────────────────────────────────────────────────


def mark(root: int, person_id: int, where: str, value: str) -> str:
    """What an append-only row may keep of ``value`` about a person, as 32 hex digits: a hash keyed by their own subkey.

    While the person is there it can be compared with a value, never read back; erasing destroys the salt, and with it
    the meaning of every mark, wherever it stands. ``where`` is ``table/what``. Raises Unreadable when it is destroyed.
    """
    row = psycopg.Cursor(db.raw()).execute(
        sql.load("majung.people", "vault", "salt"), {"root": root, "person": person_id}
    )
    [salt] = row.fetchone() or (None,)
    if salt is None:
        raise Unreadable("this person's key was destroyed")
    return sealer().blind(root, f"mark/{bytes(salt).hex()}/{where}", value).hex()
