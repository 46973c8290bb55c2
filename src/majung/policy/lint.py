"""What a text gives away about itself: offers, sales, support for a candidate, look-alike marks. Pure and conservative.

Each sign says which words it rests on and why. A sign that is ``certain`` stands; a doubtful one counts as well until
the writer, who sees it, declares it harmless (``Content.cleared``). Nothing here is clever: a list of phrases that can be
read, tested and argued with, because a judge of law is not a guess of a model.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from majung.policy.occasion import Content

LABEL = "(광고)"

BENEFIT, SALE, NUDGE, SUPPORT, LOOK_ALIKE, MEMBERSHIP = (
    "benefit",
    "sale",
    "nudge",
    "support",
    "look_alike",
    "membership",
)

SENTENCES = {
    BENEFIT: "금품이나 이익을 준다는 말로 읽힙니다.",
    SALE: "물건이나 유료 서비스를 판다는 말로 읽힙니다.",
    NUDGE: "사거나 다시 오게 하려는 권유로 읽힙니다.",
    SUPPORT: "후보를 지지하거나 반대하는 말로 읽힙니다.",
    LOOK_ALIKE: "‘(광고)’ 표시를 흉내 냈거나 자리가 다릅니다.",
    MEMBERSHIP: "미리보기에서 받는 사람이 당원인 것이 드러납니다.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing found in a text: its kind, the words, and whether it is beyond doubt."""

    kind: str
    words: str
    certain: bool

    @property
    def sentence(self) -> str:
        """Why the words matter, for the writer."""
        return SENTENCES[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules ask of a content: declared, or found and not cleared."""

    benefit_offer: bool
    sells: bool
    ad_element: bool
    supports: bool
    label_broken: bool
    signs: tuple[Sign, ...]


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


_GAP = r"[^.!?\n]{0,12}?"
_GIVE = r"(?:드립|드려|드릴|증정|지급|제공|나눠|쏩니다|쏜다|받아 ?가|받으(?:세요|실))"
_ASK = r"(?:주세요|주십시오|주시|줍시다|달라)"
# (kind, certain, pattern). Certain are phrases that hardly mean anything else.
_SIGNS: tuple[tuple[str, bool, re.Pattern[str]], ...] = (
    (
        BENEFIT,
        True,
        _words(
            r"할인\s?쿠폰|쿠폰(?:을|이|도)?\s?(?:" + _GIVE + r"|발급|도착|선물)",
            r"(?:경품|사은품|기념품|상품권|기프티콘|답례품|식사권)" + _GAP + _GIVE,
            r"(?:경품|선물)\s?(?:추첨|이벤트|행사)|추첨(?:을 통해|해서|하여)" + _GAP + _GIVE,
            r"(?:포인트|적립금|마일리지|캐시백)(?:를|을|도)?\s?(?:" + _GIVE + r"|선물|적립)",
            r"(?:식사|다과|도시락|교통편|관광)(?:를|을)?\s?(?:무료로\s?)?(?:제공|대접)",
            r"\d[\d,]*\s?원\s?(?:할인|상당)|\d+\s?%\s?(?:할인|세일|적립)",
        ),
    ),
    (
        BENEFIT,
        False,
        _words(
            r"쿠폰|경품|사은품|기념품|상품권|기프티콘|적립|포인트|할인|특가|공짜|무료\s?(?:증정|제공|체험|나눔)|선물"
        ),
    ),
    (
        SALE,
        True,
        _words(
            r"(?:판매|예약\s?판매|공동\s?구매|특가\s?판매)(?:합니다|중|해요|를 시작)",
            r"(?:구매|주문|결제)하(?:세요|실|시면|러|기)",
            r"(?:수강료|참가비|이용료|구독료|입장료)\s?[:은는가이]?\s?[\d,]+\s?(?:만\s?)?원",
            r"유료\s?(?:강좌|강의|행사|회원|서비스|구독|상품)",
        ),
    ),
    (SALE, False, _words(r"판매|구매|주문|결제|수강료|참가비|신제품|신상품|출시|세일|굿즈|매장")),
    (
        NUDGE,
        True,
        _words(
            r"(?:다시|또)\s?(?:구매|주문|방문)해|장바구니|앱(?:을|을 지금)?\s?(?:설치|다운로드)",
            r"생일\s?(?:쿠폰|할인|혜택)",
        ),
    ),
    (NUDGE, False, _words(r"이벤트에?\s?(?:참여|응모)|혜택|놓치지 마|마감\s?임박")),
    (
        SUPPORT,
        True,
        _words(
            r"지지해\s?" + _ASK + r"|지지를?\s?(?:부탁|호소|선언)",
            r"한\s?표(?:를|만)?\s?(?:부탁|주세요|주십시오|행사해)|기호\s?\d{1,2}\s?번",
            r"(?:당선|낙선|낙천)시(?:켜|킵|키)|(?:꼭|반드시) 당선",
            r"후보(?:를|에게)\s?(?:지지|반대|투표|(?:선택해|뽑아|찍어|밀어)\s?" + _ASK + r")",
            r"support\s+candidate|vote\s+for\b",
        ),
    ),
    # “참석 여부를 선택해 주세요”, “사진을 찍어 주세요” and a vote within the party say the same words of other things.
    (
        SUPPORT,
        False,
        _words(
            r"지지(?!율|대|부진|난)|투표해|당선|낙선|심판합시다|심판해|선거운동",
            r"(?:선택해|뽑아|찍어|밀어)\s?" + _ASK,
        ),
    ),
)
_VOTE_CALL = re.compile(r"투표(?:에|하러)?\s?(?:꼭\s?)?(?:참여|가)(?:해|합|하|주|세)")
_SUPPORTING_MOOD = _words(r"응원|함께해|힘을 모|밀어|선택|지지|기호|투표", r"반대|심판|막아")
_OPENING = re.compile(r"^[\s\"'“”‘’\[({<【〔《「『]*[가-힣]{0,4}\s*광[\s./·ㆍ_-]*고\s*[\"'“”‘’]*\s*[\])}>】〕》」』]")
# Dues and donations are no sale (ADV-03), the free way out is no offer.
_HARMLESS = re.compile(r"무료\s?수신\s?거부|(?:당비|회비|후원금|기탁금)(?:를|을|의)?\s?(?:자동\s?)?(?:결제|납부|적립)")
_MEMBERSHIP = re.compile(r"당원|당비|입당|탈당|책임당원|권리당원")
PREVIEW_LENGTH = 30


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def has_label(text: str) -> bool:
    """Whether ``text`` begins with the five characters themselves: nothing before, nothing inside (ADV-17)."""
    return text.startswith(LABEL)


def imitates_label(text: str) -> bool:
    """Whether ``text`` begins with something that passes for the mark and is not it: ``[광고]``, ``(광 고)``, `` (광고)``."""
    head = unicodedata.normalize("NFKC", text[:40]).lower()
    if has_label(text):
        return bool(_OPENING.match(unicodedata.normalize("NFKC", text[len(LABEL) : 40])))
    return bool(_OPENING.match(head)) or bool(re.match(r"^\s*[\[(<{]\s*(?:event|ad)\s*[\])>}]", head))


@lru_cache(maxsize=512)
def read(content: Content) -> Facts:
    """What ``content`` says of itself. The same content always reads the same."""
    whole = _plain("\n".join((content.title, content.text, *content.buttons)))
    signs: dict[str, Sign] = {}
    for kind, certain, pattern in _SIGNS:
        found = pattern.search(_HARMLESS.sub("", whole))
        if found and kind not in signs:
            signs[kind] = Sign(kind=kind, words=found[0], certain=certain)
    named = next((name for name in content.names if name and _plain(name) in whole), None)
    if named and SUPPORT not in signs and (mood := _SUPPORTING_MOOD.search(_VOTE_CALL.sub("", whole))):
        signs[SUPPORT] = Sign(kind=SUPPORT, words=f"{named} … {mood[0]}", certain=False)
    for text in filter(None, (content.title, content.text)):
        if imitates_label(text):
            signs.setdefault(LOOK_ALIKE, Sign(kind=LOOK_ALIKE, words=text[:12], certain=True))
    if preview := _MEMBERSHIP.search(_plain(content.text)[:PREVIEW_LENGTH]):
        signs[MEMBERSHIP] = Sign(kind=MEMBERSHIP, words=preview[0], certain=False)

    counts = {kind for kind, sign in signs.items() if sign.certain or kind not in content.cleared}
    sells = SALE in counts or content.is_commercial
    return Facts(
        benefit_offer=BENEFIT in counts,
        sells=sells,
        ad_element=bool(counts & {BENEFIT, SALE, NUDGE}) or content.is_commercial,
        supports=SUPPORT in counts or content.supports,
        label_broken=LOOK_ALIKE in counts,
        signs=tuple(signs.values()),
    )
