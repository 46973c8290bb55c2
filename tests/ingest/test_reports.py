"""Dealers' reports: unsigned hints that only wake the query that confirms them."""

import json
from typing import Any

import pytest

from majung.channels import wakes
from majung.channels.models import DealerAccount, DealerWake
from majung.core.db import raw
from tests.ingest import wire
from tests.ingest.conftest import Scene

pytestmark = [pytest.mark.product("M10"), pytest.mark.django_db(transaction=True)]

GROUP = "G4V20260302090000000000000000001"


def report(scene: Scene, content: Any, **rest: Any) -> int:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    status = wire.post(scene.port, f"/r/{scene.account.report_token}", body, **rest)
    scene.fold()
    return status


@pytest.mark.parametrize(
    "item",
    [
        {"eventDataId": "e", "retryCount": 0, "data": {"groupId": GROUP, "statusCode": "4000", "messageId": "M"}},
        {"eventDataId": "e", "groupId": GROUP, "statusCode": "4000"},
    ],
)
def test_both_shapes_wake_the_basket(scene: Scene, item: dict[str, Any]) -> None:
    assert report(scene, [item, item]) == 200

    assert list(DealerWake.objects.values_list("account_id", "group_ref")) == [(scene.account.pk, GROUP)]
    assert DealerAccount.objects.get().reported_at is not None


def test_five_calls_for_one_report_are_one_wake(scene: Scene) -> None:
    assert {report(scene, [{"data": {"groupId": GROUP}, "retryCount": at}]) for at in range(5)} == {200}

    assert wakes.take(raw()) == [(scene.account.pk, GROUP, "")]
    assert wakes.take(raw()) == []


def test_a_stranger_cannot_even_wake(scene: Scene) -> None:
    assert wire.post(scene.port, "/r/not-a-token", b"[]") == 404
    assert wire.post(scene.port, f"/r/{scene.app.path_token}", b"[]") == 404

    assert DealerWake.objects.count() == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000, b'"x"', b"[1e999999]"])
def test_nonsense_is_told(scene: Scene, content: bytes) -> None:
    assert report(scene, content) in (200, 400)

    assert DealerWake.objects.count() == 0


def test_items_that_name_no_basket_are_passed_over(scene: Scene) -> None:
    strange = [
        1,
        None,
        [],
        {"data": 3},
        {"groupId": 7},
        {"groupId": "x" * 65},
        {"groupId": "가"},
        {"data": {"groupId": GROUP}},
    ]

    assert report(scene, strange) == 200

    assert list(DealerWake.objects.values_list("group_ref", flat=True)) == [GROUP]


def test_a_huge_report_is_refused(scene: Scene) -> None:
    assert report(scene, b"[" + b" " * (9 * 2**20) + b"]") == 413
    assert report(scene, [{}] * 10_001) == 400


def test_a_closed_account_is_not_known_any_more(scene: Scene) -> None:
    DealerAccount.objects.update(state="closed")

    assert report(scene, []) == 404


def test_a_report_that_says_our_key_tells_what_the_dealer_calls_it(scene: Scene) -> None:
    DealerAccount.objects.update(adapter="nhn")
    hooks = [{"requestId": "R1", "senderGroupingKey": "7-3-1", "recipientSeq": at} for at in range(3)]

    assert report(scene, {"event": "MESSAGE_RESULT_UPDATE", "hooks": hooks}) == 200

    account = scene.account.pk
    assert sorted(wakes.take(raw())) == [(account, "7-3-1", "R1"), (account, "R1", "")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"hooks":7}',
        b'{"hooks":[1,null,{"requestId":7.5},{"requestId":"\xea\xb0\x80"}]}',
        b"{" * 100_000,
    ],
)
def test_nonsense_of_another_dealer_wakes_nothing(scene: Scene, content: bytes) -> None:
    DealerAccount.objects.update(adapter="nhn")

    assert report(scene, content) in (200, 400)
    assert report(scene, {"hooks": [{}] * 10_001}) == 400

    assert DealerWake.objects.count() == 0
