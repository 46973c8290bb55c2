"""The tree's pages: who reaches which, what a foreign id answers, and that each act works from its form (T1, T3, T5)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from majung.core import clock
from majung.core.ids import uuid7
from majung.tree import services
from majung.tree.enums import OrganisationKind, Role, UnitState
from majung.tree.models import AuthorityRecord, Budget, Grant, LegalEntity, Unit, UnitKind
from tests.make import tree as make
from tests.make.tree import Organised

pytestmark = [pytest.mark.product("T1", "T3"), pytest.mark.django_db]


@pytest.fixture
def party() -> Organised:
    """Seven units: 0 the top; 1, 2 below it; 3, 4 below 1; 5, 6 below 2."""
    return make.organisation(depth=3)


def client_of(user: Any) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def lent(party: Organised, unit: int, role: Role = Role.OPERATOR) -> Client:
    return client_of(make.lent(party, party.units[unit], role=role).user)


UNIT_PAGES = ("", "rows/", "add/", "edit/", "move/", "suspend/", "close/")
# Page of a unit: what an operator, a viewer and a blind sender get at their own unit. Sister and foreign: always 404.
OWN: dict[str, tuple[int, int, int]] = {
    "": (200, 200, 200),
    "rows/": (200, 200, 200),
    "add/": (200, 403, 403),
    "edit/": (200, 403, 403),
    "move/": (200, 403, 403),
    "suspend/": (403, 403, 403),
    "close/": (403, 403, 403),
}
# Pages without an id.
PLAIN: dict[str, tuple[int, int, int]] = {
    "/tree/": (200, 200, 200),
    "/tree/words/": (404, 404, 404),
    "/tree/sheet/": (200, 403, 403),
    "/tree/sheet/csv/": (200, 200, 200),
    "/tree/sheet/xlsx/": (200, 200, 200),
    "/grants/": (200, 200, 200),
    "/grants/past/": (200, 403, 403),
    "/grants/lend/": (200, 403, 403),
    "/grants/keys/": (200, 403, 403),
    "/budgets/": (200, 200, 200),
    "/organisations/": (200, 200, 200),
    "/start/": (404, 404, 404),
}
ROLES = (Role.OPERATOR, Role.VIEWER, Role.BLIND_SENDER)


@pytest.mark.parametrize("number", range(3))
def test_pages_by_role(party: Organised, number: int) -> None:
    client = lent(party, 1, ROLES[number])

    for url, statuses in PLAIN.items():
        assert (url, client.get(url).status_code) == (url, statuses[number])
    for page, statuses in OWN.items():
        url = f"/tree/{party.units[1].public_id}/{page}"
        assert (url, client.get(url).status_code) == (url, statuses[number])
    assert client.get(f"/budgets/{party.units[1].public_id}/").status_code == 200


def bytes_of(response: HttpResponse) -> tuple[int, bytes]:
    """The answer without what differs in every answer: the request's number and the form's token."""
    body = re.sub(rb"[0-9a-f]{16,32}|[A-Za-z0-9]{64}", b"", response.content)
    return response.status_code, body


@pytest.mark.parametrize("page", UNIT_PAGES)
def test_foreign_and_missing_units_answer_byte_for_byte_alike(party: Organised, page: str) -> None:
    other = make.organisation()
    client = lent(party, 1)

    for method in (client.get, client.post):
        answers = {
            bytes_of(method(f"/tree/{public_id}/{page}"))
            for public_id in (
                uuid7(),
                party.units[2].public_id,
                party.units[5].public_id,
                party.top.public_id,
                other.top.public_id,
            )
        }
        assert len(answers) == 1
        assert answers.pop()[0] in (404, 405)


def test_foreign_and_missing_grants_answer_byte_for_byte_alike(party: Organised) -> None:
    other = make.organisation()
    sister = make.grant(make.user(), party.units[2], parent=party.owner_grant)
    client = lent(party, 1)
    ids = (uuid7(), sister.public_id, party.owner_grant.public_id, other.owner_grant.public_id)

    for method, page in ((client.get, ""), (client.post, "revoke/")):
        answers = {bytes_of(method(f"/grants/{public_id}/{page}")) for public_id in ids}
        assert len(answers) == 1
        assert answers.pop()[0] == 404
    assert not Grant.objects.exclude(revoked_at=None).exists()


def test_foreign_budgets_and_drafts_are_not_there(party: Organised) -> None:
    other = make.organisation()
    client = lent(party, 1)
    sheet = SimpleUploadedFile("tree.csv", "코드,윗조직 코드,이름\nX,TOP,새".encode())
    theirs = client_of(party.owner).post("/tree/sheet/", {"file": sheet}).headers["Location"]

    for unit in (party.units[2], other.top):
        assert client.get(f"/budgets/{unit.public_id}/").status_code == 404
        assert client.post(f"/budgets/{unit.public_id}/", {"month": "2031-01", "won": "1"}).status_code == 404
    assert client.get(theirs).status_code == 404
    assert client.post(theirs).status_code == 404


PAGES_WITH_NAMES = (
    "/tree/", "/tree/?q=숨은별", "/tree/sheet/csv/", "/grants/", "/grants/?q=숨은별", "/grants/past/", "/grants/lend/", "/budgets/",
)  # fmt: skip


def test_no_page_names_a_sister_or_foreign_unit(party: Organised) -> None:
    """Sentinels stand where they could leak: names, leaders, budgets and grants of a sister and of another root."""
    other = make.organisation()
    for at, organised in ((party.units[2], party), (other.top, other)):
        Unit.objects.filter(pk=at.pk).update(name="숨은별 조직", leader="숨은별 대표", code=f"SECRET{at.pk}")
        make.grant(
            make.user(email=f"secret{at.pk}@example.com"), at, parent=organised.owner_grant, label="숨은별 운영자"
        )
        Budget.objects.create(unit=at, month=clock.today().replace(day=1), limit_centiwon=1)
    client = lent(party, 1)

    for url in (*PAGES_WITH_NAMES, f"/tree/{party.units[1].public_id}/", f"/tree/{party.units[1].public_id}/rows/"):
        response = client.get(url)
        body = response.content.decode()
        shown = body.replace('value="숨은별"', "").replace("q=%EC%88%A8%EC%9D%80%EB%B3%84", "")
        assert response.status_code == 200
        assert "숨은별" not in shown, url
        assert "SECRET" not in body
        assert "secret" not in body.replace("mj_secret", "")


@pytest.mark.parametrize("url", ["/tree/", "/grants/", "/budgets/", "/tree/sheet/", "/organisations/"])
def test_visitors_are_sent_to_sign_in_and_back(url: str) -> None:
    response = Client().get(f"{url}?q=1")

    assert (response.status_code, response.headers["Location"]) == (
        302,
        f"/accounts/login/?next={url.replace('/', '%2F')}%3Fq%3D1",
    )


def test_htmx_visitors_are_told_to_sign_in(party: Organised) -> None:
    response = Client().get(f"/tree/{party.top.public_id}/rows/", headers={"HX-Request": "true"})

    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/accounts/login/?next=%2F")


def test_somebody_to_whom_nothing_is_lent_sees_nothing(party: Organised) -> None:
    client = client_of(make.user())

    assert client.get("/tree/").headers["Location"] == "/"
    assert client.post(f"/grants/{party.owner_grant.public_id}/revoke/").status_code == 403


def test_tree_page_draws_two_tiers_and_opens_the_way_to_a_unit(party: Organised) -> None:
    client = client_of(party.owner)

    first = client.get("/tree/").content.decode()
    chosen = client.get(f"/tree/{party.units[3].public_id}/").content.decode()
    rows = client.get(f"/tree/{party.units[2].public_id}/rows/", headers={"HX-Request": "true"}).content.decode()
    found = client.get("/tree/", {"q": party.units[5].name}).content.decode()

    def drawn(body: str) -> list[str]:
        return re.findall(r'role="row" aria-level="(\d)"', body)

    assert drawn(first) == ["1", "2", "2"]
    assert drawn(chosen) == ["1", "2", "3", "3", "2"]
    assert drawn(rows) == ["3", "3"]
    assert drawn(found) == ["1", "2", "3"]
    assert "<c-" not in first + chosen + rows + found


def test_local_operators_see_their_own_top_as_first_tier(party: Organised) -> None:
    body = lent(party, 1).get("/tree/").content.decode()

    assert re.findall(r'role="row" aria-level="(\d)"', body) == ["1", "2", "2"]
    table = re.search(r"<table.*?</table>", body, flags=re.DOTALL)
    assert table is not None
    assert party.top.name not in table[0]


def unit_form(party: Organised, **change: str) -> dict[str, str]:
    kind, entity = party.kinds[2], party.entity
    return {"name": "종로", "code": "JONGNO", "kind": str(kind.pk), "entity": str(entity.pk), **change}


def test_units_are_added_edited_moved_stopped_and_closed(party: Organised) -> None:
    client = client_of(party.owner)

    added = client.post(f"/tree/{party.units[1].public_id}/add/", unit_form(party))
    new = Unit.objects.get(code="JONGNO")
    assert (added.status_code, added.headers["Location"]) == (302, f"/tree/{new.public_id}/")
    client.post(f"/tree/{new.public_id}/edit/", unit_form(party, name="종로구", leader="가나다", phone="02-700-0000"))
    preview = client.post(f"/tree/{new.public_id}/move/", {"target": party.units[2].code})
    assert Unit.objects.get(pk=new.pk).path == new.path
    assert "1곳" in preview.content.decode()
    client.post(f"/tree/{new.public_id}/move/", {"target": party.units[2].code, "confirmed": "1"})
    moved = Unit.objects.get(pk=new.pk)
    assert (moved.name, moved.leader) == ("종로구", "가나다")
    assert moved.path.startswith(party.units[2].path)
    for page, state in (("suspend", "suspended"), ("resume", "active"), ("close", "closed")):
        if page != "resume":
            assert client.get(f"/tree/{new.public_id}/{page}/").status_code == 200
        client.post(f"/tree/{new.public_id}/{page}/")
        assert Unit.objects.get(pk=new.pk).state == UnitState(state)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"code": "=1+1"},
        {"code": "x" * 41},
        {"kind": "0"},
        {"entity": "999999999"},
        {"kind": "한글"},
        {"phone": "<script>alert(1)</script>"},
        {"leader": "가" * 41},
        {"name": "\x00"},
    ],
)
def test_bad_unit_forms_come_back_with_422(party: Organised, change: dict[str, str]) -> None:
    response = client_of(party.owner).post(f"/tree/{party.units[1].public_id}/add/", unit_form(party, **change))

    assert response.status_code == 422
    assert "<script>alert" not in response.content.decode()
    assert not Unit.objects.filter(code="JONGNO").exists()


def test_kinds_and_entities_of_another_organisation_cannot_be_chosen(party: Organised) -> None:
    other = make.organisation()
    client = client_of(party.owner)

    for change in ({"kind": str(other.kinds[0].pk)}, {"entity": str(other.entity.pk)}):
        assert client.post(f"/tree/{party.units[1].public_id}/add/", unit_form(party, **change)).status_code == 422


def test_a_move_to_nowhere_below_itself_or_out_of_sight_is_refused_on_the_form(party: Organised) -> None:
    client, local = client_of(party.owner), lent(party, 1)

    for target in ("", "nowhere", party.units[3].code, "\x00", "가" * 500):
        response = client.post(f"/tree/{party.units[1].public_id}/move/", {"target": target, "confirmed": "1"})
        assert response.status_code == 422
    missing = local.post(f"/tree/{party.units[3].public_id}/move/", {"target": "nowhere"})
    hidden = local.post(f"/tree/{party.units[3].public_id}/move/", {"target": party.units[2].code})
    assert bytes_of(missing)[1].replace(b"nowhere", b"") == bytes_of(hidden)[1].replace(
        party.units[2].code.encode(), b""
    )


def test_names_are_escaped_wherever_they_stand(party: Organised) -> None:
    evil = '<img src=x onerror="alert(1)">'
    Unit.objects.filter(pk=party.units[1].pk).update(name=evil, leader="<b>굵게</b>")
    make.grant(make.user(), party.units[1], parent=party.owner_grant, label="<i>기움</i>")
    client = client_of(party.owner)

    pages = ["/tree/", f"/tree/{party.units[1].public_id}/", "/grants/", f"/budgets/{party.units[1].public_id}/"]
    for url in (*pages, *(f"/tree/{party.units[1].public_id}/{page}/" for page in ("add", "edit", "move", "close"))):
        body = client.get(url).content.decode()
        assert not {"<img src=x", "<b>굵게", "<i>기움"} & {
            part for part in ("<img src=x", "<b>굵게", "<i>기움") if part in body
        }


def test_words_are_added_by_whoever_manages_the_top(party: Organised) -> None:
    client = client_of(party.owner)

    client.post("/tree/words/", {"what": "kind", "name": "동협의회"})
    client.post("/tree/words/", {"what": "entity", "name": "가람당 서울시당"})
    again = client.post("/tree/words/", {"what": "entity", "name": "가람당 서울시당"})

    assert UnitKind.objects.filter(root=party.root, name="동협의회").exists()
    assert LegalEntity.objects.filter(root=party.root, name="가람당 서울시당").count() == 1
    assert again.status_code == 422


def test_lending_from_the_form_makes_a_link_once(party: Organised) -> None:
    client = client_of(party.owner)
    offer = {"unit": party.units[1].code, "holder": "", "role": "operator", "valid_days": "7", "label": "강원 사무국"}

    page = client.post("/grants/lend/", offer)
    link = re.search(r"/invitation/([\w-]{43})/", page.content.decode())
    assert link is not None
    visitor = Client()
    shown = visitor.get(f"/invitation/{link[1]}/")
    assert (shown.status_code, party.units[1].name in shown.content.decode()) == (200, True)
    bad = visitor.post(f"/invitation/{link[1]}/", {"email": "new@example.com", "password": "short"})
    taken = visitor.post(f"/invitation/{link[1]}/", {"email": "new@example.com", "password": make.PASSWORD})
    again = Client().get(f"/invitation/{link[1]}/")

    assert (bad.status_code, taken.status_code, again.status_code) == (422, 302, 404)
    assert visitor.get("/tree/").status_code == 200
    assert bytes_of(again) == bytes_of(Client().get("/invitation/nothing-like-it/"))


def test_lending_more_than_held_comes_back_with_the_reason(party: Organised) -> None:
    holder = make.user()
    make.grant(holder, party.units[1], parent=party.owner_grant, messages_total=10)
    client = client_of(holder)
    offer = {"unit": party.units[3].code, "holder": "", "role": "viewer", "valid_days": "7"}

    wide = client.post("/grants/lend/", {**offer, "messages_total": "11"})
    elsewhere = client.post("/grants/lend/", {**offer, "unit": party.units[2].code})
    owner = client.post("/grants/lend/", {**offer, "role": "owner"})
    stranger = client.post("/grants/lend/", {**offer, "holder": str(make.organisation().owner.public_id)})

    assert [r.status_code for r in (wide, elsewhere, owner, stranger)] == [422] * 4
    assert "내 한도보다 많이 빌려줄 수 없습니다." in wide.content.decode()


def test_grant_page_shows_the_chain_and_revoking_ends_it(party: Organised) -> None:
    province = make.grant(
        make.user(email="p@example.com"), party.units[1], parent=party.owner_grant, messages_per_day=5
    )
    local = make.grant(make.user(email="l@example.com"), party.units[3], parent=province, messages_per_day=5)
    client = client_of(party.owner)

    body = client.get(f"/grants/{local.public_id}/").content.decode()
    places = [
        body.index(text) for text in (f"{party.top.name} · ", "p@example.com", f"{party.units[3].name} · l@example.com")
    ]
    done = client.post(f"/grants/{province.public_id}/revoke/")

    assert places == sorted(places)
    assert done.status_code == 302
    assert Grant.objects.filter(revoked_at=None).count() == 1


def test_chain_names_ones_lender_and_nobody_further_up(party: Organised) -> None:
    top = make.grant(make.user(email="lender@example.com"), party.top, parent=party.owner_grant)
    local_user = make.user(email="me@example.com")
    local = make.grant(local_user, party.units[1], parent=top)

    body = client_of(local_user).get(f"/grants/{local.public_id}/").content.decode()

    assert "me@example.com" in body
    assert "lender@example.com" in body
    assert party.top.name in body
    assert party.owner.email not in body


def test_keys_are_shown_once(party: Organised) -> None:
    client = client_of(party.owner)
    day = (clock.today() + timedelta(days=10)).isoformat()
    offer = {"unit": party.units[1].code, "label": "명부 연동", "role": "viewer", "until": day}

    made = client.post("/grants/keys/", offer).content.decode()
    listed = client.get("/grants/keys/").content.decode()

    secret = re.search(r"mj_[\w-]{43}", made)
    assert secret is not None
    assert "명부 연동" in listed
    assert secret[0] not in listed
    assert client.post("/grants/keys/", {**offer, "until": "2099-01-01"}).status_code == 422
    grant = Grant.objects.exclude(api_key=None).get()
    client.post(f"/grants/{grant.public_id}/revoke/")
    assert Grant.objects.get(pk=grant.pk).api_key.revoked_at is not None  # type: ignore[union-attr]


def test_budgets_are_set_and_bounded_on_the_page(party: Organised) -> None:
    client, local = client_of(party.owner), lent(party, 1)
    month = f"{clock.today():%Y-%m}"

    assert client.post(f"/budgets/{party.top.public_id}/", {"month": month, "won": "1000"}).status_code == 302
    over = client.post(f"/budgets/{party.units[1].public_id}/", {"month": month, "won": "1001"})
    assert over.status_code == 422
    assert "1,000원" in over.content.decode()
    assert client.post(f"/budgets/{party.units[1].public_id}/", {"month": month, "won": "400"}).status_code == 302
    assert local.post(f"/budgets/{party.units[1].public_id}/", {"month": month, "won": "500"}).status_code == 403
    assert local.post(f"/budgets/{party.units[3].public_id}/", {"month": month, "won": "300"}).status_code == 302
    for when, won in (("x", "1"), (month, "-1"), (month, "1e99"), ("2020-01", "1")):
        assert client.post(f"/budgets/{party.top.public_id}/", {"month": when, "won": won}).status_code == 422
    assert dict(Budget.objects.values_list("unit__code", "limit_centiwon")) == {
        party.top.code: 100_000, party.units[1].code: 40_000, party.units[3].code: 30_000,
    }  # fmt: skip


def test_past_page_answers_for_a_day(party: Organised) -> None:
    client = client_of(party.owner)

    assert party.owner.email in client.get("/grants/past/", {"day": f"{clock.today()}"}).content.decode()
    assert "빌려준 권한이 없었습니다" in client.get("/grants/past/", {"day": "2001-01-01"}).content.decode()
    assert client.get("/grants/past/", {"day": "0000-99-99"}).status_code == 422


def test_choosing_among_organisations(party: Organised) -> None:
    other = make.organisation(owner=party.owner)
    stranger = make.organisation()
    client = client_of(party.owner)

    assert party.top.name in client.get("/tree/").content.decode()
    client.post("/organisations/", {"organisation": str(other.root.public_id)})
    body = client.get("/tree/").content.decode()
    assert other.top.name in body
    for foreign in (str(stranger.root.public_id), "x", ""):
        assert client.post("/organisations/", {"organisation": foreign}).status_code == 404


@pytest.mark.parametrize("url", ["/tree/", "/grants/", "/budgets/"])
def test_query_count_does_not_grow_with_rows(url: str, django_assert_max_num_queries: Callable[..., Any]) -> None:
    counts = []
    for width in (1, 4):
        party = make.organisation(depth=2, width=width)
        for unit in party.units[1:]:
            make.grant(make.user(), unit, parent=party.owner_grant)
            services.set_budget(party.actor, unit, clock.today(), 100)
        client = client_of(party.owner)
        client.get(url)
        with django_assert_max_num_queries(60) as captured:
            client.get(url)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_database_session_forgets_the_actor_after_each_request(party: Organised) -> None:
    seen: list[str] = []

    def root() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('majung.root', true)")
            return str(cursor.fetchone()[0])

    def spy(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "tree_unitkind" in sql:
            seen.append(root())
        return execute(sql, params, many, context)

    client = client_of(party.owner)
    with connection.execute_wrapper(spy):
        client.get("/tree/words/")

    assert seen[-1] == str(party.root.pk)
    assert root() == ""


def test_closing_with_open_units_below_is_told_before_the_press(party: Organised) -> None:
    client = client_of(party.owner)
    url = f"/tree/{party.units[1].public_id}/close/"

    shown = client.get(url).content.decode()
    pressed = client.post(url)

    assert "아래 조직 2곳이 열려 있어" in shown
    assert '<form method="post" class="mj-mt">' not in shown
    assert pressed.status_code == 409
    assert Unit.objects.get(pk=party.units[1].pk).state == UnitState.ACTIVE


def test_papers_of_a_legal_entity_are_typed_in_and_kept(party: Organised) -> None:
    client = client_of(party.owner)
    entity = party.top.entity
    papers = {
        "what": "papers",
        "entity": str(entity.pk),
        "phone": "02-000-1111",
        "address": "서울",
        "registration_number": "1",
    }

    done = client.post("/tree/words/", {**papers, "roll_basis": "당규 제12조"})
    bad = [
        client.post("/tree/words/", {**papers, **wrong})
        for wrong in ({"phone": "전화요"}, {"roll_basis": "네"}, {"address": "가" * 201}, {"entity": "x"})
    ]

    entity.refresh_from_db()
    assert (entity.phone, entity.roll_basis) == ("02-000-1111", "당규 제12조")
    assert (done.status_code, [answer.status_code for answer in bad]) == (302, [422] * 4)
    assert "전화요" in bad[0].content.decode()
    page = client.get("/tree/words/").content.decode()
    assert "법에 따른 당원명부" in page
    assert AuthorityRecord.objects.filter(kind="tree.entity_changed", object_id=entity.pk).count() == 1


def test_papers_are_for_the_own_top_alone(party: Organised) -> None:
    other = make.organisation()
    sent = {"what": "papers", "entity": str(other.top.entity_id), "phone": "02-000-1111"}

    assert client_of(party.owner).post("/tree/words/", sent).status_code == 404
    assert lent(party, 1).post("/tree/words/", {**sent, "entity": str(party.top.entity_id)}).status_code == 404
    assert not LegalEntity.objects.filter(phone="02-000-1111").exists()


def test_only_a_party_writes_down_a_roll(db: None) -> None:
    shop = make.organisation(kind=OrganisationKind.COMMERCIAL)
    client = client_of(shop.owner)

    answer = client.post(
        "/tree/words/", {"what": "papers", "entity": str(shop.top.entity_id), "roll_basis": "당규 제12조"}
    )

    assert answer.status_code == 422
    assert "정당만" in answer.content.decode()
    assert "당원명부의 근거" not in client.get("/tree/words/").content.decode()


def test_a_mistyped_tier_is_taken_away_again_while_no_unit_has_it(party: Organised) -> None:
    other = make.organisation()
    client = client_of(party.owner)
    client.post("/tree/words/", {"what": "kind", "name": "잘못적은말"})
    wrong = UnitKind.objects.get(name="잘못적은말")
    assert "잘못적은말 지우기" in client.get("/tree/words/").content.decode()

    used = client.post("/tree/words/", {"drop": str(party.top.kind_id)}, follow=True).content.decode()
    foreign = client.post("/tree/words/", {"drop": str(other.top.kind_id)})
    client.post("/tree/words/", {"drop": str(wrong.pk)})

    assert "지우지 않았습니다" in used
    assert foreign.status_code == 404
    assert not UnitKind.objects.filter(pk=wrong.pk).exists()
    assert UnitKind.objects.filter(pk__in=[party.top.kind_id, other.top.kind_id]).count() == 2


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2200-01-01"])
def test_days_at_the_end_of_time_are_refused(party: Organised, day: str) -> None:
    client = client_of(party.owner)
    top = party.top
    offer = {"unit": top.code, "holder": "", "label": "가", "role": "viewer", "until": day, "valid_days": "3"}
    assert client.post("/grants/lend/", offer).status_code == 422
    assert (
        client.post("/grants/keys/", {"unit": top.code, "label": "가", "role": "viewer", "until": day}).status_code
        == 422
    )
    assert client.get("/grants/past/", {"day": day}).status_code in (200, 422)
    assert client.post(f"/budgets/{top.public_id}/", {"month": day[:7], "won": "1"}).status_code == 422
