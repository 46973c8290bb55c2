"""The phones page: what a person sees and presses, without script and with it."""

import re
import urllib.parse

import pytest

from tests.sandbox.harness import brand, text, until

NUMBER = "01060600001"


@pytest.fixture(autouse=True)
def phones(client):
    client(
        "POST", "/_control/phones", [{"name": "민아린", "number": NUMBER}, {"name": "노은결", "number": "01060600094"}]
    )


def shown(client, **query):
    status, body = client.raw("GET", "/?" + urllib.parse.urlencode(query))
    assert status == 200
    return body.decode()


def press(client, path, **form):
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Host": f"127.0.0.1:{client.port}"}
    return client.raw("POST", path, urllib.parse.urlencode(form).encode(), **headers)


def delivered(client, *messages):
    client.settled(client.send(list(messages)))


def test_a_brand_message_is_shown_as_the_messenger_shows_it(client):
    delivered(client, brand(NUMBER, content="<b>굵게</b> & 첫 모임", buttons=[
        {"name": "모임 보기", "linkType": "WL", "linkMobile": "https://a.example/?x=1&y=\"2"},
        {"name": "물어보기", "linkType": "BK"}]))  # fmt: skip

    html = shown(client, number=NUMBER, thread="PF-wide")

    assert "(광고) 가람당" in html
    assert "&lt;b&gt;굵게&lt;/b&gt; &amp; 첫 모임" in html
    assert 'href="https://a.example/?x=1&amp;y=&quot;2" target="_blank" rel="noopener noreferrer">모임 보기' in html
    assert '<span class="action off">물어보기</span>' in html
    assert "수신거부" in html and "채널 차단" in html


def test_a_number_no_one_registered_can_be_opened_afterwards(client):
    delivered(client, brand("01060600007", content="나중에 연 전화"))

    assert "나중에 연 전화" in shown(client, number="010-6060-0007", thread="PF-wide")


def test_what_was_not_delivered_is_not_on_the_phone(client):
    delivered(client, brand("01060600076", content="친구가 아닌 사람"))

    assert "친구가 아닌 사람" not in shown(client, number="01060600076", thread="PF-wide")


def test_texts_have_a_thread_of_their_own(client):
    delivered(client, text(NUMBER, "(광고)가람당 모임\n무료수신거부 080-000-0000"))

    html = shown(client, number=NUMBER, thread="sms:0212345678")

    assert "무료수신거부 080-000-0000" in html and "43바이트" in html and "080 전화로 수신거부" in html


def test_alimtalk_carries_no_ad_label(client):
    client(
        "POST",
        "/_control/templates",
        [{"account": client.key, "templateId": "TP-2", "name": "확인", "content": "#{a} 확인했습니다."}],
    )
    delivered(client, {"to": "01060600005", "type": "ATA", "kakaoOptions": {
        "pfId": "PF-near", "templateId": "TP-2", "variables": {"a": "신청을"}, "disableSms": True}})  # fmt: skip

    html = shown(client, number="01060600005", thread="PF-near")

    assert "신청을 확인했습니다." in html and "(광고) 가람당" not in html and "알림톡" in html


def test_blocking_and_adding_decides_the_next_message(client):
    where = f"/?number={NUMBER}&thread=PF-near"
    assert press(client, "/phone/block", number=NUMBER, pfId="PF-near", back=where)[0] == 303
    blocked = client.send([brand(NUMBER, pf="PF-near")])
    client.settled(blocked)
    press(client, "/phone/add", number=NUMBER, pfId="PF-near", back=where)
    added = client.send([brand(NUMBER, pf="PF-near")])
    client.settled(added)

    assert (client.codes(blocked), client.codes(added)) == ({NUMBER: "3102"}, {NUMBER: "4000"})
    html = shown(client, number=NUMBER, thread="PF-near")
    assert "채널을 차단했습니다" in html and "채널을 추가했습니다" in html


def test_refusing_puts_the_number_on_the_senders_list_only(client):
    client("POST", "/_control/accounts", {"apiKey": "second", "apiSecret": "second"})
    press(client, "/phone/refuse", number="01060600009", account=client.key, thread="PF-wide")

    mine = client("GET", "/iam/v1/black?limit=1000")["blackList"]
    client.key = client.secret = "second"
    theirs = client("GET", "/iam/v1/black?limit=1000")["blackList"]

    assert "01060600009" in [row["recipientNumber"] for row in mine]
    assert "01060600009" not in [row["recipientNumber"] for row in theirs]
    assert "수신거부했습니다" in shown(client, number="01060600009", thread="PF-wide")


def test_a_phone_without_talk_shows_texts_only_and_cannot_add(client):
    assert "카카오톡을 쓰지 않는 번호" in shown(client, number="01060600094")
    assert press(client, "/phone/add", number="01060600094", pfId="PF-wide")[0] == 400


def test_the_page_is_safe_to_serve_under_a_strict_policy(client):
    client("POST", "/_control/phones", [{"name": '"><script>x</script>', "number": "01060600055"}])
    client.connection.request("GET", f"/?number={NUMBER}&thread=%22%3E%3Cscript%3E&q=%22%3E%3Cscript%3E")
    answer = client.connection.getresponse()
    html = answer.read().decode()

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert re.findall(r"<script[^>]*>", html) == ['<script src="/static/live.js" defer>']
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)
    assert shown(client, number="abc").count('role="alert"') == 1


def test_faults_and_clock_are_pressed_on_the_page(client):
    press(client, "/panel/fault", name="no_balance")
    assert client("GET", "/_control/faults")["no_balance"] is True
    assert 'aria-checked="true" aria-label="잔액 부족"' in shown(client)
    press(client, "/panel/fault", name="no_balance")
    assert client("GET", "/_control/faults")["no_balance"] is False

    press(client, "/panel/clock", to="20:49:30")
    assert client("GET", "/_control/clock")["seoul"][11:18] == "20:49:3"
    press(client, "/panel/clock", to="real")
    assert client("GET", "/_control/clock")["offset_seconds"] == 0
    assert press(client, "/panel/clock", to="yesterday")[0] == 400
    assert press(client, "/panel/fault", name="settings")[0] == 400


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/\r\nX: y", "/?a\r\nSet-Cookie: x"])
def test_a_form_only_leads_back_to_the_page(client, back):
    body = urllib.parse.urlencode({"to": "real", "back": back}).encode()
    client.connection.request("POST", "/panel/clock", body, {"Host": "localhost"})
    answer = client.connection.getresponse()
    answer.read()

    assert answer.headers["Location"].startswith("/")
    assert not answer.headers["Location"].startswith("//")
    assert (answer.headers["X"], answer.headers["Set-Cookie"]) == (None, None)


def test_the_live_text_changes_when_something_arrives(client):
    before = client.raw("GET", f"/live?number={NUMBER}")
    same = client.raw("GET", f"/live?number={NUMBER}")
    delivered(client, brand(NUMBER))

    assert before == same != client.raw("GET", f"/live?number={NUMBER}")


@pytest.mark.browser
def test_the_page_in_a_browser_follows_what_happens(client, page):
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.goto(f"http://127.0.0.1:{client.port}/?number={NUMBER}&thread=PF-wide")
        words = f"{width} 너비에서 온 소식"
        client.settled(client.send([brand(NUMBER, content=words)]))
        page.get_by_text(words).last.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="수신거부", exact=True).last.click()
    page.locator(".line", has_text="수신거부했습니다").wait_for()

    assert errors == []
    assert NUMBER in [
        row["recipientNumber"] for row in until(lambda: client("GET", "/iam/v1/black?limit=1000")["blackList"])
    ]
