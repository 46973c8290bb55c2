"""Popbill as the wire has it: the rows of lists and webhooks (kakao.md §4.4)."""

from typing import Any

from majung_sandbox import codes
from majung_sandbox.clock import SEOUL
from majung_sandbox.store import Batch, Group

ALIM, BRAND, TEXT = "popbill.alim", "popbill.brand", "popbill.text"
KAKAO = (ALIM, BRAND)
SERVICES = (*KAKAO, TEXT)


def row(group: Group, batch: Batch, i: int, code: int) -> dict[str, Any]:
    """A message as lists and webhooks have it; who was refused at once stands there too, with a result."""
    is_refused = batch.registered[i] != codes.ACCEPTED
    is_open = not is_refused and code in (codes.ACCEPTED, codes.WAITING)
    is_done = not is_refused and code == codes.DELIVERED and not batch.replaced[i]
    at = f"{group.sent_at.astimezone(SEOUL):%Y%m%d%H%M%S}" if group.sent_at else ""
    fields = batch.custom_fields(i)
    return {
        "state": 1 if is_open else 3, "result": None if is_open else 100 if is_done else 900, "receiveNum": batch.number(i),
        "sendDT": at, "resultDT": None if is_open else at, "receiptNum": group.group_id, "requestNum": group.grouping_key,
        "interOPRefKey": fields.get("id") if type(fields) is dict else None,
    }  # fmt: skip
