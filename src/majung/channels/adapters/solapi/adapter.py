"""The Solapi adapter: the group flow, its answers and errors (kakao.md §4.1). Pure: bytes in, bytes out."""

from urllib.parse import quote, urlencode

import numpy as np

from majung.channels.adapters.base import Basket, Group, GroupState, NoBalance, Page, Report, Reported, our_ids
from majung.channels.adapters.outcomes import Outcome
from majung.channels.adapters.solapi import answers, body, codes
from majung.channels.adapters.solapi.answers import check, object_of, whole
from majung.channels.adapters.solapi.common import SolapiTerms
from majung.channels.adapters.terms import Batch, Reply, Wire
from majung.core.errors import Outside

_STATES = {
    "PENDING": GroupState.OPEN, "SCHEDULED": GroupState.SENT, "SENDING": GroupState.SENT, "COMPLETE": GroupState.DONE,
    "FAILED": GroupState.DEAD, "DELETED": GroupState.DEAD,
}  # fmt: skip


class Solapi(SolapiTerms, Basket):
    """Solapi v4."""

    code = "solapi"
    name = "솔라피"
    people_per_request = 10_000
    proves_reports_by_group = True  # reports are unsigned, but a groupId ends in random characters (kakao.md §4.1)

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
            ids=[item.our_id for item in messages], outcomes=bytes(map(codes.outcome, answers.codes_of(messages))),
        )  # fmt: skip

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
        told = np.frombuffer(bytes(map(codes.outcome, answers.codes_of(items))), np.uint8)
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
        return Page(ids=answers.our_ids_of(items), codes=answers.codes_of(items), next_key=next_key)

    def drop_group_request(self, group: str) -> Wire:
        """Legal only from PENDING and FAILED."""
        return self._wire("DELETE", f"/messages/v4/groups/{quote(group, safe='')}")


def _says_no_errors(content: bytes) -> bool:
    head = content[:40]
    return b'"errorCount":"0"' in head or b'"errorCount":0,' in head
