"""Makes rows of a list people, column by column, or says what is wrong with them. Plain; no Django, no clock."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import compress
from typing import Any, NamedTuple, Self

from majung.core.text import fold, nfc
from majung.people import addresses
from majung.people.imports.mapping import Column
from majung.people.phones import Kind, normalise, usual_mobile

MAX_NAME = 40
MAX_TAGS = 20
MAX_TAG = 30
SHORT = 20
"""Letters of cells whose meaning is remembered."""
REMEMBERED = 20_000
"""Cells of one column whose meaning is remembered."""

PROBLEMS = {
    "formula": "수식이 든 칸이 있습니다. 값으로 바꿔 주세요.",
    "no_mobile": "휴대전화 번호가 비어 있습니다.",
    "bad_mobile": "휴대전화 번호로 읽을 수 없습니다.",
    "landline": "유선전화 번호입니다. 휴대전화 번호가 필요합니다.",
    "no_email": "전자우편 주소가 비어 있습니다.",
    "no_contact": "휴대전화 번호와 전자우편 주소가 모두 비어 있습니다.",
    "bad_email": "전자우편 주소로 읽을 수 없습니다. name@example.kr처럼 하나만 적어 주세요.",
    "bad_name": "이름이 너무 길거나 글자가 아닙니다.",
    "bad_birth": "생년월일을 읽을 수 없습니다.",
    "bad_gender": "성별을 읽을 수 없습니다.",
    "bad_district": "없는 선거구이거나 이름이 같은 곳이 여럿입니다. 시도 이름을 앞에 붙여 주세요.",
    "bad_unit": "이 파일을 올린 조직 아래에 없는 조직 코드입니다.",
    "bad_since": "가입일을 읽을 수 없습니다.",
    "duplicate": "이 파일에 같은 사람이 먼저 나왔습니다.",
}


class CleanRow(NamedTuple):
    """A person as a row says. Empty text or None where the row says nothing."""

    name: str
    mobile: str
    email: str
    birth_ym: int | None
    gender: int
    district: str
    unit_code: str
    tags: tuple[str, ...]
    member_since: date | None


class CleanRows(NamedTuple):
    """People as the rows of a list say, by columns: what ``CleanRow`` says of one, and all columns equally long."""

    name: list[str]
    mobile: list[str]
    email: list[str]
    birth_ym: list[int | None]
    gender: list[int]
    district: list[str]
    unit_code: list[str]
    tags: list[tuple[str, ...]]
    member_since: list[date | None]

    def row(self, at: int) -> CleanRow:
        """The person of that place."""
        return CleanRow._make(column[at] for column in self)

    def where(self, kept: Sequence[bool]) -> Self:
        """Only those."""
        columns: list[Any] = [list(compress(column, kept)) for column in self]
        return type(self)(*columns)


Problems = dict[int, list[str]]
"""Codes of what is wrong (keys of PROBLEMS) by the place of the row."""


class _Wrong(Exception):
    """A cell that nobody can read; the argument is a key of PROBLEMS."""


class _Meaning:
    """What the cells of one column mean. Remembered from block to block, since long lists say the same things again."""

    def __init__(self, read: Callable[[str], Any], nothing: Any = "") -> None:
        self._read, self.nothing = read, nothing
        self._known: dict[str, Any] = {}
        self._wrong: dict[str, str] = {}

    def __call__(self, cells: Sequence[str], problems: Problems) -> list[Any]:
        known, wrong, said = self._known, self._wrong, set(cells)
        for cell in said - known.keys():
            try:
                known[cell] = self._read(cell) if cell else self.nothing
            except _Wrong as why:
                known[cell], wrong[cell] = self.nothing, str(why)
        if not said.isdisjoint(wrong):
            for at, cell in enumerate(cells):
                if cell in wrong:
                    problems.setdefault(at, []).append(wrong[cell])
        found = [known[cell] for cell in cells]
        if len(known) > REMEMBERED or any(len(cell) > SHORT for cell in said):
            known.clear()
            wrong.clear()
        return found


class Cleaner:
    """Makes rows of one list people: ``columns`` say what its cells are, ``today`` (a Seoul date) what is still to come."""

    def __init__(self, columns: Sequence[Column], *, today: date) -> None:
        self._columns = list(columns)
        self._name, self._email, self._gender = _Meaning(_name), _Meaning(_email), _Meaning(_gender, 0)
        self._birth, self._since = _Meaning(partial(_birth, today), None), _Meaning(partial(_since, today), None)
        self._district, self._unit_code, self._tags = _Meaning(nfc), _Meaning(nfc), _Meaning(_tags, ())
        self._silent = "no_contact"
        if Column.EMAIL not in columns:
            self._silent = "no_mobile"
        elif Column.MOBILE not in columns:
            self._silent = "no_email"

    def __call__(self, cells: Sequence[str]) -> tuple[CleanRow | None, tuple[str, ...]]:
        """The person of a row and nothing, or None and the codes of its problems."""
        people, problems = self.block([cells])
        return (None, tuple(problems[0])) if problems else (people.row(0), ())

    def block(self, rows: Sequence[Sequence[str]]) -> tuple[CleanRows, Problems]:
        """The people of ``rows``, and what is wrong with some: what stands in the columns for those is of no use."""
        width = len(self._columns)
        if {*map(len, rows)} != {width}:
            rows = [[*cells[:width], *[""] * (width - len(cells))] for cells in rows]
        said: dict[Column, Sequence[str]] = dict(zip(self._columns, zip(*rows, strict=True), strict=True))
        problems: Problems = {}

        def read(column: Column, meaning: _Meaning) -> list[Any]:
            return meaning(said[column], problems) if column in said else [meaning.nothing] * len(rows)

        mobiles = _mobiles(said.get(Column.MOBILE) or [""] * len(rows), problems)
        emails = read(Column.EMAIL, self._email)
        for at, (mobile, email) in enumerate(zip(mobiles, emails, strict=True)):
            if not mobile and not email and at not in problems:
                problems[at] = [self._silent]
        people = CleanRows(
            name=read(Column.NAME, self._name), mobile=mobiles, email=emails, birth_ym=read(Column.BIRTH, self._birth),
            gender=read(Column.GENDER, self._gender), district=read(Column.DISTRICT, self._district),
            unit_code=read(Column.UNIT_CODE, self._unit_code), tags=read(Column.TAGS, self._tags),
            member_since=read(Column.MEMBER_SINCE, self._since),
        )  # fmt: skip
        return people, problems


def _mobiles(cells: Sequence[str], problems: Problems) -> list[str]:
    found = list(map(usual_mobile, cells))
    for at, cell in enumerate(cells):
        if found[at] or not cell or not (written := nfc(cell)):
            continue
        phone = normalise(written)
        if phone is not None and phone.kind is Kind.MOBILE:
            found[at] = phone.digits
        else:
            problems[at] = ["bad_mobile" if phone is None else "landline"]
    return found


def _name(cell: str) -> str:
    name = nfc(cell)
    if len(name) > MAX_NAME or not (name.isalpha() or all(map(_is_of_a_name, name))):
        raise _Wrong("bad_name")
    return name


def _email(cell: str) -> str:
    written = nfc(cell)
    if fold(written) in _NO_ADDRESS:
        return ""
    if not (address := addresses.normalise(written)):
        raise _Wrong("bad_email")
    return address


def _birth(today: date, cell: str) -> int | None:
    text = nfc(cell)
    if not text:
        return None
    if (found := birth_month(text, today=today)) is None:
        raise _Wrong("bad_birth")
    return found


def _gender(cell: str) -> int:
    if (found := gender_of(nfc(cell))) is None:
        raise _Wrong("bad_gender")
    return found


def _since(today: date, cell: str) -> date | None:
    text = nfc(cell)
    if not text:
        return None
    found = day(text, today=today)
    if found is None or found > today:
        raise _Wrong("bad_since")
    return found


def _tags(cell: str) -> tuple[str, ...]:
    found = dict.fromkeys(t[:MAX_TAG] for t in map(str.strip, re.split(r"[,;/|]", nfc(cell))) if t)
    return tuple(found)[:MAX_TAGS]


_NO_ADDRESS = frozenset({"", "-", ".", "x", "없음", "무", "해당없음", "none", "null", "n/a"})
"""What people write where somebody has no address."""


def _is_of_a_name(letter: str) -> bool:
    return letter.isalpha() or letter in " ·.-'()" or letter.isdigit()


_GENDER = {
    "": 0, "모름": 0, "-": 0, "남": 1, "남자": 1, "남성": 1, "m": 1, "male": 1, "1": 1, "3": 1,
    "여": 2, "여자": 2, "여성": 2, "f": 2, "female": 2, "2": 2, "4": 2,
}  # fmt: skip


def gender_of(text: str) -> int | None:
    """0 unknown, 1 man, 2 woman; None when it cannot be read."""
    return _GENDER.get(fold(text))


_USUAL = re.compile(r"([0-9]{4})[-./]([0-9]{1,2})[-./]([0-9]{1,2})")
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
    if found := _USUAL.fullmatch(text):
        born = _date(int(found[1]), int(found[2]), int(found[3]))
        return None if born is None or born > today else _plausible(born.year * 100 + born.month, today)
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
