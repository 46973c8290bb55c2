"""Input that wants to break it: every one gets a clear 4xx, and the sandbox goes on."""

import re
import socket

import orjson
import pytest
from majung_sandbox.plain import read_plain

from tests.sandbox.harness import brand

GROUPS = "/messages/v4/groups"
MANY = "/messages/v4/send-many/detail"


@pytest.fixture
def group(client):
    return client("POST", GROUPS, {})["groupId"]


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"messages"', b"\xff\xfe", b'{"messages": 7}', b'{"messages": []}', b'{"messages": [7]}',
    b'{"messages": [[]]}', b'{"messages": [null]}', b'{"messages": [{"to": []}]}', b"[" * 100_000, b'{"a":' * 100_000,
    b'{"messages": [{"to": "\xed\xa0\x80"}]}', b'{"messages": NaN}',
])  # fmt: skip
def test_bodies_that_are_no_messages_are_400(client, group, body):
    for method, path in (("PUT", f"{GROUPS}/{group}/messages"), ("POST", MANY)):
        status, answer = client.raw(method, path, body, Authorization=client.signed())
        assert (status, orjson.loads(answer)["errorCode"]) == (400, "ValidationError")
    assert client("GET", f"{GROUPS}/{group}")["count"]["total"] == 0


@pytest.mark.parametrize("message", [
    {"to": {}}, {"to": 1012345678}, {"to": None}, {"to": "０１０１２３４５６７８"}, {"to": "1" * 400}, {"type": []}, {"type": {}},
    {"type": 7}, {"kakaoOptions": []}, {"kakaoOptions": {"pfId": []}}, {"kakaoOptions": {"pfId": "P", "bms": []}},
    {"kakaoOptions": {"pfId": "P", "bms": {"targeting": [], "chatBubbleType": []}}}, {"from": {}}, {"from": ["02"]},
    {"customFields": []}, {"customFields": {"id": ["1-0-0"]}}, {"customFields": {"id": None}},
    {"kakaoOptions": {"pfId": "P", "bms": {"targeting": "I", "chatBubbleType": "TEXT", "content": 7}}},
    {"kakaoOptions": {"pfId": "P", "bms": {"targeting": "I", "chatBubbleType": "TEXT", "content": "a", "buttons": {}}}},
    {"kakaoOptions": {"pfId": "P", "bms": {"targeting": "I", "chatBubbleType": "TEXT", "content": "a", "buttons": [7]}}},
    {"kakaoOptions": {"pfId": "P", "bms": {"targeting": "I", "chatBubbleType": "TEXT", "content": "a",
                                           "buttons": [{"linkType": []}]}}},
    {"type": "ATA", "kakaoOptions": {"pfId": "P", "templateId": {}, "disableSms": True}},
    {"type": "SMS", "text": 7}, {"type": "SMS", "text": []},
])  # fmt: skip
def test_a_strange_message_is_refused_alone(client, group, message):
    good = brand("01010100001")
    odd = {**brand("01010100000", "1-0-1"), **message}

    answer = client("PUT", f"{GROUPS}/{group}/messages", {"messages": [odd, good]})

    assert [m["statusCode"] == "2000" for m in answer["resultList"]] == [message.get("type") == "ATA", True]
    client("POST", f"{GROUPS}/{group}/send")
    assert len(client("GET", f"{GROUPS}/{group}/messages")["messageList"]) == 2
    assert len(client("GET", f"/messages/v4/list?groupId={group}")["messageList"]) == 2


def test_ten_thousand_messages_go_and_one_more_does_not(client, group):
    messages = [brand(f"010{i:08d}", f"1-0-{i}") for i in range(10_001)]

    status, answer = client.status("PUT", f"{GROUPS}/{group}/messages", {"messages": messages})
    spread = client.status(
        "PUT", f"{GROUPS}/{group}/messages", {"messages": [{**messages[0], "to": [m["to"] for m in messages]}]}
    )

    assert (status, answer["errorCode"], spread[0]) == (400, "ValidationError", 400)
    assert len(client("PUT", f"{GROUPS}/{group}/messages", {"messages": messages[:-1]})["resultList"]) == 10_000


def test_more_than_fifteen_megabytes_is_413(client, group):
    body = b'{"messages":[], "padding":"' + b"x" * (15 * 1024 * 1024) + b'"}'

    status, answer = client.raw("PUT", f"{GROUPS}/{group}/messages", body, Authorization=client.signed())

    assert (status, orjson.loads(answer)["errorCode"]) == (413, "RequestEntityTooLarge")


def test_deep_nesting_inside_a_message_breaks_nothing(client, group):
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    body = orjson.dumps({"messages": [brand("01010100000")]}).replace(
        b'"disableSms"', b'"deep":' + deep + b',"disableSms"'
    )
    custom = orjson.dumps({"messages": [brand("01010100001")]}).replace(
        b'"customFields":{', b'"customFields":{"deep":' + deep + b","
    )

    for part in (body, custom):
        status, _ = client.raw("PUT", f"{GROUPS}/{group}/messages", part, Authorization=client.signed())
        assert status == 200
    client("POST", f"{GROUPS}/{group}/send")

    assert len(client("GET", f"/messages/v4/list?groupId={group}")["messageList"]) == 2


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "limit=%EF%BC%95", "limit=" + "9" * 5000, "startDate=soon"]
)
def test_bad_queries_are_400(client, query):
    assert client.status("GET", f"/messages/v4/list?{query}")[0] == 400


def test_unknown_paths_and_methods_are_404_and_405(client):
    assert client.status("GET", "/messages/v4/nothing")[0] == 404
    assert client.status("GET", "//")[0] == 404
    assert client.status("PATCH", GROUPS)[0] == 405
    assert client.status("GET", f"{GROUPS}/")[0] == 404
    assert client.status("GET", f"{GROUPS}/G4V-none")[1]["errorCode"] == "ResourceNotFound"


def talk(client, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", client.port), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def test_what_is_no_http_is_400_and_huge_headers_are_431(client):
    assert talk(client, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert talk(client, b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431")


def test_pipelined_requests_are_answered_in_order(client):
    one = b"GET /_control/clock HTTP/1.1\r\nHost: localhost\r\n\r\n"
    two = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    answer = talk(client, one + two)

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"404"]


def test_a_client_that_waits_for_100_continue_is_told_to_go_on(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=5) as connection:
        connection.sendall(
            b"POST /_control/clock HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")


@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "localhost", "Origin": "https://evil.example"}, {"Host": "localhost", "Origin": "null"},
])  # fmt: skip
def test_the_control_api_is_not_for_other_sites(client, headers):
    for path in ("/_control/clock", "/panel/clock"):
        assert client.raw("POST", path, b'{"offset_seconds": 5}', **headers)[0] == 403
    assert client("GET", "/_control/clock")["offset_seconds"] != 5


@pytest.mark.parametrize(("path", "body"), [
    ("clock", {"offset_seconds": "x"}), ("clock", []), ("faults", {"colour": 1}), ("faults", {"drop_probability": 2}),
    ("faults", {"delay_after_ms": {"*": -1}}), ("faults", {"no_balance": 1}), ("channels", {"pfId": "x"}),
    ("channels", [{"pfId": "x"}]),
    ("channels", [{**dict.fromkeys(("pfId", "profileId", "searchId", "name"), "x"), "reach": "far"}]),
    ("phones", [{"name": "민아린", "number": "abc"}]), ("accounts", {"apiKey": "a"}), ("accounts/nobody", {}),
    ("kakao", {"webhook_url": "file:///etc/passwd", "admin_key": "k"}),
    ("kakao", {"webhook_url": "http://x", "admin_key": "a\r\nb"}),
    ("overrides", [{"number": "01011110000", "friend": "maybe", "pfId": "x"}]), ("settings", {"report_delay_seconds": -1}),
    ("friend", {"number": "01011110000", "pfId": "PF-none", "added": True}),
])  # fmt: skip
def test_bad_control_calls_are_refused(client, path, body):
    status, answer = client.status("POST", f"/_control/{path}", body)

    assert status in (400, 404)
    assert answer["errorMessage"]


@pytest.mark.parametrize("bad", [b"\\q", b"\\u12", b"\xff", b"\x01", b"\xed\xa0\x80", b'"', b'"}', b"\\"])
def test_a_broken_text_deep_in_a_plain_request_is_400_for_all(client, group, bad):
    body = orjson.dumps({"messages": [brand(f"0101010000{i}", f"1-0-{i}", content=f"MARK{i}") for i in range(5)]})

    status, _ = client.raw(
        "PUT", f"{GROUPS}/{group}/messages", body.replace(b"MARK3", bad), Authorization=client.signed()
    )

    assert (status, client("GET", f"{GROUPS}/{group}")["count"]["total"]) == (400, 0)


@pytest.mark.parametrize(("old", "new"), [
    (b"},{", b"}{"), (b"},{", b"},,{"), (b"},{", b"};{"), (b"}]}", b"},]}"), (b"}]}", b"}]}]}"), (b"},{", b"}]}{"),
    (b"},{", b"}, {"),
])  # fmt: skip
def test_separators_are_read_as_json_reads_them(client, group, old, new):
    body = orjson.dumps({"messages": [brand(f"0101010000{i}", f"1-0-{i}") for i in range(3)]}).replace(old, new)
    try:
        lawful = len(orjson.loads(body)["messages"]) == 3
    except orjson.JSONDecodeError:
        lawful = False

    status, _ = client.raw("PUT", f"{GROUPS}/{group}/messages", body, Authorization=client.signed())

    assert (status == 200) == lawful


@pytest.mark.parametrize("name", [b"\xec\x9d", b"\xff", b"\xed\xa0\x80", b"a\xec"])
def test_torn_letters_are_seen_wherever_they_stand_in_a_mould(name):
    """The short way decodes what differs and equal endings once; a letter torn on the seam must not slip through."""
    whole = orjson.dumps({"messages": [brand(f"0105070000{i}", f"9-9-{i}", content=f"{i} 님께") for i in range(3)]})
    assert read_plain(whole, {}) is not None
    for place in (b"0 ", b"1 ", b"2 "):
        assert read_plain(whole.replace(place, place + name, 1), {}) is None
