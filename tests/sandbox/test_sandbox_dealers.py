"""Aligo's and Popbill's sides: input that wants to break them gets a clear refusal, and webhooks are as described."""

import base64
import hashlib
import hmac
from datetime import UTC
from urllib.parse import urlencode

import orjson
import pytest

from tests.sandbox.harness import until
from tests.sandbox.test_sandbox_webhooks import receiver, reporting  # noqa: F401  fixtures

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def aligo(client, path, fields):
    """A form with the account's keys: the answer."""
    keys = {"userid": client.key, "apikey": client.secret} if path.startswith("/akv10") else {}
    body = urlencode(keys | {"user_id": client.key, "key": client.secret} | fields).encode()
    status, answer = client.raw("POST", path, body, **FORM)
    assert status == 200
    return orjson.loads(answer)


def linkhub(client, body, *, secret=None, link=None, path="/POPBILL_TEST/Token", **headers):
    """A signed request for a token."""
    moment = client.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = "\n".join(("POST", base64.b64encode(hashlib.sha256(body).digest()).decode(), moment, "2.0", path))
    proof = hmac.new((secret or client.secret).encode(), said.encode(), hashlib.sha256).digest()
    given = {
        "x-lh-date": moment, "x-lh-version": "2.0",
        "Authorization": f"LINKHUB {link or client.key} {base64.b64encode(proof).decode()}",
    }  # fmt: skip
    status, answer = client.raw("POST", path, body, **(given | headers))
    return status, orjson.loads(answer)


ASKED = orjson.dumps({"access_id": "1234567890", "scope": ["member", *map(str, range(150, 159))]})


@pytest.fixture
def bearer(client):
    status, told = linkhub(client, ASKED)
    assert status == 200
    return {"Authorization": f"Bearer {told['session_token']}"}


@pytest.mark.parametrize("path", ["/akv10/alimtalk/send/", "/send_mass/", "/akv10/history/detail/", "/sms_list/"])
@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe=1", b"&" * 30_000, b"a=1&" * 20_001, b"{}", b"rec_1=1", b"receiver_0=1"]
)
def test_forms_that_are_none_are_refused(client, path, body):
    status, answer = client.raw("POST", path, body, **FORM)

    told = orjson.loads(answer)
    assert status == 200 and told.get("code", told.get("result_code")) < 0 and told["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"sender": "02"}, {"msg_type": "MMS"}, {"cnt": "2"}, {"cnt": "x"}, {"rec_3": "01010100003", "cnt": "2"}, {"rec_1": ""},
        {"msg_1": ""}, {"rec_1": "전화"}, {"title": "가" * 100, "msg_type": "LMS"}, {"msg_1": "\x00"}, {"msg_1": "가" * 46},
    ],
)  # fmt: skip
def test_odd_texts_are_refused_or_counted(client, fields):
    good = {"sender": "0212345678", "msg_type": "SMS", "cnt": "1", "rec_1": "01010100001", "msg_1": "글"}

    told = aligo(client, "/send_mass/", good | fields)

    assert int(told["result_code"]) < 0 or told["success_cnt"] + told["error_cnt"] == 1


@pytest.mark.parametrize(
    "fields", [{"page": "0"}, {"page": "x"}, {"page_size": "29"}, {"page_size": "501"}, {"mid": ""}, {"page": "9" * 99}]
)
def test_odd_pages_are_refused(client, fields):
    assert aligo(client, "/sms_list/", {"mid": "1", "page": "1", "page_size": "30"} | fields)["result_code"] < 0


def test_without_a_token_nothing_of_kakao_is_answered(client):
    assert aligo(client, "/akv10/profile/list/", {})["code"] == -99
    token = aligo(client, "/akv10/token/create/60/i/", {})["token"]
    assert aligo(client, "/akv10/profile/list/", {"token": token})["code"] == 0
    assert aligo(client, "/akv10/profile/list/", {"token": token[:-1]})["code"] == -99


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"access_id":"1","scope":["member"]}', b'{"access_id":"1234567890","scope":7}']
)
def test_requests_for_tokens_that_are_none_are_refused(client, body):
    status, told = linkhub(client, body)

    assert status == 400 and told["code"] < 0 and told["message"]


def test_signatures_of_others_are_refused(client):
    assert linkhub(client, ASKED, secret="another")[0] == 400
    assert linkhub(client, ASKED, link="nobody")[0] == 400
    assert linkhub(client, ASKED, **{"x-lh-date": "2020-01-01T00:00:00Z"})[0] == 400
    assert linkhub(client, ASKED, **{"x-lh-date": "soon"})[0] == 400
    assert linkhub(client, ASKED, Authorization="LINKHUB")[0] == 400


@pytest.mark.parametrize("path", ["/ATS", "/BMS/Text", "/BMS/Image", "/SMS", "/LMS"])
@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b"{}", b'{"msgs":7}', b'{"msgs":[]}', b'{"msgs":[7]}', b'{"msgs":[null]}', b"[" * 100_000,
    b'{"snd":"0212345678","msgs":[{"rcv":{}}]}',
    b'{"snd":"0212345678","msgs":[{"rcv":"01010100001"}],"requestnum":"%b"}' % (b"1" * 37),
    b'{"plusFriendID":["@a"],"msgs":[{}]}', b'{"plusFriendID":"PF-wide","msgs":[{}],"btns":7}',
    b'{"plusFriendID":"PF-wide","content":7,"msgs":[{"receiveNum":[]}]}',
])  # fmt: skip
def test_bodies_that_are_no_messages_are_refused(client, bearer, path, body):
    status, answer = client.raw("POST", path, body, **bearer)

    told = orjson.loads(answer)
    assert (status == 400 and told["code"] < 0 and told["message"]) or (status == 200 and told["receiptNum"])


def test_without_a_session_nothing_is_answered(client, bearer):
    for path in ("/Message/SenderNumber", "/KakaoTalk/ListPlusFriendID", "/Message/Get/7-1-1", "/POPBILL_TEST/Point"):
        assert client.raw("GET", path)[0] == 401
        assert client.raw("GET", path, Authorization="Bearer nonsense")[0] == 401
    assert client.raw("GET", "/Message/SenderNumber", **bearer)[0] == 200


def test_a_message_of_kakaotalk_is_reported_and_a_text_is_not(client, bearer, reporting):  # noqa: F811
    said = {"plusFriendID": "PF-wide", "targeting": "I", "content": "글", "requestNum": "7-3-1"}
    people = [
        {"receiveNum": "01040400001", "interOPRefKey": "7-3-0"},
        {"receiveNum": "01040400075", "interOPRefKey": "7-3-1"},
    ]
    texts = {
        "snd": "0212345678",
        "requestnum": "7-4-1",
        "msgs": [{"rcv": "01040400002", "msg": "글", "interOPRefKey": "7-4-0"}],
    }

    told = [
        orjson.loads(client.raw("POST", path, orjson.dumps(body), **bearer)[1])
        for path, body in (("/BMS/Text", said | {"msgs": people}), ("/SMS", texts))
    ]
    until(lambda: len(reporting.calls) == 2)

    assert all(one["receiptNum"] for one in told)
    assert {body["interOPRefKey"]: (body["state"], body["result"]) for _, _, body in reporting.calls} == {
        "7-3-0": (3, 100), "7-3-1": (3, 900),
    }  # fmt: skip
    assert {(body["receiptNum"], body["requestNum"]) for _, _, body in reporting.calls} == {
        (told[0]["receiptNum"], "7-3-1")
    }
    assert all(headers["Pb-Webhook-Type"] == "KAKAO.STATE" for _, headers, _ in reporting.calls)
