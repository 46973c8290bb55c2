"""What a dealer says to everybody alike cannot have somebody's own words in it."""

import pytest

from majung.campaigns import message
from majung.channels.adapters.registry import ADAPTERS
from majung.channels.adapters.terms import Kind, Message
from majung.delivery.render import NAME, PREFERENCES, Local, Template

pytestmark = pytest.mark.product("M1", "M10")


def problems(dealer: str, kind: Kind, **words: str) -> list[str]:
    place = Local(channel_id=1, pf_id="PF", unit="가람당", channel="가람당 소식")
    sender = "0212345678" if kind in (Kind.SMS, Kind.LMS) else ""
    template = Template(
        kind=kind, message=Message(**words), locals=(place,), link_base="https://a.kr/p/", sender=sender
    )
    return message.problems(ADAPTERS[dealer].kinds[kind], template)


@pytest.mark.parametrize("kind", [Kind.BRAND, Kind.LMS])
def test_own_words_are_refused_where_all_get_the_same(kind: Kind) -> None:
    told = problems("nhn", kind, text=f"#{{{NAME}}}님, #{{조직}}입니다. #{{{PREFERENCES}}}")

    assert [f"#{{{name}}}" in sentence for name, sentence in zip((NAME, PREFERENCES), told, strict=True)] == [
        True,
        True,
    ]
    assert all("다른 대행사 계정" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("dealer", "kind", "words"),
    [
        ("solapi", Kind.BRAND, {"text": "#{이름}님"}),
        ("nhn", Kind.BRAND, {"text": "#{조직}입니다."}),
        ("nhn", Kind.BRAND, {"text": "#{이름}님", "template_id": "B1"}),
        ("nhn", Kind.ALIM, {"text": "#{이름}님", "template_id": "T1"}),
    ],
)
def test_nothing_else_is_touched(dealer: str, kind: Kind, words: dict[str, str]) -> None:
    assert problems(dealer, kind, **words) == []
