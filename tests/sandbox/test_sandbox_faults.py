"""Faults: each does what its name says, and only that."""

import http.client
import time

import pytest

from tests.sandbox.harness import brand, until

GROUPS = "/messages/v4/groups"


def faults(client, **wanted):
    return client("POST", "/_control/faults", wanted)


def test_a_lost_answer_was_processed(client):
    group, _ = client.put([brand("01020200001", "20-0-0")])
    faults(client, drop_next=1, drop_endpoints=["groups.send"])

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client("POST", f"{GROUPS}/{group}/send")

    assert client.settled(group)["count"]["sentSuccess"] == 1
    assert client("GET", "/_control/faults")["drop_next"] == 0


def test_a_late_answer_was_processed_at_once(client):
    group, _ = client.put([brand("01020200001", "9021-0-0")])
    faults(client, late_next=1, late_ms=300, late_endpoints=["groups.send"])

    began = time.monotonic()
    client("POST", f"{GROUPS}/{group}/send")
    took = time.monotonic() - began
    client("GET", f"{GROUPS}/{group}")

    assert took >= 0.3 > time.monotonic() - began - took
    assert client("GET", "/_control/faults")["late_next"] == 0


def test_dropping_with_certainty_spares_the_queries(client):
    group = client("POST", GROUPS, {})["groupId"]
    faults(client, drop_probability=1)

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client("PUT", f"{GROUPS}/{group}/messages", {"messages": [brand("01020200001")]})

    assert client("GET", f"{GROUPS}/{group}")["count"]["total"] == 1


def test_delays_are_by_endpoint(client):
    faults(client, delay_after_ms={"balance": 150}, delay_before_ms={"prices": 150})

    for path, slow in (
        ("/cash/v1/balance", True),
        ("/pricing/v1/messaging", True),
        ("/senderid/v1/numbers/active", False),
    ):
        started = time.monotonic()
        client("GET", path)
        assert (time.monotonic() - started >= 0.15) == slow


def test_server_errors_do_not_process(client):
    group, _ = client.put([brand("01020200001")])
    faults(client, error_next=2, error_status=500, error_endpoints=["groups.send"])

    answers = [client.status("POST", f"{GROUPS}/{group}/send")[0] for _ in range(3)]

    assert answers == [500, 500, 200]


def test_a_hidden_group_was_sent_but_is_denied(client):
    group, _ = client.put([brand("01020200001", "21-0-0")])
    faults(client, hide_next=1)
    client("POST", f"{GROUPS}/{group}/send")
    other = client.send([brand("01020200002", "21-0-1")])

    assert client.status("GET", f"{GROUPS}/{group}")[1]["errorCode"] == "ResourceNotFound"
    assert client.status("GET", f"{GROUPS}/{group}/messages")[1]["errorCode"] == "ResourceNotFound"
    assert client("GET", f"/messages/v4/list?groupId={group}")["messageList"] == {}
    assert group not in client("GET", f"{GROUPS}?limit=1000")["groupList"]
    client.settled(other)
    assert client("GET", "/_control/books?campaign=21")["delivered"] == 2
    faults(client, reset=True)
    assert client("GET", f"{GROUPS}/{group}")["status"] == "COMPLETE"


def test_no_balance_is_402(client):
    group, _ = client.put([brand("01020200001")])
    faults(client, no_balance=True)

    assert client.status("POST", f"{GROUPS}/{group}/send")[0] == 402


def test_refuse_all_is_200_with_every_message_failed(client):
    faults(client, refuse_all=True)

    _, put = client.put([brand("01020200001"), brand("01020200002", "1-0-1")])

    assert (put["errorCount"], {m["statusCode"] for m in put["resultList"]}) == ("2", {"1024"})


def test_a_result_that_never_comes_stays_waiting(client):
    faults(client, never_probability=1)
    group = client.send([brand("01020200001", "22-0-0")])
    time.sleep(0.1)

    assert client.codes(group) == {"01020200001": "3000"}
    assert client("GET", f"{GROUPS}/{group}")["status"] == "SENDING"
    assert client("GET", "/_control/books?campaign=22")["pending"] == 1


def test_reset_puts_everything_to_rest(client):
    before = client("GET", "/_control/faults")
    faults(client, drop_next=5, refuse_all=True, delay_after_ms={"*": 5}, hide_groups=["G"])

    assert faults(client, reset=True) == before


def test_a_seed_makes_chance_repeatable(client):
    def outcome() -> list[str]:
        faults(client, never_probability=0.5, seed=7)
        group = client.send([brand(f"010202000{i:02d}", f"1-0-{i}") for i in range(40)])
        until(lambda: "4000" in client.codes(group).values())
        return list(client.codes(group).values())

    first = outcome()

    assert first == outcome()
    assert set(first) == {"3000", "4000"}
