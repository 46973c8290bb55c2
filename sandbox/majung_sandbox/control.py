"""The control API under `/_control`, for whoever runs the sandbox: loopback only, never part of the imitation."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

import orjson

from majung_sandbox.accounts import REPORTS, Account
from majung_sandbox.books import STATES, Books
from majung_sandbox.errors import GatewayError, invalid, not_found
from majung_sandbox.gateway import reply
from majung_sandbox.http import Response
from majung_sandbox.intake import parse_object
from majung_sandbox.mail import Faults as MailFaults
from majung_sandbox.outbox import KakaoApp, app_user_id
from majung_sandbox.routing import Call, Router
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.templates import Template
from majung_sandbox.world import REACHES, TALK_STATES, Channel

OVERRIDES = ("friend", "not_friend", "default")


def _text(row: dict[str, Any], name: str, default: str | None = None) -> str:
    value = row.get(name, default)
    if type(value) is not str or (default is None and not value) or not value.isprintable():
        raise invalid(f"{name}은(는) 글이어야 합니다.")
    return value


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 10**6


def number_of(value: Any) -> str:
    """A phone number as bare digits."""
    text = value.replace("-", "").replace(" ", "") if type(value) is str else ""
    if not (text.isdecimal() and text.isascii() and 8 <= len(text) <= 15):
        raise invalid("number는 8–15자리 숫자여야 합니다.")
    return text


def _rows(call: Call, one_ok: bool = False) -> list[dict[str, Any]]:
    try:
        parsed = orjson.loads(call.request.body)
    except orjson.JSONDecodeError:
        raise invalid("JSON을 읽을 수 없습니다.") from None
    if one_ok and type(parsed) is dict:
        parsed = [parsed]
    if type(parsed) is not list or not all(type(row) is dict for row in parsed):
        raise invalid("객체의 목록이 필요합니다.")
    return parsed


class Control:
    """Handlers of the control API."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._books = Books(sandbox.store)

    def register(self, router: Router) -> None:
        """Add the routes."""
        table: list[tuple[str, str, Callable[[Call], Response]]] = [
            ("GET", "health", self.health), ("GET", "clock", self.clock), ("POST", "clock", self.set_clock),
            ("GET", "faults", self.faults), ("POST", "faults", self.set_faults),
            ("POST", "settings", self.settings), ("GET", "channels", self.channels), ("POST", "channels", self.add_channels),
            ("GET", "phones", self.phones), ("POST", "phones", self.add_phones),
            ("GET", "phones/{number}", self.bubbles), ("POST", "overrides", self.override),
            ("POST", "kakao", self.kakao), ("GET", "accounts", self.accounts), ("POST", "accounts", self.add_account),
            ("POST", "accounts/{key}", self.change_account), ("POST", "accounts/{key}/webhook", self.change_account),
            ("POST", "templates", self.add_templates), ("POST", "templates/{template}", self.decide),
            ("POST", "friend", self.friend), ("POST", "refuse", self.refuse),
            ("GET", "books", self.books), ("GET", "books/ids", self.ids), ("GET", "books/messages", self.messages),
            ("GET", "campaigns", self.campaigns), ("POST", "names", self.names),
            ("GET", "mail", self.mail), ("POST", "mail", self.set_mail),
            ("GET", "mail/ids", self.mail_ids), ("GET", "mail/returned", self.returned),
        ]  # fmt: skip
        for method, path, handler in table:
            router.add(method, f"/_control/{path}", "control", handler)

    # clock, faults, settings
    def health(self, call: Call) -> Response:
        """Whether the sandbox runs."""
        return reply({"ok": True, "messages": sum(len(b) for _, b in self._sandbox.store.places())})

    def clock(self, call: Call) -> Response:
        """The simulated time."""
        clock = self._sandbox.clock
        return reply(
            {"offset_seconds": clock.offset_seconds, "seoul": clock.seoul().isoformat(), "night": clock.is_night()}
        )

    def set_clock(self, call: Call) -> Response:
        """Set the offset."""
        seconds = parse_object(call.request.body).get("offset_seconds")
        if type(seconds) not in (int, float) or abs(seconds) > 10 * 366 * 86400:  # type: ignore[arg-type]
            raise invalid("offset_seconds는 초를 나타내는 수여야 합니다.")
        self._sandbox.set_clock(float(seconds))  # type: ignore[arg-type]
        return self.clock(call)

    def faults(self, call: Call) -> Response:
        """Every fault, and the endpoint names for delays."""
        faults = self._sandbox.faults
        return reply(
            {**asdict(faults.settings), "hidden_groups": sorted(faults.hidden), "endpoints": self._sandbox.endpoints}
        )

    def set_faults(self, call: Call) -> Response:
        """Switch faults."""
        self._sandbox.faults.change(parse_object(call.request.body))
        return self.faults(call)

    def settings(self, call: Call) -> Response:
        """`report_delay_seconds`, `review_seconds`, `webhook_retry_seconds`."""
        wanted = parse_object(call.request.body)
        for name, value in wanted.items():
            if type(value) not in (int, float) or not 0 <= value <= 10**8:
                raise invalid(f"{name}은(는) 초를 나타내는 수여야 합니다.")
        s = self._sandbox
        targets = {"report_delay_seconds": s.dispatch, "review_seconds": s.templates, "webhook_retry_seconds": s.outbox}
        if unknown := wanted.keys() - targets.keys():
            raise invalid(f"모르는 설정: {', '.join(sorted(unknown))}")
        for name, value in wanted.items():
            setattr(targets[name], name.removeprefix("webhook_"), value)
        return reply({name: getattr(target, name.removeprefix("webhook_")) for name, target in targets.items()})

    def names(self, call: Call) -> Response:
        """Which id the next message to a number has: for the books of dealers that repeat nothing of the sender's."""
        wanted = parse_object(call.request.body)
        if not all(type(id_) is str and len(id_) <= 100 for id_ in wanted.values()):
            raise invalid("번호마다 100자까지의 글이 필요합니다.")
        self._sandbox.names |= wanted
        return reply({"names": len(self._sandbox.names)})

    # mail
    def mail(self, call: Call) -> Response:
        """The port, how many letters came over how many connections, and the faults that are left."""
        mail = self._sandbox.mail
        return reply({"port": self._sandbox.mail_port, "letters": len(mail.letters), "connections": mail.connections,
                      "returned": len(mail.returned), "users": sorted(mail.users), "faults": asdict(mail.faults)})  # fmt: skip

    def set_mail(self, call: Call) -> Response:
        """`faults` by name, `users` {name: password} (then nobody else may send), `reset` to forget all before."""
        wanted, mail = parse_object(call.request.body), self._sandbox.mail
        faults, users = wanted.get("faults", {}), wanted.get("users", {})
        known = {f.name for f in fields(MailFaults)}
        if type(faults) is not dict or faults.keys() - known or not all(_is_count(n) for n in faults.values()):
            raise invalid(f"faults는 {', '.join(sorted(known))}의 횟수여야 합니다.")
        if type(users) is not dict or not all(type(word) is str and word for word in users.values()):
            raise invalid("users는 이름과 비밀번호여야 합니다.")
        if wanted.get("reset"):
            mail.letters.clear()
            mail.returned.clear()
            mail.faults, mail.users = MailFaults(), {}
        for name, times in faults.items():
            setattr(mail.faults, name, times)
        mail.users |= users
        return self.mail(call)

    def mail_ids(self, call: Call) -> Response:
        """Ids of the letters that were taken, one a line, in order; one that came twice stands twice."""
        return Response(
            200, "\n".join(one.message_id for one in self._sandbox.mail.letters).encode(), "text/plain; charset=utf-8"
        )

    def returned(self, call: Call) -> Response:
        """The letters that are on their way back, as text; each is given once."""
        mail = self._sandbox.mail
        told = [one.decode("utf-8", "replace") for one in mail.returned]
        mail.returned.clear()
        return reply(told)

    # the world
    def channels(self, call: Call) -> Response:
        """Registered channels."""
        rows = self._sandbox.world.channels.values()
        return reply([{"pfId": c.pf_id, "profileId": c.profile_id, "searchId": c.search_id, "name": c.name, "reach": c.reach}
                      for c in rows])  # fmt: skip

    def add_channels(self, call: Call) -> Response:
        """Register channels; one that is known is replaced."""
        channels = []
        for row in _rows(call):
            reach = row.get("reach", "wide")
            if reach not in REACHES:
                raise invalid("reach는 wide나 near여야 합니다.")
            pf_id, profile_id, search_id, name = (_text(row, key) for key in ("pfId", "profileId", "searchId", "name"))
            channels.append(Channel(pf_id, profile_id, search_id, name, reach))
        self._sandbox.world.channels.update({c.pf_id: c for c in channels})
        self._sandbox.changed("world")
        return reply({"channels": len(self._sandbox.world.channels)})

    def phones(self, call: Call) -> Response:
        """Registered phones."""
        return reply([{"name": name, "number": number, "app_user_id": app_user_id(number)}
                      for number, name in self._sandbox.threads.phones.items()])  # fmt: skip

    def bubbles(self, call: Call) -> Response:
        """What a phone shows, oldest first."""
        return reply(self._sandbox.threads.dump(number_of(call.params["number"])))

    def add_phones(self, call: Call) -> Response:
        """Register phones."""
        for number, name in [(number_of(row.get("number")), _text(row, "name")) for row in _rows(call)]:
            self._sandbox.threads.register(number, name)
        self._sandbox.changed("phones")
        return reply({"phones": len(self._sandbox.threads.phones)})

    def override(self, call: Call) -> Response:
        """Rows `{number, pfId, friend}`, `{number, talk}`, `{number, opted_out}`: they win over the endings."""
        world = self._sandbox.world
        changes: list[Callable[[], Any]] = []
        for row in _rows(call):
            number = number_of(row.get("number"))
            if "friend" in row:
                key, state = (number, _text(row, "pfId")), row["friend"]
                if state not in OVERRIDES:
                    raise invalid("friend는 friend, not_friend, default 가운데 하나입니다.")
                changes.append(_setter(world.friends, key, None if state == "default" else state == "friend"))
            if "talk" in row:
                if row["talk"] not in (*TALK_STATES, "default"):
                    raise invalid("talk는 normal, none, blocks, default 가운데 하나입니다.")
                changes.append(_setter(world.talk, number, None if row["talk"] == "default" else row["talk"]))
            if "opted_out" in row:
                if row["opted_out"] is not None and type(row["opted_out"]) is not bool:
                    raise invalid("opted_out은 true, false, null 가운데 하나입니다.")
                changes.append(_setter(world.opted_out, number, row["opted_out"]))
        for change in changes:
            change()
        self._sandbox.changed("world")
        return reply({"changed": len(changes)})

    def kakao(self, call: Call) -> Response:
        """Kakao apps: one object or a list of `{webhook_url, admin_key, channels?}`; replaces the ones before."""
        apps = []
        for row in _rows(call, one_ok=True):
            channels = row.get("channels", [])
            if type(channels) is not list or not all(type(c) is str for c in channels):
                raise invalid("channels는 채널 id의 목록이어야 합니다.")
            apps.append(KakaoApp(_url(row), _text(row, "admin_key"), tuple(channels)))
        self._sandbox.outbox.apps = apps
        self._sandbox.changed("kakao")
        return reply({"apps": len(apps)})

    def friend(self, call: Call) -> Response:
        """`{number, pfId, added: bool}`: as if pressed on the phone; Kakao's webhook goes out."""
        row = parse_object(call.request.body)
        channel = self._sandbox.world.channels.get(_text(row, "pfId"))
        if channel is None or type(row.get("added")) is not bool:
            raise invalid("등록된 pfId와 added(true, false)가 필요합니다.")
        self._sandbox.set_friend(number_of(row.get("number")), channel, row["added"])
        return reply({"friend": row["added"]})

    def refuse(self, call: Call) -> Response:
        """`{number, account?}`: 080 opt-out; the number goes on the accounts' lists, no webhook is called."""
        row = parse_object(call.request.body)
        account = self._account(_text(row, "account")) if "account" in row else None
        self._sandbox.refuse(number_of(row.get("number")), account.key if account else "")
        return reply({"refused": True})

    # accounts
    def _account(self, key: str) -> Account:
        account = self._sandbox.accounts.get(key)
        if account is None:
            raise not_found("계정이 없습니다.")
        return account

    def accounts(self, call: Call) -> Response:
        """Accounts without their secrets."""
        return reply([_public(account) for account in self._sandbox.accounts.all()])

    def add_account(self, call: Call) -> Response:
        """`{apiKey, apiSecret, balance?, senders?, webhook_url?, prices?, blocked?}`; a known key gets the new values."""
        row = parse_object(call.request.body)
        key, secret = _text(row, "apiKey"), _text(row, "apiSecret")
        account = self._sandbox.accounts.get(key) or Account(key, secret)
        account.secret = secret
        self._apply(account, row)
        self._sandbox.accounts.add(account)
        self._sandbox.changed("accounts")
        return reply(_public(account))

    def change_account(self, call: Call) -> Response:
        """`{url}` of the webhook (empty: none), `reports` (single, group), `balance` in won, `senders`, `prices`, `blocked`."""
        account = self._account(call.params["key"])
        self._apply(account, parse_object(call.request.body))
        self._sandbox.changed("accounts")
        return reply(_public(account))

    def _apply(self, account: Account, row: dict[str, Any]) -> None:
        url = row.get("url", row.get("webhook_url"))
        webhook = account.webhook_url if url is None else _url({"webhook_url": url}) if url else ""
        balance = row.get("balance", account.balance_centiwon / 100)
        prices = row.get("prices", {})
        if type(balance) not in (int, float) or not 0 <= balance <= 10**13:
            raise invalid("balance는 0원 이상이어야 합니다.")
        if type(prices) is not dict or not all(
            k in account.prices_centiwon and type(v) in (int, float) and 0 <= v <= 10**6 for k, v in prices.items()
        ):
            raise invalid("prices는 종류마다 원으로 적은 값이어야 합니다.")
        senders, blocked = ([number_of(n) for n in _list(row, name, old)] for name, old in
                            (("senders", account.senders), ("blocked", account.blocked)))  # fmt: skip
        reports = row.get("reports", account.reports)
        if type(reports) is not list or not set(map(str, reports)) <= set(REPORTS):
            raise invalid("reports는 single과 group 가운데 고른 목록이어야 합니다.")
        if type(row.get("any_sender", False)) is not bool:
            raise invalid("any_sender는 true나 false여야 합니다.")
        account.any_sender = row.get("any_sender", account.any_sender)
        account.webhook_url, account.balance_centiwon, account.senders = webhook, round(balance * 100), senders
        account.reports = [name for name in REPORTS if name in reports]
        at = self._sandbox.now_text()
        account.blocked = {n: account.blocked.get(n, at) for n in blocked}
        account.prices_centiwon.update({k: round(v * 100) for k, v in prices.items()})

    # templates
    def add_templates(self, call: Call) -> Response:
        """List of `{account, templateId, channelId, name, content, buttons?, status?}`: ready-made templates."""
        made = 0
        for row in _rows(call):
            account = self._account(_text(row, "account"))
            status = row.get("status", "APPROVED")
            if status not in ("PENDING", "APPROVED", "REJECTED"):
                raise invalid("status는 PENDING, APPROVED, REJECTED 가운데 하나입니다.")
            fields = {k: v for k, v in row.items() if k not in ("account", "status", "templateId")}
            template = self._sandbox.templates.create(account.key, _text(row, "templateId"), fields)
            template.status = status
            made += 1
        self._sandbox.changed("templates")
        return reply({"templates": made})

    def decide(self, call: Call) -> Response:
        """`{approved: bool, comment?}` ends a review now."""
        template: Template | None = self._sandbox.templates.by_id.get(call.params["template"])
        row = parse_object(call.request.body)
        if template is None:
            raise not_found("템플릿이 없습니다.")
        if type(row.get("approved")) is not bool:
            raise invalid("approved는 true나 false여야 합니다.")
        comment = _text(row, "comment", "")
        self._sandbox.templates.decide(template, row["approved"], comment, self._sandbox.clock.now())
        self._sandbox.changed("templates")
        return reply(self._sandbox.templates.wire(template))

    # books
    def _campaign(self, call: Call) -> int:
        text = call.request.query().get("campaign", "")
        if not (text.isdecimal() and text.isascii() and len(text) <= 10):
            raise invalid("campaign은 수여야 합니다.")
        return int(text)

    def books(self, call: Call) -> Response:
        """Every count of a campaign."""
        return reply(self._books.count(self._campaign(call)))

    def campaigns(self, call: Call) -> Response:
        """Campaign numbers seen, newest first."""
        return reply(self._books.campaigns())

    def ids(self, call: Call) -> Response:
        """Ids in a state, one a line."""
        state = call.request.query().get("state", "taken")
        if state not in STATES:
            raise invalid(f"state는 {', '.join(STATES)} 가운데 하나입니다.")
        return Response(200, self._books.ids(self._campaign(call), state), "text/plain; charset=utf-8")

    def messages(self, call: Call) -> Response:
        """Lines `id number pfId code`."""
        return Response(200, self._books.messages(self._campaign(call)), "text/plain; charset=utf-8")


def _setter(table: dict[Any, Any], key: Any, value: Any) -> Callable[[], Any]:
    return (lambda: table.pop(key, None)) if value is None else (lambda: table.__setitem__(key, value))


def _list(row: dict[str, Any], name: str, old: Any) -> list[Any]:
    value = row.get(name, list(old))
    if type(value) is not list:
        raise invalid(f"{name}은(는) 목록이어야 합니다.")
    return value


def _url(row: dict[str, Any]) -> str:
    url = _text(row, "webhook_url")
    if not url.startswith(("http://", "https://")) or " " in url:
        raise GatewayError(400, "ValidationError", "webhook_url은 http(s) 주소여야 합니다.")
    return url


def _public(account: Account) -> dict[str, Any]:
    return {
        "apiKey": account.key, "accountId": account.account_id, "balance": account.balance_centiwon / 100,
        "senders": account.senders, "any_sender": account.any_sender, "webhook_url": account.webhook_url,
        "prices": {k: v / 100 for k, v in account.prices_centiwon.items()}, "refused": len(account.refused),
        "blocked": list(account.blocked),
    }  # fmt: skip
