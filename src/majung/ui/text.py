"""How Korean words, numbers, money, dates and masked values are written on a screen. Pure: no Django, no clock."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

SEOUL = ZoneInfo("Asia/Seoul")
UNKNOWN = "–"
MINUS = "−"
WEEKDAYS = "월화수목금토일"
FEW = 10
"""Counts below this are not shown outside one's own unit (M2)."""

Number = int | float | Decimal

# ── particles ────────────────────────────────────────────────────────────────────────────────────────────────────────

PARTICLES = {
    "을를": ("을", "를"),
    "이가": ("이", "가"),
    "은는": ("은", "는"),
    "과와": ("과", "와"),
    "으로로": ("으로", "로"),
    "이나나": ("이나", "나"),
    "이라라": ("이라", "라"),
    "이랑랑": ("이랑", "랑"),
    "이며며": ("이며", "며"),
    "이에요예요": ("이에요", "예요"),
    "이었였": ("이었", "였"),
    "아야": ("아", "야"),
}
_DIGIT_FINALS = {"0": "ㅇ", "1": "ㄹ", "2": "", "3": "ㅁ", "4": "", "5": "", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ", "9": ""}
_LETTER_FINALS = {"L": "ㄹ", "M": "ㅁ", "N": "ㄴ", "R": "ㄹ"}
_TRAILING_BRACKETS = re.compile(r"\s*[(\[{（【][^()\[\]{}（）【】]*[)\]}）】]\s*$")
_NUMBER_AT_END = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?$")
_LATIN_AT_END = re.compile(r"[A-Za-z]+$")


def _final_of_number(digits: str) -> str:
    """The final consonant of a number read in Sino-Korean: 10 is 십, 1,000 is 천, 10**12 is 조."""
    if "." in digits:
        return _DIGIT_FINALS[digits[-1]]
    digits = digits.replace(",", "")
    zeros = len(digits) - len(digits.rstrip("0"))
    if zeros == 0 or zeros == len(digits):
        return _DIGIT_FINALS[digits[-1]]
    if 12 <= zeros < 16:
        return ""  # 조, whatever stands before it
    return "ㄱ" if 8 <= zeros < 12 else "ㄴ"


def _final_of_latin(word: str) -> str:
    """The final consonant of a Latin word: letter by letter when all capitals, otherwise as it is spelt in Korean."""
    if word.isupper() or len(word) == 1:
        return _LETTER_FINALS.get(word[-1].upper(), "")
    word = word.lower()
    if word.endswith(("l", "le", "ll")):
        return "ㄹ"
    if word.endswith(("m", "n", "ng", "me", "ne")):
        return "ㄴ"
    if re.search(r"(?:^|[^aeiou])[aeiou][kptbc]{1,2}$", word) or word.endswith(("ook", "ck")):
        return "ㄱ"
    return ""


def final_sound(word: str) -> str:
    """The final consonant with which `word` ends when read aloud in Korean, "" for none.

    Brackets at the end are not read, as the National Institute of the Korean Language advises; digits and Latin
    letters are read as Korean. Only "ㄹ" is told apart reliably; any other consonant stands for "has one".
    """
    word = unicodedata.normalize("NFC", word)
    while (bare := _TRAILING_BRACKETS.sub("", word)).strip() and bare != word:
        word = bare
    while word and not (word[-1].isalnum() or word[-1] == "%"):
        word = word[:-1]
    if not word:
        return ""
    if found := _NUMBER_AT_END.search(word):
        return _final_of_number(found.group())
    if found := _LATIN_AT_END.search(word):
        return _final_of_latin(found.group())
    code = ord(word[-1]) - 0xAC00
    if 0 <= code < 11172:
        final = code % 28
        return "" if final == 0 else "ㄹ" if final == 8 else "ㄴ"
    return "ㄱ" if "ㄱ" <= word[-1] <= "ㅎ" else ""  # a lone consonant is read by its name: 기역, 니은


def particle(word: str, pair: str) -> str:
    """The form of `pair` (a key of PARTICLES) that follows `word`. Raises KeyError for an unknown pair."""
    with_final, without_final = PARTICLES[pair]
    final = final_sound(word)
    if pair == "으로로" and final == "ㄹ":
        return without_final
    return with_final if final else without_final


def josa(word: str, pair: str) -> str:
    """The word with the right particle behind it: 서울시당 and 을를 make 서울시당을."""
    return word + particle(word, pair)


# ── numbers and money ────────────────────────────────────────────────────────────────────────────────────────────────


def _grouped(value: Number, places: int | None = None) -> str:
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if places is not None:
        exact = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    elif exact == exact.to_integral_value():
        exact = exact.quantize(Decimal(1))
    text = f"{abs(exact):,f}"
    return MINUS + text if exact < 0 and text.strip("0.,") else text


def number(value: Number | None, places: int | None = None) -> str:
    """1,234; the unknown is "–"; zero is "0"; less than zero has a real minus sign."""
    return UNKNOWN if value is None else _grouped(value, places)


def signed(value: Number | None, places: int | None = None) -> str:
    """A change: "+1,234", "−318", "0"."""
    text = number(value, places)
    return text if value is None or value <= 0 or not text.strip("0.,") else "+" + text


def percent(share: Number | None, places: int = 1) -> str:
    """A share of one as per cent with one place: 0.094 is "9.4%"."""
    return UNKNOWN if share is None else _grouped(Decimal(str(share)) * 100, places) + "%"


def percent_change(share: Number | None, places: int = 1) -> str:
    """A relative change with its sign: 0.015 is "+1.5%"."""
    return UNKNOWN if share is None else signed(Decimal(str(share)) * 100, places) + "%"


def points(difference: Number | None, places: int = 1) -> str:
    """A difference of two shares in points: 0.007 is "+0.7%p"."""
    return UNKNOWN if difference is None else signed(Decimal(str(difference)) * 100, places) + "%p"


def won(centiwon: int | None) -> str:
    """Money to be paid, in full digits: 107207500 is "1,072,075원"; a fraction of a won is kept as 8.5원."""
    if centiwon is None:
        return UNKNOWN
    text = _grouped(Decimal(centiwon) / 100)
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "원"


def won_in_words(centiwon: int | None) -> str:
    """Money that is only read: past a million won in 만 and 억, rounded down ("1,392만 원", "3억 2,000만 원")."""
    if centiwon is None or abs(centiwon) < 100_000_000:
        return won(centiwon)
    man = abs(centiwon) // 1_000_000
    eok, man = divmod(man, 10_000)
    said = " ".join(part for part in (f"{eok:,}억" if eok else "", f"{man:,}만" if man else "") if part)
    return f"{MINUS if centiwon < 0 else ''}{said} 원"


def few(count: int | None, unit: str = "명") -> str:
    """A count that may point at somebody: "10명 미만" under ten, otherwise the count with its unit."""
    if count is None:
        return UNKNOWN
    return f"{FEW}{unit} 미만" if 0 < count < FEW else f"{count:,}{unit}"


def size(count: int | None) -> str:
    """Bytes as people say them: "512바이트", "300 KB", "1.4 MB" (1 KB = 1,024)."""
    if count is None:
        return UNKNOWN
    if count < 1024:
        return f"{count:,}바이트"
    amount, unit = count / 1024, "KB"
    for larger in ("MB", "GB"):
        if amount < 999.5:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:,.0f} {unit}" if amount >= 10 or amount == int(amount) else f"{amount:.1f} {unit}"


# ── dates ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_seoul(at: datetime) -> datetime:
    """`at` on the Seoul clock. Raises ValueError for an instant without a zone: it could be any hour."""
    if at.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return at.astimezone(SEOUL)


def seoul_date(day: date | datetime) -> date:
    """The Seoul date of an instant; a date is taken as it is."""
    return in_seoul(day).date() if isinstance(day, datetime) else day


def heading_day(day: date | datetime | None) -> str:
    """For headings: "11월 20일 금요일"."""
    if day is None:
        return UNKNOWN
    on = seoul_date(day)
    return f"{on.month}월 {on.day}일 {WEEKDAYS[on.weekday()]}요일"


def moment(at: datetime | None, now: datetime | None = None) -> str:
    """For running text: "11월 23일 월 09:00"; with the year in front when it is not the year of `now`."""
    if at is None:
        return UNKNOWN
    here = in_seoul(at)
    year = f"{here.year}년 " if now is not None and in_seoul(now).year != here.year else ""
    return f"{year}{here.month}월 {here.day}일 {WEEKDAYS[here.weekday()]} {here:%H:%M}"


def table_day(day: date | datetime | None) -> str:
    """For tables: "2026.07.04"."""
    return UNKNOWN if day is None else f"{seoul_date(day):%Y.%m.%d}"


def table_moment(at: datetime | None) -> str:
    """For tables: "2026.07.04 15:26"."""
    return UNKNOWN if at is None else f"{in_seoul(at):%Y.%m.%d %H:%M}"


def hour(at: datetime | time | None) -> str:
    """The console's clock: "09:00"."""
    if at is None:
        return UNKNOWN
    return f"{in_seoul(at) if isinstance(at, datetime) else at:%H:%M}"


def spoken_hour(at: datetime | time | None) -> str:
    """The portal's clock: "오전 9시", "오후 7:30"."""
    if at is None:
        return UNKNOWN
    clock = in_seoul(at) if isinstance(at, datetime) else at
    half = "오전" if clock.hour < 12 else "오후"
    twelve = clock.hour % 12 or 12
    return f"{half} {twelve}시" if clock.minute == 0 else f"{half} {twelve}:{clock.minute:02}"


def span(start: datetime, end: datetime, now: datetime | None = None) -> str:
    """A range with an en dash; the day is said once when both ends share it: "11월 23일 월 09:00 – 17:53"."""
    tail = hour(end) if seoul_date(start) == seoul_date(end) else moment(end, now)
    return f"{moment(start, now)} – {tail}"


def duration(length: timedelta) -> str:
    """The two largest parts of a length: "2일 3시간", "7시간 3분", "8분", "40초"; never negative."""
    seconds = max(0, int(length.total_seconds()))
    parts = [(seconds // 86400, "일"), (seconds // 3600 % 24, "시간"), (seconds // 60 % 60, "분")]
    first = next((i for i, (amount, _) in enumerate(parts) if amount), None)
    if first is None:
        return f"{seconds}초"
    return " ".join(f"{amount}{unit}" for amount, unit in parts[first : first + 2] if amount)


def remaining(due: datetime, now: datetime) -> str:
    """How long until `due`: "2일 남음" from a day on, "7시간 3분 남음" below it, "3시간 지남" after it."""
    left = due - now
    if left < timedelta(0):
        past = -left
        return f"{past.days}일 지남" if past.days else f"{duration(past)} 지남"
    return f"{left.days}일 남음" if left.days else f"{duration(left)} 남음"


def ago(at: datetime, now: datetime) -> str:
    """How long since `at`: "방금", "8분 전", "3시간 전", "2일 전", from a week on the day itself."""
    past = now - at
    if past < timedelta(minutes=1):
        return "방금"
    if past < timedelta(hours=1):
        return f"{int(past.total_seconds()) // 60}분 전"
    if past < timedelta(days=1):
        return f"{int(past.total_seconds()) // 3600}시간 전"
    return f"{past.days}일 전" if past.days < 7 else table_day(at)


# ── masking (law.md PRZ-04: one pattern on every screen) ─────────────────────────────────────────────────────────────


def mask_name(name: str | None) -> str:
    """홍길동 is 홍*동, 홍길 is 홍*, four letters and more keep the first and the last, Latin keeps the first two."""
    name = unicodedata.normalize("NFC", name or "").strip()
    if not name:
        return UNKNOWN
    if name[0].isascii():
        return name[: 2 if len(name) > 2 else 1] + "***"
    letters = re.sub(r"\s+", "", name)
    if len(letters) <= 2:
        return letters[:1] + "*" if len(letters) == 2 else "*"
    return letters[0] + "*" * (len(letters) - 2) + letters[-1]


def mask_phone(phone: str | None) -> str:
    """010-****-1234 out of any spelling (+82, dashes, spaces); a number too short to mask shows nothing of itself."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone or ""))
    if not digits:
        return UNKNOWN
    if digits.startswith("82") and len(digits) > 9:
        digits = "0" + digits[2:].removeprefix("0")
    if len(digits) < 9:
        return "****"
    return f"{'02' if digits.startswith('02') else digits[:3]}-****-{digits[-4:]}"


def mask_email(address: str | None) -> str:
    """The first two letters, then ***, then the domain: "ab***@example.org"."""
    local, at, domain = (address or "").strip().rpartition("@")
    if not at:
        return UNKNOWN if not domain else "***"
    return f"{local[: 2 if len(local) > 2 else 1]}***@{domain}"
