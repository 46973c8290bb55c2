"""The sandbox's own books: what is seen, taken, delivered, doubled."""

import http.client
import time

import pytest

from tests.sandbox.harness import brand, until

GROUPS = "/messages/v4/groups"


def books(client, campaign):
    return client("GET", f"/_control/books?campaign={campaign}")


def ids(client, campaign, state):
    return set(client("GET", f"/_control/books/ids?campaign={campaign}&state={state}").split())


def test_a_campaign_is_counted_by_what_became_of_it(client):
    messages = [brand(f"010303000{i:02d}", f"31-0-{i}", "PF-near") for i in range(100)]
    group, _ = client.put(messages[:60])
    time.sleep(0.05)
    client("PUT", f"{GROUPS}/{group}/messages", {"messages": messages[60:]})
    client("POST", f"{GROUPS}/{group}/send")
    client.settled(group)

    b = books(client, 31)
    assert (b["requests"], b["messages"], b["distinct_ids"], b["gateway_saw"]) == (2, 100, 100, 100)
    assert (b["accepted"], b["refused_by_code"], b["delivered"]) == (99, {"1061": 1}, 71)
    assert b["not_delivered_by_code"] == {"3102": 23, "3104": 3, "3107": 2}
    assert (b["pending"], b["ids_taken_more_than_once"], b["numbers_delivered_more_than_once"]) == (0, 0, 0)
    assert b["accepted"] + b["refused"] == b["gateway_saw"]
    assert 0.05 <= b["gateway_seconds"] == pytest.approx(b["last_arrival"] - b["first_arrival"], abs=1e-5)
    assert abs(b["last_arrival"] - time.time()) < 5
    assert ids(client, 31, "taken") == {f"31-0-{i}" for i in range(100)}
    assert ids(client, 31, "refused") == {"31-0-98"}
    assert len(ids(client, 31, "delivered")) == 71


def test_a_basket_that_was_never_sent_is_not_taken(client):
    client.put([brand("01030300001", "32-0-0"), brand("01030300098", "32-0-1")])

    b = books(client, 32)

    assert (b["messages"], b["gateway_saw"], b["accepted"], b["in_unsent_baskets"]) == (2, 1, 0, 1)
    assert ids(client, 32, "arrived") == {"32-0-0", "32-0-1"}
    assert ids(client, 32, "taken") == {"32-0-1"}  # its refusal was an answer


def test_one_id_in_two_sent_groups_is_caught(client):
    for number in ("01030300001", "01030300002"):
        client.settled(client.send([brand(number, "33-0-0")]))

    b = books(client, 33)

    assert (b["ids_taken_more_than_once"], b["gateway_saw"], b["numbers_delivered_more_than_once"]) == (1, 1, 0)


def test_one_number_with_two_delivered_messages_is_caught(client):
    for message_id in ("34-0-0", "34-1-0"):
        client.settled(client.send([brand("01030300001", message_id)]))

    assert books(client, 34)["numbers_delivered_more_than_once"] == 1


def test_a_try_that_met_no_friend_is_no_delivery(client):
    client.settled(client.send([brand("01030300085", "35-0-0", "PF-near")]))
    client.settled(client.send([brand("01030300085", "35-1-0", "PF-wide")]))

    b = books(client, 35)

    assert (b["delivered"], b["not_delivered_by_code"], b["numbers_delivered_more_than_once"]) == (1, {"3102": 1}, 0)


def test_a_repeated_put_into_one_basket_is_no_double(client):
    group, _ = client.put([brand("01030300001", "36-0-0")])
    client("PUT", f"{GROUPS}/{group}/messages", {"messages": [brand("01030300001", "36-0-0")]})
    client("POST", f"{GROUPS}/{group}/send")
    client.settled(group)

    b = books(client, 36)

    assert (b["messages"], b["gateway_saw"], b["ids_taken_more_than_once"], b["refused"]) == (2, 1, 0, 0)


def test_what_arrived_before_a_lost_answer_is_counted(client):
    client("POST", "/_control/faults", {"drop_next": 1})

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client("POST", "/messages/v4/send-many/detail", {"messages": [brand("01030300001", "37-0-0")]})

    assert until(lambda: books(client, 37)["delivered"]) == 1


def test_books_of_one_campaign_leave_the_others_out(client):
    client.settled(client.send([brand("01030300001", "38-0-0"), brand("01030300002", "39-0-0"),
                                {**brand("01030300003"), "customFields": {"id": "not one of ours"}},
                                {**brand("01030300004"), "customFields": {"id": "38-7-1", "ref": "x"}}]))  # fmt: skip

    assert ids(client, 38, "delivered") == {"38-0-0", "38-7-1"}
    assert ids(client, 39, "delivered") == {"39-0-0"}
    assert client("GET", "/_control/campaigns")[0] in (38, 39)


def test_messages_are_listed_with_number_channel_and_code(client):
    client.settled(client.send([brand("01030300001", "40-0-0"), brand("01030300075", "40-0-1")]))

    lines = client("GET", "/_control/books/messages?campaign=40").splitlines()

    assert lines == ["40-0-0 01030300001 PF-wide 4000", "40-0-1 01030300075 PF-wide 3102"]


@pytest.mark.parametrize("query", ["", "?campaign=x", "?campaign=-1"])
def test_a_campaign_must_be_named(client, query):
    assert client.status("GET", f"/_control/books{query}")[0] == 400
    assert client.status("GET", "/_control/books/ids?campaign=1&state=lost")[0] == 400
