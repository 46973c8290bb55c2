"""What the database itself promises about consent: ledgers only grow, states follow, the crowd hears."""

from datetime import date, datetime, timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from majung.consent import services
from majung.consent.enums import ConsentMedium, ConsentPurpose, How, RefusalPath
from majung.consent.models import ConsentEntry, ConsentState, Notice, Refusal, RefusalEntry
from majung.core.clock import SEOUL
from majung.core.db import raw
from majung.policy import times
from tests.make import consent as make
from tests.make import tree

pytestmark = pytest.mark.django_db
SMS, AD = ConsentMedium.SMS, ConsentMedium.KAKAO_AD
DAYS = st.dates(date(2010, 1, 1), date(2060, 12, 31))


def at(year: int, month: int, day: int, hour: int = 10) -> datetime:
    return datetime(year, month, day, hour, tzinfo=SEOUL)


def changes() -> list[tuple[str, int | None, list[int] | None]]:
    rows = raw().execute("SELECT family, subject, people FROM crowd_change ORDER BY seq").fetchall()
    raw().execute("DELETE FROM crowd_change")
    return rows


@pytest.mark.product("C2")
@pytest.mark.parametrize("table", ["consent_entry", "refusal_entry"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET at = now()", "DELETE FROM {}"])
def test_ledgers_only_grow(table, statement):
    made = tree.organisation()
    [person] = make.people(1, unit=made.top)
    make.consent(made.actor, [person], make.notice(made.actor, made.top))
    services.refuse(made.root.pk, [person], made.entity.pk, (SMS,), RefusalPath.STAFF)

    with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
        connection.cursor().execute(statement.format(table))


def test_state_follows_grant_withdrawal_and_new_grant():
    made = tree.organisation()
    [person] = make.people(1, unit=made.top)
    notice = make.notice(made.actor, made.top, ConsentPurpose.ADVERTISING)

    make.consent(made.actor, [person], notice, media=[SMS], at=at(2026, 1, 1))
    make.consent(made.actor, [person], notice, media=[SMS], at=at(2026, 5, 1))
    repeated = ConsentState.objects.get(person_id=person)
    services.withdraw(
        made.actor, [person], made.entity.pk, ConsentPurpose.ADVERTISING, (SMS,), How.LINK, at=at(2026, 6, 1)
    )
    withdrawn = ConsentState.objects.get(person_id=person)
    make.consent(made.actor, [person], notice, media=[SMS], at=at(2026, 7, 1))
    anew = ConsentState.objects.get(person_id=person)

    assert (repeated.granted_on, repeated.due_on, repeated.is_in_force) == (date(2026, 1, 1), date(2028, 1, 1), True)
    assert (withdrawn.withdrawn_at, withdrawn.is_in_force) == (at(2026, 6, 1), False)
    assert (anew.granted_on, anew.due_on, anew.withdrawn_at) == (date(2026, 7, 1), date(2028, 7, 1), None)
    assert ConsentEntry.objects.filter(person_id=person).count() == 4


def test_old_news_does_not_undo_newer():
    made = tree.organisation()
    [person] = make.people(1, unit=made.top)
    notice = make.notice(made.actor, made.top, ConsentPurpose.ADVERTISING)
    make.consent(made.actor, [person], notice, media=[SMS], at=at(2026, 6, 2))

    services.withdraw(
        made.actor, [person], made.entity.pk, ConsentPurpose.ADVERTISING, (SMS,), How.STAFF, at=at(2026, 6, 1)
    )
    services.refuse(made.root.pk, [person], made.entity.pk, (SMS,), RefusalPath.LINK, at=at(2026, 6, 3))
    services.clear_refusal(made.root.pk, [person], made.entity.pk, (SMS,), RefusalPath.LINK, at=at(2026, 6, 4))
    services.refuse(made.root.pk, [person], made.entity.pk, (SMS,), RefusalPath.NUMBER_080, at=at(2026, 6, 3, 9))

    assert ConsentState.objects.get(person_id=person).is_in_force
    assert not Refusal.objects.filter(person_id=person).exists()
    assert RefusalEntry.objects.filter(person_id=person).count() == 3


def test_a_check_sent_in_between_hides_no_withdrawal():
    made = tree.organisation()
    [person] = make.people(1, unit=made.top)
    notice = make.notice(made.actor, made.top, ConsentPurpose.ADVERTISING)
    ads = made.entity.pk, ConsentPurpose.ADVERTISING, (SMS,)
    make.consent(made.actor, [person], notice, media=[SMS], at=at(2024, 6, 2))

    services.confirm_checked(made.actor, [person], *ads, at=at(2026, 6, 1))
    services.withdraw(made.actor, [person], *ads, How.PAPER, at=at(2026, 5, 31))

    state = ConsentState.objects.get(person_id=person)
    assert (state.checked_on, state.withdrawn_at) == (date(2026, 6, 1), at(2026, 5, 31))


def test_refusing_twice_is_one_entry():
    made = tree.organisation()
    [person] = make.people(1, unit=made.top)

    first = services.refuse(made.root.pk, [person], made.entity.pk, (SMS, AD), RefusalPath.NUMBER_080)
    second = services.refuse(made.root.pk, [person], made.entity.pk, (SMS, AD), RefusalPath.NUMBER_080)

    assert (first, second) == ([person], [])
    assert sorted(RefusalEntry.objects.values_list("medium", flat=True)) == ["KAKAO_AD", "SMS"]


def test_people_of_another_root_are_left_alone():
    made, other = tree.organisation(), tree.organisation()
    [stranger] = make.people(1, unit=other.top)

    refused = services.refuse(made.root.pk, [stranger], made.entity.pk, (SMS,), RefusalPath.STAFF)
    agreed = make.consent(made.actor, [stranger], make.notice(made.actor, made.top))

    assert (refused, agreed) == ([], 0)
    assert not ConsentEntry.objects.filter(person_id=stranger).exists()


def test_two_words_on_one_thing_in_one_statement_are_refused():
    made = tree.organisation()
    [person] = make.people(1, unit=made.top)

    with pytest.raises(psycopg.Error, match="second time"), transaction.atomic():
        raw().execute(
            """INSERT INTO consent_entry (person_id, root_id, entity_id, purpose, medium, act, how, at, actor_kind)
               SELECT %s, %s, %s, 'advertising', 'SMS', 'withdrawn', 'staff', now(), 'system' FROM generate_series(1, 2)""",
            [person, made.root.pk, made.entity.pk],
        )


@pytest.mark.product("C1")
@pytest.mark.parametrize(
    "change", ["title = 'x'", "text_hash = 'x'", "media = '{SMS}'", "state = 'draft'", "version = 9"]
)
def test_a_published_notice_stands_in_the_database(change):
    made = tree.organisation()
    notice = make.notice(made.actor, made.top)

    for statement in (f"UPDATE consent_notice SET {change} WHERE id = %s", "DELETE FROM consent_notice WHERE id = %s"):
        with pytest.raises(DatabaseError, match="stands"), transaction.atomic():
            connection.cursor().execute(statement, [notice.pk])

    assert Notice.objects.get(pk=notice.pk).digest() == notice.text_hash


def test_the_crowd_hears_of_every_change():
    made = tree.organisation()
    people = make.people(3, unit=made.top)
    notice = make.notice(made.actor, made.top, ConsentPurpose.ADVERTISING)
    changes()

    make.consent(made.actor, people, notice, media=[SMS])
    granted = changes()
    services.refuse(made.root.pk, people[:2], made.entity.pk, (AD,), RefusalPath.BLOCK)
    refused = changes()
    services.clear_refusal(made.root.pk, people[:1], made.entity.pk, (AD,), RefusalPath.LINK)
    cleared = changes()
    services.record_deals(made.actor, made.entity.pk, "coffee", {people[0]: date(2026, 1, 1)}, is_direct=True)
    dealt = changes()

    def named(rows):
        return [(family, subject, sorted(who or [])) for family, subject, who in rows]

    assert named(granted) == [("consent", made.entity.pk, people)]
    assert named(refused) == [("refused", made.entity.pk, people[:2])]
    assert named(cleared) == [("refused", made.entity.pk, people[:1])]
    assert named(dealt) == [("deal", made.entity.pk, people[:1])]


@pytest.mark.product("C4")
@given(granted=DAYS, after=st.integers(0, 4000) | st.none())
def test_due_day_is_the_same_in_python_and_in_the_database(granted, after):
    checked = None if after is None else granted + timedelta(days=after)

    [found] = raw().execute("SELECT consent_due(%s::date, %s::date)", [granted, checked]).fetchone()

    assert found == times.due_on(granted, checked)
    assert found > (checked or granted)
