"""The first page and the one search: in sight only, rounded for the blind, numbers in no address (T5, X7)."""

import pytest
from django.conf import settings
from django.test import Client

from majung.activity import services as activity
from majung.core import clock
from majung.people import vault
from majung.tree.enums import Role
from tests.make import people as make_people
from tests.make import tree as make

pytestmark = pytest.mark.django_db


def signed_in(user: object) -> Client:
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])  # type: ignore[arg-type]
    return client


def test_visitor_is_led_to_the_first_start_then_to_sign_in() -> None:
    assert Client().get("/").headers["Location"] == "/start/"
    make.organisation()
    assert "/accounts/login/" in Client().get("/").headers["Location"]


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.BLIND_SENDER, Role.VIEWER, Role.PRIVACY_OFFICER, Role.WRITER])
def test_every_role_has_a_first_page(role: Role) -> None:
    o = make.organisation(depth=3)
    page = signed_in(make.lent(o, o.top, role=role).user).get("/")
    assert page.status_code == 200
    assert "<c-" not in page.content.decode()


def test_somebody_to_whom_nothing_is_lent_is_told_so() -> None:
    make.organisation()
    page = signed_in(make.user()).get("/")
    assert (page.status_code, "빌린 권한이 없습니다" in page.content.decode()) == (403, True)


def test_search_finds_what_is_in_sight_only() -> None:
    o, other = make.organisation(depth=2), make.organisation()
    first, sister = o.children(o.top)[:2]
    for unit, name in ((first, "내곁 조직"), (sister, "자매 조직"), (other.top, "남의 조직")):
        type(unit).objects.filter(pk=unit.pk).update(name=name)
    found = signed_in(make.lent(o, first).user).post("/search/", {"q": "조직"}).content.decode()
    assert "내곁 조직" in found
    assert "자매 조직" not in found
    assert "남의 조직" not in found


def test_a_number_is_looked_up_without_standing_in_an_address() -> None:
    o = make.organisation()
    number = make_people.person(unit=o.top, name="홍길동", mobile="01001234567")
    answer = signed_in(o.owner).post("/search/", {"q": "010-0123-4567"})
    assert answer.headers["Location"] == f"/people/{number}/"
    assert vault.broken(o.root.pk) == []


def test_a_duty_is_ticked_by_who_manages_its_unit() -> None:
    o, other = make.organisation(depth=2), make.organisation()
    first, sister = o.children(o.top)[:2]
    number = activity.owe(
        root_id=o.root.pk, unit_id=first.pk, kind="test.duty", due_at=clock.now(), title="열쇠 복사하기"
    )
    url = f"/duties/{number}/done/"
    assert "열쇠 복사하기" in signed_in(o.owner).get("/").content.decode()
    for stranger in (other.owner, make.lent(o, sister).user):
        assert signed_in(stranger).post(url).status_code == 404
    assert signed_in(make.lent(o, first, role=Role.VIEWER).user).post(url).status_code == 403
    assert signed_in(make.lent(o, first).user).post(url).status_code == 302
    assert "열쇠 복사하기" not in signed_in(o.owner).get("/").content.decode().partition("오늘 할 일")[2]


def test_who_works_for_two_organisations_finds_the_way_between_them() -> None:
    here, there = make.organisation(), make.organisation()
    client = signed_in(here.owner)
    assert "다른 단체로" not in client.get("/").content.decode()

    make.grant(here.owner, there.top, parent=there.owner_grant)

    assert 'href="/organisations/"' in client.get("/").content.decode()


def test_who_sees_no_messages_is_not_told_that_there_are_none() -> None:
    o = make.organisation()
    officer = signed_in(make.lent(o, o.top, role=Role.PRIVACY_OFFICER).user).get("/").content.decode()
    viewer = signed_in(make.lent(o, o.top, role=Role.VIEWER).user).get("/").content.decode()

    assert "요즘 메시지" not in officer
    assert "요즘 메시지" in viewer
