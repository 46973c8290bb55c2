"""What can be said on which kind, judged as it is written and as the friend sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from majung.channels.adapters import limits
from majung.channels.adapters.limits import CannotSay
from majung.channels.adapters.registry import ADAPTERS, adapter
from majung.channels.adapters.solapi import Solapi
from majung.channels.adapters.terms import Button, Kind, Message, Printer

pytestmark = pytest.mark.product("M10")

FACTS = Solapi.kinds
LINK = Button(name="가", link_mobile="https://a.kr")
VARIED = Button(name="#{이름}", link_mobile="https://a.kr")
NAMES = {"이름": "홍길동홍길동", "링크": "x" * 40}


def found(kind: Kind, message: Message) -> list[str]:
    return limits.problems(kind, FACTS[kind], message, NAMES)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Kind.BRAND, Message(text="가" * 1300)),
        (Kind.BRAND, Message(text="#{이름}" + "가" * 1294)),
        (Kind.BRAND, Message(text="줄\n" * 99 + "끝")),
        (
            Kind.BRAND,
            Message(
                text="글",
                buttons=(Button(name="채널 추가", type="AC"), Button(name="가" * 14, link_mobile="https://a.kr")),
            ),
        ),
        (Kind.BRAND, Message(text="글", image_id="F1", image_link="https://a.kr/#{링크}")),
        (Kind.BRAND, Message(text="글 😀 뷁")),
        (Kind.SMS, Message(text="가" * 45)),
        (Kind.LMS, Message(text="가" * 1000, subject="가" * 20)),
        (Kind.ALIM, Message(text="#{이름}님", template_id="T1")),
    ],
)
def test_what_fits_is_said(kind: Kind, message: Message) -> None:
    assert found(kind, message) == []
    limits.check(kind, FACTS[kind], message, NAMES)


@pytest.mark.parametrize(
    ("kind", "message", "word"),
    [
        (Kind.BRAND, Message(text="  \n"), "비어"),
        (Kind.BRAND, Message(text="가" * 1301), "1,301자"),
        (Kind.BRAND, Message(text="#{이름}" + "가" * 1295), "1,301자"),
        (Kind.BRAND, Message(text="줄\n" * 100 + "끝"), "100번"),
        (Kind.BRAND, Message(text="#{모름}"), "#{모름}"),
        (Kind.BRAND, Message(text="#{이름"), "닫히지 않"),
        (Kind.BRAND, Message(text="글\x00"), "제어 문자"),
        (Kind.BRAND, Message(text="글", subject="제목"), "제목이 없습니다"),
        (Kind.BRAND, Message(text="글", image_link="https://a.kr"), "그림이 없어"),
        (Kind.BRAND, Message(text="글", image_id="F", image_link="a.kr"), "https://"),
        (
            Kind.BRAND,
            Message(text="글", buttons=tuple(Button(name="가", link_mobile="https://a.kr") for _ in range(6))),
            "5개까지",
        ),
        (Kind.BRAND, Message(text="글", buttons=(Button(name="가" * 15, link_mobile="https://a.kr"),)), "1–14자"),
        (Kind.BRAND, Message(text="글", buttons=(Button(name="#{링크}", link_mobile="https://a.kr"),)), "1–14자"),
        (Kind.BRAND, Message(text="글", buttons=(Button(name="가"),)), "연결 주소가 필요"),
        (Kind.BRAND, Message(text="글", buttons=(Button(name="가", link_mobile="javascript:1"),)), "https://"),
        (
            Kind.BRAND,
            Message(text="글", buttons=(Button(name="가", link_mobile="https://a.kr/" + "x" * 1000),)),
            "1,000자",
        ),
        (Kind.BRAND, Message(text="글", buttons=(Button(name="가", type="XX"),)), "없는 종류"),
        (Kind.BRAND, Message(text="글", buttons=(Button(name="앱", type="AL", link_ios="a:"),)), "둘이 필요"),
        (Kind.BRAND, Message(text="글", buttons=(LINK, Button(name="", type="AC"))), "맨 앞"),
        (Kind.SMS, Message(text="가" * 46), "92바이트"),
        (Kind.SMS, Message(text="글 😀"), "😀"),
        (Kind.SMS, Message(text="뷁"), "뷁"),
        (Kind.SMS, Message(text="긴 줄—짧은 줄"), "—"),
        (Kind.SMS, Message(text="글", subject="제목"), "제목이 없습니다"),
        (Kind.SMS, Message(text="글", buttons=(Button(name="가", link_mobile="https://a.kr"),)), "버튼을 붙일 수 없"),
        (Kind.LMS, Message(text="글", image_id="F"), "그림을 붙일 수 없"),
        (Kind.LMS, Message(text="가" * 1001), "2,002바이트"),
        (Kind.LMS, Message(text="글", subject="가" * 21), "42바이트"),
        (Kind.ALIM, Message(text="글"), "템플릿"),
        (Kind.ALIM, Message(text="글", template_id="T", buttons=(VARIED,)), "변수를 쓸 수 없"),
    ],
)
def test_what_does_not_fit_is_told_in_korean(kind: Kind, message: Message, word: str) -> None:
    sentences = found(kind, message)

    assert any(word in sentence for sentence in sentences), sentences
    with pytest.raises(CannotSay) as refused:
        limits.check(kind, FACTS[kind], message, NAMES)
    assert refused.value.problems == tuple(sentences) and word in str(refused.value)


def test_every_problem_is_told_at_once() -> None:
    message = Message(text="#{모름}" + "가" * 1400, image_link="x", buttons=(Button(name="", link_mobile="x"),))

    assert len(found(Kind.BRAND, message)) >= 5


def test_who_prints_what_is_declared_for_every_kind() -> None:
    for made in ADAPTERS.values():
        for facts in made.kinds.values():
            assert facts.medium and (facts.characters > 0) != (facts.bytes > 0)
            if facts.medium != "KAKAO_ALIM":
                assert Printer.NOBODY not in (facts.label, facts.sender, facts.opt_out)
    with pytest.raises(KeyError, match="solapi"):
        adapter("nobody")


def test_marks_are_judged_on_what_the_friend_sees() -> None:
    """Around a brand message KakaoTalk prints label, sender and opt-out; in a text they must stand themselves."""
    plain = Message(text="소식입니다")
    whole = Message(text="(광고)가람당\n소식입니다\n무료수신거부 080-123-4567")
    late = Message(text="소식입니다 (광고)\n가람당 080-123-4567")

    brand, bare, marked, misplaced = (
        limits.seen(FACTS[kind], message, "가람당")
        for kind, message in ((Kind.BRAND, plain), (Kind.SMS, plain), (Kind.LMS, whole), (Kind.LMS, late))
    )

    assert (brand.label, brand.sender, brand.opt_out) == (True, True, True)
    assert (bare.label, bare.sender, bare.opt_out) == (False, False, False)
    assert (marked.label, marked.sender, marked.opt_out) == (True, True, True)
    assert (misplaced.label, misplaced.sender, misplaced.opt_out) == (False, True, True)


WORDS = ["(광고)", "가람당", "080-123-4567", "무료수신거부", " ", "\n", "소식", "080"]
PARTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8)


@given(text=PARTS.map("".join).filter(str.strip))
def test_marks_that_are_added_are_then_seen_and_added_once(text: str) -> None:
    facts = FACTS[Kind.LMS]

    once = limits.as_advertising(facts, Message(text=text), "가람당", "080-123-4567")
    twice = limits.as_advertising(facts, once, "가람당", "080-123-4567")

    marks = limits.seen(facts, once, "가람당")
    assert (marks.label, marks.sender, marks.opt_out) == (True, True, True)
    assert twice == once
    assert limits.as_advertising(FACTS[Kind.BRAND], Message(text=text), "가람당", "080-123-4567").text == text


@given(st.text(max_size=60))
def test_what_passes_as_a_text_can_be_encoded_by_every_carrier(text: str) -> None:
    if not limits.unwritable(text):
        assert len(text.encode("euc-kr")) == len(text.encode("cp949"))


@pytest.mark.parametrize(
    ("link", "fits"),
    [
        ("https://a.kr/#{링크}", True),
        ("https://a.kr?who=#{링크}", True),
        ("http://127.0.0.1:8000/p", True),
        ("https://a.kr#part", True),
        ("#{링크}", True),
        ("https://#{이름}.evil.kr", False),
        ("https://a.kr#{이름}", False),
        ("https://a.kr#{이름}.evil.kr/", False),
        ("javascript:alert(1)", False),
        ("https://", False),
    ],
)
def test_no_variable_chooses_where_a_button_leads(link: str, fits: bool) -> None:
    message = Message(text="글", buttons=(Button(name="가", link_mobile=link),))
    assert (found(Kind.BRAND, message) == []) == fits
