"""Reading Aligo's answers: HTTP is 200 for refusals, and each service has a field and numbers of its own (kakao.md §4.3)."""

from typing import Any
from urllib.parse import urlsplit

from majung.channels.adapters.aligo import assumed, codes
from majung.channels.adapters.base import DealerRefused, NoBalance, Page
from majung.channels.adapters.reading import digits_of, inside, integer, no_answer, rows_of, text_of, told_in, whole
from majung.channels.adapters.terms import Reply
from majung.core.errors import Outside


def kakao(reply: Reply) -> dict[str, Any]:
    """The whole answer of the Kakao service, whose ``code`` is 0. Raises what any other code means."""
    told = told_in(reply)
    code = integer(told.get("code"))
    if code == 0:
        return told
    raise _refusal(reply, told, code, assumed.KAKAO_NO_MONEY, assumed.KAKAO_KEYS)


def text(reply: Reply) -> dict[str, Any]:
    """The whole answer of the text service, whose ``result_code`` is 1. Raises what any other code means."""
    told = told_in(reply, assumed.TEXT_ENCODING)
    code = integer(told.get("result_code"))
    if code == 1:
        return told
    raise _refusal(reply, told, code, assumed.TEXT_NO_MONEY, assumed.TEXT_KEYS)


def _refusal(
    reply: Reply, told: dict[str, Any], code: int | None, no_money: frozenset[int], keys: frozenset[int]
) -> Outside:
    words = text_of(told, "message")[:300]
    if code is None:
        return no_answer(reply, "code")
    if code >= 0 or text_of(told, "msg_id") or text_of(inside(told, "info"), "mid"):
        return Outside(f"{code}: {words}", retryable=True, after_seconds=1.0, raw=reply.body[:2000])
    if code in no_money:
        return NoBalance(str(code), words, pause="NO_BALANCE", raw=reply.body)
    return DealerRefused(str(code), words, pause="ACCOUNT_KEY" if code in keys else "DEALER_REFUSES", raw=reply.body)


def handed(reply: Reply, *, is_text: bool) -> tuple[str, int, int]:
    """What became of a request: Aligo's number of it ("" if it says none), how many were taken and how many were not."""
    if is_text:
        told = text(reply)
        ref, taken, refused = text_of(told, "msg_id"), told.get("success_cnt"), told.get("error_cnt")
    else:
        told = inside(kakao(reply), "info")
        ref, taken, refused = text_of(told, "mid"), told.get("scnt"), told.get("fcnt")
    return ref if len(ref) <= 64 else "", whole(taken), whole(refused)


def results(reply: Reply, *, is_text: bool) -> Page:
    """A page of results; rows say whom they are about by number only."""
    told = text(reply) if is_text else kakao(reply)
    if not isinstance(told.get("list"), list):
        raise no_answer(reply, "list")
    rows = rows_of(told, "list")
    if is_text:
        found = [codes.text(text_of(row, "sms_state")) for row in rows]
        asked = whole(urlsplit(reply.asked).fragment)
        next_key = str(asked + 1) if asked and text_of(told, "next_yn") == "Y" else ""
    else:
        found = [codes.kakao(text_of(row, "rslt"), has_date=_has_date(row)) for row in rows]
        page, last = whole(told.get("currentPage")), whole(told.get("totalPage"))
        next_key = str(page + 1) if 0 < page < last else ""
    numbers = [digits_of(row, "receiver" if is_text else "phone") for row in rows]
    return Page(ids=[""] * len(rows), codes=found, next_key=next_key, numbers=numbers)


def _has_date(row: dict[str, Any]) -> bool:
    """Whether the row says when its result came; a date of zeros is none."""
    return any(digits_of(row, name).strip("0") for name in ("rsltdate", "reportdate"))
