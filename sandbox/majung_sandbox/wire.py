"""Prints groups and messages as the gateway's JSON; messages by bytes templates, since there may be a million."""

from collections import Counter
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from majung_sandbox import codes
from majung_sandbox.clock import iso
from majung_sandbox.store import Batch, Group

Places = NDArray[np.int64]


def _rows(batch: Batch, group: Group, places: Places, sent: bool, keyed: bool = False) -> list[bytes]:
    """JSON objects of messages of a batch; `keyed` puts `"messageId":` before each."""
    tails = _endings(batch, group, places, sent)
    counters = (batch.first + places).tolist()
    columns: list[Any] = [counters, counters] if keyed else [counters]
    numbers = batch.numbers[places]
    if not batch.odd_numbers and len(numbers) and numbers.min() >= 10**11 and numbers.max() < 2 * 10**11:
        to = b"%%011d"  # eleven digits, as mobile numbers have
        columns.append((numbers - 10**11).tolist())
    else:
        to = b"%%b"
        columns.append([orjson.dumps(batch.number(i))[1:-1] for i in places.tolist()])
    campaigns, chunk_seqs = batch.campaign[places], batch.chunk_seq[places]
    ids = [campaigns.tolist(), (chunk_seqs >> 32).tolist(), (chunk_seqs & 0xFFFFFFFF).tolist()]
    if batch.custom:
        custom = b"%%b"
        texts = [b'{"id":"%d-%d-%d"}' % parts for parts in zip(*ids, strict=True)]
        for at, i in enumerate(places.tolist()):
            if i in batch.custom:
                texts[at] = orjson.dumps(batch.custom[i])
        columns.append(texts)
    else:
        custom = b'{"id":"%%d-%%d-%%d"}'
        columns += ids
    shape = (b'"%b%%015d":' % batch.stamp if keyed else b"") + (
        b'{"messageId":"%b%%015d","to":"' + to + b'","customFields":' + custom + b",%%b}"
    ) % batch.stamp
    return [shape % row for row in zip(*columns, tails, strict=True)]


def _all(batch: Batch) -> Places:
    return np.arange(len(batch))


def _endings(batch: Batch, group: Group, places: Places, sent: bool) -> list[bytes]:
    """The rest of each message's JSON, made once for each combination of kind, sender and code."""
    now = batch.codes_now(sent)[places].astype(np.int64)
    senders = batch.sender_of[places].astype(np.int64) + 1
    keys = (senders << 32 | now << 8 | batch.kinds[places]).tolist()
    made = {key: _ending(batch, group, key & 0xFF, (key >> 32) - 1, key >> 8 & 0xFFFFFF, "", sent) for key in set(keys)}
    tails = [made[key] for key in keys]
    if batch.reasons:
        for at, i in enumerate(places.tolist()):
            if reason := batch.reasons.get(i):
                key = keys[at]
                tails[at] = _ending(batch, group, key & 0xFF, (key >> 32) - 1, key >> 8 & 0xFFFFFF, reason, sent)
    return tails


def _ending(batch: Batch, group: Group, kind: int, sender: int, code: int, reason: str, sent: bool) -> bytes:
    """The part of a message's JSON that only a few differ in."""
    waits = "PENDING" if not sent and code == codes.ACCEPTED else "SENDING" if code == codes.WAITING else "COMPLETE"
    fields = {
        "from": batch.senders[sender] if sender >= 0 else None, "type": codes.KINDS[kind], "country": "82",
        "accountId": group.account.account_id, "groupId": group.group_id, "status": waits, "statusCode": str(code),
        "statusMessage": reason or codes.sentence(code), "dateCreated": iso(batch.made_at),
    }  # fmt: skip
    return orjson.dumps(fields)[1:-1]


def registration(group: Group, batch: Batch) -> bytes:
    """The answer to putting messages into a group. `errorCount` is a text, as the SDK types it."""
    rows = _rows(batch, group, _all(batch), sent=False)
    errors = int((batch.registered != codes.ACCEPTED).sum())
    return b'{"errorCount":"%d","resultList":[%b]}' % (errors, b",".join(rows))


def sent_at_once(group: Group, batch: Batch, with_list: bool) -> bytes:
    """The answer to send-many/detail: HTTP 200 even if every message failed registration."""
    rows = _rows(batch, group, _all(batch), sent=False)
    failed = [rows[i] for i in np.nonzero(batch.registered != codes.ACCEPTED)[0].tolist()]
    shown = b',"messageList":[%b]' % b",".join(rows) if with_list else b""
    return b'{"failedMessageList":[%b],"groupInfo":%b%b}' % (b",".join(failed), orjson.dumps(group_info(group)), shown)


def sent_one(group: Group, batch: Batch) -> dict[str, Any]:
    """The answer to sending one message."""
    code = int(batch.registered[0])
    return {
        "groupId": group.group_id, "to": batch.number(0), "from": batch.sender(0) or None, "type": codes.KINDS[batch.kinds[0]],
        "statusMessage": batch.reasons.get(0) or codes.sentence(code), "country": "82", "messageId": batch.message_id(0),
        "statusCode": str(code), "accountId": group.account.account_id,
    }  # fmt: skip


def objects(group: Group, batch: Batch, picks: list[int]) -> list[tuple[str, dict[str, Any]]]:
    """Whole messages for short lists: with text and options while the request is still kept."""
    whole = orjson.loads(batch.raw)["messages"] if batch.raw is not None else None
    if whole is not None and len(whole) != len(batch):
        whole = None  # a list in `to` was spread out; indexes do not match
    rows = _rows(batch, group, np.array(picks, np.int64), group.is_sent)
    codes_now = batch.codes_now(group.is_sent)[picks].tolist()
    result = []
    for i, row, code in zip(picks, rows, codes_now, strict=True):
        source = batch.bodies.get(i) or (whole[i] if whole is not None else {})
        extra = {key: source.get(key) for key in ("text", "subject", "kakaoOptions", "imageId")} if source else {}
        at = iso(group.sent_at) if group.sent_at else None
        done = code not in (codes.ACCEPTED, codes.WAITING)
        result.append((batch.message_id(i), {
            **orjson.loads(row), **extra, "resendCount": 0, "autoTypeDetect": True, "log": [],
            "replacement": bool(batch.replaced[i]), "reason": batch.reasons.get(i),
            "dateUpdated": iso(group.updated_at), "dateProcessed": at, "dateReported": at if done else None,
            "dateReceived": at if code == codes.DELIVERED else None, "networkName": None, "networkCode": None,
        }))  # fmt: skip
    return result


def page(group: Group, start: int, limit: int) -> tuple[bytes, int]:
    """JSON members `"id":{…}` of up to `limit` messages from position `start`, and how many there are."""
    members: list[bytes] = []
    offset = 0
    for batch in group.batches:
        low, high = max(start - offset, 0), min(start + limit - offset, len(batch))
        if low < high:
            members += _rows(batch, group, np.arange(low, high), group.is_sent, keyed=True)
        offset += len(batch)
    return b",".join(members), len(members)


def reports(group: Group, batch: Batch, picks: list[int]) -> list[dict[str, Any]]:
    """`data` of single report items, as the webhook carries them."""
    return [
        {
            key: message.get(key)
            for key in (
                "messageId", "groupId", "type", "to", "from", "statusCode", "statusMessage", "dateProcessed",
                "dateReported", "dateReceived", "networkCode", "customFields",
            )
        } | {"kakaoOptions": {"pfId": batch.channel(i)} if batch.channel(i) else None}
        for i, (_, message) in zip(picks, _light(group, batch, picks), strict=True)
    ]  # fmt: skip


def _light(group: Group, batch: Batch, picks: list[int]) -> list[tuple[str, dict[str, Any]]]:
    all_codes = batch.codes_now(True)
    at = iso(group.sent_at) if group.sent_at else None
    return [
        ("", {
            "messageId": batch.message_id(i), "groupId": group.group_id, "type": codes.KINDS[batch.kinds[i]],
            "to": batch.number(i), "from": batch.sender(i) or None, "statusCode": str(all_codes[i]),
            "statusMessage": codes.sentence(int(all_codes[i])), "dateProcessed": at, "dateReported": at,
            "dateReceived": at if all_codes[i] == codes.DELIVERED else None, "networkCode": None,
            "customFields": batch.custom_fields(i),
        })
        for i in picks
    ]  # fmt: skip


def group_info(group: Group) -> dict[str, Any]:
    """GroupInfo with its nine counts (kakao.md §4.1)."""
    total: Counter[str] = Counter()
    charge: dict[str, dict[str, int]] = {}
    for batch in group.batches:
        accepted = batch.registered == codes.ACCEPTED
        now = batch.codes_now(group.is_sent)
        there = int((batch.registered != 0).sum())
        total["total"] += there
        total["registeredSuccess"] += int(accepted.sum())
        total["registeredFailed"] += there - int(accepted.sum())
        if group.is_sent:
            total["sentTotal"] += int(accepted.sum())
            total["sentPending"] += int((accepted & (now == codes.WAITING)).sum())
            total["sentSuccess"] += int((accepted & (now == codes.DELIVERED)).sum())
            total["sentReplacement"] += int((batch.replaced & (now == codes.DELIVERED)).sum())
        for kind, n in zip(*np.unique(batch.kinds[accepted], return_counts=True), strict=True):
            by_country = charge.setdefault(codes.KINDS[kind].lower(), {"82": 0})
            by_country["82"] += int(n)
    total["sentFailed"] = total["sentTotal"] - total["sentPending"] - total["sentSuccess"]
    total["refund"] = group.refunded_count
    names = ("total", "sentTotal", "sentFailed", "sentSuccess", "sentPending", "sentReplacement", "refund",
             "registeredFailed", "registeredSuccess")  # fmt: skip
    requested, refund = group.charged_centiwon / 100, group.refunded_centiwon / 100
    price = {name.lower(): krw / 100 for name, krw in group.account.prices_centiwon.items()}
    return {
        "groupId": group.group_id, "accountId": group.account.account_id, "masterAccountId": None, "apiVersion": "4",
        "status": group.status, "count": {name: total[name] for name in names}, "countForCharge": charge,
        "balance": {"requested": requested, "replacement": 0, "refund": refund, "sum": requested - refund},
        "point": {"requested": 0, "replacement": 0, "refund": 0, "sum": 0},
        "app": {"profit": {}, "appId": None}, "log": group.log, "price": {"82": price},
        "allowDuplicates": group.allow_duplicates, "isRefunded": group.refunded_centiwon > 0,
        "customFields": group.custom_fields, **group.agent,
        "dateCreated": iso(group.made_at), "dateUpdated": iso(group.updated_at),
        "scheduledDate": iso(group.scheduled_at) if group.scheduled_at else None,
        "dateSent": iso(group.sent_at) if group.sent_at else None,
        "dateCompleted": iso(group.completed_at) if group.completed_at else None,
    }  # fmt: skip
