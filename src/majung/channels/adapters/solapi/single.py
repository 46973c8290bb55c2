"""Solapi, one message a request: ``POST /messages/v4/send`` (kakao.md §4.1). Pure: bytes in, bytes out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar, Final
from urllib.parse import urlencode

from majung.channels.adapters.base import Abilities, Finds, NoBalance, Page, Reported
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.single import Single
from majung.channels.adapters.solapi import answers, assumed, codes
from majung.channels.adapters.solapi.answers import JSON, whole
from majung.channels.adapters.solapi.body import encode_each
from majung.channels.adapters.solapi.common import SolapiTerms, date_of, signatures_of
from majung.channels.adapters.terms import Batch, Kind, Reply, Wire

_OUTCOMES: Final = {str(code): outcome for code, outcome in codes.OUTCOMES.items()}


class SolapiSingle(SolapiTerms, Single):
    """Solapi v4, for whoever must not use groups: each person by a request of their own."""

    code = "solapi_single"
    name = "솔라피 (한 사람씩)"
    in_flight = assumed.IN_FLIGHT
    pipelined = assumed.PIPELINED
    abilities: ClassVar[Mapping[Kind, Abilities]] = MappingProxyType(
        dict.fromkeys(
            SolapiTerms.kinds, Abilities(finds=Finds.SURELY, find_seconds=assumed.FIND_SECONDS, echoes_our_id=True)
        )
    )

    @classmethod
    def reported(cls, body: bytes) -> set[Reported]:
        """The groups of a report: Solapi makes one a message, of which we know nothing."""
        return {Reported(item.groupId) for item in answers.reported(body) if item.groupId}

    def encode(self, batch: Batch) -> bytes:
        """All bodies, one after the other: what is proved to have been sent."""
        return b"".join(self.encode_each(batch))

    def encode_each(self, batch: Batch) -> list[bytes]:
        """See ``body``."""
        return encode_each(batch)

    def send_request(self) -> Wire:
        """The call that sends one message."""
        return Wire("POST", self.url("/messages/v4/send"), JSON)

    def proofs(self, now: datetime, salts: Sequence[bytes]) -> list[bytes]:
        """As ``sign``."""
        date = date_of(now)
        before = f"Authorization: HMAC-SHA256 apiKey={self.account.key}, date={date}, salt=".encode()
        signatures = signatures_of(self.account.secret, date, salts)
        return [b"%b%b, signature=%b" % (before, *one) for one in zip(salts, signatures, strict=True)]

    def decode_one(self, status: int, body: bytes, number: bytes) -> int:
        """As the base class."""
        code = answers.one(status, body, number)
        found = _OUTCOMES.get(code)
        if found is None:
            found = codes.outcome(whole(code))
        if found == Outcome.NO_BALANCE:
            raise NoBalance(code, "no balance at registration", pause="NO_BALANCE", raw=body)
        return found

    def person_request(self, number: bytes, since: datetime, until: datetime, limit: int = 0) -> Wire:
        """The list, by number and time."""
        return self._list({"to": number.decode()}, since, until, "", limit)

    def results_request(self, since: datetime, until: datetime, page_key: str = "", limit: int = 0) -> Wire:
        """The list, by time."""
        return self._list({}, since, until, page_key, limit)

    def _list(self, asked: dict[str, str], since: datetime, until: datetime, key: str, limit: int) -> Wire:
        asked |= {"dateType": "CREATED", "startDate": date_of(since), "endDate": date_of(until)}
        asked |= {"limit": str(limit or self.page_size)} | ({"startKey": key} if key else {})
        return self._wire("GET", f"/messages/v4/list?{urlencode(asked)}")

    def decode_results(self, reply: Reply) -> Page:
        """As the base class; a message without our id gets the id ""."""
        items, next_key = answers.listed(reply)
        return Page(ids=answers.our_ids_of(items), codes=answers.codes_of(items), next_key=next_key)

    def probe_request(self) -> Wire:
        """The balance."""
        return self.balance_request()
