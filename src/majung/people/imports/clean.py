"""Makes one row of a list a person, or says what is wrong with it. Plain; no Django, no clock."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from majung.core.text import fold, nfc
from majung.people.imports.mapping import Column
from majung.people.phones import Kind, normalise, usual_mobile

MAX_NAME = 40
MAX_TAGS = 20
MAX_TAG = 30
SHORT = 20
"""Letters of cells whose meaning is remembered."""

PROBLEMS = {
    "formula": "수식이 든 칸이 있습니다. 값으로 바꿔 주세요.",
    "no_mobile": "휴대전화 번호가 비어 있습니다.",
    "bad_mobile": "휴대전화 번호로 읽을 수 없습니다.",
    "landline": "유선전화 번호입니다. 휴대전화 번호가 필요합니다.",
    "bad_name": "이름이 너무 길거나 글자가 아닙니다.",
    "bad_birth": "생년월일을 읽을 수 없습니다.",
    "bad_gender": "성별을 읽을 수 없습니다.",
    "bad_district": "없는 선거구이거나 이름이 같은 곳이 여럿입니다. 시도 이름을 앞에 붙여 주세요.",
    "bad_unit": "이 파일을 올린 조직 아래에 없는 조직 코드입니다.",
    "bad_since": "가입일을 읽을 수 없습니다.",
    "duplicate": "이 파일에 같은 번호가 먼저 나왔습니다.",
}


class CleanRow(NamedTuple):
    """A person as a row says. Empty text or None where the row says nothing."""

    name: str
    mobile: str
    birth_ym: int | None
    gender: int
    district: str
    unit_code: str
    tags: tuple[str, ...]
    member_since: date | None


class Cleaner:
    """Makes rows of one list people: ``columns`` say what its cells are, ``today`` (a Seoul date) what is still to come."""

    def __init__(self, columns: Sequence[Column], *, today: date) -> None:
        self._width, self._today = len(columns), today
        self._blanks = [""] * (self._width + 1)
        # What the list does not say is found in a blank behind its last column.
        self._pick = itemgetter(*(columns.index(one) if one in columns else self._width for one in _PICKED))

    def __call__(self, cells: Sequence[str]) -> tuple[CleanRow | None, tuple[str, ...]]:
        """The person of a row and nothing, or None and the codes of its problems (keys of PROBLEMS)."""
        known = cells[: self._width]
        written, name, born, said, joined, district, unit, tags = self._pick([*known, *self._blanks[len(known) :]])
        problems: list[str] = []
        mobile = usual_mobile(written)
        if not mobile and (written := nfc(written)):
            phone = normalise(written)
            if phone is None:
                problems.append("bad_mobile")
            elif phone.kind is not Kind.MOBILE:
                problems.append("landline")
            else:
                mobile = phone.digits
        elif not mobile:
            problems.append("no_mobile")
        name = nfc(name)
        if len(name) > MAX_NAME or not (name.isalpha() or all(map(_is_of_a_name, name))):
            problems.append("bad_name")
        birth_ym = _read(_birth, born, self._today) if born else None
        if birth_ym == WRONG:
            problems.append("bad_birth")
        gender = _read(_gender, said, self._today) if said else 0
        if gender == WRONG:
            problems.append("bad_gender")
        since = _read(_since, joined, self._today) if joined else None
        if since == WRONG:
            problems.append("bad_since")
        if problems:
            return None, tuple(problems)
        return CleanRow(
            name, mobile, birth_ym, gender, nfc(district) if district else "", nfc(unit) if unit else "",
            _read(_tags, tags, self._today) if tags else (), since,
        ), ()  # fmt: skip


_PICKED = (
    Column.MOBILE, Column.NAME, Column.BIRTH, Column.GENDER, Column.MEMBER_SINCE, Column.DISTRICT, Column.UNIT_CODE, Column.TAGS,
)  # fmt: skip
WRONG = -1
"""Stands for what a cell says and nobody can read."""


def _read(kind: Callable[[str, date], Any], cell: str, today: date) -> Any:
    """What a cell says, from memory if it is short: a long list says the same days, genders and tags again and again."""
    return (_REMEMBERED[kind] if len(cell) <= SHORT else kind)(cell, today)


def _birth(cell: str, today: date) -> int | None:
    text = nfc(cell)
    found = birth_month(text, today=today) if text else None
    return WRONG if text and found is None else found


def _gender(cell: str, _today: date) -> int:
    found = gender_of(nfc(cell))
    return WRONG if found is None else found


def _since(cell: str, today: date) -> date | int | None:
    text = nfc(cell)
    found = day(text, today=today) if text else None
    return WRONG if text and (found is None or found > today) else found


def _tags(cell: str, _today: date) -> tuple[str, ...]:
    found = dict.fromkeys(t[:MAX_TAG] for t in map(str.strip, re.split(r"[,;/|]", nfc(cell))) if t)
    return tuple(found)[:MAX_TAGS]


_REMEMBERED: dict[Callable[[str, date], Any], Callable[[str, date], Any]] = {
    kind: lru_cache(maxsize=20_000)(kind) for kind in (_birth, _gender, _since, _tags)
}


def _is_of_a_name(letter: str) -> bool:
    return letter.isalpha() or letter in " ·.-'()" or letter.isdigit()


_GENDER = {
    "": 0, "모름": 0, "-": 0, "남": 1, "남자": 1, "남성": 1, "m": 1, "male": 1, "1": 1, "3": 1,
    "여": 2, "여자": 2, "여성": 2, "f": 2, "female": 2, "2": 2, "4": 2,
}  # fmt: skip


def gender_of(text: str) -> int | None:
    """0 unknown, 1 man, 2 woman; None when it cannot be read."""
    return _GENDER.get(fold(text))


_PARTS = re.compile(r"^(\d{2}|\d{4})\s*[년.\-/]\s*(\d{1,2})\s*[월.\-/]\s*(\d{1,2})\s*일?\.?(?:[ T].*)?$")
_YEAR = re.compile(r"^(\d{4})\s*년?(?:생)?$")
_MONTH = re.compile(r"^(\d{4})\s*[년.\-/]\s*(\d{1,2})\s*월?\.?$")
_EXCEL_EPOCH = date(1899, 12, 30)


def day(text: str, *, today: date) -> date | None:
    """A day in any of the spellings found in lists: 1980-01-02, 80.1.2, 1980년 1월 2일, 19800102, 800102, 29222 (Excel)."""
    plain = fold(text)
    if found := _PARTS.match(nfc(text)) or _PARTS.match(plain):
        return _date(_year(found[1], today), int(found[2]), int(found[3]))
    if plain.isdecimal():
        if len(plain) == 8:
            return _date(int(plain[:4]), int(plain[4:6]), int(plain[6:]))
        if len(plain) == 6:
            return _date(_year(plain[:2], today), int(plain[2:4]), int(plain[4:]))
        if len(plain) == 5 and 3_654 <= int(plain) <= 60_000:
            return _EXCEL_EPOCH + timedelta(days=int(plain))
    return None


def birth_month(text: str, *, today: date) -> int | None:
    """Yyyymm of a birth; a year alone becomes its December, so that nobody counts as older than they may be."""
    plain = fold(text)
    if found := _YEAR.match(plain):
        return _plausible(int(found[1]) * 100 + 12, today)
    if (found := _MONTH.match(plain)) and 1 <= int(found[2]) <= 12:
        return _plausible(int(found[1]) * 100 + int(found[2]), today)
    if len(plain) == 7 and plain.isdecimal() and plain[6] in "12345678":
        # The front of a resident number with the digit that tells the century: only the month of birth is kept.
        century = 1900 if plain[6] in "1256" else 2000
        born = _date(century + int(plain[:2]), int(plain[2:4]), int(plain[4:6]))
    else:
        born = day(text, today=today)
    return None if born is None or born > today else _plausible(born.year * 100 + born.month, today)


def _plausible(year_month: int, today: date) -> int | None:
    return year_month if 1900 <= year_month // 100 <= today.year else None


def _year(text: str, today: date) -> int:
    if len(text) == 4:
        return int(text)
    year = 2000 + int(text)
    return year if year <= today.year else year - 100


def _date(year: int, month: int, day_of_month: int) -> date | None:
    try:
        return date(year, month, day_of_month)
    except ValueError:
        return None
