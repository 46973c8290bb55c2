"""Joining: what the form asks (always from published notices), and what is written when somebody joins (C1, C2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from majung.consent import queries, services
from majung.consent.enums import BY_MEDIUM, ConsentMedium, ConsentPurpose, How
from majung.consent.forms import ASKABLE
from majung.consent.models import Notice
from majung.core.text import nfc
from majung.people import services as people
from majung.people import vault
from majung.people.bulk import NewPerson
from majung.people.enums import Basis
from majung.people.phones import Kind, normalise
from majung.policy import times
from majung.portal import places
from majung.tree.actor import system_actor
from majung.tree.enums import OrganisationKind, UnitState
from majung.tree.models import Unit

LONGEST_NAME: Final = 40
OLDEST: Final = 120
# The order in which consents are asked for: what is needed first.
ORDER: Final = (
    ConsentPurpose.SERVICE,
    ConsentPurpose.SENSITIVE,
    ConsentPurpose.PROVISION,
    ConsentPurpose.PARTY_NOTICE,
    ConsentPurpose.ADVERTISING,
    ConsentPurpose.NIGHT,
)
MEDIUM_WORDS: Final = {ConsentMedium.KAKAO_AD: "카카오톡", ConsentMedium.SMS: "문자", ConsentMedium.EMAIL: "전자우편"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a unit's form asks consent for. Empty when it cannot ask: a form is built from published notices only."""

    notices: tuple[Notice, ...]

    @property
    def is_open(self) -> bool:
        """Whether somebody can join here."""
        return bool(self.notices)


def asked_by(unit: Unit) -> Asked:
    """The notices of the unit's form. None at all unless what is needed is published.

    Belonging to a party's friends is sensitive (PIP-12): a political organisation needs that notice besides.
    """
    found = queries.published_for(unit)
    needed = {ConsentPurpose.SERVICE}
    if unit.root.kind == OrganisationKind.POLITICAL:
        needed.add(ConsentPurpose.SENSITIVE)
    if not needed <= found.keys():
        return Asked(notices=())
    return Asked(notices=tuple(found[purpose] for purpose in ORDER if purpose in found))


@dataclass(kw_only=True)
class Answers:
    """What somebody wrote, read and checked. ``errors`` by field; empty means it can be saved."""

    name: str = ""
    phone: str = ""
    year: str = ""
    place: str = ""
    mobile: str = ""
    birth_year: int | None = None
    home: Unit | None = None
    agreed: dict[int, str] = field(default_factory=dict)
    media: dict[int, list[str]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    too_young: bool = False


def read(unit: Unit, asked: Asked, sent: Mapping[str, Any], lists: Any, today: date) -> Answers:
    """The answers in a posted form; ``lists(name)`` gives all values of a name. Nothing is taken as a yes but a yes."""
    said = Answers(
        name=nfc(str(sent.get("name", ""))[: LONGEST_NAME + 200]),
        phone=str(sent.get("phone", ""))[:60].strip(),
        year=nfc(str(sent.get("year", ""))[:20]),
        place=str(sent.get("place", ""))[:40],
    )
    _read_name(said, len(str(sent.get("name", ""))))
    phone = normalise(said.phone)
    if phone is None or phone.kind is not Kind.MOBILE:
        said.errors["phone"] = "010으로 시작하는 휴대전화번호를 적어 주세요."
    else:
        said.mobile = phone.digits
    _read_year(said, today)
    said.home = _home(unit, said.place)
    if said.home is None:
        said.errors["place"] = "사는 곳을 골라 주세요."
    for notice in asked.notices:
        _read_consent(said, notice, str(sent.get(f"agree-{notice.pk}", "")), str(sent.get(f"text-{notice.pk}", "")))
        given = [medium for medium in lists(f"media-{notice.pk}") if medium in notice.media and medium in ASKABLE]
        said.media[notice.pk] = given
        if said.agreed.get(notice.pk) == "yes" and notice.purpose in BY_MEDIUM and not given:
            said.errors[f"agree-{notice.pk}"] = "받을 방법을 하나 이상 골라 주세요."
    _night_needs_advertising(said, asked)
    return said


def _read_name(said: Answers, length: int) -> None:
    if not said.name:
        said.errors["name"] = "이름을 적어 주세요."
    elif len(said.name) > LONGEST_NAME or length > 4 * LONGEST_NAME:
        said.name = ""
        said.errors["name"] = f"이름은 {LONGEST_NAME}자까지 적을 수 있습니다."
    elif normalise(said.name) or not any(letter.isalpha() for letter in said.name):
        said.errors["name"] = "이름을 글자로 적어 주세요."


def _read_year(said: Answers, today: date) -> None:
    digits = said.year.removesuffix("년").strip()
    if not (
        digits.isascii() and digits.isdigit() and len(digits) == 4 and today.year - OLDEST <= int(digits) <= today.year
    ):
        said.errors["year"] = "태어난 해를 네 자리로 적어 주세요. 예: 1984"
        return
    said.birth_year = int(digits)
    # Only the year is asked for; the strict reading takes December (law.md PIP-07).
    said.too_young = said.birth_year * 100 + 12 > times.youngest_month(today)


def _home(unit: Unit, chosen: str) -> Unit | None:
    if not places.districts(unit):
        return unit
    try:
        public_id = UUID(chosen)
    except ValueError:
        return None
    found: Unit | None = (
        Unit.objects.filter(root_id=unit.root_id, entity_id=unit.entity_id, public_id=public_id, state=UnitState.ACTIVE)
        .exclude(district_code="")
        .first()
    )
    return found


def _read_consent(said: Answers, notice: Notice, answer: str, text_hash: str) -> None:
    field_name = f"agree-{notice.pk}"
    if answer not in ("yes", "no"):
        said.errors[field_name] = "동의하는지 골라 주세요."
        return
    if text_hash != notice.text_hash:
        said.errors[field_name] = "그사이 글이 바뀌었습니다. 다시 읽고 골라 주세요."
        return
    said.agreed[notice.pk] = answer
    if answer == "no" and notice.required:
        said.errors[field_name] = "거부할 수 있습니다. 다만 이 동의가 없으면 소식 받기를 할 수 없습니다."


def _night_needs_advertising(said: Answers, asked: Asked) -> None:
    by_purpose = {notice.purpose: notice.pk for notice in asked.notices}
    night, ads = by_purpose.get(ConsentPurpose.NIGHT), by_purpose.get(ConsentPurpose.ADVERTISING)
    if night is not None and said.agreed.get(night) == "yes" and (ads is None or said.agreed.get(ads) != "yes"):
        said.errors[f"agree-{night}"] = "홍보 받기에 동의해야 고를 수 있습니다."


@dataclass(frozen=True, slots=True, kw_only=True)
class Oneself:
    """The person as actor of their own consents."""

    root_id: int
    number: int | None
    kind: str = "person"


@transaction.atomic
def join(unit: Unit, asked: Asked, said: Answers, proof: Mapping[str, Any], seen: Mapping[str, str]) -> int:
    """The person is in the organisation with what they agreed to; somebody known by number and name is that person.

    The ledger never changes, so of what was ``seen`` of the visitor it keeps marks that erasing makes meaningless.
    A refusal on record stays: this form proves no number, so it cannot take back what somebody said (ADV-11).
    """
    if said.errors or said.home is None or said.birth_year is None:
        raise ValueError("answers with errors cannot be saved")
    row = NewPerson(
        entity_id=unit.entity_id,
        name=said.name,
        mobile=said.mobile,
        home_unit_id=said.home.pk,
        birth_ym=said.birth_year * 100 + 12,
        district_code=said.home.district_code,
        basis=Basis.CONSENT,
    )
    added = people.add_people(system_actor(unit.root_id), [row])
    number = added.numbers[0] if added.numbers[0] is not None else added.duplicates[0].person_id
    oneself = Oneself(root_id=unit.root_id, number=number)
    marks = {what: vault.mark(unit.root_id, number, f"consent_entry/{what}", value) for what, value in seen.items()}
    for notice in asked.notices:
        if said.agreed.get(notice.pk) == "yes":
            media = [ConsentMedium(medium) for medium in said.media.get(notice.pk, [])]
            services.grant_consents(oneself, [number], notice, media, How.WEB, {**proof, **marks}, unit_id=unit.pk)
    return number
