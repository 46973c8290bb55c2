"""The Popbill adapter: the contract, its signature, its bodies, its codes."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels import dealer
from majung.channels.adapters.base import DealerRefused, Finds, Reported
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.channels.adapters.popbill import Popbill, codes
from majung.channels.adapters.terms import Account, Batch, Button, Kind, Message, Reply
from majung.channels.line import Line
from majung.core import clock
from majung.core.errors import Outside
from tests.channels.contract import DAY, DirectContract, a_batch
from tests.make.sandbox import SECRET, Sandbox

RAW_KEY = b"thirty-two bytes of a secret key"
LIVE = Account(
    base_url=Popbill.live_url, key="OURLINK", secret=base64.b64encode(RAW_KEY).decode(), more={"corp": "123-45-67890"}
)
ADAPTER = Popbill(LIVE)


@pytest.mark.product("M10")
class TestPopbill(DirectContract):
    """Against the sandbox, over HTTP."""

    adapter = Popbill
    more = {"corp": "1234567890"}
    secret = base64.b64encode(SECRET.encode()).decode()
    opted_out = Outcome.FAILED
    tells_reasons = False
    profiles = {"@ch1", "@ch2"}

    def batch(self, numbers: list[str], kind: Kind | None = None, **fields: object) -> Batch:
        return super().batch(numbers, kind, **({"sender": "0212345678"} | fields))

    def test_what_was_refused_at_once_stands_in_the_list(self, made: Popbill) -> None:
        batch = self.batch(["01000000001", "01000000098"], Kind.SMS)

        ref, told = self.hand(made, batch)

        assert set(told) == {Outcome.ACCEPTED}
        assert list(self.results(made, batch, ref).values()) == [Outcome.DELIVERED, Outcome.FAILED]

    def test_a_token_serves_until_it_ends(
        self, made: Popbill, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = Line(made)
        first = line.call(made.probe_request(Kind.SMS)).status
        token = line._session
        again = line.call(made.probe_request(Kind.SMS)).status
        kept = line._session
        later = clock.offset_to(DAY + timedelta(minutes=31))
        monkeypatch.setenv(clock.VARIABLE, str(later))
        sandbox.control("clock", {"offset_seconds": later})
        after = line.call(made.probe_request(Kind.SMS)).status

        assert (first, again, after) == (200, 200, 200) and kept is token is not line._session
        line.close()

    def test_a_token_that_linkhub_took_back_is_fetched_anew(self, made: Popbill) -> None:
        line = Line(made)
        line.call(made.probe_request(Kind.SMS))
        assert line._session is not None
        line._session = replace(line._session, token="gone")

        refused = line.call(made.probe_request(Kind.SMS)).status
        again = line.call(made.probe_request(Kind.SMS)).status

        assert (refused, again) == (401, 200)
        line.close()

    def test_clocks_far_apart_are_told(self, made: Popbill, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(clock.VARIABLE, str(clock.offset_to(DAY + timedelta(hours=1))))

        with pytest.raises(DealerRefused) as refused:
            dealer.call(made, made.probe_request(Kind.SMS))

        assert refused.value.pause == "ACCOUNT_KEY" and "15분" in str(refused.value)

    def test_no_money_pauses(self, made: Popbill, sandbox: Sandbox, kind: Kind) -> None:
        sandbox.control("faults", {"no_balance": True})
        batch = self.batch(["01000000001"], kind)

        with pytest.raises(DealerRefused) as refused:
            self.hand(made, batch)

        assert refused.value.pause == "DEALER_REFUSES" and "잔액" in str(refused.value)
        assert sandbox.control(f"books?campaign={batch.campaign}")["gateway_saw"] == 0

    def test_the_points_are_what_is_left(self, made: Popbill) -> None:
        assert made.decode_balance(dealer.call(made, made.balance_request())) > 0


def _sent(batch: Batch) -> tuple[str, dict[str, Any], dict[str, str]]:
    wire = ADAPTER.sign(ADAPTER.send_request(batch.kind, ADAPTER.encode(batch), "7-3-2"), DAY, "0" * 16, "our-token")
    return wire.url, json.loads(wire.body), dict(wire.headers)


def test_a_token_is_asked_for_with_a_signature() -> None:
    wire = ADAPTER.session_request(DAY, "0" * 16)

    assert wire.url == "https://auth.linkhub.co.kr/POPBILL/Token"
    assert json.loads(wire.body) == {
        "access_id": "1234567890",
        "scope": ["member", "150", "151", "152", "153", "154", "155", "156", "157", "158"],
    }
    digest = base64.b64encode(hashlib.sha256(wire.body).digest()).decode()
    said = f"POST\n{digest}\n2026-11-23T01:00:00Z\n2.0\n/POPBILL/Token"
    proof = base64.b64encode(hmac.new(RAW_KEY, said.encode(), hashlib.sha256).digest()).decode()
    assert dict(wire.headers) == {
        "Content-Type": "Application/json", "x-lh-date": "2026-11-23T01:00:00Z", "x-lh-version": "2.0",
        "Authorization": f"LINKHUB OURLINK {proof}",
    }  # fmt: skip
    assert RAW_KEY not in wire.body and LIVE.secret not in repr(LIVE)


def test_an_account_for_trying_asks_the_other_service() -> None:
    tried = Popbill(replace(LIVE, base_url="http://127.0.0.1:9"))

    assert tried.session_request(DAY, "0" * 16).url == "http://127.0.0.1:9/POPBILL_TEST/Token"
    assert tried.balance_request().url == "http://127.0.0.1:9/POPBILL_TEST/Point"


def _told(status: int = 200, /, **inner: Any) -> Reply:
    return Reply(status, orjson.dumps(inner))


def test_a_token_lives_until_shortly_before_its_end() -> None:
    told = ADAPTER.decode_session(_told(session_token="t" * 64, expiration="2026-11-23T01:30:00.123Z"), DAY)

    assert told.token == "t" * 64 and told.until < DAY + timedelta(minutes=30) and "tttt" not in repr(told)


@pytest.mark.parametrize(
    "told",
    [
        {}, {"session_token": "t"}, {"session_token": "", "expiration": "2026-11-23T01:30:00Z"},
        {"session_token": "t", "expiration": "soon"}, {"session_token": "t", "expiration": "2026-11-23T01:30:00"},
        {"session_token": "가", "expiration": "2026-11-23T01:30:00Z"},
        {"session_token": ["t"], "expiration": "2026-11-23T01:30:00Z"},
        {"session_token": "t" * 4001, "expiration": "2026-11-23T01:30:00Z"},
    ],
)  # fmt: skip
def test_what_is_no_token_is_none(told: dict[str, Any]) -> None:
    with pytest.raises(Outside) as doubt:
        ADAPTER.decode_session(_told(**told), DAY)
    assert not isinstance(doubt.value, DealerRefused)


def test_linkhub_that_refuses_means_the_keys() -> None:
    with pytest.raises(DealerRefused) as refused:
        ADAPTER.decode_session(_told(400, code=-11010002, message="등록되지 않은 링크아이디"), DAY)

    assert refused.value.pause == "ACCOUNT_KEY" and refused.value.code == "-11010002"


def test_an_alimtalk_is_as_documented() -> None:
    message = Message(
        text="#{이름}님 #{기관}", template_id="T1",
        buttons=(
            Button(name="보기", link_mobile="https://a.kr/#{길}", link_pc="https://b.kr"), Button(name="", type="AC"),
            Button(name="앱", type="AL", link_ios="ours://i", link_android="ours://a"),
        ),
    )  # fmt: skip
    columns = {"이름": [b"a", '나"'.encode()], "길": [b"1", b"2"]}

    url, body, headers = _sent(
        a_batch(Kind.ALIM, message=message, columns=columns, constants={"기관": "가람"}, seqs=[4, 9])
    )

    assert url == "https://popbill.linkhub.co.kr/ATS"
    assert headers == {
        "Content-Type": "application/json; charset=utf8", "x-pb-version": "1.0", "Authorization": "Bearer our-token",
    }  # fmt: skip
    assert body == {
        "snd": "0212345678", "templateCode": "T1", "requestnum": "7-3-2",
        "msgs": [
            {
                "rcv": f"0100000000{at}", "msg": f"{name}님 가람", "interOPRefKey": f"7-3-{seq}",
                "btns": [
                    {"n": "보기", "t": "WL", "u1": f"https://a.kr/{at + 1}", "u2": "https://b.kr"},
                    {"n": "채널 추가", "t": "AC"}, {"n": "앱", "t": "AL", "u1": "ours://i", "u2": "ours://a"},
                ],
            }
            for at, (seq, name) in enumerate([(4, "a"), (9, '나"')])
        ],
    }  # fmt: skip


def test_a_brand_message_is_as_documented() -> None:
    message = Message(text='#{기관} 소식 "imageUrl":', buttons=(Button(name="보기", link_mobile="https://a.kr"),))
    pictured = replace(message, image_id="https://i.example/1", image_link="https://a.kr")

    url, body, _ = _sent(a_batch(Kind.BRAND, 1, message=message, constants={"기관": "가람"}))
    other_url, other, _ = _sent(a_batch(Kind.BRAND, 1, message=pictured, constants={"기관": "가람"}))

    assert (url, other_url) == tuple(f"https://popbill.linkhub.co.kr/BMS/{name}" for name in ("Text", "Image"))
    assert body == {
        "plusFriendID": "PF", "targeting": "I", "altYN": False, "content": '가람 소식 "imageUrl":', "requestNum": "7-3-2",
        "btns": [{"n": "보기", "t": "WL", "u1": "https://a.kr"}],
        "msgs": [{"receiveNum": "01000000000", "interOPRefKey": "7-3-0"}],
    }  # fmt: skip
    assert other == body | {"imageUrl": "https://i.example/1", "imageLink": "https://a.kr"}


def test_what_differs_a_person_cannot_be_said_to_all() -> None:
    with pytest.raises(ValueError, match="same to everybody"):
        ADAPTER.encode(a_batch(Kind.BRAND, message=Message(text="#{이름}님"), columns={"이름": [b"a", b"b"]}))


@pytest.mark.parametrize("kind", [Kind.SMS, Kind.LMS])
@pytest.mark.parametrize("label", ["", "(광고)"])
def test_a_text_says_to_each_their_own(label: str, kind: Kind) -> None:
    message = Message(text=f"{label}#{{이름}}님", subject="제목" if kind is Kind.LMS else "")

    url, body, _ = _sent(a_batch(kind, message=message, columns={"이름": ["가".encode(), b"b"]}))

    assert url == f"https://popbill.linkhub.co.kr/{kind}"
    assert body == {
        "snd": "0212345678", "requestnum": "7-3-2", **({"adsYN": True} if label else {}),
        **({"subject": "제목"} if message.subject else {}),
        "msgs": [
            {"rcv": f"0100000000{at}", "msg": f"{label}{name}님", "interOPRefKey": f"7-3-{at}"}
            for at, name in enumerate(("가", "b"))
        ],
    }  # fmt: skip


values = st.text(max_size=30).map(lambda text: text.encode(errors="replace").decode())


@given(names=st.lists(values, min_size=1, max_size=5), constant=values)
def test_encoding_is_json_that_says_the_same(names: list[str], constant: str) -> None:
    batch = a_batch(
        Kind.ALIM, len(names), message=Message(text="#{이름}#{기관}", template_id="T%s"), constants={"기관": constant},
        columns={"이름": [name.encode() for name in names]},
    )  # fmt: skip

    _, body, _ = _sent(batch)

    clean = constant.replace("\ue000", "")
    assert [row["msg"] for row in body["msgs"]] == [name + clean for name in names] and body["templateCode"] == "T%s"


@pytest.mark.parametrize(
    ("reply", "error", "pause"),
    [
        (_told(400, code=-99, message="포인트가 모자랍니다"), DealerRefused, "DEALER_REFUSES"),
        (_told(401, code=-99010001), DealerRefused, "ACCOUNT_KEY"), (_told(404, code="-1"), DealerRefused, "DEALER_REFUSES"),
        (_told(404), DealerRefused, "DEALER_REFUSES"), (_told(500, code=-99), Outside, None), (_told(200), Outside, None),
        (_told(200, receiptNum=""), Outside, None), (_told(200, receiptNum=None), Outside, None),
        (_told(200, receiptNum="1" * 65), Outside, None), (_told(200, code=-99, message="…"), Outside, None),
        (_told(302, code=1), DealerRefused, "DEALER_REFUSES"),
    ],
)  # fmt: skip
def test_only_a_number_of_the_request_says_that_it_was_taken(
    reply: Reply, error: type[Outside], pause: str | None
) -> None:
    with pytest.raises(error) as told:
        ADAPTER.decode_handed(reply, a_batch(Kind.ALIM))

    assert isinstance(told.value, DealerRefused) == (pause is not None)
    assert getattr(told.value, "pause", None) == pause


def test_a_request_that_was_taken_is_open_for_everybody() -> None:
    handed = ADAPTER.decode_handed(_told(receiptNum="022100000001"), a_batch(Kind.SMS, 3))

    assert (handed.ref, handed.outcomes) == ("022100000001", bytes((Outcome.ACCEPTED,)) * 3)


def test_only_the_very_key_is_ours() -> None:
    """A "no" is whatever error with a code: it proves nothing. A list may hold anything."""
    rows = [
        {"receiptNum": "1", "requestNum": "7-3-1"}, {"receiptNum": "2"}, {"receiptNum": "3", "requestNum": "7-3-2"}, None,
        {"receiptNum": ["4"], "requestNum": "7-3-3"},
    ]  # fmt: skip
    for told in (Reply(200, orjson.dumps(rows)), _told(msgs=rows)):
        assert ADAPTER.decode_found(told, Kind.SMS, "7-3-2") == "3"
        assert [ADAPTER.decode_found(told, Kind.SMS, key) for key in ("7-3-3", "7-3-9", "")] == ["", "", ""]

    assert ADAPTER.decode_found(_told(400, code=-11000060), Kind.ALIM, "7-3-2") == ""
    for broken in (_told(500, code=-1), _told(401, code=-1), _told(429), _told(400), _told(200), Reply(200, b"x")):
        with pytest.raises(Outside):
            ADAPTER.decode_found(broken, Kind.ALIM, "7-3-2")
    assert {one.finds for one in Popbill.abilities.values()} == {Finds.PERHAPS}


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"state": 3, "result": 100}, Outcome.DELIVERED), ({"state": "3", "result": "100"}, Outcome.DELIVERED),
        ({"state": 3, "result": 201}, Outcome.FAILED), ({"state": 3, "result": None}, Outcome.ACCEPTED),
        ({"state": 1, "result": 100}, Outcome.ACCEPTED), ({"state": 0}, Outcome.ACCEPTED), ({}, Outcome.ACCEPTED),
        ({"state": 4}, Outcome.FAILED), ({"state": 5, "result": 100}, Outcome.IN_DOUBT),
        ({"state": 3, "result": "9" * 40}, Outcome.FAILED), ({"state": 3, "result": "성공"}, Outcome.FAILED),
        ({"state": [3], "result": 100}, Outcome.ACCEPTED), ({"state": True, "result": 100}, Outcome.ACCEPTED),
    ],
)  # fmt: skip
def test_states_of_messages(row: dict[str, Any], outcome: Outcome) -> None:
    page = ADAPTER.decode_results(_told(msgs=[row | {"interOPRefKey": "7-3-4"}]), Kind.ALIM)

    assert ([Outcome(ADAPTER.outcome(code)) for code in page.codes], page.ids, page.next_key) == (
        [outcome],
        ["7-3-4"],
        "",
    )


@given(st.text(max_size=4), st.text(max_size=8))
def test_only_the_number_for_success_is_success(state: str, result: str) -> None:
    assert (codes.outcome(codes.of_row(state, result)) == Outcome.DELIVERED) == (
        state == "3" and result in ("100", "0100", "00100")
    )


def test_a_webhook_names_the_request_and_our_key() -> None:
    one = {"corpNum": "1234567890", "receiptNum": "R1", "requestNum": "7-3-1", "state": 3}

    assert Popbill.reported(orjson.dumps(one)) == {Reported("R1", "7-3-1")}
    assert Popbill.reported(orjson.dumps([one, {"receiptNum": "R2"}, {}])) == {Reported("R1", "7-3-1"), Reported("R2")}
    for hostile in (b"7", b"[7]", b'"x"', orjson.dumps([{}] * 10_001)):
        with pytest.raises(ValueError):
            Popbill.reported(hostile)


@pytest.mark.parametrize("left", ["", None, [], True, "NaN", "inf", "1e300", {"a": 1}])
def test_hostile_points_are_no_balance(left: object) -> None:
    with pytest.raises(Outside):
        ADAPTER.decode_balance(Reply(200, json.dumps({"remainPoint": left}).encode()))


def test_points_are_won() -> None:
    assert [ADAPTER.decode_balance(_told(remainPoint=left)) for left in (12.5, "1000", 0)] == [1250, 100_000, 0]


@pytest.mark.parametrize(
    ("given_", "word"),
    [
        ({"corp": "123"}, "열 자리"), ({"corp": "사업자"}, "열 자리"), ({"secret": "not base64!"}, "그대로"),
        ({"secret": "abc"}, "그대로"),
        ({"key": ""}, "링크아이디"), ({"secret": ""}, "비밀키"),
    ],
)  # fmt: skip
def test_wrong_credentials_are_told(given_: dict[str, str], word: str) -> None:
    whole = {"key": "OURLINK", "secret": LIVE.secret, "corp": "123-45-67890"}

    assert Popbill.lacking(whole) == "" and word in Popbill.lacking(whole | given_)


def test_abilities_are_said_of_each_kind() -> None:
    assert set(Popbill.abilities) == set(Popbill.kinds)
    assert {kind for kind, one in Popbill.abilities.items() if one.reports} == {Kind.ALIM, Kind.BRAND}
    assert {category(codes.outcome(code)) for code in codes.OUTCOMES} <= set(Category)
