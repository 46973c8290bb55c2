"""Turns the messages of one request into a batch: every message judged, counted and kept in arrays."""

import re
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from majung_sandbox import codes
from majung_sandbox.clock import Clock
from majung_sandbox.errors import GatewayError, invalid
from majung_sandbox.kinds import Unfit, check_brand, check_text, euc_kr_bytes, is_advertising
from majung_sandbox.plain import REGULAR_IDS, Plain, read_plain
from majung_sandbox.store import GROUP_LIMIT, Batch, Group, Store
from majung_sandbox.templates import Templates
from majung_sandbox.world import World

REQUEST_LIMIT = 10_000
BYTES_LIMIT = 15 * 1024 * 1024
OPTED_OUT_ENDING = 98
_BLOCKED = "수신 차단한 번호입니다."
_OPTED_OUT = "080으로 수신거부한 번호입니다."

_ONE_ID = re.compile(r"[1-9][0-9]{0,9}-(?:0|[1-9][0-9]{0,8})-(?:0|[1-9][0-9]{0,8})")
_BUBBLE: Final = {
    number: (None if name == "BMS_FREE" else name[4:])
    for number, name in enumerate(codes.KINDS) if name.startswith("BMS_")
}  # fmt: skip


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request, or a refusal that says what is wrong."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid(f"JSON을 읽을 수 없습니다: {str(error)[:120]}") from None
    if type(parsed) is not dict:
        raise invalid("JSON 객체가 필요합니다.")
    return parsed


class Intake:
    """Registration of messages. `watched` are the numbers whose whole messages are kept for the phones page."""

    def __init__(self, clock: Clock, world: World, templates: Templates, store: Store, files: dict[str, Any]) -> None:
        self._clock = clock
        self._world = world
        self._templates = templates
        self._store = store
        self._files = files
        self.watched: set[str] = set()

    @staticmethod
    def raw_of(messages: list[dict[str, Any]]) -> bytes:
        """What is kept of a request that came in another gateway's form."""
        return orjson.dumps({"messages": messages})

    def messages_of(self, body: bytes) -> list[dict[str, Any]]:
        """The messages of a request body."""
        return self.spread(parse_object(body), len(body))

    def spread(self, parsed: dict[str, Any], size: int) -> list[dict[str, Any]]:
        """The messages of a request, a list in `to` spread out; refuses what is no list of 1–10,000 objects."""
        if size > BYTES_LIMIT:
            raise GatewayError(413, "RequestEntityTooLarge", "요청은 15 MB까지입니다.")
        messages = parsed.get("messages")
        if type(messages) is not list or not messages:
            raise invalid("messages는 하나 이상의 메시지를 담은 목록이어야 합니다.")
        if set(map(type, messages)) != {dict}:
            raise invalid("messages의 항목은 객체여야 합니다.")
        if list in {type(m.get("to")) for m in messages}:
            messages = [
                {**m, "to": to} for m in messages for to in (m["to"] if type(m.get("to")) is list else [m.get("to")])
            ]
        if not 0 < len(messages) <= REQUEST_LIMIT:
            raise invalid(f"한 번에 1–{REQUEST_LIMIT:,}건을 보낼 수 있습니다. {len(messages):,}건이 왔습니다.")
        return messages

    def take_body(self, group: Group, body: bytes, arrived: float, broken: bool) -> Batch:
        """Register the messages of a request body; `broken` refuses each one (a fault)."""
        plain = read_plain(body, self._files) if not broken and len(body) <= BYTES_LIMIT else None
        if plain is not None and len(plain.tos) <= REQUEST_LIMIT:
            self._check_room(group, len(plain.tos))
            batch = self._take_plain(group, body, plain, arrived)
            if batch is not None:
                return self._keep(group, batch, body)
        return self.take(group, self.messages_of(body), body, arrived, broken)

    def take(self, group: Group, messages: list[dict[str, Any]], raw: bytes, arrived: float, broken: bool) -> Batch:
        """Register parsed messages into the group and return them."""
        self._check_room(group, len(messages))
        return self._keep(group, self._take_each(group, messages, arrived, broken), raw)

    @staticmethod
    def _check_room(group: Group, count: int) -> None:
        if group.size() + count > GROUP_LIMIT:
            raise invalid(f"그룹에는 {GROUP_LIMIT:,}건까지 담을 수 있습니다.")

    def _keep(self, group: Group, batch: Batch, raw: bytes) -> Batch:
        batch.raw = raw
        self._store.add(group, batch)
        return batch

    def _batch(self, arrived: float, **columns: Any) -> Batch:
        stamp, now = self._store.stamp("M").encode(), self._clock.now()
        count = len(columns["numbers"])
        first, no = self._store.take_counters(count), np.zeros(count, np.bool_)
        return Batch(first=first, stamp=stamp, made_at=now, arrived=arrived, replaced=no, late=no, **columns)

    def _take_plain(self, group: Group, body: bytes, plain: Plain, arrived: float) -> Batch | None:
        """The short way; None if a repeated recipient or a foreign sender asks for the long one."""
        account, world, there, count = group.account, self._world, set(plain.tos), len(plain.tos)
        if plain.sender is not None and not account.may_send_from(plain.sender):
            return None
        if not group.allow_duplicates and (len(there) < count or not group.seen_numbers.isdisjoint(there)):
            return None
        registered = np.full(count, codes.ACCEPTED, np.uint16)
        reasons: dict[int, str] = {}
        doubtful = there & account.blocked.keys() | there & account.refused.keys() | there & world.opted_out.keys()
        suspects = {i for i, to in enumerate(plain.tos) if to in doubtful} if doubtful else set()
        suspects.update(np.nonzero(plain.numbers % 100 == OPTED_OUT_ENDING)[0].tolist())
        for i in sorted(suspects):
            to = plain.tos[i]
            if to in account.blocked:
                registered[i], reasons[i] = codes.BLOCKED_NUMBER, _BLOCKED
            elif to in account.refused or world.has_opted_out(to):
                account.refuse(to, plain.sender or "", self._clock.now())
                registered[i], reasons[i] = codes.OPTED_OUT, _OPTED_OUT
        if not group.allow_duplicates:
            group.seen_numbers |= there
            group.seen_numbers.difference_update([plain.tos[i] for i in reasons])
        looked_at = there & self.watched
        messages = orjson.loads(body)["messages"] if looked_at else []
        bodies = {i: messages[i] for i, to in enumerate(plain.tos) if to in looked_at} if looked_at else {}
        return self._batch(
            arrived, numbers=plain.numbers, kinds=np.full(count, codes.BMS_FREE, np.uint8), channels=plain.channels,
            channel_of=plain.channel_of, senders=[plain.sender] if plain.sender is not None else [],
            sender_of=np.full(count, 0 if plain.sender is not None else -1, np.int32), registered=registered,
            outcome=np.zeros(count, np.uint16), campaign=plain.campaign, chunk_seq=plain.chunk_seq,
            fallback=np.zeros(count, np.bool_), odd_numbers={}, custom={}, reasons=reasons,
            bodies={i: body for i, body in bodies.items() if i not in reasons},
        )  # fmt: skip

    def _take_each(self, group: Group, messages: list[dict[str, Any]], arrived: float, broken: bool) -> Batch:
        """The long way: each message by itself, every kind and every refusal."""
        account, world, seen = group.account, self._world, group.seen_numbers
        count = len(messages)
        registered, preset, kinds = [codes.ACCEPTED] * count, [0] * count, [codes.UNKNOWN] * count
        channels: dict[Any, int] = {"": -1}
        senders: dict[Any, int] = {"": -1}
        channel_of, sender_of, numbers, ids = [-1] * count, [-1] * count, ["0"] * count, [""] * count
        fallback: list[int] = []
        odd: dict[int, str] = {}
        custom: dict[int, Any] = {}
        bodies: dict[int, dict[str, Any]] = {}
        reasons: dict[int, str] = {}
        kind_number, watched, refused, blocked = codes.KIND_NUMBER, self.watched, account.refused, account.blocked
        for i, message in enumerate(messages):
            try:
                # Everything that can be said of the message is noted before the first refusal.
                fields = message.get("customFields")
                if type(fields) is dict and len(fields) == 1 and type(fields.get("id")) is str:
                    ids[i] = fields["id"]
                elif fields is not None:
                    custom[i] = fields if _is_text_map(fields) else None
                to: Any = message.get("to")
                if type(to) is str and to.isdecimal() and to.isascii() and 8 <= len(to) <= 15:
                    numbers[i] = "1" + to
                else:
                    odd[i] = to if type(to) is str else ""
                name = message.get("type")
                kind = kind_number.get(name) if type(name) is str else _detect(message) if name is None else None
                if kind is None or kind > codes.BMS_LAST:
                    raise Unfit(codes.TYPE, "이 종류의 메시지는 보낼 수 없습니다.")
                kinds[i] = kind
                sender = message.get("from")
                if sender is not None and type(sender) is not str:
                    raise Unfit(codes.FORMAT, "from은 숫자로 된 글이어야 합니다.")
                if sender:
                    at = senders.get(sender)
                    sender_of[i] = senders.setdefault(sender, len(senders) - 1) if at is None else at
                options: Any = message.get("kakaoOptions")
                if kind >= codes.ATA:
                    if type(options) is not dict:
                        raise Unfit(codes.OPTIONS, "kakaoOptions가 필요합니다.")
                    pf_id = options.get("pfId")
                    if type(pf_id) is not str or not pf_id:
                        raise Unfit(codes.OPTIONS, "kakaoOptions.pfId가 필요합니다.")
                    at = channels.get(pf_id)
                    channel_of[i] = channels.setdefault(pf_id, len(channels) - 1) if at is None else at
                if i in odd:
                    raise Unfit(codes.FORMAT if odd[i] else codes.MISSING, "to는 8–15자리 숫자여야 합니다.")
                if broken:
                    raise Unfit(codes.SERVER, "서버 오류로 접수하지 못했습니다.")
                if kind >= codes.ATA:
                    if kind == codes.ATA or "templateId" in options:
                        preset[i], _ = self._templates.check_message(account.key, message, options)
                    else:
                        check_brand(options.get("bms"), _BUBBLE[kind], self._files)
                    if options.get("disableSms") is not True:
                        if not sender:
                            raise Unfit(codes.SENDER, "대체 발송에는 발신번호가 필요합니다.")
                        fallback.append(i)
                else:
                    check_text(message, kind)
                    if not sender:
                        if not account.senders:
                            raise Unfit(codes.MISSING, "from이 없습니다.")
                        sender = account.senders[0]
                        sender_of[i] = senders.setdefault(sender, len(senders) - 1)
                if sender and not account.may_send_from(sender):
                    raise Unfit(codes.SENDER, "등록되지 않은 발신번호입니다.")
                if to in blocked:
                    raise Unfit(codes.BLOCKED_NUMBER, _BLOCKED)
                if (to in refused or world.has_opted_out(to)) and is_advertising(message, kind):
                    account.refuse(to, sender or "", self._clock.now())
                    raise Unfit(codes.OPTED_OUT, _OPTED_OUT)
                if (i in custom and custom[i] is None) or len(ids[i]) > 100:
                    raise Unfit(codes.CUSTOM_FIELDS, "customFields는 이름 30자, 값 100자까지의 글이어야 합니다.")
                if not group.allow_duplicates:
                    if to in seen:
                        raise Unfit(codes.DUPLICATE, "한 그룹 안에 같은 수신번호가 있습니다.")
                    seen.add(to)
                if to in watched:
                    bodies[i] = message
            except Unfit as unfit:
                registered[i] = unfit.code
                reasons[i] = unfit.reason
        campaign, chunk_seq = _split_ids(ids, messages, custom)
        del channels[""], senders[""]
        falls_back = np.zeros(count, np.bool_)
        falls_back[fallback] = True
        return self._batch(
            arrived, numbers=np.fromstring(" ".join(numbers), np.int64, sep=" "), kinds=np.array(kinds, np.uint8),
            channels=list(channels), channel_of=np.array(channel_of, np.int32), senders=list(senders),
            sender_of=np.array(sender_of, np.int32), registered=np.array(registered, np.uint16),
            outcome=np.array(preset, np.uint16), campaign=campaign, chunk_seq=chunk_seq, fallback=falls_back,
            odd_numbers=odd, custom=custom, bodies=bodies, reasons=reasons,
        )  # fmt: skip


def _detect(message: dict[str, Any]) -> int | None:
    """The kind of a message that names none."""
    options = message.get("kakaoOptions")
    if type(options) is dict and "pfId" in options:
        return codes.BMS_FREE if "bms" in options else codes.ATA
    if "imageId" in message:
        return codes.MMS
    text = message.get("text")
    return codes.SMS if type(text) is str and euc_kr_bytes(text) <= 90 and "subject" not in message else codes.LMS


def _is_text_map(fields: Any) -> bool:
    return type(fields) is dict and all(
        type(k) is str and type(v) is str and len(k) <= 30 and len(v) <= 100 for k, v in fields.items()
    )


def _split_ids(
    ids: list[str], messages: list[dict[str, Any]], custom: dict[int, Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Campaign, and chunk << 32 | seq, of ids like 12-3-456; what is irregular goes to `custom` and gets -1."""
    joined = " ".join(ids) + " "
    if REGULAR_IDS.fullmatch(joined):
        table = np.fromstring(joined.replace("-", " "), np.int64, sep=" ").reshape(-1, 3)
        return table[:, 0].copy(), table[:, 1] << 32 | table[:, 2]
    campaign, chunk_seq = np.full(len(ids), -1, np.int64), np.full(len(ids), -1, np.int64)
    for i, text in enumerate(ids):
        whole = custom[i].get("id") if type(custom.get(i)) is dict else text
        if type(whole) is str and _ONE_ID.fullmatch(whole):
            campaign[i], chunk, seq = (int(part) for part in whole.split("-"))
            chunk_seq[i] = chunk << 32 | seq
        elif i not in custom:
            custom[i] = {"id": text} if text else messages[i].get("customFields")
    return campaign, chunk_seq
