"""The main journey, as people walk it: a list comes in, a message leaves, somebody refuses, and the next one leaves them out."""

import json
import os
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.journeys_of_users.conftest import PATIENCE_MS, Installation, Visit
from tests.journeys_of_users.installation import LISTED

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EMAIL, PASSWORD = "centre@demo.example", "가람-열쇠-2026"
TEXT = "#{이름}님, 안녕하세요. #{조직}입니다.\n이번 달 당원 모임은 11월 28일 오후 2시에 엽니다."
REFUSER, REFUSER_NUMBER = LISTED[0][:2]
PHONE_WIDTH = {"width": 390, "height": 844}
DESKTOP_WIDTH = {"width": 1280, "height": 900}
PICTURES = os.environ.get("MAJUNG_PICTURES", "")


def messy() -> bytes:
    """The list as an office keeps it: CP949, a marked header, every spelling of a number, a double, a line without a number."""
    spellings: tuple[Callable[[str, str], str], ...] = (
        lambda a, b: f"+82 10-{a}-{b}", lambda a, b: f"010.{a}.{b}", lambda a, b: f"０１０-{a}-{b}", lambda a, b: f"010 {a} {b}",
    )  # fmt: skip
    lines = ["연번,성 명,휴대폰 번호(필수),성별,생년월일,지역구,비고"]
    for i, (name, number, gender, birth) in enumerate(LISTED):
        spelled = spellings[i % len(spellings)](number[3:7], number[7:])
        note = '"전화는\r\n저녁에"' if i == 1 else ""
        lines.append(f"{i + 1},{name},{spelled},{gender},{birth},서울 종로,{note}")
    lines += [lines[3], "10,번호모름,모름,여,1980-01-01,서울 종로,"]
    return ("\r\n".join(lines) + "\r\n").encode("cp949")


class Walk:
    """One operator's hands and eyes on the pages."""

    def __init__(self, visit: Visit, place: Installation) -> None:
        self.page, self.place = visit.page, place
        self.seen: list[str] = []

    def go(self, path: str) -> None:
        """Open one of our pages."""
        self.page.goto(f"{self.place.web}{path}")

    def see(self, text: str | re.Pattern[str]) -> None:
        """The text is visible by and by."""
        expect(self.page.get_by_text(text).locator("visible=true").first).to_be_visible(timeout=PATIENCE_MS)

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press the button or link."""
        where = within or self.page.locator("body")
        where.get_by_role("button", name=name, exact=True).or_(
            where.get_by_role("link", name=name, exact=True)
        ).first.click()

    def look(self, name: str, page: Page | None = None) -> None:
        """The page fits a phone and a desk; with MAJUNG_PICTURES set, what it looks like is kept in that folder."""
        page = page or self.page
        for size in (PHONE_WIDTH, DESKTOP_WIDTH):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.wait_for_timeout(150)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], f"{name} scrolls sideways: {wide} at {size['width']}"
            if PICTURES:
                page.screenshot(path=Path(PICTURES) / f"{name}-{size['width']}.png", full_page=True)
        self.seen.append(name)

    def sandbox(self, path: str) -> Any:
        """What the sandbox counted by itself."""
        with urllib.request.urlopen(f"{self.place.sandbox}/_control/{path}", timeout=30) as answer:
            return json.loads(answer.read())


def number_in(text: str) -> int:
    found = re.search(r"[\d,]+", text)
    assert found, text
    return int(found[0].replace(",", ""))


@pytest.mark.product("F2", "M1", "C3", "C6", "M9")
def test_a_list_a_message_a_refusal_and_the_next_message(visit: Visit, installation: Installation) -> None:
    walk = Walk(visit, installation)
    sign_in(walk)
    import_list(walk)
    segment(walk)
    write(walk, "11월 모임")
    left = check(walk)
    send(walk)
    balance(walk)
    refuse(walk, visit)
    left_out_of_the_next(walk, left)
    assert not visit.complaints, "\n".join(visit.complaints)


def sign_in(walk: Walk) -> None:
    walk.go("/")
    walk.page.get_by_label("이메일").or_(walk.page.locator("input[name=login]")).first.fill(EMAIL)
    walk.page.locator("input[name=password]").fill(PASSWORD)
    walk.press("들어가기")
    walk.see("오늘 할 일")
    walk.look("home")
    walk.go("/tree/")
    walk.see("가람당 중앙당")
    walk.look("tree")


def import_list(walk: Walk) -> None:
    page = walk.page
    walk.go("/imports/")
    page.locator("input[type=file]").set_input_files(
        {"name": "당원명부_최종.csv", "mimeType": "text/csv", "buffer": messy()}
    )
    walk.press("올려서 살펴보기")
    walk.see("열 맞추기")
    walk.see("도하늘")
    page.get_by_label("본인이 동의했습니다").check()
    for title in ("당원 가입과 안내를 위한 개인정보 수집·이용", "민감정보(정당 가입 여부) 처리"):
        page.get_by_label(title).check()
    page.get_by_label("증명 자료").fill("2025년 입당원서 원본, 총무국 보관")
    page.get_by_label("동의·가입을 받은 날").fill("2025-06-01")
    page.get_by_label("이 명단의 사람은 모두 당원").check()
    walk.look("import-columns")
    walk.press("시험으로 읽어 보기")
    walk.see("넣으면 이렇게 됩니다")
    panel = page.locator(".mj-panel", has_text="넣으면 이렇게 됩니다").inner_text()
    assert [number_in(panel.split(label)[1]) for label in ("새 사람", "파일 안에서 겹침", "읽지 못함")] == [
        len(LISTED),
        1,
        1,
    ]
    walk.look("import-dry-run")
    walk.press(f"{len(LISTED)}명 넣기")
    walk.see("되돌리기")
    walk.go("/people/")
    walk.see(f"{40 + len(LISTED)}명")
    walk.look("people")


expect.set_options(timeout=20_000)


def settled(page: Page) -> None:
    """htmx has swapped and bound what it fetched: a field filled before that would be heard by nobody."""
    page.wait_for_timeout(300)
    page.wait_for_function(
        "!document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added')", timeout=30_000
    )


def segment(walk: Walk) -> None:
    page = walk.page
    walk.go("/segments/new/")
    count = page.locator("#count .mj-big")
    expect(count).to_have_text("48명")
    page.locator("select[name^='add.']").first.select_option("gender")
    walk.press("조건 넣기")
    settled(page)
    page.locator("#builder").get_by_label("여", exact=True).check()
    expect(count).not_to_have_text("48명")
    settled(page)
    women = number_in(count.inner_text())
    page.locator("select[name^='add.']").first.select_option("age")
    walk.press("조건 넣기")
    expect(page.get_by_label("나이 처음")).to_be_visible()
    settled(page)
    page.get_by_label("나이 처음").press_sequentially("30", delay=50)
    page.get_by_label("나이 처음").press("Tab")
    expect(count).not_to_have_text(f"{women}명")
    assert 0 < number_in(count.inner_text()) < women
    page.get_by_label("이름", exact=True).fill("서른 넘은 여성 당원")
    walk.look("segment")
    page.locator("aside").get_by_role("button", name="저장", exact=True).click()
    walk.see("서른 넘은 여성 당원")


def write(walk: Walk, title: str) -> None:
    page = walk.page
    walk.go("/campaigns/new/")
    page.get_by_label("이름").fill(title)
    page.get_by_label("보내는 조직").select_option(label="가람당 중앙당")
    walk.press("대상 고르기")
    page.get_by_label("불러올 대상").select_option(index=1)
    walk.press("조건 불러오기")
    expect(page.locator("#builder")).to_contain_text("나이")
    walk.press("내용 쓰기")
    page.locator("input[name=purpose][value=PARTY_NOTICE]").check()
    page.get_by_label("본문").fill(TEXT)
    page.locator("#id_b0n, input[name^='button_'][name$='_name']").first.fill("수신 설정")
    page.locator("input[name^='button_'][name$='_link']").first.fill("#{수신설정}")
    phone = page.locator("#phone")
    expect(phone).to_contain_text("이수아님, 안녕하세요.")
    expect(phone).to_contain_text("수신 설정")
    expect(phone).to_contain_text("(광고)")
    walk.look("words")
    walk.press("점검하기")
    walk.see("보내기 전에 점검합니다")


def check(walk: Walk) -> int:
    page = walk.page
    table = page.locator(".mj-reasons")
    for sentence, article in (
        ("당원명부에 있는 당원이 아닙니다.", "정당법"), ("선택 소식을 받지 않겠다고 했습니다.", "마중 운영 원칙"),
        ("민감정보", "개인정보 보호법 제23조"),
    ):  # fmt: skip
        row = table.locator("tr", has_text=sentence)
        expect(row).to_contain_text(article)
    every, left, planned = (number_in(text) for text in page.locator(".mj-sum3 dd").all_inner_texts())
    assert every == left + planned
    walk.see("장문 문자")
    walk.see(f"{planned * 23:,}원")
    walk.look("check")
    return refusers(walk)


def refusers(walk: Walk) -> int:
    row = walk.page.locator(".mj-reasons tr", has_text="선택 소식을 받지 않겠다고 했습니다.")
    return number_in(row.locator("td.r").inner_text())


def send(walk: Walk) -> None:
    walk.press("보내기로")
    walk.page.get_by_label("15초").check()
    walk.look("send")
    walk.press("보내기")
    walk.see("회수 시간")
    walk.see("거두기")
    walk.look("recall")
    walk.see("다 보냄")
    walk.see("양쪽이 맞습니다")
    walk.see("채널 친구가 아님")


def balance(walk: Walk) -> None:
    page = walk.page
    cells = page.locator("#books dd")
    audience, left, accepted, refused, doubt, rest = (number_in(text) for text in cells.all_inner_texts())
    assert audience == left + accepted + refused + doubt + rest
    assert (doubt, rest) == (0, 0)
    assert accepted > 0
    campaign = walk.sandbox("campaigns")
    number = campaign[0] if isinstance(campaign, list) else campaign["campaigns"][0]
    number = number if isinstance(number, int | str) else number["campaign"]
    books = walk.sandbox(f"books?campaign={number}")
    assert books["delivered"] == accepted
    assert books["ids_taken_more_than_once"] == books["numbers_delivered_more_than_once"] == 0
    walk.look("campaign")


def person_of(walk: Walk, name: str) -> int:
    """The number of the person of that name, by the search of the people page."""
    walk.go("/people/")
    walk.page.get_by_label("전화번호나 이름 전체로 찾기").fill(name)
    walk.press("찾기")
    walk.see("지나온 길")
    return int(walk.page.url.rstrip("/").rsplit("/", 1)[-1])


def refuse(walk: Walk, visit: Visit) -> None:
    page = visit.page.context.new_page()
    page.goto(f"{walk.place.sandbox}/?number={REFUSER_NUMBER}")
    page.locator("a.chat").first.click()
    expect(page.locator(".bubble.card").last).to_contain_text(f"{REFUSER}님, 안녕하세요.")
    walk.look("phones", page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="수신 설정", exact=True).last.click()
    own = opened.value
    expect(own.get_by_role("heading", name="내 수신 설정")).to_be_visible()
    assert REFUSER not in own.inner_text("body")
    walk.look("preferences", own)
    own.get_by_role("button", name=re.compile("모든 소식 끊기")).click()
    expect(own.get_by_text("모든 소식을 끊었습니다.")).to_be_visible()
    walk.look("preferences-done", own)
    own.close()
    page.close()


def left_out_of_the_next(walk: Walk, before: int) -> None:
    person = person_of(walk, REFUSER)
    walk.see("11월 모임")
    walk.look("person")
    write(walk, "12월 모임")
    assert refusers(walk) == before + 1
    campaign = walk.page.url.split("/campaigns/")[1].split("/")[0]
    walk.go(f"/campaigns/{campaign}/why/?person={person}")
    stop = walk.page.locator(".mj-why__l li.stop")
    expect(stop).to_have_count(1)
    expect(stop).to_contain_text("선택 소식을 받지 않겠다고 했습니다.")
    walk.look("why-not")
