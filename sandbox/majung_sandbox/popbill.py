"""Popbill's side: AlimTalk, brand message and texts, and Linkhub, which gives the tokens (kakao.md §4.4). A request sends at once.

Messages are judged, kept, sent and counted by the same parts as those of the other gateways; only what travels differs.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from majung_sandbox import popbill_wire
from majung_sandbox.accounts import Account
from majung_sandbox.errors import GatewayError
from majung_sandbox.http import Response
from majung_sandbox.intake import parse_object
from majung_sandbox.media import form_parts, store_file
from majung_sandbox.popbill_wire import ALIM, BRAND, KAKAO, TEXT
from majung_sandbox.routing import Call, Router
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.store import Group
from majung_sandbox.world import Channel

PEOPLE = 1_000
TOKEN_SECONDS = 1_800
WINDOW_SECONDS = 15 * 60
IMAGES = "https://images.sandbox.invalid/popbill/"
_NEEDED = {"member", "150", "151", "152", "153", "154", "155", "156", "157", "158"}


class PopbillError(Exception):
    """Refuses a request with a code."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class Token:
    """A session that Linkhub opened for an account."""

    account: Account
    until: datetime


class Popbill:
    """Handlers. The LinkID is an account's key; its SecretKey is the account's secret in base64."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._tokens: dict[str, Token] = {}

    def register(self, router: Router) -> None:
        """Add the routes."""
        router.add("POST", "/POPBILL_TEST/Token", "popbill.token", self._guarded(self.token))
        for method, path, name, handler in (
            ("GET", "/POPBILL_TEST/Point", "popbill.points", self.points),
            ("POST", "/ATS", "popbill.send", self.alimtalk),
            ("POST", "/BMS/Text", "popbill.send", self.brand),
            ("POST", "/BMS/Image", "popbill.send", self.brand),
            ("POST", "/BMS/Upload/Image/Default", "popbill.images", self.image),
            ("POST", "/SMS", "popbill.send", self._texts("SMS")),
            ("POST", "/LMS", "popbill.send", self._texts("LMS")),
            ("GET", "/KakaoTalk/ListPlusFriendID", "popbill.channels", self.channels),
            ("GET", "/KakaoTalk/ListATSTemplate", "popbill.templates", self.templates),
            ("GET", "/KakaoTalk/{receipt}", "popbill.results", self._by_receipt(KAKAO)),
            ("GET", "/KakaoTalk/Get/{request}", "popbill.results", self._by_request(KAKAO)),
            ("GET", "/Message/SenderNumber", "popbill.numbers", self.numbers),
            ("GET", "/Message/Denied", "popbill.refused", self.denied),
            ("GET", "/Message/{receipt}", "popbill.results", self._by_receipt((TEXT,))),
            ("GET", "/Message/Get/{request}", "popbill.results", self._by_request((TEXT,))),
        ):
            router.add(method, path, name, self._guarded(self._signed_in(handler)))

    @staticmethod
    def _guarded(handler: Callable[[Call], Any]) -> Callable[[Call], Response]:
        def answer(call: Call) -> Response:
            try:
                return Response(200, orjson.dumps(handler(call)))
            except PopbillError as refusal:
                return Response(refusal.status, orjson.dumps({"code": refusal.code, "message": refusal.message}))
            except GatewayError as refusal:
                return Response(400, orjson.dumps({"code": -99999999, "message": refusal.message}))

        return answer

    def _signed_in(self, handler: Callable[[Call, Account], Any]) -> Callable[[Call], Any]:
        def answer(call: Call) -> Any:
            scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
            held = self._tokens.get(token) if scheme == "Bearer" else None
            if held is None or held.until <= self._sandbox.clock.now():
                raise PopbillError(-99010001, "세션토큰이 유효하지 않습니다.", 401)
            return handler(call, held.account)

        return answer

    def token(self, call: Call) -> dict[str, Any]:
        """A session for a request signed with the account's secret."""
        request, now = call.request, self._sandbox.clock.now()
        scheme, link, proof = [*request.headers.get("authorization", "").split(" "), "", "", ""][:3]
        account = self._sandbox.accounts.get(link)
        moment, version = request.headers.get("x-lh-date", ""), request.headers.get("x-lh-version", "")
        if scheme != "LINKHUB" or account is None or version != "2.0":
            raise PopbillError(-11010002, "등록되지 않은 링크아이디입니다.")
        digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
        said = f"POST\n{digest}\n{moment}\n{version}\n{request.path}"
        wanted = base64.b64encode(hmac.new(account.secret.encode(), said.encode(), hashlib.sha256).digest())
        if not hmac.compare_digest(wanted, proof.encode()):
            raise PopbillError(-11010005, "서명이 맞지 않습니다.")
        try:
            at = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise PopbillError(-11010006, "x-lh-date의 꼴이 다릅니다.") from None
        if abs((now - at).total_seconds()) > WINDOW_SECONDS:
            raise PopbillError(-11010006, "요청 시각이 서버 시각과 15분 넘게 다릅니다.")
        asked = parse_object(request.body)
        number, scopes = asked.get("access_id"), asked.get("scope")
        if type(number) is not str or len(number) != 10 or not number.isdecimal():
            raise PopbillError(-11010010, "사업자번호가 올바르지 않습니다.")
        if type(scopes) is not list or not set(map(str, scopes)) >= _NEEDED:
            raise PopbillError(-11010011, "권한이 모자랍니다.")
        token, until = secrets.token_urlsafe(48), now + timedelta(seconds=TOKEN_SECONDS)
        self._tokens[token] = Token(account, until)
        return {"session_token": token, "serviceID": "POPBILL_TEST", "linkID": link, "usercode": number, "ipaddress": "",
                "expiration": until.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "scope": scopes}  # fmt: skip

    # sending
    def alimtalk(self, call: Call, account: Account) -> dict[str, Any]:
        """A finished text for each recipient, which must be one of the template's."""
        told = parse_object(call.request.body)
        code, sender = told.get("templateCode"), told.get("snd")
        known = {one.template_id: one for one in self._sandbox.templates.of(account.key)}
        if type(code) is not str or code not in known or known[code].status != "APPROVED":
            raise PopbillError(-11000001, "승인된 템플릿이 아닙니다.")
        self._check_sender(account, sender)
        owner = known[code].fields.get("channelId") or next(iter(self._sandbox.world.channels), "")
        falls_back = bool(told.get("altSendType"))
        messages = []
        for row in _rows(told):
            options = {"pfId": owner, "templateId": code, "disableSms": not falls_back}
            buttons = row.get("btns", told.get("btns"))
            if buttons is not None:
                options["buttons"] = _buttons(buttons)
            message = {
                "to": row.get("rcv"),
                "type": "ATA",
                "text": row.get("msg") or told.get("content"),
                **_named(row),
            }
            messages.append(message | {"kakaoOptions": options} | ({"from": sender} if falls_back else {}))
        return self._send(account, ALIM, str(told.get("requestnum") or ""), messages)

    def brand(self, call: Call, account: Account) -> dict[str, Any]:
        """The same bubble to all; TEXT and IMAGE here."""
        told = parse_object(call.request.body)
        channel = self._channel(told.get("plusFriendID"))
        is_image = call.request.path.endswith("/Image")
        said: dict[str, Any] = {"chatBubbleType": "IMAGE" if is_image else "TEXT", "content": told.get("content")}
        if is_image:
            said["imageId"] = str(told.get("imageUrl", "")).removeprefix(IMAGES)
            if "imageLink" in told:
                said["imageLink"] = told["imageLink"]
        if told.get("btns"):
            said["buttons"] = _buttons(told["btns"])
        sender = {"from": account.senders[0]} if told.get("altYN") is True and account.senders else {}
        options = {"pfId": channel.pf_id, "bms": {**said, "targeting": told.get("targeting")}, "disableSms": not sender}
        messages = [
            {"to": row.get("receiveNum"), "type": "BMS_FREE", "kakaoOptions": options, **_named(row), **sender}
            for row in _rows(told)
        ]
        return self._send(account, BRAND, str(told.get("requestNum") or ""), messages)

    def _texts(self, kind: str) -> Callable[[Call, Account], Any]:
        def send(call: Call, account: Account) -> dict[str, Any]:
            told = parse_object(call.request.body)
            sender = told.get("snd")
            self._check_sender(account, sender)
            common = {"type": kind, "from": sender} | ({"subject": told["subject"]} if told.get("subject") else {})
            if told.get("adsYN") is True:
                common["adFlag"] = True
            messages = [
                {"to": row.get("rcv"), "text": row.get("msg") or told.get("content"), **common, **_named(row)}
                for row in _rows(told)
            ]
            return self._send(account, TEXT, str(told.get("requestnum") or ""), messages)

        return send

    @staticmethod
    def _check_sender(account: Account, sender: object) -> None:
        if type(sender) is not str or not account.may_send_from(sender):
            raise PopbillError(-11000020, "등록되지 않은 발신번호입니다.")

    def _channel(self, wanted: object) -> Channel:
        """By its search id, or by its profile id, which the real one does not know."""
        for channel in self._sandbox.world.channels.values():
            if wanted in (channel.search_id, channel.pf_id):
                return channel
        raise PopbillError(-11000030, "등록되지 않은 카카오톡 채널입니다.")

    def _send(self, account: Account, service: str, key: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
        s = self._sandbox
        if len(key) > 36 or not all(one.isascii() and (one.isalnum() or one in "-_") for one in key):
            raise PopbillError(-11000040, "requestNum은 36자까지의 영문, 숫자, -, _입니다.")
        ref = f"{s.clock.seoul():%y%m%d%H}{s.store.take_counters(1) % 10**10:010d}"
        group = s.store.new_group(account, group_id=ref, allow_duplicates=True, service=service, grouping_key=key)
        _, problem = s.send_at_once(group, messages, s.clock.machine_seconds())
        if problem:
            raise PopbillError(-11000050, problem)
        group.sent_at = group.sent_at or s.clock.now()
        return {"receiptNum": ref}

    # lists
    def _by_receipt(self, services: tuple[str, ...]) -> Callable[[Call, Account], Any]:
        def answer(call: Call, account: Account) -> Any:
            group = self._sandbox.store.groups.get(call.params["receipt"])
            return self._listed([group] if group else [], services, account)

        return answer

    def _by_request(self, services: tuple[str, ...]) -> Callable[[Call, Account], Any]:
        def answer(call: Call, account: Account) -> Any:
            key = call.params["request"]
            found = [group for group in self._sandbox.store.groups.values() if group.grouping_key == key]
            return self._listed(found, services, account)

        return answer

    def _listed(self, groups: list[Group], services: tuple[str, ...], account: Account) -> Any:
        hidden = self._sandbox.faults.hidden
        mine = [
            one for one in groups
            if one.account is account and one.service in services and one.is_sent and one.group_id not in hidden
        ]  # fmt: skip
        if not mine:
            raise PopbillError(-11000060, "전송내역이 없습니다.")
        rows = [
            popbill_wire.row(mine[0], batch, i, code)
            for batch in mine[0].batches
            for i, code in enumerate(batch.codes_now(True).tolist())
        ]
        if services == (TEXT,):
            return rows
        return {"contentType": "ATS" if mine[0].service == ALIM else "BMS", "sendCnt": len(rows), "msgs": rows}

    # the account
    def points(self, call: Call, account: Account) -> dict[str, Any]:
        """Money left, a point a won."""
        return {"remainPoint": f"{account.balance_centiwon / 100:.2f}"}

    def numbers(self, call: Call, account: Account) -> list[dict[str, Any]]:
        """Registered sender numbers."""
        return [{"number": number, "representYN": at == 0, "state": 1} for at, number in enumerate(account.senders)]

    def denied(self, call: Call, account: Account) -> list[dict[str, Any]]:
        """Numbers that refused advertising."""
        return [{"number": one.number, "regDT": one.at} for one in account.refused.values()]

    def channels(self, call: Call, account: Account) -> list[dict[str, Any]]:
        """Every channel of the sandbox, for every account."""
        return [
            {"plusFriendID": c.search_id, "plusFriendName": c.name, "regDT": "20260101000000", "state": 3}
            for c in self._sandbox.world.channels.values()
        ]

    def templates(self, call: Call, account: Account) -> list[dict[str, Any]]:
        """Approved templates."""
        channels = self._sandbox.world.channels
        return [
            {"templateCode": one.template_id, "templateName": one.fields.get("name"), "template": one.content,
             "plusFriendID": channels[owner].search_id if (owner := one.fields.get("channelId")) in channels else "",
             "btns": one.fields.get("buttons", []), "state": 3}
            for one in self._sandbox.templates.of(account.key) if one.status == "APPROVED"
        ]  # fmt: skip

    def image(self, call: Call, account: Account) -> dict[str, Any]:
        """A picture for brand messages, as multipart/form-data."""
        parts = form_parts(call.request.headers.get("content-type", ""), call.request.body)
        if "image" not in parts:
            raise PopbillError(-11000070, "image가 필요합니다.")
        wanted = {"type": "BMS", "file": base64.b64encode(parts["image"]).decode(), "name": "image"}
        stored = store_file(self._sandbox.files, wanted)
        self._sandbox.changed("files")
        return {"imageUrl": IMAGES + stored.file_id}


def _rows(told: dict[str, Any]) -> list[dict[str, Any]]:
    rows = told.get("msgs")
    if type(rows) is not list or not 1 <= len(rows) <= PEOPLE or not all(type(row) is dict for row in rows):
        raise PopbillError(-11000080, f"msgs는 1–{PEOPLE:,}명의 목록이어야 합니다.")
    return rows


def _named(row: dict[str, Any]) -> dict[str, Any]:
    key = row.get("interOPRefKey")
    return {"customFields": {"id": key}} if type(key) is str else {}


def _buttons(told: Any) -> Any:
    if type(told) is not list or not all(type(one) is dict for one in told):
        raise PopbillError(-11000090, "btns의 꼴이 다릅니다.")
    links = {"AL": ("linkIos", "linkAndroid")}
    return [
        {"name": one.get("n"), "linkType": one.get("t")}
        | {
            name: one[at]
            for name, at in zip(links.get(str(one.get("t")), ("linkMobile", "linkPc")), ("u1", "u2"), strict=True)
            if one.get(at)
        }
        for one in told
    ]
