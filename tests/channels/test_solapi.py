"""The Solapi adapter: the contract, its signature, its status codes, its speed class."""

import json
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels import dealer
from majung.channels.adapters.base import Basket, DealerRefused, NoBalance
from majung.channels.adapters.outcomes import CATEGORIES, CONSEQUENCES, WORDS, Category, Outcome, category
from majung.channels.adapters.solapi import Solapi, SolapiSingle, codes
from majung.channels.adapters.solapi.common import signature
from majung.channels.adapters.terms import Account, Batch, Button, Kind, Message, Reply
from majung.core import clock
from tests.channels.contract import BasketContract
from tests.channels.single_contract import SingleContract
from tests.make.sandbox import Sandbox

ADAPTER = Solapi(Account(base_url="http://127.0.0.1:1", key="k", secret="s"))


@pytest.mark.product("M10")
class TestSolapi(BasketContract):
    """Against the sandbox, over HTTP."""

    adapter = Solapi

    def test_a_clock_that_is_off_pauses(self, sandbox: Sandbox, made: Basket) -> None:
        sandbox.control("clock", {"offset_seconds": 0})

        with pytest.raises(DealerRefused) as refused:
            made.decode_created(dealer.call(made, made.create_group_request()))

        assert refused.value.pause == "CLOCK_SKEW"


def test_signature_is_as_documented() -> None:
    salt = "0123456789abcdef0123456789abcdef"
    expected = "da6a3b32348f4d30e90e35493de3e906032d90e2d417c2df0ac162ffacaf78c1"  # kakao.md §10

    assert signature("SANDBOX-SECRET", "2026-03-02T09:00:00+09:00", salt) == expected


def test_every_documented_code_has_an_outcome_and_words() -> None:
    documented = [
        2000,
        3000,
        4000,
        *range(1010, 1012),
        1013,
        1014,
        *range(1020, 1027),
        1028,
        1029,
        1030,
        1031,
        1032,
        1033,
        1034,
    ]
    documented += [
        *range(1041, 1054),
        1058,
        1060,
        1061,
        1062,
        1064,
        2060,
        2061,
        2062,
        2063,
        2064,
        2230,
        2254,
        3010,
        3013,
        3031,
    ]
    documented += [3032, 3040, *range(3041, 3048), *range(3050, 3061), *range(3101, 3109)]

    assert [code for code in documented if code not in codes.OUTCOMES] == []
    assert set(WORDS) == set(Outcome)


@given(st.integers(-(10**6), 10**6))
def test_unknown_codes_are_failures_or_doubt_and_never_success(code: int) -> None:
    if code in codes.OUTCOMES:
        return
    expected = Outcome.FAILED if 1000 <= code < 4000 else Outcome.IN_DOUBT
    assert codes.outcome(code) == expected


def test_refusals_by_code_name_media_and_path() -> None:
    assert {codes.outcome(code) for code in (1060, 1061, 2060, 2061)} == set(CONSEQUENCES)
    assert CONSEQUENCES[Outcome.OPTED_OUT].media == ("SMS", "KAKAO_AD")


def test_categories_are_one_table() -> None:
    assert bytes([Outcome.DELIVERED, Outcome.NO_BALANCE, Outcome.OPTED_OUT, 200]).translate(CATEGORIES) == bytes(
        [Category.DELIVERED, Category.NOT_YET, Category.REFUSED, Category.IN_DOUBT]
    )
    assert category(Outcome.NOT_A_FRIEND) is Category.NOT_A_FRIEND


def _batch(n: int, **fields: Any) -> Batch:
    given: dict[str, Any] = {
        "kind": Kind.BRAND,
        "message": Message(text="글"),
        "campaign": 7,
        "chunk": 3,
        "pf_id": "PF",
    }
    return Batch(recipients=[b"010%08d" % at for at in range(n)], **(given | fields))


def _item(seq: int, code: int) -> dict[str, Any]:
    return {"messageId": f"M{seq}", "statusCode": str(code), "customFields": {"id": f"7-3-{seq}"}}


def test_registration_is_read_by_id_in_whatever_order() -> None:
    body = orjson.dumps(
        {"errorCount": "2", "resultList": [_item(5, 1061), _item(1, 2000), {"statusCode": "2000"}, _item(9, 1031)]}
    )

    outcomes = ADAPTER.decode_added(Reply(200, body), _batch(4, seqs=[1, 2, 5, 9]))

    assert [Outcome(o) for o in outcomes] == [Outcome.ACCEPTED, Outcome.IN_DOUBT, Outcome.OPTED_OUT, Outcome.TOO_LONG]


def test_registration_without_money_pauses_instead_of_failing_people() -> None:
    body = orjson.dumps({"errorCount": "1", "resultList": [_item(0, 2000), _item(1, 1030)]})

    with pytest.raises(NoBalance):
        ADAPTER.decode_added(Reply(200, body), _batch(2))


def test_a_name_that_looks_like_a_status_does_not_deceive() -> None:
    """The quick reading counts raw bytes; a text that holds them is escaped and cannot be counted."""
    liar = {"statusCode": "1061", "customFields": {"id": "7-3-0"}, "note": '"statusCode":"2000"'}
    body = b'{"errorCount":"0","resultList":[%b]}' % orjson.dumps(liar)

    assert [Outcome(o) for o in ADAPTER.decode_added(Reply(200, body), _batch(1))] == [Outcome.OPTED_OUT]


def test_messages_without_our_id_are_nobodys() -> None:
    body = orjson.dumps({"nextKey": None, "messageList": {"a": {"statusCode": "4000"}, "b": _item(4, 3102)}})

    page = ADAPTER.decode_messages(Reply(200, body))

    assert (page.ids, page.codes, page.next_key) == (["", "7-3-4"], [4000, 3102], "")


values = st.text(max_size=30)


@given(names=st.lists(values, min_size=1, max_size=5), text=values, constant=values)
def test_encoding_is_json_that_says_the_same(names: list[str], text: str, constant: str) -> None:
    """Whatever stands in texts and variables, each message is the template filled in, and ids count up."""
    plain = text.replace("#{", "").encode(errors="replace").decode()
    names = [name.encode(errors="replace").decode() for name in names]
    constant = constant.encode(errors="replace").decode().replace("\ue000", "")
    message = Message(
        text=f"#{{이름}}{plain}#{{기관}}|#{{이름}}",
        buttons=(Button(name="#{이름}", link_mobile="https://a.kr/#{번호}"),),
    )
    batch = _batch(
        len(names), message=message, constants={"기관": constant}, seqs=[3 * at for at in range(len(names))],
        columns={"이름": [name.encode() for name in names], "번호": [b"%d" % at for at in range(len(names))]},
    )  # fmt: skip

    messages = json.loads(ADAPTER.encode(batch))["messages"]

    plain = plain.replace("\ue000", "")
    assert [m["kakaoOptions"]["bms"]["content"] for m in messages] == [f"{n}{plain}{constant}|{n}" for n in names]
    assert [m["kakaoOptions"]["bms"]["buttons"][0]["name"] for m in messages] == names
    assert [m["customFields"]["id"] for m in messages] == [f"7-3-{3 * at}" for at in range(len(names))]
    assert all(m["kakaoOptions"]["disableSms"] is True for m in messages)


def test_a_missing_or_short_column_is_an_error_and_sends_nothing() -> None:
    message = Message(text="#{이름}")
    with pytest.raises(ValueError, match="이름"):
        ADAPTER.encode(_batch(2, message=message))
    with pytest.raises(ValueError, match="1 values for 2 people"):
        ADAPTER.encode(_batch(2, message=message, columns={"이름": [b"a"]}))


@pytest.mark.bench
def test_encoding_speed(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints microseconds a message; perf.md section c has 0.26–0.28 for the loop alone."""
    message = Message(
        text="#{이름}님, 이번 주 소식입니다.\n#{링크}",
        buttons=(Button(name="보기", link_mobile="https://a.kr/#{링크}"),),
    )
    columns = {"이름": ["홍길동".encode()] * 1000, "링크": [b"%d" % at for at in range(1000)]}
    batch = _batch(1000, message=message, columns=columns)
    best = min(_timed(batch) for _ in range(20))
    with capsys.disabled():
        print(f"encode: {best:.3f} µs a message")


def _timed(batch: Batch) -> float:
    begun = time.perf_counter()
    ADAPTER.encode(batch)
    return (time.perf_counter() - begun) / len(batch.recipients) * 1e6


@pytest.mark.product("M10")
class TestSolapiSingle(SingleContract):
    """The call that sends one message, against the sandbox."""

    adapter = SolapiSingle


@given(secret=st.text(min_size=1, max_size=200), salts=st.lists(st.text("0123456789abcdef", min_size=12), max_size=3))
def test_many_proofs_are_the_one_proof(secret: str, salts: list[str]) -> None:
    made = SolapiSingle(Account(base_url="http://127.0.0.1:1", key="k", secret=secret))
    now = clock.now()

    proofs = made.proofs(now, [salt.encode() for salt in salts])

    assert [proof.decode() for proof in proofs] == [
        f"Authorization: {made.sign(made.send_request(), now, salt).headers['Authorization']}" for salt in salts
    ]
