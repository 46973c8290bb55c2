"""How often one address may send a form, and what is kept of the address: a keyed hash."""

from typing import Final

from django.http import HttpRequest

from majung.core import clock, db, sql
from majung.core.errors import Refusal
from majung.people import vault

# A household or a stall at a market sends some; a script sends thousands.
JOINS_PER_HOUR: Final = 30


class TooOften(Refusal):
    """One address sends more forms than people would."""

    code = "portal.too_often"
    sentence = "잠시 뒤에 다시 해 주세요. 이 주소에서 너무 많은 신청이 왔습니다. 적은 내용은 저장하지 않았습니다."


def address_hash(root_id: int, request: HttpRequest) -> bytes:
    """The address of the visitor as the count keeps it: it can be compared with an address, not read back."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    return vault.sealer().blind(root_id, "portal address", address)


def knock(root_id: int, request: HttpRequest) -> None:
    """One more form from this address. Raises TooOften."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    params = {"address": address_hash(root_id, request), "hour": hour}
    row = db.raw().execute(sql.load("majung.portal", "knocks", "knock"), params).fetchone()
    if row is not None and row[0] > JOINS_PER_HOUR:
        raise TooOften()
