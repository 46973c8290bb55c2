"""Phone numbers as people write them, brought to one spelling; only what can be called or texted in Korea is taken."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

import phonenumbers

LONGEST_CELL = 60

_SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−ー~.,·∙()\[\]'\"`]+")
_MOBILE = re.compile(r"010\d{8}")
_LANDLINE = re.compile(r"0(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70)\d{7,8}")
_LABEL = re.compile(r"^(?:tel|hp|h\.p|휴대폰|핸드폰|전화|연락처|t|m)\s*[:.)]\s*", re.IGNORECASE)


class Kind(Enum):
    """What kind of number it is."""

    MOBILE = 1
    LANDLINE = 2


@dataclass(frozen=True, slots=True)
class Phone:
    """A number in its one spelling: national digits without separators (``01012345678``)."""

    kind: Kind
    digits: str


def normalise(text: str) -> Phone | None:
    """The one number that ``text`` says, or None when it says none, two, or one that cannot be reached.

    Taken: any width, ``+82``/``0082``/``82``, dashes, dots, brackets, blanks, a short label in front, and the leading zero
    that spreadsheets drop. Refused: mobile prefixes closed since 2021 (011, 016–019), numbers without area code, service
    numbers (15xx), forwarding numbers (050x: they end without notice, PRI-07) and other countries.
    """
    if len(text) > LONGEST_CELL:
        return None
    if usual := usual_mobile(text):
        return Phone(Kind.MOBILE, usual)
    plain = _LABEL.sub("", unicodedata.normalize("NFKC", text).strip())
    digits = _national(_SEPARATORS.sub("", plain))
    if _MOBILE.fullmatch(digits):
        return Phone(Kind.MOBILE, digits)
    if _LANDLINE.fullmatch(digits) and _is_valid(digits):
        return Phone(Kind.LANDLINE, digits)
    return None


def usual_mobile(text: str) -> str:
    """The digits of a mobile number in one of the usual spellings, with nothing but blanks and dashes between; else "".

    Most cells of a list are; ``normalise`` says the same of them, and takes ten times as long over the others.
    """
    digits = text.replace("-", "").replace(" ", "")
    return digits if len(digits) == 11 and digits.startswith("010") and digits.isascii() and digits.isdigit() else ""


def spoken(digits: str) -> str:
    """A number as people read it: 010-1234-5678, 02-312-3456. What is no number of ours stays as it is."""
    if not digits.isdigit() or len(digits) < 9:
        return digits
    area = 2 if digits.startswith("02") else 3
    return f"{digits[:area]}-{digits[area:-4]}-{digits[-4:]}"


def _national(compact: str) -> str:
    """``compact`` in national form (leading 0); empty when it holds anything but digits and one leading plus."""
    abroad = compact.startswith(("+", "00"))
    digits = compact.removeprefix("+").removeprefix("00") if abroad else compact
    if not (digits.isascii() and digits.isdigit()):
        return ""
    if abroad or (digits.startswith("82") and len(digits) >= 11):
        return "0" + digits[2:].removeprefix("0") if digits.startswith("82") else ""
    # A spreadsheet that took the cell for a number has dropped the zero: 1012345678.
    return "0" + digits if digits.startswith("10") and len(digits) == 10 else digits


def _is_valid(digits: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, "KR"))
    except phonenumbers.NumberParseException:
        return False
