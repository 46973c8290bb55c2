"""Which column of a list is what: header synonyms, and a look at the cells where the header says nothing. Plain."""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b

from majung.core.text import fold
from majung.people import addresses, phones


class Column(StrEnum):
    """What a column can mean. The values are stored."""

    NAME = "name"
    MOBILE = "mobile"
    EMAIL = "email"
    BIRTH = "birth"
    GENDER = "gender"
    DISTRICT = "district"
    UNIT_CODE = "unit_code"
    TAGS = "tags"
    MEMBER_SINCE = "member_since"
    IGNORE = ""


LABELS: Mapping[Column, str] = {
    Column.NAME: "이름",
    Column.MOBILE: "휴대전화",
    Column.EMAIL: "전자우편",
    Column.BIRTH: "생년월일·생년",
    Column.GENDER: "성별",
    Column.DISTRICT: "선거구·지역구",
    Column.UNIT_CODE: "조직 코드",
    Column.TAGS: "꼬리표",
    Column.MEMBER_SINCE: "입당·가입일",
    Column.IGNORE: "가져오지 않음",
}

SYNONYMS: Mapping[Column, tuple[str, ...]] = {
    Column.NAME: ("이름", "성명", "성함", "회원명", "당원명", "고객명", "name", "fullname", "성 명"),
    Column.MOBILE: (
        "휴대전화", "휴대폰", "핸드폰", "연락처", "전화번호", "전화", "휴대전화번호", "휴대폰번호", "핸드폰번호", "폰번호",
        "mobile", "phone", "hp", "h.p", "cell", "tel", "연락처1", "휴대전화1",
    ),
    Column.EMAIL: (
        "이메일", "메일", "전자우편", "전자메일", "이메일주소", "메일주소", "전자우편주소", "email", "e-mail", "mail",
        "emailaddress", "mailaddress", "이메일1",
    ),
    Column.BIRTH: (
        "생년월일", "생일", "생년", "출생연도", "출생년도", "주민앞자리", "출생일", "birth",
        "birthday", "birthdate", "dob",
    ),
    Column.GENDER: ("성별", "gender", "sex", "남녀"),
    Column.DISTRICT: ("선거구", "지역구", "지역위원회", "당협", "당원협의회", "district", "지역"),
    Column.UNIT_CODE: ("조직코드", "지점코드", "지점", "소속코드", "unit", "unitcode", "store"),
    Column.TAGS: ("태그", "꼬리표", "분류", "관심", "관심사", "tag", "tags", "그룹"),
    Column.MEMBER_SINCE: ("입당일", "입당일자", "가입일", "가입일자", "등록일", "joined", "membersince", "가입날짜"),
}  # fmt: skip

_BY_WORD = {fold(word): column for column, words in SYNONYMS.items() for word in words}
_MARKS = re.compile(r"\(.*?\)|\[.*?\]|[\s()\[\]{}*:_\-./·]+")


def guess(header: Sequence[str], sample: Sequence[Sequence[str]]) -> list[Column]:
    """A meaning for each column; each meaning is given once, to the first column that fits."""
    found = [_by_header(cell) for cell in header]
    for meaning in Column:
        first = next((i for i, column in enumerate(found) if column is meaning), None)
        found = [
            Column.IGNORE if column is meaning and meaning and i != first else column for i, column in enumerate(found)
        ]
    for meaning, reads in _SEEN.items():
        fits = (i for i, column in enumerate(found) if column is Column.IGNORE and _mostly(reads, sample, i))
        if meaning not in found and (first := next(fits, None)) is not None:
            found[first] = meaning
    return found


def _by_header(cell: str) -> Column:
    plain = fold(cell)
    return _BY_WORD.get(plain) or _BY_WORD.get(_MARKS.sub("", plain), Column.IGNORE)


def _mostly(reads: Callable[[str], object], sample: Sequence[Sequence[str]], at: int) -> bool:
    filled = [cell for row in sample for cell in row[at : at + 1] if cell.strip()]
    return sum(map(bool, map(reads, filled))) * 2 > len(filled)


# What is known by its cells when no header says it.
_SEEN: Mapping[Column, Callable[[str], object]] = {Column.MOBILE: phones.normalise, Column.EMAIL: addresses.normalise}


def fingerprint(header: Sequence[str]) -> str:
    """The same for lists with the same header, so that a mapping is remembered."""
    return blake2b("\x1f".join(fold(cell) for cell in header).encode(), digest_size=16).hexdigest()


def problem(columns: Sequence[Column]) -> str:
    """Why this mapping cannot be used, in Korean; empty when it can."""
    used = [column for column in columns if column]
    if not {Column.MOBILE, Column.EMAIL} & {*used}:
        return "휴대전화나 전자우편 열을 골라 주세요. 둘 다 없으면 같은 사람인지 알 수 없습니다."
    double = next((column for column in used if used.count(column) > 1), None)
    return f"‘{LABELS[double]}’ 열이 두 번 골라졌습니다." if double else ""
