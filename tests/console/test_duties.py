"""A duty's page: what to do in plain words, whom to tell, numbers that are logged, and a tick that leaves proof (C3)."""

from datetime import timedelta

import pytest
from django.test import Client

from majung.activity.models import Activity, Duty
from majung.consent import services as consent
from majung.consent.enums import ConsentMedium, ConsentPurpose, How
from majung.consent.models import ConsentEntry
from majung.core import clock
from majung.people import vault
from majung.people.models import AccessEntry
from majung.tree.actor import Actor
from majung.tree.enums import Role
from tests.make import consent as make_consent
from tests.make import people as make_people
from tests.make import tree
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("C3", "O7"), pytest.mark.django_db]


def client_of(actor: Actor) -> Client:
    client = Client()
    assert actor.user is not None
    client.force_login(actor.user)
    return client


@pytest.fixture
def made() -> Organised:
    return tree.organisation(depth=2, width=2)


def withdrawn(made: Organised, count: int = 1) -> Duty:
    """Some people withdrew their consent to advertising; what is owed for it."""
    numbers = [make_people.person(unit=made.top, name="홍길동") for _ in range(count)]
    notice = make_consent.notice(made.actor, made.top, ConsentPurpose.ADVERTISING)
    make_consent.consent(made.actor, numbers, notice)
    consent.withdraw(
        made.actor, numbers, made.top.entity_id, ConsentPurpose.ADVERTISING, [ConsentMedium.SMS], How.STAFF
    )
    return Duty.objects.get(kind="consent.result.withdrawn")


def test_a_result_notice_is_told_by_hand_and_ticked_with_proof(made: Organised) -> None:
    duty = withdrawn(made, 2)
    client = client_of(made.actor)

    page = client.get(f"/duties/{duty.pk}/").content.decode()
    bare = client.post(f"/duties/{duty.pk}/done/", {"seen": "2"}, follow=True).content.decode()
    named = client.post(f"/duties/{duty.pk}/done/", {"seen": "2", "how": "010-1234-5678로"}, follow=True)
    done = client.post(f"/duties/{duty.pk}/done/", {"seen": "2", "how": "대행사 화면에서 문자로"})

    assert "저절로 보내지 않습니다" in page
    assert f"[{made.top.entity.name}] {clock.today().isoformat()} 광고성 정보 수신동의 철회를 접수해" in page
    assert "정보통신망법 제50조 제7항" in page
    assert page.count("홍*동") == 2
    assert "어떻게 알렸는지" in bare
    assert "전화번호나 긴 번호를 적지 마세요" in named.content.decode()
    assert done.headers["Location"] == "/"
    duty.refresh_from_db()
    assert duty.done_at is not None
    assert Activity.objects.get(kind="console.duty_done").facts["how"] == "대행사 화면에서 문자로"
    assert "이미 마쳤다고" in client.get(f"/duties/{duty.pk}/").content.decode()


def test_who_joined_meanwhile_is_not_ticked_away(made: Organised) -> None:
    duty = withdrawn(made)
    Duty.objects.filter(pk=duty.pk).update(people=[*(duty.people or []), 999])

    answer = client_of(made.actor).post(f"/duties/{duty.pk}/done/", {"seen": "1", "how": "문자로"}, follow=True)

    assert "그사이 알릴 사람이 늘었습니다" in answer.content.decode()
    duty.refresh_from_db()
    assert duty.done_at is None


def test_a_two_year_check_done_by_hand_counts_as_a_check(made: Organised) -> None:
    person = make_people.person(unit=made.top)
    notice = make_consent.notice(made.actor, made.top, ConsentPurpose.ADVERTISING)
    make_consent.consent(made.actor, [person], notice, at=clock.now() - timedelta(days=720))
    assert consent.owe_checks(made.root.pk, clock.today()) > 0
    client = client_of(made.actor)

    for duty in Duty.objects.filter(kind__startswith="consent.check."):
        assert "정보통신망법 제50조 제8항" in client.get(f"/duties/{duty.pk}/").content.decode()
        assert client.post(f"/duties/{duty.pk}/done/", {"seen": "1", "how": "우편으로"}).headers["Location"] == "/"

    checked = ConsentEntry.objects.filter(person_id=person, act="confirmed")
    assert checked.exists()
    assert checked.first().proof["how"] == "우편으로"
    assert consent.owe_checks(made.root.pk, clock.today()) == 0


def test_numbers_leave_in_a_file_with_a_line_in_the_log_each(made: Organised) -> None:
    duty = withdrawn(made, 3)
    client = client_of(made.actor)

    answer = client.post(f"/duties/{duty.pk}/people/", {"from": "0"})
    lines = answer.content.decode("utf-8-sig").splitlines()
    rest = client.post(f"/duties/{duty.pk}/people/", {"from": "2"})

    assert lines[0] == "사람 번호,이름,휴대전화"
    assert [line.split(",")[1] for line in lines[1:]] == ["홍길동"] * 3
    assert len(rest.content.decode("utf-8-sig").splitlines()) == 2
    opened = AccessEntry.objects.filter(what__startswith="people.reveal")
    assert sorted(opened.values_list("person_id", flat=True))[::1] == sorted(
        [*(duty.people or []), (duty.people or [])[2]]
    )
    assert {entry.why for entry in opened} == {"할 일: 수신동의 철회 처리 결과 알리기"}
    assert vault.broken(made.root.pk) == []


@pytest.mark.parametrize(
    ("role", "sees_people", "takes", "ticks"),
    [
        (Role.WRITER, True, 403, 403),
        (Role.VIEWER, False, 403, 403),
        (Role.BLIND_SENDER, False, 403, 403),
        (Role.PRIVACY_OFFICER, True, 200, 403),
    ],
)
def test_what_each_role_gets(made: Organised, role: Role, sees_people: bool, takes: int, ticks: int) -> None:
    duty = withdrawn(made, 13)
    client = client_of(tree.lent(made, made.top, role=role))

    page = client.get(f"/duties/{duty.pk}/").content.decode()

    assert ("홍*동" in page) is sees_people
    assert ("약 10명" in page) is (not sees_people)  # who meets no people knows tens
    assert client.post(f"/duties/{duty.pk}/people/").status_code == takes
    assert client.post(f"/duties/{duty.pk}/done/", {"seen": "13", "how": "문자로"}).status_code == ticks


def test_only_people_in_reach_are_shown_and_taken(made: Organised) -> None:
    """The duty of the own unit may be about people of a sister: they stay out of sight (T2)."""
    mine = make_people.person(unit=made.units[1], name="가나다")
    theirs = make_people.person(unit=made.units[2], name="라마바")
    duty = Duty.objects.create(
        root_id=made.root.pk, unit_id=made.units[1].pk, kind="consent.left", title="탈당", due_at=clock.now(),
        people=[mine, theirs], object_kind="entity", object_id=made.top.entity_id,
    )  # fmt: skip
    client = client_of(tree.lent(made, made.units[1]))

    page = client.get(f"/duties/{duty.pk}/").content.decode()
    file = client.post(f"/duties/{duty.pk}/people/").content.decode("utf-8-sig")

    assert "가*다" in page
    assert "라*바" not in page
    assert "가나다" in file
    assert "라마바" not in file
