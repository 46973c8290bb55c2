"""NHN Cloud's side: AlimTalk v2.3, brand message v1.0 and SMS v3.0 (kakao.md §4.2). One request sends at once.

Messages are judged, kept, sent and counted by the same parts as those of the other gateway; only what travels differs.
"""

import base64
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from majung_sandbox import nhn_wire
from majung_sandbox.accounts import Account
from majung_sandbox.clock import SEOUL
from majung_sandbox.errors import GatewayError
from majung_sandbox.http import Response
from majung_sandbox.intake import parse_object
from majung_sandbox.media import form_parts, store_file
from majung_sandbox.nhn_wire import ALIM, BRAND, MMS, SMS, TEXTS, NhnError, envelope
from majung_sandbox.routing import Call, Router
from majung_sandbox.sandbox import Sandbox
from majung_sandbox.store import Group

RECIPIENTS = 1_000
PAGE = 1_000
REPEAT_SECONDS = 600.0
IMAGES = "https://images.sandbox.invalid/"
_OPT_OUT_END = re.compile(r"(?:무료수신거부|무료거부)\s*080[-. ]?\d{3,4}[-. ]?\d{4}\s*$")
_BUBBLES = ("TEXT", "IMAGE")
_LINKS = {"linkMo": "linkMobile", "linkPc": "linkPc", "schemeAndroid": "linkAndroid", "schemeIos": "linkIos"}
_DATES = {True: "%Y-%m-%d %H:%M:%S", False: "%Y-%m-%d %H:%M"}


class Nhn:
    """Handlers of both services. An account is found by its appkey; its secret is the ``X-Secret-Key``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._repeats: dict[tuple[str, str], float] = {}

    def register(self, router: Router) -> None:
        """Add the routes."""
        alim, brand = "/alimtalk/v2.3/appkeys/{appkey}", "/brand-message/v1.0/appkeys/{appkey}"
        text = "/sms/v3.0/appKeys/{appkey}"
        for method, path, name, handler in (
            ("POST", f"{alim}/messages", "nhn.send", self.alimtalk),
            ("GET", f"{alim}/messages", "nhn.messages", self._list(ALIM)),
            ("GET", f"{alim}/senders", "nhn.senders", self.senders),
            ("GET", f"{alim}/senders/{{senderKey}}/templates", "nhn.templates", self.templates),
            ("POST", f"{brand}/freestyle-messages", "nhn.send", self.free_style),
            ("POST", f"{brand}/basic-messages", "nhn.send", self.basic),
            ("GET", f"{brand}/messages", "nhn.messages", self._list(BRAND)),
            ("POST", f"{brand}/images", "nhn.images", self.image),
            ("POST", f"{text}/sender/sms", "nhn.send", self._text(SMS, is_ad=False)),
            ("POST", f"{text}/sender/ad-sms", "nhn.send", self._text(SMS, is_ad=True)),
            ("POST", f"{text}/sender/mms", "nhn.send", self._text(MMS, is_ad=False)),
            ("POST", f"{text}/sender/ad-mms", "nhn.send", self._text(MMS, is_ad=True)),
            ("GET", f"{text}/sender/sms", "nhn.messages", self._list(SMS)),
            ("GET", f"{text}/sender/mms", "nhn.messages", self._list(MMS)),
            ("GET", f"{text}/sendNos", "nhn.numbers", self.numbers),
            ("GET", f"{text}/blockservice/recipients", "nhn.refused", self.refused),
        ):
            router.add(method, path, name, self._guarded(handler))

    def _guarded(self, handler: Callable[[Call, Account], Response]) -> Callable[[Call], Response]:
        def answer(call: Call) -> Response:
            try:
                return handler(call, self._account(call))
            except NhnError as refusal:
                return envelope(refusal.code, refusal.message)
            except GatewayError as refusal:
                return envelope(4, refusal.message)

        return answer

    def _account(self, call: Call) -> Account:
        headers = call.request.headers
        account = self._sandbox.accounts.get(call.params["appkey"])
        if account is None:
            raise NhnError(-1000, "appkey가 올바르지 않습니다.")
        if not secrets.compare_digest(headers.get("x-secret-key", "").encode(), account.secret.encode()):
            raise NhnError(-1001, "secretKey가 올바르지 않습니다.")
        kind = headers.get("content-type", "").replace(" ", "").lower()
        if (
            call.request.body
            and kind != "application/json;charset=utf-8"
            and not kind.startswith("multipart/form-data")
        ):
            raise NhnError(-9996, "Content-Type은 application/json;charset=UTF-8이어야 합니다.")
        return account

    # sending
    def alimtalk(self, call: Call, account: Account) -> Response:
        """A template for each recipient, with values."""
        told = parse_object(call.request.body)
        profile, template = self._profile(told), self._template(account, told)
        self._refuse_repeat(call, account)
        messages = [
            self._kakao(row, account, "ATA", {"pfId": profile, "templateId": template, "variables": _values(row)})
            for row in _recipients(told)
        ]
        return self._send(call, account, ALIM, told, messages)

    def free_style(self, call: Call, account: Account) -> Response:
        """The same bubble to all; TEXT and IMAGE here."""
        told = parse_object(call.request.body)
        profile = self._profile(told)
        bubble = told.get("chatBubbleType")
        if bubble not in _BUBBLES:
            raise NhnError(-3303, "이 모래밭은 TEXT와 IMAGE 말풍선만 압니다.")
        said: dict[str, Any] = {"chatBubbleType": bubble, "content": told.get("content")}
        if "image" in told:
            image = told["image"] if type(told["image"]) is dict else {}
            said["imageId"] = str(image.get("imageUrl", "")).removeprefix(IMAGES)
            if "imageLink" in image:
                said["imageLink"] = image["imageLink"]
        if "buttons" in told:
            said["buttons"] = [_button(button) for button in told["buttons"]] if type(told["buttons"]) is list else None
        messages = [
            self._kakao(
                row, account, "BMS_FREE", {"pfId": profile, "bms": {**said, "targeting": row.get("targeting", "I")}}
            )
            for row in _recipients(told)
        ]
        return self._send(call, account, BRAND, told, messages)

    def basic(self, call: Call, account: Account) -> Response:
        """A registered brand template for each recipient, with values."""
        told = parse_object(call.request.body)
        profile, template = self._profile(told), self._template(account, told)
        rows = _recipients(told)
        if any("targeting" not in row for row in rows):
            raise NhnError(-3298, "targeting이 필요합니다.")
        messages = [
            self._kakao(row, account, "BMS_TEXT", {"pfId": profile, "templateId": template, "variables": _values(row)})
            for row in rows
        ]
        return self._send(call, account, BRAND, told, messages)

    def _text(self, service: str, *, is_ad: bool) -> Callable[[Call, Account], Response]:
        def send(call: Call, account: Account) -> Response:
            told = parse_object(call.request.body)
            body, sender = told.get("body"), told.get("sendNo")
            if type(body) is not str or not body or type(sender) is not str:
                raise NhnError(4, "body와 sendNo가 필요합니다.")
            if not account.may_send_from(sender):
                raise NhnError(-2312, "등록되지 않은 발신번호입니다.")
            if is_ad and not (body.startswith("(광고)") and _OPT_OUT_END.search(body)):
                raise NhnError(-6003, "광고는 (광고)로 시작하고 무료수신거부 080 번호로 끝나야 합니다.")
            said = {"from": sender, "type": "SMS" if service == SMS else "LMS", "text": body}
            if service == MMS and "title" in told:
                said["subject"] = told["title"]
            messages = [
                {"to": row.get("recipientNo"), "customFields": _custom(row), **said} for row in _recipients(told)
            ]
            return self._send(call, account, service, told, messages)

        return send

    def _kakao(self, row: dict[str, Any], account: Account, kind: str, options: dict[str, Any]) -> dict[str, Any]:
        """A recipient as a message. Without ``resendParameter`` the profile's fallback holds, which here is a text."""
        resend = row.get("resendParameter")
        falls_back = resend.get("isResend") is True if type(resend) is dict else bool(account.senders)
        sender = {"from": account.senders[0]} if falls_back and account.senders else {}
        return {
            "to": row.get("recipientNo"), "type": kind, "kakaoOptions": {**options, "disableSms": not falls_back},
            "customFields": _custom(row), **sender,
        }  # fmt: skip

    def _profile(self, told: dict[str, Any]) -> str:
        profile = told.get("senderKey")
        if type(profile) is not str or profile not in self._sandbox.world.channels:
            raise NhnError(-2017, "등록되지 않은 발신 프로필입니다.")
        return profile

    def _template(self, account: Account, told: dict[str, Any]) -> str:
        code = told.get("templateCode")
        known = {template.template_id: template for template in self._sandbox.templates.of(account.key)}
        if type(code) is not str or code not in known:
            raise NhnError(-3003, "템플릿이 없습니다.")
        if known[code].status != "APPROVED":
            raise NhnError(-3005, "승인되지 않은 템플릿입니다.")
        return code

    def _refuse_repeat(self, call: Call, account: Account) -> None:
        """The same idempotency key within ten minutes is refused."""
        key = call.request.headers.get("x-nc-api-idempotency-key", "")
        if key:
            now = self._sandbox.clock.machine_seconds()
            if now - self._repeats.get((account.key, key), -REPEAT_SECONDS) < REPEAT_SECONDS:
                raise NhnError(-1005, "이미 처리한 요청입니다.")
            self._repeats[account.key, key] = now

    def _send(
        self, call: Call, account: Account, service: str, told: dict[str, Any], messages: list[dict[str, Any]]
    ) -> Response:
        s = self._sandbox
        key = told.get("senderGroupingKey", "")
        if type(key) is not str or len(key) > 100:
            raise NhnError(4, "senderGroupingKey는 100자까지입니다.")
        group = s.store.new_group(
            account,
            group_id=self._request_id(),
            allow_duplicates=True,
            service=service,
            grouping_key=key,
            on_credit=True,
        )
        batch, problem = s.send_at_once(group, messages, call.request.arrived)
        if problem:
            raise NhnError(4, problem)
        return nhn_wire.handed(group, batch)

    def _request_id(self) -> str:
        at = self._sandbox.clock.seoul()
        return f"{at:%Y%m%d%H%M%S}{secrets.token_hex(5)}"

    # lists
    def _list(self, service: str) -> Callable[[Call, Account], Response]:
        def answer(call: Call, account: Account) -> Response:
            query = call.request.query()
            number, size = _page_of(query)
            rows = [row for group in self._asked(account, service, query) for row in nhn_wire.rows(group)]
            some = rows[(number - 1) * size : number * size]
            if service in TEXTS:
                body = {"pageNum": number, "pageSize": size, "totalCount": len(rows), "data": some}
                return envelope(body=body)
            return envelope(messageSearchResultResponse={"messages": some, "totalCount": len(rows)})

        return answer

    def _asked(self, account: Account, service: str, query: dict[str, str]) -> list[Group]:
        store, hidden = self._sandbox.store, self._sandbox.faults.hidden
        if "requestId" in query:
            found = [store.groups[query["requestId"]]] if query["requestId"] in store.groups else []
        else:
            start, end = (_moment(query, name, service in TEXTS) for name in ("startRequestDate", "endRequestDate"))
            if not timedelta() <= end - start <= timedelta(days=30):
                raise NhnError(-4003, "조회 기간은 30일까지입니다.")
            found = [g for g in store.groups.values() if g.sent_at and start <= g.sent_at <= end + timedelta(minutes=1)]
        key = query.get("senderGroupingKey")
        return [
            group
            for group in found
            if group.account is account and group.service == service and group.group_id not in hidden
            and group.is_sent and (key is None or group.grouping_key == key)
        ]  # fmt: skip

    # the account
    def senders(self, call: Call, account: Account) -> Response:
        """The sender profiles: every channel of the sandbox, for every account."""
        rows = [
            {"plusFriendId": c.search_id, "senderKey": c.pf_id, "categoryCode": "01000000001", "status": "YSC03",
             "kakaoStatus": "A", "kakaoProfileStatus": "A", "dormant": False, "block": False}
            for c in self._sandbox.world.channels.values()
        ]  # fmt: skip
        some, total = _some(call, rows)
        return envelope(senders=some, totalCount=total)

    def templates(self, call: Call, account: Account) -> Response:
        """The templates of a profile, with their reviews."""
        states = {"PENDING": "TSC01", "INSPECTING": "TSC02", "APPROVED": "TSC03", "REJECTED": "TSC04"}
        profile = call.params["senderKey"]
        rows = [
            {"senderKey": profile, "templateCode": one.template_id, "templateName": one.fields.get("name"),
             "templateContent": one.content, "buttons": one.fields.get("buttons", []), "status": states[one.status],
             "comments": [{"id": at, "content": comment["content"], "status": "REJ"} for at, comment in enumerate(one.comments)]}
            for one in self._sandbox.templates.of(account.key) if one.fields.get("channelId") == profile
        ]  # fmt: skip
        some, total = _some(call, rows)
        return envelope(templateListResponse={"templates": some, "totalCount": total})

    def numbers(self, call: Call, account: Account) -> Response:
        """Registered sender numbers."""
        rows = [{"sendNo": number, "useYn": "Y", "blockYn": "N", "blockReason": None} for number in account.senders]
        some, total = _some(call, rows)
        return envelope(body={"pageNum": 1, "pageSize": len(some), "totalCount": total, "data": some})

    def refused(self, call: Call, account: Account) -> Response:
        """Numbers that refused advertising."""
        rows = [{"recipientNo": one.number, "blockDateTime": one.at} for one in account.refused.values()]
        some, total = _some(call, rows)
        return envelope(body={"pageNum": 1, "pageSize": len(some), "totalCount": total, "data": some})

    def image(self, call: Call, account: Account) -> Response:
        """A picture for brand messages, as multipart/form-data."""
        parts = form_parts(call.request.headers.get("content-type", ""), call.request.body)
        if parts.get("imageType") != b"IMAGE" or "image" not in parts:
            raise NhnError(4, "image와 imageType(IMAGE)이 필요합니다.")
        wanted = {"type": "BMS", "file": base64.b64encode(parts["image"]).decode(), "name": "image"}
        stored = store_file(self._sandbox.files, wanted)
        self._sandbox.changed("files")
        return envelope(image={"imageSeq": 1, "imageUrl": IMAGES + stored.file_id, "imageName": "image"})


def _recipients(told: dict[str, Any]) -> list[dict[str, Any]]:
    rows = told.get("recipientList")
    if type(rows) is not list or not 1 <= len(rows) <= RECIPIENTS or not all(type(row) is dict for row in rows):
        raise NhnError(4, f"recipientList는 1–{RECIPIENTS:,}명의 목록이어야 합니다.")
    return rows


def _custom(row: dict[str, Any]) -> dict[str, str] | None:
    key = row.get("recipientGroupingKey")
    return {"id": key} if type(key) is str else None


def _values(row: dict[str, Any]) -> dict[str, Any]:
    values = row.get("templateParameter", {})
    if type(values) is not dict or any("#" in str(name) for name in values):
        raise NhnError(4, "templateParameter의 이름에는 #{}을 쓰지 않습니다.")
    return values


def _button(button: Any) -> Any:
    if type(button) is not dict:
        return button
    links = {ours: button[theirs] for theirs, ours in _LINKS.items() if theirs in button}
    return {"name": button.get("name"), "linkType": button.get("type"), **links}


def _page_of(query: dict[str, str]) -> tuple[int, int]:
    number, size = query.get("pageNum", "1"), query.get("pageSize", "15")
    if not all(text.isascii() and text.isdecimal() and len(text) < 8 for text in (number, size)):
        raise NhnError(4, "pageNum과 pageSize는 수여야 합니다.")
    if int(number) < 1 or not 1 <= int(size) <= PAGE:
        raise NhnError(4, f"pageSize는 1–{PAGE:,}입니다.")
    return int(number), int(size)


def _some(call: Call, rows: list[Any]) -> tuple[list[Any], int]:
    number, size = _page_of(call.request.query())
    return rows[(number - 1) * size : number * size], len(rows)


def _moment(query: dict[str, str], name: str, with_seconds: bool) -> datetime:
    try:
        return datetime.strptime(query[name], _DATES[with_seconds]).replace(tzinfo=SEOUL)
    except (KeyError, ValueError):
        raise NhnError(4, f"{name}이(가) 없거나 꼴이 다릅니다.") from None
