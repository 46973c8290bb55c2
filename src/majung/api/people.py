"""People over the API: masked pages, one person, finding by number, adding. Names and numbers go in, never out."""

from datetime import date
from typing import Any
from uuid import UUID

from ninja import Field, Router, Schema

from majung.api.app import ApiRequest, Said
from majung.api.idempotency import once
from majung.core import clock
from majung.core.errors import Forbidden, Invalid
from majung.core.text import nfc
from majung.people import addresses, queries, services, vault
from majung.people.bulk import NewPerson
from majung.people.enums import Basis, Gender, MemberState
from majung.people.phones import Kind, normalise
from majung.tree.enums import Act
from majung.tree.models import Unit

router = Router(tags=["people"])
MOST = 1_000


class PersonLine(Schema):
    """One person, masked."""

    number: int
    name: str
    mobile: str
    home: str
    age: str
    gender: str
    tags: list[str]
    is_stopped: bool
    has_basis: bool


class Page(Schema):
    """Newest first; ``older`` is the next page's ``before``, null at the end."""

    count: int
    people: list[PersonLine]
    older: int | None


class Person(Said):
    """Somebody to be added."""

    mobile: str = Field(max_length=60)
    email: str = Field("", max_length=254)
    name: str = Field("", max_length=40)
    birth_ym: int | None = Field(None, ge=190001, le=219912, description="yyyymm; a year alone is its December")
    gender: int = Field(0, ge=0, le=2, description="0 unknown, 1 man, 2 woman")
    district_code: str = Field("", max_length=10)
    is_member: bool = False
    member_since: date | None = None


class NewPeople(Said):
    """People of one unit and the ground on which they are held (without one, nothing can be sent to them)."""

    unit: UUID
    basis: int = Field(0, ge=0, le=5, description="0 none, 1 consent, 2 contract, 3 law, 4 membership, 5 public")
    people: list[Person] = Field(min_length=1, max_length=MOST)


class Added(Schema):
    """``numbers`` in the order of the request; null where somebody was known already."""

    numbers: list[int | None]


class Phone(Said):
    """A telephone number in any spelling."""

    mobile: str = Field(max_length=60)


class Found(Schema):
    """The person's number, null when nobody in sight has that telephone number."""

    number: int | None


@router.get("", response=Page)
def people(request: ApiRequest, before: int | None = None, size: int = 50) -> dict[str, Any]:
    """A page of the people in the key's sight."""
    if (before is not None and not 0 < before <= 2**31) or not 1 <= size <= 200:
        raise Invalid(problem="before는 사람 번호, size는 1–200입니다.")
    page = queries.people_page(request.actor, before=before, size=size, address=_address(request))
    return {"count": page.count, "people": page.lines, "older": page.older}


@router.get("/{int:number}", response=PersonLine)
def person(request: ApiRequest, number: int) -> Any:
    """One person in the key's sight; anybody else answers 404."""
    found = queries.person_in_scope(request.actor, number)
    return queries.people_page(request.actor, only=[found.pk], address=_address(request)).lines[0]


@router.post("/find", response=Found)
def find(request: ApiRequest, asked: Phone) -> dict[str, Any]:
    """Who in sight has that number. A POST, so that the number stands in no address and no log."""
    if Act.PEOPLE_VIEW not in request.actor.acts:
        raise Forbidden()
    return {"number": vault.find_by_phone(request.actor, asked.mobile, address=_address(request))}


@router.post("", response={201: Added})
def add(request: ApiRequest, new: NewPeople) -> tuple[int, dict[str, Any]]:
    """Up to 1,000 people of one unit; all of them, or none."""

    def act() -> dict[str, Any]:
        unit = request.actor.unit(new.unit, Act.PEOPLE_IMPORT)
        rows = [_person(unit, new.basis, position, person) for position, person in enumerate(new.people)]
        return {"numbers": services.add_people(request.actor, rows).numbers}

    return once(request, 201, act)


def _person(unit: Unit, basis: int, position: int, person: Person) -> NewPerson:
    phone = normalise(person.mobile)
    if phone is None or phone.kind is not Kind.MOBILE:
        raise Invalid(problem=f"people[{position}].mobile: 휴대전화 번호로 읽을 수 없습니다.")
    email = addresses.normalise(person.email)
    if person.email and not email:
        raise Invalid(problem=f"people[{position}].email: 전자우편 주소로 읽을 수 없습니다.")
    if person.birth_ym is not None and not 1 <= person.birth_ym % 100 <= 12:
        raise Invalid(problem=f"people[{position}].birth_ym: yyyymm으로 적어 주세요.")
    today = clock.today()
    # A year alone is its December, which may be to come.
    if person.birth_ym is not None and person.birth_ym // 100 > today.year:
        raise Invalid(problem=f"people[{position}].birth_ym: 오늘보다 뒤입니다.")
    if person.member_since is not None and person.member_since > today:
        raise Invalid(problem=f"people[{position}].member_since: 오늘보다 뒤입니다.")
    return NewPerson(
        entity_id=unit.entity_id,
        name=nfc(person.name),
        mobile=phone.digits,
        email=email,
        home_unit_id=unit.pk,
        birth_ym=person.birth_ym,
        gender=Gender(person.gender),
        district_code=nfc(person.district_code),
        basis=Basis(basis),
        member=MemberState.MEMBER if person.is_member else None,
        member_since=person.member_since,
    )


def _address(request: ApiRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
