"""The pages about people: what each place in the tree sees, byte for byte; masked until opened, and every look logged."""

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from majung.core import clock
from majung.people import services, timeline
from majung.people.models import AccessEntry, Person, Tag
from majung.tree.enums import Role
from tests.make import consent, people, tree
from tests.people.conftest import Place

pytestmark = pytest.mark.django_db

NAMES = ("가람이", "나루이", "다래이", "라온이", "마루이", "바다이")
NUMBERS = re.compile(r"0?10[\s.-]?\d{4}[\s.-]?\d{4}")


@pytest.fixture
def client(place: Place) -> Client:
    return signed_in(place, Role.OPERATOR)


def signed_in(place: Place, role: Role, *, at: Any = None, subtree: bool = True) -> Client:
    actor = tree.lent(place.made, at or place.branch, role=role, covers_subtree=subtree)
    client = Client()
    client.force_login(actor.user)
    return client


def url(name: str, *args: Any) -> str:
    return reverse(f"people:{name}", args=args)


def text(response: Any) -> str:
    return str(response.content.decode())


def linked(response: Any) -> set[int]:
    return {int(number) for number in re.findall(r'href="/people/(\d+)/"', text(response))}


@pytest.mark.product("X1", "T1")
def test_who_is_seen_by_a_consent_alone_tells_nothing_of_their_unit(place: Place, client: Client) -> None:
    consent.consent(place.made.actor, [place.sister], consent.notice(place.made.actor, place.branch))

    pages = [text(client.get(url("list"))), text(client.get(url("person", place.sister)))]

    assert place.sister in linked(client.get(url("list")))
    assert [place.sister_branch.name in page for page in pages] == [False, False]
    assert ["다른 조직" in page for page in pages] == [True, True]


@pytest.mark.product("F1", "X1")
def test_list_shows_own_people_masked(place: Place, client: Client) -> None:
    response = client.get(url("list"))
    assert linked(response) == {place.own, place.below}
    assert not NUMBERS.search(text(response))
    assert not any(name in text(response) for name in NAMES)
    assert "가*이" in text(response)
    assert "010-****-2222" in text(response)
    assert "2명" in text(response)
    assert "<c-" not in text(response)


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.OPERATOR, 200), (Role.WRITER, 200), (Role.BLIND_SENDER, 403), (Role.VIEWER, 403)],
)
def test_list_is_closed_to_whom_people_are_hidden(place: Place, role: Role, status: int) -> None:
    if role is Role.OWNER:
        client = Client()
        client.force_login(place.made.owner)
    else:
        client = signed_in(place, role)
    response = client.get(url("list"))
    assert response.status_code == status
    assert client.post(url("find"), {"q": "가람이"}).status_code == (302 if status == 200 else 403)


def test_a_visitor_signs_in_first(place: Place) -> None:
    for address in (url("list"), url("person", place.own), url("access_log")):
        assert Client().get(address).status_code == 302


PAGES = ["person"]
ACTS = ["reveal", "close", "home", "put_tag", "take_tag", "processing", "erase"]


@pytest.mark.product("X1", "T5")
@pytest.mark.parametrize("name", [*PAGES, *ACTS])
@pytest.mark.parametrize("role", [Role.OPERATOR, Role.WRITER, Role.BLIND_SENDER, Role.VIEWER])
def test_who_is_out_of_sight_looks_like_nobody(place: Place, name: str, role: Role) -> None:
    """Sister, above, other root, homeless, erased, never there: the same status and the same bytes."""
    gone = people.person(unit=place.branch, name="사라진이")
    services.erase(place.operator, [gone], why="동의 철회")
    client = signed_in(place, role)
    client.cookies["theme"] = "x"
    call = client.get if name in PAGES else client.post
    nobody = call(url(name, 2_000_000_000), headers={"X-Request-Id": "00000000"})
    assert nobody.status_code == 404
    hidden = [place.sister, place.top, place.foreign, place.homeless, gone, 0, 10**30]
    if role in (Role.BLIND_SENDER, Role.VIEWER):
        hidden += [place.own, place.below]
    for number in hidden:
        answer = call(url(name, number), headers={"X-Request-Id": "00000000"})
        assert (answer.status_code, answer.content) == (404, nobody.content), number


@pytest.mark.parametrize("name", ACTS)
def test_in_sight_without_the_right_is_forbidden(place: Place, name: str) -> None:
    expected = {"close": 302}.get(name, 403)
    assert signed_in(place, Role.WRITER).post(url(name, place.own)).status_code == expected
    assert Person.objects.get(pk=place.own).state == 1


@pytest.mark.product("F6")
def test_person_page_is_masked_and_logged(place: Place, client: Client) -> None:
    services.put_tag(place.operator, [place.own], services.make_tag(place.operator, "자원봉사"))
    response = client.get(url("person", place.own))
    body = text(response)
    assert response.status_code == 200
    assert "가람이" not in body
    assert "가*이" in body
    assert not NUMBERS.search(body)
    assert "처음 들어옴" in body
    assert "꼬리표를 붙임" in body
    assert response["Cache-Control"] == "no-store"
    entry = AccessEntry.objects.filter(root_id=place.root, what="people.view").get()
    assert (entry.person_id, entry.address) == (place.own, "127.0.0.1")


@pytest.mark.product("X2")
def test_opening_takes_a_reason_lasts_ten_minutes_and_is_logged_each_time(place: Place, client: Client) -> None:
    answer = client.post(url("reveal", place.own), {"reason": "1", "note": "열람 청구 R-12 답변"})
    assert (answer.status_code, answer["Location"]) == (302, url("person", place.own))
    body = text(opened := client.get(url("person", place.own)))
    assert "가람이" in body
    assert "010-1111-2222" in body
    assert int(opened["Refresh"].partition(";")[0]) <= 600
    assert "가람이" not in text(client.get(url("list")))
    assert "나루이" not in text(client.get(url("person", place.below)))
    whys = AccessEntry.objects.filter(root_id=place.root, what__startswith="people.reveal").values_list(
        "why", flat=True
    )
    assert list(whys) == ["본인 요청에 답하기: 열람 청구 R-12 답변"] * 2
    with clock.frozen(clock.now() + timedelta(minutes=10, seconds=1)):
        assert "가람이" not in text(client.get(url("person", place.own)))
    assert "가람이" in text(client.get(url("person", place.own)))
    assert client.post(url("close", place.own)).status_code == 302
    assert "가람이" not in text(client.get(url("person", place.own)))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "까닭을 골라 주세요"),
        ({"reason": "1"}, "어떤 일 때문인지"),
        ({"reason": "9", "note": "시험"}, "까닭"),
        ({"reason": "1", "note": "010-1111-2222"}, "전화번호"),
        ({"reason": "1", "note": "가람이 님 요청"}, "이름을 적지 마세요"),
        ({"reason": "1", "note": "가" * 500}, ""),
    ],
)
def test_a_poor_reason_opens_nothing(place: Place, client: Client, body: dict[str, str], sentence: str) -> None:
    answer = client.post(url("reveal", place.own), body)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert "11112222" not in text(answer)
    assert not AccessEntry.objects.filter(root_id=place.root, what__startswith="people.reveal").exists()


def test_reveal_ends_with_the_grant(place: Place, client: Client) -> None:
    client.post(url("reveal", place.own), {"reason": "1", "note": "열람 청구"})
    services.set_home(place.made.actor, [place.own], place.sister_branch)
    assert client.get(url("person", place.own)).status_code == 404


@pytest.mark.product("F3", "X1")
@pytest.mark.parametrize("question", ["010-1111-2222", "+82 10 1111 2222", "가람이"])
def test_find_leads_to_the_person_without_a_trace_of_the_question(
    place: Place, client: Client, question: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = client.post(url("find"), {"q": question})
    assert answer["Location"] == url("person", place.own)
    assert question not in caplog.text
    assert "11112222" not in caplog.text
    assert client.get(url("list"), {"q": question})["Location"] == url("person", place.own)


@pytest.mark.parametrize("question", ["010-3333-4444", "다래이", "마루이", "%", "가람", "'; --", "\x00", "😀" * 20])
def test_find_finds_nobody_beside(place: Place, client: Client, question: str) -> None:
    answer = client.post(url("find"), {"q": question}, follow=True)
    assert answer.status_code == 200
    assert linked(answer) in (set(), {place.own, place.below})
    assert "다*이" not in text(answer)


def test_find_of_several_keeps_to_the_session(place: Place, client: Client) -> None:
    twin = people.person(unit=place.branch, name="가람이")
    answer = client.post(url("find"), {"q": "가람이"}, follow=True)
    assert linked(answer) == {place.own, twin}
    services.set_home(place.made.actor, [twin], place.sister_branch)
    assert linked(client.get(url("list"), {"found": "1"})) == {place.own}
    assert linked(Client().get(url("list"), {"found": "1"})) == set()


def test_a_long_question_is_refused(client: Client) -> None:
    assert client.post(url("find"), {"q": "가" * 81}).status_code == 422


@pytest.mark.product("F3")
def test_list_is_narrowed(place: Place, client: Client) -> None:
    tag = services.make_tag(place.operator, "자원봉사")
    services.put_tag(place.operator, [place.own], tag)
    leaf = place.made.units[3]
    young = people.person(unit=leaf, birth_ym=clock.today().year * 100 - 1300 + 1, gender=2)
    assert linked(client.get(url("list"), {"unit": str(leaf.public_id)})) == {place.below, young}
    assert linked(client.get(url("list"), {"tag": str(tag.pk)})) == {place.own}
    assert linked(client.get(url("list"), {"gender": "2", "age": "0"})) == {young}
    services.set_processing(place.operator, [place.own], stopped=True)
    assert linked(client.get(url("list"), {"state": "stopped"})) == {place.own}
    partial = text(client.get(url("list"), {"state": "stopped"}, headers={"HX-Request": "true"}))
    assert "<html" not in partial
    assert partial.strip().startswith('<div id="people">')


@pytest.mark.parametrize(
    "query",
    [
        {"unit": "sister"}, {"unit": "foreign"}, {"unit": "00000000-0000-0000-0000-000000000000"}, {"unit": "x"},
        {"tag": "foreign"},
        {"gender": "9"}, {"age": "33"}, {"state": "'"}, {"district": "없음"},
    ],
)  # fmt: skip
def test_filters_of_others_look_like_nonsense(place: Place, client: Client, query: dict[str, str]) -> None:
    foreign = Person.objects.get(pk=place.foreign)
    values = {
        "sister": str(place.sister_branch.public_id),
        "foreign": str(Tag.objects.create(root_id=foreign.root_id, name="남의 꼬리표").pk),
    }
    nobody = client.get(url("list"), {"unit": "nothing"}, headers={"X-Request-Id": "00000000"})
    answer = client.get(
        url("list"), {k: values.get(v, v) for k, v in query.items()}, headers={"X-Request-Id": "00000000"}
    )
    assert (answer.status_code, answer.content) == (404, nobody.content)


@pytest.mark.parametrize(
    "query", [{"before": "-1"}, {"before": "x"}, {"before": "9" * 40}, {"after": "1e9"}, {"before": "٣"}]
)
def test_odd_keys_do_no_harm(client: Client, query: dict[str, str]) -> None:
    assert client.get(url("list"), query).status_code == 200


def test_pages_go_by_key_in_both_directions(place: Place, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = people.crowd(120, units=[place.branch])
    everyone = sorted([*numbers, place.own, place.below], reverse=True)
    seen, address, pages = [], url("list"), []
    while address:
        pages.append(address)
        body = text(client.get(address))
        seen += [int(number) for number in re.findall(r'href="/people/(\d+)/"', body)]
        found = re.search(r'href="([^"]+)" rel="next"', body)
        address = found[1] if found else ""
    assert seen == everyone
    assert len(pages) == 3
    back = re.search(r'href="([^"]+)" rel="prev"', text(client.get(pages[2])))
    assert back is not None
    assert linked(client.get(back[1])) == linked(client.get(pages[1]))


@pytest.mark.parametrize("n", [1, 3, 30])
def test_list_asks_as_often_for_few_as_for_many(
    place: Place, client: Client, n: int, django_assert_max_num_queries: Any
) -> None:
    people.crowd(n, units=[place.branch])
    client.get(url("list"))
    with django_assert_max_num_queries(24):
        client.get(url("list"))


def test_changing_home_tags_processing_and_erasing(place: Place, client: Client) -> None:
    leaf = place.made.units[3]
    assert client.post(url("home", place.own), {"unit": str(leaf.public_id)}).status_code == 302
    assert Person.objects.get(pk=place.own).home_unit_id == leaf.pk
    assert client.post(url("home", place.own), {"unit": str(place.sister_branch.public_id)}).status_code == 422
    assert client.post(url("put_tag", place.own), {"name": "자원봉사"}).status_code == 302
    tag = Tag.objects.get(root_id=place.root)
    assert "자원봉사" in text(client.get(url("person", place.own)))
    assert client.post(url("take_tag", place.own), {"tag": tag.pk}).status_code == 302
    assert client.post(url("put_tag", place.own), {"name": ""}).status_code == 422
    client.post(url("processing", place.own), {"stop": "1"})
    assert Person.objects.get(pk=place.own).state == 2
    client.post(url("processing", place.own), {"stop": "0"})
    assert client.post(url("erase", place.own), {"why": "동의 철회"}).status_code == 422
    assert Person.objects.get(pk=place.own).state == 1
    assert client.post(url("erase", place.own), {"why": "동의 철회", "sure": "on"})["Location"] == url("list")
    assert Person.objects.get(pk=place.own).state == 3
    assert client.get(url("person", place.own)).status_code == 404


def test_rooms_add_panels_and_events(place: Place, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.utils.safestring import mark_safe

    from majung.ui.values import Event

    for registry in ("_sources", "_panels", "_sentences"):
        monkeypatch.setattr(timeline, registry, dict(getattr(timeline, registry)))
    timeline.add_source("test", lambda actor, person, limit: [Event(at=clock.now(), title=f"소식 {person.pk}")])
    timeline.add_panel("test", lambda request, person: mark_safe("<p id='other-room'></p>"))
    body = text(client.get(url("person", place.own)))
    assert f"소식 {place.own}" in body
    assert "<p id='other-room'></p>" in body


# ── the access log ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.product("X2")
def test_access_log_is_for_who_reviews(place: Place, client: Client) -> None:
    client.get(url("person", place.own))
    client.post(url("reveal", place.own), {"reason": "2", "note": "행사 시간 확인"})
    assert client.get(url("access_log")).status_code == 403
    assert signed_in(place, Role.BLIND_SENDER).get(url("access_log")).status_code == 403
    officer = signed_in(place, Role.PRIVACY_OFFICER, at=place.made.top)
    body = text(officer.get(url("access_log")))
    assert "연락처 확인: 행사 시간 확인" in body
    assert "이름 · 휴대전화" in body
    assert not any(name in body for name in NAMES)
    assert "온전합니다" in text(officer.get(url("access_log"), {"check": "1"}))
    only = text(officer.get(url("access_log"), {"what": "people.reveal", "person": str(place.below)}))
    assert "행사 시간 확인" not in only


@pytest.mark.product("X2")
def test_access_log_of_a_branch_shows_no_sister(place: Place) -> None:
    sister = signed_in(place, Role.OPERATOR, at=place.sister_branch)
    sister.post(url("reveal", place.sister), {"reason": "2", "note": "자매 확인"})
    own = signed_in(place, Role.OPERATOR)
    own.post(url("reveal", place.own), {"reason": "2", "note": "우리 확인"})
    body = text(signed_in(place, Role.PRIVACY_OFFICER).get(url("access_log")))
    assert "우리 확인" in body
    assert "자매 확인" not in body


@pytest.mark.parametrize("query", [{"person": "x"}, {"before": "9" * 40}, {"what": "'"}, {"person": "99999999999"}])
def test_access_log_takes_odd_questions(place: Place, query: dict[str, str]) -> None:
    officer = signed_in(place, Role.PRIVACY_OFFICER, at=place.made.top)
    assert officer.get(url("access_log"), query).status_code == 200
