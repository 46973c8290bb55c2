"""What advertising must show: mark, sender, contact, free way out. Judged on what the friend sees (ADV-17 to ADV-20)."""

import re
import unicodedata
from dataclasses import dataclass

from majung.policy import lint
from majung.policy.enums import Medium
from majung.policy.occasion import Occasion

# How far from the start the sender may stand ("next to the label or at the top"), and from the end the way out.
TOP, END = 60, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One mark that is not where it must be."""

    what: str
    sentence: str


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _digits(text: str) -> str:
    return re.sub(r"\D", "", unicodedata.normalize("NFKC", text))


def missing(occasion: Occasion, facts: lint.Facts) -> tuple[Missing, ...]:
    """The marks of advertising that a friend would not see, in the order in which the law names them."""
    content, account, prints = occasion.content, occasion.account, occasion.prints
    found: list[Missing] = []
    if not prints.label:
        heads = (
            [content.title]
            if occasion.medium is Medium.EMAIL
            else [content.text, *([content.title] if content.title else [])]
        )
        if facts.label_broken or not all(map(lint.has_label, heads)):
            place = "제목" if occasion.medium is Medium.EMAIL else "맨 앞"
            found.append(Missing(what="label", sentence=f"{place}에 ‘(광고)’ 다섯 글자를 그대로 적어 주세요."))
    elif facts.label_broken:
        found.append(Missing(what="label", sentence="‘(광고)’ 표시는 카카오톡이 붙입니다. 비슷한 글자를 지워 주세요."))
    if not prints.sender:
        found += _sender(occasion)
    if not prints.opt_out:
        found += _way_out(occasion)
    if occasion.medium is Medium.SMS and not account.refusal_number:
        found.append(Missing(what="opt_out", sentence="무료수신거부 080 번호를 먼저 등록해 주세요."))
    return tuple(found)


def _sender(occasion: Occasion) -> list[Missing]:
    content, account = occasion.content, occasion.account
    found = []
    place = content.text if occasion.medium is Medium.EMAIL else content.text[: len(lint.LABEL) + TOP]
    if not account.sender_name or _folded(account.sender_name) not in _folded(place):
        found.append(Missing(what="sender", sentence="표시 바로 뒤에 보내는 이의 이름을 적어 주세요."))
    contact = _digits(account.contact)
    is_caller = occasion.medium is Medium.SMS and contact != "" and contact == _digits(account.sender_number)
    if not is_caller and (not contact or contact not in _digits(content.text)):
        found.append(Missing(what="contact", sentence="문의할 수 있는 연락처를 적어 주세요."))
    return found


def _way_out(occasion: Occasion) -> list[Missing]:
    content, number = occasion.content, _digits(occasion.account.refusal_number)
    if occasion.medium is Medium.EMAIL:
        text = _folded(content.text)
        if "수신거부" in text and "unsubscribe" in text:
            return []
        return [Missing(what="opt_out", sentence="끝에 수신거부 방법을 한글과 영어로 적어 주세요.")]
    end = content.text[-END:]
    if "무료" in end and "수신거부" in _folded(end) and number and number in _digits(end):
        return []
    return [Missing(what="opt_out", sentence="맨 끝에 ‘무료수신거부 080-…’을 적어 주세요.")]
