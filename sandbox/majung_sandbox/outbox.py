"""Calls the sandbox makes by itself: delivery reports to dealer webhooks, and Kakao's channel webhook."""

import asyncio
import hashlib
import ssl
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from majung_sandbox.clock import Clock
from majung_sandbox.faults import Faults
from majung_sandbox.popbill_wire import TEXT
from majung_sandbox.store import Group
from majung_sandbox.wire import group_info
from majung_sandbox.world import Channel

TRIES = 5
ITEMS_PER_CALL = 1000
KAKAO_LIMIT_SECONDS = 3.0
REPORT_LIMIT_SECONDS = 10.0
LOG_LINES = 60


@dataclass(slots=True, frozen=True)
class KakaoApp:
    """A Kakao app: where its channel webhook goes, its primary admin key, its channels (profile or pf ids; empty: all)."""

    webhook_url: str
    admin_key: str
    channels: tuple[str, ...] = ()


async def post(url: str, body: bytes, headers: dict[str, str], limit_seconds: float) -> int:
    """POST once and return the status; 0 when nobody answered in time."""
    try:
        async with asyncio.timeout(limit_seconds):
            return await _post(url, body, headers)
    except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError):
        return 0


async def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}", "Content-Type: application/json",
                 f"Content-Length: {len(body)}", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]  # fmt: skip
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
        await writer.drain()
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()


class Outbox:
    """Everything outgoing. Calls run beside the server, at most four reports at a time; `log` keeps the last ones."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(4)
        self.retry_seconds = 1.0
        self.apps: list[KakaoApp] = []
        self.log: deque[tuple[float, str, int]] = deque(maxlen=LOG_LINES)  # machine seconds, what, status

    def _start(self, job: Any) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is still under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def report(self, group: Group, data: list[dict[str, Any]]) -> None:
        """Push single report items to the account's webhook, if it has one."""
        for start in range(0, len(data), ITEMS_PER_CALL):
            self._push(group, data[start : start + ITEMS_PER_CALL])

    def hooks(self, group: Group, hooks: list[dict[str, Any]]) -> None:
        """Push NHN's webhook, whose signature is a fixed text (kakao.md §4.2.4)."""
        account = group.account
        product = "SMS" if group.service in ("sms", "mms") else "KakaoTalk Bizmessage"
        for start in range(0, len(hooks), ITEMS_PER_CALL):
            body = orjson.dumps({
                "hooksId": str(uuid.uuid4()), "webhookConfigId": account.account_id, "productName": product,
                "appKey": account.key, "event": "MESSAGE_RESULT_UPDATE", "hooks": hooks[start : start + ITEMS_PER_CALL],
            })  # fmt: skip
            for _ in range(2 if self._faults.settings.duplicate_webhooks else 1):
                headers = {"X-Toast-Webhook-Signature": account.account_id}
                self._start(self._told(account.webhook_url, body, headers, "NHN 결과 웹훅"))

    async def _told(self, url: str, body: bytes, headers: dict[str, str], what: str) -> None:
        for attempt in range(TRIES):
            async with self._slots:
                status = await post(url, body, headers, REPORT_LIMIT_SECONDS)
            self._note(what, status)
            if status == 200:
                return
            await asyncio.sleep(self.retry_seconds * 2**attempt)

    def popbill(self, group: Group, rows: list[dict[str, Any]]) -> None:
        """Push Popbill's webhook, a message a call; texts have none that a source describes."""
        if group.service == TEXT:
            return
        for row in rows:
            for _ in range(2 if self._faults.settings.duplicate_webhooks else 1):
                body = orjson.dumps({"corpNum": "0000000000", **row})
                headers = {
                    "Pb-Webhook-Type": "KAKAO.STATE",
                    "Pb-Webhook-MID": f"{group.group_id}-{uuid.uuid4().hex[:23]}",
                }
                self._start(self._told(group.account.webhook_url, body, headers, "팝빌 결과 웹훅"))

    def report_group(self, group: Group) -> None:
        """Push the group report item."""
        self._push(group, [group_info(group)])

    def _push(self, group: Group, data: list[dict[str, Any]]) -> None:
        if group.account.webhook_url and not group.hidden:
            for _ in range(2 if self._faults.settings.duplicate_webhooks else 1):
                self._start(self._deliver(group.account.webhook_url, data))

    async def _deliver(self, url: str, data: list[dict[str, Any]]) -> None:
        # Answered with anything but 200 it comes again, five times in all (kakao.md §4.1).
        ids = [str(uuid.uuid4()) for _ in data]
        for attempt in range(TRIES):
            items = [{"eventDataId": i, "data": d, "retryCount": attempt} for i, d in zip(ids, data, strict=True)]
            async with self._slots:
                status = await post(url, orjson.dumps(items), {"User-Agent": "majung-sandbox"}, REPORT_LIMIT_SECONDS)
            self._note(f"결과 {len(items):,}건", status)
            if status == 200:
                return
            await asyncio.sleep(self.retry_seconds * 2**attempt)

    def _note(self, what: str, status: int) -> None:
        self.log.append((self._clock.machine_seconds(), what, status))

    def friend_event(self, number: str, channel: Channel, added: bool) -> None:
        """Kakao's channel webhook to each app the channel is connected to; at most once, like the real one (§1.5)."""
        for app in self.apps:
            if app.channels and channel.pf_id not in app.channels and channel.profile_id not in app.channels:
                continue
            settings = self._faults.settings
            if self._faults.random.random() < settings.kakao_lost_probability:
                self._note(f"{channel.name} {'추가' if added else '차단'} 웹훅을 잃음", 0)
                continue
            body = orjson.dumps(self._friend_body(number, channel, added, settings.kakao_open_id, app))
            headers = {"Authorization": f"KakaoAK {app.admin_key}", "X-Kakao-Resource-ID": str(uuid.uuid4()),
                       "User-Agent": "KakaoOpenAPI/1.0"}  # fmt: skip
            for _ in range(2 if settings.kakao_twice else 1):
                self._start(self._tell(app.webhook_url, body, headers, f"{channel.name} {'추가' if added else '차단'}"))

    def _friend_body(self, number: str, channel: Channel, added: bool, opaque: bool, app: KakaoApp) -> dict[str, Any]:
        now = self._clock.now()
        secret = hashlib.sha256(f"{app.admin_key}|{number}".encode()).hexdigest()[:43]
        return {
            "event": "added" if added else "blocked",
            "id": secret if opaque else str(app_user_id(number)), "id_type": "open_id" if opaque else "app_user_id",
            "channel_public_id": channel.profile_id, "channel_uuid": channel.search_id,
            "updated_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "plus_friend_public_id": channel.profile_id, "plus_friend_uuid": channel.search_id,
            "timestamp": int(now.timestamp() * 1000),
        }  # fmt: skip

    async def _tell(self, url: str, body: bytes, headers: dict[str, str], what: str) -> None:
        self._note(f"{what} 웹훅", await post(url, body, headers, KAKAO_LIMIT_SECONDS))


def app_user_id(number: str) -> int:
    """The Kakao user id of a number: 1,000,000,000 and the eight digits after 010, the same in every app."""
    return 1_000_000_000 + int(number[-8:])
