"""The dealer's other calls: balance, prices, sender numbers, opt-outs, files, channels, templates (kakao.md §4.1)."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from majung_sandbox import codes
from majung_sandbox.accounts import Account
from majung_sandbox.clock import Clock, iso
from majung_sandbox.errors import GatewayError, invalid, not_found
from majung_sandbox.gateway import reply
from majung_sandbox.http import Response
from majung_sandbox.intake import parse_object
from majung_sandbox.media import StoredFile, store_file
from majung_sandbox.routing import Call, Router, limit_of
from majung_sandbox.templates import Templates
from majung_sandbox.world import Channel, World

CATEGORIES = [
    {"code": "01000000001", "name": "정치·사회,정당"}, {"code": "01000000002", "name": "정치·사회,시민단체"},
    {"code": "02000000001", "name": "생활,카페"}, {"code": "02000000002", "name": "생활,가맹점"},
]  # fmt: skip


class Dealer:
    """Handlers of everything that is not a message. `changed` is told which part of the state to save."""

    def __init__(self, clock: Clock, world: World, templates: Templates, files: dict[str, StoredFile],
                 changed: Callable[[str], None]) -> None:  # fmt: skip
        self._clock = clock
        self._world = world
        self._templates = templates
        self._files = files
        self._changed = changed
        self._tokens: dict[tuple[str, str], str] = {}

    def register(self, router: Router) -> None:
        """Add the routes."""
        for method, path, name, handler in (
            ("GET", "/cash/v1/balance", "balance", self.balance),
            ("GET", "/pricing/v1/messaging", "prices", self.prices),
            # The path of the sender numbers is from memory: none of the sources of kakao.md §4.1 names it.
            ("GET", "/senderid/v1/numbers/active", "senders", self.senders),
            ("GET", "/iam/v1/black", "black", self.black),
            ("GET", "/iam/v1/block/numbers", "block.numbers", self.block_numbers),
            ("GET", "/iam/v1/block/groups", "block.groups", self.block_groups),
            ("POST", "/storage/v1/files", "files", self.upload),
            ("GET", "/kakao/v2/channels/categories", "channels", self.categories),
            ("POST", "/kakao/v2/channels/token", "channels", self.channel_token),
            ("GET", "/kakao/v2/channels", "channels", self.channels),
            ("POST", "/kakao/v2/channels", "channels", self.add_channel),
            ("GET", "/kakao/v2/channels/{channel}", "channels", self.channel),
            ("DELETE", "/kakao/v2/channels/{channel}", "channels", self.drop_channel),
            ("GET", "/kakao/v2/templates", "templates", self.templates),
            ("POST", "/kakao/v2/templates", "templates", self.add_template),
            ("GET", "/kakao/v2/templates/categories", "templates", self.categories),
            ("GET", "/kakao/v2/templates/{template}", "templates", self.template),
            ("PUT", "/kakao/v2/templates/{template}", "templates", self.change_template),
            ("DELETE", "/kakao/v2/templates/{template}", "templates", self.drop_template),
            ("PUT", "/kakao/v2/templates/{template}/name", "templates", self.change_template),
            ("PUT", "/kakao/v2/templates/{template}/inspection", "templates", self.ask_review),
            ("PUT", "/kakao/v2/templates/{template}/inspection/cancel", "templates", self.cancel_review),
        ):
            router.add(method, path, name, handler)

    def balance(self, call: Call) -> Response:
        """Money left, in won."""
        return reply({
            "balance": call.account.balance_centiwon / 100, "point": 0, "deposit": 0, "autoRecharge": 0,
            "accountId": call.account.account_id,
        })  # fmt: skip

    def prices(self, call: Call) -> Response:
        """Won per message by kind, excluding VAT."""
        prices = {name.lower(): call.account.prices_centiwon.get(name, 0) / 100 for name in codes.PRICES_KRW}
        return reply([{"countryId": "82", **prices}])

    def senders(self, call: Call) -> Response:
        """Registered sender numbers."""
        return reply(call.account.senders)

    def black(self, call: Call) -> Response:
        """Numbers that refused advertising (080 or the phones page), oldest first."""
        wanted = call.request.query().get("senderNumber")
        rows = [
            {"handleKey": _id("HK", call.account.key, r.number), "type": "DENIAL", "senderNumber": r.sender,
             "recipientNumber": r.number, "dateCreated": r.at, "dateUpdated": r.at}
            for r in call.account.refused.values() if not wanted or r.sender == wanted
        ]  # fmt: skip
        return _page(call, "blackList", rows, "handleKey")

    def block_numbers(self, call: Call) -> Response:
        """Numbers the account itself blocked."""
        rows = [
            {"blockNumberId": _id("BN", call.account.key, number), "accountId": call.account.account_id, "memo": "",
             "phoneNumber": number, "blockGroupIds": [_id("BG", call.account.key, "")], "dateCreated": at, "dateUpdated": at}
            for number, at in call.account.blocked.items()
        ]  # fmt: skip
        return _page(call, "blockNumbers", rows, "blockNumberId")

    def block_groups(self, call: Call) -> Response:
        """The one group that holds the blocked numbers."""
        at = iso(self._clock.now())
        row = {"blockGroupId": _id("BG", call.account.key, ""), "accountId": call.account.account_id, "status": "ACTIVE",
               "name": "수신 차단", "useAll": True, "senderNumbers": [], "dateCreated": at, "dateUpdated": at}  # fmt: skip
        return _page(call, "blockGroups", [row], "blockGroupId")

    def upload(self, call: Call) -> Response:
        """Keep a picture."""
        stored = store_file(self._files, parse_object(call.request.body))
        self._changed("files")
        return reply({"fileId": stored.file_id, "type": stored.kind, "link": None})

    # channels
    def _channel_row(self, account: Account, channel: Channel) -> dict[str, Any]:
        return {"channelId": channel.pf_id, "searchId": channel.search_id, "accountId": account.account_id,
                "phoneNumber": None, "sharedAccountIds": [], "channelName": channel.name}  # fmt: skip

    def categories(self, call: Call) -> Response:
        """Some invented categories."""
        return reply(CATEGORIES)

    def channels(self, call: Call) -> Response:
        """Channels of the sandbox: every account may send for each."""
        query = call.request.query()
        rows = [
            self._channel_row(call.account, c) for c in self._world.channels.values()
            if query.get("channelId", c.pf_id) == c.pf_id and query.get("searchId", c.search_id) == c.search_id
        ]  # fmt: skip
        return _page(call, "channelList", rows, "channelId")

    def channel(self, call: Call) -> Response:
        """One channel."""
        return reply(self._channel_row(call.account, self._known(call)))

    def _known(self, call: Call) -> Channel:
        channel = self._world.channels.get(call.params["channel"])
        if channel is None:
            raise not_found("채널을 찾을 수 없습니다.")
        return channel

    def channel_token(self, call: Call) -> Response:
        """A number to the manager's KakaoTalk; here it is always the last six digits of the phone."""
        wanted = parse_object(call.request.body)
        search_id, phone = str(wanted.get("searchId") or ""), str(wanted.get("phoneNumber") or "")
        if not search_id.startswith("@") or not phone.isdecimal() or len(phone) < 8:
            raise invalid("searchId(@로 시작)와 phoneNumber가 필요합니다.")
        self._tokens[search_id, phone] = phone[-6:]
        return reply({"success": True})

    def add_channel(self, call: Call) -> Response:
        """Register a channel with the number its manager got."""
        wanted = parse_object(call.request.body)
        search_id, phone = str(wanted.get("searchId") or ""), str(wanted.get("phoneNumber") or "")
        if not wanted.get("categoryCode") or self._tokens.get((search_id, phone)) != str(wanted.get("token")):
            raise invalid("인증번호가 맞지 않습니다.")
        if any(c.search_id == search_id for c in self._world.channels.values()):
            raise GatewayError(400, "AlreadyExists", "이미 등록한 채널입니다.")
        pf_id = _id("PF", "", search_id)
        channel = Channel(pf_id, f"_{pf_id[2:8]}", search_id, search_id.removeprefix("@"), "wide")
        self._world.channels[pf_id] = channel
        self._changed("world")
        at = iso(self._clock.now())
        row = self._channel_row(call.account, channel)
        return reply({**row, "phoneNumber": phone, "dateCreated": at, "dateUpdated": at})

    def drop_channel(self, call: Call) -> Response:
        """Forget a channel."""
        channel = self._known(call)
        del self._world.channels[channel.pf_id]
        self._changed("world")
        return reply(self._channel_row(call.account, channel))

    # templates
    def templates(self, call: Call) -> Response:
        """Templates by `channelId`, `status`, `name` (part of it)."""
        query = call.request.query()
        rows = [
            row for row in map(self._templates.wire, self._templates.of(call.account.key))
            if all(query.get(k, row.get(k)) == row.get(k) for k in ("channelId", "status", "templateId"))
            and query.get("name", "") in row["name"]
        ]  # fmt: skip
        return _page(call, "templateList", rows, "templateId")

    def _template_reply(self, call: Call, template_id: str) -> Response:
        self._changed("templates")
        return reply(self._templates.wire(self._templates.get(call.account.key, template_id)))

    def add_template(self, call: Call) -> Response:
        """A new template, PENDING."""
        template_id = "TP01" + secrets.token_hex(14).upper()
        self._templates.create(call.account.key, template_id, parse_object(call.request.body))
        return self._template_reply(call, template_id)

    def template(self, call: Call) -> Response:
        """One template with its state and comments."""
        return self._template_reply(call, call.params["template"])

    def change_template(self, call: Call) -> Response:
        """Edit, or rename."""
        template = self._templates.get(call.account.key, call.params["template"])
        self._templates.change(template, parse_object(call.request.body))
        return self._template_reply(call, template.template_id)

    def drop_template(self, call: Call) -> Response:
        """Delete."""
        template = self._templates.get(call.account.key, call.params["template"])
        del self._templates.by_id[template.template_id]
        self._changed("templates")
        return reply(self._templates.wire(template))

    def ask_review(self, call: Call) -> Response:
        """Ask for a review, which takes (simulated) days."""
        self._templates.ask(self._templates.get(call.account.key, call.params["template"]))
        return self._template_reply(call, call.params["template"])

    def cancel_review(self, call: Call) -> Response:
        """Take the request back."""
        self._templates.cancel(self._templates.get(call.account.key, call.params["template"]))
        return self._template_reply(call, call.params["template"])


def _id(prefix: str, key: str, text: str) -> str:
    return prefix + hashlib.sha256(f"{key}|{text}".encode()).hexdigest()[:28]


def _page(call: Call, name: str, rows: list[dict[str, Any]], key_name: str) -> Response:
    query = call.request.query()
    limit, start = limit_of(query), 0
    if key := query.get("startKey"):
        start = next((i for i, row in enumerate(rows) if row[key_name] == key), len(rows))
    following = rows[start + limit][key_name] if start + limit < len(rows) else None
    return reply({"startKey": key or None, "nextKey": following, "limit": limit, name: rows[start : start + limit]})
