"""Whether one message may be registered: limits of brand messages and texts (kakao.md §3.3, §5).

Every check returns nothing or raises `Unfit` with the code of the registration and the reason in Korean.
"""

import re
from typing import Any, Final

from majung_sandbox import codes


class Unfit(Exception):
    """The message is refused at registration; the others of its request are not touched."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


_COMMON = {"targeting", "chatBubbleType", "adult"}
# Bubble → (fields it may have, fields it must have), kakao.md §4.1.
BUBBLES: Final[dict[str, tuple[set[str], set[str]]]] = {
    "TEXT": (_COMMON | {"content", "buttons", "coupon"}, {"content"}),
    "IMAGE": (_COMMON | {"content", "buttons", "coupon", "imageId", "imageLink"}, {"content", "imageId"}),
    "WIDE": (_COMMON | {"content", "buttons", "coupon", "imageId"}, {"imageId"}),
    "WIDE_ITEM_LIST": (
        _COMMON | {"header", "mainWideItem", "subWideItemList", "buttons", "coupon"},
        {"header", "mainWideItem", "subWideItemList"},
    ),
    "COMMERCE": (
        _COMMON | {"additionalContent", "imageId", "commerce", "buttons", "coupon"}, {"imageId", "commerce", "buttons"},
    ),
    "CAROUSEL_FEED": (_COMMON | {"carousel"}, {"carousel"}),
    "CAROUSEL_COMMERCE": (_COMMON | {"carousel"}, {"carousel"}),
    "PREMIUM_VIDEO": (_COMMON | {"header", "content", "video", "buttons", "coupon"}, {"video"}),
}  # fmt: skip
_CONTENT = {"TEXT": (1300, 99), "IMAGE": (1300, 99), "WIDE": (76, 5), "PREMIUM_VIDEO": (76, 5)}
_BUTTON_COUNT = {"TEXT": 5, "IMAGE": 5, "PREMIUM_VIDEO": 1}
_LINK_TYPES = {"AC", "WL", "AL", "BK", "MD", "BC", "BT", "BF"}
_SHOP = {"COMMERCE", "CAROUSEL_FEED", "CAROUSEL_COMMERCE"}
_COUPON = re.compile(
    r"(?:[1-9]\d{0,7}원 할인 쿠폰|(?:[1-9]\d?|100)% 할인 쿠폰|배송비 할인 쿠폰|\S{1,7} 무료 쿠폰|\S{1,7} UP 쿠폰)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OPT_OUT_LINE = re.compile(r"080[-. ]?\d{3,4}[-. ]?\d{4}")


def check_brand(bms: Any, bubble_of_kind: str | None, files: dict[str, Any]) -> None:
    """Whether `kakaoOptions.bms` is a lawful free-style brand message to friends."""
    if type(bms) is not dict:
        raise Unfit(codes.OPTIONS, "kakaoOptions.bms가 필요합니다.")
    bubble: Any = bms.get("chatBubbleType", bubble_of_kind)
    fields = BUBBLES.get(bubble) if type(bubble) is str else None
    if fields is None:
        raise Unfit(codes.OPTIONS, "chatBubbleType이 올바르지 않습니다.")
    if bubble_of_kind is not None and bubble != bubble_of_kind:
        raise Unfit(codes.OPTIONS, "type과 chatBubbleType이 다릅니다.")
    targeting = bms.get("targeting")
    if targeting != "I":
        if targeting in ("M", "N"):
            raise Unfit(codes.OPTIONS, "M·N 타기팅은 친구 5만 명 이상과 동의 증빙이 있는 채널만 쓸 수 있습니다.")
        raise Unfit(codes.OPTIONS, "targeting은 I, M, N 가운데 하나입니다.")
    if not bms.keys() <= fields[0]:
        raise Unfit(codes.OPTIONS, f"{bubble}에 쓸 수 없는 항목: {', '.join(sorted(map(str, bms.keys() - fields[0])))}")
    if not fields[1] <= bms.keys():
        raise Unfit(codes.OPTIONS, f"{bubble}에 필요한 항목: {', '.join(sorted(fields[1] - bms.keys()))}")
    content = bms.get("content")
    if content is not None:
        longest, breaks = _CONTENT[bubble]
        if type(content) is not str or not content:
            raise Unfit(codes.OPTIONS, "content는 빈 글이 아니어야 합니다.")
        if len(content) > longest or content.count("\n") > breaks:
            raise Unfit(codes.TOO_LONG, f"{bubble}의 content는 {longest}자, 줄바꿈 {breaks}번까지입니다.")
    buttons = bms.get("buttons")
    if buttons is not None:
        _check_buttons(bubble, buttons, has_coupon="coupon" in bms)
    if len(bms) > (4 if buttons is not None else 3) or content is None:
        _check_rest(bubble, bms, files)


def _check_buttons(bubble: str, buttons: Any, has_coupon: bool) -> None:
    most = _BUTTON_COUNT.get(bubble, 2)
    if bubble in ("TEXT", "IMAGE"):
        longest = 14
        most -= has_coupon
    else:
        longest = 8
    if type(buttons) is not list or len(buttons) > most:
        raise Unfit(codes.BUTTONS, f"{bubble}의 버튼은 {most}개까지입니다.")
    for button in buttons:
        if type(button) is not dict:
            raise Unfit(codes.BUTTONS, "버튼은 객체여야 합니다.")
        link = button.get("linkType")
        if type(link) is not str or link not in _LINK_TYPES:
            raise Unfit(codes.BUTTONS, "버튼의 linkType이 올바르지 않습니다.")
        if bubble in _SHOP and link not in ("WL", "AL"):
            raise Unfit(codes.BUTTONS, f"{bubble}의 버튼은 WL, AL만 됩니다.")
        name = button.get("name")
        if link != "AC" and (type(name) is not str or not 0 < len(name) <= longest):
            raise Unfit(codes.BUTTONS, f"{bubble}의 버튼 이름은 1–{longest}자입니다.")
        if link == "WL":
            target = button.get("linkMobile")
            if type(target) is not str or not target.startswith(("http://", "https://")) or len(target) > 1000:
                raise Unfit(codes.BUTTONS, "WL 버튼에는 http(s)로 시작하는 1,000자 이하의 linkMobile이 필요합니다.")
        elif link == "AL" and not any(button.get(key) for key in ("linkMobile", "linkAndroid", "linkIos")):
            raise Unfit(codes.BUTTONS, "AL 버튼에는 linkMobile, linkAndroid, linkIos 가운데 하나가 필요합니다.")


def _check_rest(bubble: str, bms: dict[str, Any], files: dict[str, Any]) -> None:
    if "imageId" in bms:
        _check_image(bms["imageId"], files)
    if "coupon" in bms:
        _check_coupon(bubble, bms["coupon"])
    for name, longest in (("header", 20), ("additionalContent", 34)):
        if name in bms and (type(bms[name]) is not str or not 0 < len(bms[name]) <= longest):
            raise Unfit(codes.TOO_LONG, f"{name}는 1–{longest}자입니다.")
    if "commerce" in bms:
        _check_commerce(bms["commerce"])
    if bubble == "WIDE_ITEM_LIST":
        items = bms["subWideItemList"]
        if type(items) is not list or not 3 <= len(items) <= 4:
            raise Unfit(codes.OPTIONS, "subWideItemList는 3–4개입니다.")
        for item, longest in ((bms["mainWideItem"], 25), *((item, 30) for item in items)):
            if type(item) is not dict or not item.get("linkMobile") or len(str(item.get("title", ""))) > longest:
                raise Unfit(codes.OPTIONS, f"와이드 항목에는 {longest}자 이하의 title과 linkMobile이 필요합니다.")
            _check_image(item.get("imageId"), files)
    if bubble == "PREMIUM_VIDEO":
        video = bms["video"]
        if type(video) is not dict or not str(video.get("videoUrl", "")).startswith("https://tv.kakao.com/"):
            raise Unfit(codes.OPTIONS, "video.videoUrl은 https://tv.kakao.com/ 주소여야 합니다.")
    if bubble.startswith("CAROUSEL"):
        _check_carousel(bubble, bms["carousel"], files)


def _check_image(image_id: Any, files: dict[str, Any]) -> None:
    if type(image_id) is not str or image_id not in files:
        raise Unfit(codes.IMAGE, "imageId로 올린 그림이 없습니다.")


def _check_coupon(bubble: str, coupon: Any) -> None:
    longest = 18 if bubble in ("WIDE", "WIDE_ITEM_LIST") else 12
    if type(coupon) is not dict or not _COUPON.fullmatch(str(coupon.get("title", ""))):
        raise Unfit(codes.OPTIONS, "쿠폰 제목이 정해진 다섯 꼴이 아닙니다.")
    if not 0 < len(str(coupon.get("description", ""))) <= longest:
        raise Unfit(codes.OPTIONS, f"쿠폰 설명은 1–{longest}자입니다.")


def _check_commerce(commerce: Any) -> None:
    price = commerce.get("regularPrice") if type(commerce) is dict else None
    if type(price) is not int or not 0 <= price <= 99_999_999 or not 0 < len(str(commerce.get("title", ""))) <= 30:
        raise Unfit(codes.OPTIONS, "commerce에는 30자 이하의 title과 0–99,999,999원의 regularPrice가 필요합니다.")
    if "discountPrice" in commerce and not ("discountRate" in commerce) ^ ("discountFixed" in commerce):
        raise Unfit(codes.OPTIONS, "discountPrice는 discountRate나 discountFixed 하나와 함께 씁니다.")


def _check_carousel(bubble: str, carousel: Any, files: dict[str, Any]) -> None:
    items = carousel.get("list") if type(carousel) is dict else None
    shop = bubble == "CAROUSEL_COMMERCE"
    least, most = (1, 5) if shop and "head" in carousel else (2, 6)
    if type(items) is not list or not least <= len(items) <= most:
        raise Unfit(codes.OPTIONS, f"carousel.list는 {least}–{most}개입니다.")
    for item in items:
        if type(item) is not dict:
            raise Unfit(codes.OPTIONS, "carousel.list의 항목은 객체여야 합니다.")
        _check_image(item.get("imageId"), files)
        if not item.get("buttons"):
            raise Unfit(codes.BUTTONS, "캐러셀 항목에는 버튼이 1–2개 필요합니다.")
        _check_buttons(bubble, item["buttons"], has_coupon=False)
        if shop:
            _check_commerce(item.get("commerce"))
        elif not 0 < len(str(item.get("header", ""))) <= 20 or not 0 < len(str(item.get("content", ""))) <= 180:
            raise Unfit(codes.TOO_LONG, "캐러셀 항목의 header는 20자, content는 180자까지입니다.")


def euc_kr_bytes(text: str) -> int:
    """Length of a text on the wire of a carrier; -1 if a character cannot be written (counted as CP949, §5)."""
    try:
        return len(text.encode("cp949"))
    except UnicodeEncodeError:
        return -1


def check_text(message: dict[str, Any], kind: int) -> None:
    """Whether an SMS, LMS or MMS may leave: characters, bytes, subject, and label and 080 line of advertising."""
    text = message.get("text")
    if type(text) is not str or not text.strip():
        raise Unfit(codes.MISSING, "text가 없습니다.")
    if _CONTROL.search(text):
        raise Unfit(codes.UNPRINTABLE, "표시할 수 없는 문자가 있습니다.")
    size = euc_kr_bytes(text)
    if size < 0:
        raise Unfit(codes.NOT_EUC_KR, "EUC-KR로 쓸 수 없는 문자가 있습니다.")
    longest = 90 if kind == codes.SMS else 2000
    if size > longest:
        raise Unfit(codes.TOO_LONG, f"{size}바이트입니다. {longest}바이트까지 보낼 수 있습니다.")
    subject = message.get("subject")
    if subject is not None and (type(subject) is not str or not 0 <= euc_kr_bytes(subject) <= 40):
        raise Unfit(codes.SUBJECT, "제목은 EUC-KR 40바이트까지입니다.")
    options = message.get("kakaoOptions")
    flagged = message.get("adFlag") is True or (type(options) is dict and options.get("adFlag") is True)
    labelled = text.startswith("(광고)")
    if flagged and not labelled:
        raise Unfit(codes.FORMAT, "광고는 (광고)로 시작해야 합니다.")
    if labelled and not _OPT_OUT_LINE.search(text):
        raise Unfit(codes.FORMAT, "광고에는 080 무료 수신거부 번호가 있어야 합니다.")


def is_advertising(message: dict[str, Any], kind: int) -> bool:
    """Whether an opt-out from advertising covers the message: every brand message, and texts marked as such."""
    if codes.is_brand(kind):
        return True
    if kind == codes.ATA:
        return False
    text = message.get("text")
    return message.get("adFlag") is True or (type(text) is str and text.startswith("(광고)"))
