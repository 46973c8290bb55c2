"""The number rules, the night, registration refusals, opt-outs and money."""

import numpy as np
import pytest
from majung_sandbox import codes
from majung_sandbox.world import Channel, World

from tests.sandbox.harness import NIGHT, NOON, brand, text

GROUPS = "/messages/v4/groups"


def expected(ending: int, near: bool) -> str:
    """The documented table (sandbox/README.md), written down a second time."""
    if ending <= 69 or ending == 99:
        return "4000"
    if ending <= 79:
        return "3102"
    if ending <= 92:
        return "3102" if near else "4000"
    return "3104" if ending <= 95 else "3107" if ending <= 97 else "1061"


@pytest.mark.parametrize("near", [False, True])
def test_brand_messages_end_as_the_table_says(client, near):
    pf = "PF-near" if near else "PF-wide"

    group = client.send([brand(f"010555500{i:02d}", f"1-0-{i}", pf) for i in range(100)])
    client.settled(group)

    assert client.codes(group) == {f"010555500{i:02d}": expected(i, near) for i in range(100)}


def test_alimtalk_needs_no_friend_and_texts_need_no_talk(client):
    client("POST", "/_control/templates", [
        {"account": client.key, "templateId": "TP-plain", "name": "안내", "content": "신청이 접수되었습니다."}])  # fmt: skip
    ata = {"type": "ATA", "kakaoOptions": {"pfId": "PF-wide", "templateId": "TP-plain", "disableSms": True}}
    endings = [0, 75, 85, 94, 96, 98]

    talk = client.send([{"to": f"010555500{i:02d}", **ata} for i in endings])
    words = client.send([text(f"010555500{i:02d}", "[가람당] 안내", f"1-0-{i}") for i in endings])
    client.settled(talk), client.settled(words)

    assert list(client.codes(talk).values()) == ["4000", "4000", "4000", "3104", "3107", "4000"]
    assert set(client.codes(words).values()) == {"4000"}


def test_the_array_rule_and_the_single_rule_agree():
    world = World(channels={"w": Channel("w", "_w", "@w", "w", "wide"), "n": Channel("n", "_n", "@n", "n", "near")})
    world.friends = {("01011110072", "n"): True, ("01011110001", "w"): False}
    world.talk = {"01011110005": "none", "01011110094": "normal"}
    channels = ["w", "n", "unknown"]
    numbers = [f"010111100{i:02d}" for i in range(100)]
    for kind in range(len(codes.KINDS) - 1):
        for at, channel in enumerate(channels):
            for night in (False, True):
                got = world.outcomes(
                    np.array([int("1" + n) for n in numbers]), channels, np.full(100, at, np.int32),
                    np.full(100, kind, np.uint8), night,
                )  # fmt: skip
                assert got.tolist() == [world.outcome(n, channel, kind, night) for n in numbers]


def test_an_ending_of_99_is_ten_times_later(client):
    client("POST", "/_control/settings", {"report_delay_seconds": 0.1})

    group = client.send([brand("01055550001"), brand("01055550099", "1-0-1")])
    early = _wait_for(client, group, "01055550001")

    assert early == {"01055550001": "4000", "01055550099": "3000"}
    assert client.settled(group)["count"]["sentSuccess"] == 2


def _wait_for(client, group, number):
    while (codes_now := client.codes(group))[number] == "3000":
        pass
    return codes_now


def test_overrides_win_over_the_endings(client):
    client("POST", "/_control/overrides", [
        {"number": "01066660075", "pfId": "PF-wide", "friend": "friend"}, {"number": "01066660001", "talk": "none"},
        {"number": "01066660098", "opted_out": False}, {"number": "01066660002", "opted_out": True}])  # fmt: skip
    endings = (75, 1, 98, 2)

    group = client.send([brand(f"010666600{i:02d}", f"1-0-{i}") for i in endings])
    client.settled(group)

    assert list(client.codes(group).values()) == ["4000", "3104", "4000", "1061"]
    client("POST", "/_control/overrides", [{"number": "01066660001", "talk": "default"},
                                           {"number": "01066660002", "opted_out": None}])  # fmt: skip
    again = client.send([brand("01066660001"), brand("01066660002", "1-0-1")])
    client.settled(again)
    assert client.codes(again)["01066660001"] == "4000"


def test_an_unknown_channel_is_3101(client):
    group = client.send([brand("01055550000", pf="PF-nobody")])
    client.settled(group)

    assert client.codes(group) == {"01055550000": "3101"}


@pytest.mark.parametrize(("hour", "code"), [(NOON, "4000"), (NIGHT, "3108"), (7, "3108"), (8, "4000")])
def test_night_counts_when_the_group_is_sent(client, hour, code):
    group, _ = client.put([brand("01055550000")])  # filled at noon
    client.set_hour(hour)
    if hour == 8:
        client.offset += 3600  # well after eight, whatever the minute
        client("POST", "/_control/clock", {"offset_seconds": client.offset})
    client("POST", f"{GROUPS}/{group}/send")
    client.settled(group)

    assert client.codes(group) == {"01055550000": code}


def test_night_does_not_touch_alimtalk_and_texts(client):
    client.set_hour(NIGHT)

    group = client.send([text("01055550000", "[가람당] 안내")])
    client.settled(group)

    assert client.codes(group) == {"01055550000": "4000"}


REFUSALS = [
    (text("01077770000", "가" * 46, type="SMS"), "1031"),
    (text("01077770000", "가" * 45, type="SMS"), "2000"),
    (text("01077770000", "가" * 1001), "1031"),
    (text("01077770000", "모임 — 토요일"), "1029"),
    (text("01077770000", "모임\x07"), "1028"),
    (text("01077770000", ""), "1010"),
    (text("01077770000", "안내", subject="가" * 21), "1013"),
    (text("01077770000", "(광고)가람당 모임"), "1011"),
    (text("01077770000", "(광고)가람당 모임\n무료수신거부 080-000-0000"), "2000"),
    (text("01077770000", "가람당 모임 080-000-0000", adFlag=True), "1011"),
    ({**text("01077770000", "안내"), "from": "0299999999"}, "1062"),
    (text("010-7777-0000", "안내"), "1011"),
    ({"from": "0212345678", "text": "안내"}, "1010"),
    (text("01077770000", "안내", type="FAX"), "1025"),
    (text("01077770000", "안내", customFields={"id": "x" * 101}), "1032"),
    ({**text("01077770000", "안내"), "customFields": {"id": 7}}, "1032"),
    (brand("01077770000", content=""), "1033"),
    (brand("01077770000", content="가" * 1301), "1031"),
    (brand("01077770000", content="\n" * 100), "1031"),
    (brand("01077770000", targeting="M"), "1033"),
    (brand("01077770000", targeting=None), "1033"),
    (brand("01077770000", chatBubbleType="BANNER"), "1033"),
    (brand("01077770000", header="제목"), "1033"),
    (brand("01077770000", chatBubbleType="IMAGE"), "1033"),
    (brand("01077770000", chatBubbleType="IMAGE", imageId="FILE-none"), "1034"),
    (brand("01077770000", buttons=[{"name": "가" * 15, "linkType": "WL", "linkMobile": "https://a.example"}]), "1053"),
    (brand("01077770000", buttons=[{"name": "보기", "linkType": "WL", "linkMobile": "javascript:x"}]), "1053"),
    (brand("01077770000", buttons=[{"name": "보기", "linkType": "ZZ"}]), "1053"),
    (brand("01077770000", buttons=[{"linkType": "AC"}] * 6), "1053"),
    (brand("01077770000", buttons=[{"linkType": "AC"}] * 5), "2000"),
    (brand("01077770000", coupon={"title": "1000원 할인 쿠폰", "description": "첫 모임"}), "2000"),
    (brand("01077770000", coupon={"title": "공짜 쿠폰이에요", "description": "첫 모임"}), "1033"),
    ({"to": "01077770000", "type": "BMS_FREE", "kakaoOptions": {"pfId": "PF-wide", "disableSms": True}}, "1033"),
    ({"to": "01077770000", "type": "BMS_FREE"}, "1033"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "code"), REFUSALS)
def test_registration_refuses_by_code(client, message, code):
    _, put = client.put([message])

    assert [m["statusCode"] for m in put["resultList"]] == [code]
    assert put["errorCount"] == ("0" if code == "2000" else "1")


def test_one_bad_message_does_not_touch_the_others(client):
    _, put = client.put(
        [brand("01077770000"), brand("01077770001", "1-0-1", targeting="M"), brand("01077770002", "1-0-2")]
    )

    assert [m["statusCode"] for m in put["resultList"]] == ["2000", "1033", "2000"]


def test_a_refusing_number_lands_on_the_black_list_and_is_refused(client):
    client("POST", "/_control/refuse", {"number": "010-8888-0001"})

    _, put = client.put([brand("01088880001"), text("01088880001", "[가람당] 안내", "1-0-1")], allowDuplicates=True)
    black = client("GET", "/iam/v1/black?limit=1000")["blackList"]

    assert [m["statusCode"] for m in put["resultList"]] == ["1061", "2000"]
    row = next(row for row in black if row["recipientNumber"] == "01088880001")
    assert (row["type"], len(row["handleKey"])) == ("DENIAL", 30)


def test_the_accounts_own_blocks_are_1060(client):
    client("POST", f"/_control/accounts/{client.key}", {"blocked": ["01088880002"]})

    _, put = client.put([brand("01088880002")])

    assert [m["statusCode"] for m in put["resultList"]] == ["1060"]
    assert client("GET", "/iam/v1/block/numbers")["blockNumbers"][0]["phoneNumber"] == "01088880002"
    client("POST", f"/_control/accounts/{client.key}", {"blocked": []})


def test_money_falls_at_sending_and_comes_back_on_failure(client):
    group, _ = client.put([brand(f"010999900{i:02d}", f"1-0-{i}") for i in (1, 2, 75, 98)])
    before = client("GET", "/cash/v1/balance")["balance"]
    client("POST", "/_control/settings", {"report_delay_seconds": 0.2})
    client("POST", f"{GROUPS}/{group}/send")
    during = client("GET", "/cash/v1/balance")["balance"]
    client.settled(group)
    after = client("GET", "/cash/v1/balance")["balance"]

    assert (before, during, after) == (1_000_000, 1_000_000 - 75, 1_000_000 - 50)


def test_without_money_nothing_leaves_and_the_group_can_be_sent_later(client):
    client("POST", f"/_control/accounts/{client.key}", {"balance": 49})
    group, _ = client.put([brand("01099990001"), brand("01099990002", "1-0-1")])

    refused = client.status("POST", f"{GROUPS}/{group}/send")
    many = client.status("POST", "/messages/v4/send-many/detail", {"messages": [brand("01099990001")] * 2 + [brand("01099990002")],
                                                                   "allowDuplicates": True})  # fmt: skip

    assert (refused[0], refused[1]["errorCode"]) == (402, "NotEnoughBalance")
    assert (many[0], many[1]["errorCode"]) == (402, "NotEnoughBalance")
    assert client("GET", "/cash/v1/balance")["balance"] == 49
    client("POST", f"/_control/accounts/{client.key}", {"balance": 1000})
    assert client("POST", f"{GROUPS}/{group}/send")["status"] == "SENDING"


def test_the_dealers_fallback_becomes_a_charged_text(client):
    message = brand("01099990075")
    message["from"], message["text"] = "0212345678", "가람당 모임 안내"
    message["kakaoOptions"]["disableSms"] = False

    group = client.send([message])
    done = client.settled(group)

    assert client.codes(group) == {"01099990075": "4000"}
    assert (done["count"]["sentReplacement"], client("GET", "/cash/v1/balance")["balance"]) == (1, 1_000_000 - 39)
