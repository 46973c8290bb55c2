"""The Aligo adapter: the contract, its bodies, its codes."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels.adapters.aligo import Aligo, codes
from majung.channels.adapters.base import Abilities, DealerRefused, Direct, Finds, NoBalance
from majung.channels.adapters.outcomes import Category, Outcome, category
from majung.channels.adapters.terms import Account, Batch, Button, Kind, Message, Reply, Wire
from majung.channels.line import Line, Unsent
from majung.core.errors import Outside
from tests.channels.contract import DAY, DirectContract, a_batch
from tests.make.sandbox import KEY, SECRET, Sandbox

ADAPTER = Aligo(Account(base_url=Aligo.live_url, key="our-user", secret="our-key"))


@pytest.mark.product("M10")
class TestAligo(DirectContract):
    """Against the sandbox, over HTTP."""

    adapter = Aligo
    more = {"senders": "02-1234-5678"}
    opted_out = Outcome.NOT_TAKEN

    def batch(self, numbers: list[str], kind: Kind | None = None, **fields: object) -> Batch:
        return super().batch(numbers, kind, **({"sender": "0212345678"} | fields))

    def test_a_long_list_of_texts_is_read_to_its_end(self, made: Aligo) -> None:
        """Its pages have thirty rows at least, and do not say which they are."""
        batch = self.batch([f"0102000{at:04d}" for at in range(0, 7000, 100)], Kind.SMS)

        assert self.became(made, batch, limit=30) == [Outcome.DELIVERED] * 70

    def test_when_only_some_were_taken_the_list_says_who(self, made: Aligo) -> None:
        batch = self.batch(["01000000001", "01000000098", "01000000002"], Kind.SMS)

        ref, told = self.hand(made, batch)

        assert ref and set(told) == {Outcome.IN_DOUBT}
        found = self.results(made, batch, ref)
        assert found == {f"{batch.campaign}-1-{seq}": Outcome.DELIVERED for seq in (0, 2)}

    def test_no_money_pauses_and_nothing_leaves(self, made: Aligo, sandbox: Sandbox, kind: Kind) -> None:
        sandbox.control("faults", {"no_balance": True})
        batch = self.batch(["01000000001"], kind)

        with pytest.raises(NoBalance) as refused:
            self.hand(made, batch)

        assert refused.value.pause == "NO_BALANCE" and not refused.value.retryable
        assert sandbox.control(f"books?campaign={batch.campaign}")["gateway_saw"] == 0

    def test_texts_need_no_token(self, made: Aligo, sandbox: Sandbox) -> None:
        """Who has no Kakao service there can still send texts."""
        sandbox.control("faults", {"error_next": 9, "error_endpoints": ["aligo.token"]})

        assert self.became(made, self.batch(["01000000001"], Kind.SMS)) == [Outcome.DELIVERED]
        with pytest.raises(Outside):
            self.hand(made, self.batch(["01000000001"], Kind.ALIM))

    def test_a_text_that_is_not_the_templates_is_refused(self, made: Aligo, sandbox: Sandbox) -> None:
        batch = self.batch(["01000000001"], Kind.ALIM, message=Message(text="다른 글", template_id="T1"))

        with pytest.raises(DealerRefused) as refused:
            self.hand(made, batch)

        assert refused.value.pause == "DEALER_REFUSES" and "템플릿" in str(refused.value)
        assert sandbox.control(f"books?campaign={batch.campaign}")["gateway_saw"] == 0


def test_a_lost_token_is_as_if_nothing_was_sent(sandbox: Sandbox) -> None:
    """Of the request itself nothing has left: it may simply be tried again."""
    made = Aligo(Account(base_url=sandbox.url, key=KEY, secret=SECRET))
    line = Line(made)
    sandbox.control("faults", {"drop_next": 1, "drop_endpoints": ["aligo.token"]})

    with pytest.raises(Unsent):
        line.call(made.probe_request(Kind.ALIM))
    assert line.call(made.probe_request(Kind.ALIM)).status == 200

    line.close()


def _form(wire: Wire) -> dict[str, str]:
    pairs = parse_qsl(wire.body.decode(), keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), "no field twice"
    return dict(pairs)


def _sent(batch: Batch) -> tuple[str, dict[str, str], dict[str, str]]:
    wire = ADAPTER.sign(ADAPTER.send_request(batch.kind, ADAPTER.encode(batch), "7-3-2"), DAY, "0" * 16, "our-token")
    return wire.url, _form(wire), dict(wire.headers)


def test_an_alimtalk_is_as_documented() -> None:
    message = Message(
        text="#{이름}님 #{기관}", template_id="T1",
        buttons=(Button(name="보기", link_mobile="https://a.kr/#{길}", link_pc="https://b.kr"), Button(name="", type="AC")),
    )  # fmt: skip
    columns = {"이름": [b"a&b=c", '나"+%'.encode()], "길": [b"1", b'"2\\']}

    url, form, headers = _sent(
        a_batch(Kind.ALIM, message=message, columns=columns, constants={"기관": "가람 & 당"}, seqs=[4, 9])
    )

    assert url == "https://kakaoapi.aligo.in/akv10/alimtalk/send/"
    assert headers == {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    buttons = [json.loads(form.pop(f"button_{n}")) for n in (1, 2)]
    assert form == {
        "apikey": "our-key", "userid": "our-user", "token": "our-token", "senderkey": "PF", "tpl_code": "T1",
        "sender": "0212345678", "failover": "N",
        "receiver_1": "01000000000", "subject_1": "알림", "message_1": "a&b=c님 가람 & 당",
        "receiver_2": "01000000001", "subject_2": "알림", "message_2": '나"+%님 가람 & 당',
    }  # fmt: skip
    assert buttons == [
        {
            "button": [
                {"name": "보기", "linkType": "WL", "linkTypeName": "웹링크", "linkMo": link, "linkPc": "https://b.kr"},
                {"name": "채널 추가", "linkType": "AC", "linkTypeName": "채널추가"},
            ]
        }
        for link in ("https://a.kr/1", 'https://a.kr/"2\\')
    ]


@pytest.mark.parametrize("kind", [Kind.SMS, Kind.LMS])
def test_a_text_says_to_each_their_own(kind: Kind) -> None:
    message = Message(text="#{이름}님 #{기관}", subject="제목" if kind is Kind.LMS else "")

    url, form, _ = _sent(
        a_batch(kind, message=message, columns={"이름": ["가".encode(), b"b"]}, constants={"기관": "당"})
    )

    assert url == "https://apis.aligo.in/send_mass/"
    assert form == {
        "key": "our-key", "user_id": "our-user", "sender": "0212345678", "msg_type": str(kind), "cnt": "2",
        "rec_1": "01000000000", "msg_1": "가님 당", "rec_2": "01000000001", "msg_2": "b님 당",
        **({"title": "제목"} if message.subject else {}),
    }  # fmt: skip


def test_no_key_is_part_of_what_is_hashed_or_asked_by_address() -> None:
    """Keys are added when the request is signed, to the body only."""
    made = ADAPTER.send_request(Kind.SMS, ADAPTER.encode(a_batch(Kind.SMS)), "7-3-2")
    signed = [ADAPTER.sign(one, DAY, "0" * 16, "our-token") for one in (made, ADAPTER.probe_request(Kind.ALIM))]

    assert b"our-" not in made.body
    assert not any("our-" in one.url + str(one.headers) for one in signed) and all(
        b"our-key" in one.body for one in signed
    )
    assert {"apikey", "key", "token"} <= Aligo.secrets


values = st.text(max_size=30).map(lambda text: text.encode(errors="replace").decode())


@given(names=st.lists(values, min_size=1, max_size=5), constant=values)
def test_encoding_is_a_form_that_says_the_same(names: list[str], constant: str) -> None:
    button = Button(name="보기", link_mobile="https://a.kr/#{이름}")
    batch = a_batch(
        Kind.ALIM, len(names), message=Message(text="#{이름}#{기관}%s", template_id="T%s", buttons=(button,)),
        constants={"기관": constant}, columns={"이름": [name.encode() for name in names]},
    )  # fmt: skip

    _, form, _ = _sent(batch)

    clean = constant.replace("\ue000", "")
    assert [form[f"message_{n}"] for n in range(1, len(names) + 1)] == [f"{name}{clean}%s" for name in names]
    links = [json.loads(form[f"button_{n}"])["button"][0]["linkMo"] for n in range(1, len(names) + 1)]
    assert links == [f"https://a.kr/{name}" for name in names] and form["tpl_code"] == "T%s"


def _told(**inner: Any) -> Reply:
    return Reply(200, orjson.dumps(inner))


@pytest.mark.parametrize(
    ("kind", "answer", "error", "pause"),
    [
        (Kind.ALIM, {"code": -99}, DealerRefused, "ACCOUNT_KEY"), (Kind.ALIM, {"code": -101}, NoBalance, "NO_BALANCE"),
        (Kind.ALIM, {"code": -7, "message": "발신프로필"}, DealerRefused, "DEALER_REFUSES"),
        (Kind.ALIM, {"code": 7}, Outside, None), (Kind.ALIM, {"code": -7, "info": {"mid": 3}}, Outside, None),
        (Kind.ALIM, {"code": None}, Outside, None), (Kind.ALIM, {"code": True}, Outside, None),
        (Kind.ALIM, {"code": 0, "info": {"scnt": 2}}, Outside, None),
        (Kind.SMS, {"result_code": "-101"}, DealerRefused, "ACCOUNT_KEY"),
        (Kind.SMS, {"result_code": -201}, NoBalance, "NO_BALANCE"),
        (Kind.SMS, {"result_code": "-102"}, DealerRefused, "DEALER_REFUSES"), (Kind.SMS, {"result_code": 0}, Outside, None),
        (Kind.SMS, {"result_code": "-9", "msg_id": "12"}, Outside, None), (Kind.SMS, {"result_code": 2}, Outside, None),
        (Kind.SMS, {"code": 0, "info": {"mid": 1, "scnt": 2}}, Outside, None),
    ],
)  # fmt: skip
def test_refusals_under_a_200(kind: Kind, answer: dict[str, Any], error: type[Outside], pause: str | None) -> None:
    """The same number means another thing in each service; what also names a request is no refusal."""
    with pytest.raises(error) as told:
        ADAPTER.decode_handed(_told(**answer), a_batch(kind))

    assert isinstance(told.value, DealerRefused) == (pause is not None)
    assert getattr(told.value, "pause", None) == pause


@pytest.mark.parametrize(
    ("taken", "refused", "outcomes"),
    [
        (2, 0, [Outcome.ACCEPTED] * 2), ("2", "0", [Outcome.ACCEPTED] * 2), (0, 2, [Outcome.NOT_TAKEN] * 2),
        (1, 1, [Outcome.IN_DOUBT] * 2), (3, 0, [Outcome.IN_DOUBT] * 2), (None, None, [Outcome.IN_DOUBT] * 2),
        (2, 1, [Outcome.IN_DOUBT] * 2), (0, 1, [Outcome.IN_DOUBT] * 2), (-2, 0, [Outcome.IN_DOUBT] * 2),
    ],
)  # fmt: skip
def test_counts_say_all_or_nothing(taken: object, refused: object, outcomes: list[Outcome]) -> None:
    texts = ADAPTER.decode_handed(
        _told(result_code="1", msg_id=123, success_cnt=taken, error_cnt=refused), a_batch(Kind.SMS)
    )
    kakao = ADAPTER.decode_handed(
        _told(code=0, info={"mid": "123", "scnt": taken, "fcnt": refused}), a_batch(Kind.ALIM)
    )

    assert [Outcome(byte) for byte in texts.outcomes] == [Outcome(byte) for byte in kakao.outcomes] == outcomes
    assert texts.ref == kakao.ref == ("" if outcomes[0] is Outcome.NOT_TAKEN else "123")


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"rslt": "0", "rsltdate": "2026-11-23 10:00:00"}, Outcome.DELIVERED),
        ({"rslt": "S", "reportdate": "2026-11-23 10:00:00"}, Outcome.DELIVERED),
        ({"rslt": "0"}, Outcome.ACCEPTED), ({"rslt": "0", "rsltdate": "0000-00-00 00:00:00"}, Outcome.ACCEPTED),
        ({"rslt": "", "rsltdate": "2026-11-23"}, Outcome.ACCEPTED), ({}, Outcome.ACCEPTED),
        ({"rslt": "3019", "rsltdate": "2026-11-23"}, Outcome.NO_TALK),
        ({"rslt": "3005", "rsltdate": "2026-11-23"}, Outcome.ACCEPTED),
        ({"rslt": "K", "rsltdate": "2026-11-23"}, Outcome.FAILED), ({"rslt": "1", "rsltdate": "2026-11-23"}, Outcome.FAILED),
        ({"rslt": "9" * 40, "rsltdate": "2026-11-23"}, Outcome.FAILED),
    ],
)  # fmt: skip
def test_states_of_alimtalk(row: dict[str, Any], outcome: Outcome) -> None:
    page = ADAPTER.decode_results(
        _told(code=0, list=[row | {"phone": "010-1234-5678"}], currentPage=1, totalPage=1), Kind.ALIM
    )

    assert [Outcome(ADAPTER.outcome(code)) for code in page.codes] == [outcome]
    assert (page.numbers, page.ids, page.next_key) == (["01012345678"], [""], "")


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("발송완료", Outcome.DELIVERED), ("전송 성공", Outcome.DELIVERED), ("전송중", Outcome.ACCEPTED), ("", Outcome.ACCEPTED),
        ("예약대기중", Outcome.ACCEPTED), ("전송실패(결번)", Outcome.FAILED), ("취소완료", Outcome.FAILED),
        ("수신거부", Outcome.FAILED),
        ("완료 아님", Outcome.IN_DOUBT), ("???", Outcome.IN_DOUBT),
    ],
)  # fmt: skip
def test_states_of_texts(state: str, outcome: Outcome) -> None:
    """Told in words; one that nobody has described stays in doubt. An answer may come in EUC-KR."""
    body = json.dumps({"result_code": 1, "list": [{"receiver": "01012345678", "sms_state": state}]}, ensure_ascii=False)

    for encoding in ("utf-8", "cp949"):
        page = ADAPTER.decode_results(Reply(200, body.encode(encoding)), Kind.SMS)

        assert [Outcome(ADAPTER.outcome(code)) for code in page.codes] == [outcome]


def test_pages_of_texts_go_on_from_what_was_asked() -> None:
    """The answer does not repeat its page; the fragment of the address does, and never leaves."""
    asked = ADAPTER.results_request(Kind.SMS, "12", "3", 500)
    more, last = (_told(result_code=1, list=[], next_yn=word).body for word in ("Y", "N"))

    assert urlsplit(asked.url).fragment == "3" and _form(asked) == {"mid": "12", "page": "3", "page_size": "500"}
    assert ADAPTER.decode_results(Reply(200, more, asked.url), Kind.SMS).next_key == "4"
    assert ADAPTER.decode_results(Reply(200, last, asked.url), Kind.SMS).next_key == ""
    assert ADAPTER.decode_results(Reply(200, more), Kind.SMS).next_key == ""


@pytest.mark.parametrize("lists", [{}, {"list": None}, {"list": {"a": 1}}, {"list": "x"}])
def test_a_list_that_is_none_is_no_answer(lists: dict[str, Any]) -> None:
    for kind, good in ((Kind.ALIM, {"code": 0}), (Kind.SMS, {"result_code": 1})):
        with pytest.raises(Outside):
            ADAPTER.decode_results(_told(**good, **lists), kind)


def test_hostile_rows_are_passed_over_or_name_nobody() -> None:
    rows = [None, 7, [], {"phone": ["010"]}, {"phone": {"a": 1}, "rslt": {}}, {"phone": "0" * 10_000, "rslt": None}]

    page = ADAPTER.decode_results(_told(code=0, list=rows, currentPage="9" * 30, totalPage=-1), Kind.ALIM)

    assert page.numbers == ["", "", "0" * 40] and page.next_key == ""
    assert {ADAPTER.outcome(code) for code in page.codes} == {int(Outcome.ACCEPTED)}


@given(st.text(max_size=8), st.booleans(), st.text(max_size=12))
def test_only_a_word_for_success_is_success(result: str, has_date: bool, state: str) -> None:
    assert (codes.outcome(codes.kakao(result, has_date=has_date)) == Outcome.DELIVERED) == (
        has_date and result in ("0", "S", "1000")
    )
    if codes.outcome(codes.text(state)) == Outcome.DELIVERED:
        assert any(word in state.replace(" ", "") for word in ("성공", "발송완료", "전송완료"))


def test_a_token_lives_as_long_as_was_asked() -> None:
    asked = ADAPTER.session_request(DAY, "0" * 16)
    told = ADAPTER.decode_session(_told(code=0, token="t" * 64), DAY)

    assert asked.url == "https://kakaoapi.aligo.in/akv10/token/create/60/i/"
    assert _form(asked) == {"apikey": "our-key", "userid": "our-user"}
    assert told.token == "t" * 64 and 0 < (told.until - DAY).total_seconds() < 3600 and "tttt" not in repr(told)
    for nothing in ({}, {"token": ""}, {"token": None}, {"token": "t" * 501}):
        with pytest.raises(Outside):
            ADAPTER.decode_session(_told(code=0, **nothing), DAY)


@pytest.mark.parametrize(
    ("written", "is_good"),
    [
        ("02-1234-5678", True), ("0212345678, 010.1234.5678", True), ("15881234,", True), ("", False), (",", False),
        ("전화", False), ("0212345678, 전화", False), ("123", False), ("0212345678;0312345678", False), ("٠٢١٢٣٤٥٦٧٨", False),
    ],
)  # fmt: skip
def test_sender_numbers_are_numbers(written: str, is_good: bool) -> None:
    """Aligo has no list of them: the operator writes them down."""
    told = Aligo.lacking({"key": "user", "secret": "key", "senders": written})

    assert (told == "") == is_good and (is_good or told.endswith("."))


def test_sender_numbers_come_back_once_each_in_their_order() -> None:
    made = Aligo(Account(base_url="", key="u", secret="k", more={"senders": "031-123-4567, 0212345678,0311234567"}))

    assert made.decode_senders(_told(result_code=1)) == ["0311234567", "0212345678"]
    with pytest.raises(DealerRefused):
        made.decode_senders(_told(result_code=-101))


def test_abilities_are_said_of_each_kind() -> None:
    assert issubclass(Aligo, Direct) and set(Aligo.abilities) == set(Aligo.kinds)
    assert {ability.finds for ability in Aligo.abilities.values()} == {Finds.NEVER}
    assert all(isinstance(one, Abilities) and not one.reports for one in Aligo.abilities.values())
    assert {category(codes.outcome(code)) for code in codes.OUTCOMES} <= set(Category)
