"""The group flow and send-many/detail over real HTTP."""

import pytest

from tests.sandbox.harness import NOON, brand, text, until

GROUPS = "/messages/v4/groups"
COUNTS = {"total", "sentTotal", "sentFailed", "sentSuccess", "sentPending", "sentReplacement", "refund",
          "registeredFailed", "registeredSuccess"}  # fmt: skip


def test_a_group_goes_from_pending_to_complete(client):
    created = client("POST", GROUPS, {"customFields": {"chunk": "1-0"}})
    group = f"{GROUPS}/{created['groupId']}"
    put = client("PUT", f"{group}/messages", {"messages": [brand("01011110000"), brand("01011110075", "1-0-1")]})
    sent = client("POST", f"{group}/send")

    assert (created["status"], created["customFields"], created["groupId"][:3]) == ("PENDING", {"chunk": "1-0"}, "G4V")
    assert put["errorCount"] == "0"
    assert [m["statusCode"] for m in put["resultList"]] == ["2000", "2000"]
    assert [m["customFields"] for m in put["resultList"]] == [{"id": "1-0-0"}, {"id": "1-0-1"}]
    assert all(len(m["messageId"]) == 32 and m["messageId"].startswith("M4V") for m in put["resultList"])
    assert sent["status"] == "SENDING"
    done = client.settled(created["groupId"])
    assert set(done["count"]) == COUNTS
    assert {k: done["count"][k] for k in ("sentTotal", "sentSuccess", "sentFailed", "refund")} == {
        "sentTotal": 2, "sentSuccess": 1, "sentFailed": 1, "refund": 1}  # fmt: skip
    assert client.codes(created["groupId"]) == {"01011110000": "4000", "01011110075": "3102"}


def test_before_the_delay_a_result_is_waiting(client):
    client("POST", "/_control/settings", {"report_delay_seconds": 0.3})

    group = client.send([brand("01011110000")])

    assert client.codes(group) == {"01011110000": "3000"}
    assert client("GET", f"{GROUPS}/{group}")["count"]["sentPending"] == 1
    client.settled(group)
    assert client.codes(group) == {"01011110000": "4000"}


def test_only_a_pending_group_is_sent_filled_or_deleted(client):
    group = client.send([brand("01011110000")])

    for method, path, body in (("POST", "send", None), ("PUT", "messages", {"messages": [brand("01011110001")]})):
        status, answer = client.status(method, f"{GROUPS}/{group}/{path}", body)
        assert (status, answer["errorCode"]) == (400, "InvalidStatus")
    assert client.status("DELETE", f"{GROUPS}/{group}")[1]["errorCode"] == "InvalidStatus"


def test_a_deleted_group_is_deleted(client):
    group, _ = client.put([brand("01011110000")])

    assert client("DELETE", f"{GROUPS}/{group}")["status"] == "DELETED"
    assert client.status("POST", f"{GROUPS}/{group}/send")[1]["errorCode"] == "DeletedGroup"


def test_an_empty_group_cannot_be_sent(client):
    group = client("POST", GROUPS, {})["groupId"]

    assert client.status("POST", f"{GROUPS}/{group}/send")[1]["errorCode"] == "FailedGroup"


def test_messages_can_be_taken_out_again(client):
    group, put = client.put([brand("01011110000"), brand("01011110001", "1-0-1")])
    first = put["resultList"][0]["messageId"]

    removed = client("DELETE", f"{GROUPS}/{group}/messages", {"messageIds": [first, "M4V-nonsense"]})
    client("PUT", f"{GROUPS}/{group}/messages", {"messages": [brand("01011110000", "1-0-2")]})
    client("POST", f"{GROUPS}/{group}/send")

    assert [r["resultCode"] for r in removed["resultList"]] == ["Success", "ResourceNotFound"]
    done = client.settled(group)
    assert (done["count"]["total"], done["count"]["sentSuccess"]) == (2, 2)


def test_a_repeated_number_is_1026_unless_allowed(client):
    _, put = client.put([brand("01011110000"), brand("01011110000", "1-0-1")])
    _, allowed = client.put([brand("01011110000"), brand("01011110000", "1-0-1")], allowDuplicates=True)

    assert [m["statusCode"] for m in put["resultList"]] == ["2000", "1026"]
    assert [m["statusCode"] for m in allowed["resultList"]] == ["2000", "2000"]


def test_pages_of_a_group_cover_it_exactly_once(client):
    messages = [brand(f"010111100{i:02d}", f"3-0-{i}") for i in range(45)]
    group, _ = client.put(messages[:30])
    client("PUT", f"{GROUPS}/{group}/messages", {"messages": messages[30:]})

    seen, key, sizes = [], "", []
    while key is not None:
        page = client("GET", f"{GROUPS}/{group}/messages" + (f"?startKey={key}" if key else ""))
        seen += [m["customFields"]["id"] for m in page["messageList"].values()]
        sizes.append(len(page["messageList"]))
        key = page["nextKey"]

    assert seen == [f"3-0-{i}" for i in range(45)]
    assert sizes == [20, 20, 5]


def test_groups_are_listed_newest_first_and_found_by_criteria(client):
    ids = [client("POST", GROUPS, {"customFields": {"n": str(i)}})["groupId"] for i in range(3)]

    listed = client("GET", f"{GROUPS}?limit=2")
    rest = client("GET", f"{GROUPS}?limit=1000&startKey={listed['nextKey']}")
    one = client("GET", f"{GROUPS}?criteria=groupId&cond=eq&value={ids[1]}")

    assert list(listed["groupList"]) == [ids[2], ids[1]]
    assert next(iter(rest["groupList"])) == ids[0]
    assert list(one["groupList"]) == [ids[1]]
    assert client.status("GET", f"{GROUPS}?criteria=colour&cond=eq&value=x")[0] == 400


def test_another_account_sees_nothing(client):
    client("POST", "/_control/accounts", {"apiKey": "other", "apiSecret": "other"})
    group = client.send([brand("01011110000")])
    mine = client("GET", "/messages/v4/list?to=01011110000")["messageList"]
    client.key = client.secret = "other"

    assert mine
    assert client.status("GET", f"{GROUPS}/{group}")[1]["errorCode"] == "ResourceNotFound"
    assert client("GET", "/messages/v4/list")["messageList"] == {}
    assert client("GET", GROUPS)["groupList"] == {}


def test_a_schedule_sends_by_the_sandbox_clock_and_can_be_cancelled(client):
    group, _ = client.put([brand("01011110000")])
    other, _ = client.put([brand("01011110000")])
    at = client.now().replace(hour=6).isoformat()  # 15:00 in Seoul, three hours ahead

    scheduled = client("POST", f"{GROUPS}/{group}/schedule", {"scheduledDate": at})
    client("POST", f"{GROUPS}/{other}/schedule", {"scheduledDate": at})
    cancelled = client("DELETE", f"{GROUPS}/{other}/schedule")
    refused = client.status("PUT", f"{GROUPS}/{group}/messages", {"messages": [brand("01011110001")]})
    client.set_hour(NOON + 4)

    assert (scheduled["status"], cancelled["status"], refused[1]["errorCode"]) == (
        "SCHEDULED",
        "FAILED",
        "InvalidStatus",
    )
    assert client.settled(group)["count"]["sentSuccess"] == 1


def test_send_many_answers_200_though_every_message_failed(client):
    answer = client("POST", "/messages/v4/send-many/detail", {"messages": [
        {"to": "01011110000", "type": "SMS", "from": "0299999999", "text": "모임", "customFields": {"id": "1-0-0"}}
    ]})  # fmt: skip

    count = answer["groupInfo"]["count"]
    assert (count["total"], count["registeredFailed"]) == (1, 1)
    assert answer["failedMessageList"][0]["statusCode"] == "1062"
    assert answer["failedMessageList"][0]["customFields"] == {"id": "1-0-0"}
    assert "messageList" not in answer


def test_send_many_delivers_and_lists(client):
    answer = client("POST", "/messages/v4/send-many/detail",
                    {"messages": [text("01022220000", "[가람당] 신청이 확인되었습니다.")], "showMessageList": True})  # fmt: skip
    message_id = answer["messageList"][0]["messageId"]

    listed = until(
        lambda: (m := client("GET", f"/messages/v4/list?messageId={message_id}")["messageList"][message_id])["statusCode"]
        == "4000" and m
    )  # fmt: skip

    assert (listed["type"], listed["text"], listed["groupId"]) == (
        "SMS", "[가람당] 신청이 확인되었습니다.", answer["groupInfo"]["groupId"])  # fmt: skip


def test_the_list_filters(client):
    client("POST", "/_control/settings", {"report_delay_seconds": 0})
    group = client.send([brand("01033330000", "4-0-0"), brand("01033330075", "4-0-1")])
    client.settled(group)

    def ids(query: str) -> list[str]:
        return [
            m["customFields"]["id"]
            for m in client("GET", f"/messages/v4/list?groupId={group}&{query}")["messageList"].values()
        ]

    assert ids("statusCode=3102") == ["4-0-1"]
    assert ids("to=010-3333-0000") == ["4-0-0"]
    assert ids("type=SMS") == []
    assert ids("limit=1") == ["4-0-1"]
    assert ids("startDate=2099-01-01T00:00:00Z") == []


@pytest.mark.parametrize("custom", [{"id": "1-0-0"}, {"id": "x", "ref": "한글"}, {"other": "1"}, None])
def test_custom_fields_are_echoed_everywhere(client, custom):
    message = {**brand("01044440000"), "customFields": custom}
    if custom is None:
        del message["customFields"]
    group, put = client.put([message])
    client("POST", f"{GROUPS}/{group}/send")
    page = client("GET", f"{GROUPS}/{group}/messages")["messageList"]
    listed = client("GET", f"/messages/v4/list?groupId={group}")["messageList"]

    assert put["resultList"][0]["customFields"] == custom
    assert [m["customFields"] for m in (*page.values(), *listed.values())] == [custom, custom]
