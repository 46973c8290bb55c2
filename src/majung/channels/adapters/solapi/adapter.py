"""The Solapi adapter: signatures, the group flow, answers and errors (kakao.md §4.1). Pure: bytes in, bytes out."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import quote, urlencode

import numpy as np

from majung.channels.adapters.base import Basket, Group, GroupState, NoBalance, Page, Report, Reported, our_ids
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.solapi import answers, body, codes
from majung.channels.adapters.solapi.account import SolapiAccountCalls
from majung.channels.adapters.solapi.answers import JSON, check, object_of, whole
from majung.channels.adapters.terms import Batch, Kind, KindFacts, Printer, Reply, Wire
from majung.core.errors import Outside

_STATES = {
    "PENDING": GroupState.OPEN, "SCHEDULED": GroupState.SENT, "SENDING": GroupState.SENT, "COMPLETE": GroupState.DONE,
    "FAILED": GroupState.DEAD, "DELETED": GroupState.DEAD,
}  # fmt: skip


class Solapi(SolapiAccountCalls, Basket):
    """Solapi v4."""

    code = "solapi"
    name = "솔라피"
    live_url = "https://api.solapi.com"
    people_per_request = 10_000
    page_size = 1_000  # the largest page is not documented in our sources (kakao.md §4.1)
    secrets = frozenset({"Authorization", "to", "from", "apiKey", "signature"})
    proves_reports_by_group = True  # reports are unsigned, but a groupId ends in random characters (kakao.md §4.1)
    kinds: ClassVar[Mapping[Kind, KindFacts]] = MappingProxyType(
        {
            Kind.ALIM: KindFacts(
                medium="KAKAO_ALIM", characters=1300, buttons=5, button_name=14, link=500, needs_template=True,
                needs_profile=True, sender=Printer.MESSENGER,
            ),
            # KakaoTalk prints the label, the channel's name and the opt-out around the bubble (kakao.md §3.3).
            Kind.BRAND: KindFacts(
                medium="KAKAO_AD", characters=1300, line_breaks=99, buttons=5, button_name=14, link=1000,
                takes_image=True, needs_profile=True, friends_only=True, label=Printer.MESSENGER,
                sender=Printer.MESSENGER, opt_out=Printer.MESSENGER,
            ),
            Kind.SMS: KindFacts(
                medium="SMS", bytes=90, needs_sender=True, label=Printer.TEXT, sender=Printer.TEXT,
                opt_out=Printer.TEXT,
            ),
            Kind.LMS: KindFacts(
                medium="SMS", bytes=2000, subject_bytes=40, needs_sender=True, label=Printer.TEXT, sender=Printer.TEXT,
                opt_out=Printer.TEXT,
            ),
        }
    )  # fmt: skip

    def sign(self, wire: Wire, now: datetime, salt: str, session: str = "") -> Wire:
        """The Authorization header: HMAC-SHA256 over date and salt, good once, for 15 minutes."""
        date = now.astimezone(UTC).isoformat(timespec="milliseconds")
        proof = signature(self.account.secret, date, salt)
        value = f"HMAC-SHA256 apiKey={self.account.key}, date={date}, salt={salt}, signature={proof}"
        return replace(wire, headers={**wire.headers, "Authorization": value})

    @classmethod
    def reported(cls, body: bytes) -> set[Reported]:
        """The groups of a report: items carry their fields themselves or under ``data`` (kakao.md §4.1)."""
        return cls.decode_report(body).about

    @classmethod
    def decode_report(cls, body: bytes) -> Report:
        """Items of messages have our id and a code; what has not is about a group."""
        items = answers.reported(body)
        messages = [item for item in items if item.our_id and item.statusCode]
        groups = {item.groupId for item in items if not (item.our_id and item.statusCode)}
        return Report(
            about={Reported(group) for group in groups if group}, of=[item.groupId for item in messages],
            ids=[item.our_id for item in messages], outcomes=bytes(map(codes.outcome, _codes(messages))),
        )  # fmt: skip

    def _wire(self, method: str, path: str, content: bytes = b"") -> Wire:
        return Wire(method, self.url(path), JSON if content else {}, content)

    # The group flow
    def create_group_request(self) -> Wire:
        """Opens a group that takes each number once, so that putting a batch in twice cannot double it (1026)."""
        return self._wire("POST", "/messages/v4/groups", b'{"allowDuplicates":false}')

    def decode_created(self, reply: Reply) -> str:
        """The groupId."""
        found = object_of(reply).get("groupId")
        if not isinstance(found, str) or not 0 < len(found) <= 64:
            raise Outside("no groupId in the answer", retryable=True, raw=reply.body[:2000])
        return found

    def encode(self, batch: Batch) -> bytes:
        """See ``body``."""
        return body.encode(batch)

    def add_messages_request(self, group: str, body: bytes) -> Wire:
        """At most 10,000 messages and 15 MB a call."""
        return self._wire("PUT", f"/messages/v4/groups/{quote(group, safe='')}/messages", body)

    def decode_added(self, reply: Reply, batch: Batch) -> bytes:
        """As the base class; a person the answer does not name is IN_DOUBT."""
        count = len(batch.recipients)
        check(reply)
        # An unescaped quote cannot stand inside a JSON text, so the bytes below can only be members of the list.
        if _says_no_errors(reply.body) and reply.body.count(b'"statusCode":"2000"') == count:
            return bytes((Outcome.ACCEPTED,)) * count
        items = answers.added(reply)
        ids, seqs = our_ids(answers.our_ids_of(items)), np.asarray(batch.positions)
        told = np.frombuffer(bytes(map(codes.outcome, _codes(items))), np.uint8)
        at = np.minimum(np.searchsorted(seqs, ids[:, 2]), count - 1)
        ours = (ids[:, 0] == batch.campaign) & (ids[:, 1] == batch.chunk) & (seqs[at] == ids[:, 2])
        outcomes = np.full(count, Outcome.IN_DOUBT, np.uint8)
        outcomes[at[ours]] = told[ours]
        if (outcomes == Outcome.NO_BALANCE).any():
            raise NoBalance("1030", "no balance at registration", pause="NO_BALANCE", raw=reply.body)
        return outcomes.tobytes()

    def send_request(self, group: str) -> Wire:
        """Legal only from PENDING."""
        return self._wire("POST", f"/messages/v4/groups/{quote(group, safe='')}/send", b"{}")

    def decode_sent(self, reply: Reply) -> Group:
        """The group, as ``decode_group``."""
        return self.decode_group(reply)

    def group_request(self, group: str) -> Wire:
        """State and counts."""
        return self._wire("GET", f"/messages/v4/groups/{quote(group, safe='')}")

    def decode_group(self, reply: Reply) -> Group:
        """As the base class."""
        told = object_of(reply)
        counts = told.get("count")
        state = _STATES.get(str(told.get("status")))
        if not isinstance(counts, dict) or state is None:
            raise Outside("no group in the answer", retryable=True, raw=reply.body[:2000])
        return Group(
            ref=str(told.get("groupId", "")), state=state, total=whole(counts.get("total")),
            accepted=whole(counts.get("registeredSuccess")), waiting=whole(counts.get("sentPending")),
            delivered=whole(counts.get("sentSuccess")), failed=whole(counts.get("sentFailed")),
        )  # fmt: skip

    def group_messages_request(self, group: str, start_key: str = "", limit: int = 0) -> Wire:
        """A page of messages."""
        asked = {"limit": str(limit or self.page_size)} | ({"startKey": start_key} if start_key else {})
        return self._wire("GET", f"/messages/v4/groups/{quote(group, safe='')}/messages?{urlencode(asked)}")

    def coded_messages_request(self, group: str, code: int, start_key: str = "") -> Wire:
        """A page of messages with one status code."""
        asked = {"groupId": group, "statusCode": str(code), "limit": str(self.page_size)}
        asked |= {"startKey": start_key} if start_key else {}
        return self._wire("GET", f"/messages/v4/list?{urlencode(asked)}")

    def decode_messages(self, reply: Reply) -> Page:
        """As the base class; a message without our id gets the id ""."""
        items, next_key = answers.listed(reply)
        return Page(ids=answers.our_ids_of(items), codes=_codes(items), next_key=next_key)

    def outcome(self, code: int) -> int:
        """See ``codes``."""
        return codes.outcome(code)

    def drop_group_request(self, group: str) -> Wire:
        """Legal only from PENDING and FAILED."""
        return self._wire("DELETE", f"/messages/v4/groups/{quote(group, safe='')}")


def signature(secret: str, date: str, salt: str) -> str:
    """Lower-case hex of HMAC-SHA256(secret, date + salt)."""
    return hmac.digest(secret.encode(), (date + salt).encode(), "sha256").hex()


def _says_no_errors(content: bytes) -> bool:
    head = content[:40]
    return b'"errorCount":"0"' in head or b'"errorCount":0,' in head


def _codes(items: Sequence[answers.Item | answers.ReportItem]) -> list[int]:
    """Status codes as numbers, 0 for what is none; there are few different ones."""
    told = [item.statusCode for item in items]
    number = {code: whole(code) for code in set(told)}
    return [number[code] for code in told]
