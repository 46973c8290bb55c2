"""What texts give away: each kind of sign, what clears it, and what must not be mistaken for one."""

import pytest

from majung.policy import lint
from majung.policy.occasion import Content


def kinds(text: str, **declared) -> dict[str, bool]:
    return {sign.kind: sign.certain for sign in lint.read(Content(text=text, **declared)).signs}


@pytest.mark.parametrize(
    "text",
    [
        "설문에 참여하시면 포인트를 드립니다",
        "오시는 분께 기념품을 드려요",
        "추첨을 통해 상품권을 증정합니다",
        "5,000원 할인 받으세요",
        "첫 방문 할인 쿠폰이 도착했습니다",
        "모임에서 식사를 제공합니다",
        "포인트를  드립니다",
    ],
)
def test_offers_are_certain(text):
    assert kinds(text)[lint.BENEFIT] is True


@pytest.mark.parametrize(
    "text", ["새 강좌를 판매합니다", "참가비는 30,000원입니다", "지금 주문하세요", "유료 강좌를 엽니다"]
)
def test_sales_are_certain(text):
    assert kinds(text)[lint.SALE] is True


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("홍길순 후보를 지지해 주세요", True),
        ("한 표 부탁드립니다", True),
        ("기호 3번을 기억해 주세요", True),
        ("꼭 당선시켜 주십시오", True),
        ("변화를 지지하는 이웃과", False),
        ("이번에는 투표해 바꿉시다", False),
        ("support candidate X", True),
        ("윤하늘 후보를 뽑아 주십시오", True),
        ("저희를 지지해 줍시다", True),
        ("참석 여부를 선택해 주세요", False),
        ("출석부 대신 사진을 찍어 주세요", False),
        ("당원 투표해 주세요", False),
    ],
)
def test_support_of_a_candidate(text, certain):
    assert kinds(text)[lint.SUPPORT] is certain


@pytest.mark.parametrize(
    "text",
    [
        "당비를 잘 받았습니다. 11월 당비 납부 확인입니다.",
        "당비 자동 결제 안내입니다.",
        "지지율 조사 결과를 나눕니다.",
        "투표에 참여해 주세요. 사전투표는 토요일까지입니다.",
        "지지난 모임의 회의록입니다.",
        "무료수신거부 080-700-0001",
        "주민 간담회가 열립니다. 구민회관 2층으로 오세요.",
    ],
)
def test_plain_notices_show_no_sign(text):
    assert kinds(text) == {} or set(kinds(text)) == {lint.MEMBERSHIP}


def test_a_name_flagged_by_the_writer_makes_a_mood_count():
    text = "윤하늘 후보와 함께해 주시면 좋겠습니다"

    assert lint.SUPPORT not in kinds(text)
    assert kinds(text, names=("윤하늘",))[lint.SUPPORT] is False
    assert lint.SUPPORT not in kinds("윤하늘 의원 주민 간담회. 투표에 참여해 주세요.", names=("윤하늘",))


def test_only_doubtful_signs_can_be_cleared():
    doubtful, certain = "명절 선물 이야기", "명절 상품권을 드립니다"

    assert lint.read(Content(text=doubtful)).benefit_offer
    assert not lint.read(Content(text=doubtful, cleared=(lint.BENEFIT,))).benefit_offer
    assert lint.read(Content(text=certain, cleared=(lint.BENEFIT,))).benefit_offer


@pytest.mark.parametrize(
    "head",
    [
        "[광고]",
        "(광 고)",
        "(광.고)",
        "(광/고)",
        '("광고")',
        " (광고)",
        "(대출광고)",
        "(event)",
        "【광고】",
        "（광고）",
        "<광고>",
    ],
)
def test_look_alikes_of_the_mark(head):
    assert lint.imitates_label(f"{head} 안녕하세요")


@pytest.mark.parametrize("text", ["(광고)안녕하세요", "광고 없는 소식입니다", "(알림) 모임", "안녕하세요 (광고)"])
def test_what_is_no_look_alike(text):
    assert not lint.imitates_label(text)


def test_membership_in_the_preview_is_told():
    assert lint.MEMBERSHIP in kinds("권리당원 여러분께 알립니다")
    assert lint.MEMBERSHIP not in kinds(
        "이웃 여러분께 알립니다. 이번 주 토요일 오후에 있을 모임의 순서를 전합니다. 당원 모임입니다."
    )


def test_long_and_strange_texts_are_read_quickly():
    assert lint.read(Content(text="포인트 " * 5000 + "를")).benefit_offer
    assert lint.read(Content(text="광" * 20_000)).signs == ()
    assert lint.read(Content(text="\x00\ud7a3\u200b" * 3000)).signs == ()
