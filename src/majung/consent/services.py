"""Verbs of consent: grant, withdraw, refuse, confirm, leave, and the records that policy asks for. All in sets."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from majung.activity import services as activity
from majung.activity.services import Acting
from majung.consent import ledger
from majung.consent.enums import (
    BY_MEDIUM,
    EVERY,
    ConsentMedium,
    ConsentPurpose,
    GuardianMethod,
    How,
    NoticeState,
    RefusalPath,
)
from majung.consent.errors import MediaDoNotFit, NoticeNotPublished
from majung.consent.ledger import By, Said
from majung.consent.models import Notice
from majung.consent.notices import draft_next, edit_notice, publish_notice, retire_notice, write_notice
from majung.core import clock, db, sql
from majung.core.errors import NotYours
from majung.people.models import Person

# How long before its due day a two-year check is put before the operator.
CHECK_AHEAD_DAYS = 30

__all__ = [
    "clear_refusal",
    "confirm_checked",
    "draft_next",
    "edit_notice",
    "end_provision",
    "grant_consents",
    "leave",
    "owe_checks",
    "publish_notice",
    "record_deals",
    "record_guardian",
    "record_provision",
    "refuse",
    "refuse_everything",
    "retire_notice",
    "withdraw",
    "write_notice",
]


def _by(actor: Acting | None) -> By:
    return ledger.SYSTEM if actor is None else By(kind=actor.kind, number=actor.number)


@transaction.atomic
def grant_consents(
    actor: Acting,
    people: Collection[int],
    notice: Notice,
    media: Collection[ConsentMedium],
    how: How,
    proof: Mapping[str, Any] | None = None,
    *,
    unit_id: int | None = None,
    at: datetime | None = None,
) -> int:
    """These people of the actor's organisation agreed to ``notice`` (C2). Returns the entries written.

    ``media`` must be among the notice's; for purposes that have none it is empty. The notice's hash goes into the proof.
    Raises NotYours, NoticeNotPublished or MediaDoNotFit. A consent to advertising owes its notice of result.
    """
    if notice.root_id != actor.root_id:
        raise NotYours()
    if notice.state != NoticeState.PUBLISHED:
        raise NoticeNotPublished()
    asked = sorted(set(media)) if notice.purpose in BY_MEDIUM else [EVERY]
    if not asked or (notice.purpose in BY_MEDIUM and not set(asked) <= set(notice.media)):
        raise MediaDoNotFit()
    if not people:
        return 0
    said = Said(how=how, at=at or clock.now(), by=_by(actor), proof={**(proof or {}), "text": notice.text_hash})
    written = db.raw().execute(
        sql.load("majung.consent", "ledger", "grant"),
        said.params()
        | {
            "root": actor.root_id,
            "people": list(people),
            "entity": notice.entity_id,
            "purpose": notice.purpose,
            "media": asked,
            "notice": notice.pk,
            "unit": unit_id or notice.unit_id,
        },
    )
    if notice.purpose in (ConsentPurpose.ADVERTISING, ConsentPurpose.NIGHT):
        ledger.owe_result(db.raw(), actor.root_id, notice.entity_id, people, ledger.GRANTED, at=said.at)
    _record(actor, "consent.granted", people, notice.entity_id, purpose=notice.purpose, notice=notice.pk)
    return int(written.rowcount)


@transaction.atomic
def withdraw(
    actor: Acting,
    people: Collection[int],
    entity_id: int,
    purpose: ConsentPurpose,
    media: Collection[ConsentMedium],
    how: How,
    proof: Mapping[str, Any] | None = None,
    *,
    at: datetime | None = None,
) -> list[int]:
    """The consents end at once (C2: as easy as giving). Returns those for whom that is news.

    Withdrawing the consent to the collection itself stops everything of the entity and owes the erasure (PIPA art. 37).
    """
    said = Said(how=how, at=at or clock.now(), by=_by(actor), proof=proof)
    asked = media if purpose in BY_MEDIUM else (ConsentMedium.EVERY,)
    news = ledger.withdraw(db.raw(), actor.root_id, people, entity_id, purpose, asked, said)
    if not news:
        return []
    if purpose == ConsentPurpose.SERVICE:
        path = RefusalPath.LINK if how in (How.LINK, How.WEB) else RefusalPath.STAFF
        ledger.refuse(db.raw(), actor.root_id, news, entity_id, (EVERY,), path, at=said.at, by=said.by)
        _owe(
            actor.root_id,
            entity_id,
            "consent.erase",
            "동의를 철회한 사람의 정보 지우기",
            ledger.end_of(clock.seoul(said.at).date() + timedelta(days=10)),
            news,
        )
    _record(actor, "consent.withdrawn", news, entity_id, purpose=purpose.value)
    return news


@transaction.atomic
def refuse(
    root_id: int,
    people: Collection[int],
    entity_id: int,
    media: Collection[ConsentMedium],
    path: RefusalPath,
    *,
    actor: Acting | None = None,
    at: datetime | None = None,
    proof: Mapping[str, Any] | None = None,
) -> list[int]:
    """``entity`` stops sending to these people by ``media``, at once (ADV-11). Returns those for whom that is news.

    The plain twin, for processes without Django, is ``ledger.refuse``; ``enums.PATH_MEDIA`` says what a path stops.
    """
    when = at or clock.now()
    news = ledger.refuse(db.raw(), root_id, people, entity_id, media, path, at=when, by=_by(actor), proof=proof)
    if news and actor is not None:
        _record(actor, "consent.refused", news, entity_id, media=sorted(media), path=path.value)
    return news


@transaction.atomic
def refuse_everything(
    root_id: int,
    people: Collection[int],
    path: RefusalPath,
    *,
    actor: Acting | None = None,
    at: datetime | None = None,
    proof: Mapping[str, Any] | None = None,
) -> list[int]:
    """Every legal entity of the organisation stops ("everything from this organisation"). Those for whom that is news.

    The notice of result is owed once, by the entity that holds the person.
    """
    when, news = at or clock.now(), set[int]()
    for entity_id in ledger.entities(db.raw(), root_id):
        news.update(
            ledger.refuse(
                db.raw(), root_id, people, entity_id, (EVERY,), path, at=when, by=_by(actor), proof=proof, notify=False
            )
        )
    holders: dict[int, list[int]] = {}
    for person, entity_id in Person.objects.filter(root_id=root_id, pk__in=news).values_list("pk", "entity_id"):
        holders.setdefault(entity_id, []).append(person)
    for entity_id, mine in holders.items():
        ledger.owe_result(db.raw(), root_id, entity_id, mine, ledger.REFUSED, at=when)
        if actor is not None:
            _record(actor, "consent.refused", mine, entity_id, media=[EVERY], path=path.value, everywhere=True)
    return sorted(news)


@transaction.atomic
def clear_refusal(
    root_id: int,
    people: Collection[int],
    entity_id: int,
    media: Collection[ConsentMedium],
    path: RefusalPath,
    *,
    actor: Acting | None = None,
    at: datetime | None = None,
) -> list[int]:
    """The person wants it again: the refusals of exactly these media are gone. Those for whom that is news."""
    news = ledger.clear_refusal(db.raw(), root_id, people, entity_id, media, path, at=at or clock.now(), by=_by(actor))
    if news and actor is not None:
        _record(actor, "consent.cleared", news, entity_id, media=sorted(media), path=path.value)
    return news


@transaction.atomic
def confirm_checked(
    actor: Acting,
    people: Collection[int],
    entity_id: int,
    purpose: ConsentPurpose,
    media: Collection[ConsentMedium],
    proof: Mapping[str, Any] | None = None,
    *,
    at: datetime | None = None,
) -> int:
    """The two-year check was sent to these people (ADV-14); silence keeps the consent. Returns the entries written."""
    said = Said(how=How.SYSTEM, at=at or clock.now(), by=_by(actor), proof=proof)
    asked = list(media) if purpose in BY_MEDIUM else [EVERY]
    params = said.params() | {
        "root": actor.root_id,
        "people": list(people),
        "entity": entity_id,
        "purpose": purpose,
        "media": asked,
    }
    return int(db.raw().execute(sql.load("majung.consent", "ledger", "confirm"), params).rowcount)


@transaction.atomic
def owe_checks(root_id: int, on: date) -> int:
    """The two-year checks that fall due within a month are owed, and those overdue. Run daily; joins what is open."""
    rows = db.raw().execute(
        sql.load("majung.consent", "ledger", "due_checks"),
        {"root": root_id, "before": on + timedelta(days=CHECK_AHEAD_DAYS)},
    )
    owed = rows.fetchall()
    for entity_id, purpose, medium, due_on, people in owed:
        # The check must be out before the due day itself (law.md ADV-14: the last second of the day before).
        last_day = ledger.end_of(due_on - timedelta(days=1))
        _owe(
            root_id,
            entity_id,
            f"consent.check.{purpose}.{medium}",
            "2년마다 하는 수신동의 확인 보내기",
            last_day,
            people,
        )
    return len(owed)


@transaction.atomic
def leave(actor: Acting, people: Collection[int], entity_id: int, *, at: datetime | None = None) -> None:
    """The party received these people's leaving: effective now (정당법 제25조, PTY-05).

    Party notices stop with the membership; what was agreed to for the sake of it is withdrawn; striking the entry and
    the certificate are owed within two days.
    """
    when = at or clock.now()
    db.raw().execute(
        sql.load("majung.consent", "leaving", "leave"),
        {"root": actor.root_id, "people": list(people), "entity": entity_id, "on": clock.seoul(when).date()},
    )
    media = [medium for medium in ConsentMedium if medium is not ConsentMedium.EVERY]
    for purpose in (ConsentPurpose.SENSITIVE, ConsentPurpose.PARTY_NOTICE):
        said = Said(how=How.STAFF, at=when, by=_by(actor), proof={"because": "left"})
        asked = media if purpose in BY_MEDIUM else (ConsentMedium.EVERY,)
        ledger.withdraw(db.raw(), actor.root_id, people, entity_id, purpose, asked, said)
    due = ledger.end_of(clock.seoul(when).date() + timedelta(days=2))
    _owe(actor.root_id, entity_id, "consent.left", "당원명부에서 지우고 탈당증명서 주기", due, people)
    _record(actor, "consent.left", people, entity_id)


@transaction.atomic
def record_deals(
    actor: Acting, entity_id: int, goods_class: str, ended: Mapping[int, date], *, is_direct: bool
) -> None:
    """Paid dealings in one kind of goods, person → the day it ended (ADV-06). Free sign-ups and draws are no dealings."""
    db.raw().execute(
        sql.load("majung.consent", "ledger", "deals"),
        {
            "root": actor.root_id,
            "entity": entity_id,
            "goods": goods_class,
            "people": list(ended),
            "ended_on": list(ended.values()),
            "is_direct": is_direct,
        },
    )


@transaction.atomic
def record_provision(actor: Acting, people: Collection[int], to_entity: int, *, at: datetime | None = None) -> None:
    """These people agreed that their data goes to another legal entity of the organisation (PIP-20)."""
    params = {"root": actor.root_id, "people": list(people), "to_entity": to_entity, "at": at or clock.now()}
    db.raw().execute(sql.load("majung.consent", "ledger", "provide"), params)
    _record(actor, "consent.provided", people, to_entity)


@transaction.atomic
def end_provision(actor: Acting, people: Collection[int], to_entity: int, *, at: datetime | None = None) -> None:
    """The provision ends from now on."""
    params = {"root": actor.root_id, "people": list(people), "to_entity": to_entity, "at": at or clock.now()}
    db.raw().execute(sql.load("majung.consent", "ledger", "end_provision"), params)
    _record(actor, "consent.provision_ended", people, to_entity)


@transaction.atomic
def record_guardian(
    actor: Acting, person_id: int, notice: Notice, method: GuardianMethod, proof: Mapping[str, Any] | None = None
) -> None:
    """The legal guardian's verified consent for somebody under 14 is on record (PIP-07). Raises NotYours."""
    if notice.root_id != actor.root_id:
        raise NotYours()
    if notice.state != NoticeState.PUBLISHED:
        raise NoticeNotPublished()
    said = Said(how=How.STAFF, at=clock.now(), by=_by(actor), proof={**(proof or {}), "text": notice.text_hash})
    params = said.params() | {
        "root": actor.root_id,
        "person": person_id,
        "entity": notice.entity_id,
        "method": method,
        "notice": notice.pk,
    }
    db.raw().execute(sql.load("majung.consent", "ledger", "guardian"), params)
    _record(actor, "consent.guardian", [person_id], notice.entity_id)


def _owe(root_id: int, entity_id: int, kind: str, title: str, due_at: datetime, people: Collection[int]) -> None:
    activity.owe(
        root_id=root_id,
        unit_id=ledger.answering_unit(db.raw(), root_id, entity_id),
        kind=kind,
        due_at=due_at,
        title=title,
        people=sorted(people),
        object_kind="entity",
        object_id=entity_id,
    )


def _record(actor: Acting, kind: str, people: Collection[int], entity_id: int, **facts: object) -> None:
    one = next(iter(people)) if len(people) == 1 else None
    activity.write(
        actor,
        kind,
        person_id=one,
        object_kind="entity",
        object_id=entity_id,
        facts=facts,
        people=None if one is not None else sorted(people),
    )
