"""What is promised about words, numbers, dates and masks (PRZ-04, screens/README "Writing in Korean")."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from majung.ui import text

HANGUL = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
WORDS = st.text(HANGUL, min_size=1, max_size=12)
PAIRS = st.sampled_from(sorted(text.PARTICLES))
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("word", "pair", "said"),
    [
        ("서울시당", "을를", "서울시당을"),
        ("느린물커피", "은는", "느린물커피는"),
        ("서울", "으로로", "서울로"),
        ("부산", "으로로", "부산으로"),
        ("제주", "으로로", "제주로"),
        ("가람당(중앙)", "이가", "가람당(중앙)이"),
        ("커피(성수점)", "이가", "커피(성수점)가"),
        ("‘첫눈’", "을를", "‘첫눈’을"),
        ("2026.", "이가", "2026.이"),
        ("1", "을를", "1을"),
        ("2", "을를", "2를"),
        ("7", "으로로", "7로"),
        ("3", "으로로", "3으로"),
        ("10", "이가", "10이"),
        ("1,000", "은는", "1,000은"),
        ("10,000", "은는", "10,000은"),
        ("1000000000000", "은는", "1000000000000는"),
        ("0", "이가", "0이"),
        ("9.4", "이가", "9.4가"),
        ("9.4%", "을를", "9.4%를"),
        ("CSV", "이가", "CSV가"),
        ("SMS", "을를", "SMS를"),
        ("URL", "을를", "URL을"),
        ("URL", "으로로", "URL로"),
        ("app", "을를", "app을"),
        ("apple", "으로로", "apple로"),
        ("Majung", "이가", "Majung이"),
        ("server", "은는", "server는"),
        ("ㄱ", "이가", "ㄱ이"),
        ("", "을를", "를"),
    ],
)
def test_josa_reads_the_last_sound(word: str, pair: str, said: str) -> None:
    assert text.josa(word, pair) == said


@given(WORDS, PAIRS)
def test_josa_follows_the_final_consonant(word: str, pair: str) -> None:
    decomposed = unicodedata.normalize("NFD", word[-1])
    final = decomposed[2] if len(decomposed) == 3 else ""

    particle = text.particle(word, pair)

    closed, open_ = text.PARTICLES[pair]
    rieul_before_ro = pair == "으로로" and final == "ᆯ"
    assert particle == (closed if final and not rieul_before_ro else open_)


@given(st.text(max_size=20), PAIRS)
def test_josa_keeps_the_word_and_ignores_its_spelling(word: str, pair: str) -> None:
    said = text.josa(word, pair)

    assert said.startswith(word)
    assert said[len(word) :] in text.PARTICLES[pair]
    assert text.particle(unicodedata.normalize("NFD", word), pair) == said[len(word) :]


@given(WORDS, st.text(HANGUL, max_size=5), PAIRS)
def test_josa_does_not_read_brackets(word: str, inside: str, pair: str) -> None:
    assert text.particle(f"{word}({inside})", pair) == text.particle(word, pair)


@given(st.integers(-(10**15), 10**15))
def test_number_says_every_digit(value: int) -> None:
    said = text.number(value)

    assert int(said.replace(",", "").replace(text.MINUS, "-")) == value
    assert re.fullmatch(r"−?\d{1,3}(,\d{3})*", said)


@given(st.integers(-(10**15), 10**15))
def test_signed_differs_from_number_only_by_the_plus(value: int) -> None:
    assert text.signed(value) == ("+" if value > 0 else "") + text.number(value)


@given(st.integers(0, 10**15))
def test_won_loses_nothing(centiwon: int) -> None:
    said = text.won(centiwon)

    assert said.endswith("원")
    assert Decimal(said[:-1].replace(",", "")) * 100 == centiwon


@given(st.integers(100_000_000, 10**16))
def test_won_in_words_rounds_down_by_less_than_ten_thousand_won(centiwon: int) -> None:
    said = text.won_in_words(centiwon)

    found = re.fullmatch(r"(?:([\d,]+)억)? ?(?:([\d,]+)만)? 원", said)
    assert found is not None
    eok, man = (int((part or "0").replace(",", "")) for part in found.groups())
    assert 0 <= centiwon - (eok * 10_000 + man) * 1_000_000 < 1_000_000


def test_numbers_as_the_design_writes_them() -> None:
    assert text.number(None) == "–"
    assert text.number(0) == "0"
    assert text.number(1100.0) == "1,100"
    assert text.percent(0.094) == "9.4%"
    assert text.percent(1) == "100.0%"
    assert text.percent_change(-0.00001) == "0.0%"
    assert text.points(0.007) == "+0.7%p"
    assert text.signed(-318) == "−318"
    assert text.won(107_207_500) == "1,072,075원"
    assert text.won(850) == "8.5원"
    assert text.won_in_words(1_392_000_000) == "1,392만 원"
    assert text.won_in_words(99_999_999) == "999,999.99원"
    assert text.won_in_words(3_200_000_000_000) == "320억 원"
    assert [text.few(n) for n in (0, 1, 9, 10, None)] == ["0명", "10명 미만", "10명 미만", "10명", "–"]
    assert [text.size(n) for n in (0, 1023, 1024, 307_200, 1_468_006, 314_572_800)] == [
        "0바이트", "1,023바이트", "1 KB", "300 KB", "1.4 MB", "300 MB",
    ]  # fmt: skip


def test_dates_as_the_design_writes_them() -> None:
    at = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)

    assert text.moment(at) == "11월 23일 월 09:00"
    assert text.moment(at, now=at + timedelta(days=300)) == "2026년 11월 23일 월 09:00"
    assert text.heading_day(date(2026, 11, 20)) == "11월 20일 금요일"
    assert text.table_day(date(2026, 7, 4)) == "2026.07.04"
    assert text.table_moment(at) == "2026.11.23 09:00"
    assert text.spoken_hour(time(9)) == "오전 9시"
    assert text.spoken_hour(time(0, 5)) == "오전 12:05"
    assert text.spoken_hour(time(19, 30)) == "오후 7:30"
    assert text.span(at, at + timedelta(hours=8, minutes=53)) == "11월 23일 월 09:00 – 17:53"
    assert text.span(at, at + timedelta(days=1)) == "11월 23일 월 09:00 – 11월 24일 화 09:00"
    assert text.moment(None) == "–"


def test_an_instant_is_shown_on_the_seoul_clock() -> None:
    just_before_midnight = datetime(2026, 12, 31, 14, 59, tzinfo=UTC)

    assert text.table_day(just_before_midnight) == "2026.12.31"
    assert text.table_day(just_before_midnight + timedelta(minutes=1)) == "2027.01.01"


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        text.moment(datetime(2026, 1, 1))  # noqa: DTZ001


@given(INSTANTS, INSTANTS)
def test_remaining_never_calls_the_past_left(due: datetime, now: datetime) -> None:
    assert text.remaining(due, now).endswith("지남" if due < now else "남음")


@given(st.timedeltas(timedelta(0), timedelta(days=900)))
def test_duration_is_never_more_than_the_length(length: timedelta) -> None:
    said = text.duration(length)

    units = {"일": 86400, "시간": 3600, "분": 60, "초": 1}
    seconds = sum(int(amount) * units[unit] for amount, unit in re.findall(r"(\d+)(일|시간|분|초)", said))
    assert 0 <= length.total_seconds() - seconds < (3600 if "일" in said else 60)
    assert len(said.split()) <= 2


def test_relative_times() -> None:
    now = datetime(2026, 11, 20, 4, 47, tzinfo=UTC)

    assert text.remaining(now + timedelta(days=2, hours=5), now) == "2일 남음"
    assert text.remaining(now + timedelta(hours=7, minutes=3), now) == "7시간 3분 남음"
    assert text.remaining(now - timedelta(hours=3), now) == "3시간 지남"
    pasts = ({"seconds": 5}, {"minutes": 8}, {"hours": 3}, {"days": 2}, {"days": 9})
    assert [text.ago(now - timedelta(**past), now) for past in pasts] == [
        "방금",
        "8분 전",
        "3시간 전",
        "2일 전",
        "2026.11.11",
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("홍길동", "홍*동"),
        ("홍길", "홍*"),
        ("남궁민수", "남**수"),
        ("John", "Jo***"),
        ("홍", "*"),
        ("", "–"),
        ("황보 관", "황*관"),
    ],
)
def test_name_mask_is_the_one_pattern(name: str, shown: str) -> None:
    assert text.mask_name(name) == shown
    assert text.mask_name(unicodedata.normalize("NFD", name)) == shown


@given(WORDS)
def test_name_mask_shows_at_most_two_letters(name: str) -> None:
    masked = text.mask_name(name)

    assert len(masked.replace("*", "")) <= 2
    assert len(name) == 1 or len(masked) == len(name)


@given(st.text("0123456789", min_size=4, max_size=4), st.text("0123456789", min_size=4, max_size=4))
def test_phone_mask_is_the_same_for_every_spelling(middle: str, last: str) -> None:
    spellings = [f"010-{middle}-{last}", f"010{middle}{last}", f"+82 10 {middle} {last}", f"+82-(0)10-{middle}-{last}"]

    assert {text.mask_phone(one) for one in spellings} == {f"010-****-{last}"}


@given(st.text(max_size=30))
def test_phone_mask_never_shows_more_than_prefix_and_last_four(phone: str) -> None:
    masked = text.mask_phone(phone)

    assert masked in ("–", "****") or re.fullmatch(r"(02|\d{3})-\*{4}-\d{4}", masked)


@given(st.emails())
def test_email_mask_hides_the_rest_of_the_local_part(address: str) -> None:
    local, _, domain = address.rpartition("@")
    assume(len(local) > 2)

    assert text.mask_email(address) == f"{local[:2]}***@{domain}"


def test_email_mask_of_nonsense() -> None:
    assert [text.mask_email(one) for one in (None, "", "words", "a@b.kr")] == ["–", "–", "***", "a***@b.kr"]
