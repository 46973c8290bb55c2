"""An occasion for tests: lawful in everything, so that a test changes the one thing it is about."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from majung.core.clock import SEOUL
from majung.policy.enums import Medium, OrganisationKind, Purpose
from majung.policy.occasion import AccountFacts, Content, Occasion

NOON = datetime(2026, 11, 21, 12, tzinfo=SEOUL)
AD_TEXT = "(광고)느린물커피 겨울 음료가 나왔습니다. 문의 02-700-0000 무료수신거부 080-700-0001"
ACCOUNT = AccountFacts(
    sender_name="느린물커피",
    contact="02-700-0000",
    sender_number="02-700-0000",
    sender_number_registered=True,
    refusal_number="080-700-0001",
    certificate_until=date(2027, 12, 31),
    template_approved=True,
)


def advertising(**changes: Any) -> Occasion:
    """A lawful advertising text message of a company, at noon."""
    base = Occasion(
        root_id=1,
        organisation_kind=OrganisationKind.COMMERCIAL,
        purpose=Purpose.ADVERTISING,
        medium=Medium.SMS,
        entity_id=1,
        unit_id=1,
        unit_path="0001",
        at=NOON,
        content=Content(text=AD_TEXT),
        account=ACCOUNT,
    )
    return replace(base, **changes)


def party_notice(**changes: Any) -> Occasion:
    """A lawful notice of a party to its members, by brand message, at noon."""
    base = advertising(
        organisation_kind=OrganisationKind.POLITICAL,
        purpose=Purpose.PARTY_NOTICE,
        medium=Medium.KAKAO_AD,
        content=Content(text="11월 정기 모임을 알립니다. 장소는 구민회관입니다."),
    )
    return replace(base, **changes)


def seoul(day: str, clock: str) -> datetime:
    """An instant by its Seoul date and time."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=SEOUL)
