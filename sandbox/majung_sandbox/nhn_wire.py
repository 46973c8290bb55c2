"""NHN Cloud as the wire has it: envelopes, rows of lists, hooks, and its codes for what became of a message (kakao.md §4.2).

Where no source says how something looks, the README's section on NHN says that it is the sandbox's own choice.
"""

from typing import Any, Final

import orjson

from majung_sandbox import codes
from majung_sandbox.clock import SEOUL
from majung_sandbox.http import Response
from majung_sandbox.store import Batch, Group

ALIM, BRAND, SMS, MMS = "alimtalk", "brand", "sms", "mms"
TEXTS = (SMS, MMS)
# Code of registration here → NHN's, for one recipient.
_REFUSED_KAKAO: Final = {codes.ACCEPTED: 0, codes.OPTED_OUT: -3301, codes.BLOCKED_NUMBER: -3301, codes.SERVER: -9998}
_REFUSED_TEXT: Final = {codes.ACCEPTED: 0, codes.OPTED_OUT: -6001, codes.BLOCKED_NUMBER: -6001, codes.SERVER: -9998}


class NhnError(Exception):
    """Refuses a request: HTTP 200 with a header that says so."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def envelope(code: int = 0, words: str = "SUCCESS", /, **inner: Any) -> Response:
    """An answer; HTTP is 200 whatever it says."""
    header = {"resultCode": code, "resultMessage": words, "isSuccessful": code == 0}
    return Response(200, orjson.dumps({"header": header, **inner}))


def handed(group: Group, batch: Batch) -> Response:
    """The answer to a request: a row a recipient, in order. Nobody taken: -1031 and no requestId."""
    is_text = group.service in TEXTS
    table, other = (_REFUSED_TEXT, -2019) if is_text else (_REFUSED_KAKAO, -5000)
    rows = []
    for i, code in enumerate(batch.registered.tolist()):
        told = table.get(code, other)
        row = {"recipientSeq": i + 1, "recipientNo": batch.number(i), "resultCode": told,
               "resultMessage": "SUCCESS" if not told else batch.reasons.get(i, codes.sentence(code))}  # fmt: skip
        if group.service != BRAND:
            row["recipientGroupingKey"] = recipient_key(batch, i)
        rows.append(row)
    taken = bool((batch.registered == codes.ACCEPTED).any())
    said: dict[str, Any] = {"requestId": group.group_id} if taken else {}
    if group.service != BRAND:
        said["senderGroupingKey"] = group.grouping_key or None
    code, words = (0, "SUCCESS") if taken else (-1031, "수신자가 모두 거절되었습니다.")
    if is_text:
        data = {**said, "statusCode": "2" if taken else "3", "sendResultList": rows}
        return envelope(code, words, body={"data": data})
    return envelope(code, words, message={**said, "sendResults": rows})


def recipient_key(batch: Batch, i: int) -> str | None:
    """The recipientGroupingKey as it came."""
    fields = batch.custom_fields(i)
    return fields.get("id") if type(fields) is dict else None


def rows(group: Group) -> list[dict[str, Any]]:
    """A row for each message that was taken; who was refused at once has none."""
    return [
        _row(group, batch, i, code)
        for batch in group.batches
        for i, (taken, code) in enumerate(zip(batch.registered.tolist(), batch.codes_now(group.is_sent).tolist(), strict=True))
        if taken == codes.ACCEPTED
    ]  # fmt: skip


def _row(group: Group, batch: Batch, i: int, code: int) -> dict[str, Any]:
    at = group.sent_at.astimezone(SEOUL) if group.sent_at else None
    is_open, is_done = code in (codes.ACCEPTED, codes.WAITING), code == codes.DELIVERED
    stamp = f"{at:%Y-%m-%d %H:%M:%S}" if at else None
    common = {
        "requestId": group.group_id, "recipientSeq": i + 1, "recipientNo": batch.number(i), "requestDate": stamp,
        "createDate": stamp, "senderGroupingKey": group.grouping_key or None, "recipientGroupingKey": recipient_key(batch, i),
    }  # fmt: skip
    if group.service in TEXTS:
        status = "2" if is_open else "3" if is_done else "0"
        return common | {
            "msgStatus": status, "resultCode": None if is_open else "1000" if is_done else "2000", "countryCode": "82",
            "sendNo": batch.sender(i), "resultDate": None if is_open else stamp, "messageType": group.service.upper(),
        }  # fmt: skip
    replaced = bool(batch.replaced[i])
    row = common | {
        "senderKey": batch.channel(i), "receiveDate": stamp if is_done else None,
        "messageStatus": None if is_open else "COMPLETED" if is_done and not replaced else "FAILED",
        "resultCode": None if is_open else "3019" if replaced else codes.KAKAO_RESULTS.get(code, "9999"),
        "resendStatus": "RSC04" if replaced else "RSC01", "createUser": None,
    }  # fmt: skip
    if group.service == BRAND:
        row |= {"targeting": "I", "pushAlarm": True, "isAddedChannel": _is_added(code)}
    return row


def _is_added(code: int) -> bool | None:
    return True if code == codes.DELIVERED else False if code == codes.NOT_A_FRIEND else None


def hooks(group: Group, batch: Batch, picks: list[int]) -> list[dict[str, Any]]:
    """Webhook items of messages whose results became known (§4.2.4)."""
    now = batch.codes_now(True)
    kind = {ALIM: "ALIMTALK_NORMAL", BRAND: "BRAND_MESSAGE_NORMAL"}
    names = ("requestId", "recipientSeq", "requestDate", "recipientNo", "resultCode", "senderGroupingKey", "recipientGroupingKey",
             "messageStatus", "msgStatus", "isAddedChannel", "createDate", "receiveDate")  # fmt: skip
    told = []
    for i in picks:
        row = _row(group, batch, i, int(now[i]))
        hook = {"hookId": f"{group.group_id}-{i + 1}", **{name: row[name] for name in names if name in row}}
        told.append(
            hook | ({"kakaoMessageType": kind[group.service]} if group.service in kind else {"senderType": "SMS"})
        )
    return told
