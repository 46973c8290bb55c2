"""The short way of plain campaigns answers as the long way does, message by message."""

import copy

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from majung_sandbox.accounts import Account
from majung_sandbox.clock import Clock
from majung_sandbox.errors import GatewayError
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.state import State
from majung_sandbox.world import Channel

from tests.sandbox.harness import brand

LINK = {"name": "보기", "linkType": "WL", "linkMobile": "https://a.example/1"}
TWISTS = [
    {}, {}, {}, {"content": "가" * 1300}, {"content": "가" * 1301}, {"content": "\n" * 99 + "a"}, {"content": "\n" * 100},
    {"content": ""}, {"content": 7}, {"buttons": []}, {"buttons": [LINK]}, {"buttons": [LINK] * 5}, {"buttons": [LINK] * 6},
    {"buttons": [{**LINK, "name": "가" * 15}]}, {"buttons": [{**LINK, "linkMobile": "ftp://x"}]}, {"buttons": [{"linkType": "AC"}]},
    {"targeting": "M"}, {"chatBubbleType": "IMAGE", "imageId": "FILE-there"}, {"chatBubbleType": "IMAGE", "imageId": "FILE-none"},
    {"chatBubbleType": "IMAGE", "imageId": "FILE-there", "imageLink": "https://a.example/p"}, {"imageLink": "https://a.example/p"},
    {"buttons": [{"name": "앱", "linkType": "AL", "linkAndroid": "app://x"}]}, {"buttons": [{"name": "앱", "linkType": "AL"}]},
    {"buttons": [{"name": "앱", "linkType": "AL", "linkAndroid": ""}]}, {"buttons": [{**LINK, "linkPc": "https://a.example/한글"}]},
    {"content": "줄\n바꿈"}, {"content": "따옴표 \" 와 \\\\ 와 \\n"}, {"content": "탭\t"},
    {"imageId": "FILE-there"}, {"adult": True}, {"header": "x"}, {"coupon": {}}, {"buttons": [[]]}, {"buttons": {"name": 1}},
]  # fmt: skip
OUTSIDE = [
    {}, {}, {}, {"from": "0212345678"}, {"from": "0299999999"}, {"from": ""}, {"from": None}, {"from": 7},
    {"customFields": {"id": "x"}},
    {"customFields": {"id": "5-0-1", "ref": "y"}}, {"customFields": None}, {"to": "0212345678"}, {"to": "abc"}, {"to": None},
    {"type": "SMS", "text": "안내", "from": "0212345678"}, {"type": None},
]  # fmt: skip
NUMBERS = st.sampled_from([f"010123400{n:02d}" for n in (0, 1, 2, 3, 70, 98, 98, 99)] + ["01098765498"])
MESSAGES = st.lists(st.tuples(NUMBERS, st.sampled_from(TWISTS), st.sampled_from(OUTSIDE)), min_size=1, max_size=8)


def sandbox() -> tuple[Sandbox, Account]:
    s = Sandbox(Clock(), State(None))
    account = Account("k", "s", senders=["0212345678"])
    s.accounts.add(account)
    s.world.channels["PF-wide"] = Channel("PF-wide", "_w", "@w", "w", "wide")
    s.world.opted_out = {"01098765498": False, "01012340002": True}
    s.files["FILE-there"] = None  # type: ignore[assignment]
    account.refused = {"01012340003": None}  # type: ignore[dict-item]
    account.blocked = {"01012340070": ""}
    s.intake.watched.update({"01012340000", "01012340003"})
    return s, account


def taken(messages, many, long_way):
    s, account = sandbox()
    group = s.store.new_group(account, allow_duplicates=many)
    messages = copy.deepcopy(messages)
    if long_way:
        batch = s.intake._take_each(group, messages, 1.0, False)
    else:
        batch = s.intake.take_body(group, orjson.dumps({"messages": messages}), 1.0, False)
    return {
        "numbers": [batch.number(i) for i in range(len(batch))], "codes": batch.registered.tolist(), "reasons": batch.reasons,
        "channels": [batch.channel(i) for i in range(len(batch))], "senders": [batch.sender(i) for i in range(len(batch))],
        "kinds": batch.kinds.tolist(), "custom": [batch.custom_fields(i) for i in range(len(batch))],
        "campaign": batch.campaign.tolist(), "chunk_seq": batch.chunk_seq.tolist(), "bodies": batch.bodies,
        "seen": group.seen_numbers, "refused": sorted(account.refused), "fallback": batch.fallback.tolist(),
        "outcome": batch.outcome.tolist(),
    }  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(rows=MESSAGES, many=st.booleans())
def test_short_and_long_way_agree(rows, many):
    messages = [{**brand(to, f"5-0-{i}", **twist), **outside} for i, (to, twist, outside) in enumerate(rows)]

    assert taken(messages, many, long_way=False) == taken(messages, many, long_way=True)


USUAL = {
    "to": "01012340005", "id": "5-0-1", "pfId": "PF-wide", "from": "0212345678", "content": "안녕", "name": "보기",
    "link": "https://a.example/1",
}  # fmt: skip
ODD = {
    "to": ["01012340000", "01012340003", "01012340070", "01012340098", "1234567", "1" * 15, "1" * 16, "", "0101234000a"],
    "id": ["5-1-0", "05-0-1", "5-0-1 ", "x", "", "5-0-1000000000", "6-0-0"],
    "pfId": ["PF-none", "", "PF\\", "채널"],
    "from": ["0299999999", "", "02\\"],
    "content": ["가" * 1300, "가" * 1301, "a" * 1301, "\n" * 99, "\n" * 100, "\n" * 200, "", '"', "\\", "\\n", "\\\n", "\t", "é"],
    "name": ["가" * 14, "가" * 15, "a" * 15, "", '"', "\\"],
    "link": [
        "http://b.example", "ftp://x", "", "https://가.example", "https://a/\\", "https://" + "a" * 992,
        "https://" + "a" * 993,
    ],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in ODD.items() for value in values])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_odd_value_in_a_plain_request_is_judged_alike(field, value, place):
    messages = []
    for i in range(3):
        row = USUAL | {"to": f"0101234100{i}"} | ({field: value} if i == place else {})
        button = {"name": row["name"], "linkType": "WL", "linkMobile": row["link"], "linkPc": "https://a.example/1"}
        message = brand(row["to"], row["id"], row["pfId"], content=row["content"], buttons=[button])
        messages.append({**message, "from": row["from"]})

    assert taken(messages, False, long_way=False) == taken(messages, False, long_way=True)


TORN = [b'"', b"\\n", b'\\"', b"\\\\", b",", b"0", b"}", b"\x01", b"\xec\x9d", b'","a":"', b""]


@settings(max_examples=300, deadline=None)
@given(
    names=st.lists(st.sampled_from(["김", "이온", "박하늘"]), min_size=1, max_size=4),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.sampled_from(TORN)), max_size=3),
)
def test_torn_bytes_are_judged_alike(names, cuts):
    messages = []
    for i, name in enumerate(names):
        own = f"https://a.example/settings/{'t' * 9}{i}"
        button = {"name": "보기", "linkType": "WL", "linkMobile": own, "linkPc": own}
        text = f"{name} 님, 안녕하세요. 당에서 알립니다.\n끝"
        messages.append({**brand(f"0101234100{i}", f"5-7-{i}", content=text, buttons=[button]), "from": "0212345678"})
    body = orjson.dumps({"messages": messages})
    for where, gone, put in cuts:
        at = int(where * len(body))
        body = body[:at] + put + body[at + gone :]

    assert told(body, short=True) == told(body, short=False)


def told(body, *, short):
    """What becomes of a request body: the refusal of the whole, or every message."""
    s, account = sandbox()
    group = s.store.new_group(account)
    try:
        batch = (
            s.intake.take_body(group, body, 1.0, False)
            if short
            else s.intake.take(group, s.intake.messages_of(body), body, 1.0, False)
        )
    except GatewayError as refusal:
        return refusal.status
    return [
        (batch.number(i), batch.channel(i), batch.sender(i), batch.custom_fields(i), batch.reasons.get(i), code)
        for i, code in enumerate(batch.registered.tolist())
    ]


def test_a_plain_campaign_goes_the_short_way():
    s, account = sandbox()
    messages = [brand(f"0102222{i:04d}", f"5-0-{i}", buttons=[LINK]) for i in range(1000)]
    s.intake._take_each = None  # type: ignore[method-assign,assignment]

    batch = s.intake.take_body(s.store.new_group(account), orjson.dumps({"messages": messages}), 1.0, False)

    assert int((batch.registered == 1061).sum()) == 10


def test_a_message_costs_under_sixty_bytes_once_its_request_is_forgotten():
    s, account = sandbox()
    messages = [brand(f"0102222{i:04d}", f"5-0-{i}") for i in range(1000)]

    batch = s.intake.take(s.store.new_group(account), messages, b"{}", 1.0, False)

    arrays = [getattr(batch, name) for name in batch.__slots__]
    assert sum(a.nbytes for a in arrays if isinstance(a, np.ndarray)) <= 60 * 1000
    assert len(batch.reasons) + len(batch.custom) + len(batch.bodies) <= 20
