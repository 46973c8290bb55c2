"""What the sandbox calls by itself: reports with five tries, and Kakao's channel webhook."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest

from tests.sandbox.harness import NEAR, WIDE, brand, until


class Receiver:
    """An HTTP server that remembers what came and answers what it is told to."""

    def __init__(self):
        self.calls, self.answers = [], []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.calls.append((self.path, dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def items(self):
        return [item for _, _, body in self.calls for item in body]


@pytest.fixture
def receiver(client):
    receiver = Receiver()
    yield receiver
    client("POST", f"/_control/accounts/{client.key}/webhook", {"url": ""})
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture
def reporting(client, receiver):
    client("POST", f"/_control/accounts/{client.key}/webhook", {"url": receiver.url + "/reports/secret"})
    return receiver


def test_reports_come_as_a_list_and_agree_with_the_pull(client, reporting):
    group = client.send(
        [brand("01040400001", "41-0-0"), brand("01040400075", "41-0-1"), brand("01040400098", "41-0-2")]
    )
    until(lambda: any("count" in item["data"] for item in reporting.items()))

    single = [item["data"] for item in reporting.items() if "messageId" in item["data"]]
    whole = [item["data"] for item in reporting.items() if "count" in item["data"]]
    assert {d["customFields"]["id"]: d["statusCode"] for d in single} == {"41-0-0": "4000", "41-0-1": "3102"}
    assert {d["to"]: d["statusCode"] for d in single} | {"01040400098": "1061"} == client.codes(group)
    assert [(d["groupId"], d["status"], d["count"]["sentSuccess"]) for d in whole] == [(group, "COMPLETE", 1)]
    assert all(set(item) == {"eventDataId", "data", "retryCount"} for item in reporting.items())
    assert reporting.calls[0][0] == "/reports/secret"


def test_reports_of_groups_alone_can_be_chosen(client, receiver):
    chosen = {"url": receiver.url + "/reports/secret", "reports": ["group"]}
    client("POST", f"/_control/accounts/{client.key}/webhook", chosen)
    group = client.send([brand("01040400001", "44-0-0")])
    until(lambda: receiver.items())
    time.sleep(0.3)
    client("POST", f"/_control/accounts/{client.key}/webhook", {"reports": ["single", "group"]})
    assert [item["data"]["groupId"] for item in receiver.items()] == [group]
    assert "count" in receiver.items()[0]["data"]


def test_a_report_comes_five_times_in_all(client, reporting):
    reporting.answers = [500] * 30
    client.send([brand("01040400001")])
    until(lambda: sum("messageId" in i["data"] for i in reporting.items()) == 5)
    time.sleep(0.3)

    tries = [item for item in reporting.items() if "messageId" in item["data"]]
    assert [item["retryCount"] for item in tries] == [0, 1, 2, 3, 4]
    assert len({item["eventDataId"] for item in tries}) == 1


def test_a_report_answered_with_200_does_not_come_again(client, reporting):
    reporting.answers = [503]
    client.send([brand("01040400001")])
    until(lambda: len(reporting.calls) >= 3)
    time.sleep(0.2)

    assert sum("messageId" in item["data"] for item in reporting.items()) <= 2
    assert len(reporting.calls) == 3


def test_reports_can_come_twice_and_a_hidden_group_makes_none(client, reporting):
    client("POST", "/_control/faults", {"duplicate_webhooks": True})
    client.send([brand("01040400001")])
    until(lambda: len(reporting.calls) == 4)
    client("POST", "/_control/faults", {"reset": True, "hide_next": 1})
    client.send([brand("01040400002")])
    time.sleep(0.2)

    assert len(reporting.calls) == 4


def kakao(client, receiver, **more):
    client("POST", "/_control/kakao", {"webhook_url": receiver.url + "/kakao", "admin_key": "primary-key", **more})


def test_adding_and_blocking_a_channel_calls_kakaos_webhook(client, receiver):
    kakao(client, receiver)

    client("POST", "/_control/friend", {"number": "010-1234-5675", "pfId": "PF-near", "added": True})
    until(lambda: len(receiver.calls) == 1)
    client("POST", "/_control/friend", {"number": "010-1234-5675", "pfId": "PF-near", "added": False})
    until(lambda: len(receiver.calls) == 2)

    path, headers, added = receiver.calls[0]
    assert (path, headers["Authorization"], headers["User-Agent"]) == (
        "/kakao",
        "KakaoAK primary-key",
        "KakaoOpenAPI/1.0",
    )
    assert (added["event"], added["id"], added["id_type"]) == ("added", "1012345675", "app_user_id")
    assert (added["channel_public_id"], added["channel_uuid"]) == (NEAR["profileId"], NEAR["searchId"])
    assert added["updated_at"].endswith("Z")
    assert receiver.calls[1][2]["event"] == "blocked"
    assert headers["X-Kakao-Resource-ID"] != receiver.calls[1][1]["X-Kakao-Resource-ID"]


def test_the_friendship_made_by_hand_decides_the_next_message(client):
    client("POST", "/_control/friend", {"number": "01012345675", "pfId": "PF-near", "added": True})
    group = client.send([brand("01012345675", "42-0-0", "PF-near")])
    client.settled(group)

    assert client.codes(group) == {"01012345675": "4000"}


@pytest.mark.parametrize(("fault", "calls", "id_type"), [
    ({"kakao_twice": True}, 2, "app_user_id"), ({"kakao_lost_probability": 1}, 0, None), ({"kakao_open_id": True}, 1, "open_id"),
])  # fmt: skip
def test_kakaos_webhook_can_be_lost_doubled_or_opaque(client, receiver, fault, calls, id_type):
    kakao(client, receiver)
    client("POST", "/_control/faults", fault)

    client("POST", "/_control/friend", {"number": "01012345601", "pfId": "PF-wide", "added": False})
    time.sleep(0.2)

    assert len(receiver.calls) == calls
    assert len({headers["X-Kakao-Resource-ID"] for _, headers, _ in receiver.calls}) == min(calls, 1)
    assert {body["id_type"] for _, _, body in receiver.calls} == ({id_type} if id_type else set())
    client("POST", "/_control/friend", {"number": "01012345601", "pfId": "PF-wide", "added": True})


def test_an_app_hears_only_of_its_channels_and_refusing_calls_nobody(client, receiver):
    kakao(client, receiver, channels=[WIDE["profileId"]])

    client("POST", "/_control/friend", {"number": "01012345602", "pfId": "PF-near", "added": True})
    client("POST", "/_control/refuse", {"number": "01012345602"})
    client("POST", "/_control/friend", {"number": "01012345602", "pfId": "PF-wide", "added": True})
    until(lambda: receiver.calls)
    time.sleep(0.1)

    assert [body["channel_public_id"] for _, _, body in receiver.calls] == ["_wide"]
