"""Verbs over sets: grants and refusals, what is owed after them, two-year checks, leaving, imports, the person's page."""

from datetime import date, datetime

import pytest
from django.test import RequestFactory

from majung.activity.models import Activity, Duty
from majung.consent import imports, ledger, person, queries, services
from majung.consent.enums import PATH_MEDIA, ConsentMedium, ConsentPurpose, How, NoticeState, RefusalPath
from majung.consent.errors import MediaDoNotFit, NoticeIncomplete, NoticeNotPublished
from majung.consent.models import ConsentEntry, ConsentState, Notice, Refusal
from majung.core import clock
from majung.core.clock import SEOUL
from majung.core.db import raw
from majung.core.errors import NotYours
from majung.people.imports.models import ImportFile
from majung.people.models import Person
from majung.tree.models import Unit
from tests.make import consent as make
from tests.make import tree

pytestmark = pytest.mark.django_db
SMS, AD, MAIL = ConsentMedium.SMS, ConsentMedium.KAKAO_AD, ConsentMedium.EMAIL
ADS = ConsentPurpose.ADVERTISING


def at(day: str, hour: int = 10) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=SEOUL)


@pytest.fixture
def made():
    return tree.organisation(depth=2)


def test_consent_is_given_on_a_published_notice_of_ones_own_by_its_own_media(made):
    [someone] = make.people(1, unit=made.top)
    other = tree.organisation()
    draft = services.write_notice(made.actor, made.top, "draft", make.words(ADS))
    notice = make.notice(made.actor, made.top, ADS, media=(SMS,))

    with pytest.raises(NoticeNotPublished):
        make.consent(made.actor, [someone], draft)
    with pytest.raises(MediaDoNotFit):
        make.consent(made.actor, [someone], notice, media=[AD])
    with pytest.raises(MediaDoNotFit):
        services.grant_consents(made.actor, [someone], notice, [], How.WEB)
    with pytest.raises(NotYours):
        make.consent(other.actor, [someone], notice)
    assert ConsentEntry.objects.count() == 0


def test_repeated_people_and_nobody_are_fine(made):
    people = make.people(2, unit=made.top)
    notice = make.notice(made.actor, made.top)

    assert make.consent(made.actor, [], notice) == 0
    assert make.consent(made.actor, [*people, *people, 2_000_000_000], notice) == 2


@pytest.mark.product("C4")
def test_the_result_of_an_advertising_consent_is_owed_within_14_days(made):
    people = make.people(2, unit=made.top)
    notice = make.notice(made.actor, made.top, ADS)

    for someone in people:
        make.consent(made.actor, [someone], notice, at=at("2026-03-02"))
    make.consent(made.actor, people, make.notice(made.actor, made.top), at=at("2026-03-02"))

    duty = Duty.objects.get()
    assert (duty.kind, duty.people, duty.unit_id) == ("consent.result.granted", people, made.top.pk)
    assert duty.due_at.astimezone(SEOUL) == datetime(2026, 3, 16, 23, 59, 59, tzinfo=SEOUL)


def test_withdrawing_needs_something_to_withdraw(made):
    people = make.people(2, unit=made.top)
    notice = make.notice(made.actor, made.top, ADS)
    make.consent(made.actor, people[:1], notice, media=[SMS])

    of_ads = services.withdraw(made.actor, people, made.entity.pk, ADS, (SMS,), How.STAFF)
    again = services.withdraw(made.actor, people, made.entity.pk, ADS, (SMS,), How.STAFF)
    of_service = services.withdraw(made.actor, people, made.entity.pk, ConsentPurpose.SERVICE, (), How.STAFF)

    assert (of_ads, again, of_service) == (people, [], [])
    assert not Refusal.objects.exists()


@pytest.mark.parametrize(("how", "path"), [(How.LINK, "link"), (How.WEB, "link"), (How.PHONE, "staff")])
def test_withdrawing_the_collection_refuses_everything_by_the_same_way(made, how, path):
    [someone] = make.people(1, unit=made.top)
    make.consent(made.actor, [someone], make.notice(made.actor, made.top))

    services.withdraw(made.actor, [someone], made.entity.pk, ConsentPurpose.SERVICE, (), how)

    assert list(Refusal.objects.values_list("person_id", "medium", "path")) == [(someone, "*", path)]
    assert Duty.objects.get(kind="consent.erase").people == [someone]


@pytest.mark.product("C2", "C4")
def test_an_entity_without_a_unit_can_be_refused_and_the_top_answers(made):
    [someone] = make.people(1, unit=made.top)
    old = tree.LegalEntity.objects.create(root=made.root, name="합당한 옛 시도당")

    one = services.refuse(made.root.pk, [someone], old.pk, (SMS,), RefusalPath.LINK)
    services.refuse_everything(made.root.pk, [someone], RefusalPath.LINK)

    refused = set(Refusal.objects.filter(person_id=someone).values_list("entity_id", "medium"))
    assert one == [someone]
    assert refused == {(old.pk, "SMS"), (old.pk, "*"), (made.entity.pk, "*")}
    assert set(Duty.objects.values_list("unit_id", flat=True)) == {made.top.pk}


def test_a_path_stops_the_media_that_share_it():
    assert set(PATH_MEDIA) == set(RefusalPath)
    assert PATH_MEDIA[RefusalPath.NUMBER_080] == (SMS, AD)
    assert PATH_MEDIA[RefusalPath.LINK] == (ConsentMedium.EVERY,)


def test_the_plain_ledger_refuses_without_django(made):
    people = make.people(3, unit=made.top)

    news = ledger.refuse(raw(), made.root.pk, people, made.entity.pk, ("SMS",), "block", at=clock.now())

    assert news == people
    assert set(Refusal.objects.values_list("person_id", flat=True)) == set(people)
    assert Duty.objects.get().people == people


def test_unknown_words_never_reach_the_ledger(made):
    [someone] = make.people(1, unit=made.top)

    with pytest.raises(Exception, match="medium"):
        ledger.refuse(raw(), made.root.pk, [someone], made.entity.pk, ("FAX",), "link", at=clock.now())


def test_two_year_checks_are_owed_a_month_ahead(made):
    soon, late, far, gone = make.people(4, unit=made.top)
    notice = make.notice(made.actor, made.top, ADS)
    for someone, day in ((soon, "2024-12-01"), (late, "2024-10-01"), (far, "2025-12-01"), (gone, "2024-12-01")):
        make.consent(made.actor, [someone], notice, media=[SMS], at=at(day))
    services.withdraw(made.actor, [gone], made.entity.pk, ADS, (SMS,), How.LINK)
    Duty.objects.all().delete()

    for _ in range(2):
        services.owe_checks(made.root.pk, date(2026, 11, 21))
    duty = Duty.objects.get()
    services.confirm_checked(made.actor, duty.people, made.entity.pk, ADS, [SMS], at=at("2026-11-21"))
    Duty.objects.all().delete()
    services.owe_checks(made.root.pk, date(2026, 11, 22))

    assert (duty.kind, duty.people) == ("consent.check.advertising.SMS", sorted([soon, late]))
    assert duty.due_at.astimezone(SEOUL).date() == date(2026, 9, 30)
    assert not Duty.objects.exists()
    assert set(ConsentState.objects.filter(person_id__in=[soon, late]).values_list("checked_on", flat=True)) == {
        date(2026, 11, 21)
    }


@pytest.mark.product("C2")
def test_leaving_withdraws_what_belonged_to_membership_and_owes_the_certificate(made):
    [member] = make.people(1, unit=made.top)
    make.members([member], unit=made.top)
    for purpose in (ConsentPurpose.SENSITIVE, ConsentPurpose.SERVICE):
        make.consent(made.actor, [member], make.notice(made.actor, made.top, purpose), at=at("2026-01-01"))

    services.leave(made.actor, [member], made.entity.pk, at=at("2026-11-21"))

    [[state]] = raw().execute("SELECT state FROM membership WHERE person_id = %s", [member]).fetchall()
    in_force = {s.purpose for s in ConsentState.objects.filter(person_id=member) if s.is_in_force}
    duty = Duty.objects.get(kind="consent.left")
    assert (state, in_force, duty.people) == (3, {"service"}, [member])
    assert duty.due_at.astimezone(SEOUL).date() == date(2026, 11, 23)


def test_notices_of_a_form_are_the_nearest_of_the_same_entity(made):
    district = made.units[1]
    far = make.notice(made.actor, made.top)
    near = make.notice(made.actor, district)
    only_far = make.notice(made.actor, made.top, ADS)
    other = tree.LegalEntity.objects.create(root=made.root, name="다른 법인")
    stranger = made.units[2]
    Unit.objects.filter(pk=stranger.pk).update(entity=other)
    stranger.refresh_from_db()

    assert queries.published_for(district) == {ConsentPurpose.SERVICE: near, ADS: only_far}
    assert queries.published_for(made.top) == {ConsentPurpose.SERVICE: far, ADS: only_far}
    assert queries.published_for(stranger) == {}


def source(made, notice, **columns) -> ImportFile:
    given = {"media": ["SMS"], "notice_ids": [notice.pk], "evidence": "행사 신청서", "obtained_on": date(2025, 5, 1)}
    return ImportFile.objects.create(
        root=made.root,
        unit=made.top,
        file_name="a.csv",
        size_bytes=1,
        header=[],
        fingerprint="x",
        **{**given, **columns},
    )


@pytest.mark.product("F2", "C2")
def test_an_import_says_what_its_people_agreed_to_and_takes_it_back(made):
    fresh, before = make.people(2, unit=made.top)
    ads = make.notice(made.actor, made.top, ADS)
    make.consent(made.actor, [before], ads, media=[SMS], at=at("2025-01-01"))
    brought = source(made, ads)

    offered = imports.grounds(made.actor, made.top)
    imports.applied(made.actor, brought, [fresh, before])
    state = ConsentState.objects.get(person_id=fresh)
    entry = ConsentEntry.objects.get(person_id=fresh)
    imports.undone(made.actor, brought, [fresh, before])

    assert [(ground.notice_id, set(ground.media)) for ground in offered] == [(ads.pk, {"SMS", "KAKAO_AD", "EMAIL"})]
    assert (state.granted_on, state.medium) == (date(2025, 5, 1), "SMS")
    assert entry.proof == {"import": brought.pk, "evidence": "행사 신청서", "text": ads.text_hash}
    assert not ConsentState.objects.get(person_id=fresh).is_in_force
    assert ConsentState.objects.get(person_id=before).is_in_force


def test_undoing_an_import_leaves_what_was_agreed_to_on_the_same_day(made):
    [someone] = make.people(1, unit=made.top)
    notice = make.notice(made.actor, made.top)
    brought = source(made, notice, media=[], obtained_on=date(2025, 5, 1))
    make.consent(made.actor, [someone], notice, at=at("2025-05-01", 8))
    imports.applied(made.actor, brought, [someone])

    imports.undone(made.actor, brought, [someone])

    assert ConsentState.objects.get(person_id=someone).is_in_force


def test_an_import_without_the_notices_media_grants_nothing(made):
    [someone] = make.people(1, unit=made.top)
    notice = make.notice(made.actor, made.top, ADS, media=(MAIL,))

    imports.applied(made.actor, source(made, notice), [someone])

    assert not ConsentEntry.objects.exists()


def test_the_persons_page_tells_both_ledgers(made):
    [number] = make.people(1, unit=made.top)
    make.consent(made.actor, [number], make.notice(made.actor, made.top, ADS), media=[SMS], at=at("2026-01-01"))
    services.refuse(made.root.pk, [number], made.entity.pk, (SMS,), RefusalPath.NUMBER_080, at=at("2026-02-01"))
    someone = Person.objects.get(pk=number)

    told = [(event.title, event.note) for event in person.events(made.actor, someone, 10)]
    request = RequestFactory().get("/people/1/")
    request.actor, request.user, request.session = made.actor, made.owner, {}
    panel = person.panel(request, someone)

    assert told == [
        ("광고성 정보 수신 · 문자 · 동의", f"{made.entity.name} · 웹 화면"),
        ("문자 · 거부", f"{made.entity.name} · 무료수신거부 전화"),
    ]
    assert "받지 않음" in panel
    assert "<c-" not in panel


def test_every_act_is_one_activity_and_no_text_of_people(made):
    people = make.people(2, unit=made.top)
    notice = make.notice(made.actor, made.top, ADS)
    make.consent(made.actor, people, notice, media=[SMS])
    services.withdraw(made.actor, people[:1], made.entity.pk, ADS, (SMS,), How.STAFF)

    kinds = list(Activity.objects.order_by("seq").values_list("kind", "person_id", "people"))

    assert kinds == [
        ("consent.notice_published", None, None),
        ("consent.granted", None, people),
        ("consent.withdrawn", people[0], None),
    ]


def test_versions_retire_each_other(made):
    first = make.notice(made.actor, made.top)
    second = services.publish_notice(made.actor, services.draft_next(made.actor, first))
    same = services.draft_next(made.actor, second)

    assert services.draft_next(made.actor, second) == same
    assert list(Notice.objects.order_by("version").values_list("version", "state")) == [
        (1, NoticeState.RETIRED), (2, NoticeState.PUBLISHED), (3, NoticeState.DRAFT),
    ]  # fmt: skip
    assert second.text_hash != first.text_hash


def test_a_provision_notice_names_the_recipient(made):
    draft = services.write_notice(
        made.actor, made.top, "give", make.words(ConsentPurpose.PROVISION, recipients_text="")
    )

    with pytest.raises(NoticeIncomplete) as refusal:
        services.publish_notice(made.actor, draft)

    assert "제공받는 자" in str(refusal.value)


def test_deals_keep_the_latest_day(made):
    [someone] = make.people(1, unit=made.top)
    for day in (date(2026, 3, 1), date(2026, 1, 1)):
        services.record_deals(made.actor, made.entity.pk, "coffee", {someone: day}, is_direct=True)

    [[ended]] = raw().execute("SELECT ended_on FROM deal").fetchall()
    assert ended == date(2026, 3, 1)
