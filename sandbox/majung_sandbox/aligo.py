"""Aligo's side: AlimTalk and texts as form fields (kakao.md §4.3). One request sends at once; no id of the sender's is told back.

Messages are judged, kept, sent and counted by the same parts as those of the other gateways; only what travels differs.
"""

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from majung_sandbox import codes
from majung_sandbox.accounts import Account
from majung_sandbox.clock import SEOUL
from majung_sandbox.errors import GatewayError
from majung_sandbox.http import Response
from majung_sandbox.routing import Call, Router
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.store import Batch, Group

KAKAO, TEXT = "aligo.kakao", "aligo.text"
PEOPLE = 500
PAGE = 500
SMALLEST_PAGE = 30
_STATES = {"PENDING": "REG", "INSPECTING": "REQ", "APPROVED": "APR", "REJECTED": "REJ"}

Form = dict[str, str]


class AligoError(Exception):
    """Refuses a request: HTTP 200 with a negative code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Aligo:
    """Handlers of both services. The user id is an account's key, the API key its secret."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._tokens: dict[str, str] = {}

    def register(self, router: Router) -> None:
        """Add the routes."""
        for path, name, handler in (
            ("/akv10/token/create/{n}/{unit}/", "aligo.token", self.token),
            ("/akv10/alimtalk/send/", "aligo.send", self.alimtalk),
            ("/akv10/history/detail/", "aligo.results", self.detail),
            ("/akv10/heartinfo/", "aligo.left", self.heart),
            ("/akv10/profile/list/", "aligo.profiles", self.profiles),
            ("/akv10/template/list/", "aligo.templates", self.templates),
        ):
            router.add("POST", path, name, self._kakao(handler, needs_token=name != "aligo.token"))
        for path, name, handler in (
            ("/send_mass/", "aligo.send", self.texts),
            ("/sms_list/", "aligo.results", self.text_list),
            ("/remain/", "aligo.left", self.remain),
        ):
            router.add("POST", path, name, self._text(handler))

    def _kakao(
        self, handler: Callable[[Account, Form], dict[str, Any]], *, needs_token: bool
    ) -> Callable[[Call], Response]:
        def answer(call: Call) -> Response:
            try:
                form = _form(call)
                account = self._account(form.get("userid", ""), form.get("apikey", ""), -99)
                if needs_token and form.get("token", "") != self._tokens.get(account.key):
                    raise AligoError(-99, "토큰이 올바르지 않습니다.")
                return _reply({"code": 0, "message": "성공적으로 처리했습니다.", **handler(account, form)})
            except AligoError as refusal:
                return _reply({"code": refusal.code, "message": refusal.message})
            except GatewayError as refusal:
                return _reply({"code": -101 if refusal.status == 402 else -1, "message": refusal.message})

        return answer

    def _text(self, handler: Callable[[Account, Form], dict[str, Any]]) -> Callable[[Call], Response]:
        def answer(call: Call) -> Response:
            try:
                form = _form(call)
                account = self._account(form.get("user_id", ""), form.get("key", ""), -101)
                return _reply({"result_code": 1, "message": "success", **handler(account, form)})
            except AligoError as refusal:
                return _reply({"result_code": refusal.code, "message": refusal.message})
            except GatewayError as refusal:
                return _reply({"result_code": -201 if refusal.status == 402 else -1, "message": refusal.message})

        return answer

    def _account(self, user: str, key: str, refused: int) -> Account:
        account = self._sandbox.accounts.get(user)
        if account is None or not secrets.compare_digest(key.encode(), account.secret.encode()):
            raise AligoError(refused, "인증오류입니다.")
        return account

    def token(self, account: Account, form: Form) -> dict[str, Any]:
        """A token; a fresh one only when there is none, so that several lines may work side by side."""
        return {"token": self._tokens.setdefault(account.key, secrets.token_hex(32)), "urlencode": ""}

    # sending
    def alimtalk(self, account: Account, form: Form) -> dict[str, Any]:
        """A finished text for each recipient, which must be one of the template's."""
        s = self._sandbox
        profile, template, sender = (_needed(form, name) for name in ("senderkey", "tpl_code", "sender"))
        if profile not in s.world.channels:
            raise AligoError(-1, "등록되지 않은 발신프로필입니다.")
        if not account.may_send_from(sender):
            raise AligoError(-1, "등록되지 않은 발신번호입니다.")
        known = {one.template_id: one for one in s.templates.of(account.key)}
        if template not in known or known[template].status != "APPROVED":
            raise AligoError(-1, "승인된 템플릿이 아닙니다.")
        falls_back = form.get("failover", "N") == "Y"
        messages = []
        for n in _places(form, "receiver_"):
            text, subject = form.get(f"message_{n}", ""), form.get(f"subject_{n}", "")
            if not subject or not known[template].matches(text):
                raise AligoError(-1, "템플릿과 일치하지 않습니다.")
            options = {"pfId": profile, "templateId": template, "disableSms": not falls_back, **_buttons(form, n)}
            message = {"to": form[f"receiver_{n}"], "type": "ATA", "text": text, "kakaoOptions": options}
            messages.append(self._named(message | ({"from": sender} if falls_back else {})))
        mid, batch = self._send(account, KAKAO, messages)
        taken = int((batch.registered == codes.ACCEPTED).sum())
        return {"info": {"type": "AT", "mid": mid, "scnt": taken, "fcnt": len(messages) - taken}}

    def texts(self, account: Account, form: Form) -> dict[str, Any]:
        """A text of its own for each recipient."""
        sender, kind = _needed(form, "sender"), _needed(form, "msg_type")
        if kind not in ("SMS", "LMS"):
            raise AligoError(-1, "msg_type은 SMS나 LMS여야 합니다.")
        if not account.may_send_from(sender):
            raise AligoError(-102, "등록되지 않은 발신번호입니다.")
        places = _places(form, "rec_")
        if form.get("cnt") != str(len(places)):
            raise AligoError(-1, "cnt와 수신자의 수가 다릅니다.")
        title = {"subject": form["title"]} if form.get("title") else {}
        messages = [
            self._named(
                {"to": form[f"rec_{n}"], "type": kind, "text": form.get(f"msg_{n}", ""), "from": sender, **title}
            )
            for n in places
        ]
        mid, batch = self._send(account, TEXT, messages)
        taken = int((batch.registered == codes.ACCEPTED).sum())
        return {"msg_id": mid, "success_cnt": taken, "error_cnt": len(messages) - taken, "msg_type": kind}

    def _named(self, message: dict[str, Any]) -> dict[str, Any]:
        id_ = self._sandbox.names.get(message["to"])
        return message | ({"customFields": {"id": id_}} if id_ else {})

    def _send(self, account: Account, service: str, messages: list[dict[str, Any]]) -> tuple[str, Batch]:
        s = self._sandbox
        mid = str(s.store.take_counters(1))
        group = s.store.new_group(account, group_id=mid, allow_duplicates=True, service=service)
        batch, problem = s.send_at_once(group, messages, s.clock.machine_seconds())
        if problem:
            raise AligoError(-1, problem)
        return mid, batch

    # lists
    def detail(self, account: Account, form: Form) -> dict[str, Any]:
        """What became of each message of an AlimTalk request."""
        rows = self._rows(account, KAKAO, form, _kakao_row)
        page, size = _page(form, "limit", 1)
        return {"list": rows[(page - 1) * size : page * size], "currentPage": page, "totalPage": -(-len(rows) // size),
                "totalCount": len(rows)}  # fmt: skip

    def text_list(self, account: Account, form: Form) -> dict[str, Any]:
        """What became of each text of a request."""
        rows = self._rows(account, TEXT, form, _text_row)
        page, size = _page(form, "page_size", SMALLEST_PAGE)
        more = "Y" if page * size < len(rows) else "N"
        return {"list": rows[(page - 1) * size : page * size], "next_yn": more}

    def _rows(
        self, account: Account, service: str, form: Form, row: Callable[[Group, Batch, int, int], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """A row for each message that was taken; who was refused at once has none. An unknown request has none at all."""
        group = self._sandbox.store.groups.get(_needed(form, "mid"))
        if group is None or group.account is not account or group.service != service or not group.is_sent:
            return []
        if group.group_id in self._sandbox.faults.hidden:
            return []
        return [
            row(group, batch, i, code)
            for batch in group.batches
            for i, (taken, code) in enumerate(zip(batch.registered.tolist(), batch.codes_now(True).tolist(), strict=True))
            if taken == codes.ACCEPTED
        ]  # fmt: skip

    # the account
    def heart(self, account: Account, form: Form) -> dict[str, Any]:
        """How many messages the money is enough for."""
        return {"list": {"ALT_CNT": self._enough(account, "ATA"), **self.remain(account, form)}}

    def remain(self, account: Account, form: Form) -> dict[str, Any]:
        """How many texts the money is enough for."""
        return {f"{kind}_CNT": self._enough(account, kind) for kind in ("SMS", "LMS", "MMS")}

    @staticmethod
    def _enough(account: Account, kind: str) -> int:
        return account.balance_centiwon // max(1, account.prices_centiwon.get(kind, 0))

    def profiles(self, account: Account, form: Form) -> dict[str, Any]:
        """The sender profiles: every channel of the sandbox, for every account."""
        return {
            "list": [
                {"senderKey": c.pf_id, "uuid": c.search_id, "name": c.name, "status": "A", "profileStat": "A",
                 "catCode": "01000000001", "alimUseYn": True}
                for c in self._sandbox.world.channels.values()
            ]
        }  # fmt: skip

    def templates(self, account: Account, form: Form) -> dict[str, Any]:
        """The templates of a profile, with their reviews."""
        profile = _needed(form, "senderkey")
        return {
            "list": [
                {"senderKey": profile, "templtCode": one.template_id, "templtName": one.fields.get("name"),
                 "templtContent": one.content, "inspStatus": _STATES[one.status], "status": "A", "templateType": "BA",
                 "buttons": one.fields.get("buttons", []), "comments": one.comments}
                for one in self._sandbox.templates.of(account.key) if one.fields.get("channelId") == profile
            ]
        }  # fmt: skip


def _reply(told: dict[str, Any]) -> Response:
    return Response(200, orjson.dumps(told))


def _form(call: Call) -> Form:
    if not call.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise AligoError(-1, "이 모래밭은 application/x-www-form-urlencoded만 압니다.")
    try:
        return dict(parse_qsl(call.request.body.decode(), keep_blank_values=True, max_num_fields=20_000))
    except ValueError:
        raise AligoError(-1, "요청을 읽을 수 없습니다.") from None


def _needed(form: Form, name: str) -> str:
    if not form.get(name):
        raise AligoError(-1, f"{name} 값이 필요합니다.")
    return form[name]


def _places(form: Form, prefix: str) -> list[int]:
    """1 to n of the recipients in a form; they stand without a gap."""
    count = sum(name.startswith(prefix) for name in form)
    if not 1 <= count <= PEOPLE or any(f"{prefix}{n}" not in form for n in range(1, count + 1)):
        raise AligoError(-1, f"수신자는 1–{PEOPLE}명이어야 합니다.")
    return list(range(1, count + 1))


def _buttons(form: Form, n: int) -> dict[str, Any]:
    if f"button_{n}" not in form:
        return {}
    try:
        told = orjson.loads(form[f"button_{n}"])
    except orjson.JSONDecodeError:
        raise AligoError(-1, "button은 JSON이어야 합니다.") from None
    if type(told) is not dict or type(told.get("button")) is not list:
        raise AligoError(-1, "button의 꼴이 다릅니다.")
    return {"buttons": told["button"]}


def _page(form: Form, size_name: str, smallest: int) -> tuple[int, int]:
    page, size = form.get("page", "1"), form.get(size_name, "30")
    if not all(text.isascii() and text.isdecimal() and len(text) < 8 for text in (page, size)):
        raise AligoError(-1, "page는 수여야 합니다.")
    if int(page) < 1 or not smallest <= int(size) <= PAGE:
        raise AligoError(-1, f"{size_name}은(는) {smallest}–{PAGE}입니다.")
    return int(page), int(size)


def _stamp(group: Group) -> str:
    return f"{group.sent_at.astimezone(SEOUL):%Y-%m-%d %H:%M:%S}" if group.sent_at else ""


def _kakao_row(group: Group, batch: Batch, i: int, code: int) -> dict[str, Any]:
    is_open, is_done = code in (codes.ACCEPTED, codes.WAITING), code == codes.DELIVERED and not batch.replaced[i]
    at = _stamp(group)
    result = "0" if is_done else "3019" if batch.replaced[i] else codes.KAKAO_RESULTS.get(code, "9999")
    return {
        "msgid": batch.message_id(i), "type": "AT", "sender": batch.sender(i), "phone": batch.number(i),
        "status": "2" if is_open else "4", "reqdate": at, "sentdate": at, "rsltdate": "" if is_open else at,
        "reportdate": "" if is_open else at, "rslt": "" if is_open else result,
        "rslt_message": "" if is_open else codes.sentence(code), "smid": "0",
    }  # fmt: skip


def _text_row(group: Group, batch: Batch, i: int, code: int) -> dict[str, Any]:
    is_open, at = code in (codes.ACCEPTED, codes.WAITING), _stamp(group)
    state = "전송중" if is_open else "발송완료" if code == codes.DELIVERED else "발송실패"
    kind = codes.KINDS[int(batch.kinds[i])]
    return {
        "mdid": batch.message_id(i), "type": kind, "sender": batch.sender(i), "receiver": batch.number(i),
        "sms_state": state, "reg_date": at, "send_date": at, "reserve_date": "",
    }  # fmt: skip
