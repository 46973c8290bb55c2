"""The pages: a secret seen once, a log with a press, and what is typed wrongly stays typed (O4)."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from majung.webhooks import sending
from majung.webhooks.enums import Event, State
from majung.webhooks.models import Delivery, Endpoint
from tests.make.tree import Organised
from tests.webhooks.receiver import Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.product("O4")]


@pytest.fixture
def client(made: Organised) -> Client:
    browser = Client()
    browser.force_login(made.owner)
    return browser


def typed(made: Organised, **given: Any) -> dict[str, Any]:
    said = {
        "unit": made.top.code,
        "label": "회원 관리",
        "url": "https://hooks.example/",
        "events": [Event.CAMPAIGN_FINISHED],
    }
    return said | given


def test_registering_shows_the_secret_once(client: Client, made: Organised) -> None:
    page = client.post(reverse("webhooks:endpoints"), typed(made))
    assert page.status_code == 200
    assert b"whsec_" in page.content
    endpoint = Endpoint.objects.get()
    for url in (reverse("webhooks:endpoints"), reverse("webhooks:endpoint", args=[endpoint.public_id])):
        again = client.get(url)
        assert again.status_code == 200
        assert b"whsec_" not in again.content
    changed = client.post(reverse("webhooks:secret", args=[endpoint.public_id]))
    assert changed.content.count(b"whsec_") >= 1


@pytest.mark.parametrize(
    "wrong",
    [{"url": "http://127.0.0.1/"}, {"url": "javascript:alert(1)"}, {"url": "x" * 600}, {"url": "https://a.example/\x00"},
     {"events": []}, {"events": ["person.everything"]}, {"unit": "없음"}, {"label": "<script>" * 10}],
)  # fmt: skip
def test_what_is_typed_wrongly_is_told_and_kept(client: Client, made: Organised, wrong: dict[str, Any]) -> None:
    page = client.post(reverse("webhooks:endpoints"), typed(made, **wrong))
    assert (page.status_code, Endpoint.objects.count()) == (422, 0)
    assert b"<script>" not in page.content.replace(b"<script src", b"")


def test_the_log_shows_what_was_answered_and_sends_again(client: Client, made: Organised, receiver: Receiver) -> None:
    client.post(reverse("webhooks:endpoints"), typed(made, url=receiver.url))
    endpoint = Endpoint.objects.get()
    here = reverse("webhooks:endpoint", args=[endpoint.public_id])
    receiver.answers = [503, 204]
    client.post(reverse("webhooks:act", args=[endpoint.public_id, "trial"]))
    sending.send_due()
    assert b"503" in client.get(here).content
    delivery = Delivery.objects.get()
    client.post(reverse("webhooks:again", args=[endpoint.public_id, delivery.public_id]))
    sending.send_due([delivery.pk])
    page = client.get(here).content.decode()
    assert "204" in page
    assert [came.id for came in receiver.came] == [str(delivery.public_id)] * 2
    assert client.post(reverse("webhooks:act", args=[endpoint.public_id, "explode"])).status_code == 404


def test_changing_holding_going_on_removing(client: Client, made: Organised) -> None:
    client.post(reverse("webhooks:endpoints"), typed(made))
    endpoint = Endpoint.objects.get()
    edit = reverse("webhooks:edit", args=[endpoint.public_id])
    assert client.get(edit).status_code == 200
    assert client.post(edit, typed(made, label="새 이름", url="https://other.example/")).status_code == 302
    assert client.post(edit, typed(made, url="ftp://x/")).status_code == 422
    for what, state in (("hold", State.HELD), ("resume", State.ACTIVE), ("remove", State.REMOVED)):
        assert client.post(reverse("webhooks:act", args=[endpoint.public_id, what])).status_code == 302
        endpoint.refresh_from_db()
        assert endpoint.state == state
    assert (endpoint.label, endpoint.url) == ("새 이름", "https://other.example/")
    assert client.get(reverse("webhooks:endpoint", args=[endpoint.public_id])).status_code == 404


def test_the_list_and_the_log_ask_as_often_for_many_as_for_few(client: Client, made: Organised) -> None:
    client.post(reverse("webhooks:endpoints"), typed(made))
    endpoint = Endpoint.objects.get()
    pages = [reverse("webhooks:endpoints"), reverse("webhooks:endpoint", args=[endpoint.public_id])]
    counts = []
    for _ in range(2):
        Delivery.objects.create(endpoint=endpoint, event=Event.CAMPAIGN_FINISHED, body=b"{}")
        with CaptureQueriesContext(connection) as asked:
            for url in pages:
                client.get(url)
        counts.append(len(asked))
        for i in range(3):
            client.post(reverse("webhooks:endpoints"), typed(made, url=f"https://hooks.example/{i}"))
            Delivery.objects.create(endpoint=endpoint, event=Event.CAMPAIGN_FINISHED, body=b"{}")
    assert counts[0] == counts[1]
