"""Invented values for the page of samples: no database, no real person, every component once."""

from datetime import date, time, timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator

from majung.core import clock
from majung.ui.values import (
    Account,
    Books,
    Box,
    BoxRow,
    Change,
    Column,
    ConsentLine,
    Crumb,
    Event,
    Figure,
    Link,
    NavItem,
    Occasion,
    Part,
    Place,
    Quota,
    Rule,
    Status,
    Step,
    Tab,
)

PAGES = ("parts", "tree", "portal", "join", "preferences", "sign-in")
TREE_COLUMNS = (
    Column(key="state", label="채널 상태", kind="status"),
    Column(key="friends", label="친구", kind="number"),
    Column(key="week", label="7일", kind="signed", hide=True),
    Column(key="left", label="남은 메시지", kind="number", unit="통", hide=True),
)
SENDING, WAITING = Status(word="보내는 중", tone="ok"), Status(word="시험 발송 전", tone="warn")
TREE = (
    {"level": 1, "name": "중앙당", "url": "#", "open": True, "state": SENDING, "friends": 483_610, "week": 7_165, "left": 403_320},
    {"level": 2, "name": "서울시당", "url": "#", "note": "48곳", "open": True, "state": SENDING, "friends": 92_180, "week": 1_336},
    {"level": 3, "name": "종로", "url": "#", "open": None, "state": SENDING, "friends": 772, "week": 17, "left": 6_420},
    {
        "level": 3, "name": "용산", "url": "#", "open": None, "state": WAITING, "friends": 2_193, "week": 61,
        "pips": ("on", "on", "on", "wait", ""),
    },
    {
        "level": 3, "name": "중구성동갑", "url": "#", "open": None, "state": SENDING, "friends": 3_108, "week": 79,
        "left": 8_640, "tag": Status(word="경선", tone="idle"), "selected": True, "pips": ("on",) * 5,
    },
    {
        "level": 3, "name": "강서갑", "url": "#", "open": None, "friends": 2_941, "week": -59, "left": 1_240,
        "state": Status(word="제재 위험", tone="danger"),
    },
    {"level": 2, "name": "부산시당", "url": "#", "note": "18곳", "open": False, "state": SENDING, "friends": 27_243, "week": 448},
    {"level": 3, "name": "해운대갑", "url": "#", "open": None, "state": SENDING, "friends": 1_377, "week": 12},
    {"level": 2, "name": "대구시당", "url": "#", "note": "12곳", "open": False, "state": SENDING, "friends": 21_260, "week": 349},
)  # fmt: skip
LEFT_OUT_COLUMNS = (
    Column(key="reason", label="제외한 까닭"),
    Column(key="law", label="근거"),
    Column(key="people", label="사람", kind="number", unit="명"),
    Column(key="share", label="크기", kind="bar", tone="idle", hide=True),
)
LEFT_OUT = (
    {"reason": "더 가까운 매장 채널에서 받음", "law": "한 사람 한 통 · 조직 규칙", "people": 3_186, "share": 1.0},
    {"reason": "광고 수신동의 없음", "law": "정보통신망법 제50조 제1항", "people": 1_268, "share": 0.398},
    {"reason": "수신거부·동의 철회", "law": "정보통신망법 제50조 제2항", "people": 742, "share": 0.233},
    {"reason": "채널 차단", "law": "카카오톡 채널 운영정책", "people": 131, "share": 0.041},
)
LIMIT_COLUMNS = (
    Column(key="unit", label="조직"),
    Column(key="used", label="이번 달 메시지", kind="bar", wide=True),
    Column(key="left", label="남은 메시지", kind="number", unit="통"),
    Column(key="money", label="남은 돈", kind="won"),
    Column(key="state", label="상태", kind="status"),
)
LIMITS = (
    {
        "unit": "경기도당",
        "used": 0.716,
        "left": 68_160,
        "money": 178_400_000,
        "state": Status(word="넉넉함", tone="ok"),
    },
    {
        "unit": "부산시당",
        "used": Part(value=0.938, tone="warn"),
        "left": 5_620,
        "money": 23_150_000,
        "state": Status(word="곧 다 씀", tone="warn"),
    },
    {
        "unit": "제주시당",
        "used": Part(value=1, tone="danger"),
        "left": 0,
        "money": 0,
        "state": Status(word="다 씀", tone="danger"),
    },
)
FIGURES = (
    Figure(
        label="지역구 채널 친구",
        value="483,610",
        unit="명",
        change="+7,165",
        change_tone="ok",
        note="7일 · 1.5%",
        series=(410, 421, 428, 431, 440, 446, 455, 462, 464, 470, 476, 479, 483),
    ),
    Figure(
        label="새 친구",
        value="10,896",
        unit="명",
        change="+1,204",
        change_tone="ok",
        note="지난 7일보다",
        series=(80, 85, 60, 66, 92, 94, 97, 88, 106, 112, 117, 104, 123),
    ),
    Figure(
        label="차단",
        value="3,731",
        unit="명",
        change="−318",
        change_tone="ok",
        note="지난 7일보다",
        series=(61, 64, 57, 59, 56, 42, 38, 50, 36, 33, 44, 31, 34),
    ),
    Figure(
        label="누른 비율",
        value="9.4",
        unit="%",
        change="+0.7%p",
        change_tone="ok",
        note="지난 7일보다",
        series=(7, 6.9, 7.8, 7.4, 7.3, 8.4, 9.7, 9.6, 9.7, 8.6, 9.4, 9.1, 9.0),
    ),
    Figure(
        label="이번 달 아낀 돈",
        value="1,392",
        unit="만 원",
        note="장문 문자보다 44.8% 덜 씀",
        series=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13),
    ),
)
NAV = (
    ("정원", "plant-2", 0),
    ("조직", "sitemap", 0),
    ("사람", "users", 0),
    ("메시지", "message-circle", 3),
    ("여정", "route", 0),
    ("모임", "users-group", 12),
    ("행사", "calendar-event", 0),
    ("통계", "chart-bar", 0),
    ("개인정보", "shield-lock", 1),
    ("설정", "settings", 0),
)
NOTICE = (
    ConsentLine(label="목적", text="정당 소식을 받는 사람으로 관리"),
    ConsentLine(label="항목", text="가람당 소식을 받는다는 사실", strong=True),
    ConsentLine(label="보유기간", text="철회할 때까지, 길어도 2년", strong=True),
    ConsentLine(label="거부할 권리", text="거부할 수 있습니다. 그러면 소식 받기를 할 수 없습니다."),
)


MEDIA = ("카카오톡", "문자", "전자우편")
CHOICES = (
    ("우리 동네 소식", "중구성동갑", (True, False, False)),
    ("행사·모임 안내", "가까운 곳부터", (True, False, True)),
    ("정책 의견 묻기", "한 달 한 번쯤", (True, None, False)),
)


class SampleForm(forms.Form):
    """Every kind of control once."""

    name = forms.CharField(label="이름", help_text="부르는 이름이면 됩니다.", max_length=20)
    phone = forms.CharField(label="휴대전화번호", max_length=20, widget=forms.TextInput(attrs={"inputmode": "tel"}))
    unit = forms.ChoiceField(label="조직", choices=[("1", "서울시당"), ("2", "부산시당")])
    body = forms.CharField(label="글", widget=forms.Textarea, required=False)
    when = forms.ChoiceField(
        label="언제", choices=[("now", "지금"), ("later", "정한 시각에")], widget=forms.RadioSelect, initial="now"
    )
    ways = forms.MultipleChoiceField(
        label="받을 방법",
        choices=[("kakao", "카카오톡"), ("sms", "문자")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    sheet = forms.FileField(label="명단 파일", required=False, help_text="CSV·XLSX, 200 MB까지")
    sure = forms.BooleanField(label="내용을 확인했습니다", required=False)


def _choice(label: str, note: str, ticks: tuple[bool | None, ...]) -> BoxRow:
    boxes = [
        None if tick is None else Box(name="choice", value=f"{label}:{word}", label=word, checked=tick)
        for word, tick in zip(MEDIA, ticks, strict=True)
    ]
    return BoxRow(label=label, note=note, boxes=boxes)


def places() -> list[Place]:
    """All 254 districts with a value made from the code alone."""
    return [
        Place(nec_code=code, label=label, value=700 + int(code) * 7919 % 2600, url=f"#{code}")
        for code, label in _codes()
    ]


def _codes() -> list[tuple[str, str]]:
    import json  # reason: slow
    from importlib.resources import files  # reason: slow

    found = json.loads((files("majung.ui") / "static/ui/geo/kr22_districts.small.topo.json").read_text())
    shapes = found["objects"]["districts"]["geometries"]
    return [(shape["properties"]["nec_code"], shape["properties"]["label"]) for shape in shapes]


def context() -> dict[str, Any]:
    """What `ui/samples.html` shows."""
    now = clock.now()
    bound = SampleForm(data={"name": "", "phone": "010-12", "unit": "1", "when": "now"})
    bound.is_valid()
    bound.add_error("phone", "숫자가 모자랍니다. 010부터 열한 자리를 적어 주세요.")
    return {
        "nav": [
            NavItem(label=label, url="#", icon=icon, active=label == "정원", count=count, hot=label == "개인정보")
            for label, icon, count in NAV
        ],
        "crumbs": [Crumb(label="정원", url="#"), Crumb(label="서울시당", url="#"), Crumb(label="견본")],
        "account": Account(name="정하늘", role="중앙 운영", initials="하늘", links=[Crumb(label="내 계정", url="#")]),
        "org_name": "가람당",
        "org_unit": "중앙당",
        "search_url": "#",
        "live_mode": False,
        "rule_pack": "정당 2026.11",
        "next_law": "12월 8일 보궐선거 120일 전",
        "org_line": "가람당 · 서울 중구 을지로 00 · 02-000-0000",
        "privacy_officer": "최은채",
        "now": now,
        "figures": FIGURES,
        "books": Books(audience=48_210, left_out=5_327, accepted=31_904, refused=412, in_doubt=96, not_yet=10_471),
        "broken_books": Books(audience=1_000, left_out=100, accepted=800, refused=10, in_doubt=0, not_yet=80),
        "left_out_columns": LEFT_OUT_COLUMNS,
        "left_out": LEFT_OUT,
        "left_out_total": {"reason": "모두", "law": "한 사람은 한 번만 셉니다", "people": 5_327},
        "limit_columns": LIMIT_COLUMNS,
        "limits": LIMITS,
        "chain": [
            Link(holder="가람당 중앙당", what="채널을 갖고 있습니다", owner=True),
            Link(
                holder="서울시당",
                what="서울 48곳 · 보내기, 사람 보기",
                until="12월 31일까지",
                quotas=[Quota(label="메시지", used=149_610, limit=220_000, unit="통")],
            ),
            Link(
                holder="중구성동갑",
                what="중구성동갑 · 보내기",
                until="11월 30일까지",
                note="2026.07.01 서울시당이 빌려줌",
                quotas=[
                    Quota(label="메시지", used=1_360, limit=10_000, unit="통"),
                    Quota(label="돈", used=34_000, limit=None, unit="원"),
                ],
            ),
        ],
        "line": [
            Step(label="한지우", state="done", note="성수점 · 작성\n오늘 13:20"),
            Step(label="오민석 (나)", state="now", note="서울 지역본부\n지금 차례"),
            Step(label="류다온", state="later", note="본사 · 더해진 단계"),
            Step(label="11월 23일 월 09:00", state="later", note="분당 82통", icon="send"),
        ],
        "steps": [
            Step(label="내용", state="done", url="#"),
            Step(label="받는 사람", state="done", url="#"),
            Step(label="시각", state="done", url="#"),
            Step(label="점검", state="now"),
            Step(label="결재", state="later"),
        ],
        "rules": [
            Rule(state="passed", text="채널 친구 · 지역 소식 동의", law="2026.07.04"),
            Rule(state="passed", text="민감정보 처리 동의", law="개인정보 보호법 제23조", law_url="#"),
            Rule(state="passed", text="가장 가까운 채널", law="한 사람 한 통"),
            Rule(state="stopped", text="한 주 2번까지", law="WEEKLY_CAP"),
            Rule(state="skipped", text="보낼 수 있는 시간"),
        ],
        "reasons": [
            ("request", "본인 요청에 답하기"),
            ("contact", "연락처 확인"),
            ("safety", "행사 안전 연락"),
            ("other", "그 밖"),
        ],
        "clock_due": now + timedelta(hours=61, minutes=12),
        "clock_since": now - timedelta(hours=10, minutes=48),
        "clock_near": now + timedelta(hours=2, minutes=5),
        "clock_near_since": now - timedelta(hours=22),
        "recall_due": now + timedelta(minutes=7, seconds=42),
        "recall_since": now - timedelta(minutes=2, seconds=18),
        "opens": time(8, 0),
        "closes": time(20, 50),
        "buttons": ["성수점에서 예약하기", "원두 3종 보기"],
        "notice": NOTICE,
        "tabs": [
            Tab(label="모두", url="#", active=True, count=272),
            Tab(label="보내는 중", url="#", count=231),
            Tab(label="설정 덜 됨", url="#", count=34),
        ],
        "segments": [
            Tab(label="친구", url="#", active=True),
            Tab(label="7일 변화", url="#"),
            Tab(label="차단율", url="#"),
        ],
        "page": Paginator(range(1, 431), 50).page(2),
        "parts": [Part(value=60, tone="acc"), Part(value=25, tone="warn"), Part(value=15, tone="idle")],
        "changes": [
            Change(label="글", before="11월 24일 저녁 7시", after="11월 25일 저녁 7시"),
            Change(label="버튼", before=None, after="오시는 길"),
            Change(label="그림", before="walk.png", after=None),
            Change(label="보내는 이", before="중구성동갑", after="중구성동갑"),
        ],
        "events": [
            Event(
                at=now - timedelta(hours=3),
                title="‘정책 설명회 안내’를 받지 않음",
                note="이번 주 2번을 이미 받았습니다",
                icon="message-off",
                tone="warn",
            ),
            Event(
                at=now - timedelta(days=2),
                title="‘성수 골목 걷기’에 참석",
                note="QR 확인",
                icon="user-check",
                tone="ok",
            ),
            Event(at=now - timedelta(days=2, minutes=30), title="‘오시는 길’ 누름", icon="click", tone="acc", url="#"),
        ],
        "facts": [("남은 예산", "2,418,000원"), ("예약할 돈", "−1,179,283원"), ("예약 뒤 남는 돈", "1,238,717원")],
        "hour_rows": [
            ("9시", 0.098),
            ("10시", 0.089),
            ("11시", 0.081),
            ("12시", 0.137),
            ("13시", 0.106),
            ("14시", 0.084),
            ("15시", 0.072),
        ],
        "pace_rows": [
            (f"{9 + i // 4}:{i % 4 * 15:02}", v)
            for i, v in enumerate(
                (
                    1229,
                    1228,
                    1230,
                    1225,
                    1227,
                    1227,
                    1229,
                    1230,
                    1230,
                    1230,
                    1227,
                    1226,
                    1228,
                    1230,
                    1229,
                    921,
                    783,
                    1228,
                    1228,
                    1229,
                )
            )
        ],
        "two_rows": [("7월", 420, 210), ("8월", 510, 260), ("9월", 480, 330), ("10월", 610, 390), ("11월", 300, 180)],
        "places": places(),
        "form": SampleForm(),
        "bad_form": bound,
        "pips": ["on", "on", "on", "wait", ""],
        "tree_columns": TREE_COLUMNS,
        "tree": TREE,
        "unit_facts": [("3,108명", "채널 친구"), ("7개", "모임"), ("3번", "이달 행사")],
        "occasions": [
            Occasion(
                on=date(2026, 11, 25), title="성수 골목 걷기", note="수 19:00 · 뚝섬역 5번 출구 · 자리 6개", url="#"
            ),
            Occasion(on=date(2026, 11, 29), title="겨울 돌봄 공부 모임", note="일 14:00 · 왕십리도서관"),
            Occasion(on=date(2026, 12, 5), title="응봉산 쓰레기 줍기", note="토 09:30 · 응봉역 1번 출구 · 대기자 받음"),
        ],
        "near": [
            Step(label="가람당", state="done", note="전국 소식 · 한 달 한 번"),
            Step(label="서울특별시당", state="done", note="서울 소식 · 한 달 두 번"),
            Step(label="중구성동갑", state="now", note="우리 동네 소식 · 같은 소식은 한 번만 갑니다"),
        ],
        "media": MEDIA,
        "choices": [_choice(*row) for row in CHOICES],
    }
