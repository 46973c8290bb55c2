"""The API acts as its key and nothing more; hostile bodies get a code, foreign ids do not exist, keys work once (O4)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from majung.campaigns.models import Campaign
from majung.core import clock
from majung.people.models import Person
from majung.tree import services as tree
from majung.tree.actor import Actor
from majung.tree.enums import Role
from majung.tree.models import Unit
from tests.make import people as make_people
from tests.make import tree as make

pytestmark = [pytest.mark.django_db, pytest.mark.product("O4")]
DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000


def key(actor: Actor, unit: Unit, role: Role = Role.OPERATOR, **offer: Any) -> dict[str, str]:
    """Headers of a fresh key lent at ``unit``."""
    expires_at = clock.now() + timedelta(days=1)
    _, secret = tree.make_key(actor, tree.Offer(unit=unit, role=role, **offer), "시험 열쇠", expires_at)
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def o() -> make.Organised:
    return make.organisation(depth=2)


def test_without_a_living_key_everything_answers_401(o: make.Organised) -> None:
    headers = key(o.actor, o.top)
    client = Client()
    for given in ({}, {"authorization": "Bearer mj_wrong"}, {"authorization": "Basic x"}):
        answer = client.get("/api/v1/people", headers=given)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    with clock.frozen(clock.now() + timedelta(days=2)):
        assert client.get("/api/v1/people", headers=headers).status_code == 401


def test_people_come_masked_and_scoped(o: make.Organised) -> None:
    first, sister = o.children(o.top)[:2]
    mine = make_people.person(unit=first, name="홍길동", mobile="01001234567")
    theirs = make_people.person(unit=sister, name="성춘향", mobile="01001234568")
    headers, client = key(o.actor, first), Client()

    page = client.get("/api/v1/people", headers=headers)
    assert [line["number"] for line in page.json()["people"]] == [mine]
    for secret in ("홍길동", "성춘향", "01001234567", "0123-4567"):
        assert secret not in page.content.decode()
    foreign = client.get(f"/api/v1/people/{theirs}", headers=headers)
    missing = client.get("/api/v1/people/2000000000", headers=headers)
    assert (foreign.status_code, foreign.content) == (404, missing.content)
    find = {"mobile": "+82 10-0123-4568"}
    assert client.post("/api/v1/people/find", find, "application/json", headers=headers).json() == {"number": None}


def test_adding_is_all_or_nothing_and_once(o: make.Organised) -> None:
    headers, client = key(o.actor, o.top) | {"idempotency-key": "a-1"}, Client()
    body: dict[str, Any] = {
        "unit": str(o.top.public_id),
        "basis": 4,
        "people": [{"mobile": "010 0123 4567", "name": "홍길동"}],
    }
    first = client.post("/api/v1/people", body, "application/json", headers=headers)
    again = client.post("/api/v1/people", body, "application/json", headers=headers)
    assert (first.status_code, first.json()) == (201, again.json())
    assert Person.objects.count() == 1

    other = client.post("/api/v1/people", {**body, "basis": 1}, "application/json", headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    body["people"] += [{"mobile": "없음"}]
    refused = client.post("/api/v1/people", body, "application/json", headers=key(o.actor, o.top))
    assert refused.status_code == 422
    assert Person.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(DEEP, 400, "not_json"), (b"[]", 422, "invalid"), (b"\xff\xfe", 400, "not_json"), (b"{}", 422, "invalid"),
     (b'{"a":"' + b"x" * 3_000_000 + b'"}', 413, "too_large")],
    ids=["deep", "list", "bytes", "empty", "huge"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["people", "people/find", "segments", "segments/count", "campaigns"])
def test_hostile_bodies_get_a_code(o: make.Organised, path: str, body: bytes, status: int, code: str) -> None:
    answer = Client().post(f"/api/v1/{path}", body, "application/json", headers=key(o.actor, o.top))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_deep_criteria_are_refused(o: make.Organised) -> None:
    nested: dict[str, Any] = {"join": "all", "parts": []}
    for _ in range(200):
        nested = {"join": "all", "parts": [nested]}
    body = {"unit": str(o.top.public_id), "criteria": nested}
    answer = Client().post("/api/v1/segments/count", body, "application/json", headers=key(o.actor, o.top))
    assert answer.status_code in {400, 409, 422}


def test_refused_campaign_leaves_no_draft(o: make.Organised) -> None:
    body = {
        "unit": str(o.top.public_id),
        "title": "소식",
        "text": "가" * 10,
        "buttons": [{"type": "WL", "name": "가" * 31}],
    }
    answer = Client().post("/api/v1/campaigns", body, "application/json", headers=key(o.actor, o.top))
    assert answer.status_code == 422
    assert not Campaign.objects.exists()


def test_campaign_is_written_and_checked(o: make.Organised) -> None:
    headers, client = key(o.actor, o.top), Client()
    body = {"unit": str(o.top.public_id), "title": "소식", "text": "안녕하세요."}
    written = client.post("/api/v1/campaigns", body, "application/json", headers=headers)
    assert (written.status_code, written.json()["state"]) == (201, "draft")
    found = client.post(f"/api/v1/campaigns/{written.json()['id']}/check", headers=headers).json()
    assert found["may_send"] is False
    assert found["problems"]
    assert client.get(f"/api/v1/campaigns/{written.json()['id']}/books", headers=headers).json() is None


def test_foreign_units_segments_and_campaigns_do_not_exist(o: make.Organised) -> None:
    first, sister = o.children(o.top)[:2]
    other = make.organisation()
    headers, client = key(o.actor, first), Client()
    made = [
        client.post(
            "/api/v1/campaigns", {"unit": str(unit.public_id), "title": "남의 것", "text": "가"}, "application/json",
            headers=key(actor, unit),
        ).json()["id"]
        for actor, unit in ((o.actor, sister), (other.actor, other.top))
    ]  # fmt: skip
    missing = client.get("/api/v1/campaigns/01900000-0000-7000-8000-000000000000", headers=headers)
    assert missing.status_code == 404
    for public_id in made:
        for method, tail in (
            ("get", ""),
            ("post", "/check"),
            ("post", "/confirm"),
            ("post", "/stop"),
            ("get", "/books"),
        ):
            answer = getattr(client, method)(f"/api/v1/campaigns/{public_id}{tail}", headers=headers)
            assert (answer.status_code, answer.content) == (404, missing.content)
    for unit in (sister, other.top):
        body = {"unit": str(unit.public_id), "title": "가", "text": "가"}
        answer = client.post("/api/v1/campaigns", body, "application/json", headers=headers)
        assert (answer.status_code, answer.content) == (404, missing.content)
    assert "남의 것" not in client.get("/api/v1/campaigns", headers=headers).content.decode()


def test_blind_key_meets_nobody(o: make.Organised) -> None:
    make_people.person(unit=o.top)
    headers, client = key(o.actor, o.top, Role.BLIND_SENDER), Client()
    assert client.get("/api/v1/people", headers=headers).status_code == 403
    body = {"unit": str(o.top.public_id), "criteria": {"join": "all", "parts": []}}
    counted = client.post("/api/v1/segments/count", body, "application/json", headers=headers)
    assert counted.status_code == 200, counted.content
    assert (counted.json()["number"], counted.json()["enough"]) == (None, False)


def test_schema_is_served() -> None:
    schema = Client().get("/api/v1/openapi.json")
    assert schema.status_code == 200
    assert "/api/v1/campaigns/{public_id}/confirm" in schema.json()["paths"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("people", {"people": [{"mobile": "01001234567", "is_memeber": True}]}),
        ("people", {"people": [{"mobile": "01001234567"}], "notice": 3}),
        ("people", {"people": [{"mobile": "01001234567", "member_since": "9999-12-31"}]}),
        ("people", {"people": [{"mobile": "01001234567", "birth_ym": 219912}]}),
        ("segments", {"name": "가", "criteria": {"join": "all", "parts": []}, "colour": "red"}),
        ("campaigns", {"title": "가", "text": "나", "send_at": "2027-01-01T10:00:00"}),
        ("campaigns", {"title": "가", "text": "나", "sendat": "2027-01-01T10:00:00Z"}),
    ],
)
def test_what_was_not_understood_is_not_passed_over(o: make.Organised, path: str, more: dict[str, Any]) -> None:
    body = {"unit": str(o.top.public_id), **more}
    answer = Client().post(f"/api/v1/{path}", body, "application/json", headers=key(o.actor, o.top))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert not Person.objects.exists() and not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "people/-1", 404, "not_found"),
        ("GET", "nowhere", 404, "not_found"),
        ("PUT", "people", 405, "wrong_method"),
        ("GET", "segments?search=%00", 400, "bad_request"),
        ("GET", "campaigns?search=a%00b", 400, "bad_request"),
    ],
)
def test_a_program_is_answered_in_json_at_every_address(
    o: make.Organised, method: str, path: str, status: int, code: str
) -> None:
    answer = Client().generic(method, f"/api/v1/{path}", headers=key(o.actor, o.top))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
