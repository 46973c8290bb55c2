"""The NHN Cloud adapter: the contract, its bodies, its codes."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels.adapters.base import DealerRefused, Direct, Reported, UnknownGroup
from majung.channels.adapters.nhn import Nhn, codes
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.channels.adapters.terms import Account, Batch, Button, Kind, Message, Reply
from majung.core import clock
from majung.core.errors import Outside
from tests.channels.contract import DAY, DirectContract, a_batch
from tests.make.sandbox import KEY, SECRET

LIVE = Account(
    base_url=Nhn.live_url,
    key="kakao/key",
    secret="kakao-secret",
    more={"sms_key": "text-key", "sms_secret": "text-secret"},
)
ADAPTER = Nhn(LIVE)


@pytest.mark.product("M10")
class TestNhn(DirectContract):
    """Against the sandbox, over HTTP."""

    adapter = Nhn
    more = {"sms_key": KEY, "sms_secret": SECRET}


def _sent(batch: Batch) -> tuple[str, dict[str, Any], dict[str, str]]:
    wire = ADAPTER.sign(ADAPTER.send_request(batch.kind, ADAPTER.encode(batch), "7-3-2"), DAY, "0" * 16)
    return wire.url, json.loads(wire.body), dict(wire.headers)


def test_an_alimtalk_is_as_documented() -> None:
    message = Message(
        text="#{이름}님 #{기관}", template_id="T1", buttons=(Button(name="보기", link_mobile="https://a.kr/#{길}"),)
    )
    columns = {"이름": [b"a", '나"'.encode()], "길": [b"1", b"2"]}

    url, body, headers = _sent(
        a_batch(Kind.ALIM, message=message, columns=columns, constants={"기관": "가람"}, seqs=[4, 9])
    )

    assert url == "https://kakaotalk-bizmessage.api.nhncloudservice.com/alimtalk/v2.3/appkeys/kakao%2Fkey/messages"
    assert headers["X-Secret-Key"] == "kakao-secret" and headers["X-NC-API-IDEMPOTENCY-KEY"] == "7-3-2"
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert body == {
        "senderKey": "PF", "templateCode": "T1", "senderGroupingKey": "7-3-2",
        "recipientList": [
            {
                "recipientNo": f"0100000000{at}", "recipientGroupingKey": f"7-3-{seq}", "resendParameter": {"isResend": False},
                "templateParameter": {"이름": name, "기관": "가람", "길": str(at + 1)},
            }
            for at, (seq, name) in enumerate([(4, "a"), (9, '나"')])
        ],
    }  # fmt: skip


def test_a_brand_message_is_as_documented() -> None:
    message = Message(
        text="#{기관} 소식", image_id="https://i.example/1", image_link="https://a.kr",
        buttons=(Button(type="AC", name=""), Button(name="보기", link_mobile="https://a.kr", link_pc="https://b.kr")),
    )  # fmt: skip

    url, body, headers = _sent(a_batch(Kind.BRAND, 1, message=message, constants={"기관": "가람"}))

    assert url.endswith("/brand-message/v1.0/appkeys/kakao%2Fkey/freestyle-messages")
    assert "X-NC-API-IDEMPOTENCY-KEY" not in headers
    assert body == {
        "senderKey": "PF", "chatBubbleType": "IMAGE", "content": "가람 소식", "senderGroupingKey": "7-3-2",
        "image": {"imageUrl": "https://i.example/1", "imageLink": "https://a.kr"},
        "buttons": [
            {"name": "채널 추가", "type": "AC"},
            {"name": "보기", "type": "WL", "linkMo": "https://a.kr", "linkPc": "https://b.kr"},
        ],
        "recipientList": [
            {
                "recipientNo": "01000000000", "targeting": "I", "resendParameter": {"isResend": False},
                "recipientGroupingKey": "7-3-0",
            }
        ],
    }  # fmt: skip


def test_a_brand_message_by_template_has_values_a_person() -> None:
    message = Message(text="#{이름}님", template_id="B1")

    url, body, _ = _sent(a_batch(Kind.BRAND, message=message, columns={"이름": [b"a", b"b"]}))

    assert url.endswith("/basic-messages")
    assert [row["templateParameter"] for row in body["recipientList"]] == [{"이름": "a"}, {"이름": "b"}]


@pytest.mark.parametrize(
    ("kind", "text", "path"),
    [
        (Kind.SMS, "글", "/sender/sms"),
        (Kind.SMS, "(광고)글\n무료수신거부 0801234567", "/sender/ad-sms"),
        (Kind.LMS, "글", "/sender/mms"),
        (Kind.LMS, "(광고)글\n무료수신거부 0801234567", "/sender/ad-mms"),
    ],
)
def test_a_text_is_as_documented(kind: Kind, text: str, path: str) -> None:
    message = Message(text=text, subject="제목" if kind is Kind.LMS else "")

    url, body, headers = _sent(a_batch(kind, 1, message=message))

    assert url == f"https://sms.api.nhncloudservice.com/sms/v3.0/appKeys/text-key{path}"
    assert headers["X-Secret-Key"] == "text-secret"
    assert body == {
        "body": text, "sendNo": "0212345678", "senderGroupingKey": "7-3-2", **({"title": "제목"} if message.subject else {}),
        "recipientList": [{"recipientNo": "01000000000", "recipientGroupingKey": "7-3-0"}],
    }  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.BRAND, Kind.SMS, Kind.LMS])
def test_what_differs_a_person_cannot_be_said_to_all(kind: Kind) -> None:
    """Silently sending the first person's name to everybody would be the worst."""
    assert not Nhn.kinds[kind].is_personal
    with pytest.raises(ValueError, match="same to everybody"):
        ADAPTER.encode(a_batch(kind, message=Message(text="#{이름}님"), columns={"이름": [b"a", b"b"]}))


values = st.text(max_size=30).map(lambda text: text.encode(errors="replace").decode())


@given(names=st.lists(values, min_size=1, max_size=5), constant=values)
def test_encoding_is_json_that_says_the_same(names: list[str], constant: str) -> None:
    batch = a_batch(
        Kind.ALIM, len(names), message=Message(text="#{이름}#{기관}", template_id="T%s"), constants={"기관": constant},
        columns={"이름": [name.encode() for name in names]},
    )  # fmt: skip

    _, body, _ = _sent(batch)

    clean = constant.replace("\ue000", "")
    assert [row["templateParameter"] for row in body["recipientList"]] == [
        {"이름": name, "기관": clean} for name in names
    ]
    assert body["templateCode"] == "T%s"


def _answer(code: int, **inner: Any) -> Reply:
    return Reply(
        200, orjson.dumps({"header": {"resultCode": code, "resultMessage": "…", "isSuccessful": code == 0}, **inner})
    )


@pytest.mark.parametrize(
    ("code", "error", "pause"),
    [
        (-1000, DealerRefused, "ACCOUNT_KEY"), (-1001, DealerRefused, "ACCOUNT_KEY"), (-3003, DealerRefused, "DEALER_REFUSES"),
        (-2052, DealerRefused, "DEALER_REFUSES"), (-1016, UnknownGroup, ""), (-9999, Outside, None), (-7000, Outside, None),
    ],
)  # fmt: skip
def test_refusals_under_a_200(code: int, error: type[Outside], pause: str | None) -> None:
    """-9999 and -7000 say that the other side broke: whether the request was taken, they do not say."""
    with pytest.raises(error) as told:
        ADAPTER.decode_handed(_answer(code), a_batch(Kind.ALIM))

    assert isinstance(told.value, DealerRefused) == (pause is not None)
    assert getattr(told.value, "pause", None) == pause


def test_a_success_that_says_it_is_none_is_doubt() -> None:
    body = b'{"header":{"resultCode":0,"isSuccessful":false},"message":{"requestId":"R","sendResults":[]}}'

    with pytest.raises(Outside) as doubt:
        ADAPTER.decode_handed(Reply(200, body), a_batch(Kind.ALIM))
    assert not isinstance(doubt.value, DealerRefused)


def test_all_refused_without_a_list_took_nobody() -> None:
    handed = ADAPTER.decode_handed(_answer(-1031), a_batch(Kind.ALIM))

    assert (handed.ref, handed.outcomes) == ("", bytes((Outcome.NOT_TAKEN,)) * 2)


def test_rows_are_read_by_our_id_or_by_number_in_whatever_order() -> None:
    rows = [
        {"recipientSeq": 2, "recipientNo": "01000000001", "resultCode": -5000, "recipientGroupingKey": "7-3-9"},
        {"recipientSeq": 1, "recipientNo": "01000000000", "resultCode": 0},
        {"recipientSeq": 9, "recipientNo": "01099999999", "resultCode": 0},
        {"recipientSeq": 1, "resultCode": "0", "recipientGroupingKey": "8-3-4"},
    ]

    told = ADAPTER.decode_handed(
        _answer(0, message={"requestId": "R", "sendResults": rows}), a_batch(Kind.ALIM, 3, seqs=[4, 9, 11])
    )

    assert [Outcome(byte) for byte in told.outcomes] == [Outcome.ACCEPTED, Outcome.BAD_NUMBER, Outcome.IN_DOUBT]


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"messageStatus": "COMPLETED", "resultCode": "MRC01"}, Outcome.DELIVERED),
        ({"messageStatus": "FAILED", "resultCode": "3019"}, Outcome.NO_TALK),
        ({"messageStatus": "FAILED", "resultCode": "3019", "isAddedChannel": False}, Outcome.NO_TALK),
        ({"messageStatus": "FAILED", "resultCode": "3018", "isAddedChannel": False}, Outcome.NOT_A_FRIEND),
        ({"messageStatus": "FAILED", "resultCode": "3018", "isAddedChannel": None}, Outcome.TALK_BLOCKED),
        ({"messageStatus": "FAILED", "resultCode": "3005"}, Outcome.ACCEPTED),
        ({"messageStatus": "FAILED", "resultCode": "MRC02"}, Outcome.FAILED),
        ({"messageStatus": "CANCEL"}, Outcome.FAILED),
        ({"messageStatus": None, "resultCode": None}, Outcome.ACCEPTED),
        ({"resultCode": "1000"}, Outcome.ACCEPTED),
        ({"messageStatus": "FAILED", "resultCode": "1" * 40}, Outcome.FAILED),
    ],
)
def test_states_of_kakao_messages(row: dict[str, Any], outcome: Outcome) -> None:
    told = _answer(0, messageSearchResultResponse={"messages": [row | {"recipientSeq": 3}], "totalCount": 1})

    page = ADAPTER.decode_results(told, Kind.BRAND)

    assert ([Outcome(ADAPTER.outcome(code)) for code in page.codes], page.places) == ([outcome], [2])


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        ("3", "1000", Outcome.DELIVERED), ("2", None, Outcome.ACCEPTED), ("1", "", Outcome.ACCEPTED), ("7", "", Outcome.ACCEPTED),
        ("0", "3001", Outcome.BAD_NUMBER), ("0", "3006", Outcome.HANDSET_REFUSED), ("0", "E915", Outcome.DUPLICATE),
        ("0", "E919", Outcome.OUT_OF_HOURS), ("0", "E999", Outcome.FAILED), ("0", "1000", Outcome.FAILED),
        ("0", "3019", Outcome.KISA_BLOCK), ("4", "", Outcome.FAILED), ("5", "", Outcome.DUPLICATE), ("6", "x", Outcome.FAILED),
    ],
)  # fmt: skip
def test_states_of_texts(status: str, code: str | None, outcome: Outcome) -> None:
    """The same number means another thing than at Kakao: 3019 is a sender blocked by KISA here."""
    told = _answer(0, body={"data": [{"msgStatus": status, "resultCode": code, "recipientSeq": 1}], "totalCount": 1})

    page = ADAPTER.decode_results(told, Kind.SMS)

    assert [Outcome(ADAPTER.outcome(one)) for one in page.codes] == [outcome]


@given(st.text(max_size=8), st.text(max_size=12), st.booleans() | st.none())
def test_only_the_word_for_success_is_success(status: str, code: str, is_added: bool | None) -> None:
    assert (codes.outcome(codes.kakao(status, code, is_added)) == Outcome.DELIVERED) == (
        status == "COMPLETED" or (status == "FAILED" and code == "1000")
    )
    assert (codes.outcome(codes.text(status, code)) == Outcome.DELIVERED) == (status == "3")


def test_every_documented_code_has_an_outcome() -> None:
    kakao = [
        1000,
        1001,
        1002,
        1003,
        1004,
        1006,
        1007,
        1011,
        1012,
        1013,
        1015,
        1020,
        *range(1021, 1026),
        1027,
        1028,
        1030,
        1033,
    ]
    kakao += [
        2001,
        2003,
        2005,
        3000,
        3005,
        3006,
        3008,
        *range(3010, 3017),
        *range(3018, 3049),
        *range(3050, 3059),
        4131,
        4138,
        4144,
    ]
    texts = [
        1000,
        1001,
        1002,
        1003,
        1019,
        2000,
        *range(2001, 2008),
        3000,
        3001,
        3003,
        3004,
        3006,
        3010,
        3012,
        3013,
        *range(3015, 3020),
    ]
    known = set(codes.OUTCOMES)

    assert [code for code in kakao if code not in known] == [2003]  # only with isAddedChannel (assumed.py)
    assert [code for code in texts if codes.TEXT + code not in known] == []


def test_a_webhook_names_requests_and_keys() -> None:
    hooks = [
        {"requestId": "R1", "senderGroupingKey": "7-3-1", "recipientSeq": 1}, {"requestId": "R1", "senderGroupingKey": "7-3-1"},
        {"requestId": "R2", "senderGroupingKey": None}, {"requestId": ""}, {}, 7, None,
    ]  # fmt: skip

    assert Nhn.reported(orjson.dumps({"event": "MESSAGE_RESULT_UPDATE", "hooks": hooks})) == {
        Reported("R1", "7-3-1"),
        Reported("R2"),
    }


def test_a_row_of_another_key_is_not_ours() -> None:
    """Where the filter is not known to work, a list may hold anything."""
    rows = [
        {"requestId": "R0", "senderGroupingKey": "7-3-1"},
        {"requestId": "R9"},
        {"requestId": "R1", "senderGroupingKey": "7-3-2"},
    ]
    told = _answer(0, messageSearchResultResponse={"messages": rows, "totalCount": 3})

    assert ADAPTER.decode_found(told, Kind.BRAND, "7-3-2") == "R1"
    assert ADAPTER.decode_found(told, Kind.BRAND, "7-3-3") == ""


def test_the_moment_is_asked_for_in_seoul() -> None:
    with clock.frozen(DAY):
        url = ADAPTER.find_request(Kind.SMS, "7-3-2", clock.now()).url

    assert (
        "startRequestDate=2026-11-23+09%3A50%3A00&endRequestDate=2026-11-23+12%3A00%3A00&senderGroupingKey=7-3-2" in url
    )


def test_one_pair_of_keys_is_enough() -> None:
    assert Nhn.lacking({"key": "a", "secret": "b"}) == "" == Nhn.lacking({"sms_key": "a", "sms_secret": "b"})
    assert "함께" in Nhn.lacking({"key": "a", "secret": "b", "sms_key": "c"})


def test_abilities_are_said_of_each_kind() -> None:
    assert issubclass(Nhn, Direct) and set(Nhn.abilities) == set(Nhn.kinds)
    assert {category(codes.outcome(code)) for code in codes.OUTCOMES} <= set(Category)
