"""Serves requests: finds the handler, checks the signature or the loopback, and lays the faults over it."""

import ipaddress
import sys
import time
import traceback
from collections import deque

from majung_sandbox.accounts import Account
from majung_sandbox.aligo import Aligo
from majung_sandbox.control import Control
from majung_sandbox.dealer import Dealer
from majung_sandbox.errors import GatewayError
from majung_sandbox.gateway import Gateway, reply
from majung_sandbox.http import Request, Response
from majung_sandbox.nhn import Nhn
from majung_sandbox.pages import Pages
from majung_sandbox.popbill import Popbill
from majung_sandbox.routing import Call, Route, Router
from majung_sandbox.sandbox import Sandbox

LOG_LINES = 60
GATEWAY_ROOTS = {
    "messages",
    "cash",
    "pricing",
    "senderid",
    "iam",
    "storage",
    "kakao",
    "alimtalk",
    "brand-message",
    "sms",
    "akv10",
    "send_mass",
    "sms_list",
    "remain",
    "POPBILL_TEST",
    "ATS",
    "BMS",
    "SMS",
    "LMS",
    "KakaoTalk",
    "Message",
}
PROVE_THEMSELVES = ("nhn.", "aligo.", "popbill.")
"""Endpoints of dealers whose requests are not signed with a header of Solapi's."""
_NOBODY = Account("", "")


class App:
    """The application behind the HTTP server."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._router = Router()
        s = sandbox
        Gateway(s.clock, s.store, s.intake, s.dispatch, s.faults).register(self._router)
        Dealer(s.clock, s.world, s.templates, s.files, s.changed).register(self._router)
        Nhn(s).register(self._router)
        Aligo(s).register(self._router)
        Popbill(s).register(self._router)
        s.endpoints = list(self._router.endpoints)
        Control(s).register(self._router)
        Pages(s, self).register(self._router)
        self.log: deque[tuple[float, str, str, int, float]] = deque(maxlen=LOG_LINES)

    def hold_seconds(self, request: Request) -> float:
        """The delay before a gateway request is looked at."""
        table = self._sandbox.faults.settings.delay_before_ms
        if not table:
            return 0.0
        try:
            found = self._router.find(request.method, request.segments)
        except GatewayError:
            return 0.0
        if found is None or found[0].endpoint not in self._sandbox.endpoints:
            return 0.0
        return self._sandbox.faults.wait_seconds(table, found[0].endpoint)

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        started = time.perf_counter()
        try:
            response = self._answer(request)
        except GatewayError as refusal:
            response = reply({"errorCode": refusal.code, "errorMessage": refusal.message}, refusal.status)
        except Exception:  # noqa: BLE001  a bug answers 500 and is printed; the sandbox goes on
            traceback.print_exc(file=sys.stderr)
            response = reply(
                {"errorCode": "InternalServerError", "errorMessage": "모래밭 안에서 오류가 났습니다."}, 500
            )
        if request.segments[0] in GATEWAY_ROOTS:
            took = time.perf_counter() - started
            self.log.append((request.arrived, request.method, request.path, response.status, took))
        return response

    def _answer(self, request: Request) -> Response:
        found = self._router.find(request.method, request.segments)
        if found is None:
            raise GatewayError(404, "ResourceNotFound", "그런 주소가 없습니다.")
        route, params = found
        if route.endpoint not in self._sandbox.endpoints:
            if route.endpoint in ("control", "panel"):
                require_loopback(request)
            elif route.method == "POST":
                require_same_origin(request)
            return route.handler(Call(request, params, _NOBODY))
        return self._gateway_answer(request, route, params)

    def _gateway_answer(self, request: Request, route: Route, params: dict[str, str]) -> Response:
        faults = self._sandbox.faults
        if status := faults.error_now(route.endpoint):
            raise GatewayError(status, "InternalServerError", "일부러 낸 서버 오류입니다.")
        by_itself = route.endpoint.startswith(PROVE_THEMSELVES)
        header = request.headers.get("authorization", "")
        account = _NOBODY if by_itself else self._sandbox.accounts.authenticate(header)
        response = route.handler(Call(request, params, account))
        response.drop = faults.drop_now(route.endpoint)
        response.wait_seconds = faults.answer_seconds(route.endpoint)
        return response


def require_loopback(request: Request) -> None:
    """Refuse a control request from another machine, or one a foreign web page made a browser send."""
    try:
        near = ipaddress.ip_address(request.peer.partition("%")[0]).is_loopback
    except ValueError:
        near = False
    host = request.headers.get("host", "").rsplit(":", 1)[0].strip("[]")
    if not near or host not in ("localhost", "127.0.0.1", "::1"):
        raise GatewayError(403, "Forbidden", "이 기계에서만 쓸 수 있습니다.")
    require_same_origin(request)


def require_same_origin(request: Request) -> None:
    """Refuse what another site's page sent."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise GatewayError(403, "Forbidden", "다른 사이트에서 보낸 요청입니다.")
