"""Outgoing webhooks over the API: a key registers no more than it sees, hostile bodies get a code (O4)."""

from typing import Any

import pytest
from django.test import Client

from majung.tree.enums import Role
from majung.webhooks.models import Endpoint
from tests.api.test_api import DEEP, key
from tests.make import tree as make

pytestmark = [pytest.mark.django_db, pytest.mark.product("O4")]
PATH = "/api/v1/webhooks"


@pytest.fixture
def o() -> make.Organised:
    return make.organisation(depth=2)


def said(o: make.Organised, **given: Any) -> dict[str, Any]:
    return {
        "unit": str(o.top.public_id),
        "label": "회원 관리",
        "url": "https://hooks.example/a",
        "events": ["campaign.finished"],
    } | given


def post(path: str, body: Any, headers: dict[str, str]) -> Any:
    return Client().post(path, body, "application/json", headers=headers)


def test_registered_tried_and_removed(o: make.Organised) -> None:
    headers = key(o.actor, o.top)
    made = post(PATH, said(o), headers)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    one = f"{PATH}/{made.json()['id']}"
    client = Client()
    assert "secret" not in client.get(one, headers=headers).json()
    assert "whsec_" not in client.get(PATH, headers=headers).content.decode()
    assert (post(PATH, said(o), headers).status_code, post(PATH, said(o), headers).json()["code"]) == (
        409,
        "webhooks.known",
    )
    assert post(f"{one}/trial", b"", headers).status_code == 200
    [log] = client.get(f"{one}/deliveries", headers=headers).json()
    assert (log["event"], log["course"], log["status"]) == ("webhook.trial", "waiting", None)
    assert post(f"{one}/deliveries/{log['id']}/again", b"", headers).status_code == 202
    assert post(f"{one}/secret", b"", headers).json()["secret"] != made.json()["secret"]
    assert post(f"{one}/hold", b"", headers).json()["state"] == "held"
    assert (post(f"{one}/trial", b"", headers).status_code, post(f"{one}/trial", b"", headers).json()["code"]) == (
        409,
        "webhooks.held",
    )
    assert post(f"{one}/resume", b"", headers).json()["state"] == "active"
    assert client.delete(one, headers=headers).status_code == 204
    assert client.get(one, headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [(DEEP, 400), (b"[]", 422), (b"\xff\xfe", 400), (b"{}", 422), ({"url": "http://127.0.0.1/"}, 422), ({"url": "x"}, 422),
     ({"events": []}, 422), ({"events": ["everything"]}, 422), ({"events": ["campaign.finished"] * 100}, 422), ({"label": ""}, 422),
     ({"secret": "whsec_mine"}, 422), ({"covers_subtree": "perhaps"}, 422), ({"url": None}, 422)],
)  # fmt: skip
def test_hostile_bodies_register_nothing(o: make.Organised, body: Any, status: int) -> None:
    whole = said(o, **body) if isinstance(body, dict) else body
    assert post(PATH, whole, key(o.actor, o.top)).status_code == status
    assert not Endpoint.objects.exists()


def test_a_key_that_ends_takes_its_webhooks_with_it(o: make.Organised) -> None:
    assert post(PATH, said(o), key(o.actor, o.top, Role.VIEWER)).status_code == 403
    post(PATH, said(o, events=["people.joined"]), key(o.actor, o.top))
    held = Endpoint.objects.get()
    assert held.grant.api_key is not None
