"""The phones page and its forms: reads what was pressed, asks the sandbox to do it, shows the page again."""

from datetime import timedelta
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

import orjson

from majung_sandbox.control import number_of
from majung_sandbox.errors import GatewayError, invalid, not_found
from majung_sandbox.http import Request, Response
from majung_sandbox.page_panels import SWITCHES, books_panel, calls_panel, faults_panel, rules_panel
from majung_sandbox.page_phone import Phone, View, dashed
from majung_sandbox.routing import Call, Router
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.world import Channel

if TYPE_CHECKING:
    from majung_sandbox.app import App

_STATIC = {
    name: ((files("majung_sandbox") / "static" / name).read_bytes(), kind)
    for name, kind in (
        ("style.css", "text/css; charset=utf-8"),
        ("live.js", "text/javascript; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
    )
}
_SAFE = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
     "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"), ("Cache-Control", "no-store"),
)  # fmt: skip
_WEEK = "월화수목금토일"
_MARK = (
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path class="b" d="M21 5c5 5 8 10 8 14a9.500 9.500 0 0 1-16 6'
    'c6-1 11-6 11-11 0-3-1-6-3-9Z"/><path class="a" d="M13 3c5 5 8 9 8 13a9 9 0 0 1-18 0c0-4 5-8 10-13Z"/></svg>'
)


class Pages:
    """Handlers of the page. Faults and clock are only for this machine; the phones are for anyone who can reach it."""

    def __init__(self, sandbox: Sandbox, app: "App") -> None:
        self._sandbox = sandbox
        self._app = app

    def register(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/", "page", self.page)
        router.add("GET", "/live", "page", self.live)
        router.add("GET", "/static/{name}", "page", self.static)
        router.add("GET", "/files/{file}", "page", self.file)
        router.add("POST", "/phone/add", "page.act", self.add)
        router.add("POST", "/phone/block", "page.act", self.block)
        router.add("POST", "/phone/refuse", "page.act", self.refuse)
        router.add("POST", "/panel/fault", "panel", self.fault)
        router.add("POST", "/panel/clock", "panel", self.clock)

    # reading
    def _view(self, request: Request) -> View:
        query = request.query()
        number = query.get("number", "").replace("-", "").replace(" ", "")
        if number:
            number = number_of(number)
        books = query.get("books", "")
        if books and not (books.isdecimal() and books.isascii() and len(books) <= 10):
            books = ""
        return View(number, query.get("thread", "")[:60], query.get("q", "")[:40], books)

    def page(self, call: Call) -> Response:
        """The whole page."""
        try:
            view, problem = self._view(call.request), ""
        except GatewayError as refusal:
            view, problem = View(), refusal.message
        if not view.number and self._sandbox.threads.phones and not problem:
            view = View(next(iter(self._sandbox.threads.phones)), view.thread, view.search, view.books)
        if view.number:
            self._sandbox.threads.open(view.number)
        return Response(200, self._html(view, problem).encode(), "text/html; charset=utf-8", _SAFE)

    def _html(self, view: View, problem: str) -> str:
        s = self._sandbox
        phones = '<p class="pad soft">왼쪽에서 사람을 고르거나 번호를 넣으세요.</p>'
        if view.number:
            phone = Phone(s, view)
            phones = (
                f'<section class="first">{phone.home()}</section><section class="second">{phone.thread()}</section>'
            )
        note = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
        return (
            '<!doctype html><html lang="ko"><head><meta charset="utf-8"><title>모래밭 · 마중</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="/static/style.css"><link rel="icon" href="/static/mark.svg">'
            '<script src="/static/live.js" defer></script></head><body>'
            f'<a class="skip" href="#main">본문으로 건너뛰기</a>{self._top(view)}'
            f'<main id="main" data-version="{self._version(view.number)}" data-live="/live?number={view.number}">{note}'
            f'<div id="live" class="grid{" in-thread" if view.thread else ""}">{self._people(view)}{phones}'
            f'<aside aria-label="고장과 장부">{faults_panel(s, view)}{books_panel(s, view)}</aside></div>'
            f'<div id="below" class="below">{rules_panel()}{calls_panel(list(self._app.log), s)}</div></main></body></html>'
        )

    def _top(self, view: View) -> str:
        clock = self._sandbox.clock
        now = clock.seoul()
        text = f"{now.month}월 {now.day}일 {_WEEK[now.weekday()]} {now:%H:%M:%S}"
        steps = "".join(
            f'<button name="to" value="{value}">{label}</button>'
            for value, label in (
                ("+3600", "+1시간"),
                ("10:00:00", "10:00으로"),
                ("20:49:30", "20:49:30으로"),
                ("real", "제 시각"),
            )
        )
        return (
            f'<header class="bar">{_MARK}<strong>모래밭</strong><span class="tag">진짜로 나가지 않습니다</span>'
            f'<form class="clock" method="post" action="/panel/clock">{view.hidden()}<span class="soft">모래밭 시계</span>'
            f'<time id="clock" data-offset="{clock.offset_seconds + 9 * 3600:.3f}"'
            f' class="{"night" if clock.is_night() else ""}">{text}</time>'
            f'<span class="steps">{steps}</span></form></header>'
        )

    def _people(self, view: View) -> str:
        phones = self._sandbox.threads.phones
        name = phones.get(view.number, "번호로 연 전화")
        who = (
            f'<p class="who-now"><b>{escape(name)}</b><small>{dashed(view.number)} · {self._standing(view)}</small></p>'
            if view.number
            else ""
        )
        rows = "".join(
            f'<a class="person" href="/?number={number}"{" aria-current=true" if number == view.number else ""}>'
            f'<span class="face">{escape(person[-2:])}</span>'
            f"<span><b>{escape(person)}</b><small>{dashed(number)}</small></span></a>"
            for number, person in phones.items()
        )
        return (
            f'<nav class="people" aria-label="사람"><form action="/" role="search"><input name="number" inputmode="tel" '
            f'aria-label="전화번호" placeholder="010-0000-0000"><button>열기</button></form>{who}'
            f"<details open><summary>등록한 전화 {len(phones)}대</summary>"
            f"{rows or '<p class=soft>등록한 전화가 없습니다.</p>'}</details></nav>"
        )

    def _standing(self, view: View) -> str:
        world, number = self._sandbox.world, view.number
        if any(number in account.refused for account in self._sandbox.accounts.all()) or world.has_opted_out(number):
            return "수신거부함"
        return {"normal": "카카오톡", "none": "카카오톡 없음", "blocks": "알림톡 차단"}[world.talk_of(number)]

    def _version(self, number: str) -> str:
        s = self._sandbox
        mine = s.threads.versions.get(number, 0)
        settled = sum(all(batch.settled) for _, batch in s.store.places()[-50:])
        seen = s.store.last_counter()
        return f"{mine}-{s.faults.switched_on()}-{seen}-{settled}-{s.clock.offset_seconds:.0f}-{len(s.world.channels)}"

    def live(self, call: Call) -> Response:
        """A text that changes when the page would look different."""
        number = call.request.query().get("number", "")
        body = orjson.dumps({"version": self._version(number)})
        return Response(200, body, headers=(("Cache-Control", "no-store"),))

    def static(self, call: Call) -> Response:
        """Style and script."""
        if call.params["name"] not in _STATIC:
            raise not_found("그런 파일이 없습니다.")
        body, kind = _STATIC[call.params["name"]]
        return Response(200, body, kind, (("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")))

    def file(self, call: Call) -> Response:
        """A picture that was uploaded to the gateway."""
        stored = self._sandbox.files.get(call.params["file"])
        if stored is None or not stored.media_type.startswith("image/"):
            raise not_found("그런 그림이 없습니다.")
        return Response(200, stored.data, stored.media_type, (*_SAFE[1:3], ("Cache-Control", "max-age=3600")))

    # pressing
    def _form(self, call: Call) -> dict[str, str]:
        try:
            text = call.request.body[:10_000].decode()
        except UnicodeDecodeError:
            raise invalid("양식을 읽을 수 없습니다.") from None
        return {name: values[-1] for name, values in parse_qs(text).items()}

    @staticmethod
    def _back(form: dict[str, str]) -> Response:
        back = form.get("back", "/")
        safe = back if back == "/" or back.startswith("/?") else "/"
        return Response(303, headers=(("Location", quote(safe, safe="/?&=%:-+")),))

    def _channel(self, form: dict[str, str]) -> Channel:
        channel = self._sandbox.world.channels.get(form.get("pfId", ""))
        if channel is None:
            raise not_found("등록되지 않은 채널입니다.")
        return channel

    def add(self, call: Call) -> Response:
        """The person adds a channel."""
        form = self._form(call)
        number = number_of(form.get("number"))
        if self._sandbox.world.talk_of(number) == "none":
            raise invalid("카카오톡을 쓰지 않는 번호라 채널을 추가할 수 없습니다.")
        self._sandbox.set_friend(number, self._channel(form), True)
        return self._back(form)

    def block(self, call: Call) -> Response:
        """The person blocks a channel."""
        form = self._form(call)
        self._sandbox.set_friend(number_of(form.get("number")), self._channel(form), False)
        return self._back(form)

    def refuse(self, call: Call) -> Response:
        """The person refuses advertising, on the message or by the 080 number."""
        form = self._form(call)
        number = number_of(form.get("number"))
        self._sandbox.refuse(number, form.get("account", ""), form.get("sender", "")[:20], form.get("thread", "")[:60])
        return self._back(form)

    def fault(self, call: Call) -> Response:
        """Flip one fault."""
        form = self._form(call)
        values = {name: value for name, value, _, _ in SWITCHES}
        name = form.get("name", "")
        if name not in values:
            raise invalid("모르는 고장입니다.")
        now = getattr(self._sandbox.faults.settings, name)
        self._sandbox.faults.change({name: type(values[name])() if now else values[name]})
        return self._back(form)

    def clock(self, call: Call) -> Response:
        """Move the sandbox's clock: `+seconds`, a time of day still to come, or `real`."""
        form = self._form(call)
        clock, to = self._sandbox.clock, form.get("to", "")
        if to == "real":
            self._sandbox.set_clock(0.0)
        elif to == "+3600":
            self._sandbox.set_clock(clock.offset_seconds + 3600)
        elif to in ("10:00:00", "20:49:30"):
            now = clock.seoul()
            hour, minute, second = (int(part) for part in to.split(":"))
            target = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
            target += timedelta(days=1) if target <= now else timedelta()
            self._sandbox.set_clock(clock.offset_seconds + (target - now).total_seconds())
        else:
            raise invalid("모르는 시각입니다.")
        return self._back(form)
