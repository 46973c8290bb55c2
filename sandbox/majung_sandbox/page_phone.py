"""Draws phones: the list of chats and channels, and one open thread with its bubbles."""

from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import urlencode

from majung_sandbox.clock import SEOUL, parse_iso
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.threads import Bubble
from majung_sandbox.world import Channel

CHANNELS_SHOWN = 12
_WEEK = "월화수목금토일"


@dataclass(slots=True, frozen=True)
class View:
    """What the page shows: a number, one of its threads, a search among channels, a campaign in the books."""

    number: str = ""
    thread: str = ""
    search: str = ""
    books: str = ""

    def link(self, **changes: str) -> str:
        """The address of this view with something changed."""
        parts = {"number": self.number, "thread": self.thread, "q": self.search, "books": self.books, **changes}
        query = urlencode({name: value for name, value in parts.items() if value})
        return "/?" + query if query else "/"

    def hidden(self) -> str:
        """The view as hidden form fields, so that a POST can come back to it."""
        return f'<input type="hidden" name="back" value="{escape(self.link())}">'


def dashed(number: str) -> str:
    """010-1234-5678."""
    return f"{number[:-8]}-{number[-8:-4]}-{number[-4:]}" if len(number) >= 10 else number


def face(name: str) -> str:
    """Two letters that tell a name from its neighbours: the start of its last word."""
    return (name.split() or [""])[-1][:2]


def clock_text(at: datetime) -> str:
    """오후 1:20."""
    seoul = at.astimezone(SEOUL)
    return f"{'오전' if seoul.hour < 12 else '오후'} {(seoul.hour + 11) % 12 + 1}:{seoul.minute:02d}"


def date_text(at: datetime) -> str:
    """2026년 11월 23일 월요일."""
    seoul = at.astimezone(SEOUL)
    return f"{seoul.year}년 {seoul.month}월 {seoul.day}일 {_WEEK[seoul.weekday()]}요일"


def button(view: View, action: str, label: str, fields: dict[str, str], look: str = "") -> str:
    """A form with one button that does one thing and comes back."""
    values = "".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in fields.items())
    return (
        f'<form method="post" action="/phone/{action}">{view.hidden()}{values}'
        f'<button class="{look or "press"}">{escape(label)}</button></form>'
    )


class Phone:
    """The phone of one number."""

    def __init__(self, sandbox: Sandbox, view: View) -> None:
        self._sandbox = sandbox
        self._view = view
        self._number = view.number
        self._talk = sandbox.world.talk_of(view.number)
        self._bubbles = list(sandbox.threads.by_number.get(view.number, ()))

    def frame(self, title: str, inner: str, foot: str = "", back: bool = False, sms: bool = False) -> str:
        """The body of a phone around a screen."""
        now = self._sandbox.clock.seoul()
        arrow = (
            f'<a class="back" href="{escape(self._view.link(thread=""))}" aria-label="목록으로">‹</a>' if back else ""
        )
        return (
            f'<div class="phone"><div class="screen{" screen-sms" if sms else ""}">'
            f'<div class="status"><span>{now.hour}:{now.minute:02d}</span><span>LTE</span></div>'
            f'<div class="top">{arrow}<b>{escape(title)}</b></div>{inner}'
            f"{f'<div class=foot>{foot}</div>' if foot else ''}</div></div>"
        )

    # the list
    def home(self) -> str:
        """Chats with something in them, texts, and channels to find."""
        latest: dict[str, Bubble] = {}
        for bubble in self._bubbles:
            latest.pop(bubble.thread, None)
            latest[bubble.thread] = bubble
        rows = [self._chat_row(thread, bubble) for thread, bubble in reversed(latest.items())]
        chats = "".join(rows) or '<p class="none">아직 온 메시지가 없습니다. 채널을 추가해 보세요.</p>'
        if self._talk == "none":
            return self.frame(
                "메시지",
                f'<div class="list">{chats}</div>',
                "카카오톡을 쓰지 않는 번호입니다. 문자만 받습니다.",
                sms=True,
            )
        return self.frame("채팅", f'<div class="list">{chats}{self._finder()}</div>')

    def _title(self, thread: str) -> str:
        if thread.startswith("sms:"):
            return dashed(thread[4:]) if thread[4:] else "발신번호 없음"
        channel = self._sandbox.world.channels.get(thread)
        return channel.name if channel else thread

    def _chat_row(self, thread: str, bubble: Bubble) -> str:
        at = parse_iso(bubble.at)
        sms = thread.startswith("sms:")
        chosen = ' aria-current="true"' if thread == self._view.thread else ""
        icon = (
            '<span class="face face-sms">문자</span>'
            if sms
            else f'<span class="face">{escape(face(self._title(thread)))}</span>'
        )
        text = " ".join((bubble.title or bubble.text).split())[:60]
        return (
            f'<a class="chat" href="{escape(self._view.link(thread=thread))}"{chosen}>{icon}'
            f"<span><b>{escape(self._title(thread))}</b><small>{escape(text)}</small></span>"
            f"<time>{clock_text(at) if at else ''}</time></a>"
        )

    def _finder(self) -> str:
        channels, words = self._sandbox.world.channels.values(), self._view.search.strip()
        found = (
            [c for c in channels if words in c.name or words.lstrip("@") in c.search_id] if words else list(channels)
        )
        rows = "".join(self._channel_row(c) for c in found[:CHANNELS_SHOWN])
        more = (
            f'<p class="none">그 밖에 {len(found) - CHANNELS_SHOWN:,}곳이 더 있습니다.</p>'
            if len(found) > CHANNELS_SHOWN
            else ""
        )
        view = self._view
        return (
            '<form class="find" action="/" role="search">'
            f'<input type="hidden" name="number" value="{escape(view.number)}">'
            f'<input name="q" value="{escape(view.search)}" aria-label="채널 찾기" placeholder="채널 찾기">'
            f"<button>찾기</button></form>{rows or '<p class=none>그런 채널이 없습니다.</p>'}{more}"
        )

    def _channel_row(self, channel: Channel) -> str:
        friend = self._sandbox.world.is_friend(self._number, channel.pf_id)
        act = self._switch(channel, friend)
        return (
            f'<div class="channel"><span class="face">{escape(face(channel.name))}</span>'
            f'<a href="{escape(self._view.link(thread=channel.pf_id))}"><b>{escape(channel.name)}</b>'
            f"<small>{escape(channel.search_id)} · {'친구' if friend else '친구 아님'}</small></a>{act}</div>"
        )

    def _switch(self, channel: Channel, friend: bool) -> str:
        fields = {"number": self._number, "pfId": channel.pf_id}
        return button(
            self._view, *(("block", "차단") if friend else ("add", "추가")), fields, "mini" if friend else "mini yes"
        )

    # one thread
    def thread(self) -> str:
        """The chosen thread; without one, a word on what to do."""
        thread = self._view.thread
        if not thread:
            return self.frame(
                "대화", '<div class="talk"><p class="line">왼쪽 목록에서 대화나 채널을 고르세요.</p></div>'
            )
        sms = thread.startswith("sms:")
        lines, day = [], ""
        for bubble in self._bubbles:
            if bubble.thread != thread:
                continue
            at = parse_iso(bubble.at) or self._sandbox.clock.now()
            if (today := date_text(at)) != day:
                day = today
                lines.append(f'<p class="day">{today}</p>')
            lines.append(self._line(bubble, at, sms))
        empty = '<p class="line">아직 주고받은 메시지가 없습니다.</p>'
        inner = f'<div class="talk" data-scroll="end">{"".join(lines) or empty}</div>'
        return self.frame(self._title(thread), inner, self._actions(thread, sms), back=True, sms=sms)

    def _actions(self, thread: str, sms: bool) -> str:
        number = {"number": self._number, "thread": thread}
        if sms:
            if not thread[4:]:
                return ""
            return button(self._view, "refuse", "080 전화로 수신거부", {**number, "sender": thread[4:]})
        channel = self._sandbox.world.channels.get(thread)
        if channel is None:
            return "등록되지 않은 채널입니다."
        friend = self._sandbox.world.is_friend(self._number, thread)
        fields = {**number, "pfId": thread}
        if friend:
            return button(self._view, "block", "채널 차단", fields)
        return button(self._view, "add", "채널 추가", fields, "press yes")

    def _line(self, bubble: Bubble, at: datetime, sms: bool) -> str:
        text = escape(bubble.text)
        if bubble.side == "line":
            return f'<p class="line">{text} · {clock_text(at)}</p>'
        if bubble.side == "out":
            return f'<div class="out"><time>{clock_text(at)}</time><div class="bubble">{text}</div></div>'
        if sms:
            title = f"<b>{escape(bubble.title)}</b>\n" if bubble.title else ""
            note = f"{clock_text(at)} · {escape(bubble.note)}"
            return f'<div class="bubble sms">{self._picture(bubble)}{title}{text}</div><time>{note}</time>'
        return self._card(bubble, at)

    def _picture(self, bubble: Bubble) -> str:
        if bubble.image_id not in self._sandbox.files:
            return ""
        return f'<img class="picture" src="/files/{escape(bubble.image_id)}" alt="메시지에 담긴 그림">'

    def _card(self, bubble: Bubble, at: datetime) -> str:
        name = escape(self._title(bubble.thread))
        advertising = bubble.kind.startswith("BMS")
        title = f"<b>{escape(bubble.title)}</b>\n" if bubble.title else ""
        buttons = "".join(self._link(bubble, *row) for row in bubble.buttons)
        note = f'<small class="note">{escape(bubble.note)}</small>' if bubble.note else ""
        fields = {"number": self._number, "thread": bubble.thread, "account": bubble.account}
        refuse = button(self._view, "refuse", "수신거부", fields, "quiet") if advertising else ""
        foot = f'<div class="refuse"><span>(광고) {name}</span>{refuse}</div>' if advertising else ""
        return (
            f'<div class="message"><span class="face">{escape(face(self._title(bubble.thread)))}</span>'
            f'<span class="who">{"(광고) " if advertising else ""}{name}</span>'
            f'<div class="bubble card">{self._picture(bubble)}<div class="words">{title}{escape(bubble.text)}{note}</div>'
            f"{f'<div class=buttons>{buttons}</div>' if buttons else ''}{foot}</div>"
            f"<time>{'' if advertising else '알림톡 · '}{clock_text(at)}</time></div>"
        )

    def _link(self, bubble: Bubble, name: str, kind: str, address: str) -> str:
        if kind == "AC":
            return button(self._view, "add", "채널 추가", {"number": self._number, "pfId": bubble.thread}, "action")
        if address.startswith(("http://", "https://")):
            return f'<a class="action" href="{escape(address)}" target="_blank" rel="noopener noreferrer">{escape(name)}</a>'
        return f'<span class="action off">{escape(name)}</span>'
