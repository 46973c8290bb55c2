"""Draws what stands beside the phones: faults, books, the number rules, and the calls that came and went."""

from datetime import UTC, datetime
from html import escape
from typing import Any

from majung_sandbox.books import Books
from majung_sandbox.clock import SEOUL
from majung_sandbox.codes import sentence
from majung_sandbox.page_phone import View
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.world import RULES

BOOKS_AT_ONCE = 300_000  # above this the books are only counted when asked for

# Name of the fault, what a press sets, its words.
SWITCHES: tuple[tuple[str, Any, str, str], ...] = (
    ("drop_next", 3, "답 잃어버리기", "다음 세 번, 처리한 뒤 연결을 끊음"),
    ("delay_after_ms", {"*": 2000}, "답 늦추기", "처리한 뒤 2초 있다가 답함"),
    ("error_next", 3, "서버 오류", "다음 세 번 503"),
    ("hide_next", 1, "보낸 것을 모른다고 하기", "다음 그룹 하나, 보내고도 조회에 없음"),
    ("refuse_all", True, "200인데 모두 실패", "몸을 읽지 않으면 모름"),
    ("no_balance", True, "잔액 부족", "다음 발송부터 402"),
    ("never_probability", 0.05, "오지 않는 결과", "스무 건에 한 건은 끝내 3000"),
    ("duplicate_webhooks", True, "결과 웹훅 두 번", "같은 결과가 다시 옴"),
    ("kakao_lost_probability", 1.0, "친구 웹훅 잃기", "추가·차단을 알리지 않음"),
    ("kakao_twice", True, "친구 웹훅 두 번", "같은 몸, 같은 번호"),
    ("kakao_open_id", True, "이용자 번호 감추기", "app_user_id 대신 open_id"),
)


def faults_panel(sandbox: Sandbox, view: View) -> str:
    """One switch a fault; each is a form, so it works without script."""
    rows = []
    for name, value, title, hint in SWITCHES:
        on = bool(getattr(sandbox.faults.settings, name))
        rows.append(
            f'<form class="fault" method="post" action="/panel/fault">{view.hidden()}'
            f'<input type="hidden" name="name" value="{name}"><div>{escape(title)}<small>{escape(hint)}</small></div>'
            f'<button class="switch" role="switch" aria-checked="{"true" if on else "false"}" aria-label="{escape(title)}">'
            "</button></form>"
        )
        del value
    count = sandbox.faults.switched_on()
    hint = f"{count}개 켜짐" if count else "모두 꺼짐"
    return (
        f'<section class="panel"><div class="head"><h2>고장 내기</h2><span>{hint}</span></div>{"".join(rows)}</section>'
    )


def books_panel(sandbox: Sandbox, view: View) -> str:
    """What this side counted of a campaign."""
    books = Books(sandbox.store)
    total = sum(len(batch) for _, batch in sandbox.store.places())
    if not view.books and total > BOOKS_AT_ONCE:
        newest = sandbox.store.places()[-1][1].campaign
        link = f'<a href="{escape(view.link(books=str(int(newest.max()))))}">캠페인 {int(newest.max())} 세어 보기</a>'
        return _panel("장부", f"{total:,}건", f'<p class="pad">{link}</p>')
    campaigns = [int(view.books)] if view.books else books.campaigns()[:1]
    if not campaigns:
        return _panel("장부", "", '<p class="pad soft">아직 온 메시지가 없습니다.</p>')
    c = books.count(campaigns[0])
    refused = "".join(_code_row(code, n) for code, n in c["refused_by_code"].items())
    failed = "".join(_code_row(code, n) for code, n in c["not_delivered_by_code"].items())
    rows = (
        _row("온 메시지", c["messages"]) + _row("접수", c["accepted"], "t") + _row("접수 거절", c["refused"], "t") + refused
        + _row("전달", c["delivered"], "t") + _row("전달 못 함", c["not_delivered"], "t") + failed
        + _row("기다림", c["pending"], "t") + _row("두 번 접수된 메시지", c["ids_taken_more_than_once"], "t")
        + _row("두 번 전달된 번호", c["numbers_delivered_more_than_once"])
    )  # fmt: skip
    return _panel(
        "장부",
        f"캠페인 {c['campaign']} · {c['gateway_seconds']:.1f}초",
        f'<table class="books"><tbody>{rows}</tbody></table>',
    )


def _panel(title: str, hint: str, inner: str) -> str:
    return (
        f'<section class="panel"><div class="head"><h2>{title}</h2><span>{escape(hint)}</span></div>{inner}</section>'
    )


def _row(label: str, n: int, look: str = "") -> str:
    return f'<tr class="{look}"><th scope="row">{escape(label)}</th><td>{n:,}</td></tr>'


def _code_row(code: str, n: int) -> str:
    return f'<tr class="code"><th scope="row">{code} {escape(sentence(int(code)))}</th><td>{n:,}</td></tr>'


def rules_panel() -> str:
    """The table of number endings."""
    rows = "".join(
        f'<tr><th scope="row">{a:02d}{f"–{b:02d}" if b != a else ""}</th><td>{escape(text)}</td></tr>'
        for a, b, text in RULES
    )
    text = (
        "받는 번호의 끝 두 자리가 결과를 정합니다. 전화에서 추가·차단한 것과 제어 API로 바꾼 것이 이 표보다 앞섭니다. "
        "20:50–08:00에는 브랜드 메시지를 거절합니다(3108). 템플릿에 [반려]가 있으면 검수에서 반려됩니다. "
        "이용자 번호(app_user_id)는 1,000,000,000에 010 뒤 여덟 자리를 더한 수입니다."
    )
    return _panel(
        "번호로 정한 세상", "", f'<table class="rules"><tbody>{rows}</tbody></table><p class="pad soft">{text}</p>'
    )


def _seoul(at: float, sandbox: Sandbox) -> str:
    return f"{datetime.fromtimestamp(at + sandbox.clock.offset_seconds, UTC).astimezone(SEOUL):%H:%M:%S}"


def calls_panel(calls: list[tuple[float, str, str, int, float]], sandbox: Sandbox) -> str:
    """The last calls, newest first: what came from the product, what went to it."""
    lines = [
        (at, "들어옴", f"{method} {path}", status, f"{took * 1000:.1f} ms") for at, method, path, status, took in calls
    ]
    lines += [(at, "나감", what, status, "") for at, what, status in sandbox.outbox.log]
    rows = "".join(
        f"<tr><td>{_seoul(at, sandbox)}</td><td>{way}</td><td>{escape(what)}</td>"
        f'<td class="{"good" if 200 <= status < 300 else "bad"}">{status or "답 없음"}</td><td>{took}</td></tr>'
        for at, way, what, status, took in sorted(lines, reverse=True)[:14]
    )
    inner = rows or '<tr><td class="soft">아직 오간 요청이 없습니다.</td></tr>'
    return _panel(
        "오간 요청",
        "시각은 모래밭 시계",
        f'<div class="wide"><table class="calls"><tbody>{inner}</tbody></table></div>',
    )
