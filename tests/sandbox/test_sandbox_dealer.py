"""Balance, prices, files, channels, template review and exact matching."""

import base64
import io

import pytest
from PIL import Image

from tests.sandbox.harness import brand

DAY = 86400


def picture(width=800, height=400, kind="PNG"):
    data = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(data, kind)
    return base64.b64encode(data.getvalue()).decode()


def test_small_calls_have_their_shapes(client):
    assert client("GET", "/cash/v1/balance")["balance"] == 1_000_000
    assert client("GET", "/pricing/v1/messaging")[0]["bms_free"] == 25
    assert client("GET", "/senderid/v1/numbers/active") == ["0212345678"]
    assert client("GET", "/iam/v1/block/groups")["blockGroups"][0]["status"] == "ACTIVE"


def test_channels_are_listed_in_pages_and_found(client):
    first = client("GET", "/kakao/v2/channels?limit=1")
    second = client("GET", f"/kakao/v2/channels?limit=1&startKey={first['nextKey']}")

    assert [c["channelId"] for c in first["channelList"] + second["channelList"]] == ["PF-wide", "PF-near"]
    assert client("GET", "/kakao/v2/channels/PF-near")["searchId"] == "@near"
    assert client.status("GET", "/kakao/v2/channels/PF-none")[0] == 404


def test_a_channel_is_registered_with_the_number_its_manager_got(client):
    who = {"searchId": "@newcomer", "phoneNumber": "01012345678"}
    client("POST", "/kakao/v2/channels/token", who)

    wrong = client.status("POST", "/kakao/v2/channels", {**who, "categoryCode": "01000000001", "token": "000000"})
    made = client("POST", "/kakao/v2/channels", {**who, "categoryCode": "01000000001", "token": "345678"})

    assert wrong[0] == 400
    assert client("GET", f"/kakao/v2/channels/{made['channelId']}")["searchId"] == "@newcomer"
    client("DELETE", f"/kakao/v2/channels/{made['channelId']}")
    assert client.status("GET", f"/kakao/v2/channels/{made['channelId']}")[0] == 404


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_kept_and_may_be_sent(client, kind):
    stored = client("POST", "/storage/v1/files", {"file": picture(kind=kind), "type": "BMS"})

    group = client.send([brand("01050500001", chatBubbleType="IMAGE", imageId=stored["fileId"])])

    client.settled(group)
    assert client.codes(group) == {"01050500001": "4000"}
    status, data = client.raw("GET", f"/files/{stored['fileId']}")
    assert (status, base64.b64encode(data).decode()) == (200, picture(kind=kind))


@pytest.mark.parametrize("upload", [
    {"file": picture(499), "type": "BMS"}, {"file": picture(kind="GIF"), "type": "BMS"}, {"file": "!!", "type": "BMS"},
    {"file": picture(), "type": "MMS"}, {"file": picture(), "type": "X"}, {"type": "BMS"}, {"file": 7, "type": "BMS"},
    {"file": base64.b64encode(b"\xff\xd8\xff\xc0\x00").decode(), "type": "BMS"},
    {"file": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(), "type": "BMS"},
])  # fmt: skip
def test_pictures_out_of_bounds_are_refused(client, upload):
    assert client.status("POST", "/storage/v1/files", upload)[0] == 400


def template(client, content="#{이름}님, #{날짜} 모임 신청이 접수되었습니다.", **more):
    made = client(
        "POST", "/kakao/v2/templates", {"name": "신청 확인", "channelId": "PF-wide", "content": content, **more}
    )
    return made["templateId"]


def move_days(client, days):
    client.offset += days * DAY
    client("POST", "/_control/clock", {"offset_seconds": client.offset})


def test_a_review_takes_two_simulated_days(client):
    known = template(client)
    assert client("GET", f"/kakao/v2/templates/{known}")["status"] == "PENDING"

    asked = client("PUT", f"/kakao/v2/templates/{known}/inspection")
    move_days(client, 1)
    waiting = client("GET", f"/kakao/v2/templates/{known}")
    frozen = client.status("PUT", f"/kakao/v2/templates/{known}", {"content": "다른 글"})
    move_days(client, 1)
    client.offset += 60
    move_days(client, 0)

    assert (asked["status"], waiting["status"], frozen[1]["errorCode"]) == ("INSPECTING", "INSPECTING", "InvalidStatus")
    assert client("GET", f"/kakao/v2/templates/{known}")["status"] == "APPROVED"
    assert known in [
        t["templateId"] for t in client("GET", "/kakao/v2/templates?status=APPROVED&limit=100")["templateList"]
    ]


def test_a_review_can_reject_with_a_comment_and_be_cancelled(client):
    bad, other, third = template(client, "[반려] 특가!"), template(client), template(client)
    for known in (bad, other, third):
        client("PUT", f"/kakao/v2/templates/{known}/inspection")
    client("PUT", f"/kakao/v2/templates/{other}/inspection/cancel")
    client("POST", f"/_control/templates/{third}", {"approved": False, "comment": "변수를 줄여 주세요."})
    move_days(client, 3)

    rejected = client("GET", f"/kakao/v2/templates/{bad}")
    assert (rejected["status"], len(rejected["comments"])) == ("REJECTED", 1)
    assert client("GET", f"/kakao/v2/templates/{other}")["status"] == "PENDING"
    assert client("GET", f"/kakao/v2/templates/{third}")["comments"][0]["content"] == "변수를 줄여 주세요."


@pytest.mark.parametrize(("options", "text", "code"), [
    ({"variables": {"#{이름}": "하도윤", "#{날짜}": "토요일"}}, None, "4000"),
    ({"variables": {"이름": "하도윤", "날짜": "토요일"}}, None, "4000"),
    ({"variables": {"#{이름}": "하도윤"}}, None, "3103"),
    ({}, "하도윤님, 토요일 모임 신청이 접수되었습니다.", "4000"),
    ({}, "하도윤님, 토요일 모임 신청이 접수되었습니다!", "3103"),
    ({}, "하도윤 씨, 토요일 모임 신청이 접수되었습니다.", "3103"),
    ({"variables": {"이름": "하도윤", "날짜": "토요일"}, "buttons": [{"buttonName": "딴 것", "buttonType": "WL"}]}, None, "3103"),
    ({"templateId": "TP-none"}, None, "3105"),
    ({"pfId": "PF-near", "variables": {"#{이름}": "하도윤", "#{날짜}": "토요일"}}, None, "3105"),
])  # fmt: skip
def test_alimtalk_must_match_its_template(client, options, text, code):
    client("POST", "/_control/templates", [{"account": client.key, "templateId": "TP-1", "channelId": "PF-wide", "name": "확인",
                                            "content": "#{이름}님, #{날짜} 모임 신청이 접수되었습니다."}])  # fmt: skip
    message = {"to": "01050500075", "type": "ATA",
               "kakaoOptions": {"pfId": "PF-wide", "templateId": "TP-1", "disableSms": True, **options}}  # fmt: skip
    group = client.send([message if text is None else {**message, "text": text}])
    client.settled(group)

    assert client.codes(group) == {"01050500075": code}


def test_a_template_of_forty_variables_is_matched_without_delay(client):
    content = "".join(f"#{{v{i}}} " for i in range(40)) + "끝"
    client(
        "POST",
        "/_control/templates",
        [{"account": client.key, "templateId": "TP-40", "name": "많음", "content": content}],
    )

    group = client.send([{"to": "01050500001", "type": "ATA", "text": "가 " * 600,
                          "kakaoOptions": {"pfId": "PF-wide", "templateId": "TP-40", "disableSms": True}}])  # fmt: skip
    client.settled(group)

    assert client.codes(group) == {"01050500001": "3103"}


@pytest.mark.parametrize("body", [{}, {"name": "x"}, {"name": "x", "content": ""}, {"name": "x", "content": "가" * 1301},
                                  {"name": "x", "content": "#{a}" * 41}, {"name": "x", "content": "y", "buttons": [{}] * 6},
                                  ])  # fmt: skip
def test_bad_templates_are_refused(client, body):
    assert client.status("POST", "/kakao/v2/templates", body)[0] == 400
