"""The bench's gateway against the sandbox: the same requests through the Solapi adapter get the same answers, byte for byte."""

import re
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

from bench import gateway
from majung.channels import dealer
from majung.channels.adapters.base import Adapter, GroupState
from majung.channels.adapters.solapi import Solapi, SolapiSingle
from majung.channels.adapters.terms import Account, Batch, Button, Kind, Message, Reply, Wire
from majung.core import clock
from tests.channels.contract import DAY
from tests.make.sandbox import KEY, SECRET, Sandbox

pytestmark = pytest.mark.product("O6")

CHANNELS = [
    {"pfId": "PF_ch1", "profileId": "_ch1", "searchId": "@ch1", "name": "가까운", "reach": "near"},
    {"pfId": "PF_ch2", "profileId": "_ch2", "searchId": "@ch2", "name": "넓은", "reach": "wide"},
]
OF_THE_MOMENT = re.compile(r"(?<=[GM]4V)\d{29}|\d{4}-\d\d-\d\dT[\d:.]+Z")
BY_TIME = {"first_arrival", "last_arrival", "gateway_seconds"}


@pytest.fixture(scope="session")
def _gateway() -> Iterator[gateway.Gateway]:
    with gateway.running(key=KEY, report_delay_seconds=0.05) as running:
        yield running


@pytest.fixture
def both(_gateway: gateway.Gateway, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[Adapter]:
    """The adapter with the sandbox and with the gateway, both at ten in the morning."""
    monkeypatch.setenv(clock.VARIABLE, str(clock.offset_to(DAY)))
    _gateway.forget()
    _gateway.control("settings", {"report_delay_seconds": 0.05, "by_ending": True})
    for control in (sandbox.control, _gateway.control):
        control("clock", {"offset_seconds": clock.offset_to(DAY)})
        control("channels", CHANNELS)
    return [Solapi(Account(base_url=url, key=KEY, secret=SECRET)) for url in (sandbox.url, _gateway.url)]


def batch(numbers: list[str], **fields: Any) -> Batch:
    given: dict[str, Any] = {
        "kind": Kind.BRAND, "message": Message(text="소식입니다"), "pf_id": "PF_ch1", "chunk": 3, "campaign": 7,
    }  # fmt: skip
    return Batch(recipients=[n.encode() for n in numbers], **(given | fields))


def told(reply: Reply) -> tuple[int, str]:
    """An answer without what differs by the moment."""
    return reply.status, OF_THE_MOMENT.sub("*", reply.body.decode())


def lines(url: str, path: str) -> list[str]:
    with urlopen(f"{url}/_control/{path}", timeout=10) as answer:
        return answer.read().decode().splitlines()


def whole_way(made: Adapter, batches: list[Batch], limit: int = 7) -> list[tuple[int, str]]:
    """Every answer from opening a basket to the last page of its results."""
    answers: list[tuple[int, str]] = []

    def call(wire: Wire) -> Reply:
        reply = dealer.call(made, wire)
        answers.append(told(reply))
        return reply

    group = made.decode_created(call(made.create_group_request()))
    for one in batches:
        made.decode_added(call(made.add_messages_request(group, made.encode(one))), one)
    call(made.group_request(group))
    call(made.group_messages_request(group, limit=1))
    call(made.send_request(group))
    call(made.send_request(group))
    call(made.drop_group_request(group))
    for one in batches:
        call(made.add_messages_request(group, made.encode(one)))
    while made.decode_group(dealer.call(made, made.group_request(group))).state is not GroupState.DONE:
        time.sleep(0.02)
    call(made.group_request(group))
    key = ""
    while True:
        page = made.decode_messages(call(made.group_messages_request(group, key, limit)))
        if not (key := page.next_key):
            return answers


BUTTON = Button(name="보기", link_mobile="https://example.invalid/#{이름}")
HOSTILE = ['"customFields":{"id":"1-2-3"}', '{"to":"01011112222"', "뒤\\빗금", "}]}", "한\n줄", "#{이름}"]
SETS = {
    "every ending, near": [batch([f"010123456{n:02}" for n in range(100)])],
    "every ending, wide": [batch([f"010123456{n:02}" for n in range(100)], pf_id="PF_ch2")],
    "an unknown channel": [batch(["01012345601", "01012345695"], pf_id="PF_none")],
    "two requests with repeats": [batch(["01000000001", "01000000002", "01000000001"]), batch(["01000000002", "01000000003"])],
    "several channels": [batch(["01000000085"]), batch(["01000000086"], pf_id="PF_ch2"), batch(["01000000087"])],
    "a sender": [batch(["01000000001", "01000000075"], sender="0212345678")],
    "numbers of all lengths": [batch(["12345678", "0212345678", "010123456789012", "01000000001"])],
    "a chunk with holes": [batch(["01000000001", "01000000002", "01000000098"], seqs=[5, 70, 999])],
    "hostile words": [
        batch(
            [f"0100000{n:04}" for n in range(len(HOSTILE))], columns={"이름": [h.encode() for h in HOSTILE]},
            message=Message(text="#{이름} 님 100%", buttons=(BUTTON,)),
        )
    ],
    "a thousand": [batch([f"0107{n:07}" for n in range(1000)], message=Message(text="긴 글 " * 100))],
    "texts": [
        batch(["01000000001", "01000000095", "01000000098"], kind=Kind.SMS, message=Message(text="짧은 글"), sender="0212345678"),
        batch(
            ["01000000011", "01000000198"], kind=Kind.LMS, sender="0212345678",
            message=Message(text="(광고) 긴 글\n무료수신거부 080-123-4567", subject="제목"),
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_the_same_way_has_the_same_answers(
    name: str, both: list[Adapter], sandbox: Sandbox, _gateway: gateway.Gateway
) -> None:
    campaign = 7_000 + list(SETS).index(name)
    batches = [
        Batch(
            kind=b.kind, message=b.message, campaign=campaign, chunk=b.chunk + n, recipients=b.recipients, columns=b.columns,
            seqs=b.seqs, pf_id=b.pf_id, sender=b.sender,
        )
        for n, b in enumerate(SETS[name])
    ]  # fmt: skip
    limit = 400 if name == "a thousand" else 7

    real, fast = (whole_way(made, batches, limit) for made in both)

    assert fast == real
    books = [control(f"books?campaign={campaign}") for control in (sandbox.control, _gateway.control)]
    assert {k: v for k, v in books[1].items() if k not in BY_TIME} == {
        k: v for k, v in books[0].items() if k not in BY_TIME
    }
    assert books[0]["gateway_saw"] > 0
    for state in ("taken", "accepted", "refused", "delivered", "arrived"):
        lists = [lines(url, f"books/ids?campaign={campaign}&state={state}") for url in (sandbox.url, _gateway.url)]
        assert lists[1] == lists[0]
    messages, ours = (lines(url, f"books/messages?campaign={campaign}") for url in (sandbox.url, _gateway.url))
    assert ours == messages
    delivered = [line.split() for line in messages if line.endswith(" 4000")]
    numbers = np.array([int("1" + number) for _, number, _, _ in delivered], np.uint64)
    assert _gateway.number_hashes(campaign).tolist() == gateway.hashes(numbers).tolist()
    ids = [int(id_.split("-")[1]) << 32 | int(id_.split("-")[2]) for id_, *_ in delivered]
    assert _gateway.ids(campaign, "delivered").tolist() == ids


def test_one_call_for_all(both: list[Adapter]) -> None:
    answers = []
    for made in both:
        body = made.encode(batch(["01000000001", "01000000098"], campaign=7_100))[:-1] + b',"showMessageList":true}'
        reply = dealer.call(made, Wire("POST", f"{made.account.base_url}/messages/v4/send-many/detail", {}, body))
        answers.append(told(reply))

    assert answers[0] == answers[1] and answers[0][0] == 200


def test_a_dropped_basket_and_an_empty_one(both: list[Adapter]) -> None:
    answers = []
    for made in both:
        group = made.decode_created(dealer.call(made, made.create_group_request()))
        wires = [
            made.send_request(group), made.drop_group_request(group), made.group_request(group), made.send_request(group),
            made.drop_group_request(group), made.group_request("G4V" + "0" * 29), made.group_request("nothing"),
            made.group_messages_request(group, limit=5), made.group_messages_request(group, "M4V" + "9" * 29),
            made.balance_request(),
        ]  # fmt: skip
        answers.append([told(dealer.call(made, wire)) for wire in wires])

    assert [status for status, _ in answers[1]] == [status for status, _ in answers[0]]
    assert answers[1][:-1] == answers[0][:-1]


def test_the_night(
    both: list[Adapter], sandbox: Sandbox, _gateway: gateway.Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = clock.offset_to(DAY) + 11 * 3600
    monkeypatch.setenv(clock.VARIABLE, str(night))
    for control in (sandbox.control, _gateway.control):
        control("clock", {"offset_seconds": night})

    real, fast = (whole_way(made, [batch(["01000000001", "01000000095"], campaign=7_101)]) for made in both)

    assert fast == real and "3108" in fast[-1][1]


OF_A_FRIEND = b'"type":"BMS_FREE","kakaoOptions":{"pfId":"PF"}'
BAD = {
    "no list": b'{"messages":{}}',
    "an empty list": b'{"messages":[]}',
    "torn": b'{"messages":[{"to":"01000000001"',
    "a number that is none": b'{"messages":[{"to":"0100000000x",%b,"customFields":{"id":"1-1-1"}}]}' % OF_A_FRIEND,
    "no id": b'{"messages":[{"to":"01000000001",%b}]}' % OF_A_FRIEND,
    "an id of others": b'{"messages":[{"to":"01000000001",%b,"customFields":{"id":"x"}}]}' % OF_A_FRIEND,
    "another kind": b'{"messages":[{"to":"01000000001","type":"FAX","customFields":{"id":"1-1-1"}}]}',
    "control bytes": b'{"messages":[' + bytes(range(256)) + b"]}",
    "deep": b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "no JSON": b"\x00\x01",
}


@pytest.mark.parametrize("name", BAD)
def test_what_it_cannot_take_leaves_nothing(name: str, both: list[Adapter], _gateway: gateway.Gateway) -> None:
    made = both[1]
    good = batch([f"0108000{n:04}" for n in range(3)], campaign=7_200)
    group = made.decode_created(dealer.call(made, made.create_group_request()))
    made.decode_added(dealer.call(made, made.add_messages_request(group, made.encode(good))), good)
    tail = BAD[name].partition(b'{"messages":[')[2] or b"]}"
    half = made.encode(batch(["01080009999"], campaign=7_200))[:-2] + b"," + tail

    for body in (BAD[name], half):
        assert dealer.call(made, made.add_messages_request(group, body)).status == 400

    again = batch(["01080009999"], campaign=7_200, chunk=4)
    added = made.decode_added(dealer.call(made, made.add_messages_request(group, made.encode(again))), again)
    assert made.outcome(2000) == added[0]
    made.decode_sent(dealer.call(made, made.send_request(group)))
    assert _gateway.books(7_200)["accepted"] == _gateway.books(7_200)["messages"] == 4


def test_one_message_without_an_id_among_many_is_not_swallowed(both: list[Adapter]) -> None:
    made = both[1]
    group = made.decode_created(dealer.call(made, made.create_group_request()))
    body = made.encode(batch([f"0100000{n:04}" for n in range(5)])).replace(b',"customFields":{"id":"7-3-2"}', b"")

    assert dealer.call(made, made.add_messages_request(group, body)).status == 400
    assert made.decode_group(dealer.call(made, made.group_request(group))).total == 0


def test_shares_by_a_hash_of_the_number(both: list[Adapter], _gateway: gateway.Gateway) -> None:
    made, numbers = both[1], [f"010{n:08}" for n in range(10_000)]
    _gateway.control("settings", {"not_friend_share": 0.2, "refused_share": 0.1, "report_delay_seconds": 0})
    group = made.decode_created(dealer.call(made, made.create_group_request()))
    one = batch(numbers, campaign=7_300, pf_id="PF_any")
    first = made.decode_added(dealer.call(made, made.add_messages_request(group, made.encode(one))), one)

    sent = made.decode_sent(dealer.call(made, made.send_request(group)))

    books = _gateway.books(7_300)
    assert sent.state is GroupState.DONE and sent.accepted == first.count(made.outcome(2000)) == books["accepted"]
    assert 800 < books["refused_by_code"]["1061"] < 1200 and 1600 < books["not_delivered_by_code"]["3102"] < 2000


@pytest.mark.parametrize("pieces", [1, 7, 4096])
def test_requests_in_pieces_and_in_a_row(pieces: int, _gateway: gateway.Gateway) -> None:
    """Bytes come as the network likes; several requests may wait in one line."""
    request = b"GET /_control/health HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b'{"allowDuplicates":false}'
    stream = (request + b"POST /messages/v4/groups HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)) * 5
    with socket.create_connection(("127.0.0.1", int(_gateway.url.rsplit(":", 1)[1])), timeout=10) as line:
        for at in range(0, len(stream), pieces):
            line.sendall(stream[at : at + pieces])
        heard = b""
        while heard.count(b"HTTP/1.1 200 OK") < 10 or not heard.endswith(b"}"):
            more = line.recv(65536)
            assert more
            heard += more

    assert heard.count(b'"status":"PENDING"') == 5


@pytest.mark.parametrize(
    "said", [b"\r\n\r\n", b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
             b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"],
)  # fmt: skip
def test_hostile_lines_are_hung_up_on(said: bytes, _gateway: gateway.Gateway) -> None:
    with socket.create_connection(("127.0.0.1", int(_gateway.url.rsplit(":", 1)[1])), timeout=10) as line:
        line.sendall(said)
        assert line.recv(65536).startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))

    assert _gateway.control("health")["ok"]


def test_without_a_compiler_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(gateway.NoCompiler, match="apt install gcc"):
        gateway.built()


ALONE = {
    "every ending": batch([f"010123457{n:02}" for n in range(100)], campaign=7_400),
    "an unknown channel": batch(["01012345701"], pf_id="PF_none", campaign=7_401),
    "hostile words": batch(
        [f"0100001{n:04}" for n in range(len(HOSTILE))], columns={"이름": [h.encode() for h in HOSTILE]}, campaign=7_402,
        message=Message(text="#{이름} 님 100%", buttons=(BUTTON,)), seqs=[5, 70, 71, 72, 400, 999],
    ),
    "texts": batch(
        ["01000000001", "01000000098"], kind=Kind.LMS, sender="0212345678", campaign=7_403,
        message=Message(text="(광고) 긴 글\n무료수신거부 080-123-4567", subject="제목"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_one_person_a_request(
    name: str, both: list[Adapter], sandbox: Sandbox, _gateway: gateway.Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answers, byte for byte; the same books; and of the lists, by time and by number, the same ids and codes."""
    at = clock.offset_to(DAY) + 3600 + 60 * list(ALONE).index(name)  # when nobody else sends
    monkeypatch.setenv(clock.VARIABLE, str(at))
    for control in (sandbox.control, _gateway.control):
        control("clock", {"offset_seconds": at})
    since = clock.now()
    answers, listed, asked = [], [], []
    for account in (both[0].account, both[1].account):
        made = SolapiSingle(account)
        bodies = made.encode_each(ALONE[name])
        wires = [Wire("POST", made.send_request().url, {}, body) for body in bodies]
        replies = [dealer.call(made, wire) for wire in wires]
        answers.append([told(reply) for reply in replies])
        deadline = time.monotonic() + 20
        while True:
            pages, key = [], ""
            while True:
                window = (since - timedelta(seconds=5), clock.now() + timedelta(seconds=5))
                page = made.decode_results(dealer.call(made, made.results_request(*window, key, 7)))
                pages += list(zip(page.ids, page.codes, strict=True))
                if not (key := page.next_key):
                    break
            mine = [row for row in pages if row[0].startswith(f"{ALONE[name].campaign}-")]
            if not {2000, 3000} & {code for _, code in mine} and mine:
                break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        listed.append(mine)
        person = made.person_request(ALONE[name].recipients[0], *window)
        page = made.decode_results(dealer.call(made, person))
        asked.append([row for row in zip(page.ids, page.codes, strict=True) if row in mine])

    assert answers[1] == answers[0] and {status for status, _ in answers[0]} == {200}
    assert listed[1] == listed[0] and len(listed[0]) == len(ALONE[name].recipients)
    assert asked[1] == asked[0] and len(asked[0]) == 1
    campaign = ALONE[name].campaign
    books = [control(f"books?campaign={campaign}") for control in (sandbox.control, _gateway.control)]
    assert {k: v for k, v in books[1].items() if k not in BY_TIME} == {
        k: v for k, v in books[0].items() if k not in BY_TIME
    }


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b'{"message":[]}', b'{"message":{}}', b'{"message":"x"}', b'{"message":{"to":["01000000001"]}}',
        b'{"messages":[{}]}', b"\x00",
    ],
)  # fmt: skip
def test_no_message_is_no_request(body: bytes, both: list[Adapter], _gateway: gateway.Gateway) -> None:
    made = both[1]

    assert dealer.call(made, Wire("POST", f"{made.account.base_url}/messages/v4/send", {}, body)).status == 400
    assert _gateway.control("health")["messages"] == 0


@pytest.mark.parametrize(
    "query", ["startDate=x&endDate=y", "startDate=2026-11-23T01:00:00Z", "startDate=%&endDate=%%%", "limit=0"]
)
def test_a_stretch_of_time_that_is_none(query: str, both: list[Adapter]) -> None:
    made = both[1]

    assert dealer.call(made, Wire("GET", f"{made.account.base_url}/messages/v4/list?{query}", {})).status == 400
