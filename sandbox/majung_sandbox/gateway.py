"""The message calls of the gateway: the group flow, send-many/detail and the list (kakao.md §4.1)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from majung_sandbox import codes, wire
from majung_sandbox.clock import Clock, iso, parse_iso
from majung_sandbox.dispatch import Dispatch
from majung_sandbox.errors import GatewayError, invalid, not_found
from majung_sandbox.faults import Faults
from majung_sandbox.http import Response
from majung_sandbox.intake import Intake, parse_object
from majung_sandbox.routing import Call, Router, limit_of
from majung_sandbox.store import Batch, Group, Store

_AGENT = ("sdkVersion", "osPlatform", "appId")


def reply(value: Any, status: int = 200) -> Response:
    """A JSON answer; bytes are taken as ready-made JSON."""
    return Response(status, value if isinstance(value, bytes) else orjson.dumps(value))


class Gateway:
    """Handlers of `/messages/v4`."""

    def __init__(self, clock: Clock, store: Store, intake: Intake, dispatch: Dispatch, faults: Faults) -> None:
        self._clock = clock
        self._store = store
        self._intake = intake
        self._dispatch = dispatch
        self._faults = faults

    def register(self, router: Router) -> None:
        """Add the routes."""
        base = "/messages/v4"
        router.add("POST", f"{base}/groups", "groups.create", self.create)
        router.add("GET", f"{base}/groups", "groups.list", self.list_groups)
        router.add("GET", f"{base}/groups/{{group}}", "groups.get", self.get)
        router.add("DELETE", f"{base}/groups/{{group}}", "groups.delete", self.delete)
        router.add("PUT", f"{base}/groups/{{group}}/messages", "groups.put", self.put)
        router.add("GET", f"{base}/groups/{{group}}/messages", "groups.messages", self.messages)
        router.add("DELETE", f"{base}/groups/{{group}}/messages", "groups.take_out", self.take_out)
        router.add("POST", f"{base}/groups/{{group}}/send", "groups.send", self.send)
        router.add("POST", f"{base}/groups/{{group}}/schedule", "groups.schedule", self.schedule)
        router.add("DELETE", f"{base}/groups/{{group}}/schedule", "groups.unschedule", self.unschedule)
        router.add("POST", f"{base}/send-many/detail", "send_many", self.send_many)
        router.add("POST", f"{base}/send", "send_one", self.send_one)
        router.add("GET", f"{base}/list", "messages.list", self.list_messages)

    # groups
    def create(self, call: Call) -> Response:
        """An empty basket."""
        wanted = parse_object(call.request.body) if call.request.body else {}
        return reply(wire.group_info(self._new_group(call, wanted)))

    def _new_group(self, call: Call, wanted: dict[str, Any]) -> Group:
        custom, many = wanted.get("customFields"), wanted.get("allowDuplicates", False)
        if type(many) is not bool:
            raise invalid("allowDuplicates는 true나 false여야 합니다.")
        if custom is not None and not (
            type(custom) is dict and all(type(v) is str and len(v) <= 100 and len(k) <= 30 for k, v in custom.items())
        ):
            raise invalid("customFields는 이름 30자, 값 100자까지의 글이어야 합니다.")
        agent = wanted.get("agent")
        source = agent if type(agent) is dict else wanted
        kept = {name: str(source[name])[:100] for name in _AGENT if source.get(name) is not None}
        return self._store.new_group(call.account, allow_duplicates=many, custom_fields=custom, agent=kept)

    def _group(self, call: Call, reading: bool = False) -> Group:
        group = self._store.groups.get(call.params["group"])
        if group is None or group.account is not call.account or (reading and self._is_hidden(group)):
            raise not_found("그룹을 찾을 수 없습니다.")
        if group.status == "DELETED" and not reading:
            raise GatewayError(400, "DeletedGroup", "지운 그룹입니다.")
        return group

    def _is_hidden(self, group: Group) -> bool:
        return group.group_id in self._faults.hidden

    def put(self, call: Call) -> Response:
        """Put up to 10,000 messages into an open basket."""
        group = self._group(call)
        if group.status != "PENDING":
            raise GatewayError(400, "InvalidStatus", f"{group.status} 상태의 그룹에는 담을 수 없습니다.")
        request = call.request
        batch = self._intake.take_body(group, request.body, request.arrived, self._faults.settings.refuse_all)
        return reply(wire.registration(group, batch))

    def send(self, call: Call) -> Response:
        """Send a PENDING group."""
        group = self._group(call)
        self._dispatch.send(group)
        return reply(wire.group_info(group))

    def schedule(self, call: Call) -> Response:
        """Send at `scheduledDate`, up to six months ahead."""
        group = self._group(call)
        self._dispatch.schedule(group, self._date(parse_object(call.request.body).get("scheduledDate")))
        return reply(wire.group_info(group))

    def _date(self, text: Any) -> datetime:
        at = parse_iso(text) if type(text) is str else None
        if at is None:
            raise invalid("scheduledDate는 ISO 8601 시각이어야 합니다.")
        if (at - self._clock.now()).days > 183:
            raise invalid("예약은 6개월 앞까지 됩니다.")
        return at

    def unschedule(self, call: Call) -> Response:
        """Cancel a schedule."""
        group = self._group(call)
        self._dispatch.cancel(group)
        return reply(wire.group_info(group))

    def get(self, call: Call) -> Response:
        """State and counts."""
        return reply(wire.group_info(self._group(call, reading=True)))

    def delete(self, call: Call) -> Response:
        """Throw an open basket away."""
        group = self._group(call)
        if group.status not in ("PENDING", "FAILED"):
            raise GatewayError(400, "InvalidStatus", f"{group.status} 상태의 그룹은 지울 수 없습니다.")
        group.status, group.updated_at = "DELETED", self._clock.now()
        return reply(wire.group_info(group))

    def take_out(self, call: Call) -> Response:
        """Take messages out of an open basket."""
        group = self._group(call)
        if group.status != "PENDING":
            raise GatewayError(400, "InvalidStatus", f"{group.status} 상태의 그룹에서는 뺄 수 없습니다.")
        wanted = parse_object(call.request.body).get("messageIds")
        if type(wanted) is not list or not all(type(x) is str for x in wanted):
            raise invalid("messageIds는 글의 목록이어야 합니다.")
        results, errors = [], 0
        for message_id in wanted:
            place = self._store.find(message_id)
            fits = place is not None and place[0] is group and place[1].registered[place[2]] != 0
            if place is not None and fits:
                _, batch, i = place
                if batch.registered[i] == codes.ACCEPTED:
                    group.seen_numbers.discard(batch.number(i))
                batch.registered[i] = 0
            errors += not fits
            results.append({"messageId": message_id, "resultCode": "Success" if fits else "ResourceNotFound"})
        return reply({"groupId": group.group_id, "errorCount": errors, "resultList": results})

    def list_groups(self, call: Call) -> Response:
        """Newest first. `criteria` is groupId, status, dateCreated or scheduledDate; `nextKey` starts the next page."""
        query = call.request.query()
        limit = limit_of(query)
        groups = [
            g for g in reversed(self._store.groups.values())
            if g.account is call.account and not self._is_hidden(g) and _fits(g, query)
        ]  # fmt: skip
        start = 0
        if key := query.get("startKey"):
            start = next((i for i, g in enumerate(groups) if g.group_id == key), len(groups))
        shown, following = groups[start : start + limit], groups[start + limit : start + limit + 1]
        return reply({
            "startKey": query.get("startKey"), "nextKey": following[0].group_id if following else None, "limit": limit,
            "groupList": {g.group_id: wire.group_info(g) for g in shown},
        })  # fmt: skip

    def messages(self, call: Call) -> Response:
        """A page of a group's messages, without their bodies; `nextKey` is the first id of the next page."""
        group = self._group(call, reading=True)
        query = call.request.query()
        limit, start, key = limit_of(query), 0, query.get("startKey") or ""
        if key:
            place = self._store.find(key)
            if place is None or place[0] is not group:
                raise invalid("startKey가 이 그룹의 메시지가 아닙니다.")
            before = group.batches[: next(n for n, batch in enumerate(group.batches) if batch is place[1])]
            start = place[2] + sum(len(batch) for batch in before)
        members, _ = wire.page(group, start, limit)
        following = _message_id_at(group, start + limit)
        keys = orjson.dumps({"startKey": key or None, "nextKey": following, "limit": limit})
        return reply(b'%b,"messageList":{%b}}' % (keys[:-1], members))

    # one call for all
    def send_many(self, call: Call) -> Response:
        """Make a group, fill it and send it. Nothing stays when the balance does not suffice."""
        parsed = parse_object(call.request.body)
        at = None if parsed.get("scheduledDate") is None else self._date(parsed["scheduledDate"])
        messages = self._intake.spread(parsed, len(call.request.body))
        group = self._new_group(call, parsed)
        request = call.request
        batch = self._intake.take(group, messages, request.body, request.arrived, self._faults.settings.refuse_all)
        try:
            if at is not None and (batch.registered == codes.ACCEPTED).any():
                self._dispatch.schedule(group, at)
            else:
                self._dispatch.send_at_once(group)
        except GatewayError:
            group.status = "FAILED"
            raise
        return reply(wire.sent_at_once(group, batch, with_list=parsed.get("showMessageList") is True))

    def send_one(self, call: Call) -> Response:
        """One message, in a group of its own that is sent at once; a refusal at registration is told by its code under a 200."""
        parsed = parse_object(call.request.body)
        message = parsed.get("message")
        if type(message) is not dict or type(message.get("to")) is list:
            raise invalid("message는 한 사람에게 보내는 메시지 객체여야 합니다.")
        messages = self._intake.spread({"messages": [message]}, len(call.request.body))
        group = self._new_group(call, parsed)
        raw = self._intake.raw_of(messages)
        batch = self._intake.take(group, messages, raw, call.request.arrived, self._faults.settings.refuse_all)
        try:
            self._dispatch.send_at_once(group)
        except GatewayError:
            group.status = "FAILED"
            raise
        return reply(wire.sent_one(group, batch))

    def list_messages(self, call: Call) -> Response:
        """Messages of the account by filter, newest first, with their bodies as long as those are kept."""
        query = call.request.query()
        limit = limit_of(query)
        found = self._filtered(call, query)
        key, following = query.get("startKey") or "", None
        shown: list[tuple[Group, Batch, int]] = []
        begin = self._store.find(key)
        reached = not key
        for group, batch, i in found:
            reached = reached or (begin is not None and batch is begin[1] and i == begin[2])
            if not reached:
                continue
            if len(shown) == limit:
                following = batch.message_id(i)
                break
            shown.append((group, batch, i))
        members = []
        for _, together in groupby(
            shown, key=lambda place: id(place[1])
        ):  # a request's body is read once for all of them
            places = list(together)
            for message_id, fields in wire.objects(*places[0][:2], [i for _, _, i in places]):
                members.append(b'"%b":%b' % (message_id.encode(), _dump_bounded(fields)))
        keys = orjson.dumps({"startKey": key or None, "nextKey": following, "limit": limit})
        return reply(b'%b,"messageList":{%b}}' % (keys[:-1], b",".join(members)))

    def _filtered(self, call: Call, query: dict[str, str]) -> Iterator[tuple[Group, Batch, int]]:
        wanted = call.request.query_list("messageIds") or ([query["messageId"]] if query.get("messageId") else [])
        since, until = (_query_date(query, name) for name in ("startDate", "endDate"))
        to = _plain_number(query["to"]) if query.get("to") else 0
        if wanted:
            ids = [part for text in wanted for part in text.split(",")]
            places = [place for place in map(self._store.find, ids) if place is not None]
            candidates: Iterator[tuple[Group, Batch, Sequence[int]]] = ((g, b, [i]) for g, b, i in places)
        else:
            only = self._store.groups.get(query["groupId"]) if query.get("groupId") else None
            stored = self._store.places() if only is None else [(only, b) for b in only.batches]
            candidates = ((g, b, range(len(b) - 1, -1, -1)) for g, b in reversed(stored))
        for group, batch, indexes in candidates:
            if group.account is not call.account or self._is_hidden(group) or group.status == "DELETED":
                continue
            at = group.updated_at if query.get("dateType") == "UPDATED" else batch.made_at
            if (
                query.get("groupId", group.group_id) != group.group_id
                or (since and at < since)
                or (until and at > until)
                or (to and len(batch) == 1 and batch.numbers[0] != to)  # one by one there are very many
            ):
                continue
            found = np.asarray(indexes)
            yield from ((group, batch, i) for i in found[_mask(group, batch, query)[found]].tolist())


def _mask(group: Group, batch: Batch, query: dict[str, str]) -> NDArray[np.bool_]:
    now = batch.codes_now(group.is_sent)
    mask: NDArray[np.bool_] = now != 0
    if code := query.get("statusCode"):
        mask &= now == (int(code) if code.isdecimal() and len(code) < 6 else -1)
    if to := query.get("to"):
        mask &= batch.numbers == _plain_number(to)
    if sender := query.get("from"):
        mask &= batch.sender_of == (batch.senders.index(sender) if sender in batch.senders else -2)
    if kind := query.get("type"):
        mask &= batch.kinds == codes.KIND_NUMBER.get(kind, 255)
    return mask


def _plain_number(text: str) -> int:
    """A number as batches have it; -1 for what is none."""
    plain = text.replace("-", "")
    return int("1" + plain) if plain.isdecimal() and plain.isascii() and len(plain) < 16 else -1


def _query_date(query: dict[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    at = parse_iso(text.replace(" ", "+"))
    if at is None:
        raise invalid(f"{name}는 ISO 8601 시각이어야 합니다.")
    return at


def _message_id_at(group: Group, position: int) -> str | None:
    for batch in group.batches:
        if position < len(batch):
            return batch.message_id(position)
        position -= len(batch)
    return None


def _dump_bounded(fields: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(fields)
    except orjson.JSONEncodeError:  # options nested deeper than can be printed: left out
        return orjson.dumps(fields | {"kakaoOptions": None, "text": None, "subject": None, "imageId": None})


def _fits(group: Group, query: dict[str, str]) -> bool:
    since, until = (_query_date(query, name) for name in ("startDate", "endDate"))
    if (since and group.made_at < since) or (until and group.made_at > until):
        return False
    columns = [query.get(name, "").split(",") for name in ("criteria", "cond", "value")]
    if columns[0] == [""]:
        return True
    if len({len(column) for column in columns}) != 1:
        raise invalid("criteria, cond, value의 수가 같아야 합니다.")
    return all(_fits_one(group, *terms) for terms in zip(*columns, strict=True))


def _fits_one(group: Group, criterion: str, condition: str, value: str) -> bool:
    times = {"dateCreated": group.made_at, "scheduledDate": group.scheduled_at}
    if criterion in times:
        at, wanted = times[criterion], _query_date({"value": value}, "value")
        left, right = iso(at) if at else "", iso(wanted) if wanted else ""
    elif criterion in ("groupId", "status"):
        left, right = (group.group_id if criterion == "groupId" else group.status), value
    else:
        raise invalid("criteria는 groupId, status, dateCreated, scheduledDate 가운데 하나입니다.")
    compare = {"eq": left == right, "ne": left != right, "gt": left > right, "gte": left >= right, "lt": left < right,
               "lte": left <= right, "like": right in left}  # fmt: skip
    if condition not in compare:
        raise invalid("cond는 eq, ne, gt, gte, lt, lte, like 가운데 하나입니다.")
    return compare[condition]
